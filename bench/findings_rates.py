#!/usr/bin/python3
"""How often is what was planted found, and what is found that was not planted?

    bench/findings_rates.py build/dvi FOLDER [--seeds 3]

Records the quick form of every scenario with several seeds into FOLDER (runs that are there are taken as they
are) and asks `dvi findings`. Printed is, for each kind that is a fault or was planted: in how many of the
runs where it was planted it was found (recall), and which share of the runs where it was found had it planted
(precision). What follows from what was planted (a classifier that memorises wrong labels overfits and forgets)
counts neither way. For the wrong labels it is also printed how early each kind is announced: the first epoch
after which it is found (`--until`), beside the epoch at which the loss of held-out samples is lowest.
"""
import argparse
import json
import pathlib
import subprocess

import numpy as np

PLANTED = {
    "noisy-labels": {"label_noise", "memorisation"},
    "adversarial": {"trade_off"},
    "active-learning": {"moved_boundary"},
    "many-classes": {"confusion"},
    "standard": set(),
}
FOLLOWS = {"noisy-labels": {"overfitting", "forgetting"}, "adversarial": {"forgetting", "overfitting"}}
# Those that must not be found where nothing gave cause: all but what happens in every training.
TOLD_APART = {
    "memorisation",
    "label_noise",
    "trade_off",
    "forgetting",
    "label_conflict",
    "overfitting",
    "outlier",
    "moved_boundary",
}


def kinds_until(program, run, *options):
    command = [program, "findings", str(run), "--json", *options]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    return {finding["kind"] for finding in json.loads(answer.stdout)["findings"]}


def lowest_loss(run, epochs):
    """The epoch at which the mean cross-entropy of the test group is lowest."""
    groups = json.loads((run / "run.json").read_text())["groups"]
    first, count = next((g["begin"], g["count"]) for g in groups if g["role"] == "test")
    labels = np.load(run / "labels.npy")[first : first + count]
    losses = []
    for epoch in epochs:
        z = np.load(run / "epochs" / f"{epoch:06d}" / "logits.npy")[first : first + count].astype(float)
        z -= z.max(1, keepdims=True)
        losses.append((np.log(np.exp(z).sum(1)) - z[np.arange(count), labels]).mean())
    return epochs[int(np.argmin(losses))]


def print_announcements(program, run):
    epochs = sorted(int(f.name) for f in (run / "epochs").iterdir() if f.name.isdigit())
    known = {epoch: kinds_until(program, run, "--until", str(epoch)) for epoch in epochs}
    first = {kind: next((e for e in epochs if kind in known[e]), None) for kind in PLANTED["noisy-labels"]}
    said = ", ".join(f"{kind} after epoch {epoch}" for kind, epoch in sorted(first.items()))
    print(f"{run.name}: {said}; held-out loss lowest at epoch {lowest_loss(run, epochs)}", flush=True)


def kinds_found(program, scenario, seed, folder):
    run = folder / f"{scenario}-{seed}"
    if not (run / "views" / "default" / "findings.json").exists():
        command = [
            program,
            "-q",
            "demo",
            "--scenario",
            scenario,
            "--quick",
            "--no-serve",
            "--seed",
            str(seed),
        ]
        subprocess.run(command + ["--out", str(run)], check=True, stdout=subprocess.DEVNULL)
    if scenario == "noisy-labels":
        print_announcements(program, run)
    return kinds_until(program, run)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("program", help="build/dvi")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    found = {}
    for scenario in PLANTED:
        for seed in range(1, arguments.seeds + 1):
            found[scenario, seed] = kinds_found(arguments.program, scenario, seed, arguments.folder)
            print(f"{scenario:>16} {seed}: {' '.join(sorted(found[scenario, seed]))}", flush=True)
    print(f"{'kind':>16} {'planted':>8} {'found':>6} {'recall':>7} {'elsewhere':>10} {'precision':>10}")
    for kind in sorted(TOLD_APART.union(*PLANTED.values())):
        planted = [key for key in found if kind in PLANTED[key[0]]]
        others = [k for k in found if k not in planted and kind not in FOLLOWS.get(k[0], ())]
        hits = sum(kind in found[key] for key in planted)
        elsewhere = sum(kind in found[key] for key in others) if kind in TOLD_APART else None
        recall = f"{hits / len(planted):.2f}" if planted else ""
        known = elsewhere is not None and hits + elsewhere > 0
        precision = f"{hits / (hits + elsewhere):.2f}" if known else ""
        print(
            f"{kind:>16} {len(planted):>8} {hits:>6} {recall:>7} "
            f"{'' if elsewhere is None else f'{elsewhere} of {len(others)}':>10} {precision:>10}"
        )


if __name__ == "__main__":
    main()
