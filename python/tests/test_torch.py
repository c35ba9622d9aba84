"""Recorder with a torch.nn.Module: features, head, TorchScript, and that training does not notice."""

import io
import json
import math
import os
import random
import shutil
import sys
import tempfile
import time
import types
import unittest
import zipfile
from unittest import mock

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))

try:
    import torch
    from torch import nn
except ImportError:
    raise unittest.SkipTest("torch is not installed")

import dvi
from dvi import torch_subject
from dvi.torch_output import ModelOutput

C = 4


class Plain(nn.Module):
    """Ends in a Linear and log_softmax, flattens by view, has batch norm and dropout."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 6, 3, 2), nn.BatchNorm2d(6), nn.ReLU(), nn.Dropout(0.5))
        self.hidden = nn.Linear(6 * 9, 12)
        self.out = nn.Linear(12, C)

    def forward(self, x):
        x = self.body(x)
        return torch.log_softmax(self.out(torch.relu(self.hidden(x.view(x.size(0), -1)))), 1)


class Methods(Plain):
    def feature(self, x):
        return torch.relu(self.hidden(self.body(x).flatten(1)))

    def prediction(self, f):
        return self.out(f)


class DeepHead(Plain):
    """Two layers after the features."""

    def features(self, x):
        return torch.relu(self.hidden(self.body(x).flatten(1)))

    def head(self, f):
        return self.out(torch.tanh(f))

    def forward(self, x):
        return self.head(self.features(x))


class Convolutional(nn.Module):
    """torchvision's pattern: `features` is a submodule and no method."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 5, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2))
        self.classifier = nn.Sequential(nn.Dropout(), nn.Linear(20, 9), nn.ReLU(), nn.Linear(9, C))

    def forward(self, x):
        return self.classifier(torch.flatten(self.features(x), 1))


class TorchTest(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(0)
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.run_folder = os.path.join(self.folder, "run")
        rng = np.random.default_rng(0)
        self.x = rng.integers(0, 256, (50, 8, 8), dtype=np.uint8)
        self.y = rng.integers(0, C, 50)

    def tensor(self):
        return torch.from_numpy(self.x[:, None].astype(np.float32)) * np.float32(1 / 255)

    def record(self, model, n=1, expect=True, **options):
        r = dvi.Recorder(self.run_folder, range(C), mode="replace", batch_size=16, **options)
        r.add_group("train", self.x[:40], self.y[:40]).add_group("test", self.x[40:], self.y[40:])
        self.assertEqual(r.epoch(n, model), expect, r.failures)
        r.close()
        return r

    def array(self, name, n=1):
        return np.load(os.path.join(self.run_folder, "epochs", f"{n:06d}", name + ".npy"))

    def subject_path(self, n=1):
        return os.path.join(self.run_folder, "epochs", f"{n:06d}", "subject.pt")

    def kind(self):
        with open(os.path.join(self.run_folder, "run.json")) as f:
            return json.load(f)["subject"]["kind"]

    def assert_same_subject(self, features, logits):
        """The arrays, and what the TorchScript file computes, are the model's own."""
        np.testing.assert_allclose(self.array("features"), features.numpy(), atol=1e-5)
        np.testing.assert_allclose(self.array("logits"), logits.numpy(), atol=1e-5)
        self.assertEqual(self.kind(), "torchscript")
        loaded = torch.jit.load(self.subject_path())
        with torch.no_grad():
            f = loaded.features(self.tensor())  # another batch size than traced with
            np.testing.assert_allclose(f.numpy(), features.numpy(), atol=1e-5)
            np.testing.assert_allclose(loaded.head(f).numpy(), logits.numpy(), atol=1e-5)


class WhereFeaturesComeFrom(TorchTest):
    def expected(self, model, features):
        model.eval()
        with torch.no_grad():
            f = features(self.tensor())
            return f, model.out(f)

    def test_input_of_the_last_linear(self):
        model = Plain()
        self.record(model)
        f, z = self.expected(model, lambda x: torch.relu(model.hidden(model.body(x).flatten(1))))
        self.assert_same_subject(f, z)
        np.testing.assert_array_equal(self.array("head_weight"), model.out.weight.detach().numpy())
        np.testing.assert_array_equal(self.array("head_bias"), model.out.bias.detach().numpy())

    def test_methods_feature_and_prediction(self):
        model = Methods()
        self.record(model)
        self.assert_same_subject(*self.expected(model, model.feature))
        np.testing.assert_array_equal(self.array("head_weight"), model.out.weight.detach().numpy())

    def test_a_head_that_is_not_linear_has_no_arrays(self):
        model = DeepHead()
        self.record(model)
        model.eval()
        with torch.no_grad():
            f = model.features(self.tensor())
            self.assert_same_subject(f, model.head(f))
        self.assertFalse(os.path.exists(os.path.join(self.run_folder, "epochs", "000001", "head_weight.npy")))

    def test_a_submodule_called_features_is_not_taken_for_the_method(self):
        model = Convolutional()
        self.record(model)
        self.assertEqual(self.array("features").shape, (50, 9))
        model.eval()
        with torch.no_grad():
            np.testing.assert_allclose(self.array("logits"), model(self.tensor()).numpy(), atol=1e-5)

    def test_a_named_submodule_with_the_rest_of_the_model_as_head(self):
        model = Convolutional()
        self.record(model, features="features")
        model.eval()
        with torch.no_grad():
            self.assert_same_subject(model.features(self.tensor()).flatten(1), model(self.tensor()))

    def test_a_named_submodule_right_before_a_linear(self):
        model = nn.Sequential(nn.Flatten(), nn.Linear(64, 7), nn.ReLU(), nn.Linear(7, C, bias=False))
        self.record(model, features="2")
        with torch.no_grad():
            self.assert_same_subject(model[:3](self.tensor()), model(self.tensor()))
        np.testing.assert_array_equal(self.array("head_weight"), model[3].weight.detach().numpy())
        np.testing.assert_array_equal(self.array("head_bias"), np.zeros(C))

    def test_a_named_head(self):
        model = nn.Sequential(nn.Flatten(), nn.Linear(64, 7), nn.ReLU(), nn.Linear(7, C), nn.Linear(C, C))
        self.record(model, head="3")
        with torch.no_grad():
            self.assert_same_subject(model[:3](self.tensor()), model(self.tensor()))

    def test_images_with_channels_last_reach_the_model_as_nchw(self):
        for channels in (1, 3):
            x = np.random.default_rng(1).integers(0, 256, (20, 8, 8, channels), dtype=np.uint8)
            model = Plain()
            model.body[0] = nn.Conv2d(channels, 6, 3, 2)  # flattened by view(), which wants plain strides
            r = dvi.Recorder(self.run_folder, range(C), mode="replace", layout="NHWC")
            r.add_group("train", x, [0] * 20)
            self.assertTrue(r.epoch(1, model), r.failures)
            r.close()
            t = torch.from_numpy(x.transpose(0, 3, 1, 2).astype(np.float32, order="C")) / 255
            with torch.no_grad():
                np.testing.assert_allclose(
                    torch.from_numpy(self.array("logits")).log_softmax(1), model.eval()(t), atol=1e-5
                )

    def test_names_that_are_not_there(self):
        with self.assertWarnsRegex(RuntimeWarning, 'neither a method nor a submodule named "nothing"'):
            self.record(Plain(), expect=False, features="nothing")
        with self.assertWarnsRegex(RuntimeWarning, "must give 4 logits a sample"):
            self.record(nn.Sequential(nn.Flatten(), nn.Linear(64, 5)), expect=False)

    def test_half_precision_and_float64(self):
        for dtype in (torch.float64, torch.bfloat16):
            model = Plain().eval()
            want = model(self.tensor()).argmax(1).numpy()
            self.record(model.to(dtype))
            self.assertEqual(self.kind(), "torchscript")
            self.assertEqual(model.out.weight.dtype, dtype)
            self.assertGreater((self.array("logits").argmax(1) == want).mean(), 0.85)

    def test_models_inside_wrappers(self):
        inner = Plain()
        compiled = nn.Module()
        compiled._orig_mod = inner  # what torch.compile returns
        self.record(nn.DataParallel(compiled))
        f, z = self.expected(inner, lambda x: torch.relu(inner.hidden(inner.body(x).flatten(1))))
        self.assert_same_subject(f, z)

    def test_token_ids_and_keyword_inputs(self):
        class Encoder(nn.Module):
            def __init__(self):
                super().__init__()
                self.table = nn.Embedding(30, 6)
                self.classifier = nn.Linear(6, C)

            def forward(self, input_ids, attention_mask):
                mask = attention_mask.unsqueeze(-1).float()
                f = (self.table(input_ids) * mask).sum(1) / mask.sum(1)
                return types.SimpleNamespace(logits=self.classifier(f))

        ids = torch.randint(0, 30, (9, 5))
        mask = torch.ones(9, 5, dtype=torch.long)
        mask[3:, 3:] = 0
        model = Encoder()
        r = dvi.Recorder(self.run_folder, range(C))
        r.add_group(
            "train",
            [f"text {i}" for i in range(9)],
            [0] * 9,
            model_inputs={"input_ids": ids, "attention_mask": mask},
        )
        self.assertTrue(r.epoch(1, model), r.failures)
        r.close()
        with torch.no_grad():
            np.testing.assert_allclose(self.array("logits"), model(ids, mask).logits.numpy(), atol=1e-6)
            stored = torch.from_numpy(np.load(os.path.join(self.run_folder, "inputs.npy")))
            loaded = torch.jit.load(self.subject_path())
            np.testing.assert_allclose(
                loaded.head(loaded.features(stored)).numpy(), self.array("logits"), atol=1e-6
            )

    def test_a_data_set_and_a_normalised_tensor(self):
        data = torch.utils.data.TensorDataset(torch.rand(12, 3, 8, 8), torch.arange(12) % C)
        r = dvi.Recorder(self.run_folder, range(C))
        r.add_group("train", torch.utils.data.DataLoader(data, shuffle=True, batch_size=5))
        model = nn.Sequential(nn.Flatten(), nn.Linear(192, 5), nn.Linear(5, C))
        self.assertTrue(r.epoch(1, model), r.failures)
        r.close()
        np.testing.assert_array_equal(
            np.load(os.path.join(self.run_folder, "inputs.npy")), data.tensors[0].numpy()
        )
        np.testing.assert_array_equal(np.load(os.path.join(self.run_folder, "labels.npy")), np.arange(12) % C)
        with open(os.path.join(self.run_folder, "run.json")) as f:
            self.assertEqual(json.load(f)["inputs"], {"kind": "image", "layout": "NCHW"})
        with torch.no_grad():
            np.testing.assert_allclose(self.array("logits"), model(data.tensors[0]).numpy(), atol=1e-5)


class TorchScriptThatCannotBe(TorchTest):
    def test_an_operator_that_libtorch_1_13_lacks(self):
        model = Plain()
        archive = None
        with torch_subject.TorchSubject(model, ModelOutput(C)).frozen() as s:
            s.settle(self.tensor().numpy()[:8])
            x = self.tensor().numpy()
            archive = s.torchscript(x[:4], *s(x), np.arange(4))
        self.assertIsNone(torch_subject.newer_than_libtorch_1_13(archive))

        def rewritten(old, new):
            out = io.BytesIO()
            with zipfile.ZipFile(io.BytesIO(archive)) as a, zipfile.ZipFile(out, "w") as b:
                for name in a.namelist():
                    b.writestr(name, a.read(name).replace(old, new) if name.endswith(".py") else a.read(name))
            return out.getvalue()

        newer = rewritten(b"torch.relu(", b"torch.scaled_dot_product_attention(")
        self.assertEqual(
            torch_subject.newer_than_libtorch_1_13(newer), "the operator scaled_dot_product_attention"
        )
        longer = rewritten(b"torch.relu(", b"torch.relu(1, 2, ")
        self.assertEqual(torch_subject.newer_than_libtorch_1_13(longer), "the operator relu with 3 arguments")

    def test_the_arrays_are_recorded_where_torchscript_is_too_new(self):
        with mock.patch("dvi.torch_subject.newer_than_libtorch_1_13", lambda a: "the operator x"):
            with self.assertWarnsRegex(
                RuntimeWarning, "LibTorch 1.13 does not know; dvi then works with the recorded arrays"
            ):
                self.record(Plain())
            self.assertEqual(self.kind(), "linear-head")
            self.assertFalse(os.path.exists(self.subject_path()))
            self.assertEqual(self.array("head_weight").shape, (C, 12))
            with self.assertWarnsRegex(
                RuntimeWarning, "pass features=, logits=, head_weight= and head_bias="
            ):
                self.record(DeepHead(), expect=False)

    def test_a_run_keeps_the_kind_it_began_with(self):
        def record(n, mode, expect):
            r = dvi.Recorder(self.run_folder, range(C), mode=mode)
            r.add_group("train", self.x, self.y)
            self.assertEqual(r.epoch(n, Plain()), expect, r.failures)
            r.close()

        with mock.patch("dvi.torch_subject.newer_than_libtorch_1_13", lambda a: "the operator x"):
            with self.assertWarns(RuntimeWarning):
                record(1, "new", True)
        record(2, "resume", True)  # could be traced, but readers were told otherwise
        self.assertFalse(os.path.exists(self.subject_path(2)))
        record(1, "replace", True)
        with mock.patch("dvi.torch_subject.newer_than_libtorch_1_13", lambda a: "the operator x"):
            with self.assertWarnsRegex(RuntimeWarning, "epoch 2 is not recorded: the TorchScript"):
                record(2, "resume", False)

    def test_python_code_that_depends_on_the_input_is_noticed(self):
        class Branching(Plain):
            def forward(self, x):
                y = self.body(x).flatten(1)
                if x[0].mean() > 0.5:  # tracing keeps the branch of the samples it saw
                    y = y * 2
                return self.out(self.hidden(y))

        with self.assertWarnsRegex(
            RuntimeWarning, "gives other numbers than the model itself|cannot be traced"
        ):
            self.record(Branching())
        self.assertEqual(self.kind(), "linear-head")

    def test_every_operator_of_a_common_network_is_known(self):
        class Attention(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv = nn.Conv2d(1, 8, 3, groups=1)
                self.norm, self.group = nn.LayerNorm(8), nn.GroupNorm(2, 8)
                self.attend = nn.MultiheadAttention(8, 2, batch_first=True)
                self.out = nn.Linear(8, C)

            def forward(self, x):
                t = self.group(nn.functional.gelu(self.conv(x))).flatten(2).transpose(1, 2)
                t = t + self.attend(self.norm(t), t, t, need_weights=False)[0]
                return self.out(nn.functional.silu(t).mean(1))

        r = self.record(Attention())
        self.assertEqual((r.failures, self.kind()), ([], "torchscript"))


class TrainingDoesNotNotice(TorchTest):
    def state(self, model):
        return (
            [m.training for m in model.modules()],
            torch.get_rng_state().tolist(),
            random.getstate(),
            np.random.get_state()[1].tolist(),
            torch.is_grad_enabled(),
            {k: v.clone() for k, v in model.state_dict().items()},
            [len(m._forward_hooks) for m in model.modules()],
        )

    def assert_unchanged(self, before, model):
        after = self.state(model)
        self.assertEqual(before[:5], after[:5])
        self.assertEqual(before[6], after[6])
        for name, value in before[5].items():
            self.assertTrue(torch.equal(value, after[5][name]), name)

    def test_mode_random_numbers_weights_and_hooks_are_as_before(self):
        class Noisy(Plain):
            def forward(self, x):  # draws from every generator, even in evaluation mode
                torch.rand(1), random.random(), np.random.rand()
                return super().forward(x)

        model = Noisy()
        model.train()
        model.body[1].eval()  # frozen batch norm
        before = self.state(model)
        self.record(model)
        self.assert_unchanged(before, model)

    def test_a_model_spread_over_processes_is_not_run_in_one(self):
        class FullyShardedDataParallel(nn.Module):
            def __init__(self, module):
                super().__init__()
                self.module = module

            def forward(self, x):
                raise AssertionError("would wait for the other processes")

        with mock.patch("torch.distributed.is_initialized", lambda: True), mock.patch(
            "torch.distributed.get_world_size", lambda: 2
        ):
            with self.assertWarnsRegex(
                RuntimeWarning, "epoch 1 is not recorded: the weights .* are spread over several"
            ):
                self.record(FullyShardedDataParallel(Plain()), expect=False)
            with mock.patch.object(nn.Parameter, "ds_id", 1, create=True):
                with self.assertWarnsRegex(RuntimeWarning, "spread over several"):
                    self.record(Plain(), expect=False)
            self.record(Plain())  # data-parallel: every process has all of it

    def test_also_when_the_model_fails(self):
        class Failing(Plain):
            def forward(self, x):
                super().forward(x)
                torch.rand(1)
                raise RuntimeError("boom")

        model = Failing().train()
        before = self.state(model)
        with self.assertWarnsRegex(
            RuntimeWarning, r"epoch 1 is not recorded: Failing cannot be run .*\(RuntimeError: boom\)"
        ):
            self.record(model, expect=False)
        self.assert_unchanged(before, model)

    def test_training_gives_the_same_weights_with_and_without(self):
        def train(recorder):
            torch.manual_seed(3)
            model = Plain()
            opt = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
            x, y = self.tensor(), torch.from_numpy(self.y)
            for n in range(3):
                for i in torch.randperm(50).split(10):
                    opt.zero_grad()
                    nn.functional.nll_loss(model(x[i]), y[i]).backward()
                    opt.step()
                if recorder:
                    recorder.epoch(n, model)
            return model.state_dict()

        r = dvi.Recorder(self.run_folder, range(C))
        r.add_group("train", self.x, self.y)
        with_it, without = train(r), train(None)
        r.close()
        self.assertEqual(r.failures, [])
        for name in without:
            self.assertTrue(torch.equal(with_it[name], without[name]), name)
        # And every epoch holds the model of its time.
        heads = [self.array("head_weight", n) for n in range(3)]
        self.assertGreater(np.abs(heads[0] - heads[1]).max(), 0)
        np.testing.assert_array_equal(heads[2], without["out.weight"].numpy())
        loaded = torch.jit.load(self.subject_path(0))
        with torch.no_grad():
            np.testing.assert_allclose(
                loaded.features(self.tensor()).numpy(), self.array("features", 0), atol=1e-5
            )

    def test_inside_autocast_the_features_are_exact(self):
        model = Plain()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            self.record(model)
            self.assertTrue(torch.is_autocast_cpu_enabled())
        model.eval()
        with torch.no_grad():
            np.testing.assert_allclose(
                self.array("logits"),
                model.out(torch.relu(model.hidden(model.body(self.tensor()).flatten(1)))).numpy(),
                atol=1e-5,
            )

    def test_costs_little_more_than_the_forward_pass(self):
        model = nn.Sequential(
            nn.Flatten(),
            nn.Linear(784, 1024),
            nn.ReLU(),
            nn.Linear(1024, 1024),
            nn.ReLU(),
            nn.Linear(1024, 10),
        )
        x = np.random.default_rng(0).integers(0, 256, (4000, 28, 28), dtype=np.uint8)
        r = dvi.Recorder(self.run_folder, range(10))
        r.add_group("train", x, [0] * 4000)
        r.epoch(0, model)
        r.flush()

        def forward():
            with torch.no_grad():
                for i in range(0, 4000, 256):
                    model(torch.from_numpy(x[i : i + 256].astype(np.float32)[:, None] / 255))

        def seconds(f):
            start = time.perf_counter()
            f()
            return time.perf_counter() - start

        # The best of as many tries as it takes: other programs on the machine make single ones slow.
        plain = recorded = math.inf
        for _ in range(30):
            plain = min(plain, seconds(forward))
            recorded = min(recorded, seconds(lambda: r.epoch(1, model)))
            r.flush()
            if recorded < 2 * plain + 0.5:
                break
        r.close()
        print(f"\nforward pass {plain:.3f} s, Recorder.epoch {recorded:.3f} s", file=sys.stderr)
        self.assertLess(recorded, 2 * plain + 0.5)


class Callbacks(TorchTest):
    """Against stubs of the frameworks' protocols: names, arguments and order as their documentation states them."""

    def stub(self, **modules):
        for name in ("dvi.lightning", "dvi.huggingface"):
            sys.modules.pop(name, None)
        patch = mock.patch.dict(sys.modules, modules)
        patch.start()
        self.addCleanup(patch.stop)

    def recorder(self):
        r = dvi.Recorder(self.run_folder, range(C))
        return r.add_group("train", self.x, self.y)

    def scalars(self, n):
        with open(os.path.join(self.run_folder, "epochs", f"{n:06d}", "epoch.json")) as f:
            return json.load(f)

    def test_lightning(self):
        class Callback:
            pass

        self.stub(
            **{
                "lightning": types.ModuleType("lightning"),
                "lightning.pytorch": types.SimpleNamespace(Callback=Callback),
            }
        )
        from dvi.lightning import RecorderCallback

        model = Plain()
        callback = RecorderCallback(self.recorder(), every=2)
        self.assertIsInstance(callback, Callback)
        trainer = types.SimpleNamespace(is_global_zero=True, callback_metrics={})
        for epoch in range(4):
            trainer.current_epoch = epoch
            trainer.callback_metrics = {
                "train_loss": torch.tensor(0.5 / (epoch + 1)),
                "features": torch.tensor(1.0),
                "vector": torch.ones(3),
            }
            callback.on_train_epoch_end(trainer, model)
        trainer.is_global_zero = False
        callback.on_train_epoch_end(trainer, model)
        callback.on_fit_end(trainer, model)
        self.assertEqual(
            sorted(os.listdir(os.path.join(self.run_folder, "epochs"))), ["000001", "000002", "000004"]
        )
        self.assertEqual(self.scalars(4)["train_loss"], 0.125)
        self.assertEqual(self.scalars(4)["logged_features"], 1.0)
        self.assertNotIn("vector", self.scalars(4))

    def test_older_lightning(self):
        class Callback:
            pass

        self.stub(
            **{
                "lightning": None,
                "lightning.pytorch": None,
                "pytorch_lightning": types.SimpleNamespace(Callback=Callback),
            }
        )
        from dvi.lightning import RecorderCallback

        self.assertTrue(issubclass(RecorderCallback, Callback))
        callback = RecorderCallback(self.recorder())
        callback.on_train_epoch_end(
            types.SimpleNamespace(is_global_zero=True, current_epoch=0, callback_metrics={}), Plain()
        )
        callback.on_exception(None, None, KeyboardInterrupt())
        with open(os.path.join(self.run_folder, "run.json")) as f:
            self.assertNotIn("finished", json.load(f))

    def test_lightning_resumed_from_a_checkpoint(self):
        """trainer.fit(ckpt_path=...) in a new process: epochs go on counting where the checkpoint was made."""

        class Callback:
            pass

        self.stub(
            **{
                "lightning": types.ModuleType("lightning"),
                "lightning.pytorch": types.SimpleNamespace(Callback=Callback),
            }
        )
        from dvi.lightning import RecorderCallback

        def fit(recorder, epochs, error=None):
            callback = RecorderCallback(recorder)
            for epoch in epochs:
                trainer = types.SimpleNamespace(
                    is_global_zero=True, current_epoch=epoch, callback_metrics={"first": epochs[0]}
                )
                callback.on_train_epoch_end(trainer, Plain())
            callback.on_exception(None, None, error) if error else callback.on_fit_end(None, None)

        fit(self.recorder(), range(3), KeyboardInterrupt())
        resumed = dvi.Recorder(self.run_folder, range(C), mode="resume").add_group("train", self.x, self.y)
        fit(resumed, range(2, 4))
        self.assertEqual([self.scalars(n)["first"] for n in (1, 2, 3, 4)], [0, 0, 2, 2])
        with self.assertWarnsRegex(RuntimeWarning, "epoch 5 is not recorded: the recorder is closed"):
            fit(resumed, range(4, 5))

    def test_a_lightning_module_is_traced(self):
        """Its properties may raise, and are named in __jit_unused_properties__; it holds its trainer."""

        class Module(Plain):
            __jit_unused_properties__ = ["trainer"]

            def __init__(self):
                super().__init__()
                self._trainer = types.SimpleNamespace(callbacks=[lambda: None])

            @property
            def trainer(self):
                raise RuntimeError("not attached to a Trainer")

        model, recorder = Module(), self.recorder()
        self.assertTrue(recorder.epoch(1, model), recorder.failures)
        recorder.close()
        loaded = torch.jit.load(self.subject_path(1))
        with torch.no_grad():
            np.testing.assert_allclose(
                loaded.head(loaded.features(self.tensor())).numpy(), self.array("logits"), atol=1e-5
            )

    def hugging_face(
        self, epochs, *, steps=4, log=None, evaluate=None, told=True, max_steps=None, best=False, resumed=0
    ):
        """Calls the callback as Trainer.train() calls its callbacks: DefaultFlowCallback sets the flags before them,
        each event resets its own; an epoch is logged, then evaluated, after on_epoch_end. The model is given with every
        event.
        """

        class TrainerCallback:
            def on_log(self, *_, **__):
                pass

            on_evaluate = on_epoch_begin = on_train_end = on_log

        self.stub(transformers=types.SimpleNamespace(TrainerCallback=TrainerCallback))
        from dvi.huggingface import RecorderCallback

        recorder = dvi.Recorder(self.run_folder, range(C), mode="resume" if resumed else "new")
        callback = RecorderCallback(recorder.add_group("train", self.x, self.y))
        self.assertIsInstance(callback, TrainerCallback)
        model = Plain()
        args = types.SimpleNamespace(load_best_model_at_end=best)
        state = types.SimpleNamespace(
            is_world_process_zero=True, epoch=float(resumed), global_step=resumed * steps, log_history=[]
        )
        control = types.SimpleNamespace(should_log=False, should_evaluate=False)

        def event(name, **more):
            getattr(callback, name)(
                args,
                state,
                control,
                model=model,
                processing_class=None,
                optimizer=None,
                lr_scheduler=None,
                train_dataloader=None,
                eval_dataloader=None,
                **more,
            )

        def logged(numbers):
            numbers["epoch"] = state.epoch
            state.log_history.append({**numbers, "step": state.global_step})
            control.should_log = False
            event("on_log", logs=numbers)

        def log_and_evaluate():
            if control.should_log and (
                not state.log_history or state.log_history[-1]["step"] != state.global_step
            ):
                logged({"loss": 1.0 / state.global_step})
            if control.should_evaluate:
                if told:
                    logged({"eval_accuracy": state.epoch / 10})
                    control.should_evaluate = False
                    event("on_evaluate", metrics={})
                control.should_evaluate = False

        for epoch in range(resumed, epochs):
            event("on_epoch_begin")
            for step in range(steps):
                control.should_log = control.should_evaluate = False
                with torch.no_grad():
                    model.out.bias += 1
                state.global_step += 1
                state.epoch = epoch + (step + 1) / steps
                control.should_log = log == "steps"
                log_and_evaluate()
                if state.global_step == max_steps:
                    break
            control.should_log, control.should_evaluate = log == "epoch", evaluate == "epoch"
            event("on_epoch_end")
            log_and_evaluate()
            if state.global_step == max_steps:
                break
        if best:
            with torch.no_grad():
                model.out.bias -= 1000
        logged({"train_runtime": 1.0})
        event("on_train_end")
        bias = [self.array("head_bias", n)[0] for n in self.epochs()]
        return np.round(
            np.array(bias) - bias[0]
        ).tolist()  # in training steps since the end of the first epoch recorded

    def epochs(self):
        return [int(name) for name in sorted(os.listdir(os.path.join(self.run_folder, "epochs")))]

    def test_hugging_face(self):
        self.assertEqual(self.hugging_face(3), [0, 4, 8])
        self.assertEqual(self.epochs(), [1, 2, 3])
        with open(os.path.join(self.run_folder, "run.json")) as f:
            self.assertTrue(json.load(f)["finished"])

    def test_hugging_face_numbers_are_those_of_the_epoch(self):
        for log in "steps", "epoch":
            with self.subTest(log):
                shutil.rmtree(self.run_folder, ignore_errors=True)
                self.assertEqual(self.hugging_face(3, log=log, evaluate="epoch", best=True), [0, 4, 8])
                for n in 1, 2, 3:
                    self.assertAlmostEqual(self.scalars(n)["eval_accuracy"], n / 10)
                    self.assertAlmostEqual(self.scalars(n)["loss"], 1 / (4 * n))
                    self.assertEqual(self.scalars(n)["epoch"], n)
                    self.assertNotIn("train_runtime", self.scalars(n))

    def test_hugging_face_log_without_evaluation(self):
        self.assertEqual(self.hugging_face(2, log="epoch", best=True), [0, 4])
        self.assertAlmostEqual(self.scalars(2)["loss"], 1 / 8)

    def test_hugging_face_evaluation_that_tells_nobody(self):
        self.assertEqual(self.hugging_face(2, evaluate="epoch", told=False), [0, 4])

    def test_hugging_face_cut_short_and_resumed(self):
        self.assertEqual(self.hugging_face(5, max_steps=6), [0, 2])
        self.assertEqual(self.epochs(), [1, 2])
        self.hugging_face(3, resumed=1)
        self.assertEqual(self.epochs(), [1, 2, 3])


if __name__ == "__main__":
    unittest.main()
