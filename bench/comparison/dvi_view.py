"""What `dvi fit` stored in a view (docs/reference/run-format.md, "Views")."""
import json
import pathlib

import numpy as np

GRID_CHANNELS = 8  # numbers at every node of a feature grid


class ViewEpoch:
    def __init__(self, run, view, epoch):
        self.folder = pathlib.Path(run) / "views" / view / "epochs" / f"{epoch:06d}"
        self.info = json.loads((self.folder / "view_epoch.json").read_text())

    def array(self, name):
        return np.load(self.folder / f"{name}.npy")

    def has(self, name):
        return (self.folder / f"{name}.npy").exists()

    def decode(self, positions):
        """[n, 2] -> [n, D]: the stored decoder, ReLU between layers, behind its feature grids if it has any."""
        weights = self.array("weights")
        sizes = lambda widths: [(o, i) for i, o in zip(widths, widths[1:])]
        at = sum(o * i + o for o, i in sizes(self.info["encoder"])) + 2 * self.info.get(
            "encoder_landmarks", 0
        )
        x = positions.astype(np.float32)
        if "decoder_grid" in self.info:
            grid, encoded = self.info["decoder_grid"], []
            for size in grid["sizes"]:
                count = (size + 1) ** 2 * GRID_CHANNELS
                encoded.append(interpolated(weights[at : at + count], size, grid["box"], x))
                at += count
            x = np.concatenate(encoded, axis=1)
        layers = sizes(self.info["decoder"])
        for number, (o, i) in enumerate(layers):
            weight, bias = weights[at : at + o * i].reshape(o, i), weights[at + o * i : at + o * i + o]
            at += o * i + o
            x = x @ weight.T + bias
            if number + 1 < len(layers):
                x = np.maximum(x, 0)
        return x


def interpolated(numbers, size, box, points):
    """[n, channels] of a grid of `size` cells a side over `box` (x0, y0, side): bilinear between its nodes."""
    nodes = numbers.reshape(size + 1, size + 1, GRID_CHANNELS)  # row (y), column (x)
    place = np.clip((points - np.float32(box[:2])) * np.float32(size / box[2]), 0, size)
    cell = np.minimum(place.astype(int), size - 1)
    s, t = (place - cell).astype(np.float32).T[:, :, None]
    column, row = cell.T
    return (
        nodes[row, column] * (1 - s) * (1 - t)
        + nodes[row, column + 1] * s * (1 - t)
        + nodes[row + 1, column] * (1 - s) * t
        + nodes[row + 1, column + 1] * s * t
    )
