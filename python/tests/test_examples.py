"""The examples run as a user would run them, on less data, and what they record goes the whole way: dvi
check, fit, eval and serve, whose card shows the sample that the script was given."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import urllib.request

sys.path.insert(0, os.path.dirname(__file__))

from dvi_program import DVI

PYTHON = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))
FASHION = "/usr/share/datasets/fashion-mnist"
TIMEOUT = 300


class Served:
    """`dvi serve RUN` on a free port, until the end of the with block."""

    def __init__(self, run):
        self.process = subprocess.Popen(
            [DVI, "serve", run, "--port", "0"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def __enter__(self):
        said = ""
        for line in self.process.stdout:
            said += line
            found = re.search(r"http://\S+?(?=/?\s)", line)
            if found:
                self.url = found.group()
                return self
        raise AssertionError(f"dvi serve ended: {said}")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(TIMEOUT)
        self.process.stdout.close()

    def bytes(self, path):
        with urllib.request.urlopen(self.url + path, timeout=TIMEOUT) as answer:
            return answer.read()

    def json(self, path):
        return json.loads(self.bytes(path))


class Examples(unittest.TestCase):
    def run_example(self, name, *arguments):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        self.run_folder = os.path.join(folder, "run")
        done = subprocess.run(
            [sys.executable, os.path.join(PYTHON, "examples", name), self.run_folder, *arguments],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": PYTHON},
            timeout=TIMEOUT,
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return [int(epoch) for epoch in sorted(os.listdir(os.path.join(self.run_folder, "epochs")))]

    def dvi(self, *arguments):
        done = subprocess.run([DVI, *arguments], capture_output=True, text=True, timeout=TIMEOUT)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def fit_and_serve(self, epochs, ask):
        """Fits the first and the last epoch, and calls ask(served, the view's address) while the run is served."""
        if not DVI:
            self.skipTest(
                "recorded; the rest needs the program dvi, built at build/dvi or named by the variable DVI"
            )
        self.dvi("check", self.run_folder)
        fitted = [epochs[0], epochs[-1]]
        self.dvi("fit", self.run_folder, "--epochs", ",".join(map(str, fitted)))
        evaluation = json.loads(self.dvi("eval", self.run_folder, "--json"))
        self.assertEqual([e["epoch"] for e in evaluation["epochs"]], fitted)
        for epoch in evaluation["epochs"]:
            self.assertGreater(epoch["test"]["nn_15"], 2)
            self.assertGreater(epoch["test"]["ppr"], 0.8)
        with Served(self.run_folder) as served:
            self.assertEqual(served.json("/api/runs/0/views/default")["epochs"], fitted)
            ask(served, f"/api/runs/0/views/default/epochs/{fitted[-1]}")

    @unittest.skipUnless(
        importlib.util.find_spec("torch") and os.path.isdir(FASHION), "needs torch and dataset-fashion-mnist"
    )
    def test_pytorch_images(self):
        epochs = self.run_example("fashion_mnist_pytorch.py", "--train", "300", "--epochs", "3")
        self.assertEqual(epochs, [1, 2, 3])

        def ask(served, view):
            self.assertEqual(served.json("/api/runs/0")["inputs"]["kind"], "image")
            card = served.json(f"{view}/card?id=310")
            self.assertEqual((card["id"], card["group"]), (310, "test"))
            self.assertEqual(len(card["neighbors"]["features"]), 15)
            self.assertTrue(served.bytes("/api/runs/0/inputs/310.png").startswith(b"\x89PNG"))

        self.fit_and_serve(epochs, ask)

    @unittest.skipUnless(importlib.util.find_spec("sklearn"), "needs scikit-learn")
    def test_sklearn_images(self):
        epochs = self.run_example("digits_sklearn.py")
        self.assertEqual(len(epochs), 6)

        def ask(served, view):
            self.assertEqual(served.json("/api/runs/0/views/default")["boundary_from"], "recorded")
            self.assertTrue(served.bytes("/api/runs/0/inputs/1300.png").startswith(b"\x89PNG"))
            self.assertEqual(served.json(f"{view}/card?id=1300")["group"], "test")

        self.fit_and_serve(epochs, ask)

    @unittest.skipUnless(importlib.util.find_spec("sklearn"), "needs scikit-learn")
    def test_sklearn_table(self):
        epochs = self.run_example("wine_table_sklearn.py")
        self.assertEqual(len(epochs), 6)

        def ask(served, view):
            with open(os.path.join(self.run_folder, "rows.csv")) as table:
                names, *rows = [line.rstrip("\n").split(",") for line in table]
            row = served.json(f"{view}/card?id=140")["row"]
            self.assertEqual([name for name, _ in row], names)
            self.assertEqual([float(value) for _, value in row], [float(value) for value in rows[140]])
            self.assertIn("flavanoids", names)

        self.fit_and_serve(epochs, ask)

    def test_texts(self):
        epochs = self.run_example("sentences_text.py")
        self.assertEqual(len(epochs), 8)

        def ask(served, view):
            card = served.json(f"{view}/card?id=1000")
            self.assertRegex(card["text"], r"^the \w+ \w+ .* while the \w+ waits$")
            with open(os.path.join(self.run_folder, "texts.txt")) as texts:
                self.assertEqual(card["text"], texts.read().split("\n")[1000])
            self.assertEqual(len(card["history"]["epochs"]), 2)

        self.fit_and_serve(epochs, ask)


if __name__ == "__main__":
    unittest.main()
