"""Every link of the documentation leads somewhere, and every documentation page that a source names exists."""

import re
import unittest

from files import ROOT, text_files

LINK = re.compile(r"\]\(([^)\s]+)\)")
PAGE = re.compile(r"(?<![\w/.-])docs/[\w./-]+\.(?:md|json|svg|png)")


def anchors(text):
    """The anchors of a page's headings, as code hosts make them."""
    headings = re.findall(r"^#+ +(.+)$", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


class Links(unittest.TestCase):
    def test_every_link_leads_somewhere(self):
        for page in text_files(".md"):
            for link in LINK.findall(page.read_text()):
                if re.match(r"[a-z]+:", link):
                    continue
                path, _, anchor = link.partition("#")
                target = (page.parent / path).resolve() if path else page
                with self.subTest(page=str(page.relative_to(ROOT)), link=link):
                    self.assertTrue(target.exists(), f"{path} does not exist")
                    if anchor:
                        self.assertIn(anchor, anchors(target.read_text()))

    def test_every_page_that_is_named_exists(self):
        for file in text_files():
            for name in set(PAGE.findall(file.read_text())):
                with self.subTest(file=str(file.relative_to(ROOT)), page=name):
                    self.assertTrue((ROOT / name).exists(), f"{name} does not exist")

    def test_every_page_can_be_reached_from_the_index(self):
        index = ROOT / "docs/README.md"
        reached, todo = set(), [index]
        while todo:
            page = todo.pop()
            if page in reached or page.suffix != ".md" or not page.is_file():
                continue
            reached.add(page)
            links = (link.partition("#")[0] for link in LINK.findall(page.read_text()) if ":" not in link)
            todo += [(page.parent / link).resolve() for link in links if link]
        lost = [
            str(page.relative_to(ROOT)) for page in text_files(".md", under="docs") if page not in reached
        ]
        self.assertEqual(lost, [], "these pages are linked from nowhere")


if __name__ == "__main__":
    unittest.main()
