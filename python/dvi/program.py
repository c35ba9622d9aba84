"""The program dvi that came with this package, or else one of this machine."""

import os
import shutil
import sys

_PACKED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bin", "dvi")


def find_program():
    """The program that the environment variable DVI names, the one in this package, or one on the PATH."""
    named = os.environ.get("DVI")
    if named:
        return named
    if os.path.exists(_PACKED):
        return _PACKED
    # Not this package's own command, which would only ask here again.
    here = os.path.realpath(sys.argv[0]) if sys.argv and sys.argv[0] else None
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    for folder in folders:
        found = shutil.which("dvi", path=folder)
        if found and os.path.realpath(found) != here:
            return found
    return None


def main():
    """The command `dvi` of this package: becomes the program."""
    program = find_program()
    if program is None:
        print(
            "dvi: expected the program in this package or on the PATH, found none: this is the recorder alone; "
            "install the wheel of releases, or build the program and name it in the environment variable DVI",
            file=sys.stderr,
        )
        return 1
    try:
        os.execv(program, [program, *sys.argv[1:]])
    except OSError as e:
        print(f"dvi: {program} cannot be started on this machine: {e.strerror}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
