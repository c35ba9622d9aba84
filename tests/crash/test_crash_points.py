"""Stops fit, import, selections and the recorder at every system call that writes, in four ways (see at_write.cpp),
and then reads and resumes: what is on disk must be one of the whole states.

All points take a while: `DVI_CRASH_STRIDE=1 python3 tests/crash/test_crash_points.py`. In CI every so many are taken,
other ones for each way, so that together they cover the program's course. What was covered is printed.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.request

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "cli"))
from small_run import DVI, write_json, write_run  # noqa: E402

AT_WRITE = os.environ.get("AT_WRITE", os.path.join(HERE, "..", "..", "build", "tests", "at_write"))
STRIDE = int(os.environ.get("DVI_CRASH_STRIDE", "40"))
WAYS = ("kill", "enospc", "eio", "short")
SKIPPED = 77


def files_of(folder):
    """{path in the folder: content} of all files."""
    found = {}
    for root, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(root, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, folder)] = file.read()
    return found


def leftovers(folder):
    return [
        os.path.join(root, name)
        for root, folders, names in os.walk(folder)
        for name in folders + names
        if ".tmp" in name or name.endswith((".unfinished", ".writing", ".replaced"))
    ]


class CrashPoints(unittest.TestCase):
    def setUp(self):
        self.place = tempfile.TemporaryDirectory(prefix="dvi-crash-")
        self.addCleanup(self.place.cleanup)
        self.folder = os.path.join(self.place.name, "work")
        self.counter = os.path.join(self.place.name, "count")

    def at_write(self, *arguments, **options):
        done = subprocess.run([AT_WRITE, *arguments], capture_output=True, text=True, timeout=120, **options)
        if done.returncode == SKIPPED:
            self.skipTest("system calls cannot be watched here")
        return done

    def count(self, program, **options):
        done = self.at_write("count", self.counter, "--", *program, **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(self.counter) as file:
            return int(file.read())

    def every_point(self, name, prepare, program, check, **options):
        """`prepare()` makes the state before; `check(where)` reads what is there after `program` came to grief."""
        prepare()
        points = self.count(program, **options)
        self.assertGreater(points, 5)
        covered = 0
        for index, way in enumerate(WAYS):
            for point in range(1 + index * STRIDE // len(WAYS), points + 1, STRIDE):
                prepare()
                done = self.at_write(way, str(point), self.counter, "--", *program, **options)
                where = f"{name}: {way} at write {point} of {points}: {done.stderr[-300:]}"
                self.assertIn(done.returncode, (0, 1, 137), where)
                if way != "kill" and done.returncode == 1:
                    # One sentence, no stack of calls.
                    self.assertEqual(len(done.stderr.strip().splitlines()), 1, where)
                check(where)
                covered += 1
        print(
            f"{name}: {covered} of {points * len(WAYS)} crash points ({points} writing calls, {len(WAYS)} ways)"
        )

    # --- fit ---------------------------------------------------------------------------------------------------------

    def test_fit(self):
        run = os.path.join(self.folder, "run")
        fit = [DVI, "--quiet", "--threads", "1", "fit", run]
        write_run(run, samples=60)
        recorded = files_of(run)
        subprocess.run(fit, check=True, capture_output=True)
        whole = {p: c for p, c in files_of(run).items() if p.endswith(".npy")}

        def prepare():
            shutil.rmtree(os.path.join(run, "views"), ignore_errors=True)

        def check(where):
            now = files_of(run)
            self.assertEqual({p: now.get(p) for p in recorded}, recorded, where)
            view = os.path.join(run, "views", "default")
            if os.path.exists(os.path.join(view, "view.json")):
                with open(os.path.join(view, "view.json")) as file:
                    described = json.load(file)
                for epoch in described["epochs"]:
                    wanted = {p for p in whole if p.startswith(f"views/default/epochs/{epoch:06d}/")}
                    self.assertTrue(wanted, where)
                    for path in wanted:
                        self.assertEqual(now.get(path), whole[path], f"{where}: {path}")
                if described["epochs"]:
                    asked = subprocess.run(
                        [DVI, "query", run, "confidence >= 0", "--json"], capture_output=True, text=True
                    )
                    self.assertEqual(asked.returncode, 0, where + asked.stderr)
            resumed = subprocess.run(fit, capture_output=True, text=True)
            self.assertEqual(resumed.returncode, 0, where + resumed.stderr)
            now = files_of(run)
            self.assertEqual({p for p in now if p.endswith(".npy")}, set(whole), where)
            for path, content in whole.items():
                self.assertEqual(now[path], content, f"{where}: {path}")
            self.assertEqual(leftovers(run), [], where)

        self.every_point("fit", prepare, fit, check)

    # --- import ------------------------------------------------------------------------------------------------------

    def test_import(self):
        source, run = os.path.join(self.folder, "source"), os.path.join(self.folder, "run")
        random = np.random.default_rng(1)
        os.makedirs(f"{source}/dataset")
        np.save(f"{source}/dataset/labels.npy", np.arange(12, dtype="<i8") % 3)
        write_json(f"{source}/dataset/info.json", {"classes": ["a", "b", "c"]})
        write_json(f"{source}/dataset/index.json", {"train": list(range(8)), "test": list(range(8, 12))})
        for epoch in (1, 2):
            folder = f"{source}/epochs/epoch_{epoch}"
            os.makedirs(folder)
            np.save(f"{folder}/embeddings.npy", random.normal(size=(12, 4)).astype("<f4"))
            np.save(f"{folder}/predictions.npy", random.normal(size=(12, 3)).astype("<f4"))
        program = [DVI, "--quiet", "import", source, run]
        subprocess.run(program, check=True, capture_output=True)
        whole = files_of(run)

        def prepare():
            shutil.rmtree(run, ignore_errors=True)

        def check(where):
            if os.path.exists(run):
                self.assertEqual(files_of(run), whole, where)
                shutil.rmtree(run)
            again = subprocess.run(program, capture_output=True, text=True)
            self.assertEqual(again.returncode, 0, where + again.stderr)
            self.assertEqual(files_of(run), whole, where)
            self.assertEqual(sorted(os.listdir(self.folder)), ["run", "source"], where)

        self.every_point("import", prepare, program, check)

    # --- selections --------------------------------------------------------------------------------------------------

    def serve_and_save(self, way, point):
        """Serves the run under at_write, saves a selection, ends the server; returns the answer's status, or None."""
        arguments = ["count", self.counter] if way == "count" else [way, str(point), self.counter]
        server = subprocess.Popen(
            [AT_WRITE, *arguments, "--", DVI, "serve", self.run, "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            line = server.stdout.readline()
            if not line:
                if server.wait(10) == SKIPPED:
                    self.skipTest("system calls cannot be watched here")
                return None
            url = line.split(" at ")[1].strip()
            body = json.dumps({"name": "mine", "ids": [4, 5, 6]}).encode()
            asked = urllib.request.Request(
                url + "api/runs/0/selections", body, {"Content-Type": "application/json"}
            )
            try:
                with urllib.request.urlopen(asked, timeout=10) as answer:
                    return answer.status
            except urllib.error.HTTPError as error:
                return error.code
            except OSError:
                return None
        finally:
            # The server is at_write's only child.
            children = f"/proc/{server.pid}/task/{server.pid}/children"
            if server.poll() is None and os.path.exists(children):
                with open(children) as file:
                    for child in file.read().split():
                        os.kill(int(child), 15)
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
            server.stdout.close()

    def test_selections(self):
        self.run = os.path.join(self.folder, "run")
        write_run(self.run, samples=60)
        subprocess.run([DVI, "--quiet", "fit", self.run], check=True, capture_output=True)
        file = os.path.join(self.run, "selections", "mine.json")

        def prepare():
            shutil.rmtree(os.path.dirname(file), ignore_errors=True)
            os.makedirs(os.path.dirname(file))
            write_json(file, {"name": "mine", "created": "", "ids": [1]})

        prepare()
        self.assertEqual(self.serve_and_save("count", 0), 200)
        with open(self.counter) as counted:
            points = int(counted.read())
        self.assertGreater(points, 2)
        covered = 0
        for way in WAYS:
            for point in range(1, points + 1):
                prepare()
                status = self.serve_and_save(way, point)
                with open(file) as saved:
                    ids = json.load(saved)["ids"]
                where = f"selections: {way} at write {point} of {points}: status {status}, ids {ids}"
                self.assertIn(ids, ([1], [4, 5, 6]), where)
                if status == 200:
                    self.assertEqual(ids, [4, 5, 6], where)
                covered += 1
        print(
            f"selections: {covered} of {points * len(WAYS)} crash points ({points} writing calls, {len(WAYS)} ways)"
        )
        # What a killed server left is removed when the next one saves.
        with open(file + ".tmp-1-1", "w") as left:
            left.write("x")
        self.assertEqual(self.serve_and_save("count", 0), 200)
        self.assertEqual(leftovers(self.run), [])

    # --- the recorder ------------------------------------------------------------------------------------------------

    RECORD = """
import sys, numpy as np, dvi
random = np.random.default_rng(1)
recorder = dvi.Recorder(sys.argv[1], classes=["a", "b"], mode="resume")
recorder.add_group("train", labels=np.arange(20) % 2)
for epoch in map(int, sys.argv[3:]):
    value = float(sys.argv[2])
    features = value + random.normal(size=(20, 4)) * 1e-3
    recorder.epoch(epoch, features=features, logits=features[:, :2] * value, head_weight=np.eye(2, 4) * value,
                   head_bias=np.zeros(2), train_loss=value)
recorder.close()
"""

    def test_recorder(self):
        python = os.path.join(HERE, "..", "..", "python")
        environment = {**os.environ, "PYTHONPATH": python, "PYTHONDONTWRITEBYTECODE": "1"}
        run = os.path.join(self.folder, "run")

        def record(value, *epochs):
            return [sys.executable, "-W", "ignore", "-c", self.RECORD, run, str(value), *map(str, epochs)]

        def prepare():
            shutil.rmtree(run, ignore_errors=True)
            subprocess.run(record(1, 1, 2), check=True, capture_output=True, env=environment)

        def value_of(epoch):
            """The value with which all files of the epoch were recorded, or None if it is not there."""
            folder = os.path.join(run, "epochs", f"{epoch:06d}")
            if not os.path.exists(os.path.join(folder, "epoch.json")):
                return None
            with open(os.path.join(folder, "epoch.json")) as file:
                values = {json.load(file)["train_loss"]}
            values.add(float(np.round(np.load(os.path.join(folder, "features.npy")).mean())))
            values.add(float(np.round(np.sqrt(np.load(os.path.join(folder, "logits.npy")).mean()))))
            values.add(float(np.load(os.path.join(folder, "head_weight.npy")).max()))
            self.assertEqual(len(values), 1, f"files of several recordings: {values}")
            return values.pop()

        def check(where):
            with open(os.path.join(run, "run.json")) as file:
                json.load(file)
            self.assertIn(
                value_of(2), (1, 7), where
            )  # recorded again: the old one or the new one, never none
            self.assertIn(value_of(3), (None, 7), where)
            self.assertEqual(value_of(1), 1, where)
            again = subprocess.run(record(7, 2, 3), capture_output=True, text=True, env=environment)
            self.assertEqual(again.returncode, 0, where + again.stderr)
            self.assertEqual((value_of(2), value_of(3)), (7, 7), where)
            self.assertEqual(leftovers(run), [], where)

        # An epoch that could not be written is a warning, and training goes on.
        self.every_point("recorder", prepare, record(7, 2, 3), check, env=environment)


if __name__ == "__main__":
    unittest.main()
