"""dvi.project: through the program and through a server, with the program itself where it is built."""

import os
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

import numpy as np

try:
    from sklearn.datasets import load_digits
except ImportError:
    raise unittest.SkipTest("scikit-learn is not installed")

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import dvi  # noqa: E402
from dvi_program import DVI as PROGRAM  # noqa: E402


@unittest.skipIf(PROGRAM is None, "the program is not built")
class Project(unittest.TestCase):
    """Pixels of handwritten digits as features, with the head that tells each class by its mean."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="dvi project ü ")
        cls.addClassCleanup(folder.cleanup)
        cls.run_folder = os.path.join(folder.name, "run")
        digits = load_digits()
        features, labels = digits.data.astype(np.float32) / 16, digits.target
        means = np.stack([features[labels == c].mean(0) for c in range(10)])
        recorder = dvi.Recorder(cls.run_folder, classes=[str(c) for c in range(10)])
        recorder.add_group("train", labels=labels[:1000])
        for epoch in (1, 2):
            recorder.epoch(
                epoch,
                features=features[:1000],
                head_weight=epoch * means,
                head_bias=-0.5 * epoch * (means**2).sum(1),
            )
        recorder.close()
        subprocess.run([PROGRAM, "--quiet", "fit", cls.run_folder], check=True)
        cls.new = features[1000:1200]
        cls.labels = labels[1000:1200]

    def test_the_program_places_arrays(self):
        found = dvi.project(self.run_folder, self.new, program=PROGRAM)
        self.assertEqual(found.epochs.tolist(), [2])
        self.assertEqual(found.places.shape, (1, 200, 2))
        self.assertEqual(found.places.dtype, np.float32)
        self.assertEqual(found.probabilities.shape, (1, 200, 10))
        self.assertEqual(found.nearest.shape, (1, 200, 15))
        self.assertGreater(np.mean(found.predictions[0] == self.labels), 0.7)
        one = dvi.project(self.run_folder, self.new[7:8], epochs=2, program=PROGRAM)
        np.testing.assert_array_equal(one.places[0, 0], found.places[0, 7])

    def test_a_server_gives_the_same(self):
        address = dvi.show(self.run_folder, program=PROGRAM).address
        process, *_ = sys.modules["dvi.show"]._servers.pop(self.run_folder)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        by_program = dvi.project(self.run_folder, self.new, epochs=[1], program=PROGRAM)
        with mock.patch.object(sys.modules["dvi.project"], "_rows_a_request", 64):
            by_server = dvi.project(address, self.new, epochs=[1])
        for name in ("epochs", "places", "predictions", "probabilities", "nearest", "distances"):
            np.testing.assert_array_equal(getattr(by_server, name), getattr(by_program, name), name)
        with self.assertRaisesRegex(ValueError, "63"):
            dvi.project(address, self.new[:, :63], kind="features")

    def test_bad_samples_are_one_sentence(self):
        with self.assertRaisesRegex(ValueError, r"\(200, 64\).*\(200, 63\)"):
            dvi.project(self.run_folder, self.new[:, :63], program=PROGRAM)
        with self.assertRaisesRegex(ValueError, "one epoch"):
            dvi.project(self.run_folder, self.new, epochs="all", program=PROGRAM)


if __name__ == "__main__":
    unittest.main()
