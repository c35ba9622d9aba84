"""The version stands in CMakeLists.txt; what cannot read it there repeats it, and is checked here."""

import json
import re
import unittest

from files import ROOT


def read(path, pattern):
    return re.search(pattern, (ROOT / path).read_text(), flags=re.M).group(1)


class Version(unittest.TestCase):
    def test_every_file_names_the_version_of_cmake(self):
        version = read("CMakeLists.txt", r"^project\(dvi VERSION ([\d.]+)")
        package, lock = (
            json.loads((ROOT / "web" / name).read_text()) for name in ("package.json", "package-lock.json")
        )
        found = {
            "python/dvi/__init__.py": read("python/dvi/__init__.py", r'^__version__ = "(.+)"$'),
            "CITATION.cff": read("CITATION.cff", r"^version: (.+)$"),
            "web/package.json": package["version"],
            "web/package-lock.json": lock["version"],
            "web/package-lock.json, its root package": lock["packages"][""]["version"],
        }
        self.assertEqual(found, dict.fromkeys(found, version))

    def test_the_changelog_tells_of_it(self):
        version = read("CMakeLists.txt", r"^project\(dvi VERSION ([\d.]+)")
        self.assertRegex(
            (ROOT / "CHANGELOG.md").read_text(), rf"(?m)^## {re.escape(version)} - \d{{4}}-\d\d-\d\d$"
        )


if __name__ == "__main__":
    unittest.main()
