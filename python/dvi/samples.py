"""What the user calls inputs (images, texts, rows of a table; arrays, tensors, data sets), as arrays to store and to feed."""

import csv
import io

import numpy as np


def to_numpy(values):
    """A NumPy array of anything array-like, tensors on any device included."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        if str(values.dtype) == "torch.bfloat16":
            values = values.float()
        return values.numpy()
    return np.asarray(values)


def _is_text(inputs):
    if isinstance(inputs, np.ndarray):
        return inputs.dtype.kind in "US" or (
            inputs.dtype == object
            and inputs.ndim == 1
            and inputs.size > 0
            and isinstance(inputs.flat[0], str)
        )
    return isinstance(inputs, (list, tuple)) and len(inputs) > 0 and isinstance(inputs[0], str)


def _table(inputs):
    """(column names, columns) if `inputs` is a table: a data frame, a dict of columns, a list of dicts."""
    if hasattr(inputs, "columns") and hasattr(inputs, "to_numpy"):
        return [str(c) for c in inputs.columns], [inputs[c].to_numpy() for c in inputs.columns]
    if isinstance(inputs, dict):
        return [str(k) for k in inputs], [to_numpy(v) for v in inputs.values()]
    if isinstance(inputs, (list, tuple)) and len(inputs) > 0 and isinstance(inputs[0], dict):
        names = list(inputs[0])
        return [str(n) for n in names], [np.asarray([row[n] for row in inputs]) for n in names]
    return None


def _storable(array, what):
    """uint8 and float32 are what inputs.npy may hold."""
    if array.dtype == bool or (
        array.dtype.kind in "iu"
        and array.dtype != np.uint8
        and array.size > 0
        and array.min() >= 0
        and array.max() <= 255
    ):
        return array.astype(np.uint8)
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind in "iuf":
        return array.astype(np.float32)
    raise ValueError(f"{what} must be numbers, and are of dtype {array.dtype}")


class Samples:
    """The samples of one group.

    kind       "image", "text", "row", or None where only labels are known
    count      number of samples
    stored     uint8 or float32 [count, ...]: what inputs.npy gets, or None
    integers   whether the model is given integers (token ids): then `stored` is float32 holding them exactly
    fields     names of the model's keyword inputs, where `stored` is [count, fields, ...]; else None
    texts      list of str, for kind "text"
    header, rows   column names and columns, for kind "row"
    labels     int32 [count], -1 where unknown
    """

    def __init__(self, inputs, labels, model_inputs):
        if inputs is not None and hasattr(inputs, "dataset") and hasattr(inputs, "batch_size"):
            inputs = inputs.dataset  # a DataLoader: its order is another each time, the data set's is not
        if (
            inputs is not None
            and not isinstance(inputs, (list, tuple, dict, np.ndarray))
            and not hasattr(inputs, "shape")
            and hasattr(inputs, "__getitem__")
            and hasattr(inputs, "__len__")
        ):
            inputs, labels = _stack_data_set(inputs, labels)
        self.kind = self.stored = self.texts = self.header = self.rows = self.fields = None
        self.integers = self.from_tensor = False
        table = None if inputs is None else _table(inputs)
        if inputs is None:
            pass
        elif _is_text(inputs):
            self.kind = "text"
            self.texts = [" ".join(str(t).splitlines()) for t in inputs]
        elif table is not None:
            self.kind = "row"
            self.header, self.rows = table
            if model_inputs is None and all(c.dtype.kind in "biuf" for c in self.rows):
                model_inputs = np.stack([c.astype(np.float32) for c in self.rows], axis=1)
        else:
            self.from_tensor = hasattr(inputs, "detach")
            array = to_numpy(inputs)
            if array.ndim == 2:
                self.kind = "row"
                self.header = [f"x{i}" for i in range(array.shape[1])]
                self.rows = list(array.T)
                model_inputs = array if model_inputs is None else model_inputs
            elif array.ndim in (3, 4):
                self.kind = "image"
                if model_inputs is not None:
                    raise ValueError(
                        "model_inputs is for texts and rows: of images the model is given the images"
                    )
                self.stored = _storable(array, "images")
            else:
                raise ValueError(
                    f"inputs must be images ([count, height, width] or with channels), rows ([count, columns]) "
                    f"or texts, and have shape {array.shape}"
                )
        if model_inputs is not None:
            if isinstance(model_inputs, dict) or hasattr(model_inputs, "keys"):
                self.fields = [str(k) for k in model_inputs.keys()]
                array = np.stack([to_numpy(model_inputs[k]) for k in model_inputs.keys()], axis=1)
            else:
                array = to_numpy(model_inputs)
            self.integers = array.dtype.kind in "iu" and self.kind == "text"
            if self.integers and array.size and np.abs(array).max() > 2**24:
                raise ValueError("model_inputs holds integers above 2^24, which float32 cannot hold exactly")
            self.stored = (
                array.astype(np.float32) if array.dtype.kind in "biuf" else _storable(array, "model_inputs")
            )
        sizes = {
            len(s)
            for s in ([self.stored] if self.stored is not None else [])
            + ([self.texts] if self.texts is not None else [])
            + (self.rows or [])
        }
        if labels is not None:
            labels = to_numpy(labels)
            if labels.ndim != 1 or labels.dtype.kind not in "iub":
                raise ValueError(
                    f"labels must be class numbers [count], and have dtype {labels.dtype} and shape {labels.shape}"
                )
            sizes.add(len(labels))
        if len(sizes) != 1:
            raise ValueError(
                f"inputs, model_inputs and labels must have the same number of samples, and have {sorted(sizes)}"
                if sizes
                else "a group needs inputs or labels, and was given neither"
            )
        self.count = sizes.pop()
        if self.count == 0:
            raise ValueError("a group needs at least one sample, and was given none")
        self.labels = np.full(self.count, -1, np.int32) if labels is None else labels.astype(np.int32)

    def guess_layout(self):
        """NHW, NHWC or NCHW, from where the channel axis can be; None where it cannot be told."""
        if self.stored.ndim == 3:
            return "NHW"
        first, last = self.stored.shape[1] in (1, 3, 4), self.stored.shape[3] in (1, 3, 4)
        if first and last:
            return "NCHW" if self.from_tensor else "NHWC"
        return "NCHW" if first else "NHWC" if last else None


def _stack_data_set(data_set, labels):
    """A map-style data set of (input, label) or of inputs, all items at once."""
    inputs, found = [], []
    for i in range(len(data_set)):
        item = data_set[i]
        if isinstance(item, (tuple, list)) and len(item) == 2:
            found.append(int(item[1]))
            item = item[0]
        inputs.append(item if isinstance(item, (str, dict)) else to_numpy(item))
    if labels is None and len(found) == len(inputs):
        labels = np.asarray(found, np.int32)
    if inputs and isinstance(inputs[0], np.ndarray):
        tensors = hasattr(data_set[0][0] if isinstance(data_set[0], (tuple, list)) else data_set[0], "detach")
        inputs = np.stack(inputs)
        if tensors and inputs.ndim == 4:
            import torch

            inputs = torch.from_numpy(inputs)
    return inputs, labels


def rows_csv(groups):
    """rows.csv of consecutive groups."""
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(groups[0].header)
    for group in groups:
        columns = [c.tolist() for c in group.rows]
        out.writerows(
            [" ".join(v.splitlines()) if isinstance(v, str) else v for v in row] for row in zip(*columns)
        )
    return text.getvalue().encode()


class ModelView:
    """How stored inputs become what the model sees: docs/reference/run-format.md, run.json, `inputs`."""

    def __init__(self, kind, layout, scale, mean, std):
        self.kind, self.layout, self.scale = kind, layout, scale
        self._stated = {"scale": scale, "mean": mean, "std": std}
        self.mean = None if mean is None else np.asarray(mean, np.float32)
        self.std = None if std is None else np.asarray(std, np.float32)

    def to_json(self):
        out = {"kind": self.kind}
        if self.layout:
            out["layout"] = self.layout
        out.update(
            (key, np.asarray(value, np.float64).tolist())
            for key, value in self._stated.items()
            if value is not None
        )
        return out

    def normalised(self, stored):
        """float32 in the stored layout: (x * scale - mean) / std."""
        x = stored.astype(np.float32)
        if self.scale is not None:
            x *= np.float32(self.scale)
        channels_last = self.layout == "NHWC"
        for value, apply in ((self.mean, np.subtract), (self.std, np.divide)):
            if value is not None:
                if value.ndim == 1 and not channels_last and self.layout != "NHW":
                    value = value.reshape(-1, 1, 1)
                apply(x, value, out=x)
        return x

    def nchw(self, x):
        """A normalised batch as a TorchScript subject is given it."""
        if self.layout == "NHWC":
            # A copy even where the single channel makes one seem needless: its strides would tell torch channels-last.
            return x.transpose(0, 3, 1, 2).copy()
        return x.reshape(len(x), 1, *x.shape[1:]) if self.layout == "NHW" else x
