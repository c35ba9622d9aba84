"""Gathers README.md, CHANGELOG.md, CONTRIBUTING.md and docs/ into one folder for mkdocs (./run docs): links
between them are kept, links to files of the sources become their names.

    site.py FOLDER
"""

import os
import pathlib
import re
import shutil
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
FRONT = {"README.md": "index.md", "CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)#\s]*)(#[^)\s]*)?\)")


def place(path):
    """Where a file of the repository (relative to its root) stands in the site; None if it is not part of it."""
    name = path.as_posix()
    if name in FRONT:
        return FRONT[name]
    if not name.startswith("docs/"):
        return None
    inside = name[len("docs/") :]
    return "documentation.md" if inside == "README.md" else inside


def convert(source, text):
    """The page with its links as they are in the site."""
    own = place(source)

    def link(match):
        mark, label, target, anchor = match.groups()
        anchor = anchor or ""
        if not target or re.match(r"[a-z]+:", target):
            return match.group(0)
        path = pathlib.Path(os.path.normpath(source.parent / target))
        if (ROOT / path).is_dir() and (ROOT / path / "README.md").exists():
            path /= "README.md"
        there = place(path)
        if there is None or not (ROOT / path).is_file():
            return label
        return f"{mark}[{label}]({os.path.relpath(there, os.path.dirname(own) or '.')}{anchor})"

    return LINK.sub(link, text)


def main(folder):
    folder = pathlib.Path(folder)
    shutil.rmtree(folder, ignore_errors=True)
    pages = [pathlib.Path(name) for name in FRONT]
    pages += [p.relative_to(ROOT) for p in sorted((ROOT / "docs").rglob("*")) if p.is_file()]
    for source in pages:
        target = folder / place(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix == ".md":
            target.write_text(convert(source, (ROOT / source).read_text()))
        else:
            shutil.copyfile(ROOT / source, target)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
