"""The run directory that Recorder writes, from arrays: no torch needed."""

import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import warnings
from unittest import mock

import numpy as np

sys.path[:0] = [os.path.join(os.path.dirname(__file__), ".."), os.path.dirname(__file__)]

import dvi
from dvi import files
from dvi.boundary import draw_boundary, margin
from dvi_program import DVI

PYTHON = os.path.join(os.path.dirname(__file__), "..")


def load(path):
    with open(path) as f:
        return json.load(f)


class RunTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.run_folder = os.path.join(self.folder, "run")
        self.rng = np.random.default_rng(0)

    def path(self, *parts):
        return os.path.join(self.run_folder, *parts)

    def array(self, *parts):
        return np.load(self.path(*parts))

    def images(self, n=20, seed=0):
        return np.random.default_rng(seed).integers(0, 256, (n, 6, 6), dtype=np.uint8)

    def arrays(self, n=20, d=5, c=3):
        features = self.rng.normal(size=(n, d)).astype(np.float32)
        weight, bias = self.rng.normal(size=(c, d)).astype(np.float32), self.rng.normal(size=c).astype(
            np.float32
        )
        return dict(features=features, head_weight=weight, head_bias=bias)

    def recorder(self, **options):
        r = dvi.Recorder(self.run_folder, ["a", "b", "c"], **options)
        self.addCleanup(r.close)
        return r


class Layout(RunTest):
    def test_every_file_of_a_run_from_arrays(self):
        x, y = self.images(), np.arange(20) % 3
        a = self.arrays(26)
        r = self.recorder(name="toy")
        r.add_group("train", x, y, columns={"weight": np.linspace(0, 1, 20)})
        r.add_group("test", x[:6], [0, 1, 2, -1, -1, -1])
        r.add_column("origin", {"train": ["web"] * 10 + ["lab"] * 10, "test": ["lab"] * 6}, title="Origin")
        self.assertTrue(
            r.epoch(
                3,
                **a,
                train_loss=0.5,
                rate=np.float32(0.1),
                bad=float("nan"),
                training_set=[0, 5],
                columns={"doubt": np.arange(26) / 26},
            )
        )
        r.close()
        self.assertEqual(r.failures, [])
        run = load(self.path("run.json"))
        self.assertEqual(
            run,
            {
                "format": "dvi-run",
                "version": 2,
                "name": "toy",
                "classes": ["a", "b", "c"],
                "feature_dim": 5,
                "groups": [
                    {"name": "train", "role": "train", "begin": 0, "count": 20},
                    {"name": "test", "role": "test", "begin": 20, "count": 6},
                ],
                "inputs": {"kind": "image", "layout": "NHW", "scale": 1 / 255},
                "subject": {"kind": "linear-head"},
                "columns": {"origin": {"categories": ["lab", "web"], "title": "Origin"}},
                "finished": True,
            },
        )
        np.testing.assert_array_equal(self.array("inputs.npy"), np.concatenate([x, x[:6]]))
        labels = self.array("labels.npy")
        self.assertEqual(labels.dtype, np.int32)
        np.testing.assert_array_equal(labels, list(y) + [0, 1, 2, -1, -1, -1])
        np.testing.assert_array_equal(self.array("columns", "origin.npy"), [1] * 10 + [0] * 16)
        weight = self.array("columns", "weight.npy")
        np.testing.assert_allclose(weight[:20], np.linspace(0, 1, 20), rtol=1e-6)
        self.assertTrue(np.isnan(weight[20:]).all())
        epoch = ("epochs", "000003")
        self.assertEqual(
            sorted(os.listdir(self.path(*epoch))),
            [
                "columns",
                "epoch.json",
                "features.npy",
                "head_bias.npy",
                "head_weight.npy",
                "logits.npy",
                "training_set.npy",
            ],
        )
        for name in ("features", "head_weight", "head_bias"):
            saved = self.array(*epoch, name + ".npy")
            self.assertEqual(saved.dtype.str, "<f4")
            np.testing.assert_array_equal(saved, a[name])
        logits = a["features"] @ a["head_weight"].T + a["head_bias"]
        np.testing.assert_allclose(self.array(*epoch, "logits.npy"), logits, rtol=1e-5)
        self.assertEqual(self.array(*epoch, "training_set.npy").dtype, np.int32)
        self.assertEqual(self.array(*epoch, "columns", "doubt.npy").dtype, np.float32)
        scalars = load(self.path(*epoch, "epoch.json"))
        self.assertEqual(scalars["epoch"], 3)
        self.assertEqual(scalars["train_loss"], 0.5)
        self.assertNotIn("bad", scalars)
        self.assertAlmostEqual(
            scalars["train_accuracy"], float((logits[:20].argmax(1) == y).mean()), places=5
        )
        self.assertAlmostEqual(
            scalars["test_accuracy"], float((logits[20:23].argmax(1) == [0, 1, 2]).mean()), places=5
        )

    def test_every_file_is_of_a_format_readers_take(self):
        r = self.recorder()
        r.add_group("train", np.asfortranarray(self.images()).astype(">i8"), [0] * 20)
        a = self.arrays()
        a["features"] = np.asfortranarray(a["features"]).astype(">f8")
        r.epoch(1, **a)
        r.close()
        for root, _, names in os.walk(self.run_folder):
            self.assertFalse([n for n in names if n.endswith(".tmp")])
            for name in names:
                if name.endswith(".npy"):
                    with open(os.path.join(root, name), "rb") as f:
                        self.assertEqual(np.lib.format.read_magic(f), (1, 0))
                        _, fortran, dtype = np.lib.format.read_array_header_1_0(f)
                        self.assertFalse(fortran)
                        self.assertIn(dtype.str, ("<f4", "<i4", "|u1"))

    def test_solves_the_head_from_logits_and_says_so(self):
        a = self.arrays(60)
        r = self.recorder()
        r.add_group("train", labels=[0] * 60)
        with self.assertWarnsRegex(RuntimeWarning, "solved from features and logits"):
            r.epoch(1, features=a["features"], logits=a["features"] @ a["head_weight"].T + a["head_bias"])
        r.close()
        np.testing.assert_allclose(
            self.array("epochs", "000001", "head_weight.npy"), a["head_weight"], atol=1e-5
        )
        np.testing.assert_allclose(self.array("epochs", "000001", "head_bias.npy"), a["head_bias"], atol=1e-5)
        self.assertLess(load(self.path("epochs", "000001", "epoch.json"))["head_residual"], 1e-5)
        self.assertNotIn("inputs", load(self.path("run.json")))

    def test_a_binary_head_of_one_row_becomes_two(self):
        f, w = self.rng.normal(size=(10, 4)).astype(np.float32), self.rng.normal(size=(1, 4))
        r = dvi.Recorder(self.run_folder, ["no", "yes"])
        r.add_group("train", f, [0] * 10)
        r.epoch(1, features=f, head_weight=w, head_bias=[0.5])
        r.epoch(2, features=f, logits=(f @ w.T)[:, 0] + 0.5, head_weight=w, head_bias=[0.5])
        r.close()
        self.assertEqual(r.failures, [])
        for n in ("000001", "000002"):
            logits = self.array("epochs", n, "logits.npy")
            np.testing.assert_allclose(logits[:, 1] - logits[:, 0], (f @ w.T)[:, 0] + 0.5, rtol=1e-5)

    def test_texts_and_token_ids(self):
        r = self.recorder()
        r.add_group(
            "train", ["one\ntwo", "três", ""], [0, 1, 2], model_inputs=np.array([[1, 2], [3, 4], [5, 70000]])
        )
        r.epoch(1, **self.arrays(3))
        r.close()
        with open(self.path("texts.txt"), encoding="utf-8") as f:
            self.assertEqual(f.read(), "one two\ntrês\n\n")
        tokens = self.array("inputs.npy")
        self.assertEqual(tokens.dtype, np.float32)
        np.testing.assert_array_equal(tokens, [[1, 2], [3, 4], [5, 70000]])
        self.assertEqual(load(self.path("run.json"))["inputs"], {"kind": "text"})

    def test_rows(self):
        r = self.recorder()
        r.add_group(
            "train",
            {"age": [30, 40], "town": ["Ulm, Donau", 'the "Rock"']},
            [0, 1],
            model_inputs=[[3.0, 0], [4.0, 1]],
        )
        r.add_group("test", [{"age": 50, "town": "A\nB"}], [2], model_inputs=[[5.0, 2]])
        r.epoch(1, **self.arrays(3))
        r.close()
        with open(self.path("rows.csv")) as f:
            self.assertEqual(f.read(), 'age,town\n30,"Ulm, Donau"\n40,"the ""Rock"""\n50,A B\n')
        np.testing.assert_array_equal(self.array("inputs.npy"), [[3, 0], [4, 1], [5, 2]])

    def test_rows_of_numbers_are_their_own_inputs(self):
        x = self.rng.normal(size=(4, 3))
        r = self.recorder()
        r.add_group("train", x, [0, 1, 2, 0])
        r.epoch(1, **self.arrays(4))
        r.close()
        np.testing.assert_array_equal(self.array("inputs.npy"), x.astype(np.float32))
        with open(self.path("rows.csv")) as f:
            self.assertEqual(f.readline(), "x0,x1,x2\n")

    def test_inputs_of_a_group_that_change(self):
        x = self.images()
        r = self.recorder()
        r.add_group("train", x, [0] * 20).add_group("adversarial", x[:4], [0] * 4)
        seen = []
        attack = x[:4].astype(np.float32) + 0.25

        def predict(batch):
            seen.append(batch)
            f = batch.reshape(len(batch), -1)
            return f, f[:, :3]

        weight = np.eye(3, 36, dtype=np.float32)
        r.epoch(1, predict=predict, head_weight=weight, inputs={"adversarial": attack})
        r.close()
        self.assertEqual(r.failures, [])
        np.testing.assert_array_equal(self.array("epochs", "000001", "inputs", "adversarial.npy"), attack)
        np.testing.assert_allclose(np.concatenate(seen)[20:24], attack / 255, rtol=1e-6)
        np.testing.assert_allclose(
            self.array("epochs", "000001", "features.npy")[20:], attack.reshape(4, -1) / 255, rtol=1e-6
        )

    def test_mean_and_std_and_layout(self):
        x = self.rng.integers(0, 256, (3, 4, 5, 3), dtype=np.uint8)
        seen = []

        def predict(batch):
            seen.append(batch)
            return batch.reshape(len(batch), -1), batch.reshape(len(batch), -1)[:, :3]

        r = self.recorder(mean=[0.1, 0.2, 0.3], std=[0.5, 0.6, 0.7])
        r.add_group("train", x, [0, 1, 2])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            r.epoch(1, predict=predict)
        r.close()
        np.testing.assert_allclose(seen[0], (x / 255 - [0.1, 0.2, 0.3]) / [0.5, 0.6, 0.7], atol=1e-5)
        self.assertEqual(
            load(self.path("run.json"))["inputs"],
            {
                "kind": "image",
                "layout": "NHWC",
                "scale": 1 / 255,
                "mean": [0.1, 0.2, 0.3],
                "std": [0.5, 0.6, 0.7],
            },
        )

    def test_dvi_check_accepts_what_is_written(self):
        if not DVI:
            self.skipTest("there is no dvi program")
        r = self.recorder(boundary="inputs")
        x = self.images(40)
        r.add_group("train", x, np.arange(40) % 3).add_group("test", x[:20], [-1] * 20)
        weight = self.rng.normal(size=(3, 36)).astype(np.float32)
        for n in (1, 2, 7):
            r.epoch(
                n,
                predict=lambda b: (b.reshape(len(b), -1), b.reshape(len(b), -1) @ (n * weight.T)),
                head_weight=n * weight,
                train_loss=1 / n,
                training_set=np.arange(10 * n % 40 + 1),
            )
        r.close()
        self.assertEqual(r.failures, [])
        done = subprocess.run([DVI, "check", self.run_folder], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class Robustness(RunTest):
    def test_arguments_are_refused_before_training(self):
        with self.assertRaisesRegex(ValueError, "at least two distinct names"):
            dvi.Recorder(self.run_folder, ["a", "a"])
        r = self.recorder()
        with self.assertRaisesRegex(ValueError, "from 0 to 2 .* sample 1 has 3"):
            r.add_group("train", self.images(2), [0, 3])
        with self.assertRaisesRegex(ValueError, "same number of samples"):
            r.add_group("train", self.images(2), [0, 1, 1])
        with self.assertRaisesRegex(ValueError, "without slash"):
            r.add_group("a/b", self.images(2), [0, 1])
        r.add_group("train", self.images(2), [0, 1])
        with self.assertRaisesRegex(ValueError, "added before"):
            r.add_group("train", self.images(2), [0, 1])
        with self.assertRaisesRegex(ValueError, "the kind of"):
            r.add_group("test", ["x", "y"], [0, 1])

    def test_an_epoch_that_cannot_be_recorded_is_a_warning(self):
        r = self.recorder()
        r.add_group("train", self.images(), [0] * 20)
        a = self.arrays()
        broken = dict(a, features=np.where(np.arange(20)[:, None] == 7, np.nan, a["features"]))
        for bad, words in (
            (broken, "sample 7 has NaN"),
            (dict(features=a["features"]), "there is no head"),
            (dict(a, features=a["features"][:3]), r"shape \[20, \.\.\.\]"),
            (dict(a, head_weight=a["head_weight"][:2]), "head_weight must have shape"),
            ({}, "takes one of"),
            (dict(a, training_set=[20]), "training_set must be sample ids"),
            (dict(a, columns={"x": [1]}), "must have 20 values"),
            (dict(predict=lambda x: 1 / 0), "ZeroDivisionError"),
        ):
            with self.assertWarnsRegex(RuntimeWarning, words):
                self.assertFalse(r.epoch(1, **bad))
        self.assertTrue(r.epoch(2, **a))
        r.close()
        self.assertEqual(os.listdir(self.path("epochs")), ["000002"])
        self.assertEqual(len(r.failures), 8)

    def test_warnings_made_errors_do_not_break_training_either(self):
        r = self.recorder()
        r.add_group("train", self.images(), [0] * 20)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with mock.patch("sys.stderr"):
                self.assertFalse(r.epoch(1, features=[[1.0]]))

    def test_a_full_disk(self):
        r = self.recorder()
        r.add_group("train", self.images(), [0] * 20)
        a = self.arrays()
        r.epoch(1, **a)
        r.flush()
        real = np.lib.format.write_array_header_1_0

        def full(f, header):
            if "head_weight" in f.name:
                f.write(b"some")
                raise OSError(errno.ENOSPC, "No space left on device")
            real(f, header)

        with mock.patch("numpy.lib.format.write_array_header_1_0", full), warnings.catch_warnings(
            record=True
        ) as caught:
            warnings.simplefilter("always")
            self.assertTrue(r.epoch(2, **a))
            self.assertTrue(r.epoch(1, **dict(a, features=a["features"] + 1)))
            r.flush()
        self.assertEqual(
            ["epoch 2" in str(w.message) and "No space left" in str(w.message) for w in caught], [True, False]
        )
        self.assertEqual([n for n, _ in r.failures], [2, 1])
        self.assertEqual(os.listdir(self.path("epochs")), ["000001"])
        np.testing.assert_array_equal(self.array("epochs", "000001", "features.npy"), a["features"])
        self.assertFalse([n for n in os.listdir(self.path("epochs", "000001")) if n.endswith(".tmp")])
        r.epoch(3, **a)
        r.close()
        self.assertEqual(sorted(os.listdir(self.path("epochs"))), ["000001", "000003"])

    def test_a_really_full_device(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full")
        real = open
        with mock.patch(
            "builtins.open", lambda p, m="r", **o: real("/dev/full" if str(p).endswith(".tmp") else p, m, **o)
        ):
            with self.assertRaises(OSError):
                files.write_folder(self.run_folder, {"a.npy": np.zeros(100000), "z.json": {}}, "z.json")
        self.assertFalse(os.path.exists(self.run_folder))

    def test_a_disk_that_is_full_at_the_start_and_freed_later(self):
        r = self.recorder()
        r.add_group("train", self.images(), [0] * 20)
        a = self.arrays()
        with mock.patch("dvi.files._write", side_effect=OSError(errno.ENOSPC, "No space left on device")):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                r.epoch(1, **a)
                r.flush()
        self.assertFalse(os.path.exists(self.path("run.json")))
        r.epoch(2, **a)
        r.close()
        self.assertTrue(load(self.path("run.json"))["finished"])
        self.assertEqual(os.listdir(self.path("epochs")), ["000002"])

    def test_a_crash_in_the_writer_thread(self):
        r = self.recorder()
        r.add_group("train", self.images(), [0] * 20)
        a = self.arrays()
        with mock.patch("dvi.files.write_folder", side_effect=MemoryError("none left")):
            with self.assertWarnsRegex(RuntimeWarning, "MemoryError: none left"):
                r.epoch(1, **a)
                r.flush()
        r.epoch(2, **a)
        r.close()
        self.assertEqual(os.listdir(self.path("epochs")), ["000002"])

    def test_memory_is_bounded_and_a_slow_disk_does_not_slow_training(self):
        a = self.arrays(1000, 64)
        size = 1000 * (64 + 3) * 4 + 64 * 3 * 4 + 3 * 4
        r = self.recorder(max_pending_bytes=2 * size + 1000)
        r.add_group("train", labels=[0] * 1000)
        gate = threading.Event()
        real = files.write_folder
        with mock.patch("dvi.files.write_folder", lambda *p, **o: (gate.wait(20), real(*p, **o))):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                start = time.monotonic()
                taken = [r.epoch(n, **a) for n in range(6)]
                self.assertLess(time.monotonic() - start, 2)
            self.assertLessEqual(r._writer.pending_bytes, 2 * size + 1000)
            self.assertEqual(taken, [True, True, False, False, False, False])
            self.assertIn("still wait to be written", str(caught[0].message))
            gate.set()
            r.flush()
        self.assertTrue(r.epoch(9, **a))
        r.close()
        self.assertEqual(sorted(os.listdir(self.path("epochs"))), ["000000", "000001", "000009"])

    def test_an_epoch_larger_than_the_bound_is_taken_when_nothing_waits(self):
        r = self.recorder(max_pending_bytes=10)
        r.add_group("train", self.images(), [0] * 20)
        self.assertTrue(r.epoch(1, **self.arrays()))
        r.close()

    def test_what_is_recorded_is_what_was_there_at_the_time(self):
        r = self.recorder()
        r.add_group("train", labels=[0] * 20)
        a = self.arrays()
        before = {k: v.copy() for k, v in a.items()}
        gate = threading.Event()
        real = files.write_folder
        with mock.patch("dvi.files.write_folder", lambda *p, **o: (gate.wait(20), real(*p, **o))):
            r.epoch(1, **a)
            for v in a.values():
                v += 1  # training goes on
            gate.set()
            r.flush()
        for name, value in before.items():
            np.testing.assert_array_equal(self.array("epochs", "000001", name + ".npy"), value)

    def test_a_reader_never_sees_a_part(self):
        seen = []
        real = os.rename

        def watch(a, b):
            real(a, b)
            folder = self.path("epochs", "000001")
            if os.path.exists(os.path.join(folder, "epoch.json")):
                seen.append(sorted(os.listdir(folder)))

        r = self.recorder()
        r.add_group("train", labels=[0] * 20)
        with mock.patch("os.rename", watch):
            r.epoch(1, **self.arrays())
            r.flush()
        self.assertEqual(
            seen, [["epoch.json", "features.npy", "head_bias.npy", "head_weight.npy", "logits.npy"]]
        )

    def test_modes(self):
        def record(n, mode="new", count=20):
            r = self.recorder(mode=mode)
            r.add_group("train", labels=[0] * count)
            taken = r.epoch(n, **self.arrays(count), training_set=[n])
            r.close()
            return taken

        record(1)
        with self.assertRaisesRegex(FileExistsError, "resume"):
            record(2)
        os.mkdir(self.path("views"))
        record(2, "resume")
        self.assertEqual(sorted(os.listdir(self.path("epochs"))), ["000001", "000002"])
        self.assertTrue(os.path.exists(self.path("labels.npy")) and os.path.exists(self.path("views")))
        with self.assertWarnsRegex(RuntimeWarning, "holds a run whose groups are"):
            self.assertFalse(record(3, "resume", count=30))
        open(self.path("mine.txt"), "w").close()
        record(4, "replace")
        self.assertEqual(os.listdir(self.path("epochs")), ["000004"])
        self.assertTrue(os.path.exists(self.path("mine.txt")))
        self.assertFalse(os.path.exists(self.path("views")))

    def test_only_one_process_of_data_parallel_training_records(self):
        for ranks in (
            {"RANK": "1", "LOCAL_RANK": "0"},
            {"LOCAL_RANK": "1"},
            {"NODE_RANK": "1", "LOCAL_RANK": "0"},
        ):
            with self.subTest(ranks), mock.patch.dict(os.environ, ranks):
                r = self.recorder()
                r.add_group("train", labels=[0] * 20)
                self.assertFalse(r.epoch(1, **self.arrays()))
                r.close()
            self.assertFalse(os.path.exists(self.run_folder))

    def script(self, end):
        code = (
            "import sys; sys.path.insert(0, sys.argv[1])\nimport dvi, numpy as np\n"
            "r = dvi.Recorder(sys.argv[2], ['a', 'b'])\nr.add_group('train', labels=[0] * 2000)\n"
            "f = np.random.rand(2000, 300)\nfor n in range(5): r.epoch(n, features=f, head_weight=np.ones((2, 300)))\n"
            + end
        )
        return subprocess.run(
            [sys.executable, "-c", code, PYTHON, self.run_folder], capture_output=True, text=True
        )

    def test_a_script_that_just_ends_loses_nothing(self):
        self.assertEqual(self.script("").stderr, "")
        self.assertEqual(len(os.listdir(self.path("epochs"))), 5)
        self.assertTrue(load(self.path("run.json"))["finished"])

    def test_a_recorder_that_was_forgotten_is_finished_at_exit_too(self):
        self.script("import time\ndel r\ntime.sleep(6)\n")  # the idle writer thread has ended by then
        self.assertTrue(load(self.path("run.json"))["finished"])

    def test_a_script_that_fails_is_written_but_not_finished(self):
        self.assertIn("ZeroDivisionError", self.script("1 / 0").stderr)
        self.assertEqual(len(os.listdir(self.path("epochs"))), 5)
        self.assertNotIn("finished", load(self.path("run.json")))


class Boundary(RunTest):
    def linear(self, c, d=8):
        w = self.rng.normal(size=(c, d)).astype(np.float32)
        return lambda x: (x * 2, x @ w.T)

    def test_samples_are_on_the_boundary_and_are_mixtures(self):
        for c in (2, 3, 10):
            x = self.rng.normal(size=(600, 8)).astype(np.float32)
            predict = self.linear(c)
            mixtures, features = draw_boundary(x, predict(x)[1], predict, 60, self.rng)
            self.assertEqual(len(mixtures), 60)
            np.testing.assert_array_equal(features, mixtures * 2)
            self.assertLess(margin(predict(mixtures)[1]).max(), 0.1 + 1e-6)
            for m in mixtures[:5]:  # each lies on the line between some two samples
                best = min(self._off_line(m, a, x) for a in x)
                self.assertLess(best, 1e-4)

    @staticmethod
    def _off_line(m, a, x):
        u, v = m - a, x - a
        nv = np.maximum((v * v).sum(1), 1e-12)
        t = (v @ u) / nv
        return np.where(nv > 1e-9, np.linalg.norm(u - t[:, None] * v, axis=1), np.inf).min()

    def test_all_class_pairs_get_some(self):
        x = self.rng.normal(size=(2000, 8)).astype(np.float32)
        predict = self.linear(4)
        mixtures, _ = draw_boundary(x, predict(x)[1], predict, 300, self.rng)
        top = np.sort(np.argsort(predict(mixtures)[1], axis=1)[:, -2:], axis=1)
        _, counts = np.unique(top, axis=0, return_counts=True)
        self.assertEqual(len(counts), 6)
        self.assertGreater(counts.min(), 10)

    def test_one_predicted_class_gives_none_and_the_budget_holds(self):
        x = self.rng.normal(size=(50, 8)).astype(np.float32)
        self.assertEqual(len(draw_boundary(x, np.tile([1.0, 0, 0], (50, 1)), None, 10, self.rng)[0]), 0)
        asked = []

        def never(b):  # jumps from one class to the other: no mixture is undecided
            asked.append(len(b))
            z = np.where(b[:, :1] > 0, [[1.0, 0, 0]], [[0, 1.0, 0]])
            return b, z

        mixtures, _ = draw_boundary(x, never(x)[1], never, 10, self.rng)
        self.assertEqual(len(mixtures), 0)
        self.assertLess(sum(asked[1:]), 6 * len(x) + 64)

    def test_a_boundary_sample_costs_few_predictions(self):
        for c, most in ((2, 8), (3, 6), (10, 6)):
            x = self.rng.normal(size=(2000, 8)).astype(np.float32)
            predict, asked = self.linear(c), []
            mixtures, _ = draw_boundary(
                x, predict(x)[1], lambda b: asked.append(len(b)) or predict(b), 150, self.rng
            )
            self.assertEqual(len(mixtures), 150)
            self.assertLess(sum(asked) / 150, most, c)

    def record_one(self, predict, **options):
        r = self.recorder(**options)
        r.add_group("train", self.images(200), np.arange(200) % 3)
        weight = np.random.default_rng(5).normal(size=(3, 36)).astype(np.float32)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            r.epoch(
                1, predict=lambda b: predict(b, weight), head_weight=weight, head_bias=-0.5 * weight.sum(1)
            )
        r.close()
        self.assertEqual(r.failures, [])
        return r, [str(w.message) for w in said], sorted(os.listdir(self.path("epochs", "000001")))

    @staticmethod
    def predict(b, weight):
        return b.reshape(len(b), -1), (b.reshape(len(b), -1) - 0.5) @ weight.T

    def test_they_are_drawn_unless_told_otherwise_and_their_time_is_told(self):
        r, said, files = self.record_one(self.predict)
        self.assertEqual(said, [])
        self.assertIn("boundary_features.npy", files)
        self.assertNotIn("boundary_inputs.npy", files)
        self.assertGreater(r.seconds["boundary"], 0)
        self.assertLess(r.seconds["boundary"], r.seconds["epoch"])

    def test_they_are_not_drawn_where_that_is_not_wanted(self):
        r, said, files = self.record_one(self.predict, boundary=False)
        self.assertEqual(said, [])
        self.assertNotIn("boundary_features.npy", files)
        self.assertEqual(r.seconds["boundary"], 0)
        with self.assertRaisesRegex(ValueError, "boundary must be True, False"):
            self.recorder(boundary="yes")

    def test_a_model_that_refuses_mixtures_is_recorded_without_them(self):
        def picky(b, weight):
            if np.abs(b * 255 - np.round(b * 255)).max() > 1e-3:
                raise ValueError("whole pixels only")
            return self.predict(b, weight)

        _, said, files = self.record_one(picky)
        self.assertEqual(len(said), 1)
        self.assertIn("whole pixels only", said[0])
        self.assertIn("features.npy", files)
        self.assertNotIn("boundary_features.npy", files)

    @unittest.skipUnless(DVI, "there is no dvi program")
    def test_a_run_without_a_model_has_its_boundary_in_the_fit(self):
        self.record_one(self.predict)
        subprocess.run([DVI, "-q", "fit", self.run_folder], check=True, capture_output=True)
        view = self.path("views", "default")
        self.assertEqual(load(os.path.join(view, "view.json"))["boundary_from"], "recorded")
        drawn = np.load(os.path.join(view, "epochs", "000001", "boundary_positions.npy"))
        self.assertEqual(len(drawn), len(self.array("epochs", "000001", "boundary_features.npy")))

    def test_recorder_writes_them(self):
        x = self.images(200)
        w = self.rng.normal(size=(36, 3)).astype(np.float32)
        r = self.recorder(boundary="inputs")
        r.add_group("train", x, [0] * 200)
        r.epoch(
            1,
            predict=lambda b: (b.reshape(len(b), -1), (b.reshape(len(b), -1) - 0.5) @ w),
            head_weight=w.T,
            head_bias=-0.5 * w.sum(0),
        )
        r.close()
        self.assertEqual(r.failures, [])
        inputs, features = (
            self.array("epochs", "000001", f"boundary_{n}.npy") for n in ("inputs", "features")
        )
        self.assertEqual(inputs.shape[1:], (6, 6))
        self.assertEqual(len(inputs), len(features))
        self.assertGreater(len(inputs), 200 / 6)  # at most 200 predictions
        self.assertGreater(inputs.max(), 1)  # in the units of inputs.npy
        np.testing.assert_allclose(features, inputs.reshape(len(inputs), 36) / 255, rtol=1e-5)


class Show(RunTest):
    def test_starts_the_server_once_and_gives_its_address(self):
        r = self.recorder()
        with self.assertRaises(FileNotFoundError):
            dvi.show(self.run_folder)
        r.add_group("train", labels=[0] * 20)
        r.epoch(1, **self.arrays())
        r.close()
        program = os.path.join(self.folder, "dvi")
        with open(program, "w") as f:
            f.write(
                f"#!{sys.executable}\nimport sys, http.server as h\nassert sys.argv[1] == 'serve' and sys.argv[3] == "
                "'--port'\n"
                "server = h.HTTPServer(('127.0.0.1', int(sys.argv[4])), h.BaseHTTPRequestHandler)\n"
                "print(f'Serving a run at http://127.0.0.1:{sys.argv[4]}/', flush=True)\nserver.serve_forever()\n"
            )
        os.chmod(program, 0o755)
        one = dvi.show(self.run_folder, program=program, height=300)
        other = dvi.show(self.run_folder, program=program)
        self.assertIn('height="300px"', one._repr_html_())
        self.assertEqual(one.address.partition("?")[0], other.address.partition("?")[0])
        self.assertNotEqual(one.address, other.address)
        process, *_ = sys.modules["dvi.show"]._servers[self.run_folder]
        process.terminate()
        process.wait()

    def test_says_why_the_server_did_not_start(self):
        r = self.recorder()
        r.add_group("train", labels=[0] * 20)
        r.epoch(1, **self.arrays())
        r.close()
        program = os.path.join(self.folder, "dvi")
        with open(program, "w") as f:
            f.write("#!/bin/sh\necho 'dvi: no such run' >&2\nexit 1\n")
        os.chmod(program, 0o755)
        with self.assertRaisesRegex(RuntimeError, "no such run"):
            dvi.show(self.run_folder, program=program)


if __name__ == "__main__":
    unittest.main()
