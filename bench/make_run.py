#!/usr/bin/python3
"""Makes a run directory of synthetic features that look like a classifier's, of any size: to measure how cost grows.

    make_run.py OUT --samples 60000 --dim 512 --classes 10 --epochs 3

The features are those of a network's last hidden layer, by construction: every class has a few clusters of
unequal size on a curved surface of low dimension, lifted to D dimensions by a random layer with ReLU, so that
neighbours mean something, features are non-negative and about half zero, as after a real ReLU. From epoch to
epoch the classes move apart. The head is the linear classifier of the classes' means (nearest mean, as a
linear map). A tenth of the samples, at most 10,000, is of role test. Written block by block: memory stays
small."""
import argparse
import json
import pathlib

import numpy as np

SURFACE = 12  # dimensions that samples of one cluster vary in
CLUSTERS = 3  # of each class
BLOCK = 20000


class Network:
    """[n, SURFACE + 8] -> [n, D]: the random layer."""

    def __init__(self, inner, dim, rng):
        self.weight = (rng.standard_normal((inner, dim)) / np.sqrt(inner)).astype(np.float32)
        self.bias = (0.3 * rng.standard_normal(dim)).astype(np.float32)

    def __call__(self, x):
        return np.maximum(x @ self.weight + self.bias, 0)


def make_run(out, samples, dim, classes, epochs, seed=1, test=None):
    out, rng = pathlib.Path(out), np.random.default_rng(seed)
    test = min(10000, samples // 10) if test is None else test
    total, inner = samples + test, SURFACE + 8
    labels = rng.integers(0, classes, total).astype(np.int32)
    shares = np.array([0.5, 0.3, 0.2])
    cluster = rng.choice(CLUSTERS, total, p=shares) + CLUSTERS * labels
    class_center = rng.standard_normal((classes, inner)).astype(np.float32)
    center = np.repeat(class_center, CLUSTERS, 0) + 0.5 * rng.standard_normal(
        (classes * CLUSTERS, inner)
    ).astype(np.float32)
    frames = rng.standard_normal((classes * CLUSTERS, SURFACE, inner)).astype(np.float32) / np.sqrt(inner)
    # Spread falls off along a cluster's dimensions, as principal components of real features do.
    spread = (1 / np.arange(1, SURFACE + 1) ** 0.7).astype(np.float32)
    network = Network(inner, dim, rng)
    (out / "epochs").mkdir(parents=True)
    np.save(out / "labels.npy", labels)
    groups = [{"name": "train", "role": "train", "begin": 0, "count": samples}]
    if test:
        groups.append({"name": "test", "role": "test", "begin": samples, "count": test})
    (out / "run.json").write_text(
        json.dumps(
            {
                "format": "dvi-run",
                "version": 1,
                "name": f"synthetic-{samples}x{dim}-{classes}",
                "classes": [f"class {c}" for c in range(classes)],
                "feature_dim": dim,
                "groups": groups,
                "subject": {"kind": "linear-head"},
            }
        )
    )
    for epoch in range(1, epochs + 1):
        folder = out / "epochs" / f"{epoch:06d}"
        folder.mkdir()
        apart = np.float32(0.8 + 1.2 * epoch / epochs)
        file = np.lib.format.open_memmap(folder / "features.npy", "w+", np.float32, (total, dim))
        sums, counts = np.zeros((classes, dim)), np.bincount(labels, minlength=classes)
        for begin in range(0, total, BLOCK):
            rows = slice(begin, min(begin + BLOCK, total))
            local = np.random.default_rng([seed, begin])  # the same samples at every epoch
            offset = local.standard_normal((rows.stop - begin, SURFACE)).astype(np.float32) * spread
            c = cluster[rows]
            x = apart * center[c]
            for k in np.unique(c):
                x[c == k] += offset[c == k] @ frames[k]
            drift = np.random.default_rng([seed, begin, epoch]).standard_normal(x.shape).astype(np.float32)
            features = network(x + np.float32(0.02) * drift)
            file[rows] = features
            np.add.at(sums, labels[rows], features)
        file.flush()
        means = sums / np.maximum(counts, 1)[:, None]
        scale = 10 / np.mean(np.linalg.norm(means - means.mean(0), axis=1) ** 2)
        np.save(folder / "head_weight.npy", (scale * means).astype(np.float32))
        np.save(folder / "head_bias.npy", (-0.5 * scale * (means**2).sum(1)).astype(np.float32))
        (folder / "epoch.json").write_text(json.dumps({"epoch": epoch}))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("out")
    parser.add_argument("--samples", type=int, default=5000, help="train samples")
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if pathlib.Path(options.out).exists():
        raise SystemExit(f"{options.out}: expected a folder that is not there yet; remove it or name another")
    make_run(options.out, options.samples, options.dim, options.classes, options.epochs, options.seed)


if __name__ == "__main__":
    main()
