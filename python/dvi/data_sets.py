"""What a data set or a DataLoader of one yields, as arrays: its samples are those that the loader's sampler can
draw."""

import contextlib
import random
import sys

import numpy as np

from .arrays import to_numpy
from .text import shown

_LABELS = ("label", "labels", "target", "targets", "y", "class", "class_id")


def is_data_set(inputs):
    """Whether `inputs` is to be read item by item: a data set, a DataLoader, an iterable of items."""
    if inputs is None or isinstance(inputs, (list, tuple, dict, str, np.ndarray)) or hasattr(inputs, "shape"):
        return False
    return hasattr(inputs, "__getitem__") or hasattr(inputs, "__iter__")


@contextlib.contextmanager
def random_numbers_untouched():
    """Samplers and augmentations draw random numbers; the training is to draw the same ones afterwards."""
    torch = sys.modules.get("torch")
    states = random.getstate(), np.random.get_state(), torch.get_rng_state() if torch else None
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        if torch:
            torch.set_rng_state(states[2])


def read_data_set(source, limit=None):
    """(inputs, labels, model_inputs, indices) of a data set. `indices` are where in the data set each sample is,
    ascending, or None where they count from 0 without gaps."""
    with random_numbers_untouched():
        loader = source if hasattr(source, "dataset") and hasattr(source, "batch_size") else None
        data_set = loader.dataset if loader is not None else source
        if not (hasattr(data_set, "__getitem__") and hasattr(data_set, "__len__")):
            return _read_iterable(data_set, limit) + (None,)
        indices = np.arange(len(data_set)) if loader is None else _indices_of(loader, len(data_set))
        if limit is not None:
            indices = indices[:limit]
        items = [data_set[int(i)] for i in indices]
    inputs, labels, model_inputs = _columns_of(items, type(data_set).__name__)
    while type(data_set).__name__ == "Subset" and hasattr(data_set, "indices"):
        indices, data_set = np.asarray(data_set.indices)[indices], data_set.dataset
    counted = np.array_equal(indices, np.arange(len(indices)))
    return inputs, labels, model_inputs, None if counted else np.asarray(indices, np.int64)


def _indices_of(loader, count):
    """What the loader's sampler can draw, ascending and each once: a shuffled loader has the order of its data set."""
    sampler = getattr(loader, "sampler", None)
    names = {c.__name__ for c in type(sampler).__mro__}
    if sampler is None or getattr(sampler, "replacement", False) or "DistributedSampler" in names:
        weights = getattr(sampler, "weights", None)  # drawn with replacement: any that has a weight can come
        return np.arange(count) if weights is None else np.flatnonzero(to_numpy(weights) > 0)
    batches = getattr(loader, "batch_sampler", None)
    plain = batches is None or type(batches).__name__ == "BatchSampler"
    generator = getattr(sampler, "generator", None)
    state = None if generator is None else generator.get_state()
    try:
        drawn = list(sampler) if plain else [i for batch in batches for i in batch]
    finally:
        if state is not None:
            generator.set_state(state)
    return np.unique(np.asarray([int(i) for i in drawn], np.int64))


def _read_iterable(data_set, limit):
    if limit is None:
        raise ValueError(
            f"{type(data_set).__name__} is an iterable data set, which does not tell its length: say how many of its "
            f"items to record, add_group(..., limit=5000)"
        )
    items = []
    for item in data_set:
        if len(items) == limit:
            break
        items.append(item)
    return _columns_of(items, type(data_set).__name__)


def _columns_of(items, name):
    """(inputs, labels, model_inputs) of items (input, label, ...), {name: value} or inputs alone."""
    if not items:
        raise ValueError(f"the data set {name} has no items: a group needs at least one sample")
    first = items[0]
    if isinstance(first, dict):
        return _columns_of_dicts(items, name)
    if isinstance(first, (tuple, list)) and not all(isinstance(v, (int, float)) for v in first):
        if len(first) < 2:
            raise ValueError(
                f"an item of the data set {name} must be (input, label), and has {len(first)} entry: pass arrays"
            )
        return _stacked([item[0] for item in items], name), _labels([item[1] for item in items], name), None
    return _stacked(items, name), None, None


def _columns_of_dicts(items, name):
    keys = [k for k in items[0] if k is not None]
    label = next((k for k in _LABELS if k in keys), None)
    values = {k: [item[k] for item in items] for k in keys if k != label}
    labels = None if label is None else _labels([item[label] for item in items], name)
    texts = [k for k, v in values.items() if isinstance(v[0], str)]
    numbers = {k: v for k, v in values.items() if k not in texts and _is_number(v[0])}
    if len(texts) == 1:
        fed = {k: _stacked(v, name) for k, v in numbers.items()}
        return values[texts[0]], labels, fed or None
    if texts or not numbers:
        raise ValueError(
            f"an item of the data set {name} has the entries {shown(keys)}, of which the input cannot be told: give a "
            f"list of inputs and labels to add_group, or a data set of (input, label)"
        )
    if len(numbers) == 1:
        return _stacked(next(iter(numbers.values())), name), labels, None
    return None, labels, {k: _stacked(v, name) for k, v in numbers.items()}


def _is_number(value):
    return np.asarray(to_numpy(value)).dtype.kind in "biuf"


def _stacked(values, name):
    """Items as one list of texts, or one array; a tensor where they were tensors."""
    if isinstance(values[0], (str, dict)):
        return values
    if hasattr(values[0], "mode") and hasattr(values[0], "getbands"):  # pictures of PIL
        values = [np.asarray(v) for v in values]
    arrays = [to_numpy(v) for v in values]
    shapes = {a.shape for a in arrays}
    if len(shapes) > 1:
        raise ValueError(
            f"items of the data set {name} must have one shape, and have {shown(sorted(shapes))}: resize or pad them "
            f"in the data set"
        )
    out = np.stack(arrays)
    if hasattr(values[0], "detach") and out.dtype.kind in "biuf":
        return sys.modules["torch"].from_numpy(out)
    return out


def _labels(values, name):
    arrays = [v if isinstance(v, str) else to_numpy(v) for v in values]
    if all(isinstance(v, str) for v in arrays):
        return np.asarray(arrays, object)
    try:
        out = np.stack([np.asarray(a) for a in arrays])
    except ValueError as e:
        raise ValueError(
            f"labels of the data set {name} must be one class number an item: pass labels= to add_group"
        ) from e
    return out[:, 0] if out.ndim == 2 and out.shape[1] == 1 else out
