"""What of a framework's metrics can be plotted."""

import inspect

from .recorder import Recorder

_TAKEN = set(inspect.signature(Recorder.epoch).parameters)


def plottable(metrics):
    """The numbers (and tensors of one number) among `metrics`, under names that Recorder.epoch() does not use."""
    out = {}
    for name, value in metrics.items():
        try:
            value = float(value)
        except (TypeError, ValueError, RuntimeError):
            continue
        out[f"logged_{name}" if name in _TAKEN else name] = value
    return out
