"""The dvi program that some tests run: named by the environment variable DVI, or built at build/dvi; None if
there is none."""

import os

_BUILT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "build", "dvi")
DVI = os.environ.get("DVI") or (_BUILT if os.path.exists(_BUILT) else None)
