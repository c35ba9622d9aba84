"""Selections of samples, written and read as the page does."""

import os
import sys
import tempfile
import unittest

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import dvi  # noqa: E402


class Selections(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="dvi selections ü ")
        self.addCleanup(folder.cleanup)
        self.run_folder = os.path.join(folder.name, "run")
        recorder = dvi.Recorder(self.run_folder, classes=["a", "b"])
        recorder.add_group("train", labels=[0, 1] * 20)
        recorder.epoch(1, features=np.eye(40, 4), head_weight=np.eye(2, 4), head_bias=np.zeros(2))
        recorder.close()

    def test_what_is_saved_is_read(self):
        self.assertEqual(dvi.selections(self.run_folder), {})
        dvi.select(self.run_folder, "odd ones", [3, 1, 3])
        self.assertEqual(dvi.selections(self.run_folder), {"odd ones": [1, 3]})

    def test_files_of_others_are_passed_over(self):
        dvi.select(self.run_folder, "mine", [])
        for name, text in (("theirs.json", "{"), ("other.json", "[]"), ("notes.txt", "")):
            with open(os.path.join(self.run_folder, "selections", name), "w") as f:
                f.write(text)
        self.assertEqual(dvi.selections(self.run_folder), {"mine": []})

    def test_bad_names_and_ids_are_refused(self):
        for name, ids in (("x/y", [1]), (".x", [1]), ("", [1]), ("x", [40]), ("x", [-1])):
            with self.assertRaises(ValueError):
                dvi.select(self.run_folder, name, ids)


if __name__ == "__main__":
    unittest.main()
