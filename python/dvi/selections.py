"""Selections of samples, shared with the page: what is saved there is read here, and the other way round."""

import json
import os
import time

from . import files


def selections(run):
    """{name: sample ids} of the selections saved in a run directory, from the page or by select()."""
    folder = os.path.join(os.fspath(run), "selections")
    found = {}
    for entry in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        if not entry.endswith(".json") or entry.startswith("."):
            continue
        try:
            with open(os.path.join(folder, entry)) as f:
                found[entry[: -len(".json")]] = [int(i) for i in json.load(f)["ids"]]
        except (ValueError, KeyError, TypeError):
            continue  # somebody else's file
    return found


def select(run, name, ids):
    """Saves the sample ids as a selection that the page offers under `name`, replacing one of that name."""
    run = os.fspath(run)
    with open(os.path.join(run, "run.json")) as f:
        count = sum(group["count"] for group in json.load(f)["groups"])
    if not name or name.startswith(".") or len(name) > 100 or "/" in name or "\\" in name:
        raise ValueError(
            f"name must be at most 100 characters without slashes and not begin with a dot, and is {name!r}"
        )
    ids = sorted({int(i) for i in ids})
    if ids and not 0 <= ids[0] <= ids[-1] < count:
        raise ValueError(
            f"ids must be from 0 to {count - 1}, the samples of {run}, and are from {ids[0]} to {ids[-1]}"
        )
    folder = os.path.join(run, "selections")
    os.makedirs(folder, exist_ok=True)
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    files.write_json(os.path.join(folder, name + ".json"), {"name": name, "created": created, "ids": ids})
