"""A run directory (docs/reference/run-format.md) as arrays, and its subject model."""
import json
import pathlib

import numpy as np


class RecordedRun:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.manifest = json.loads((self.folder / "run.json").read_text())
        groups = self.manifest["groups"]
        self.count = sum(group["count"] for group in groups)
        self.train = self.ids_of("train")
        if len(self.train) == 0:
            self.train = np.arange(self.count)
        self.test = self.ids_of("test")
        self.epochs = sorted(int(p.parent.name) for p in self.folder.glob("epochs/*/epoch.json"))
        if not self.epochs:
            raise SystemExit(f"{self.folder}: expected recorded epochs, found none; record some")

    def ids_of(self, role):
        """Sample ids of all groups with this role."""
        return np.concatenate(
            [np.arange(0)]
            + [
                np.arange(g["begin"], g["begin"] + g["count"])
                for g in self.manifest["groups"]
                if g["role"] == role
            ]
        )

    @property
    def classes(self):
        return len(self.manifest["classes"])

    def epoch_folder(self, epoch):
        return self.folder / "epochs" / f"{epoch:06d}"

    def features(self, epoch):
        """[N, D] float32"""
        return np.ascontiguousarray(np.load(self.epoch_folder(epoch) / "features.npy"), dtype=np.float32)

    def subject(self, epoch):
        return Subject(self, self.epoch_folder(epoch))

    def model_inputs(self, ids):
        """[len(ids), ...] float32: the recorded inputs as the subject model sees them. None if there are none."""
        path = self.folder / "inputs.npy"
        if not path.exists():
            return None
        stored = np.load(path, mmap_mode="r")
        spec = self.manifest.get("inputs", {})
        x = np.asarray(stored[ids], dtype=np.float32)
        x = x * np.float32(spec.get("scale", 1 / 255 if stored.dtype == np.uint8 else 1))
        if spec.get("kind", "image") != "image":
            return x
        layout = spec.get("layout", "NHWC")
        x = x[:, None] if layout == "NHW" else x.transpose(0, 3, 1, 2) if layout == "NHWC" else x
        per_channel = lambda name, default: np.float32(spec.get(name, default)).reshape(1, -1, 1, 1)
        return np.ascontiguousarray((x - per_channel("mean", 0)) / per_channel("std", 1))


class Subject:
    """The classifier of an epoch: `head` always, `features` where TorchScript was recorded. LibTorch is loaded only
    when it is needed."""

    def __init__(self, run, folder):
        self.weight = self.bias = None
        if (folder / "head_weight.npy").exists():
            self.weight, self.bias = np.load(folder / "head_weight.npy"), np.load(folder / "head_bias.npy")
        self.script_path = folder / "subject.pt"
        self.run = run
        self._script = None

    @property
    def has_features(self):
        return self.script_path.exists() and (self.run.folder / "inputs.npy").exists()

    @property
    def script(self):
        if self._script is None:
            import torch

            self._script = torch.jit.load(str(self.script_path)).eval()
        return self._script

    def _batched(self, names, x):
        import torch

        method = next(getattr(self.script, name) for name in names if hasattr(self.script, name))
        with torch.no_grad():
            return np.concatenate(
                [method(torch.from_numpy(x[i : i + 1000])).numpy() for i in range(0, len(x), 1000)]
            )

    def features(self, x):
        """[n, ...] float32 model inputs -> [n, D]"""
        return self._batched(("features", "feature"), np.ascontiguousarray(x))

    def head(self, f):
        """[n, D] -> [n, C] logits"""
        if len(f) == 0:
            return np.zeros((0, self.run.classes), np.float32)
        if self.weight is not None:
            return f @ self.weight.T + self.bias
        return self._batched(("head", "prediction"), np.ascontiguousarray(f))


def with_probes(run, folder, probes):
    """Writes a copy of `run` into `folder` that has one more group, "probe": at each epoch the boundary samples
    probes[epoch] [M, D], by which every method is judged and on which none is fitted. Views are not copied.
    """
    folder = pathlib.Path(folder)
    count = len(next(iter(probes.values())))
    manifest = dict(run.manifest)
    manifest["groups"] = manifest["groups"] + [
        {"name": "probe", "role": "probe", "begin": run.count, "count": count}
    ]
    manifest.pop("columns", None)
    folder.mkdir(parents=True)
    np.save(
        folder / "labels.npy",
        np.concatenate([np.load(run.folder / "labels.npy"), np.full(count, -1, np.int32)]),
    )
    if (run.folder / "inputs.npy").exists():
        inputs = np.load(run.folder / "inputs.npy")
        np.save(
            folder / "inputs.npy",
            np.concatenate([inputs, np.zeros((count, *inputs.shape[1:]), inputs.dtype)]),
        )
    else:
        manifest.pop("inputs", None)
    for epoch, probe in probes.items():
        source, target = run.epoch_folder(epoch), folder / "epochs" / f"{epoch:06d}"
        target.mkdir(parents=True)
        np.save(target / "features.npy", np.concatenate([run.features(epoch), probe.astype(np.float32)]))
        for name in ("subject.pt", "head_weight.npy", "head_bias.npy", "boundary_features.npy", "inputs"):
            if (source / name).exists():
                (target / name).symlink_to((source / name).resolve())
        (target / "epoch.json").write_text((source / "epoch.json").read_text())
    (folder / "run.json").write_text(json.dumps(manifest))
    return RecordedRun(folder)
