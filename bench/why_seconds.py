#!/usr/bin/python3
"""How long does an answer of "why" take once a run is open?

    bench/why_seconds.py build/dvi RUN

Serves the run, asks once so that every step between epochs is prepared, and then times: one sample over all
recorded epochs, as the card asks for it, and 100 samples whose prediction changed, together. Printed are wall
seconds, the best and the median of several questions, and the processor seconds of the server for each.
"""
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time
import urllib.request

import numpy as np


def processor_seconds(process):
    fields = pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(server, ask, times):
    seconds, before = [], processor_seconds(server)
    for k in range(times):
        begin = time.perf_counter()
        ask(k)
        seconds.append(time.perf_counter() - begin)
    return min(seconds), statistics.median(seconds), (processor_seconds(server) - before) / times


def main():
    program, run = sys.argv[1], pathlib.Path(sys.argv[2])
    groups = json.loads((run / "run.json").read_text())["groups"]
    first, count = groups[-1]["begin"], groups[-1]["count"]
    epochs = sorted(int(f.name) for f in (run / "epochs").iterdir() if f.name.isdigit())
    a, b = epochs[0], epochs[-1]
    was, now = (np.load(run / "epochs" / f"{e:06d}" / "logits.npy").argmax(1) for e in (a, b))
    changed = first + np.flatnonzero((was != now)[first : first + count])
    server = subprocess.Popen(
        [program, "serve", str(run), "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        address = next(m for m in (re.search(r"http://\S+", line) for line in server.stdout) if m).group()
        address, token = (address.split("?") + [""])[:2]
        api = address.rstrip("/") + "/api/runs/0/why"

        def one(k):
            sample = changed[(k * 997) % len(changed)]
            urllib.request.urlopen(f"{api}?id={sample}&from={a}&to={b}&{token}").read()

        def together(k):
            ids = [int(changed[(k * 131 + i) % len(changed)]) for i in range(100)]
            body = json.dumps({"ids": ids, "from": a, "to": b}).encode()
            request = urllib.request.Request(f"{api}?{token}", body, {"Content-Type": "application/json"})
            urllib.request.urlopen(request).read()

        for name, ask, times in (
            ("first answer", one, 1),
            ("one sample", one, 10),
            ("100 together", together, 5),
        ):
            best, median, processor = measure(server.pid, ask, times)
            print(f"{name:>14}: best {best:.3f} s, median {median:.3f} s, processor {processor:.3f} s")
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
