#!/usr/bin/python3
"""How much of a run's temporal local ranking (tlr) a picture would score in which all samples move alike.

    common_order.py RUN

tlr asks, sample by sample, whether its distances to other epochs have the same order in the picture as in
feature space. Where a network's features drift as a whole, that order is nearly the same for all samples, and
one drifting frame would reproduce it without showing anything of any sample. This prints, for each third of
the run, the mean Spearman correlation between a sample's own distances and the median sample's."""
import pathlib
import sys

import numpy as np

SAMPLES = 3000


def ranks(x):
    r = x.argsort(1).argsort(1).astype(float)
    return r - r.mean(1, keepdims=True)


def spearman(a, b):
    a, b = ranks(a), ranks(b)
    return (a * b).sum(1) / np.sqrt((a**2).sum(1) * (b**2).sum(1))


def main():
    epochs = sorted((pathlib.Path(sys.argv[1]) / "epochs").glob("[0-9]*/features.npy"))
    features = [np.load(file, mmap_mode="r")[:SAMPLES].astype(np.float32) for file in epochs]
    distance = np.array([[np.linalg.norm(a - b, axis=1) for b in features] for a in features])
    median, count = np.median(distance, axis=2), len(epochs)
    bounds = [0, (count + 1) // 3, (2 * count + 1) // 3, count]
    for name, begin, end in zip(("early", "middle", "late"), bounds, bounds[1:]):
        if end - begin < 3:
            continue
        agreement = [
            spearman(distance[e, others].T, np.tile(median[e, others], (len(features[0]), 1))).mean()
            for e in range(begin, end)
            for others in [[o for o in range(begin, end) if o != e]]
        ]
        print(f"{name}: {np.mean(agreement):.3f}")


main()
