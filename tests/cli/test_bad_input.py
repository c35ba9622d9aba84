"""Bad input ends with one sentence that names the file, an exit status that is not 0, and every file as it was."""

import json
import os
import unittest

import numpy as np
from small_run import ProgramTest, epoch_folder, write_json, write_run


def remove_heads(run):
    """Without the head as arrays a program built without LibTorch, too, has to open subject.pt."""
    for epoch in 1, 2:
        for name in "head_weight", "head_bias":
            os.remove(f"{epoch_folder(run, epoch)}/{name}.npy")


class BadRun(ProgramTest):
    def setUp(self):
        super().setUp()
        write_run(self.run_folder)
        self.features = f"{epoch_folder(self.run_folder, 2)}/features.npy"

    def refused_by_fit_and_check(self, *words):
        self.assert_refused("fit", self.run_folder, words=words)
        checked = self.dvi("check", self.run_folder)
        self.assertEqual(checked.returncode, 1, checked.stdout + checked.stderr)
        for word in words:
            self.assertIn(str(word), checked.stdout + checked.stderr)

    def change_features(self, change):
        values = np.load(self.features)
        np.save(self.features, change(values))

    def change_manifest(self, **changes):
        path = f"{self.run_folder}/run.json"
        with open(path) as file:
            manifest = json.load(file)
        write_json(path, {**manifest, **changes})

    def test_no_such_folder(self):
        self.assert_refused("fit", self.run_folder + "-x", words=[self.run_folder + "-x"])

    def test_no_run_json(self):
        os.remove(f"{self.run_folder}/run.json")
        self.refused_by_fit_and_check("run.json")

    def test_damaged_run_json(self):
        with open(f"{self.run_folder}/run.json", "r+") as file:
            file.truncate(40)
        self.refused_by_fit_and_check("run.json")

    def test_missing_features(self):
        os.remove(self.features)
        self.refused_by_fit_and_check("000002/features.npy")

    def test_missing_head(self):
        os.remove(f"{epoch_folder(self.run_folder, 2)}/head_weight.npy")
        self.refused_by_fit_and_check("000002/head_weight.npy")

    def test_truncated_features(self):
        with open(self.features, "r+b") as file:
            file.truncate(os.path.getsize(self.features) - 10)
        self.refused_by_fit_and_check("000002/features.npy")

    def test_empty_file(self):
        open(self.features, "w").close()
        self.refused_by_fit_and_check("000002/features.npy")

    def test_wrong_dtype(self):
        self.change_features(lambda values: values.astype("<i4"))
        self.refused_by_fit_and_check("000002/features.npy", "float32", "int32")

    def test_wrong_shape(self):
        self.change_features(lambda values: values[:-1])
        self.refused_by_fit_and_check("000002/features.npy", "(150, 8)", "(149, 8)")

    def test_wrong_byte_order(self):
        self.change_features(lambda values: values.astype(">f4"))
        self.refused_by_fit_and_check("000002/features.npy", "little-endian")

    def test_fortran_order(self):
        self.change_features(np.asfortranarray)
        self.refused_by_fit_and_check("000002/features.npy")

    def test_nan_and_infinity(self):
        for value in np.nan, np.inf, -np.inf:
            with self.subTest(value=value):

                def spoil(values):
                    values[17, 3] = value
                    return values

                self.change_features(spoil)
                self.refused_by_fit_and_check("000002/features.npy", "sample 17", "epoch 2")

    def test_label_out_of_range(self):
        labels = np.load(f"{self.run_folder}/labels.npy")
        labels[5] = 3
        np.save(f"{self.run_folder}/labels.npy", labels)
        self.refused_by_fit_and_check("labels.npy", "sample 5")

    def test_one_class_only(self):
        self.change_manifest(classes=["only"])
        self.refused_by_fit_and_check("run.json", "classes")

    def test_labels_of_one_class_only(self):
        np.save(f"{self.run_folder}/labels.npy", np.ones(150, "<i4"))
        self.refused_by_fit_and_check("labels.npy")

    def test_feature_dimension_out_of_range(self):
        for dimension in 1, 4097:
            with self.subTest(dimension=dimension):
                self.change_manifest(feature_dim=dimension)
                self.refused_by_fit_and_check("run.json", "feature_dim", dimension)

    def test_torchscript_that_is_none(self):
        self.change_manifest(subject={"kind": "torchscript"})
        remove_heads(self.run_folder)
        for epoch in 1, 2:
            with open(f"{epoch_folder(self.run_folder, epoch)}/subject.pt", "w") as file:
                file.write("this is no TorchScript")
        self.assert_refused("fit", self.run_folder, words=["subject.pt"])

    def test_epoch_that_is_not_there(self):
        self.assert_refused("fit", self.run_folder, "--epochs", "7", words=["7"])

    def test_view_that_is_not_there(self):
        self.assert_refused("eval", self.run_folder, "--view", "none", words=["none"])


class TorchScriptWithoutTheMethods(ProgramTest):
    def test_is_refused(self):
        try:
            import torch
        except ImportError:
            self.skipTest("python3-torch is not installed")
        write_run(self.run_folder)

        class Model(torch.nn.Module):
            def forward(self, x):
                return x

        path = f"{self.run_folder}/run.json"
        with open(path) as file:
            text = file.read()
        with open(path, "w") as file:
            file.write(text.replace("linear-head", "torchscript"))
        remove_heads(self.run_folder)
        for epoch in 1, 2:
            torch.jit.script(Model()).save(f"{epoch_folder(self.run_folder, epoch)}/subject.pt")
        line = self.assert_refused("fit", self.run_folder, words=["subject.pt"])
        self.assertRegex(line, "features|LibTorch")


class FewSamples(ProgramTest):
    def test_fewer_than_neighbours_are_refused(self):
        write_run(self.run_folder, samples=15)  # 10 of them to train on, k is 15
        self.assert_refused("fit", self.run_folder, words=["run.json", "10"])


if __name__ == "__main__":
    unittest.main()
