"""What every peer's program does alike: reads its job, times its stages, stores what is judged afterwards.

A peer is started as PROGRAM RUN OUT EPOCHS. It reads RUN (a run directory with the group "probe") and
OUT/../round_trip.npy (ids of the samples that go to the plane and back) and writes, for each epoch,
OUT/EPOCH/positions.npy [N, 2] (NaN where it cannot place a sample) and OUT/EPOCH/round_trip.npy [ids, D];
then OUT/result.json."""
import importlib.metadata
import os
import pathlib
import sys
import warnings

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
warnings.filterwarnings("ignore")

import numpy as np
from comparison.child import StageClock, resident_mib, write_result
from comparison.recorded_run import RecordedRun


def version_of(package):
    return importlib.metadata.version(package)


def median_clock(clocks):
    out = StageClock()
    for stage in clocks[0].seconds:
        out.seconds[stage] = float(np.median([c.seconds[stage] for c in clocks]))
        out.cpu_seconds[stage] = float(np.median([c.cpu_seconds[stage] for c in clocks]))
    return out


class Job:
    def __init__(self, arguments):
        run, out, epochs = arguments[1:4]
        self.run, self.out = RecordedRun(run), pathlib.Path(out)
        self.epochs = [int(e) for e in epochs.split(",")]
        self.round_trip = np.load(self.out.parent / "round_trip.npy")
        self.others = np.setdiff1d(np.arange(self.run.count), self.run.train)
        self.libraries_mib = resident_mib()
        self.results = []

    def epoch_folder(self, epoch):
        folder = self.out / str(epoch)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def write(self, epoch, clock, positions=None, after=None, together=None, **details):
        for name, array in (("positions", positions), ("round_trip", after), ("together", together)):
            if array is not None:
                np.save(self.epoch_folder(epoch) / f"{name}.npy", np.asarray(array, np.float32))
        self.results.append(
            {"epoch": epoch, "seconds": clock.seconds, "cpu_seconds": clock.cpu_seconds, **details}
        )
        print(self.results[-1], flush=True)

    def finish(self, versions):
        write_result(
            self.out,
            {
                "epochs": self.results,
                "versions": versions,
                "libraries_mib": self.libraries_mib,
                "threads": len(os.sched_getaffinity(0)),
            },
        )
