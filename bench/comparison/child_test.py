"""What is said of a child process: its own memory and time, and why it failed."""
import sys
import tempfile
import unittest

import numpy as np

from comparison.child import run_child


class RunChild(unittest.TestCase):
    def run_python(self, code, limit=60):
        with tempfile.NamedTemporaryFile() as log:
            return run_child([sys.executable, "-c", code], limit, log.name)

    def test_memory_is_the_childs_not_its_parents(self):
        held = np.ones(40 << 20)  # 320 MiB here
        usage = self.run_python("import time; a = b'x' * (64 << 20); time.sleep(0.3)")
        self.assertEqual(held.nbytes >> 20, 320)
        self.assertGreater(usage["peak_mib"], 64)
        self.assertLess(usage["peak_mib"], 200)

    def test_processor_time_is_not_waiting_time(self):
        usage = self.run_python("import time; time.sleep(0.5)")
        self.assertGreater(usage["seconds"], 0.5)
        self.assertLess(usage["cpu_seconds"], 0.4)

    def test_failure_is_told_with_the_last_line(self):
        self.assertIn(
            "exit status 3: no such thing",
            self.run_python("import sys; print('no such thing'); sys.exit(3)")["failed"],
        )

    def test_a_child_that_takes_too_long_is_ended(self):
        self.assertEqual(
            self.run_python("import time; time.sleep(60)", limit=0.5), {"failed": "took more than 0.5 s"}
        )


if __name__ == "__main__":
    unittest.main()
