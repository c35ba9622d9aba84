"""No line has more than 120 columns. Formatters keep code at 110 (clang-format, black, biome); comments and prose,
which they leave alone, get the rest. Rows of tables and lines without a space cannot be broken, nor can texts inside
TypeScript, where comments alone are checked."""

import re
import unittest

from files import ROOT, TEXT, programs, text_files

MOST = 120
UNBREAKABLE = re.compile(r"^\s*(\|.*|\S+)$")
SCRIPTS = {".ts", ".mts", ".mjs", ".js"}
SCRIPT_COMMENT = re.compile(r"^\s*(//|/\*|\*)")


def too_long(lines, comments_only=False):
    """(number, length) of the lines that are too long."""
    return [
        (number, len(line))
        for number, line in enumerate(lines, 1)
        if len(line) > MOST
        and not UNBREAKABLE.match(line)
        and (not comments_only or SCRIPT_COMMENT.match(line))
    ]


class Lines(unittest.TestCase):
    maxDiff = None

    def test_no_line_is_too_long(self):
        files = [path for path in text_files() if path.suffix in TEXT and path.suffix != ".json"] + programs()
        found = [
            f"{path.relative_to(ROOT)}:{number}: {length} columns, expected at most {MOST}"
            for path in files
            for number, length in too_long(path.read_text().splitlines(), path.suffix in SCRIPTS)
        ]
        self.assertEqual(found, [])

    def test_a_long_line_would_be_found(self):
        self.assertEqual(too_long(["a " * 60, "a " * 60 + "b"]), [(2, 121)])
        self.assertEqual(too_long(["| " + "a " * 99, "https://" + "a" * 150]), [])
        self.assertEqual(too_long(["a " * 61, "// " + "a " * 61], comments_only=True), [(2, 125)])


if __name__ == "__main__":
    unittest.main()
