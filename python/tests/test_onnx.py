"""Features as ONNX: what PyTorch exports is what the model computes, for any number of samples."""

import os
import sys
import tempfile
import unittest
import warnings
from unittest import mock

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))

try:
    import torch
    from torch import nn
except ImportError:
    raise unittest.SkipTest("torch is not installed")

import dvi
from dvi.onnx_subject import NotExportable, PackageMissing, onnx_features


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8)
        self.attend, self.out = nn.MultiheadAttention(8, 2, batch_first=True), nn.Linear(8, 3)

    def forward(self, x):
        return self.out(self.features(x))

    def features(self, x):
        t = nn.functional.gelu(self.norm(self.conv(x))).flatten(2).transpose(1, 2)
        return (t + self.attend(t, t, t, need_weights=False)[0]).mean(1)


class Branching(Net):
    def features(self, x):
        f = super().features(x)
        return f if bool(x.mean() > 0) else -f


def skip_without_exporter(model, x):
    try:
        onnx_features("Net", model, x)
    except PackageMissing as e:
        raise unittest.SkipTest(f"this PyTorch cannot export: {e}")


class OnnxFeatures(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(0)
        self.x = np.random.default_rng(0).normal(size=(7, 1, 6, 6)).astype(np.float32)
        skip_without_exporter(Net().eval(), self.x)

    def test_any_number_of_samples_goes_through_it(self):
        model = Net().eval()
        archive = onnx_features("Net", model, self.x)
        try:
            import onnxruntime
        except ImportError:
            self.skipTest("onnxruntime is not installed: exported, but not run")
        session = onnxruntime.InferenceSession(archive, providers=["CPUExecutionProvider"])
        for count in (1, 5, 7):
            found = session.run(None, {"x": self.x[:count]})[0]
            with torch.no_grad():
                expected = model.features(torch.from_numpy(self.x[:count])).numpy()
            np.testing.assert_allclose(found, expected, atol=1e-5)

    def test_python_code_that_depends_on_the_input_is_noticed(self):
        model = Branching().eval()
        x = np.abs(self.x)
        x[3:] *= -1  # the mean of the first half is positive, that of all is not
        x[3:] *= 4
        with self.assertRaisesRegex(NotExportable, "other numbers"):
            onnx_features("Branching", model, x)


class RecordedOnnx(unittest.TestCase):
    def record(self, model, **options):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        run = os.path.join(folder.name, "run")
        x = np.random.default_rng(0).normal(size=(40, 1, 6, 6)).astype(np.float32)
        recorder = dvi.Recorder(run, classes=["a", "b", "c"], layout="NCHW", **options)
        recorder.add_group("train", x, np.arange(40) % 3)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            recorder.epoch(1, model)
            recorder.close()
        self.assertEqual(recorder.failures, [])
        return x, os.path.join(run, "epochs", "000001"), " ".join(str(w.message) for w in caught)

    def test_stands_beside_the_features_that_it_makes(self):
        torch.manual_seed(0)
        skip_without_exporter(Net().eval(), np.zeros((2, 1, 6, 6), np.float32))
        x, epoch, _ = self.record(Net())
        file = os.path.join(epoch, "subject.onnx")
        self.assertGreater(os.path.getsize(file), 500)
        try:
            import onnxruntime
        except ImportError:
            self.skipTest("onnxruntime is not installed: recorded, but not run")
        session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        found = session.run(None, {"x": x})[0]
        np.testing.assert_allclose(found, np.load(os.path.join(epoch, "features.npy")), atol=1e-2)

    def test_a_pytorch_that_lacks_a_package_is_no_reason_to_warn(self):
        def export(*_, **__):
            raise RuntimeError("Module onnx is not installed!")

        with mock.patch("torch.onnx.export", export):
            _, epoch, said = self.record(Net())
        self.assertFalse(os.path.exists(os.path.join(epoch, "subject.onnx")))
        self.assertNotIn("ONNX", said)

    def test_only_where_it_is_wanted_and_possible(self):
        _, epoch, said = self.record(Net(), onnx=False)
        self.assertFalse(os.path.exists(os.path.join(epoch, "subject.onnx")))
        self.assertNotIn("ONNX", said)


if __name__ == "__main__":
    unittest.main()
