"""The numbers of an epoch that can be plotted, of whatever a training loop has at hand."""

import math

from .arrays import to_numpy
from .text import clean

_OWN = ("epoch", "label", "at", "head_residual")  # keys of epoch.json with a meaning


def numbers_among(scalars):
    """({name: finite float}, [sentences about what is left out]) of metrics of any type. None, NaN and infinity are
    left out without a word."""
    numbers, notes = {}, []
    for name, value in scalars.items():
        name = clean(name)
        number, why = _number(value)
        if why is not None:
            notes.append(f'the metric "{name}" is not recorded: it is {why}; give one number')
        elif number is not None and math.isfinite(number):
            numbers[f"logged_{name}" if name in _OWN else name] = number
    return numbers, notes


def _number(value):
    """(number or None, why there is none or None)."""
    if value is None:
        return None, None
    if isinstance(value, (str, bytes)):
        return None, "a text"
    try:
        if hasattr(value, "shape") or hasattr(value, "detach"):
            array = to_numpy(value)
            if array.size != 1:
                return None, f"an array of shape {list(array.shape)}"
            value = array.reshape(-1)[0]
        elif hasattr(value, "compute"):  # torchmetrics
            return _number(value.compute())
        return float(value), None
    except Exception:  # whatever a type of the user's does when it is made a number
        return None, f"a {type(value).__name__}"
