"""Groups that join a fitted run, and leave it again: dvi add and dvi remove. Models as files: dvi export-model."""

import json
import os
import unittest

import numpy as np
from sklearn.datasets import load_digits
from small_run import ProgramTest, snapshot, write_epoch, write_json


class DigitsTest(ProgramTest):
    """Pixels of handwritten digits as features of one epoch, with the head that tells each class by its mean."""

    def setUp(self):
        super().setUp()
        digits = load_digits()
        self.features, self.labels = digits.data / 16, digits.target
        means = np.stack([self.features[self.labels == c].mean(0) for c in range(10)])
        os.makedirs(self.run_folder)
        write_json(
            f"{self.run_folder}/run.json",
            {
                "format": "dvi-run",
                "version": 1,
                "name": "digits",
                "classes": [f"digit {c}" for c in range(10)],
                "feature_dim": 64,
                "groups": [{"name": "train", "role": "train", "begin": 0, "count": 800}],
                "subject": {"kind": "linear-head"},
                "finished": True,
            },
        )
        np.save(f"{self.run_folder}/labels.npy", self.labels[:800].astype("<i4"))
        write_epoch(self.run_folder, 1, self.features[:800], means, -0.5 * (means**2).sum(1))
        self.assert_works("--quiet", "fit", self.run_folder)
        self.file = os.path.join(self.place.name, "new.npy")
        np.save(self.file, self.features[1000:1100].astype("<f4"))
        self.names = os.path.join(self.place.name, "labels.txt")
        with open(self.names, "w") as file:
            file.writelines(f"digit {label}\n" for label in self.labels[1000:1100])


class Groups(DigitsTest):
    def arrays(self):
        return {path: text for path, text in snapshot(self.run_folder).items() if path.endswith(".npy")}

    def ids(self, condition):
        return json.loads(self.assert_works("query", self.run_folder, condition, "--json").stdout)["ids"]

    def test_a_group_joins_and_leaves(self):
        before = self.arrays()
        self.assert_works("--quiet", "add", self.run_folder, "more", self.file, "--labels", self.names)
        self.assertEqual(self.ids("\"group\" = 'more'"), list(range(800, 900)))
        right = len(self.ids("\"group\" = 'more' and correct = 1"))
        self.assertGreater(right, 70)
        threes = 800 + np.flatnonzero(self.labels[1000:1100] == 3)
        self.assertEqual(self.ids("\"group\" = 'more' and label = 'digit 3'"), threes.tolist())
        self.assertEqual(
            json.loads(self.assert_works("check", self.run_folder, "--json").stdout)["problems"], []
        )
        # Where the group lies is where its samples are placed when nothing is kept of them.
        said = self.assert_works("project", self.run_folder, self.file, "--json").stdout
        places = [sample["place"] for sample in json.loads(said)["epochs"][0]["samples"]]
        shown = np.load(f"{self.run_folder}/views/default/epochs/000001/positions.npy")
        np.testing.assert_array_equal(np.float32(places), shown[800:])
        self.assert_works("--quiet", "remove", self.run_folder, "more")
        self.assertEqual(self.arrays(), before)

    def test_bad_input_is_one_sentence(self):
        run = self.run_folder
        self.assert_refused("add", run, "train", self.file, words=("train", "new name"))
        self.assert_refused("add", run, "more", "none.npy", words=("none.npy", "no such file"))
        with open(self.names, "a") as file:
            file.write("digit 3\n")
        self.assert_refused(
            "add", run, "more", self.file, "--labels", self.names, words=("labels.txt", 100, 101)
        )
        self.assert_refused("remove", run, "train", words=("train", "recorded"))
        self.assert_refused("remove", run, "more", words=("more", "none of that name"))
        with open(f"{run}/run.json") as file:
            manifest = json.load(file)
        write_json(f"{run}/run.json", {**manifest, "finished": False})
        self.assert_refused("add", run, "more", self.file, words=("recording has ended",))


class ExportModel(DigitsTest):
    def test_the_file_holds_both_networks(self):
        out = os.path.join(self.place.name, "model.onnx")
        self.assert_works("export-model", self.run_folder, "--epoch", "1", "-o", out)
        with open(out, "rb") as file:
            content = file.read()
        for name in (b"features", b"places", b"decoded", b"Gemm"):
            self.assertIn(name, content)
        self.assert_refused(
            "export-model", self.run_folder, "--epoch", "7", "-o", f"{out}2", words=("epoch", "7")
        )
        try:
            import onnxruntime
        except ImportError:
            self.skipTest("there is no ONNX Runtime for this Python")
        session = onnxruntime.InferenceSession(out)
        (places,) = session.run(["places"], {"features": self.features[:800].astype(np.float32)})
        stored = np.load(f"{self.run_folder}/views/default/epochs/000001/encoder_positions.npy")
        np.testing.assert_allclose(places, stored, atol=1e-3)


if __name__ == "__main__":
    unittest.main()
