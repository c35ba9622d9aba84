"""python -m dvi.export RUN OUT --layout v1|ttv: a run directory in the layouts of DVI or time-travelling-visualizer.

What `dvi import` kept in RUN/imported (state dicts, model.py, ...) goes back to where it came from.
"""

import argparse
import json
import os
import shutil
import struct
import sys
import zlib

import numpy as np

from .torch_format import save_tensors


class Run:
    """Reads a run directory."""

    def __init__(self, folder):
        self.folder = folder
        try:
            with open(os.path.join(folder, "run.json")) as f:
                self.json = json.load(f)
        except FileNotFoundError:
            raise SystemExit(f"dvi.export: {folder}: expected a run directory, found no run.json in it")
        self.groups = self.json["groups"]
        self.labels = np.load(os.path.join(folder, "labels.npy"))
        self.inputs = self.array("inputs.npy")
        root = os.path.join(folder, "epochs")
        self.epochs = sorted(
            int(n)
            for n in os.listdir(root)
            if n.isdigit() and os.path.exists(os.path.join(root, n, "epoch.json"))
        )

    def array(self, *parts):
        """A memory-mapped array, or None if it is not there."""
        path = os.path.join(self.folder, *parts)
        return np.load(path, mmap_mode="r") if os.path.exists(path) else None

    def imported_json(self, name):
        """An object that the import kept, or an empty one."""
        path = os.path.join(self.folder, "imported", name)
        if not os.path.exists(path):
            return {}
        with open(path) as f:
            found = json.load(f)
        return found if isinstance(found, dict) else {}

    def of_epoch(self, n, *parts):
        return self.array("epochs", f"{n:06d}", *parts)

    def ids(self, role):
        return np.concatenate(
            [np.zeros(0, np.int64)]
            + [np.arange(g["begin"], g["begin"] + g["count"]) for g in self.groups if g["role"] == role]
        )

    def logits(self, n):
        logits = self.of_epoch(n, "logits.npy")
        if logits is None:
            weight, bias = self.of_epoch(n, "head_weight.npy"), self.of_epoch(n, "head_bias.npy")
            if weight is not None:
                logits = self.of_epoch(n, "features.npy") @ weight.T + bias
        return logits


class Export:
    """Writes below `out`; `left_out` lists what the layout has no place for."""

    def __init__(self, run, out):
        if os.path.exists(out) and os.listdir(out):
            raise SystemExit(
                f"dvi.export: {out}: expected a new or empty folder, found files in it; choose another name"
            )
        self.run, self.out, self.left_out = run, out, []

    def path(self, *parts):
        path = os.path.join(self.out, *parts)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def save_json(self, value, *parts):
        with open(self.path(*parts), "w") as f:
            json.dump(value, f)

    def restore_imported(self):
        """Files that the import kept as they were."""
        root = os.path.join(self.run.folder, "imported")
        for folder, _, names in os.walk(root):
            for name in names:
                source = os.path.join(folder, name)
                target = self.path(os.path.relpath(source, root))
                if not os.path.exists(target):
                    shutil.copyfile(source, target)

    def save_state_dict(self, n, *parts):
        """The head as a state dict, unless the model's own was kept."""
        if os.path.exists(os.path.join(self.run.folder, "imported", *parts)):
            return
        weight, bias = self.run.of_epoch(n, "head_weight.npy"), self.run.of_epoch(n, "head_bias.npy")
        if weight is None:
            self.left_out.append(f"the head of epoch {n} (there is only TorchScript of it)")
            return
        save_tensors(
            self.path(*parts), {"prediction.weight": np.asarray(weight), "prediction.bias": np.asarray(bias)}
        )


def _epoch_word(run, config):
    """What the folders of epochs were called where the run was imported from."""
    for place in [config] + [v for v in config.values() if isinstance(v, dict)]:
        if isinstance(place.get("EPOCH_NAME"), str):
            return place["EPOCH_NAME"]
    root = os.path.join(run.folder, "imported", "Model")
    words = [n.rsplit("_", 1)[0] for n in os.listdir(root) if "_" in n] if os.path.isdir(root) else []
    return max(set(words), key=words.count) if words else "Epoch"


def export_v1(run, out):
    e = Export(run, out)
    config = run.imported_json("config.json")
    word = _epoch_word(run, config)
    if not config and run.json["classes"] != [str(i) for i in range(len(run.json["classes"]))]:
        e.save_json({"DVI": {"CLASSES": run.json["classes"], "EPOCH_NAME": word}}, "config.json")
    train, test = run.ids("train"), run.ids("test")
    if len(train) == 0:
        raise SystemExit(
            "dvi.export: layout v1 has a training pool, and this run has no group of role train; try --layout ttv"
        )
    others = sorted(
        {g["name"] for g in run.groups} - {g["name"] for g in run.groups if g["role"] in ("train", "test")}
    )
    if others:
        e.left_out.append(f"groups {', '.join(others)}")
    for part, stem, ids in (
        ("Training_data", "training_dataset", train),
        ("Testing_data", "testing_dataset", test),
    ):
        if len(ids) == 0:
            continue
        save_tensors(e.path(part, f"{stem}_label.pth"), run.labels[ids].astype(np.int64))
        if run.inputs is not None:
            save_tensors(e.path(part, f"{stem}_data.pth"), np.asarray(run.inputs[ids]))
    for name in ("texts.txt", "rows.csv"):
        if os.path.exists(os.path.join(run.folder, name)):
            e.left_out.append(name)
    pool_row = {int(s): i for i, s in enumerate(train)}
    noisy, original = run.array("columns", "is_noisy.npy"), run.array("columns", "original_label.npy")
    if noisy is not None and original is not None:
        ids = np.flatnonzero(noisy[train] == 1)
        e.save_json(ids.tolist(), "index.json")
        e.save_json(original[train][ids].astype(int).tolist(), "old_labels.json")
    _columns_left_out(e, ("is_noisy", "original_label"))
    e.restore_imported()
    for n in run.epochs:
        at = ("Model", f"{word}_{n}")
        features = run.of_epoch(n, "features.npy")
        np.save(e.path(*at, "train_data.npy"), np.asarray(features[train], np.float32))
        if len(test):
            np.save(e.path(*at, "test_data.npy"), np.asarray(features[test], np.float32))
        training_set = run.of_epoch(n, "training_set.npy")
        if training_set is not None:
            e.save_json([pool_row[int(i)] for i in training_set if int(i) in pool_row], *at, "index.json")
        for mine, theirs in (
            ("boundary_features.npy", "border_centers.npy"),
            ("boundary_inputs.npy", "ori_border_centers.npy"),
        ):
            array = run.of_epoch(n, mine)
            if array is not None and not os.path.exists(e.path(*at, theirs)):
                np.save(e.path(*at, theirs), np.asarray(array))
        for score in ("uncertainty", "dis", "total"):
            column = run.of_epoch(n, "columns", f"{score}_score.npy")
            for part, ids in (("train", train), ("test", test)):
                values = None if column is None else np.asarray(column[ids], np.float64)
                if values is None or len(ids) == 0 or np.isnan(values).all():
                    continue
                some = {str(i): v for i, v in enumerate(values.tolist()) if v == v}
                e.save_json(
                    values.tolist() if len(some) == len(values) else some, *at, f"{part}_{score}_score.json"
                )
        e.save_state_dict(n, *at, "subject_model.pth")
    return e


def export_ttv(run, out):
    e = Export(run, out)
    count = len(run.labels)
    source_index = run.array("columns", "source_index.npy")
    row = (
        np.arange(count) if source_index is None else np.asarray(source_index).astype(np.int64)
    )  # of each sample, there
    order = np.argsort(row)  # sample of each row
    np.save(e.path("dataset", "labels.npy"), run.labels[order].astype(np.int64))
    e.save_json({role: row[run.ids(role)].tolist() for role in ("train", "test")}, "dataset", "index.json")
    others = [g["name"] for g in run.groups if g["role"] not in ("train", "test", "other")]
    if others:
        e.left_out.append(
            f"the roles of groups {', '.join(others)}: their samples are in neither list of index.json"
        )
    e.restore_imported()
    if not os.path.exists(e.path("dataset", "info.json")):
        e.save_json({"classes": run.json["classes"], "model": run.json["name"]}, "dataset", "info.json")
    spec = run.json.get("inputs") or {}
    if spec.get("kind") == "image" and run.inputs is not None:
        for i in range(count):
            _save_png(e.path("dataset", "image", f"{row[i]}.png"), _pixels(run.inputs[i], spec["layout"]))
        if run.inputs.dtype != np.uint8:
            e.left_out.append("the exact values of float images: they are stretched to 8 bits")
    elif spec.get("kind") == "text":
        with open(os.path.join(run.folder, "texts.txt"), newline="") as f:
            lines = f.read().split("\n")
        with open(e.path("dataset", "text.txt"), "w", newline="") as f:
            f.write("".join(lines[i] + "\n" for i in order))
    elif spec:
        e.left_out.append("rows.csv and inputs.npy")
    _columns_left_out(e, ("source_index",))
    for n in run.epochs:
        at = ("epochs", f"epoch_{n}")
        np.save(e.path(*at, "embeddings.npy"), np.asarray(run.of_epoch(n, "features.npy")[order], np.float32))
        logits = run.logits(n)
        if logits is None:
            e.left_out.append(f"logits of epoch {n} (there is only TorchScript of the head)")
        else:
            np.save(e.path(*at, "predictions.npy"), np.asarray(logits[order], np.float32))
        e.save_state_dict(n, *at, "model.pth")
        for name in ("training_set.npy", "boundary_features.npy", "columns", "inputs"):
            if os.path.exists(os.path.join(run.folder, "epochs", f"{n:06d}", name)):
                e.left_out.append(f"{name} of each epoch")
    e.left_out = list(dict.fromkeys(e.left_out))
    return e


def _columns_left_out(e, known):
    folder = os.path.join(e.run.folder, "columns")
    names = sorted(n[:-4] for n in os.listdir(folder) if n.endswith(".npy")) if os.path.isdir(folder) else []
    names = [n for n in names if n not in known]
    if names:
        e.left_out.append(f"columns {', '.join(names)}")


def _pixels(image, layout):
    """[height, width] or [height, width, channels] uint8; floats are stretched over their range."""
    image = np.asarray(image)
    if layout == "NCHW":
        image = image.transpose(1, 2, 0)
    if image.dtype != np.uint8:
        low, high = float(image.min()), float(image.max())
        image = np.round((image - low) / max(high - low, 1e-12) * 255).astype(np.uint8)
    return image[:, :, 0] if image.ndim == 3 and image.shape[2] not in (3, 4) else image


def _save_png(path, pixels):
    """An 8-bit PNG (ISO/IEC 15948) of a grey, colour or transparent image, every line with filter 0."""
    height, width = pixels.shape[:2]
    kind = {1: 0, 3: 2, 4: 6}[pixels.shape[2] if pixels.ndim == 3 else 1]
    lines = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], axis=1).tobytes()
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n")
        for tag, data in (
            (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)),
            (b"IDAT", zlib.compress(lines)),
            (b"IEND", b""),
        ):
            f.write(struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data)))


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m dvi.export", description="Writes a run in the layout of an earlier tool."
    )
    parser.add_argument("run")
    parser.add_argument("out", help="folder to write (new)")
    parser.add_argument(
        "--layout", choices=("v1", "ttv"), required=True, help="v1: DVI; ttv: time-travelling-visualizer"
    )
    options = parser.parse_args(arguments)
    e = (export_v1 if options.layout == "v1" else export_ttv)(Run(options.run), options.out)
    print(f"{options.out}: layout {options.layout}, {len(e.run.labels)} samples, {len(e.run.epochs)} epochs")
    for what in e.left_out:
        print(f"  left out, since the layout has no place for it: {what}")


if __name__ == "__main__":
    sys.exit(main())
