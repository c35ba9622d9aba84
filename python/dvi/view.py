"""The page in a notebook, and what it shares with Python."""

import html
import json
import secrets
import threading
import warnings

from .project import kind_of, project, requests_of
from .server import Refused, Server

_shown_at_most = 256  # of the samples of one project(); the server's limit for a page, too
_silence = 60  # seconds after which a stream of events counts as broken


class View:
    """What dvi.show() returns. A notebook shows it as the page in a frame. The page and this object share a selection,
    which the server holds; so several frames of one view show the same, and reading it never waits for the page.

    address   of the page, for any browser
    """

    def __init__(self, run, address, own_address, width="100%", height=720):
        """`own_address`: where this process reaches the server, which a proxy may show elsewhere."""
        self.run = run
        self._session = secrets.token_hex(8)
        # A frame is small: its room is for the picture.
        self.address = f"{address}{'&' if '?' in address else '?'}session={self._session}#panel=none"
        self._own_address = own_address
        self._server = Server(own_address)
        self._path = f"/api/runs/0/sessions/{self._session}"
        self._size = tuple(f"{v}px" if isinstance(v, int) else str(v) for v in (width, height))
        self._widget = None

    @property
    def selection(self):
        """Ids of the samples selected in the page, a list; setting it selects them there."""
        return self._server.ask(self._path)["selection"]

    @selection.setter
    def selection(self, ids):
        self._server.ask(self._path + "/selection", {"ids": [int(i) for i in ids]})

    def on_selection(self, callback):
        """Calls `callback(ids)`, in a thread of its own, whenever the selection has changed, whoever changed it.
        Returns a function that ends this."""
        ended = threading.Event()
        selections = self._selections(self.selection, ended)
        threading.Thread(target=lambda: [callback(ids) for ids in selections], daemon=True).start()
        return ended.set

    def project(self, samples, epochs=None, kind=None, view=None):
        """What dvi.project() returns of the samples, which the page shows as if they had been dropped onto it: inputs
        at every epoch, features at the one whose model made them. clear() takes them away again."""
        info = self._server.ask("/api/runs/0")
        kind = kind or kind_of(samples, info)
        found = project(self._own_address, samples, epochs, kind, view)
        if len(samples) > _shown_at_most:
            warnings.warn(
                f"the page shows the first {_shown_at_most} of these {len(samples)} samples; what is returned "
                f"holds all of them",
                stacklevel=2,
            )
        of_epoch = {"epoch": int(found.epochs[-1])} if kind == "features" else {}
        try:
            for request in requests_of(samples[:_shown_at_most], kind):
                self._server.ask(self._path + "/samples", {**request, **of_epoch})
        except Refused as e:
            if e.status != 409:
                raise
            warnings.warn(f"{e}: view.clear() does", stacklevel=2)
        return found

    def clear(self):
        """Takes all samples that project() brought out of the page."""
        self._server.ask(self._path + "/samples", method="DELETE")

    @property
    def widget(self):
        """The page as a widget, for layouts with other widgets; its trait `selection` is that of this view. Needs the
        package anywidget."""
        if self._widget is None:
            from .widget import make_widget

            self._widget = make_widget(self, self._server.text("/widget.js"), self._size)
        return self._widget

    def _selections(self, known, ended):
        """Each selection that differs from the one before, until `ended` or the server has ended."""
        misses = 0
        while not ended.is_set() and misses < 10:
            try:
                with self._server.open("/api/live", timeout=_silence) as events:
                    misses = 0
                    changed = True  # perhaps, while nobody listened
                    while not ended.is_set():
                        if changed:
                            selection = self.selection
                            if selection != known:
                                yield selection
                            known = selection
                        line = events.readline()
                        if not line:
                            break
                        changed = self._is_ours(line)
            except (OSError, ValueError):  # the server ended, or the connection did
                misses += 1
            ended.wait(0.5)

    def _is_ours(self, line):
        start, _, data = line.decode().partition("data: ")
        return start == "" and data != "" and json.loads(data).get("session") == self._session

    def __str__(self):
        return self.address

    def __repr__(self):
        return f"<dvi.View of {self.run} at {self.address}>"

    def _repr_html_(self):
        width, height = self._size
        return (
            f'<iframe src="{html.escape(self.address)}" title="DeepVisualInsight" width="{html.escape(width)}" '
            f'height="{html.escape(height)}" style="border: none; width: {html.escape(width)}; '
            f'height: {html.escape(height)}"></iframe>'
        )
