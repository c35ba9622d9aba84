#!/usr/bin/python3
"""Makes a long run of a fitted one, to time the page on many epochs without fitting them:

    lengthen.py RUN OUT --epochs 50

OUT holds the epochs of RUN to and fro (1 2 3 2 1 2 ...), each file a link to the one in RUN, with the epochs'
own numbers and the events between every two of them. What the server reads and sends has the size that a fit of
as many epochs would have written."""
import argparse
import json
import os
import pathlib

import numpy as np


def link(source, target):
    """A folder of links; *.json is written by the caller."""
    target.mkdir(parents=True)
    for file in source.iterdir():
        if file.suffix != ".json":
            os.symlink(file.resolve(), target / file.name)


def lengthen(run, out, epochs, view="default"):
    run, out = pathlib.Path(run), pathlib.Path(out)
    out.mkdir(parents=True)
    for file in run.iterdir():
        if file.name not in ("epochs", "views", "selections"):
            os.symlink(file.resolve(), out / file.name)
    old_view, new_view = run / "views" / view, out / "views" / view
    shown = json.loads((old_view / "view.json").read_text())
    fitted, revision = shown["epochs"], str(shown["territory"]["revision"])
    way = list(range(len(fitted))) + list(range(len(fitted) - 2, 0, -1))
    old = [fitted[way[k % len(way)]] for k in range(epochs)]
    events = np.load(old_view / "events.npy")
    by_epoch = {e: events[events["epoch"] == e] for e in fitted}
    kept = []
    for number, source in enumerate(old, 1):
        name, from_ = f"{number:06d}", f"{source:06d}"
        scalars = json.loads((run / "epochs" / from_ / "epoch.json").read_text())
        link(run / "epochs" / from_, out / "epochs" / name)
        (out / "epochs" / name / "epoch.json").write_text(json.dumps({**scalars, "epoch": number}))
        link(old_view / "epochs" / from_, new_view / "epochs" / name)
        os.symlink(
            (old_view / "epochs" / from_ / "metrics.json").resolve(),
            new_view / "epochs" / name / "metrics.json",
        )
        described = json.loads((old_view / "epochs" / from_ / "view_epoch.json").read_text())
        (new_view / "epochs" / name / "view_epoch.json").write_text(
            json.dumps({**described, "epoch": number})
        )
        (new_view / "territories" / revision).mkdir(parents=True, exist_ok=True)
        os.symlink(
            (old_view / "territories" / revision / from_).resolve(),
            new_view / "territories" / revision / name,
        )
        if number > 1:
            # On the way back the later of the two epochs tells what happened between them.
            rows = by_epoch[max(source, old[number - 2])].copy()
            rows["epoch"] = number
            kept.append(rows)
    np.save(new_view / "events.npy", np.concatenate(kept))
    (new_view / "view.json").write_text(json.dumps({**shown, "epochs": list(range(1, epochs + 1))}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run")
    parser.add_argument("out")
    parser.add_argument("--epochs", type=int, default=50)
    options = parser.parse_args()
    lengthen(options.run, options.out, options.epochs)
