"""The text files of this repository, for the tests of this folder."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# What is made, not written: build folders, recorded runs, packages of npm, caches.
MADE = (
    "build",
    "runs",
    "node_modules",
    "dist",
    "test-results",
    "__pycache__",
    ".git",
    ".cache",
    ".mypy_cache",
)
TEXT = (
    ".md .txt .h .cpp .cu .py .pyi .ts .mts .mjs .js .css .html .json .toml .cmake .yml .yaml .cff"
).split()


def text_files(*suffixes, under="."):
    """Paths of the files whose name ends in one of `suffixes` (any text without), below the folder `under`."""
    todo, found = [ROOT / under], []
    while todo:
        for path in sorted(todo.pop().iterdir()):
            if path.name in MADE or path.name.startswith("build-") or path.name.endswith(".egg-info"):
                continue
            if path.is_dir() and not path.is_symlink():
                todo.append(path)
            elif path.name.endswith(suffixes) if suffixes else path.suffix in TEXT:
                found.append(path.resolve())
    return sorted(found)


def programs():
    """Scripts without a suffix, known by their first line."""
    folders = (ROOT, ROOT / ".ci", ROOT / "bench", ROOT / "tools")
    files = [
        path for folder in folders for path in sorted(folder.iterdir()) if path.is_file() and not path.suffix
    ]
    return [path for path in files if path.read_bytes().startswith(b"#!")]
