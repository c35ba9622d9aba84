"""Bad input ends with one sentence that names the file, an exit status that is not 0, and every file as it was."""

import os
import resource
import shutil
import signal
import socket
import subprocess
import unittest

import numpy as np
from small_run import DVI, ProgramTest, epoch_folder, snapshot, write_epoch, write_json, write_run


class BadRun(ProgramTest):
    def setUp(self):
        super().setUp()
        write_run(self.run_folder)
        self.features = f"{epoch_folder(self.run_folder, 2)}/features.npy"

    def refused_by_fit_and_check(self, *words):
        self.assert_refused("fit", self.run_folder, words=words)
        checked = self.dvi("check", self.run_folder)
        self.assertEqual(checked.returncode, 1, checked.stdout + checked.stderr)
        for word in words:
            self.assertIn(str(word), checked.stdout + checked.stderr)

    def change_features(self, change):
        values = np.load(self.features)
        np.save(self.features, change(values))

    def change_manifest(self, **changes):
        import json

        path = f"{self.run_folder}/run.json"
        with open(path) as file:
            manifest = json.load(file)
        write_json(path, {**manifest, **changes})

    def test_no_such_folder(self):
        self.assert_refused("fit", self.run_folder + "-x", words=[self.run_folder + "-x"])

    def test_no_run_json(self):
        os.remove(f"{self.run_folder}/run.json")
        self.refused_by_fit_and_check("run.json")

    def test_damaged_run_json(self):
        with open(f"{self.run_folder}/run.json", "r+") as file:
            file.truncate(40)
        self.refused_by_fit_and_check("run.json")

    def test_missing_features(self):
        os.remove(self.features)
        self.refused_by_fit_and_check("000002/features.npy")

    def test_missing_head(self):
        os.remove(f"{epoch_folder(self.run_folder, 2)}/head_weight.npy")
        self.refused_by_fit_and_check("000002/head_weight.npy")

    def test_truncated_features(self):
        with open(self.features, "r+b") as file:
            file.truncate(os.path.getsize(self.features) - 10)
        self.refused_by_fit_and_check("000002/features.npy")

    def test_empty_file(self):
        open(self.features, "w").close()
        self.refused_by_fit_and_check("000002/features.npy")

    def test_wrong_dtype(self):
        self.change_features(lambda values: values.astype("<i4"))
        self.refused_by_fit_and_check("000002/features.npy", "float32", "int32")

    def test_wrong_shape(self):
        self.change_features(lambda values: values[:-1])
        self.refused_by_fit_and_check("000002/features.npy", "(150, 8)", "(149, 8)")

    def test_wrong_byte_order(self):
        self.change_features(lambda values: values.astype(">f4"))
        self.refused_by_fit_and_check("000002/features.npy", "little-endian")

    def test_fortran_order(self):
        self.change_features(np.asfortranarray)
        self.refused_by_fit_and_check("000002/features.npy")

    def test_nan_and_infinity(self):
        for value in np.nan, np.inf, -np.inf:
            with self.subTest(value=value):

                def spoil(values):
                    values[17, 3] = value
                    return values

                self.change_features(spoil)
                self.refused_by_fit_and_check("000002/features.npy", "sample 17", "epoch 2")

    def test_label_out_of_range(self):
        labels = np.load(f"{self.run_folder}/labels.npy")
        labels[5] = 3
        np.save(f"{self.run_folder}/labels.npy", labels)
        self.refused_by_fit_and_check("labels.npy", "sample 5")

    def test_one_class_only(self):
        self.change_manifest(classes=["only"])
        self.refused_by_fit_and_check("run.json", "classes")

    def test_labels_of_one_class_only(self):
        np.save(f"{self.run_folder}/labels.npy", np.ones(150, "<i4"))
        self.refused_by_fit_and_check("labels.npy")

    def test_feature_dimension_out_of_range(self):
        for dimension in 1, 4097:
            with self.subTest(dimension=dimension):
                self.change_manifest(feature_dim=dimension)
                self.refused_by_fit_and_check("run.json", "feature_dim", dimension)

    def test_torchscript_that_is_none(self):
        self.change_manifest(subject={"kind": "torchscript"})
        for epoch in 1, 2:
            with open(f"{epoch_folder(self.run_folder, epoch)}/subject.pt", "w") as file:
                file.write("this is no TorchScript")
        self.assert_refused("fit", self.run_folder, words=["subject.pt"])

    def test_epoch_that_is_not_there(self):
        self.assert_refused("fit", self.run_folder, "--epochs", "7", words=["7"])

    def test_view_that_is_not_there(self):
        self.assert_refused("eval", self.run_folder, "--view", "none", words=["none"])


class TorchScriptWithoutTheMethods(ProgramTest):
    def test_is_refused(self):
        try:
            import torch
        except ImportError:
            self.skipTest("python3-torch is not installed")
        write_run(self.run_folder)

        class Model(torch.nn.Module):
            def forward(self, x):
                return x

        path = f"{self.run_folder}/run.json"
        with open(path) as file:
            text = file.read()
        with open(path, "w") as file:
            file.write(text.replace("linear-head", "torchscript"))
        for epoch in 1, 2:
            torch.jit.script(Model()).save(f"{epoch_folder(self.run_folder, epoch)}/subject.pt")
        line = self.assert_refused("fit", self.run_folder, words=["subject.pt"])
        self.assertRegex(line, "features|LibTorch")


class FewSamples(ProgramTest):
    def test_fewer_than_neighbours_are_refused(self):
        write_run(self.run_folder, samples=15)  # 10 of them to train on, k is 15
        self.assert_refused("fit", self.run_folder, words=["run.json", "10"])


class UnusualButGood(ProgramTest):
    """What looks odd and is allowed must work."""

    def fits(self, **options):
        write_run(self.run_folder, **options)
        self.assert_works("--quiet", "check", self.run_folder)
        self.assert_works("--quiet", "fit", self.run_folder)
        positions = np.load(f"{self.run_folder}/views/default/epochs/000001/positions.npy")
        self.assertTrue(np.isfinite(positions).all())
        return positions

    def test_duplicates(self):
        write_run(self.run_folder)
        for epoch in 1, 2:
            path = f"{epoch_folder(self.run_folder, epoch)}/features.npy"
            values = np.load(path)
            values[:40] = values[0]
            np.save(path, values)
        self.assert_works("--quiet", "fit", self.run_folder)
        positions = np.load(f"{self.run_folder}/views/default/epochs/000002/positions.npy")
        self.assertTrue(np.isfinite(positions).all())
        np.testing.assert_allclose(positions[:40], np.broadcast_to(positions[0], (40, 2)), atol=1e-3)

    def test_two_features(self):
        self.assertEqual(self.fits(features=2).shape, (150, 2))

    def test_4096_features(self):
        self.assertEqual(self.fits(features=4096).shape, (150, 2))

    def test_epoch_gap(self):
        self.fits(epochs=(1, 2, 4))
        checked = self.assert_works("check", self.run_folder)
        self.assertIn("gap", checked.stdout + checked.stderr)
        self.assertTrue(os.path.exists(f"{self.run_folder}/views/default/epochs/000004/view_epoch.json"))

    def test_epoch_still_being_written(self):
        write_run(self.run_folder)
        os.remove(f"{epoch_folder(self.run_folder, 2)}/epoch.json")
        os.truncate(f"{epoch_folder(self.run_folder, 2)}/features.npy", 100)
        self.assert_works("--quiet", "fit", self.run_folder)
        self.assertEqual(os.listdir(f"{self.run_folder}/views/default/epochs"), ["000001"])


class Surroundings(ProgramTest):
    """Neither input nor output: disks, ports, pipes."""

    def test_disk_full(self):
        """Refused by a real full file system where we may mount one."""
        mount = os.path.join(self.place.name, "disk")
        os.mkdir(mount)
        write_run(self.run_folder, samples=3000)
        script = """
          mount -t tmpfs -o size=1M tmpfs "$1" && cp -r "$2" "$1/run" || exit 77
          dd if=/dev/zero of="$1/fill" bs=4096 2>/dev/null
          (cd "$1" && find run -type f | sort | xargs sha256sum) >"$3/before"
          "$4" --quiet fit "$1/run" 2>"$3/stderr"; echo $? >"$3/status"
          (cd "$1" && sha256sum --quiet -c "$3/before") && ! find "$1/run" | grep -F .tmp
        """
        done = subprocess.run(
            ["unshare", "--mount", "bash", "-c", script, "test", mount, self.run_folder, self.place.name, DVI],
            capture_output=True,
            text=True,
            timeout=120,
        )
        if done.returncode == 77 or "Operation not permitted" in done.stderr:
            self.skipTest("mounting a small disk is not allowed here")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        with open(f"{self.place.name}/stderr") as file:
            lines = file.read().splitlines()
        with open(f"{self.place.name}/status") as file:
            self.assertEqual(file.read().strip(), "1", lines)
        self.assertEqual(len(lines), 1, lines)
        self.assertIn("No space left on device", lines[0])

    def test_file_size_limit(self):
        write_run(self.run_folder, samples=3000)
        before = snapshot(self.place.name)

        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

        done = self.dvi("--quiet", "fit", self.run_folder, preexec_fn=limit)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("File too large", done.stderr)
        after = snapshot(self.place.name)
        self.assertEqual({path: after.get(path) for path in before}, before)

    def test_port_in_use(self):
        write_run(self.run_folder)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            self.assert_refused("serve", self.run_folder, "--port", str(port), words=[port])

    def test_standard_output_full(self):
        write_run(self.run_folder)
        self.assert_works("--quiet", "fit", self.run_folder)
        with open("/dev/full", "w") as full:
            done = self.dvi("--quiet", "eval", self.run_folder, "--json", stdout=full)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("No space left on device", done.stderr)

    def test_folder_without_permission(self):
        if os.geteuid() == 0:
            self.skipTest("root may write anywhere")
        write_run(self.run_folder)
        os.chmod(self.run_folder, 0o500)
        self.addCleanup(os.chmod, self.run_folder, 0o700)
        self.assert_refused("fit", self.run_folder, words=[self.run_folder])


class CommandLine(ProgramTest):
    def test_not_understood(self):
        for arguments in [["paint"], ["fit"], ["fit", "run", "--epochs"], ["--threads", "0", "check", "x"], []]:
            with self.subTest(arguments=arguments):
                self.assert_refused(*arguments, status=2, words=["--help"])

    def test_help_and_version(self):
        self.assertRegex(self.assert_works("--version").stdout, r"^dvi \d+\.\d+\.\d+\n$")
        overview = self.assert_works("--help").stdout
        for command in "demo", "fit", "eval", "serve", "check", "query", "render", "import":
            with self.subTest(command=command):
                self.assertIn(f"\n  {command} ", overview)
                self.assertIn("--", self.assert_works(command, "--help").stdout)


if __name__ == "__main__":
    unittest.main()
