"""Packs the recorder, the viewer and the program into one wheel (PEP 427; platform tags: PEP 600).

    wheel.py PROGRAM LIBRARIES LICENCES FOLDER

PROGRAM     the built program; LIBRARIES: a folder of the shared libraries that it brings along
LICENCES    a folder of licence texts, which becomes part of the wheel
FOLDER      where dvi-VERSION-py3-none-manylinux_2_N_x86_64.whl appears; N is read from the symbols of what is packed
"""

import base64
import hashlib
import pathlib
import re
import subprocess
import sys
import tomllib
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
# What the policy of every manylinux tag lets a wheel expect of the machine.
EXPECTED_THERE = re.compile(
    r"^(libc|libm|libpthread|libdl|librt|libstdc\+\+|libgcc_s|ld-linux-x86-64)\.so\.\d+$"
)


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def newest_glibc(files):
    """The newest version of glibc's symbols that the files need, e.g. (2, 29)."""
    found = {
        tuple(map(int, v.split(".")))
        for file in files
        for v in re.findall(r"\(GLIBC_([\d.]+)\)", output("objdump", "-T", str(file)))
    }
    return max(found)[:2]


def missing_libraries(files):
    """Shared libraries that the files need and that are neither packed nor to be expected on any machine."""
    packed = {file.name for file in files}
    needed = {n for file in files for n in re.findall(r"NEEDED\s+(\S+)", output("objdump", "-p", str(file)))}
    return sorted(n for n in needed if n not in packed and not EXPECTED_THERE.match(n))


def main(program, libraries, licences, folder):
    project = tomllib.loads((ROOT / "python/pyproject.toml").read_text())["project"]
    version = re.search(r"^project\(dvi VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text(), re.M).group(
        1
    )
    libraries = sorted(pathlib.Path(libraries).iterdir())
    native = [pathlib.Path(program), *libraries]
    if missing := missing_libraries(native):
        sys.exit(f"wheel: expected libraries of every machine or packed ones, found {', '.join(missing)}")
    major, minor = newest_glibc(native)
    if (major, minor) > (2, 31):
        sys.exit(
            f"wheel: expected symbols of glibc 2.31 or older, found {major}.{minor}; build against an older one"
        )
    tag = f"py3-none-manylinux_{major}_{minor}_x86_64"

    info = f"dvi-{version}.dist-info"
    content = {}  # path in the wheel -> (bytes, executable)
    for path in sorted((ROOT / "python/dvi").rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            content[path.relative_to(ROOT / "python").as_posix()] = path.read_bytes(), False
    content["dvi/bin/dvi"] = pathlib.Path(program).read_bytes(), True
    for path in libraries:
        content[f"dvi/lib/{path.name}"] = path.read_bytes(), True
    for path in sorted(pathlib.Path(licences).rglob("*")):
        if path.is_file():
            content[f"{info}/licenses/{path.relative_to(licences).as_posix()}"] = path.read_bytes(), False
    extras = project["optional-dependencies"]
    metadata = [
        "Metadata-Version: 2.1",
        "Name: dvi",
        f"Version: {version}",
        f"Summary: {project['description']}",
        f"License: {project['license']['text']}",
        f"Requires-Python: {project['requires-python']}",
        *(f"Requires-Dist: {d}" for d in project["dependencies"]),
        *(f"Provides-Extra: {e}" for e in extras),
        *(f'Requires-Dist: {d}; extra == "{e}"' for e in extras for d in extras[e]),
        "Description-Content-Type: text/markdown",
        "",
        (ROOT / "python" / project["readme"]).read_text(),
    ]
    content[f"{info}/METADATA"] = "\n".join(metadata).encode(), False
    content[f"{info}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: tools/package\nRoot-Is-Purelib: false\nTag: {tag}\n".encode(),
        False,
    )
    scripts = "".join(f"{name} = {target}\n" for name, target in project["scripts"].items())
    content[f"{info}/entry_points.txt"] = f"[console_scripts]\n{scripts}".encode(), False
    record = [
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip('=')},{len(data)}"
        for path, (data, _) in content.items()
    ]
    content[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""]).encode(), False

    wheel = pathlib.Path(folder) / f"dvi-{version}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as z:
        for path, (data, executable) in content.items():
            entry = zipfile.ZipInfo(path, date_time=(2020, 1, 1, 0, 0, 0))  # the same wheel of the same files
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o100755 if executable else 0o100644) << 16
            z.writestr(entry, data)
    if wheel.stat().st_size > 40 << 20:
        sys.exit(f"{wheel}: expected at most 40 MB, found {wheel.stat().st_size >> 20}")
    print(wheel)


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
