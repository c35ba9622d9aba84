"""The layers hold: in src by what is included and linked. A test of this test shows that it would find a fault."""

import re
import unittest

from files import ROOT, text_files
from layers import faults

SRC = ROOT / "src"


def read_layers():
    """{layer: layers it may use} from src/CMakeLists.txt, in its order."""
    calls = re.findall(r"^dvi_layer\(([a-z_\s]+)\)$", (SRC / "CMakeLists.txt").read_text(), flags=re.M)
    return {call.split()[0]: call.split()[1:] for call in calls}


def includes():
    """{file: files of src that it includes}, as paths below src."""
    uses = {}
    for path in text_files(".h", ".cpp", ".cu", under="src"):
        named = re.findall(r'^ *# *include "([^"]+)"', path.read_text(), flags=re.M)
        uses[str(path.relative_to(SRC))] = {name for name in named if (SRC / name).exists()}
    return uses


def layer_of(file):
    return file.split("/")[0]


class Layers(unittest.TestCase):
    maxDiff = None

    def test_every_include_is_of_a_layer_that_the_list_allows(self):
        # The helpers of tests, in folders called testing, may be used by every test.
        uses = {file: {t for t in targets if "/testing/" not in t} for file, targets in includes().items()}
        self.assertEqual(faults(uses, layer_of, read_layers()), [])

    def test_every_include_is_a_path_from_src(self):
        for path in text_files(".h", ".cpp", under="src"):
            for name in re.findall(r'^ *# *include "([^"]+)"', path.read_text(), flags=re.M):
                self.assertTrue((SRC / name).exists(), f'{path.relative_to(ROOT)}: no file "{name}" in src')

    def test_only_the_list_links_layers(self):
        layers = set(read_layers())
        for path in SRC.glob("*/CMakeLists.txt"):
            calls = re.findall(r"dvi_library\(([^)]*)\)", path.read_text())
            named = {name for call in calls for name in re.findall(r"\bdvi_(\w+)", call)} & layers
            self.assertEqual(
                named, set(), f"{path.relative_to(ROOT)}: layers are linked by src/CMakeLists.txt"
            )

    def test_a_fault_would_be_found(self):
        allowed = {"low": [], "middle": ["low"], "high": ["low"]}
        up = faults({"low/a.h": {"high/b.h"}, "high/b.h": {"low/a.h"}}, layer_of, allowed)
        self.assertEqual(len(up), 2, up)  # an arrow upward and a circle
        self.assertEqual(len(faults({"high/a.h": {"middle/b.h"}}, layer_of, allowed)), 1)
        self.assertEqual(len(faults({"new/a.h": set()}, layer_of, allowed)), 1)
        self.assertEqual(faults({"high/a.h": {"low/b.h", "high/c.h"}}, layer_of, allowed), [])
        self.assertEqual(len(faults({}, layer_of, {"low": ["high"], "high": []})), 1)


if __name__ == "__main__":
    unittest.main()
