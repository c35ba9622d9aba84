"""Models of many families: the recorded features and head say what the model says, at every epoch and on every
sample."""

import json
import os
import shutil
import sys
import tempfile
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
from dvi.agreement import Disagreement, probabilities, unmasked

from model_families import C, families


def answers(model, group):
    """What the model itself returns, as logits."""
    fed = group.get("model_inputs", group["inputs"])
    with torch.no_grad():
        out = model(**fed) if isinstance(fed, dict) else model(fed)
    if isinstance(out, dict):
        out = out["logits"] if "logits" in out else out["logits_per_image"]
    return out.detach().float().numpy()


def train(model, group, labels, steps):
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], 0.02)
    fed = group.get("model_inputs", group["inputs"])
    for _ in range(steps):
        out = model.train()(**fed) if isinstance(fed, dict) else model.train()(fed)
        if isinstance(out, dict):
            out = out["logits"] if "logits" in out else out["logits_per_image"]
        out = out[0] if isinstance(out, tuple) else out
        loss = nn.functional.cross_entropy(out, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


class Families(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(0)
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def test_the_recorded_run_reproduces_the_model(self):
        for name, model, group, options, head in families():
            with self.subTest(name), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.reproduces(name, model, group, options, head)

    def reproduces(self, name, model, group, options, head):
        n = len(group["inputs"])
        labels = torch.arange(n) % (C - 1)
        run = os.path.join(self.folder, name)
        r = dvi.Recorder(run, range(C), batch_size=16, **options)
        r.add_group("train", labels=labels, **group)
        before, wanted = None, {}
        for epoch, steps in ((1, 2), (2, 25)):
            train(model, group, labels, steps)
            before = {k: v.clone() for k, v in model.state_dict().items() if torch.is_tensor(v)}
            self.assertTrue(r.epoch(epoch, model), r.failures)
            for key, value in model.state_dict().items():
                if torch.is_tensor(value):
                    self.assertTrue(torch.equal(value, before[key]), f"recording changed {key}")
            if name == "quantisation-aware":
                model.apply(lambda m: hasattr(m, "disable_observer") and m.disable_observer())
            wanted[epoch] = answers(model.eval(), group)
            if name == "quantisation-aware":
                model.apply(lambda m: hasattr(m, "enable_observer") and m.enable_observer())
        r.close()
        self.assertEqual(r.failures, [])
        with open(os.path.join(run, "run.json")) as f:
            kind = json.load(f)["subject"]["kind"]
        for epoch, own in wanted.items():
            load = lambda file: np.load(os.path.join(run, "epochs", f"{epoch:06d}", file))
            features, logits = load("features.npy"), load("logits.npy")
            self.assertTrue(np.isfinite(logits).all())
            own = unmasked(np.where(np.isneginf(own), -3e38, own))
            self.assertTrue(Disagreement(logits, own).within(), f"{name}: {Disagreement(logits, own)}")
            if epoch == 2:  # trained: something to reproduce
                self.assertGreater(probabilities(own).max(axis=1).mean(), 0.22)
            path = os.path.join(run, "epochs", f"{epoch:06d}", "head_weight.npy")
            self.assertEqual("linear" if os.path.exists(path) else "other", head)
            if head == "linear":
                found = features @ load("head_weight.npy").T + load("head_bias.npy")
                self.assertTrue(Disagreement(found, own).within(), f"{name}: {Disagreement(found, own)}")
            if kind == "torchscript":
                loaded = torch.jit.load(os.path.join(run, "epochs", f"{epoch:06d}", "subject.pt"))
                with torch.no_grad():
                    found = loaded.head(torch.from_numpy(features)).numpy()
                self.assertTrue(Disagreement(found, own).within(), f"{name}: {Disagreement(found, own)}")
        print(f"{name}: features {features.shape[1]}, head {head}, subject {kind}")


if __name__ == "__main__":
    unittest.main()
