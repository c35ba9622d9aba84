"""The examples run as a user would run them, on less data, and dvi check accepts what they record."""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(__file__))

from dvi_program import DVI

PYTHON = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))
FASHION = "/usr/share/datasets/fashion-mnist"


class Examples(unittest.TestCase):
    def run_example(self, name, *arguments):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        run = os.path.join(folder, "run")
        done = subprocess.run([sys.executable, os.path.join(PYTHON, "examples", name), run, *arguments], capture_output=True, text=True,
                              env={**os.environ, "PYTHONPATH": PYTHON})
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        if DVI:
            done = subprocess.run([DVI, "check", run], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return sorted(os.listdir(os.path.join(run, "epochs")))

    @unittest.skipUnless(importlib.util.find_spec("torch") and os.path.isdir(FASHION), "needs torch and dataset-fashion-mnist")
    def test_pytorch(self):
        self.assertEqual(self.run_example("fashion_mnist_pytorch.py", "--train", "300", "--epochs", "2"), ["000001", "000002"])

    @unittest.skipUnless(importlib.util.find_spec("sklearn"), "needs scikit-learn")
    def test_sklearn(self):
        self.assertEqual(len(self.run_example("digits_sklearn.py")), 6)

    def test_text(self):
        self.assertEqual(len(self.run_example("sentences_text.py")), 8)


if __name__ == "__main__":
    unittest.main()
