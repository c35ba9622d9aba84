"""Words in messages and files."""


def clean(text):
    """`text` as one line that UTF-8 can hold: halves of surrogate pairs, as cut strings have them, become U+FFFD."""
    text = " ".join(str(text).splitlines())
    try:
        text.encode()
        return text
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def shown(items, most=5):
    """A list for a message, cut short."""
    items = [str(i) for i in items]
    return ", ".join(items[:most]) + (f" and {len(items) - most} more" if len(items) > most else "")


def shortened(sentence, most=400):
    """A message of at most two lines of a terminal's usual width, or a little more."""
    sentence = " ".join(sentence.split())
    return sentence if len(sentence) <= most else sentence[: most - 4].rsplit(" ", 1)[0] + " ..."
