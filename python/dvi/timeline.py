"""Which folder an epoch gets: its own number where that is a whole number below a million, else the next one."""

import json
import math
import os
import re

from .text import clean

_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


class Timeline:
    """The epochs of a run in the order of their folders.

    As long as all are whole numbers the folder's number is the epoch's. From the first that is none ("1.5", "step
    12000", 2000000) on, folders count up, and epoch.json says what is shown (`label`) and where on the time axis it is
    (`at`).
    """

    def __init__(self, run_folder=None):
        self._at = {}  # folder -> place on the time axis
        self._labels = {}  # folder -> label, of those that have one
        folder = None if run_folder is None else os.path.join(run_folder, "epochs")
        for name in sorted(os.listdir(folder)) if folder and os.path.isdir(folder) else []:
            path = os.path.join(folder, name, "epoch.json")
            if len(name) == 6 and name.isdigit() and os.path.exists(path):
                with open(path) as f:
                    epoch = json.load(f)
                self.take(int(name), {k: epoch[k] for k in ("label", "at") if k in epoch})

    def place(self, n):
        """(folder number, {} or {"label", "at"}) for an epoch that the user calls `n`. Raises ValueError."""
        label, at = self._read(n)
        whole = at == int(at) and 0 <= at <= 999999 and label == str(int(at))
        if whole and not self._labels:
            return int(at), {}
        for folder, known in self._labels.items():
            if known == label:
                return folder, {"label": label, "at": at}
        same = [folder for folder, place in self._at.items() if place == at]
        if same:
            return same[0], {"label": label, "at": at}
        last = max(self._at, default=0)
        if self._at and at <= self._at[last]:
            raise ValueError(
                f"epochs must be recorded in order once one of them is no whole number, and {label} comes before "
                f"{self._labels.get(last, last)}: record it into another directory"
            )
        return last + 1, {"label": label, "at": at}

    def take(self, folder, said):
        """Notes that place() was followed."""
        self._at[folder] = said.get("at", folder)
        if "label" in said:
            self._labels[folder] = said["label"]

    def _read(self, n):
        if isinstance(n, str):
            label = clean(n).strip()
            found = _NUMBER.findall(label)
            if not label or len(label) > 40:
                raise ValueError(f"an epoch must be a number or a short name, and is {label[:60]!r}")
            at = float(found[-1]) if found else self._at[max(self._at)] + 1 if self._at else 1.0
        else:
            at = float(n.item() if hasattr(n, "item") else n)
            label = "" if not math.isfinite(at) else str(int(n)) if at == int(at) else f"{at:.10g}"
        if not math.isfinite(at) or abs(at) > 2**53:
            raise ValueError(f"an epoch must be a finite number or a short name, and is {n!r}")
        return label, int(at) if at == int(at) else at
