"""Whether a run that is gone on with has the samples it had."""

import os

import numpy as np

_CHUNK = 1 << 24  # numbers compared at once


def expect_same_samples(folder, labels, stored, texts, rows):
    """Compares labels [N], inputs (list of arrays, one a group), texts.txt and rows.csv (bytes) with those recorded in
    `folder`; None where there are none. Raises ValueError naming the first sample that is another."""
    _same_rows(folder, "labels.npy", [labels], "label")
    if stored is not None and os.path.exists(os.path.join(folder, "inputs.npy")):
        _same_rows(folder, "inputs.npy", stored, "input")
    for name, content in (("texts.txt", texts), ("rows.csv", rows)):
        path = os.path.join(folder, name)
        if content is None or not os.path.exists(path):
            continue
        with open(path, "rb") as f:
            known = f.read()
        if known != content:
            pairs = list(zip(known.split(b"\n"), content.split(b"\n")))
            line = next((i for i, (a, b) in enumerate(pairs) if a != b), len(pairs))
            raise _differ(folder, name, line - (name == "rows.csv"), "input")


def _same_rows(folder, name, arrays, what):
    known, at = np.load(os.path.join(folder, name), mmap_mode="r"), 0
    for array in arrays:
        if known.shape[1:] != array.shape[1:]:
            raise ValueError(
                f"{folder} holds samples of shape {list(known.shape[1:])} and these have {list(array.shape[1:])}: "
                f"record into another directory"
            )
        step = max(1, _CHUNK // max(1, int(np.prod(array.shape[1:]))))
        for begin in range(0, len(array), step):
            b = array[begin : begin + step]
            a = np.asarray(known[at + begin : at + begin + len(b)])
            if len(a) != len(b):
                raise _differ(folder, name, at + begin + min(len(a), len(b)), what)
            # The same picture decoded by another version of a library may differ in the last digits.
            same = (
                a == b
                if a.dtype.kind != "f" and b.dtype.kind != "f"
                else np.isclose(a, b, rtol=1e-3, atol=1e-4, equal_nan=True)
            )
            bad = np.flatnonzero(~same.reshape(len(a), -1).all(axis=1))
            if len(bad):
                raise _differ(folder, name, at + begin + int(bad[0]), what)
        at += len(array)


def _differ(folder, name, sample, what):
    return ValueError(
        f"sample {sample} has another {what} than {os.path.join(folder, name)} has, so these are not the samples of "
        f"the run: give the split a fixed seed, or record into another directory"
    )
