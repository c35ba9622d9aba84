"""Whole files, or nothing: arrays and JSON in the layout of docs/reference/run-format.md."""

import json
import os

import numpy as np


def little_endian(array):
    """C-ordered, little-endian, and of a dtype that readers in other languages know (bool becomes uint8)."""
    array = np.asarray(array)
    if array.dtype == bool:
        array = array.astype(np.uint8)
    if array.dtype.kind not in "iuf":
        raise ValueError(f"an array of dtype {array.dtype} cannot be recorded; give numbers")
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))


def _write(path, content):
    with open(path, "wb") as f:
        if isinstance(content, np.ndarray):
            np.lib.format.write_array(f, little_endian(content), version=(1, 0), allow_pickle=False)
        elif isinstance(content, bytes):
            f.write(content)
        else:
            f.write(json.dumps(content, indent=1, allow_nan=False).encode())
        f.flush()
        os.fsync(f.fileno())


def size_of(content):
    """Bytes that `content` keeps in memory until it is written."""
    if isinstance(content, np.ndarray):
        return content.nbytes
    return len(content) if isinstance(content, bytes) else 0


def write_folder(folder, files, last, remove_others=False):
    """Writes `files` ({name in the folder: array, bytes or JSON object}) so that a reader who takes `last` as
    the sign of a complete folder never sees a part. Everything goes to temporary names first: when anything
    fails (a full disk), these are removed, what was there before stays as it was, and OSError is raised.
    `remove_others`: files of an earlier writing that `files` does not name are removed."""
    made_folders, temporary = [], []

    def make_folder(path):
        missing = []
        while not os.path.isdir(path):
            missing.append(path)
            path = os.path.dirname(path)
        for path in reversed(missing):
            os.mkdir(path)
            made_folders.append(path)

    try:
        make_folder(os.path.abspath(folder))
        for name, content in files.items():
            path = os.path.join(os.path.abspath(folder), name)
            make_folder(os.path.dirname(path))
            temporary.append(path)
            _write(path + ".tmp", content)
    except BaseException:
        for path in temporary:
            if os.path.exists(path + ".tmp"):
                os.unlink(path + ".tmp")
        for path in reversed(made_folders):
            os.rmdir(path)
        raise
    sign = os.path.join(os.path.abspath(folder), last)
    if os.path.exists(sign):
        os.unlink(sign)
    if remove_others:
        for root, _, names in os.walk(folder):
            for name in names:
                relative = os.path.relpath(os.path.join(root, name), folder)
                if relative not in files and not name.endswith(".tmp"):
                    os.unlink(os.path.join(root, name))
    for path in temporary:
        if path != sign:
            os.replace(path + ".tmp", path)
    os.replace(sign + ".tmp", sign)


def write_json(path, value):
    """One JSON file, replaced by rename."""
    try:
        _write(path + ".tmp", value)
    except BaseException:
        if os.path.exists(path + ".tmp"):
            os.unlink(path + ".tmp")
        raise
    os.replace(path + ".tmp", path)
