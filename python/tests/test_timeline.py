"""Epochs that are called anything but a whole number below a million."""

import json
import os
import random
import shutil
import sys
import tempfile
import unittest

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))

import dvi
from dvi.timeline import Timeline


def placed(names, timeline=None):
    timeline = timeline or Timeline()
    out = []
    for n in names:
        place = timeline.place(n)
        timeline.take(*place)
        out.append(place)
    return out


class Places(unittest.TestCase):
    def test_whole_numbers_are_their_own_folders(self):
        self.assertEqual(placed([0, 5, np.int64(3), 7.0]), [(0, {}), (5, {}), (3, {}), (7, {})])

    def test_from_the_first_other_number_on_folders_count(self):
        self.assertEqual(
            placed([1, 2, 2.5, 3, "step 12000", 1e6]),
            [
                (1, {}),
                (2, {}),
                (3, {"label": "2.5", "at": 2.5}),
                (4, {"label": "3", "at": 3}),
                (5, {"label": "step 12000", "at": 12000}),
                (6, {"label": "1000000", "at": 1000000}),
            ],
        )

    def test_an_epoch_recorded_again_has_its_folder(self):
        timeline = Timeline()
        placed([0.5, 1.0, 1.5], timeline)
        self.assertEqual(timeline.place(1), (2, {"label": "1", "at": 1}))
        with self.assertRaisesRegex(ValueError, "must be recorded in order .* 0.7 comes before 1.5"):
            timeline.place(0.7)

    def test_what_is_no_epoch(self):
        for wrong in (float("nan"), float("inf"), "", "x" * 41, 2.0**60):
            with self.assertRaises(ValueError):
                Timeline().place(wrong)

    def test_of_any_ascending_numbers_none_is_lost_and_order_is_kept(self):
        rng = random.Random(1)
        for _ in range(200):
            count = rng.randint(1, 8)
            kind = rng.choice(
                [lambda: rng.uniform(-2, 9), lambda: rng.randint(0, 20), lambda: rng.randint(0, 10**8) / 4]
            )
            values = sorted({round(kind(), 3) for _ in range(count)})
            folders = [folder for folder, _ in placed(values)]
            self.assertEqual(len(set(folders)), len(values), values)
            if any(v != int(v) or not 0 <= v <= 999999 for v in values):
                self.assertEqual(folders, sorted(folders), values)


class Recorded(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def record(self, epochs, mode="new"):
        rng = np.random.default_rng(0)
        r = dvi.Recorder(self.folder + "/run", ["a", "b"], mode=mode)
        r.add_group("train", labels=np.arange(20) % 2)
        for n in epochs:
            r.epoch(n, features=rng.normal(size=(20, 3)), head_weight=[[1, 0, 0], [0, 1, 0]])
        r.close()
        self.assertEqual(r.failures, [])

    def names(self):
        out = {}
        root = self.folder + "/run/epochs"
        for name in sorted(os.listdir(root)):
            with open(os.path.join(root, name, "epoch.json")) as f:
                epoch = json.load(f)
            self.assertEqual(epoch["epoch"], int(name))
            out[int(name)] = epoch.get("label")
        return out

    def test_fractional_epochs_are_all_there_also_after_a_resume(self):
        self.record([0.5, 1.0, 1.5])
        self.record([1.5, "step 300"], mode="resume")
        self.assertEqual(self.names(), {1: "0.5", 2: "1", 3: "1.5", 4: "step 300"})

    def test_a_run_of_whole_numbers_has_no_labels(self):
        self.record([1, 5, 10])
        self.assertEqual(self.names(), {1: None, 5: None, 10: None})


if __name__ == "__main__":
    unittest.main()
