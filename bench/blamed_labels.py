#!/usr/bin/python3
"""How many of the samples that `dvi why` blames are wrongly labelled?

    blamed_labels.py build/dvi RUN

For every test sample that turned from right to wrong between two recorded epochs of a run with the column
is_noisy (the noisy-labels scenario), the 20 strongest pushers are asked for; printed is the share of them
whose label is wrong, by step.
"""
import json
import pathlib
import subprocess
import sys

import numpy as np


def main():
    program, run = sys.argv[1], pathlib.Path(sys.argv[2])
    wrong = np.load(run / "columns" / "is_noisy.npy") > 0
    epochs = sorted(int(f.name) for f in (run / "epochs").iterdir() if f.name.isdigit())
    trained = json.loads((run / "run.json").read_text())["groups"][0]["count"]
    print(f"Of all train samples {wrong[:trained].mean():.3f} are wrongly labelled.")
    print(f"{'from':>6} {'to':>4} {'turned':>7} {'blamed, wrong':>14}")
    shares = []
    for a, b in zip(epochs, epochs[1:]):
        where = f"role = 'test' and correct_at({a}) = 1 and correct_at({b}) = 0"
        command = [
            program,
            "why",
            str(run),
            "--where",
            where,
            "--from",
            str(a),
            "--to",
            str(b),
            "--each",
            "--json",
        ]
        answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        step = [np.mean([wrong[p["id"]] for p in e["pushers"]]) for e in answer["explanations"]]
        shares += step
        print(f"{a:>6} {b:>4} {len(step):>7} {np.mean(step) if step else float('nan'):>14.3f}", flush=True)
    print(f"{'all':>11} {len(shares):>7} {np.mean(shares):>14.3f}")


if __name__ == "__main__":
    main()
