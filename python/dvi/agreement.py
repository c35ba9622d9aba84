"""Whether two sets of logits say the same, as far as a softmax can see."""

import numpy as np

# Largest difference of a probability that arithmetic of this precision explains.
TOLERANCES = {"float64": 1e-3, "float32": 1e-3, "float16": 1e-2, "bfloat16": 5e-2}
CLOSE = {"float64": 2e-3, "float32": 2e-3, "float16": 2e-2, "bfloat16": 1e-1}  # of the logits' range
MASKED = 1e4  # a logit this far below the greatest of its sample is a mask rather than a number


def probabilities(logits):
    """Softmax of each row, in float64."""
    z = np.asarray(logits, np.float64)
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


class Disagreement:
    """How far logits `found` [n, C] are from those `wanted`: `largest` difference of a probability and the `sample` it
    is at, and the `share` of samples whose prediction is another."""

    def __init__(self, found, wanted):
        p, q = probabilities(found), probabilities(wanted)
        difference = np.abs(p - q).max(axis=1) if len(p) else np.zeros(0)
        difference[np.isnan(difference)] = 1
        self.largest = float(difference.max(initial=0))
        self.sample = int(difference.argmax()) if len(p) else 0
        self.share = float((p.argmax(axis=1) != q.argmax(axis=1)).mean()) if len(p) else 0.0

        # Of the logits themselves, in parts of their range: small probabilities count, as far as -60 below the
        # greatest.
        a, b = (np.maximum(np.log(np.maximum(r, 1e-30)), -60) for r in (p, q))
        self.relative = float(
            np.nan_to_num(np.abs(a - b), nan=np.inf).max(initial=0)
            / max(np.ptp(b, axis=1).max(initial=0), 1e-6)
        )

    def close(self, precision="float32"):
        """Whether the two are the same but for rounding: stricter than within() where probabilities hardly differ, as
        those of a model that was not trained yet."""
        return self.relative <= CLOSE.get(precision, 2e-3) and self.within(precision)

    def within(self, precision="float32"):
        return self.largest <= TOLERANCES.get(precision, 1e-3)

    def __str__(self):
        return (
            f"{100 * self.share:.3g} % of the samples are predicted as another class, and the probabilities of sample "
            f"{self.sample} are off by {self.largest:.2g}"
        )


def are_probabilities(values):
    """Whether every row of [n, C] is a distribution: not negative, and sums to one."""
    v = np.asarray(values, np.float64)
    return bool(
        v.ndim == 2
        and v.shape[1] > 1
        and len(v)
        and (v >= 0).all()
        and np.abs(v.sum(axis=1) - 1).max() < 1e-2
        and np.abs(v.sum(axis=1) - 1).mean() < 2e-3
    )


def unmasked(logits):
    """Finite logits in place of masks (-inf, or a very large negative number), as low as a softmax needs and no lower:
    the margin of a sample is measured against its least logit."""
    z = np.asarray(logits, np.float32)
    top = z.max(axis=1, keepdims=True)
    masked = z < top - MASKED
    if not masked.any():
        return z
    least = np.where(masked, np.inf, z).min(axis=1, keepdims=True)
    return np.where(masked, np.minimum(least, top - 20), z).astype(np.float32)


def as_logits(values):
    """Logits of what a model gives a sample: two of a single column, logarithms of probabilities, masks made finite."""
    z = np.asarray(values)
    if z.shape[1] == 1:
        z = np.hstack([np.zeros_like(z), z])
    elif are_probabilities(z):
        z = np.log(np.clip(np.asarray(z, np.float64), np.finfo(np.float32).tiny, None))
    return unmasked(np.where(np.isneginf(z), np.finfo(np.float32).min, z))


def in_the_gauge_of(made, logits):
    """`logits` with a constant added to each row so that the greatest is that of `made`: a softmax does not see it, and
    logarithms of probabilities become the logits that the head makes."""
    top = logits.argmax(axis=1)[:, None]
    shift = np.take_along_axis(made, top, 1) - np.take_along_axis(logits, top, 1)
    return (logits + shift).astype(np.float32)
