"""Import, then export: what the layout can hold comes back. Needs the dvi program (dvi_program.py)."""

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import numpy as np

sys.path[:0] = [os.path.join(os.path.dirname(__file__), ".."), os.path.dirname(__file__)]

from dvi import export
from dvi.torch_format import save_tensors
from dvi_program import DVI

try:
    import torch
except ImportError:
    torch = None

N, POOL, D, C = 20, 14, 6, 3


def png_pixels(path):
    """Reads what the exporter's PNGs hold: 8 bits, filter 0."""
    import struct
    import zlib

    with open(path, "rb") as f:
        data = f.read()
    at, image = 8, b""
    while at < len(data):
        length, tag = struct.unpack(">I4s", data[at : at + 8])
        if tag == b"IHDR":
            width, height, _, kind = struct.unpack(">IIBB", data[at + 8 : at + 18])
        if tag == b"IDAT":
            image += data[at + 8 : at + 8 + length]
        at += 12 + length
    lines = np.frombuffer(zlib.decompress(image), np.uint8).reshape(height, -1)
    assert not lines[:, 0].any()
    channels = {0: 1, 2: 3, 6: 4}[kind]
    return lines[:, 1:].reshape((height, width) if channels == 1 else (height, width, channels))


class TorchFormat(unittest.TestCase):
    @unittest.skipIf(torch is None, "torch is not installed")
    def test_torch_reads_what_is_written(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "x.pth")
            for dtype in ("f4", "f8", "f2", "i8", "i4", "i2", "i1", "u1"):
                array = np.arange(24).reshape(2, 3, 4).astype(dtype).transpose(0, 2, 1)
                save_tensors(path, array)
                got = torch.load(path)
                np.testing.assert_array_equal(got.numpy(), array)
                self.assertEqual(got.numpy().dtype, array.dtype)
            state = {
                "fc.weight": np.ones((2, 3), np.float32),
                "fc.bias": np.zeros(2, np.float32),
                "empty": np.zeros((0, 2), np.float32),
            }
            save_tensors(path, state)
            got = torch.load(path)
            self.assertEqual(list(got), list(state))
            torch.nn.ModuleDict({"fc": torch.nn.Linear(3, 2)}).load_state_dict(
                {k: v for k, v in got.items() if k != "empty"}
            )


@unittest.skipUnless(DVI, "there is no dvi program")
class ImportThenExport(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.rng = np.random.default_rng(0)

    def path(self, *parts):
        path = os.path.join(self.folder, *parts)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def json(self, value, *parts):
        with open(self.path(*parts), "w") as f:
            json.dump(value, f)

    def round_trip(self, layout):
        done = subprocess.run(
            [DVI, "import", self.path("source"), self.path("run")], capture_output=True, text=True
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            export.main([self.path("run"), self.path("back"), "--layout", layout])
        self.assertNotIn("left out", said.getvalue())
        return done.stdout

    def assert_same_files(self):
        def names(root):
            return sorted(os.path.relpath(os.path.join(d, n), root) for d, _, ns in os.walk(root) for n in ns)

        source, back = self.path("source"), self.path("back")
        self.assertEqual(names(source), names(back))
        for name in names(source):
            a, b = os.path.join(source, name), os.path.join(back, name)
            if name.endswith(".npy"):
                np.testing.assert_array_equal(np.load(a), np.load(b), err_msg=name)
            elif name.endswith(".json"):
                with open(a) as f, open(b) as g:
                    self.assertEqual(json.load(f), json.load(g), name)
            elif name.endswith(".png"):
                np.testing.assert_array_equal(png_pixels(a), png_pixels(b), err_msg=name)
            elif name.endswith(".pth"):
                if torch is not None:
                    self.assert_same_tensors(torch.load(a), torch.load(b), name)
            else:
                with open(a, "rb") as f, open(b, "rb") as g:
                    self.assertEqual(f.read(), g.read(), name)

    def assert_same_tensors(self, a, b, name):
        a, b = ({"": x} if isinstance(x, torch.Tensor) else x for x in (a, b))
        self.assertEqual(list(a), list(b), name)
        for key in a:
            self.assertTrue(torch.equal(a[key], b[key]) and a[key].dtype == b[key].dtype, f"{name} {key}")

    def state_dict(self, epoch):
        rng = np.random.default_rng(epoch)
        return {
            "body.weight": rng.normal(size=(4, 4)).astype(np.float32),
            "prediction.weight": rng.normal(size=(C, D)).astype(np.float32),
            "prediction.bias": rng.normal(size=C).astype(np.float32),
        }

    def save(self, tensors, *parts):
        """By PyTorch itself where it is there."""
        if torch is None:
            save_tensors(self.path(*parts), tensors)
        elif isinstance(tensors, dict):
            torch.save({k: torch.from_numpy(v) for k, v in tensors.items()}, self.path(*parts))
        else:
            torch.save(torch.from_numpy(tensors), self.path(*parts))

    def test_v1(self):
        self.v1_round_trip("Epoch", None)

    def test_v1_with_config_and_iterations(self):
        self.v1_round_trip(
            "Iteration", {"DVI": {"CLASSES": ["cat", "dog", "owl"], "EPOCH_NAME": "Iteration"}}
        )

    def v1_round_trip(self, word, config):
        if config is not None:
            self.json(config, "source", "config.json")
        images, labels = self.rng.random((N, 3, 4, 4), dtype=np.float32), np.arange(N) % C
        for part, stem, rows in (
            ("Training_data", "training_dataset", slice(0, POOL)),
            ("Testing_data", "testing_dataset", slice(POOL, N)),
        ):
            self.save(images[rows], "source", part, f"{stem}_data.pth")
            self.save(labels[rows], "source", part, f"{stem}_label.pth")
        self.json([3, 1], "source", "index.json")
        self.json([2, 0], "source", "old_labels.json")
        with open(self.path("source", "Model", "model.py"), "w") as f:
            f.write("# theirs\n")
        for n in (1, 2, 5):
            at = ("source", "Model", f"{word}_{n}")
            for name, rows in (
                ("train_data", POOL),
                ("test_data", N - POOL),
                ("border_centers", 4),
                ("test_border_centers", 2),
            ):
                np.save(self.path(*at, name + ".npy"), self.rng.normal(size=(rows, D)).astype(np.float32))
            np.save(self.path(*at, "ori_border_centers.npy"), self.rng.random((4, 3, 4, 4), dtype=np.float32))
            self.save(self.state_dict(n), *at, "subject_model.pth")
            self.json([5, 0, n], *at, "index.json")
            self.json([1], *at, "test_index.json")
            self.json([i / 2 for i in range(POOL)], *at, "train_uncertainty_score.json")
            self.json([i / 4 for i in range(N - POOL)], *at, "test_total_score.json")
            self.json({"3": 0.5}, *at, "train_dis_score.json")
        self.round_trip("v1")
        # The layout does not say in which order noisy samples are listed; the run holds them in order of their ids.
        with open(self.path("back", "index.json")) as f, open(self.path("back", "old_labels.json")) as g:
            self.assertEqual(dict(zip(json.load(f), json.load(g))), {3: 2, 1: 0})
        for name in ("index.json", "old_labels.json"):
            shutil.copyfile(self.path("source", name), self.path("back", name))
        self.assert_same_files()

    def make_ttv(self):
        labels, order = np.arange(N) % C, self.rng.permutation(N).tolist()
        np.save(self.path("source", "dataset", "labels.npy"), labels)
        self.json({"classes": ["a", "b", "c"], "model": "Net"}, "source", "dataset", "info.json")
        self.json({"train": order[:POOL], "test": order[POOL : N - 1]}, "source", "dataset", "index.json")
        with open(self.path("source", "scripts", "model.py"), "w") as f:
            f.write("# theirs\n")
        for n in (1, 7):
            at = ("source", "epochs", f"epoch_{n}")
            state, f = self.state_dict(n), self.rng.normal(size=(N, D)).astype(np.float32)
            np.save(self.path(*at, "embeddings.npy"), f)
            np.save(
                self.path(*at, "predictions.npy"), f @ state["prediction.weight"].T + state["prediction.bias"]
            )
            self.save(state, *at, "model.pth")

    def test_ttv_with_images(self):
        self.make_ttv()
        for i in range(N):
            export._save_png(
                self.path("source", "dataset", "image", f"{i}.png"),
                self.rng.integers(0, 256, (5, 4, 3), dtype=np.uint8),
            )
        said = self.round_trip("ttv")
        self.assertIn("prediction.weight, which makes the recorded logits", said)
        self.assert_same_files()

    def test_ttv_with_texts(self):
        self.make_ttv()
        with open(self.path("source", "dataset", "text.txt"), "w") as f:
            f.write("".join(f"text {i}, é\n" for i in range(N)))
        self.round_trip("ttv")
        self.assert_same_files()

    def test_a_recorded_run_goes_out_and_comes_back(self):
        import dvi

        x = self.rng.integers(0, 256, (N, 4, 4), dtype=np.uint8)
        r = dvi.Recorder(self.path("recorded"), ["a", "b", "c"])
        r.add_group("train", x[:POOL], np.arange(POOL) % C).add_group(
            "test", x[POOL:], np.arange(N - POOL) % C
        )
        w, b, f = (
            self.rng.normal(size=(C, D)),
            self.rng.normal(size=C),
            self.rng.normal(size=(N, D)).astype(np.float32),
        )
        r.epoch(4, features=f, head_weight=w, head_bias=b)
        r.close()
        for layout in ("v1", "ttv"):
            out, back = self.path(layout), self.path(layout + "-run")
            with contextlib.redirect_stdout(io.StringIO()):
                export.main([self.path("recorded"), out, "--layout", layout])
            subprocess.run([DVI, "import", out, back], check=True, capture_output=True)
            for name in (
                "inputs.npy",
                "labels.npy",
                "epochs/000004/features.npy",
                "epochs/000004/head_weight.npy",
                "epochs/000004/head_bias.npy",
            ):
                np.testing.assert_array_equal(
                    np.load(self.path("recorded", name)), np.load(os.path.join(back, name)), err_msg=name
                )


if __name__ == "__main__":
    unittest.main()
