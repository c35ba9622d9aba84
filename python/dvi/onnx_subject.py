"""The features of a torch.nn.Module as an ONNX model, which ONNX Runtime runs without PyTorch."""

import inspect
import io
import warnings

import numpy as np
import torch

OPSET = 14  # PyTorch 1.13 and ONNX Runtime 1.10 and later know it


class NotExportable(Exception):
    """One sentence: why there is no ONNX model."""


class PackageMissing(NotExportable):
    """This PyTorch exports only where the package onnx is installed."""


class _Features(torch.nn.Module):
    def __init__(self, subject):
        super().__init__()
        self.subject = subject

    def forward(self, x):
        return self.subject.features(x)


def onnx_features(name, subject, x):
    """Bytes of an ONNX model [n, ...] -> [n, D], n free.

    name      of the model, for the user
    subject   a module with the method features(tensor [n, ...]) -> [n, D], in evaluation mode, on the processor,
    float32 x         float32 array of a few samples as the model sees them: traced with the first half, compared on all

    Raises NotExportable where PyTorch cannot export it or the result is another function."""
    few = max(1, len(x) // 2)
    module = _Features(subject).eval()
    options = {}
    if "dynamo" in inspect.signature(torch.onnx.export).parameters:
        options["dynamo"] = False  # the newer exporter needs the package onnxscript
    out = io.BytesIO()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with torch.no_grad():
                expected = module(torch.from_numpy(np.ascontiguousarray(x))).numpy()
            with torch.enable_grad():
                torch.onnx.export(
                    module,
                    (_sample(x[:few]),),
                    out,
                    input_names=["x"],
                    output_names=["features"],
                    dynamic_axes={"x": {0: "n"}, "features": {0: "n"}},
                    opset_version=OPSET,
                    **options,
                )
            found = _run(module, x, few)
    except Exception as e:
        first_line = (str(e).strip().splitlines() or [type(e).__name__])[0]
        if "onnx is not installed" in first_line:
            raise PackageMissing(first_line) from e
        raise NotExportable(f"{name} cannot be exported to ONNX ({first_line})") from e
    if found.shape != expected.shape or not np.allclose(
        found, expected, rtol=1e-3, atol=1e-4 * max(float(np.abs(expected).max(initial=0)), 1e-6)
    ):
        raise NotExportable(
            f"{name} exported to ONNX gives other numbers than the model itself (its Python code depends on its input)"
        )
    return out.getvalue()


def _sample(x):
    """With a gradient, since PyTorch's attention takes a way without ONNX operators where none is asked for."""
    return torch.from_numpy(x.copy()).requires_grad_(True)


def _run(module, x, few):
    """What the trace that the export is made of makes of x. (ONNX Runtime itself is not run here: beside some builds of
    PyTorch it writes pages of complaints; `dvi check` runs it on recorded samples.)"""
    with torch.enable_grad():
        traced = torch.jit.trace(module, (_sample(x[:few]),), check_trace=False)
        return traced(_sample(x)).detach().numpy()
