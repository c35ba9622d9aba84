"""Arrays of anything array-like, and conversions that lose nothing in silence."""

import numpy as np


def to_numpy(values):
    """A NumPy array of anything array-like, tensors on any device included."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        if str(values.dtype) in ("torch.bfloat16", "torch.float8_e4m3fn", "torch.float8_e5m2"):
            values = values.float()
        return values.numpy()
    return np.asarray(values)


def as_float32(array, what):
    """The array in float32. Raises ValueError where that would make other numbers of it: whole numbers above 2^24,
    numbers beyond its range, and numbers far from zero whose differences it cannot hold."""
    array = np.asarray(array)
    if array.dtype.kind not in "biuf":
        hint = "; give times as numbers, for example days since a date" if array.dtype.kind in "Mm" else ""
        raise ValueError(f"{what} must be numbers, and are of dtype {array.dtype}{hint}")
    with np.errstate(over="ignore"):
        out = array.astype(np.float32)
    if array.dtype.kind in "iu" and array.dtype.itemsize > 2 and array.size:
        if (
            not np.array_equal(out.astype(np.float64), array.astype(np.float64))
            or float(np.abs(out).max()) > 2**53
        ):
            raise ValueError(
                f"{what} hold whole numbers as great as {max(abs(int(array.min())), abs(int(array.max())))}, which "
                "float32 cannot "
                f"hold exactly (above 2^24): number them anew from 0, or give them as numbers near zero"
            )
    elif array.dtype.itemsize > 4 and array.size:
        finite = np.isfinite(array)
        if not np.isfinite(out[finite]).all():
            raise ValueError(f"{what} hold numbers beyond 3.4e38, the range of float32: scale them")
        rows = array.reshape(len(array), -1)
        with np.errstate(invalid="ignore"):
            error = np.abs(rows - out.reshape(rows.shape)).max(axis=0)
            spread = rows.std(axis=0)
            coarse = np.flatnonzero((error > 1e-2 * spread) & (spread > 0))
        if len(coarse):
            raise ValueError(
                f"{what} hold numbers far from zero (value {coarse[0]} of a sample is about {rows[0, coarse[0]]:.8g}) "
                f"that float32 would round by {error[coarse[0]]:.2g}: subtract their mean first"
            )
    return out


def precision_of(*values):
    """The coarsest floating type among the arrays and tensors given: "float32", "float16" or "bfloat16"."""
    names = {
        str(getattr(v, "dtype", "")).split(".")[-1]
        for value in values
        if value is not None
        for v in (value.values() if isinstance(value, dict) else [value])
    }
    return next((p for p in ("bfloat16", "float16") if p in names), "float32")
