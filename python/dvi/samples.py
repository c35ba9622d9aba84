"""What the user calls inputs (images, series, texts, rows of a table; arrays, tensors, data sets), as arrays to store
and to feed."""

import csv
import io
from collections import namedtuple

import numpy as np

from .arrays import as_float32, to_numpy
from .data_sets import is_data_set, read_data_set
from .text import clean, shown

# One of the model's keyword inputs: where it is in a row of `stored`, its shape a sample, and whether it is of whole
# numbers.
Field = namedtuple("Field", "name begin end shape integers")

SERIES = ("NTC", "NCT")


def _is_text(inputs):
    if hasattr(inputs, "to_numpy") and not hasattr(inputs, "columns"):  # a pandas Series
        inputs = inputs.to_numpy()
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
        return [clean(c) for c in inputs.columns], [inputs[c].to_numpy() for c in inputs.columns]
    if isinstance(inputs, dict):
        return [clean(k) for k in inputs], [to_numpy(v) for v in inputs.values()]
    if isinstance(inputs, (list, tuple)) and len(inputs) > 0 and isinstance(inputs[0], dict):
        names = list(inputs[0])
        return [clean(n) for n in names], [np.asarray([row.get(n) for row in inputs]) for n in names]
    return None


class Samples:
    """The samples of one group.

    kind       "image", "series", "text", "row", or None where only labels are known
    count      number of samples
    stored     uint8 or float32 [count, ...]: what inputs.npy gets, or None
    unit       what a stored 1 is to the model, unless the user says otherwise: 1/255 for images given as uint8, else 1
    integers   whether the model is given whole numbers (token ids, categories): then `stored` holds them exactly
    given_whole   whether they were given as whole numbers
    fields     the model's keyword inputs, side by side in `stored`: [Field]; else None
    texts      list of str, for kind "text"
    header, rows   column names and columns, for kind "row"
    labels     int32 [count], -1 where unknown
    indices    where in the data set each sample was, if they are not all of its samples in order; else None
    """

    def __init__(self, inputs, labels, model_inputs, classes=(), layout=None, label=None, limit=None):
        self.indices = None
        of = ""
        if is_data_set(inputs):
            if labels is None:
                of = f" of the data set {type(getattr(inputs, 'dataset', inputs)).__name__}"
            inputs, found, fed, self.indices = read_data_set(inputs, limit)
            labels = found if labels is None else labels
            model_inputs = fed if model_inputs is None else model_inputs
        elif limit is not None:
            raise ValueError(
                "limit is for data sets: of arrays and lists give those samples that are to be recorded"
            )
        self.kind = self.stored = self.texts = self.header = self.rows = self.fields = None
        self.integers = self.given_whole = self.from_tensor = False
        self.unit = 1
        table = None if inputs is None else _table(inputs)
        if inputs is None:
            pass
        elif _is_text(inputs):
            self.kind = "text"
            self.texts = [clean(t) for t in inputs]
        elif table is not None:
            self.kind = "row"
            self.header, self.rows = table
            if model_inputs is None and all(c.dtype.kind in "biuf" for c in self.rows):
                self.given_whole = all(c.dtype.kind in "iu" for c in self.rows)
                columns = [as_float32(c, f'numbers of column "{h}"') for h, c in zip(self.header, self.rows)]
                self.stored = np.stack(columns, axis=1)
        else:
            self._take_array(inputs, model_inputs, layout)
        if model_inputs is not None:
            self._take_model_inputs(model_inputs)
        sizes = {
            len(s)
            for s in ([self.stored] if self.stored is not None else [])
            + ([self.texts] if self.texts is not None else [])
            + (self.rows or [])
        }
        if labels is not None:
            labels = _class_numbers(labels, classes, label, of)
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
        self.labels = np.full(self.count, -1, np.int32) if labels is None else labels

    def _take_array(self, inputs, model_inputs, layout):
        self.from_tensor = hasattr(inputs, "detach")
        array = to_numpy(inputs)
        self.given_whole = array.dtype.kind in "iu"
        if array.ndim == 2:
            self.kind = "row"
            self.header = [f"x{i}" for i in range(array.shape[1])]
            self.rows = list(array.T)
            if model_inputs is None:
                self.stored = as_float32(array, "rows")
        elif array.ndim in (3, 4):
            if model_inputs is not None:
                raise ValueError(
                    "model_inputs is for texts and rows: of images the model is given the images; with inputs=None it "
                    "is given model_inputs of any shape"
                )
            if array.ndim == 3 and layout in SERIES:
                self.kind, self.stored = "series", as_float32(array, "series")
                return
            self.kind = "image"
            whole = array.dtype.kind in "biu" and array.size and array.min() >= 0 and array.max() <= 255
            self.stored = array.astype(np.uint8) if whole else as_float32(array, "images")
            self.unit = 1 / 255 if array.dtype == np.uint8 else 1
        elif array.ndim == 5:
            raise ValueError(
                f"volumes and videos, {list(array.shape)}, cannot be shown: give them as add_group(NAME, None, labels, "
                f"model_inputs=...), or a slice of each as images together with features= at every epoch"
            )
        else:
            raise ValueError(
                "inputs must be images ([count, height, width] or with channels), rows ([count, columns]) or texts, "
                "and have "
                f"shape {list(array.shape)}; what the model is given in another shape goes into model_inputs"
            )

    def _take_model_inputs(self, model_inputs):
        if isinstance(model_inputs, dict) or hasattr(model_inputs, "keys"):
            self.fields, parts, at = [], [], 0
            for key in model_inputs.keys():
                array = to_numpy(model_inputs[key])
                part = as_float32(array, f'model_inputs "{key}"')
                flat = part.reshape(len(part), -1) if part.ndim else part
                if part.ndim == 0 or (parts and len(flat) != len(parts[0])):
                    raise ValueError(
                        f'model_inputs "{key}" must have a row a sample like the others, and has shape '
                        f"{list(array.shape)}"
                    )
                self.fields.append(
                    Field(str(key), at, at + flat.shape[1], part.shape[1:], array.dtype.kind in "iu")
                )
                parts.append(flat)
                at += flat.shape[1]
            self.stored = np.concatenate(parts, axis=1)
            self.given_whole = any(f.integers for f in self.fields)
        else:
            array = to_numpy(model_inputs)
            self.given_whole = self.integers = array.dtype.kind in "iu"
            self.stored = as_float32(array, "model_inputs")
        self.kind = self.kind or "row"

    @property
    def signature(self):
        """What must be the same in all groups: {name in words: value}."""
        return {
            "kind": self.kind,
            "columns": self.header,
            "keyword inputs": None if self.fields is None else [f.name for f in self.fields],
            "unit (give all groups as uint8, or none)": self.unit,
        }

    def guess_layout(self):
        """NHW, NHWC or NCHW, from where the channel axis can be; None where it cannot be told."""
        if self.stored.ndim == 3:
            return "NHW"
        _, a, b, c = self.stored.shape
        first, last = a in (1, 3, 4), c in (1, 3, 4)
        if not first and not last:  # spectral bands, say: the axis that is unlike two equal ones
            first, last = b == c != a, a == b != c
        if first and last:
            return "NCHW" if self.from_tensor else "NHWC"
        return "NCHW" if first else "NHWC" if last else None

    def guess_series(self):
        """NTC or NCT: time is the longer axis."""
        return "NTC" if self.stored.shape[1] >= self.stored.shape[2] else "NCT"


def _class_numbers(labels, classes, label, of):
    """int32 [count] of class numbers, class names, rows with a single one, or, of a multi-label task, one of its
    labels."""
    labels = to_numpy(labels)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.dtype.kind in "USO" and labels.ndim == 1:
        number = {name: i for i, name in enumerate(classes)}
        unknown = [w for w in labels.tolist() if isinstance(w, str) and clean(w) not in number]
        if unknown or not all(isinstance(w, (str, int, np.integer)) for w in labels.tolist()):
            word = clean((unknown or [labels[0]])[0])
            raise ValueError(
                f'labels{of} must be class numbers or names of classes, and "{word}" is none of {shown(classes)}: '
                f"pass classes in the order of the model's outputs"
            )
        labels = np.asarray(
            [number[clean(w)] if isinstance(w, str) else w for w in labels.tolist()], np.int64
        )
    if (
        labels.dtype.kind == "f"
        and labels.ndim == 1
        and np.isfinite(labels).all()
        and (labels == np.rint(labels)).all()
    ):
        labels = labels.astype(np.int64)  # as binary cross entropy wants them
    if labels.ndim == 2:
        ones = np.isin(labels, (0, 1)).all()
        if ones and label is not None and label < labels.shape[1]:
            labels = labels[:, label].astype(np.int64)
        elif ones and label is None and labels.shape[1] > 1 and (labels.sum(axis=1) == 1).all():
            labels = labels.argmax(axis=1)
        elif ones and label is None:
            raise ValueError(
                f"labels of shape {list(labels.shape)} are those of a multi-label task, of which one label can be "
                "looked at a "
                f'run: choose it, Recorder(..., label="NAME")'
            )
    if labels.ndim != 1 or labels.dtype.kind not in "iub":
        raise ValueError(
            f"labels must be class numbers [count] and have dtype {labels.dtype} and shape {list(labels.shape)}: a "
            f"list or an array of one number a sample"
        )
    wide = labels.astype(np.float64)
    return np.where((wide < -(2**31)) | (wide >= 2**31), 2**31 - 1, labels).astype(np.int32)


def texts_txt(groups):
    """texts.txt of consecutive groups."""
    return "".join(t + "\n" for group in groups for t in group.texts).encode()


def rows_csv(groups):
    """rows.csv of consecutive groups."""
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(groups[0].header)
    for group in groups:
        # Times as they read: tolist() would make nanoseconds of them.
        columns = [(c.astype(str) if c.dtype.kind in "Mm" else c).tolist() for c in group.rows]
        out.writerows([clean(v) if isinstance(v, str) else v for v in row] for row in zip(*columns))
    return text.getvalue().encode()


class ModelView:
    """How stored inputs become what the model sees: docs/reference/run-format.md, run.json, `inputs`."""

    def __init__(self, kind, layout, scale, mean, std, channels=None):
        self.kind, self.layout, self.scale = kind, layout, scale
        self._stated = {"scale": scale, "mean": mean, "std": std}
        self._channels = channels
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
        if self._channels is not None:
            out["channels"] = [int(c) for c in self._channels]
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
