"""Disks, ports, pipes and command lines that the program cannot work with."""

import os
import resource
import signal
import socket
import subprocess
import unittest

from small_run import DVI, ProgramTest, snapshot, write_run


class Surroundings(ProgramTest):
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
            [
                "unshare",
                "--mount",
                "bash",
                "-c",
                script,
                "test",
                mount,
                self.run_folder,
                self.place.name,
                DVI,
            ],
            capture_output=True,
            text=True,
            timeout=300,
        )
        # unshare: "Operation not permitted" without rights, "Invalid argument" inside a chroot.
        if done.returncode == 77 or done.stderr.startswith("unshare: "):
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
        for arguments in [
            ["paint"],
            ["fit"],
            ["fit", "run", "--epochs"],
            ["--threads", "0", "check", "x"],
            [],
        ]:
            with self.subTest(arguments=arguments):
                self.assert_refused(*arguments, status=2, words=["--help"])

    def test_help_and_version(self):
        self.assertRegex(self.assert_works("--version").stdout, r"^dvi \d+\.\d+\.\d+\n$")
        overview = self.assert_works("--help").stdout
        for command in (
            "demo",
            "fit",
            "eval",
            "serve",
            "check",
            "query",
            "findings",
            "why",
            "render",
            "import",
        ):
            with self.subTest(command=command):
                self.assertIn(f"\n  {command} ", overview)
                self.assertIn("--", self.assert_works(command, "--help").stdout)


if __name__ == "__main__":
    unittest.main()
