"""A fit, measured: for bench/scaling and bench/limited_link."""
import hashlib
import json
import os
import subprocess
import sys
import time

MPIRUN = ["mpirun", "--allow-run-as-root", "--oversubscribe", "-n"]


def measured_fit(program, run, view, mpirun=(), threads=1):
    """`mpirun`: what starts the ranks; one process without. `threads`: of each rank."""
    command = [*mpirun, str(program), "--quiet", "--threads", str(threads), "fit", str(run), "--view", view]
    begin = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{' '.join(command)} failed")
    return {
        "wall": time.monotonic() - begin,
        "processor": usage.ru_utime + usage.ru_stime,
        "memory": usage.ru_maxrss / 1024,  # resident in the largest process, in MiB
        **job(run, view),
    }


def job(run, view):
    """Of all epochs: what rank 0 sent and waited for; of the last: what it sent in an iteration of the layout."""
    total = {"bytes_sent": 0.0, "seconds_in_mpi": 0.0, "calls": 0}
    layout_bytes = 0
    for path in sorted((run / "views" / view / "epochs").glob("*/view_epoch.json")):
        told = json.loads(path.read_text())
        for key in total:
            total[key] += told.get("job", {}).get(key, 0)
        layout_bytes = told.get("layout_bytes", 0)
    digest = hashlib.sha256()
    for path in sorted((run / "views" / view / "epochs").glob("*/*.npy")):
        digest.update(path.read_bytes())
    return {**total, "layout_bytes": layout_bytes, "digest": digest.hexdigest()[:12]}
