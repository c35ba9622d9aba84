"""A small run directory for tests of the program, written the way docs/reference/run-format.md tells, with
nothing but NumPy."""

import hashlib
import json
import os
import subprocess
import tempfile
import unittest

import numpy as np

DVI = os.environ.get("DVI", os.path.join(os.path.dirname(__file__), "..", "..", "build", "dvi"))


def write_json(path, value):
    with open(path, "w") as file:
        json.dump(value, file)


def write_run(folder, samples=150, features=8, classes=3, epochs=(1, 2), labels=None):
    """Gaussian blobs that move apart from epoch to epoch, with the linear head that tells them apart."""
    random = np.random.default_rng(1)
    train = samples * 2 // 3
    os.makedirs(folder)
    if labels is None:
        labels = np.arange(samples) % classes
    write_json(
        f"{folder}/run.json",
        {
            "format": "dvi-run",
            "version": 1,
            "name": "small",
            "classes": [f"class {c}" for c in range(classes)],
            "feature_dim": features,
            "groups": [
                {"name": "train", "role": "train", "begin": 0, "count": train},
                {"name": "test", "role": "test", "begin": train, "count": samples - train},
            ],
            "subject": {"kind": "linear-head"},
        },
    )
    np.save(f"{folder}/labels.npy", labels.astype("<i4"))
    centers = random.normal(size=(classes, features))
    noise = random.normal(size=(samples, features))
    for epoch in epochs:
        moved = centers * (1 + epoch)
        values = moved[labels % classes] + noise
        bias = -0.5 * (moved**2).sum(axis=1)
        write_epoch(folder, epoch, values, moved, bias, train_loss=1.0 / (1 + epoch))


def write_epoch(run, number, features, head_weight, head_bias, **scalars):
    folder = epoch_folder(run, number)
    os.makedirs(folder)
    np.save(f"{folder}/features.npy", features.astype("<f4"))
    np.save(f"{folder}/head_weight.npy", head_weight.astype("<f4"))
    np.save(f"{folder}/head_bias.npy", head_bias.astype("<f4"))
    write_json(f"{folder}/epoch.json.tmp", {"epoch": number, **scalars})
    os.replace(f"{folder}/epoch.json.tmp", f"{folder}/epoch.json")


def epoch_folder(run, number):
    return f"{run}/epochs/{number:06d}"


def snapshot(folder):
    """What every file in a folder holds."""
    files = {}
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            with open(path, "rb") as file:
                files[path] = hashlib.sha256(file.read()).hexdigest()
    return files


class ProgramTest(unittest.TestCase):
    """Runs the program on runs in a folder of its own."""

    def setUp(self):
        self.place = tempfile.TemporaryDirectory(prefix="dvi-test-")
        self.addCleanup(self.place.cleanup)
        self.run_folder = os.path.join(self.place.name, "run")

    def dvi(self, *arguments, **options):
        return subprocess.run(
            [DVI, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=options.pop("stdout", subprocess.PIPE),
            stderr=subprocess.PIPE,
            text=True,
            timeout=300,
            **options,
        )

    def assert_works(self, *arguments, **options):
        done = self.dvi(*arguments, **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def assert_refused(self, *arguments, words=(), status=1, **options):
        """One sentence on standard error that has all the words; every file that was there is there, unchanged."""
        before = snapshot(self.place.name)
        done = self.dvi("--quiet", *arguments, **options)
        self.assertEqual(done.returncode, status, done.stderr)
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertTrue(lines[0].startswith("dvi: "), done.stderr)
        for word in words:
            self.assertIn(str(word), lines[0])
        after = snapshot(self.place.name)
        self.assertEqual({path: after.get(path) for path in before}, before)
        self.assertEqual(
            [path for path in after if ".tmp" in path], [], "half-written files were left behind"
        )
        return lines[0]
