"""Writes dvi/libtorch_1_13_operators.txt: run with Debian 12's python3-torch (1.13), whose operators these are."""

import os

import torch

assert torch.__version__.startswith("1.13"), torch.__version__
arguments = {}
for schema in torch._C._jit_get_all_schemas():
    if schema.name.startswith("aten::"):
        name = schema.name[len("aten::") :]
        arguments[name] = max(arguments.get(name, 0), len(schema.arguments))
path = os.path.join(os.path.dirname(__file__), "..", "dvi", "libtorch_1_13_operators.txt")
with open(path, "w") as f:
    for name in sorted(arguments):
        f.write(f"{name} {arguments[name]}\n")
