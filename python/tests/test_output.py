"""What a model returns, in every wrapper, and what its numbers are: generated over wrappers, last steps and pooling."""

import itertools
import json
import os
import shutil
import sys
import tempfile
import types
import unittest
import warnings
from collections import OrderedDict, namedtuple

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))

try:
    import torch
    from torch import nn
except ImportError:
    raise unittest.SkipTest("torch is not installed")

import dvi
from dvi.agreement import Disagreement, probabilities

Named = namedtuple("Named", "loss logits")

WRAPPERS = {
    "bare": lambda z, h: z,
    "dict": lambda z, h: {"hidden": h, "logits": z},
    "model output": lambda z, h: OrderedDict(loss=None, logits=z, hidden_states=(h, h)),
    "tuple": lambda z, h: (z, h),
    "list": lambda z, h: [h, z],
    "named tuple": lambda z, h: Named(None, z),
    "object": lambda z, h: types.SimpleNamespace(logits=z, states=[h]),
    "nested": lambda z, h: {"out": (h, {"logits": z})},
}
LAST_STEPS = {
    "none": lambda z: z,
    "scale": lambda z: 7.5 * z,
    "temperature": lambda z: z / 4,
    "shift": lambda z: z + 100,
    "log-softmax": lambda z: z.log_softmax(1),
    "softmax": lambda z: z.softmax(1),
    "mask": lambda z: z.masked_fill(torch.arange(z.shape[1]) == 1, -1e9),
    "infinite mask": lambda z: z.masked_fill(torch.arange(z.shape[1]) == 1, float("-inf")),
    "centred": lambda z: z - z.mean(1, keepdim=True),
    "soft cap": lambda z: 5 * torch.tanh(z / 5),
}


class Made(nn.Module):
    def __init__(self, wrap, last, columns=4, inputs=6):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(inputs, 16), nn.ReLU(), nn.Linear(16, 9), nn.Tanh())
        self.fc = nn.Linear(9, columns)
        nn.init.normal_(self.fc.weight, std=1.5)
        self.wrap, self.last = wrap, last

    def forward(self, x):
        h = self.body(x)
        return self.wrap(self.last(self.fc(h)), h)


class OutputTest(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(0)
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.x = torch.randn(40, 6)

    def record(self, model, classes=range(4), labels=None, expect=True, x=None, **options):
        x = self.x if x is None else x
        r = dvi.Recorder(self.folder + "/run", classes, mode="replace", batch_size=16, **options)
        r.add_group("train", x, np.arange(len(x)) % 2 if labels is None else labels)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.assertEqual(r.epoch(1, model), expect, r.failures)
            r.close()
        return r

    def logits(self):
        """The recorded logits, which features and head make again."""
        at = self.folder + "/run/epochs/000001/"
        features, logits = np.load(at + "features.npy"), np.load(at + "logits.npy")
        if os.path.exists(at + "head_weight.npy"):
            made = features @ np.load(at + "head_weight.npy").T + np.load(at + "head_bias.npy")
            self.assertTrue(Disagreement(made, logits).within())
        if os.path.exists(at + "subject.pt"):
            with torch.no_grad():
                made = torch.jit.load(at + "subject.pt").head(torch.from_numpy(features)).numpy()
            self.assertTrue(Disagreement(made, logits).within())
        return logits


class Wrappers(OutputTest):
    def test_every_wrapper_with_every_last_step(self):
        for (wrapper, wrap), (step, last) in itertools.product(WRAPPERS.items(), LAST_STEPS.items()):
            if wrapper not in ("bare", "dict") and step not in ("none", "softmax"):
                continue  # the two are independent
            with self.subTest(f"{wrapper}, {step}"):
                model = Made(wrap, last).eval()
                self.record(model)
                with torch.no_grad():
                    z = last(model.fc(model.body(self.x)))
                p = (z if step == "softmax" else z.softmax(1)).numpy()
                np.testing.assert_allclose(probabilities(self.logits()), p, atol=1e-3)

    def test_two_outputs_that_could_be_it_are_refused_until_one_is_chosen(self):
        two = Made(lambda z, h: (z, 2 * z), lambda z: z)
        r = self.record(two, expect=False)
        self.assertIn("output=NAME_OR_INDEX", r.failures[0][1])
        for choice in (1, lambda out: out[1]):
            self.record(two, output=choice)
            with torch.no_grad():
                np.testing.assert_allclose(
                    probabilities(self.logits()), two(self.x)[1].softmax(1).numpy(), atol=1e-3
                )
        r = self.record(two, expect=False, output="logits")
        self.assertIn(
            "output='logits' is not among what Made returns: [0] [2, 4], [1] [2, 4]", r.failures[0][1]
        )

    def test_too_few_or_no_outputs(self):
        for model in (Made(lambda z, h: z[:, :3], lambda z: z), Made(lambda z, h: None, lambda z: z)):
            r = self.record(model, expect=False)
            self.assertIn("name every output in classes=", r.failures[0][1])


class OneNumber(OutputTest):
    def test_a_logit_or_a_probability_of_the_second_class(self):
        for columns in (lambda z: z, lambda z: z[:, 0]):
            for step in (lambda z: z, torch.sigmoid):
                model = Made(lambda z, h, c=columns: c(z), step, columns=1).eval()
                self.record(model, ["no", "yes"])
                with torch.no_grad():
                    p = torch.sigmoid(model.fc(model.body(self.x)))[:, 0].numpy()
                np.testing.assert_allclose(probabilities(self.logits())[:, 1], p, atol=1e-3)

    def test_what_cannot_be_told_is_refused(self):
        class Detached(Made):
            def forward(self, x):
                return super().forward(x).detach()

        model = Detached(lambda z, h: z, torch.sigmoid, columns=1)
        r = self.record(model, ["no", "yes"], expect=False)
        self.assertIn("output=torch.logit", r.failures[0][1])
        self.record(model, ["no", "yes"], output=torch.logit)
        with torch.no_grad():
            np.testing.assert_allclose(
                probabilities(self.logits())[:, 1], model(self.x)[:, 0].numpy(), atol=1e-3
            )

    def test_three_classes_cannot_be_one_number(self):
        r = self.record(Made(lambda z, h: z, lambda z: z, columns=1), range(3), expect=False)
        self.assertIn("must give 3 logits a sample", r.failures[0][1])


class MultiLabel(OutputTest):
    labels = np.array([[i % 2, i % 3 == 0, 1] for i in range(40)])

    def test_one_label_a_run(self):
        for step in (lambda z: z, torch.sigmoid):
            model = Made(lambda z, h: z, step, columns=3).eval()
            self.record(model, ["cat", "dog", "sky"], self.labels, label="dog")
            with torch.no_grad():
                p = torch.sigmoid(model.fc(model.body(self.x)))[:, 1].numpy()
            np.testing.assert_allclose(probabilities(self.logits())[:, 1], p, atol=1e-3)
            with open(self.folder + "/run/run.json") as f:
                self.assertEqual(json.load(f)["classes"], ["not dog", "dog"])
            np.testing.assert_array_equal(np.load(self.folder + "/run/labels.npy"), self.labels[:, 1])

    def test_refused_without(self):
        with self.assertRaisesRegex(ValueError, 'multi-label .* label="NAME"'):
            self.record(None, ["cat", "dog", "sky"], self.labels)
        r = self.record(Made(lambda z, h: z, torch.sigmoid), expect=False)
        self.assertIn('label="NAME"', r.failures[0][1])
        with self.assertRaisesRegex(ValueError, "label must be one of the classes, a, b"):
            dvi.Recorder(self.folder + "/run", ["a", "b"], label="c")


class Dense(OutputTest):
    class Tokens(nn.Module):
        def __init__(self, channels_first):
            super().__init__()
            self.e, self.fc, self.first = nn.Linear(3, 8), nn.Linear(8, 4), channels_first

        def forward(self, x):
            z = self.fc(torch.relu(self.e(x.reshape(x.shape[0], 2, 3))))
            return z.permute(0, 2, 1).reshape(x.shape[0], 4, 2, 1) if self.first else z

    def test_refused_until_pooling_is_chosen(self):
        for first in (False, True):
            model = self.Tokens(first).eval()
            r = self.record(model, expect=False)
            self.assertIn('pool="mean") or "max", "first", "last"', r.failures[0][1])
            with torch.no_grad():
                z = model.fc(torch.relu(model.e(self.x.reshape(40, 2, 3))))
            for pool, want in (
                ("mean", z.mean(1)),
                ("max", z.amax(1)),
                ("first", z[:, 0]),
                ("last", z[:, 1]),
            ):
                self.record(model, pool=pool)
                np.testing.assert_allclose(probabilities(self.logits()), want.softmax(1).numpy(), atol=1e-3)


class GivenArrays(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        rng = np.random.default_rng(0)
        self.f, self.w = rng.normal(size=(50, 6)).astype(np.float32), rng.normal(size=(3, 6)).astype(
            np.float32
        )

    def record(self, **arrays):
        r = dvi.Recorder(self.folder + "/run", range(3), mode="replace")
        r.add_group("train", labels=np.arange(50) % 3)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            r.epoch(1, features=self.f, **arrays)
            r.close()
        return r.failures

    def test_logits_must_be_the_heads_up_to_what_a_softmax_sees(self):
        z = self.f @ self.w.T
        p = probabilities(z)
        for logits in (z, z + 5, p, np.log(p), z.astype(np.float16)):
            self.assertEqual(self.record(logits=logits, head_weight=self.w), [])
            kept = np.load(self.folder + "/run/epochs/000001/logits.npy")
            np.testing.assert_allclose(probabilities(kept), p, atol=1e-2)
        for logits in (z / 3, z[::-1], np.tanh(z)):
            failures = self.record(logits=logits, head_weight=self.w)
            self.assertIn("the head given does not make the logits", failures[0][1])
        self.assertEqual(self.record(logits=z), [])
        failures = self.record(logits=np.sin(3 * z))
        self.assertIn("solved from features and logits by least squares does not make", failures[0][1])


if __name__ == "__main__":
    unittest.main()
