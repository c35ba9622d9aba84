"""Samples that were never recorded: dvi project."""

import json
import os
import shutil
import subprocess
import tempfile
import unittest

import numpy as np
from small_run import DVI, ProgramTest, epoch_folder, snapshot, write_epoch, write_json, write_run
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier


class ProjectDigits(ProgramTest):
    """The hidden layer of a network that learns handwritten digits, of which a third is kept from the run."""

    @classmethod
    def setUpClass(cls):
        digits = load_digits()
        images, labels = digits.images / 16, digits.target
        train, test = 1000, 300
        network = MLPClassifier((48,), random_state=1, max_iter=1, warm_start=True)
        cls.epochs = []
        for epoch in (1, 2, 3):
            for _ in range(1 if epoch == 1 else 8):
                network.partial_fit(images[:train].reshape(train, -1), labels[:train], classes=np.arange(10))
            hidden = np.maximum(
                images.reshape(len(images), -1) @ network.coefs_[0] + network.intercepts_[0], 0
            )
            cls.epochs.append(
                (epoch, hidden, np.ascontiguousarray(network.coefs_[1].T), network.intercepts_[1].copy())
            )
        cls.train, cls.recorded, cls.labels = train, train + test, labels
        cls.fitted = tempfile.TemporaryDirectory(prefix="dvi-test-")
        cls.addClassCleanup(cls.fitted.cleanup)
        for name, samples in (("run", cls.recorded), ("alone", cls.train)):
            cls.write(os.path.join(cls.fitted.name, name), samples)

    def setUp(self):
        super().setUp()
        shutil.copytree(os.path.join(self.fitted.name, "run"), self.run_folder)

    @classmethod
    def write(cls, run, samples):
        os.makedirs(run)
        groups = [{"name": "train", "role": "train", "begin": 0, "count": cls.train}]
        if samples > cls.train:
            groups.append({"name": "test", "role": "test", "begin": cls.train, "count": samples - cls.train})
        write_json(
            f"{run}/run.json",
            {
                "format": "dvi-run",
                "version": 1,
                "name": "digits",
                "classes": [str(d) for d in range(10)],
                "feature_dim": 48,
                "groups": groups,
                "subject": {"kind": "linear-head"},
            },
        )
        np.save(f"{run}/labels.npy", cls.labels[:samples].astype("<i4"))
        for epoch, hidden, weight, bias in cls.epochs:
            write_epoch(run, epoch, hidden[:samples], weight, bias)
        subprocess.run([DVI, "--quiet", "fit", run], check=True)

    def features(self, epoch, begin=0, end=None):
        file = os.path.join(self.place.name, f"features{epoch}.npy")
        np.save(file, self.epochs[epoch - 1][1][begin:end].astype("<f4"))
        return file

    def test_places_are_as_good_as_those_of_recorded_samples(self):
        evaluation = json.loads(self.assert_works("eval", self.run_folder, "--json").stdout)
        for epoch in evaluation["epochs"]:
            new, shown = epoch["new_test"], epoch["test_among_train"]
            self.assertGreater(new["nn_15"], 0.97 * shown["nn_15"])
            self.assertGreater(new["ppr"], epoch["test"]["ppr"] - 0.01)
            self.assertGreater(new["ppr_fitted"], epoch["test"]["ppr_fitted"] - 0.02)
            self.assertIn("keep_boundary", epoch["new_boundary"])

    def test_samples_that_no_run_has_seen(self):
        """A run without test samples places them as well as one in which they were recorded."""
        alone = os.path.join(self.fitted.name, "alone")
        neighbours = {}
        for run in (self.run_folder, alone):
            out = os.path.join(self.place.name, "out.npy")
            self.assert_works(
                "--quiet",
                "project",
                run,
                self.features(3, self.train, self.recorded),
                "--epochs",
                "3",
                "-o",
                out,
            )
            places = np.load(out)
            self.assertEqual((places.shape, places.dtype), ((self.recorded - self.train, 2), np.float32))
            shown = np.load(f"{run}/views/default/epochs/000003/positions.npy")[: self.train]
            hidden = self.epochs[2][1]
            near = nearest(hidden[self.train : self.recorded], hidden[: self.train])
            neighbours[run] = overlap(near, nearest(places, shown))
        self.assertGreater(neighbours[alone], 0.9 * neighbours[self.run_folder])
        self.assertGreater(neighbours[alone], 4)

    def test_the_same_alone_and_together(self):
        together = self.projected(self.features(3, self.recorded))
        alone = self.projected(self.features(3, self.recorded + 17, self.recorded + 18))
        self.assertGreater(len(together), 400)
        self.assertEqual(together[17], alone[0])

    def projected(self, file):
        said = self.assert_works("project", self.run_folder, file, "--json").stdout
        return json.loads(said)["epochs"][0]["samples"]

    def test_what_is_said_of_a_sample(self):
        hidden = self.epochs[2][1][self.recorded :]
        _, _, weight, bias = self.epochs[2]
        logits = hidden @ weight.T + bias
        for row, sample in enumerate(self.projected(self.features(3, self.recorded))[:20]):
            self.assertEqual(sample["prediction"], int(np.argmax(logits[row])))
            self.assertAlmostEqual(sum(sample["probabilities"]), 1, 4)
            self.assertAlmostEqual(sample["confidence"], max(sample["probabilities"]), 5)
            distances = np.linalg.norm(self.epochs[2][1][: self.train] - hidden[row], axis=1)
            self.assertEqual(sample["nearest"][0], int(np.argmin(distances)))
            self.assertAlmostEqual(sample["distances"][0], float(distances.min()), 3)
            self.assertAlmostEqual(sample["distance"], float(np.mean(np.sort(distances)[:15])), 3)

    def test_all_three_files(self):
        file = self.features(2, self.recorded)
        places = os.path.join(self.place.name, "out")
        for kind in ("npy", "json", "csv"):
            self.assert_works(
                "--quiet", "project", self.run_folder, file, "--epochs", "2", "-o", f"{places}.{kind}"
            )
        array = np.load(f"{places}.npy")
        with open(f"{places}.json") as written:
            samples = json.load(written)["epochs"][0]["samples"]
        np.testing.assert_array_equal(np.float32([s["place"] for s in samples]), array)
        with open(f"{places}.csv") as written:
            lines = written.read().splitlines()
        self.assertEqual(len(lines), len(array) + 1)
        self.assertEqual(lines[0].split(",")[:6], ["epoch", "sample", "x", "y", "moved", "prediction"])
        self.assertAlmostEqual(float(lines[3].split(",")[2]), array[2, 0], 4)

    def test_bad_input_is_one_sentence(self):
        good = self.features(3, self.recorded)
        bad = os.path.join(self.place.name, "bad.npy")
        hidden = self.epochs[2][1][:4].astype("<f4")
        np.save(bad, hidden[:, :40])
        self.assert_refused("project", self.run_folder, bad, words=("bad.npy", "(4, 48)", "(4, 40)"))
        hidden[2, 3] = np.nan
        np.save(bad, hidden)
        self.assert_refused("project", self.run_folder, bad, words=("bad.npy", "nan", "row 2"))
        np.save(bad, hidden[:0])
        self.assert_refused("project", self.run_folder, bad, words=("bad.npy", "at least one"))
        self.assert_refused(
            "project", self.run_folder, good, "--epochs", "1-3", words=("inputs", "one epoch")
        )
        self.assert_refused("project", self.run_folder, good, "--epochs", "9", words=("epoch", "9"))
        self.assert_refused(
            "project", self.run_folder, good, "-o", "places.txt", words=("places.txt", ".csv")
        )
        self.assert_refused("project", self.run_folder, "none.png", words=("none.png", "no such file"))
        picture = os.path.join(self.place.name, "noise.png")
        with open(picture, "w") as file:
            file.write("not a picture")
        self.assert_refused("project", self.run_folder, picture, words=("inputs",))
        hidden = np.abs(np.nan_to_num(hidden))
        write_epoch(self.run_folder, 4, np.tile(hidden, (325, 1)), *self.epochs[2][2:])
        self.assert_refused("project", self.run_folder, good, "--epochs", "4", words=("4", "fitted"))


class ProjectSmall(ProgramTest):
    def test_a_run_that_is_not_fitted(self):
        write_run(self.run_folder)
        file = os.path.join(self.place.name, "f.npy")
        np.save(file, np.zeros((2, 8), "<f4"))
        self.assert_refused("project", self.run_folder, file, words=("dvi fit",))
        self.assertFalse(os.path.exists(os.path.join(self.run_folder, "views")))
        self.assertIn("features.npy", " ".join(snapshot(epoch_folder(self.run_folder, 1))))


def nearest(queries, references, k=15):
    distances = np.linalg.norm(queries[:, None] - references[None], axis=2)
    return np.argsort(distances, axis=1)[:, :k]


def overlap(a, b):
    return np.mean([len(set(x) & set(y)) for x, y in zip(a, b)])


if __name__ == "__main__":
    unittest.main()
