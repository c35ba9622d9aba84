"""What the commands print on standard output, for people and for scripts."""

import json
import unittest

from small_run import ProgramTest, write_run


class Results(ProgramTest):
    def setUp(self):
        super().setUp()
        write_run(self.run_folder)

    def assert_json(self, *arguments):
        """The same JSON with --json before or behind the command, and beside --quiet."""
        command, *others = arguments
        said = [
            self.assert_works(command, *others, "--json"),
            self.assert_works("--quiet", command, *others, "--json"),
            self.assert_works("--quiet", "--json", command, *others),
        ]
        results = [json.loads(done.stdout) for done in said]
        for result in results[1:]:
            self.assertEqual(result, results[0])
        self.assertEqual(said[-1].stderr, "")
        return results[0]

    def test_json_is_what_was_asked_for(self):
        self.assertEqual(self.assert_json("check", self.run_folder)["problems"], [])
        self.assert_works("--quiet", "fit", self.run_folder, "--epochs", "1")
        self.assertEqual(
            [epoch["epoch"] for epoch in self.assert_json("eval", self.run_folder)["epochs"]], [1]
        )
        self.assertGreater(self.assert_json("query", self.run_folder, "label = 'class 0'")["count"], 0)
        for finding in self.assert_json("findings", self.run_folder)["findings"]:
            self.assertLessEqual(
                {"kind", "from", "to", "classes", "samples", "score", "text", "link"}, set(finding)
            )

    def test_quiet_is_about_progress(self):
        quiet = self.assert_works("--quiet", "fit", self.run_folder, "--epochs", "1")
        self.assertEqual(quiet.stdout + quiet.stderr, "")
        table = self.assert_works("--quiet", "eval", self.run_folder)
        self.assertIn("nn_15", table.stdout)


if __name__ == "__main__":
    unittest.main()
