"""What `dvi fit` stored in a view (docs/reference/run-format.md, "Views")."""
import json
import pathlib

import numpy as np


class ViewEpoch:
    def __init__(self, run, view, epoch):
        self.folder = pathlib.Path(run) / "views" / view / "epochs" / f"{epoch:06d}"
        self.info = json.loads((self.folder / "view_epoch.json").read_text())

    def array(self, name):
        return np.load(self.folder / f"{name}.npy")

    def has(self, name):
        return (self.folder / f"{name}.npy").exists()

    def decode(self, positions):
        """[n, 2] -> [n, D]: the stored decoder, ReLU between layers."""
        weights = self.array("weights")
        sizes = lambda widths: [(o, i) for i, o in zip(widths, widths[1:])]
        at = sum(o * i + o for o, i in sizes(self.info["encoder"]))
        x = positions.astype(np.float32)
        layers = sizes(self.info["decoder"])
        for number, (o, i) in enumerate(layers):
            weight, bias = weights[at : at + o * i].reshape(o, i), weights[at + o * i : at + o * i + o]
            at += o * i + o
            x = x @ weight.T + bias
            if number + 1 < len(layers):
                x = np.maximum(x, 0)
        return x
