"""The Python half of the page as a widget, by the anywidget protocol; web/src/widget.ts is the other."""


def make_widget(view, module, size):
    """`module`: the source of the ES module; `size`: width and height in CSS."""
    try:
        import anywidget
        import traitlets
    except ImportError:
        raise ImportError(
            "view.widget needs the package anywidget: pip install anywidget; without it the view itself is shown as a "
            "frame, and selection, project() and on_selection() work all the same"
        ) from None

    class Widget(anywidget.AnyWidget):
        _esm = module
        address = traitlets.Unicode(view.address).tag(sync=True)
        width = traitlets.Unicode(size[0]).tag(sync=True)
        height = traitlets.Unicode(size[1]).tag(sync=True)
        selection = traitlets.List(traitlets.Int(), view.selection)

    widget = Widget()

    def to_page(change):
        if change["new"] != view.selection:
            view.selection = change["new"]

    widget.observe(to_page, "selection")
    view.on_selection(lambda ids: setattr(widget, "selection", ids))
    return widget
