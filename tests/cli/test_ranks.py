"""Several processes that fit one view together, as mpirun starts them (docs/how-to/cluster.md)."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import time
import unittest

import numpy as np
from sklearn.datasets import load_digits

from small_run import DVI, ProgramTest, epoch_folder, snapshot, write_run

FAILING_ALLOCATION = os.environ.get(
    "FAILING_ALLOCATION",
    os.path.join(os.path.dirname(os.path.realpath(DVI)), "tests", "libfailing_allocation.so"),
)
PLUGIN = os.path.join(os.path.dirname(os.path.realpath(DVI)), "libdvi_mpi.so")
# Shared memory is enough for ranks of one machine; where they find no network, Open MPI 5 says so. It knows no -q, with
# which Open MPI 4 keeps to itself that a rank has ended.
MPIRUN = ["mpirun", "--allow-run-as-root", "--oversubscribe", "--mca", "btl", "^tcp", "-n"]
if shutil.which("mpirun"):
    version = subprocess.run(["mpirun", "--version"], capture_output=True, text=True, check=True).stdout
    if "(Open MPI) 4" in version:
        MPIRUN.insert(1, "-q")


def write_digits(run):
    """scikit-learn's handwritten digits, with a linear head that learns them in two epochs."""
    digits = load_digits()
    classes = np.eye(10)[digits.target]
    write_run(run, samples=len(digits.data), features=64, classes=10, labels=digits.target)
    for epoch, ridge in ((1, 1e5), (2, 10)):
        features = (digits.data / 16 + epoch * classes @ np.eye(10, 64)).astype("<f4")
        head = np.linalg.solve(features.T @ features + ridge * np.eye(64), features.T @ classes).T
        np.save(f"{epoch_folder(run, epoch)}/features.npy", features)
        np.save(f"{epoch_folder(run, epoch)}/head_weight.npy", np.ascontiguousarray(head, "<f4"))
        np.save(f"{epoch_folder(run, epoch)}/head_bias.npy", np.zeros(10, "<f4"))


def seconds(run, epoch):
    with open(f"{run}/views/default/epochs/{epoch:06d}/view_epoch.json") as file:
        return json.load(file)["seconds"]


def arrays(run):
    """The arrays of a run's view; JSON files tell seconds too."""
    return {
        os.path.relpath(path, run): digest
        for path, digest in snapshot(f"{run}/views").items()
        if path.endswith(".npy")
    }


@unittest.skipUnless(
    shutil.which("mpirun") and os.path.exists(PLUGIN), "MPI is not installed (packages.txt: openmpi-bin)"
)
class Ranks(ProgramTest):
    def ranks(self, count, *arguments, **options):
        return self.start([*MPIRUN, str(count), DVI, "--threads", "1", *arguments], **options)

    def start(self, command, **options):
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            **options,
        )

    def fit(self, count, run, *arguments):
        process = self.ranks(count, "--quiet", "fit", run, *arguments)
        _, stderr = process.communicate(timeout=600)
        return process.returncode, stderr

    def copy(self, name):
        folder = f"{self.place.name}/{name}"
        shutil.copytree(self.run_folder, folder)
        return folder

    def test_any_number_of_ranks_fits_the_same_view(self):
        write_digits(self.run_folder)
        alone = self.copy("alone")
        self.assert_works("--quiet", "--threads", "1", "fit", alone)
        expected = arrays(alone)
        self.assertGreater(len(expected), 20)
        for count in (2, 3, 4):
            run = self.copy(f"by-{count}")
            self.assertEqual(self.fit(count, run), (0, ""))
            self.assertEqual(arrays(run), expected, f"{count} ranks")

    def test_epochs_prepared_ahead(self):
        """By a job of its own each, one of them of two ranks; the view is the same."""
        write_run(self.run_folder, samples=600, epochs=(1, 2, 3))
        alone = self.copy("alone")
        self.assert_works("--quiet", "--threads", "1", "fit", alone)
        self.assertEqual(self.fit(2, self.run_folder, "--prepare", "2"), (0, ""))
        self.assert_works("--quiet", "fit", self.run_folder, "--prepare", "3,1")
        prepared = f"{self.run_folder}/views/default/prepared"
        self.assertEqual(sorted(os.listdir(prepared)), ["000001", "000002", "000003"])
        self.assert_works("--quiet", "--threads", "1", "fit", self.run_folder)
        self.assertEqual(arrays(self.run_folder), arrays(alone))
        self.assertNotIn("neighbors", seconds(self.run_folder, 3))
        self.assertFalse(os.path.exists(prepared))

    def test_what_was_prepared_of_other_features_is_not_taken(self):
        write_run(self.run_folder, samples=600, epochs=(1,))
        self.assert_works("--quiet", "fit", self.run_folder, "--prepare", "1")
        features = f"{self.run_folder}/epochs/000001/features.npy"
        np.save(features, np.load(features) + np.float32(0.01))
        self.assert_works("--quiet", "fit", self.run_folder)
        self.assertIn("neighbors", seconds(self.run_folder, 1))

    def test_a_killed_rank_leaves_whole_epochs_for_any_number_of_ranks(self):
        write_run(self.run_folder, samples=1500, epochs=(1, 2, 3, 4))
        alone = self.copy("alone")
        self.assert_works("--quiet", "--threads", "1", "fit", alone)
        first = f"{self.run_folder}/views/default/epochs/000001"
        job = self.ranks(3, "--quiet", "fit", self.run_folder)
        begin = time.monotonic()
        while not os.path.exists(first) and time.monotonic() < begin + 300 and job.poll() is None:
            time.sleep(0.02)
        victims = subprocess.run(["pgrep", "-P", str(job.pid), "-x", "dvi"], capture_output=True, text=True)
        os.kill(int(victims.stdout.split()[1]), signal.SIGKILL)
        job.communicate(timeout=60)
        self.assertNotEqual(job.returncode, 0)
        self.assertTrue(os.path.exists(first))
        self.assertLess(len(os.listdir(os.path.dirname(first))), 5)
        self.assertEqual(self.fit(2, self.run_folder), (0, ""))
        self.assertEqual(arrays(self.run_folder), arrays(alone))

    def fit_with_one_apart(self, count, apart, run, run_of_rank=None, environment_of_rank=None):
        """Like fit(); rank `apart` has another run or other variables of the environment than the others."""
        fit = [DVI, "--threads", "1", "--quiet", "fit"]
        variables = [f"{name}={value}" for name, value in (environment_of_rank or {}).items()]
        if variables:
            variables.append(f"LD_PRELOAD={FAILING_ALLOCATION}")
        # Not as jobs of one rank each with a colon between: Open MPI 5.0.7's mpirun ends by SIGSEGV then.
        one = shlex.join(["env", *variables, *fit, run_of_rank or run])
        script = f'[ "$OMPI_COMM_WORLD_RANK" != {apart} ] || exec {one}; exec {shlex.join([*fit, run])}'
        command = [*MPIRUN, str(count), "sh", "-c", script]
        process = self.start(command)
        try:
            _, stderr = process.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            self.fail(f"rank {apart} of {count} failed, and the others wait for ever")
        return process.returncode, stderr

    def assert_one_sentence(self, status, stderr, words=""):
        self.assertNotEqual(status, 0)
        said = [line for line in stderr.splitlines() if line.startswith("dvi: ")]
        self.assertEqual(len(said), 1, stderr)
        self.assertIn(words, said[0])

    def assert_goes_on(self, run, expected):
        """What a job left that failed is whole epochs, and nothing that a new fit does not mend or finish."""
        self.assertEqual(self.fit(2, run), (0, ""))
        self.assertEqual(arrays(run), expected)
        left = [path for path in snapshot(run) if ".tmp" in path or ".writing" in path or ".scratch" in path]
        self.assertEqual(left, [])

    def test_failure_of_one_rank_at_any_epoch_ends_all(self):
        """Of its own: it cannot read the features of an epoch that the others can read."""
        write_run(self.run_folder, samples=600, epochs=(1, 2, 3))
        alone = self.copy("alone")
        self.assert_works("--quiet", "--threads", "1", "fit", alone)
        expected = arrays(alone)
        for count, apart, epoch in ((2, 1, 1), (2, 0, 2), (3, 1, 3)):
            with self.subTest(ranks=count, rank=apart, epoch=epoch):
                run = self.copy(f"run-{count}-{apart}-{epoch}")
                blind = f"{run}-blind"  # the same run and view, without those features
                shutil.copytree(run, blind)
                os.makedirs(f"{run}/views")
                os.symlink(f"{run}/views", f"{blind}/views")
                os.remove(f"{blind}/epochs/{epoch:06d}/features.npy")
                status, stderr = self.fit_with_one_apart(count, apart, run, blind)
                self.assert_one_sentence(status, stderr, f"{epoch:06d}/features.npy")
                self.assert_goes_on(run, expected)

    def test_failure_of_all_ranks_at_a_later_epoch_keeps_those_before(self):
        write_run(self.run_folder, samples=600, epochs=(1, 2, 3))
        os.remove(f"{self.run_folder}/epochs/000003/features.npy")
        status, stderr = self.fit(3, self.run_folder)
        self.assert_one_sentence(status, stderr, "000003/features.npy")
        self.assertEqual(sorted(os.listdir(f"{self.run_folder}/views/default/epochs")), ["000001", "000002"])

    @unittest.skipUnless(os.path.exists(FAILING_ALLOCATION), "tests are not built")
    def test_a_rank_without_memory_at_any_stage_ends_all(self):
        write_run(self.run_folder, samples=600, epochs=(1, 2))
        alone = self.copy("alone")
        self.assert_works("--quiet", "--threads", "1", "fit", alone)
        expected = arrays(alone)
        for count, apart in ((2, 1), (3, 0)):
            counter = f"{self.place.name}/allocations"
            counted = {"DVI_FAILING_ALLOCATION": 0, "DVI_ALLOCATIONS": counter}
            run = self.copy(f"counted-{count}-{apart}")
            self.assertEqual(self.fit_with_one_apart(count, apart, run, None, counted), (0, ""))
            with open(counter) as file:
                total = int(file.read())
            self.assertGreater(total, 100)
            points = 3  # a job waits ten seconds for the ranks that have not failed
            for point in range(points):
                # Spread over the whole course, at other points for each number of ranks.
                failing = 1 + (point * total + apart * total // 3) // points
                with self.subTest(ranks=count, rank=apart, failing=failing, of=total):
                    run = self.copy(f"run-{count}-{apart}-{point}")
                    status, stderr = self.fit_with_one_apart(
                        count, apart, run, None, {"DVI_FAILING_ALLOCATION": failing}
                    )
                    self.assert_one_sentence(status, stderr, "memory")
                    self.assert_goes_on(run, expected)

    def test_failure_of_all_ranks_is_one_sentence(self):
        status, stderr = self.fit(3, f"{self.place.name}/no-such-run")
        self.assertEqual(status, 1)
        said = [line for line in stderr.splitlines() if line.startswith("dvi: ")]
        self.assertEqual(len(said), 1, stderr)
        self.assertIn("no-such-run", said[0])

    def test_failure_of_the_rank_that_writes_ends_all(self):
        write_run(self.run_folder, samples=600)
        os.makedirs(f"{self.run_folder}/views")
        with open(f"{self.run_folder}/views/default", "w") as file:
            file.write("a file, where a folder is to be made")
        begin = time.monotonic()
        status, stderr = self.fit(2, self.run_folder)
        self.assertNotEqual(status, 0)
        self.assertLess(time.monotonic() - begin, 60)
        said = [line for line in stderr.splitlines() if line.startswith("dvi: ")]
        self.assertEqual(len(said), 1, stderr)
        self.assertIn("views/default", said[0])


class WithoutMpi(ProgramTest):
    def test_the_program_does_not_need_mpi(self):
        needs = subprocess.run(["ldd", DVI], capture_output=True, text=True)
        self.assertNotIn("libmpi", needs.stdout)

    def test_tasks_that_cannot_find_each_other(self):
        write_run(self.run_folder)
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("OMPI_", "PMI"))}
        environment["SLURM_STEP_NUM_TASKS"] = "4"
        self.assert_refused("fit", self.run_folder, words=["--mpi=pmix"], env=environment)


if __name__ == "__main__":
    unittest.main()
