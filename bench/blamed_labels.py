#!/usr/bin/python3
"""How many of the samples that `dvi why` blames are wrongly labelled?

    blamed_labels.py build/dvi RUN

For every test sample that turned from right to wrong between two recorded epochs of a run with the column
is_noisy (the noisy-labels scenario), the 20 strongest pushers are asked for; printed is the share of them
whose label is wrong, by step. Then the same over the whole time from the epoch of the best test accuracy to the
last, each sample by itself and all together: wrong labels found through the test samples that they harm.
"""
import json
import pathlib
import subprocess
import sys

import numpy as np


def why(program, run, a, b, *options):
    """The answer on all test samples that turned from right to wrong between the epochs."""
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
        "--json",
        *options,
    ]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def each_share(answer, wrong):
    return [np.mean([wrong[p["id"]] for p in e["pushers"]]) for e in answer["explanations"] if e["pushers"]]


def main():
    program, run = sys.argv[1], pathlib.Path(sys.argv[2])
    wrong = np.load(run / "columns" / "is_noisy.npy") > 0
    epochs = sorted(int(f.name) for f in (run / "epochs").iterdir() if f.name.isdigit())
    trained = json.loads((run / "run.json").read_text())["groups"][0]["count"]
    print(f"Of all train samples {wrong[:trained].mean():.3f} are wrongly labelled.")
    print(f"{'from':>6} {'to':>4} {'turned':>7} {'blamed, wrong':>14}")
    shares = []
    for a, b in zip(epochs, epochs[1:]):
        step = each_share(why(program, run, a, b, "--each"), wrong)
        shares += step
        print(f"{a:>6} {b:>4} {len(step):>7} {np.mean(step) if step else float('nan'):>14.3f}", flush=True)
    print(f"{'all':>11} {len(shares):>7} {np.mean(shares):>14.3f}")

    labels = np.load(run / "labels.npy")[trained:]
    right = [
        np.mean(np.load(run / "epochs" / f"{e:06d}" / "logits.npy")[trained:].argmax(1) == labels)
        for e in epochs
    ]
    best, last = epochs[int(np.argmax(right))], epochs[-1]
    over = each_share(why(program, run, best, last, "--each"), wrong)
    print(f"{best:>6} {last:>4} {len(over):>7} {np.mean(over):>14.3f}")
    blamed = [p["id"] for p in why(program, run, best, last, "--limit", "1000")["pushers"]]
    for count in (20, 100, 300, 1000):
        print(
            f"of the {count} blamed most for all of these together, {wrong[blamed[:count]].mean():.3f} are wrong"
        )


if __name__ == "__main__":
    main()
