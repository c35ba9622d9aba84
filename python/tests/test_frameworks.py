"""The recorder beside real frameworks, each test where its framework is installed: PyTorch's own ways of training,
transformers' Trainer, ignite. Every run must hold what the model itself says."""

import os
import socket
import subprocess
import sys
import tempfile
import textwrap
import unittest

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))

try:
    import torch
    from torch import nn
except ImportError:
    raise unittest.SkipTest("torch is not installed")

import dvi

C = 3


class Small(nn.Module):
    def __init__(self, answer=lambda z, f: z):
        super().__init__()
        self.conv, self.norm, self.out = nn.Conv2d(2, 6, 3), nn.BatchNorm2d(6), nn.Linear(24, C)
        self.answer = answer

    def forward(self, x):
        f = nn.functional.adaptive_avg_pool2d(torch.relu(self.norm(self.conv(x))), 2).flatten(1)
        return self.answer(self.out(f), f)


class FullyConvolutional(nn.Module):
    """No Linear anywhere: a 1 x 1 convolution and a mean, as in SqueezeNet."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(2, 6, 3), nn.ReLU())
        self.classes = nn.Sequential(nn.Conv2d(6, C, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())

    def forward(self, x):
        return self.classes(self.body(x))


class FrameworkTest(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(0)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.run_folder = os.path.join(self.folder, "run")
        rng = np.random.default_rng(0)
        self.x = rng.normal(size=(48, 2, 6, 6)).astype(np.float32)
        self.y = rng.integers(0, C, 48)

    def recorder(self, **options):
        recorder = dvi.Recorder(self.run_folder, classes=["a", "b", "c"], layout="NCHW", **options)
        return recorder.add_group("train", self.x[:32], self.y[:32]).add_group(
            "test", self.x[32:], self.y[32:]
        )

    def array(self, name, epoch=1):
        return np.load(os.path.join(self.run_folder, "epochs", f"{epoch:06d}", name + ".npy"))

    def record(self, model, epoch=1, **options):
        recorder = self.recorder(**options)
        self.assertTrue(recorder.epoch(epoch, model), recorder.failures)
        recorder.close()
        self.assertEqual(recorder.failures, [])

    def assert_logits(self, model, tolerance=1e-5):
        """Recorded logits are those of the model in evaluation mode, up to a constant a sample."""
        model.eval()
        with torch.no_grad():
            z = model(torch.from_numpy(self.x)).float().numpy()
        recorded = self.array("logits")
        difference = (recorded - z) - (recorded - z).mean(axis=1, keepdims=True)
        self.assertLess(np.abs(difference).max(), tolerance)


class OfPyTorchItself(FrameworkTest):
    def test_channels_last(self):
        model = Small().to(memory_format=torch.channels_last)
        self.record(model)
        self.assert_logits(model)

    @unittest.skipUnless(hasattr(torch, "compile"), "PyTorch 1 has no torch.compile")
    def test_compiled(self):
        model = Small()
        compiled = torch.compile(model, backend="eager")
        compiled(torch.from_numpy(self.x[:4]))
        self.record(compiled)
        self.assert_logits(model)

    def test_training_under_autocast_in_bfloat16(self):
        model = Small()
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        recorder = self.recorder()
        x, y = torch.from_numpy(self.x), torch.from_numpy(self.y)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            self.assertTrue(recorder.epoch(1, model, train_loss=loss), recorder.failures)
        recorder.close()
        self.assert_logits(model)

    def test_weights_in_bfloat16(self):
        model = Small().to(torch.bfloat16)
        self.record(model)
        self.assertTrue(np.isfinite(self.array("features")).all())

    def test_models_that_answer_with_a_tuple_or_a_dict(self):
        for answer in (lambda z, f: (z, f), lambda z, f: {"logits": z, "features": f}, lambda z, f: [z]):
            model = Small(answer)
            self.record(model, mode="replace")
            self.assert_logits(nn.Sequential(model, Logits()))

    def test_a_model_without_a_linear_layer(self):
        model = FullyConvolutional()
        self.record(model)
        self.assert_logits(model)
        self.record(model, features="body", mode="replace")
        self.assert_logits(model)

    def test_two_processes_with_gloo(self):
        script = os.path.join(self.folder, "train.py")
        with open(script, "w") as f:
            f.write(
                textwrap.dedent(
                    """
                    import sys
                    import numpy as np, torch, torch.distributed as dist
                    from torch import nn
                    import dvi
                    dist.init_process_group("gloo")
                    torch.manual_seed(dist.get_rank())
                    model = nn.parallel.DistributedDataParallel(
                        nn.Sequential(nn.Flatten(), nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 2)))
                    optimizer = torch.optim.SGD(model.parameters(), 0.1)
                    x, y = torch.randn(64, 1, 2, 4), torch.randint(2, (64,))
                    recorder = dvi.Recorder(sys.argv[1], classes=["a", "b"], layout="NCHW")
                    recorder.add_group("train", np.zeros((20, 1, 2, 4), np.float32) + 1, [0, 1] * 10)
                    for epoch in (1, 2):
                        nn.functional.cross_entropy(model(x), y).backward()
                        optimizer.step()
                        recorder.epoch(epoch, model)
                    recorder.close()
                    assert not recorder.failures, recorder.failures
                    dist.barrier()
                    dist.destroy_process_group()
                    """
                )
            )
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = str(s.getsockname()[1])
        place = {
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": port,
            "WORLD_SIZE": "2",
            "GLOO_SOCKET_IFNAME": "lo",
        }
        place["USE_LIBUV"] = "0"  # Debian's PyTorch is built without it
        path = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))
        processes = [
            subprocess.Popen(
                [sys.executable, script, self.run_folder],
                env={**os.environ, **place, "RANK": str(rank), "LOCAL_RANK": str(rank), "PYTHONPATH": path},
                stderr=subprocess.PIPE,
                text=True,
            )
            for rank in range(2)
        ]
        for process in processes:
            complaint = process.communicate(timeout=180)[1]
            self.assertEqual(process.returncode, 0, complaint)
        self.assertEqual(sorted(os.listdir(os.path.join(self.run_folder, "epochs"))), ["000001", "000002"])
        self.assertEqual(self.array("features", 2).shape, (20, 6))


class Logits(nn.Module):
    def forward(self, answer):
        return answer["logits"] if isinstance(answer, dict) else answer[0]


class OfIgnite(FrameworkTest):
    def test_a_handler_of_an_epochs_end(self):
        try:
            from ignite.engine import Events, create_supervised_trainer
        except ImportError:
            self.skipTest("ignite is not installed")
        model = Small()
        trainer = create_supervised_trainer(
            model, torch.optim.SGD(model.parameters(), 0.05), nn.CrossEntropyLoss()
        )
        recorder = self.recorder()
        trainer.add_event_handler(
            Events.EPOCH_COMPLETED,
            lambda engine: recorder.epoch(engine.state.epoch, model, train_loss=engine.state.output),
        )
        data = torch.utils.data.TensorDataset(torch.from_numpy(self.x[:32]), torch.from_numpy(self.y[:32]))
        trainer.run(torch.utils.data.DataLoader(data, batch_size=8), max_epochs=2)
        recorder.close()
        self.assertEqual(recorder.failures, [])
        self.assertEqual(sorted(os.listdir(os.path.join(self.run_folder, "epochs"))), ["000001", "000002"])
        self.assertTrue(model.training)


class OfTransformers(FrameworkTest):
    def test_the_real_trainer_with_a_small_bert(self):
        try:
            from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments
        except ImportError:
            self.skipTest("transformers is not installed")
        from dvi.huggingface import RecorderCallback

        config = BertConfig(
            vocab_size=60,
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=16,
            num_labels=C,
        )
        model = BertForSequenceClassification(config)
        rng = np.random.default_rng(0)
        tokens = rng.integers(5, 60, (40, 8))
        mask = np.ones_like(tokens)
        mask[::3, 6:] = 0
        labels = rng.integers(0, C, 40)
        texts = [" ".join(map(str, row)) for row in tokens]
        data = [
            {"input_ids": torch.tensor(t), "attention_mask": torch.tensor(m), "labels": int(l)}
            for t, m, l in zip(tokens, mask, labels)
        ]
        recorder = dvi.Recorder(self.run_folder, classes=["a", "b", "c"])
        recorder.add_group("train", texts, labels, model_inputs={"input_ids": tokens, "attention_mask": mask})
        arguments = dict(
            output_dir=os.path.join(self.folder, "out"),
            num_train_epochs=2,
            per_device_train_batch_size=8,
            report_to=[],
            save_strategy="no",
            logging_strategy="epoch",
            disable_tqdm=True,
            use_cpu=True,
        )
        trainer = Trainer(
            model=model,
            args=TrainingArguments(**arguments),
            train_dataset=data,
            callbacks=[RecorderCallback(recorder)],
        )
        trainer.train()
        self.assertEqual(recorder.failures, [])
        self.assertEqual(sorted(os.listdir(os.path.join(self.run_folder, "epochs"))), ["000001", "000002"])
        model.eval()
        with torch.no_grad():
            z = model(input_ids=torch.tensor(tokens), attention_mask=torch.tensor(mask)).logits.numpy()
        np.testing.assert_allclose(self.array("logits", 2), z, atol=1e-4)
        self.assertEqual(self.array("features", 2).shape, (40, 16))


if __name__ == "__main__":
    unittest.main()
