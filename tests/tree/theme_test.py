"""`dvi render` draws with the colours of the page: src/render/theme.cpp says what web/src/color/theme.ts says."""

import re
import unittest

from files import ROOT

NUMBERS = r"[\[{]([\d., f]+)[\]}]"


def numbers(text):
    return [float(n.strip(" f")) for n in text.split(",")]


def block(text, begin):
    """What stands between the braces that open at `begin` and their end."""
    start = text.index(begin) + len(begin)
    depth, end = 1, start
    while depth:
        depth += {"{": 1, "}": -1}.get(text[end], 0)
        end += 1
    return text[start : end - 1]


def of_page(name):
    text = block((ROOT / "web/src/color/theme.ts").read_text(), f"const {name}: Theme = {{")
    found = {key: numbers(value) for key, value in re.findall(rf"(\w+): {NUMBERS}", text)}
    found["outlineShare"] = [float(re.search(r"outlineShare: ([\d.]+)", text).group(1))]
    return {
        key: found[key]
        for key in ("ground", "ink", "boundary", "paleness", "tint", "outline", "outlineShare")
    }


def of_program(name):
    text = block((ROOT / "src/render/theme.cpp").read_text(), f"static const Theme {name}{{")

    def one(key):
        return float(re.search(rf"\.{key} = ([\d.]+)", text).group(1))

    def color(key):
        return numbers(re.search(rf"\.{key} = {NUMBERS}", text).group(1))

    return {
        "ground": color("ground"),
        "ink": color("ink"),
        # LandscapeStyle's own default is white.
        "boundary": color("boundary") if ".boundary" in text else [255, 255, 255],
        "paleness": [one("border_paleness"), one("edge_paleness")],
        "tint": [one("low_share"), one("high_share")],
        "outline": color("outline"),
        "outlineShare": [one("outline_share")],
    }


class ThemeColors(unittest.TestCase):
    def test_page_and_program_have_the_same(self):
        for name in ("light", "night"):
            with self.subTest(theme=name):
                self.assertEqual(of_program(name), of_page(name))

    def test_the_ground_is_that_of_the_style_sheet(self):
        grounds = re.findall(r"--ground: #(\w{6});", (ROOT / "web/src/style.css").read_text())
        wanted = [of_page(name)["ground"] for name in ("light", "night")]
        self.assertEqual([[int(g[i : i + 2], 16) for i in (0, 2, 4)] for g in grounds], wanted)


if __name__ == "__main__":
    unittest.main()
