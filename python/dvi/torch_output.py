"""What a torch.nn.Module returns, as logits: one entry of a dict, tuple or ModelOutput, one number a class and
sample."""

import torch

from .agreement import MASKED, are_probabilities
from .text import shown

POOLS = ("mean", "max", "first", "last")
_NAMES = (
    "logits",
    "logit",
    "scores",
    "output",
    "outputs",
    "out",
    "pred",
    "preds",
    "prediction",
    "predictions",
    "y_hat",
    "y_pred",
    "probs",
    "probabilities",
)
# What autograd calls the steps that only move numbers about.
_MOVES = (
    "View",
    "Reshape",
    "Squeeze",
    "Unsqueeze",
    "Select",
    "Slice",
    "Permute",
    "Transpose",
    "TBackward",
    "Clone",
    "Alias",
    "ToCopy",
    "Expand",
    "Unsafe",
    "Index",
    "Unbind",
)


class NotRecordable(Exception):
    """One sentence: why this model cannot be recorded as it is, and what to do."""


def _entries(value, path=()):
    """(path, tensor) of every tensor in nested dicts, sequences and objects."""
    if isinstance(value, torch.Tensor):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _entries(item, path + (key,))
    elif isinstance(value, (tuple, list)):
        names = getattr(value, "_fields", range(len(value)))
        for key, item in zip(names, value):
            yield from _entries(item, path + (key,))
    elif value is not None and hasattr(value, "__dict__") and len(path) < 3:
        for key, item in vars(value).items():
            yield from _entries(item, path + (key,))


def _entry(value, key):
    if isinstance(key, str) and not isinstance(value, dict):
        return getattr(value, key)
    return value[key]


class ModelOutput:
    """Turns what `model(x)` returns into logits [n, C].

    choose   None, the name or index of one entry of what is returned, or a callable that is given all of it
    pool     how outputs of several positions (tokens, pixels) become one: "mean", "max", "first" or "last"
    label    index of the label of a multi-label model that is looked at, or None

    What the numbers are (logits, probabilities, one number for two classes) shows in the first outputs, and stays.
    """

    def __init__(self, class_count, choose=None, pool=None, label=None):
        self.class_count, self.choose, self.pool, self.label = class_count, choose, pool, label
        self.path = None  # to the tensor in what is returned
        self.kind = None  # "logits", "probabilities", "logit" (of the second of two classes), "probability"

    def settle(self, out, n, model_name):
        """Decides, of outputs of `n` samples computed with gradients, what they are. Raises NotRecordable."""
        self.path = self._find(out, n, model_name)
        raw = self._columns(self.tensor(out))
        last = self._last_step(raw)
        values = raw.detach().float().cpu().numpy()
        if raw.shape[1] == 1:
            within = bool(((values >= 0) & (values <= 1)).all())
            if last == "Sigmoid":
                self.kind = "probability"
            elif last in ("Addmm", "Mm", "Add", "Linear", "Mul", "Bmm", "Div", "Addmv") or not within:
                self.kind = "logit"
            else:
                raise NotRecordable(
                    f"whether the one number a sample that {model_name} gives is a logit or a probability cannot "
                    f"be told: pass output=torch.logit to Recorder if it is a probability, else output=lambda z: z + 0"
                )
        elif are_probabilities(values):
            self.kind = "probabilities"
        elif last == "Sigmoid":
            raise NotRecordable(
                f"{model_name} ends in {raw.shape[1]} sigmoids, as a multi-label model: choose the label to look at, "
                f'Recorder(..., label="NAME"); if its classes exclude each other, output=torch.logit'
            )
        else:
            self.kind = "logits"

    def tensor(self, out):
        """The tensor among what the model returned."""
        if callable(self.choose):
            out = self.choose(out)
        elif self.choose is not None:
            out = _entry(out, self.choose)
        for key in self.path:
            out = _entry(out, key)
        return out

    def logits(self, out):
        """[n, C] float32. After settle(). Can be traced."""
        return self.of_columns(self._columns(self.tensor(out)).float())

    def of_columns(self, z):
        """[n, columns] -> [n, C]."""
        if self.kind in ("logit", "probability"):
            if self.kind == "probability":
                z = z.clamp(1e-7, 1 - 6e-8)
                z = torch.log(z) - torch.log1p(-z)
            return torch.cat([torch.zeros_like(z), z], 1)
        if self.kind == "probabilities":
            return torch.log(z.clamp_min(1.1754944e-38))
        top = z.max(1, keepdim=True)[0]
        masked = z < top - MASKED
        least = z.masked_fill(masked, float("inf")).min(1, keepdim=True)[0]
        return torch.where(masked, torch.minimum(least, top - 20).expand_as(z), z)

    def linear(self, weight, bias):
        """(weight [C, D], bias [C]) of a linear layer that makes the columns, or None where it cannot be one."""
        if self.label is not None and len(weight) > 1:
            weight, bias = weight[self.label : self.label + 1], bias[self.label : self.label + 1]
        if len(weight) == 1 and self.class_count == 2:
            return torch.cat([torch.zeros_like(weight), weight]), torch.cat([torch.zeros_like(bias), bias])
        return (weight, bias) if len(weight) == self.class_count else None

    @property
    def widths(self):
        """Numbers of columns that a linear layer before the output may have."""
        if self.label is not None:
            return None
        return (self.class_count, 1) if self.class_count == 2 else (self.class_count,)

    def _suits(self, t, n):
        if not t.is_floating_point() or t.dim() < 1 or t.shape[0] != n:
            return False
        if t.dim() > 2:
            return self.pool is not None and self._class_axis(t) is not None
        columns = 1 if t.dim() == 1 else t.shape[1]
        if self.label is not None:
            return columns > self.label
        return columns == self.class_count or (columns == 1 and self.class_count == 2)

    def _class_axis(self, t):
        """The axis of an output of several positions that holds the classes: the last of tokens, the second of
        images."""
        wanted = None if self.label is not None else self.class_count
        axes = (t.dim() - 1, 1) if t.dim() == 3 else (1, t.dim() - 1)
        return next((a for a in axes if wanted is None or t.shape[a] == wanted), None)

    def _columns(self, t):
        """[n, columns], positions pooled and the label chosen."""
        if t.dim() == 1:
            t = t.unsqueeze(1)
        if t.dim() > 2:
            t = t.movedim(self._class_axis(t), -1).flatten(1, -2)
            t = {
                "mean": lambda: t.mean(1),
                "max": lambda: t.amax(1),
                "first": lambda: t[:, 0],
                "last": lambda: t[:, -1],
            }[self.pool]()
        return t if self.label is None or t.shape[1] == 1 else t[:, self.label : self.label + 1]

    def _find(self, out, n, model_name):
        self.path = ()
        try:
            chosen = out if self.choose is None else self.tensor(out)
        except (KeyError, IndexError, AttributeError, TypeError) as e:
            raise NotRecordable(
                f"output={self.choose!r} is not among what {model_name} returns: {shown(_described(out))}"
            ) from e
        found = list(_entries(chosen))
        suitable = [(path, t) for path, t in found if self._suits(t, n)]
        for name in _NAMES:
            named = [path for path, _ in suitable if path and path[-1] == name]
            if len(named) == 1:
                return named[0]
        if len(suitable) == 1:
            return suitable[0][0]
        if suitable:
            raise NotRecordable(
                f"{model_name} returns {len(suitable)} outputs that could be the logits, {shown(_described(chosen))}: "
                f"choose one, Recorder(..., output=NAME_OR_INDEX), or output=lambda out: ..."
            )
        dense = [
            t
            for _, t in found
            if t.is_floating_point() and t.dim() > 2 and t.shape[0] == n and self._class_axis(t) is not None
        ]
        if dense:
            raise NotRecordable(
                f"{model_name} gives an output a position, {list(dense[0].shape)} for {n} samples: choose how they "
                f'become one a sample, Recorder(..., pool="mean") or "max", "first", "last"'
            )
        many = "one a class" if self.label is None else f"more than {self.label}"
        raise NotRecordable(
            f"{model_name} must give {self.class_count if self.label is None else 'its'} logits a sample, {many}, and "
            f"gives {shown(_described(chosen)) or 'no tensor'} for {n} samples: name every output in classes=, or "
            f"choose with Recorder(..., output=lambda out: ...)"
        )

    def _last_step(self, t):
        """What autograd says made the tensor: "Sigmoid", "Addmm", ...; None where it does not know."""
        node = t.grad_fn
        for _ in range(20):
            if node is None:
                return None
            name = type(node).__name__
            if not any(name.startswith(move) for move in _MOVES):
                return name.split("Backward")[0]
            node = node.next_functions[0][0] if node.next_functions else None
        return None


def _described(out):
    return [
        "".join(f"[{k!r}]" for k in path) + (" " if path else "") + str(list(t.shape))
        for path, t in _entries(out)
    ]
