"""The linear head of a model given as arrays: logits = features @ weight.T + bias."""

import numpy as np

from .arrays import to_numpy


def given_head(weight, bias, class_count, feature_dim):
    """(weight [C, D], bias [C]) as float32 copies; `bias` may be None, and one row stands for two classes."""
    weight = np.array(to_numpy(weight), np.float32)
    bias = (
        np.zeros(len(weight), np.float32)
        if bias is None
        else np.array(to_numpy(bias), np.float32).reshape(-1)
    )
    if weight.ndim == 2 and len(weight) == 1 and class_count == 2:
        weight = np.concatenate([np.zeros_like(weight), weight])
        bias = np.concatenate([np.zeros_like(bias), bias])
    if weight.shape != (class_count, feature_dim) or bias.shape != (class_count,):
        raise ValueError(
            f"head_weight must have shape {[class_count, feature_dim]} and head_bias {[class_count]}, and have "
            f"{list(weight.shape)} and {list(bias.shape)}"
        )
    return weight, bias


def solved_head(features, logits):
    """(weight, bias, residual) by least squares; the residual is the root mean square of what is left, divided by the
    standard deviation of the logits."""
    x = np.hstack([features, np.ones((len(features), 1))]).astype(np.float64)
    solution = np.linalg.lstsq(x, logits.astype(np.float64), rcond=None)[0]
    residual = np.sqrt(np.mean((x @ solution - logits) ** 2)) / max(float(np.std(logits)), 1e-30)
    return np.ascontiguousarray(solution[:-1].T, np.float32), solution[-1].astype(np.float32), float(residual)
