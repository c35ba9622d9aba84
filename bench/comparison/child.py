"""Programs run one after the other, each alone in its own process, with a time limit; and the stop watch that the
peers' programs share."""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time


def stop_tidily():
    """SIGTERM ends this program as an interruption from the keyboard does: children and temporary files go too."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def run_child(command, limit, log):
    """Runs `command` with output into the file `log`. Returns wall and processor seconds and peak memory of the
    process, or {"failed": why}."""
    # Waiting OpenMP threads sleep instead of spinning, for every program alike.
    environment = dict(os.environ, OMP_WAIT_POLICY="passive")
    begin = time.perf_counter()
    with open(log, "ab") as out:
        child = subprocess.Popen(
            [str(c) for c in command], stdout=out, stderr=out, env=environment, start_new_session=True
        )
        peak = 0
        try:
            while True:
                peak = max(peak, _peak_mib(child.pid))
                pid, status, usage = os.wait4(child.pid, os.WNOHANG)
                if pid:
                    break
                if time.perf_counter() - begin > limit:
                    return _end(child, f"took more than {limit:g} s")
                time.sleep(0.01)
        except BaseException:
            _end(child, "interrupted")
            raise
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        tail = pathlib.Path(log).read_text(errors="replace").strip().splitlines()[-1:]
        return {"failed": f"exit status {child.returncode}: {' '.join(tail)[:200]} (all of it: {log})"}
    return {
        "seconds": time.perf_counter() - begin,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_mib": peak,
    }


def _end(child, why):
    os.killpg(child.pid, signal.SIGKILL)
    os.wait4(child.pid, 0)
    child.returncode = -signal.SIGKILL
    return {"failed": why}


class StageClock:
    """Wall and processor seconds by stage. Processor time counts all threads."""

    def __init__(self):
        self.seconds, self.cpu_seconds = {}, {}
        self.restart()

    def restart(self):
        self._begin = time.perf_counter(), time.process_time()

    def lap(self, stage):
        """Books everything since the last lap (or restart) on `stage`."""
        now = time.perf_counter(), time.process_time()
        self.seconds[stage] = self.seconds.get(stage, 0) + now[0] - self._begin[0]
        self.cpu_seconds[stage] = self.cpu_seconds.get(stage, 0) + now[1] - self._begin[1]
        self._begin = now


def _peak_mib(pid):
    """Peak memory of a running process, 0 once it has ended. Not ru_maxrss: that begins with what the parent
    had when it started the process."""
    try:
        found = re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0
    return int(found[1]) / 1024 if found else 0


def resident_mib():
    """Peak of this process so far: after imports, the cost of the libraries alone."""
    return _peak_mib(os.getpid())


def write_result(folder, result):
    pathlib.Path(folder, "result.json").write_text(json.dumps(result, indent=1))
