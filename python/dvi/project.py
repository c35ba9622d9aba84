"""Samples that were never recorded, placed in a fitted run."""

import base64
import json
import os
import subprocess
import tempfile
from dataclasses import dataclass

import numpy as np

from .program import find_program
from .server import Server

_rows_a_request = 1000


@dataclass(frozen=True)
class Projection:
    """M samples at T epochs, epochs ascending. docs/how-to/new-samples.md tells what each means."""

    epochs: np.ndarray  # [T] int
    places: np.ndarray  # [T, M, 2] float32, in the units of positions.npy
    predictions: np.ndarray  # [T, M] int, classes
    confidence: np.ndarray  # [T, M] float32, of the prediction
    margin: np.ndarray  # [T, M] float32
    probabilities: np.ndarray  # [T, M, C] float32
    nearest: np.ndarray  # [T, M, 15] int, sample ids of train samples, nearest first
    distances: np.ndarray  # [T, M, 15] float32, to them in feature space
    familiarity: np.ndarray  # [T, M] float32; 0 = stranger than every train sample


def project(run, samples, epochs=None, kind=None, view=None, program=None):
    """Places samples in a fitted run, without a new fit: a Projection.

    run       a run directory, or the address of a server that serves it: "http://127.0.0.1:8800/", or ".../?token=..."
    samples   features [M, D] of one epoch's model, or inputs [M, ...] in the shape and dtype of the run's inputs.npy;
              a path to any file that `dvi project` takes, where `run` is a directory
    epochs    numbers of fitted epochs, or "all"; by default the last one
    kind      "features" or "inputs", where the shape does not tell
    view      the view's name, by default "default" or the only one
    program   the dvi program, by default as for show()
    """
    if not isinstance(samples, (str, os.PathLike)):
        samples = np.ascontiguousarray(samples)
    if isinstance(run, str) and run.startswith(("http://", "https://")):
        return _asked(run, samples, epochs, kind, view)
    program = program or find_program()
    if program is None:
        raise FileNotFoundError(
            "the program dvi is neither in this package nor on the PATH: install the wheel of releases, name the "
            "program in the environment variable DVI, or pass program="
        )
    with tempfile.TemporaryDirectory(prefix="dvi-project-") as folder:
        file = samples
        if isinstance(samples, np.ndarray):
            if samples.dtype == np.float64:
                samples = samples.astype(np.float32)
            file = os.path.join(folder, "samples.npy")
            np.save(file, samples)
        command = [program, "--quiet", "project", os.fspath(run), os.fspath(file)]
        out = os.path.join(folder, "projection.json")
        command += ["-o", out]
        if epochs is not None:
            chosen = epochs if isinstance(epochs, str) else ",".join(str(e) for e in np.atleast_1d(epochs))
            command += ["--epochs", chosen]
        for option, value in (("--as", kind), ("--view", view)):
            if value is not None:
                command += [option, value]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise ValueError(done.stderr.strip().removeprefix("dvi: "))
        with open(out) as f:
            return _projection([json.load(f)])


def _asked(address, samples, epochs, kind, view):
    """The same of a server."""
    if not isinstance(samples, np.ndarray):
        raise ValueError("samples must be an array, because a server is asked, and is a path")
    server = Server(address)
    info = server.ask("/api/runs/0")
    view = view or ("default" if "default" in info["views"] else info["views"][0])
    if epochs is None:
        epochs = server.ask(f"/api/runs/0/views/{view}")["epochs"][-1:]
    chosen = epochs if isinstance(epochs, str) else sorted({int(e) for e in np.atleast_1d(epochs)})
    path = f"/api/runs/0/views/{view}/project"
    requests = requests_of(samples, kind or kind_of(samples, info))
    return _projection([server.ask(path, {**request, "epochs": chosen}) for request in requests])


def kind_of(samples, info):
    """ "features" or "inputs", by the shape; `info` is what the server says of the run."""
    fits = samples.ndim == 2 and samples.shape[1] == info["feature_dim"]
    return "features" if fits or info["inputs"] is None else "inputs"


def requests_of(samples, kind):
    """The samples as the server takes them, in parts that it takes at once."""
    rows = samples.reshape(len(samples), -1).astype("<f4")
    step = max(1, min(_rows_a_request, (4 << 20) // max(1, rows.shape[1] * 4)))
    for begin in range(0, len(rows), step):
        part = rows[begin : begin + step]
        yield {"values": base64.b64encode(part.tobytes()).decode(), "count": len(part), "kind": kind}


def _projection(answers):
    """Of answers about different samples at the same epochs."""

    def values(name, dtype):
        return np.array(
            [
                [sample[name] for answer in answers for sample in answer["epochs"][t]["samples"]]
                for t in range(len(answers[0]["epochs"]))
            ],
            dtype,
        )

    return Projection(
        np.array([e["epoch"] for e in answers[0]["epochs"]]),
        values("place", np.float32),
        values("prediction", np.int64),
        values("confidence", np.float32),
        values("margin", np.float32),
        values("probabilities", np.float32),
        values("nearest", np.int64),
        values("distances", np.float32),
        values("familiarity", np.float32),
    )
