"""Writes tensors as torch.save does, with NumPy alone."""

import zipfile

import numpy as np

_STORAGES = {
    "f4": "FloatStorage",
    "f8": "DoubleStorage",
    "f2": "HalfStorage",
    "i8": "LongStorage",
    "i4": "IntStorage",
    "i2": "ShortStorage",
    "i1": "CharStorage",
    "u1": "ByteStorage",
}


def _text(value):
    value = value.encode()
    return b"X" + len(value).to_bytes(4, "little") + value


def _integer(value):
    return b"\x8a\x08" + int(value).to_bytes(8, "little", signed=True)


def _integers(values):
    return b"(" + b"".join(_integer(v) for v in values) + b"t"


def _tensor(array, key):
    """The pickle opcodes (protocol 2) of torch._utils._rebuild_tensor_v2(storage, 0, shape, strides, False,
    OrderedDict())."""
    strides = [s // array.itemsize for s in array.strides]
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n(("
        + _text("storage")
        + b"ctorch\n"
        + _STORAGES[array.dtype.str[1:]].encode()
        + b"\n"
        + _text(key)
        + _text("cpu")
        + _integer(array.size)
        + b"tQ"
        + _integer(0)
        + _integers(array.shape)
        + _integers(strides)
        + b"\x89ccollections\nOrderedDict\n)RtR"
    )


def save_tensors(path, tensors):
    """What torch.save(OrderedDict(...)) of a dict of arrays, or torch.save(tensor) of an array, writes to `path`."""
    single = isinstance(tensors, np.ndarray)
    arrays = [np.ascontiguousarray(a) for a in ([tensors] if single else tensors.values())]
    if single:
        pickle = _tensor(arrays[0], "0")
    else:
        pickle = b"ccollections\nOrderedDict\n)R("
        pickle += (
            b"".join(_text(name) + _tensor(a, str(i)) for i, (name, a) in enumerate(zip(tensors, arrays)))
            + b"u"
        )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + pickle + b".")
        for i, array in enumerate(arrays):
            with archive.open(f"archive/data/{i}", "w", force_zip64=array.nbytes > 1 << 31) as f:
                f.write(array.data.cast("B") if array.size else b"")
        archive.writestr("archive/version", b"3\n")
