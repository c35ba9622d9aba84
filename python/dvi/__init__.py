"""Records the training of a classifier for DeepVisualInsight, and shows what it made of it. See
docs/how-to/recording.md."""

from .project import Projection, project
from .recorder import Recorder
from .selections import select, selections
from .show import show
from .view import View

__version__ = "1.0.0"
__all__ = ["Projection", "Recorder", "View", "project", "select", "selections", "show"]
