"""Whole files, or nothing: arrays and JSON in the layout of docs/reference/run-format.md."""

import ctypes
import json
import os
import shutil

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
            array = little_endian(content)
            np.lib.format.write_array_header_1_0(f, np.lib.format.header_data_from_array_1_0(array))
            # Not array.tofile(), as numpy.save does: it says nothing of a disk that refuses the last bytes.
            f.write(array.reshape(-1).view(np.uint8))
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


def _exchange(a, b):
    """Gives each of two folders the other's name, in one step. Returns whether this system could."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE of <fcntl.h> and <linux/fs.h>
    return renameat2(here, os.fsencode(a), here, os.fsencode(b), exchange) == 0


def _lock(folder):
    """A descriptor that tells others, for as long as this process lives, that somebody is at work in the
    folder; None if another process has it. Where there are no locks, nobody can have it."""
    try:
        import fcntl
    except ImportError:  # not on this system
        return os.open(folder, os.O_RDONLY)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError:
        pass
    return descriptor


def _remove_leftovers(parent):
    """What killed processes left: unfinished folders, and what a replacement had set aside."""
    for name in os.listdir(parent):
        path = os.path.join(parent, name)
        if name.startswith(".") and name.endswith(".unfinished"):
            lock = _lock(path)
            if lock is not None:
                shutil.rmtree(path, ignore_errors=True)
                os.close(lock)
        elif name.startswith(".") and name.endswith(".replaced"):
            target = os.path.join(parent, name[1 : -len(".replaced")])
            if os.path.exists(target):
                shutil.rmtree(path, ignore_errors=True)
            else:
                os.rename(path, target)


def replace_folder(folder, files):
    """Writes `files` ({name in the folder: array, bytes or JSON object}) as the folder's whole content. A
    reader sees what was there before or all of the new files, and so does who comes after a process that was
    killed at any moment: they are written into a hidden folder, which then takes the place of the other by
    one rename. When anything fails (a full disk), nothing of it stays and OSError is raised."""
    folder = os.path.abspath(folder)
    parent, name = os.path.split(folder)
    unfinished, aside = os.path.join(parent, f".{name}.unfinished"), os.path.join(parent, f".{name}.replaced")
    os.makedirs(parent, exist_ok=True)
    _remove_leftovers(parent)
    os.mkdir(unfinished)
    lock = _lock(unfinished)
    try:
        for file, content in files.items():
            path = os.path.join(unfinished, file)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            _write(path, content)
        if not os.path.lexists(folder):
            os.rename(unfinished, folder)
        elif not _exchange(unfinished, folder):
            os.rename(folder, aside)
            os.rename(unfinished, folder)
            shutil.rmtree(aside, ignore_errors=True)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def write_folder(folder, files, last, remove_others=False):
    """Writes `files` ({name in the folder: array, bytes or JSON object}) so that a reader who takes `last` as
    the sign of a complete folder never sees a part. Everything goes to temporary names first: when anything
    fails (a full disk), these are removed, what was there before stays as it was, and OSError is raised.
    `remove_others`: `files` are all that is to be in the folder, and replace what is there as a whole
    (replace_folder)."""
    if remove_others:
        return replace_folder(folder, files)
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
    # What is there is written anew only where it says the same (a run that is gone on with): `last` stays.
    sign = os.path.join(os.path.abspath(folder), last)
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
