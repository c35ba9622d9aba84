"""What in a TorchScript archive LibTorch 1.13 cannot load."""

import ast
import io
import os
import zipfile

NEWEST_FILE_FORMAT = 10  # of TorchScript archives that LibTorch 1.13 reads


def newer_than_libtorch_1_13(archive):
    """What in a TorchScript archive LibTorch 1.13 does not know, in words; None if nothing was found. Operators are
    compared by name and number of arguments with those of 1.13; code that cannot be parsed is let pass, since LibTorch
    itself then decides."""
    with open(os.path.join(os.path.dirname(__file__), "libtorch_1_13_operators.txt")) as f:
        known = {name: int(count) for name, count in (line.split() for line in f)}
    with zipfile.ZipFile(io.BytesIO(archive)) as z:
        for name in z.namelist():
            if name.endswith("/version") and int(z.read(name)) > NEWEST_FILE_FORMAT:
                return f"version {int(z.read(name))} of the file format"
            if "/code/" not in name or not name.endswith(".py"):
                continue
            try:
                tree = ast.parse(z.read(name).decode())
            except SyntaxError:
                continue
            for node in ast.walk(tree):
                if (
                    not isinstance(node, ast.Call)
                    or not isinstance(node.func, ast.Attribute)
                    or ast.unparse(node.func.value) not in ("torch", "ops.aten")
                ):
                    continue
                operator, count = node.func.attr, len(node.args) + len(node.keywords)
                # Names that TorchScript itself spells in the torch namespace, no operators; format() takes any number.
                if operator in ("device", "__interpolate", "format"):
                    continue
                if operator not in known:
                    return f"the operator {operator}"
                if count > known[operator]:
                    return f"the operator {operator} with {count} arguments"
    return None
