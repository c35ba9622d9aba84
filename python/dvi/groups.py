"""The groups of samples of a run: consecutive ranges, and what is stated a sample over all of them."""

import numpy as np

from .arrays import as_float32, to_numpy
from .samples import Samples
from .text import clean, shortened, shown


def plain_name(what, name):
    """Raises ValueError unless `name` can be part of a file's name."""
    if not isinstance(name, str) or not name or "/" in name or name.startswith("."):
        raise ValueError(f"the name of a {what} must be a word without slash or leading dot, and is {name!r}")


class Groups:
    """Groups in the order added; sample ids count through them."""

    def __init__(self, class_count):
        self._class_count = class_count
        self._groups = {}  # name -> (role, Samples)

    def __bool__(self):
        return bool(self._groups)

    def __iter__(self):
        """(name, role, samples, first id) of each."""
        begin = 0
        for name, (role, samples) in self._groups.items():
            yield name, role, samples, begin
            begin += samples.count

    @property
    def count(self):
        """N, of all groups."""
        return sum(s.count for _, _, s, _ in self)

    @property
    def first(self):
        """The first group's Samples, whose kind and shape are those of all."""
        return next(iter(self._groups.values()))[1]

    def add(self, name, role, samples: Samples):
        plain_name("group", name)
        if name in self._groups:
            raise ValueError(f'group "{name}" was added before; give each group a name of its own')
        bad = np.flatnonzero((samples.labels < -1) | (samples.labels >= self._class_count))
        if len(bad):
            raise ValueError(
                f'labels of group "{name}" must be from 0 to {self._class_count - 1} (or -1 for none), and '
                f"sample {bad[0]} has {samples.labels[bad[0]]}"
            )
        if self._groups:
            first_name, first = next(iter(self._groups)), self.first
            for what, expected in first.signature.items():
                found = samples.signature[what]
                if found != expected:
                    raise ValueError(
                        f'group "{name}" must have the {what} of "{first_name}", {shortened(str(expected), 80)}, and '
                        "has "
                        f"{shortened(str(found), 80)}"
                    )
            shapes = [None if s.stored is None else s.stored.shape[1:] for s in (first, samples)]
            if shapes[0] != shapes[1]:
                raise ValueError(
                    f'samples of group "{name}" must have the shape {shapes[0]} of "{first_name}", and have '
                    f"{shapes[1]}"
                )
        self._groups[name] = (role, samples)

    def set_kind(self, kind):
        """Of all groups, which were taken for another."""
        for _, samples in self._groups.values():
            samples.kind = kind

    def to_json(self):
        return [
            {"name": name, "role": role, "begin": begin, "count": s.count} for name, role, s, begin in self
        ]

    def labels(self):
        return np.concatenate([s.labels for _, _, s, _ in self])

    def expect_known(self, what, names):
        unknown = sorted(set(names) - set(self._groups))
        if unknown:
            raise ValueError(f"{what} for {unknown}, and there are no such groups")

    def inputs(self, changed):
        """Stored inputs of each group, those in `changed` {group: array} in place of the ones added."""
        if any(s.stored is None for _, _, s, _ in self):
            raise ValueError(
                "there are no inputs for the model to run on: give inputs (and model_inputs for texts) to add_group, "
                "or features= and logits= to epoch"
            )
        return [changed.get(name, s.stored) for name, _, s, _ in self]

    def changed_inputs(self, inputs):
        """`inputs` {group: [count, ...]} of an epoch, checked, as uint8 or float32."""
        self.expect_known("inputs are given", inputs)
        out = {}
        for name, values in inputs.items():
            x, stored = to_numpy(values), self._groups[name][1].stored
            if stored is None or x.shape != stored.shape:
                raise ValueError(
                    f'inputs of group "{name}" must have the shape {None if stored is None else stored.shape} given to '
                    f"add_group, and have {x.shape}"
                )
            out[name] = x if x.dtype == np.uint8 else as_float32(x, f'inputs of group "{name}"')
        return out

    def matrix(self, what, value):
        """A float32 copy [N, ...] of an array over all samples, or of {group: array}."""
        if isinstance(value, dict):
            missing = [name for name in self._groups if name not in value]
            if missing:
                raise ValueError(f"{what} must be given for every group, and are missing for {missing}")
            value = np.concatenate([to_numpy(value[name]) for name in self._groups])
        value = to_numpy(value)
        if value.ndim == 1:
            value = value[:, None]
        if value.ndim != 2 or len(value) != self.count:
            raise ValueError(
                f"{what} must have shape [{self.count}, ...], a row a sample, and have {value.shape}"
            )
        return np.array(value, np.float32, order="C")  # a copy: training may go on to change the caller's

    def column(self, name, values, spec):
        """[N] of an array, or of {group: [count]} (others get -1 for whole numbers, NaN for others). Words become the
        numbers of `spec["categories"]`, which is made where it is not there."""
        plain_name("column", name)
        if not isinstance(values, dict):
            values = to_numpy(values)
            if values.shape != (self.count,):
                raise ValueError(
                    f'column "{name}" must have {self.count} values, one a sample, and has shape {values.shape}'
                )
            values = {group: values[begin : begin + s.count] for group, _, s, begin in self}
        self.expect_known(f'column "{name}" has values', values)
        parts = {group: to_numpy(v) for group, v in values.items()}
        if any(v.dtype.kind in "Mmc" for v in parts.values()):
            raise ValueError(
                f'column "{name}" must hold numbers or words, and has times; give them as numbers, for example days '
                "since a date"
            )
        if any(v.dtype.kind not in "biuf" for v in parts.values()):
            words = {
                group: [None if w is None or w != w else clean(w) for w in v.tolist()]
                for group, v in parts.items()
            }
            known = spec.setdefault(
                "categories", sorted({w for v in words.values() for w in v if w is not None})
            )
            number = {w: i for i, w in enumerate(known)}
            unknown = sorted({w for v in words.values() for w in v if w is not None and w not in number})
            if unknown:
                raise ValueError(
                    f'column "{name}" has words that are not among its categories: {shown(unknown)}'
                )
            parts = {
                g: np.asarray([-1 if w is None else number[w] for w in v], np.int32) for g, v in words.items()
            }
        whole = all(v.dtype.kind in "biu" for v in parts.values())
        pieces = []
        for group, _, samples, _ in self:
            v = parts.get(group)
            if v is not None and v.shape != (samples.count,):
                raise ValueError(
                    f'column "{name}" must have {samples.count} values for group "{group}", and has shape {v.shape}'
                )
            v = np.full(samples.count, -1 if whole else np.nan) if v is None else v
            # Readers show columns as float32, so what that cannot hold is refused even where int32 could.
            exact = as_float32(v, f'values of column "{name}"')
            pieces.append(v.astype(np.int32) if whole else exact)
        return np.concatenate(pieces)

    def ids(self, what, values):
        """int32 sample ids of ids or a mask over all samples."""
        ids = to_numpy(values)
        if ids.dtype == bool and ids.shape == (self.count,):
            ids = np.flatnonzero(ids)
        if ids.ndim != 1 or (
            ids.size and (ids.dtype.kind not in "iu" or ids.min() < 0 or ids.max() >= self.count)
        ):
            raise ValueError(
                f"{what} must be sample ids from 0 to {self.count - 1}, and has shape {ids.shape}"
                + (f" and values from {ids.min()} to {ids.max()}" if ids.size else "")
            )
        return ids.astype(np.int32)

    def accuracies(self, logits):
        """{"GROUP_accuracy": share of the labelled samples predicted right}."""
        predictions, out = logits.argmax(axis=1), {}
        for name, _, samples, begin in self:
            known = samples.labels >= 0
            if known.any():
                right = predictions[begin : begin + samples.count][known] == samples.labels[known]
                out[f"{name}_accuracy"] = round(float(right.mean()), 6)
        return out
