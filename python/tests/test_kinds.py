"""Kinds of faults that small trials drawn from public bug reports showed, each with its right value, and generated
variants."""

import itertools
import json
import os
import shutil
import sys
import tempfile
import threading
import unittest
import warnings

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))

try:
    import torch
    from torch import nn
except ImportError:
    raise unittest.SkipTest("torch is not installed")

import dvi
from dvi.agreement import Disagreement

C = 4


class KindTest(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(0)
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.run_folder = self.folder + "/run"
        self.x, self.y = torch.rand(40, 64), np.arange(40) % C

    def recorder(self, *groups, classes=range(C), **options):
        r = dvi.Recorder(self.run_folder, classes, **{"mode": "replace", "batch_size": 16, **options})
        for name, inputs, labels, more in groups or [("train", self.x, self.y, {})]:
            r.add_group(name, inputs, labels, **more)
        return r

    def record(self, model, *groups, expect=True, scalars=None, **options):
        r = self.recorder(*groups, **options)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.assertEqual(r.epoch(1, model, **(scalars or {})), expect, r.failures)
            r.close()
        return r

    def file(self, name, epoch=None):
        return os.path.join(self.run_folder, *([] if epoch is None else ["epochs", f"{epoch:06d}"]), name)

    def json(self, name, epoch=None):
        with open(self.file(name, epoch)) as f:
            return json.load(f)

    def assert_recorded(self, z):
        """The recorded logits say what `z` says."""
        found = np.load(self.file("logits.npy", 1))
        difference = Disagreement(found, z.detach().numpy())
        self.assertTrue(difference.within(), str(difference))


def perceptron(inputs=64):
    return nn.Sequential(nn.Flatten(), nn.Linear(inputs, 16), nn.ReLU(), nn.Linear(16, C)).eval()


class ModelsOfEveryKind(KindTest):
    def test_features_named_in_one_branch_are_replaced_by_what_everything_passes(self):
        class TwoBranches(nn.Module):
            def __init__(self):
                super().__init__()
                self.a, self.b, self.o = (
                    nn.Linear(32, 9),
                    nn.Linear(32, 9),
                    nn.Sequential(nn.ReLU(), nn.Linear(18, C)),
                )

            def forward(self, x):
                return self.o(torch.cat([self.a(x[:, :32]), self.b(x[:, 32:])], 1))

        model = TwoBranches().eval()
        with self.assertWarnsRegex(
            RuntimeWarning, 'does not follow from "a" alone, so features are taken from the input of "o.1"'
        ):
            r = self.recorder(features="a")
            self.assertTrue(r.epoch(1, model))
            r.close()
        self.assert_recorded(model(self.x))
        self.assertEqual(np.load(self.file("features.npy", 1)).shape, (40, 18))

    def test_no_layer_that_everything_passes_through(self):
        class Skips(nn.Module):
            def __init__(self):
                super().__init__()
                self.a, self.b = nn.Linear(64, 9), nn.Linear(9, C)

            def forward(self, x):
                return self.b(torch.relu(self.a(x))) * x.sum(1, keepdim=True)

        r = self.record(Skips().eval(), expect=False)
        self.assertIn("give it methods features(x) and head(f)", r.failures[0][1])

    def test_methods_that_forward_does_not_call_or_that_lie(self):
        class Methods(nn.Module):
            def __init__(self, scale):
                super().__init__()
                self.body, self.out, self.scale = nn.Linear(64, 9), nn.Linear(9, C), scale

            def features(self, x):
                return torch.relu(self.body(x))

            def head(self, f):
                return self.out(f)

            def forward(self, x):
                return self.scale * self.out(torch.relu(self.body(x)))

        for scale in (1, 6):
            model = Methods(scale).eval()
            self.record(model)
            self.assert_recorded(model(self.x))

        class NoForward(nn.Module):
            def __init__(self):
                super().__init__()
                self.body, self.out = nn.Linear(64, 9), nn.Linear(9, C)

            def feature(self, x):
                return torch.relu(self.body(x))

            def prediction(self, f):
                return self.out(f)

        model = NoForward().eval()
        self.record(model)
        self.assert_recorded(model.prediction(model.feature(self.x)))

    def test_samples_counted_in_python(self):
        class Counts(nn.Module):
            def __init__(self):
                super().__init__()
                self.e, self.fc = nn.Linear(8, 6), nn.Linear(6, C)

            def forward(self, x):
                return self.fc(torch.relu(self.e(x.reshape(len(x), 8, 8)))).mean(1)

        for options in ({}, {"features": "e"}):
            model = Counts().eval()
            self.assertEqual(self.record(model, **options).failures, [])
            self.assert_recorded(model(self.x))
            loaded = torch.jit.load(self.file("subject.pt", 1))
            for n in (1, 7, 40):
                z = loaded.head(loaded.features(self.x[:n])).detach().numpy()
                self.assertTrue(Disagreement(z, model(self.x[:n]).detach().numpy()).within())

    def test_what_cannot_be_copied(self):
        class Holds(nn.Module):
            def __init__(self):
                super().__init__()
                self.a, self.fc, self.extra = (
                    nn.Linear(64, 9),
                    nn.Linear(9, C),
                    nn.utils.weight_norm(nn.Linear(9, 3)),
                )
                self.lock, self.kept = threading.Lock(), {}

            def forward(self, x):
                h = torch.relu(self.a(x))
                self.kept["last"] = [h]
                if self.training:
                    self.penalty = self.extra(h).pow(2).mean()
                return self.fc(h)

        model = Holds().double().train()
        model(self.x.double()).sum().backward()
        penalty = model.penalty
        self.assertEqual(self.record(model).failures, [])
        self.assertIs(model.penalty, penalty)
        self.assertTrue(os.path.exists(self.file("subject.pt", 1)))
        self.assert_recorded(model.eval()(self.x.double()))

    def test_an_epoch_that_diverged_is_one_sentence(self):
        model = perceptron()
        model[3].bias.data.fill_(float("nan"))
        r = self.record(model, expect=False)
        self.assertIn("the training may have diverged", r.failures[0][1])


class InputsOfEveryKind(KindTest):
    def test_images_of_every_type_are_to_the_model_what_they_say(self):
        rng = np.random.default_rng(0)
        whole = rng.integers(0, 2, (40, 8, 8))
        for dtype, factor in itertools.product(
            ("bool", "uint8", "int8", "int64", "uint16", "int32", "f2", "f4", "f8"), (1, 100)
        ):
            if dtype == "bool" and factor > 1:
                continue
            images = (whole * factor).astype(dtype)
            model = perceptron()
            self.record(model, ("train", images, self.y, {}))
            x = torch.from_numpy(images.astype("f4")) / (255 if dtype == "uint8" else 1)
            with self.subTest(f"{dtype} to {factor}"):
                self.assert_recorded(model(x))
                self.assertLessEqual(np.load(self.file("inputs.npy")).dtype.itemsize, 4)

    def test_numbers_that_float32_cannot_hold_are_refused_in_every_place(self):
        n = np.arange(40)
        for values in (n + 1_700_000_000_000, n + 1.7e9, n + 2**30 + 1, np.full(40, 1e300) * (n + 1)):
            for place in (
                lambda v: self.recorder().add_column("c", v),
                lambda v: self.recorder(("train", {"a": v, "b": n}, self.y, {})),
                lambda v: self.recorder(("train", None, self.y, {"model_inputs": {"a": v[:, None]}})),
                lambda v: self.recorder(("train", np.stack([v, v], 1), self.y, {})),
            ):
                with self.assertRaisesRegex(ValueError, "subtract their mean|number them anew|scale them"):
                    place(values)
        for values in (n, n + 2**24 - 100, n / 7, n * 1e30, n.astype("u1"), n > 3):
            self.recorder().add_column("c", values)
        with self.assertRaisesRegex(ValueError, "days since a date"):
            self.recorder().add_column("when", np.arange("2026-01-01", "2026-02-10", dtype="M8[D]"))

    def test_categorical_codes_and_mixed_fields(self):
        class Embeds(nn.Module):
            def __init__(self):
                super().__init__()
                self.e, self.fc, self.o = nn.Embedding(17, 3), nn.Linear(192, 12), nn.Linear(12, C)

            def forward(self, x):
                return self.o(torch.relu(self.fc(self.e(x).flatten(1))))

        codes, model = (self.x * 16).long(), Embeds().eval()
        for more in ({}, {"model_inputs": codes}):
            self.assertEqual(self.record(model, ("train", codes, self.y, more)).failures, [])
            self.assert_recorded(model(codes))
        # Whole numbers for a model of real ones.
        model = perceptron()
        self.assertEqual(self.record(model, ("train", codes, self.y, {"model_inputs": codes})).failures, [])
        self.assert_recorded(model(codes.float()))

    def test_series_are_told_from_images_by_the_model(self):
        class Lstm(nn.Module):
            def __init__(self, width):
                super().__init__()
                self.l, self.fc = nn.LSTM(width, 6, batch_first=True), nn.Linear(6, C)

            def forward(self, x):
                return self.fc(self.l(x)[0][:, -1])

        series = self.x.reshape(40, 16, 4)
        for options in ({}, {"layout": "NTC"}):
            model = Lstm(4).eval()
            self.assertEqual(self.record(model, ("train", series, self.y, {}), **options).failures, [])
            self.assert_recorded(model(series))
            self.assertEqual(self.json("run.json")["inputs"], {"kind": "series", "layout": "NTC"})
        model = nn.Sequential(
            nn.Conv1d(4, 5, 3), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(5, C)
        ).eval()
        self.record(model, ("train", series.transpose(1, 2), self.y, {}))
        self.assertEqual(self.json("run.json")["inputs"], {"kind": "series", "layout": "NCT"})
        self.assert_recorded(model(series.transpose(1, 2)))
        self.record(perceptron(), ("train", series, self.y, {}))
        self.assertEqual(self.json("run.json")["inputs"]["kind"], "image")

    def test_spectral_bands_and_volumes(self):
        for shape in ((40, 13, 6, 6), (40, 6, 6, 13)):
            bands = torch.rand(shape)
            self.record(perceptron(13 * 36), ("train", bands, self.y, {}), channels=[3, 2, 1])
            self.assertEqual(self.json("run.json")["inputs"]["channels"], [3, 2, 1])
            self.assertEqual(self.json("run.json")["inputs"]["layout"], "NCHW" if shape[1] == 13 else "NHWC")
        with self.assertRaisesRegex(ValueError, "volumes .* model_inputs="):
            self.recorder(("train", torch.rand(40, 1, 4, 4, 4), self.y, {}))
        volumes = torch.rand(40, 1, 4, 4, 4)
        model = nn.Sequential(nn.Conv3d(1, 3, 3), nn.Flatten(), nn.Linear(24, C)).eval()
        self.record(model, ("train", None, self.y, {"model_inputs": volumes}))
        self.assert_recorded(model(volumes))

    def test_what_the_model_cannot_be_run_on_is_one_sentence(self):
        r = self.record(perceptron(99), expect=False)
        self.assertRegex(r.failures[0][1], r"cannot be run on samples of shape \[64\] .*model_inputs=")

    def test_halves_of_surrogate_pairs(self):
        half = json.loads('"ok \\ud83d cut"')
        texts = [half, "fine"] * 20
        r = self.recorder(
            (
                "train",
                texts,
                self.y,
                {"model_inputs": self.x, "columns": {"c" + half: np.arange(40), "w": [half] * 40}},
            ),
            classes=[half, "b", "c", "d"],
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            r.epoch(1, perceptron(), **{half: 1.0})
            r.close()
        self.assertEqual(r.failures, [])
        with open(self.file("texts.txt"), encoding="utf-8") as f:
            self.assertEqual(f.readline(), "ok \ufffd cut\n")
        self.assertEqual(self.json("run.json")["classes"][0], "ok \ufffd cut")
        self.assertEqual(self.json("epoch.json", 1)["ok \ufffd cut"], 1)


class SideDetails(KindTest):
    def test_metrics_of_any_type_never_cost_an_epoch(self):
        class Odd:
            def __float__(self):
                raise OSError("gone")

        numbers = [
            0.5,
            3,
            True,
            np.float16(2),
            np.array([[4.0]]),
            torch.tensor(5.0, requires_grad=True),
            torch.tensor([6]),
            10**30,
        ]
        nothing = [None, float("nan"), float("inf"), np.nan, torch.tensor(float("inf"))]
        others = [
            "warm-up",
            b"x",
            [1, 2],
            {"a": 1},
            torch.rand(64),
            np.zeros((2, 2)),
            object(),
            Odd(),
            10**400,
            1j,
            np.array("x"),
        ]
        for value in numbers + nothing + others:
            with self.subTest(repr(value)[:40]):
                r = self.record(perceptron(), scalars={"metric": value, "loss": 1.5})
                self.assertEqual(r.failures, [])
                epoch = self.json("epoch.json", 1)
                self.assertEqual(epoch["loss"], 1.5)
                self.assertEqual("metric" in epoch, any(value is v for v in numbers))
        with self.assertWarnsRegex(
            RuntimeWarning, 'the metric "loss" is not recorded: it is an array of shape'
        ):
            recorder = self.recorder()
            recorder.epoch(1, perceptron(), loss=torch.rand(64))
        recorder.close()

    def test_names_of_classes_that_occur_twice_are_named_and_not_all_others(self):
        with self.assertRaises(ValueError) as caught:
            dvi.Recorder(self.run_folder, [f"class {i}" for i in range(998)] + ["crane", "crane"])
        self.assertIn("crane", str(caught.exception))
        self.assertLess(len(str(caught.exception)), 200)

    def test_every_message_is_short(self):
        class Many(nn.Module):
            def __init__(self):
                super().__init__()
                self.layers = nn.ModuleList([nn.Linear(64, 3) for _ in range(300)])

            def forward(self, x):
                raise RuntimeError("y" * 5000)

        for options in ({}, {"features": "nothing"}):
            r = self.record(Many(), expect=False, **options)
            self.assertLess(len(r.failures[0][1]), 420)


class Resumed(KindTest):
    def resume(self, *groups):
        r = self.recorder(*groups, mode="resume")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            taken = r.epoch(2, perceptron())
            r.close()
        return taken, r.failures

    def test_only_with_the_same_samples(self):
        groups = ("train", self.x, self.y, {}), ("test", self.x[:9], self.y[:9], {})
        self.record(perceptron(), *groups)
        self.assertEqual(self.resume(*groups), (True, []))
        order = torch.randperm(40)
        shuffled = ("train", self.x[order], self.y[order], {}), groups[1]
        for others in (shuffled, (groups[0], ("test", self.x[:9] + 0.5, self.y[:9], {}))):
            taken, failures = self.resume(*others)
            self.assertFalse(taken)
            self.assertRegex(
                failures[0][1], r"sample \d+ has another (label|input) than .* give the split a fixed seed"
            )

    def test_texts_and_rows_too(self):
        for make in (
            lambda i: [f"text {j + i}" for j in range(40)],
            lambda i: {"a": np.arange(40) + i, "b": ["x"] * 40},
        ):
            group = lambda i: ("train", make(i), self.y, {"model_inputs": self.x})
            self.record(perceptron(), group(0))
            self.assertTrue(self.resume(group(0))[0])
            taken, failures = self.resume(group(1))
            self.assertIn("sample 0 has another input", failures[0][1])


if __name__ == "__main__":
    unittest.main()
