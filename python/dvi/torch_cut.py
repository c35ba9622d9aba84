"""A cut through a model's forward pass: where features are taken, and how the rest of the model is run from them."""

import contextlib

import torch
from torch import nn

MOST_DIMENSIONS = 4096  # of features, docs/reference/run-format.md


def is_position_wise_linear(module):
    """nn.Linear, or a convolution of one pixel, which is one at every pixel."""
    if isinstance(module, nn.Linear):
        return True
    return (
        isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Conv3d))
        and set(module.kernel_size) == {1}
        and module.groups == 1
        and set(module.stride) == {1}
        and set(module.padding) == {0}
    )


def out_columns(module):
    return module.out_features if isinstance(module, nn.Linear) else module.out_channels


def weight_and_bias(module):
    """(weight [C, D], bias [C]) that the module works with now, detached float32 on the CPU."""
    weight = module.weight.detach().float().cpu().flatten(1)
    bias = torch.zeros(len(weight)) if module.bias is None else module.bias.detach().float().cpu()
    return weight, bias


def first_tensor(value):
    if isinstance(value, torch.Tensor):
        return value
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)) and value:
        return first_tensor(value[0])
    return None


class Site:
    """One place: what a submodule is given (`side` "input") or gives ("output"), or what a method of the model returns
    ("method"). A submodule that runs several times is a place each time."""

    def __init__(self, name, side):
        self.name, self.side = name, side

    def __str__(self):
        return f'the input of "{self.name}"' if self.side == "input" else f'the output of "{self.name}"'


class Cut:
    """Features are what flows through `sites`, flattened and side by side.

    reduce   None; "mean" over positions, where the layer that follows is linear at every position and its outputs are
             averaged; "position", where each sample's output is that of one position
    linear   the name of the submodule that makes logits of the features, where it does so alone
    """

    def __init__(self, sites, reduce=None, linear=None):
        self.sites, self.reduce, self.linear = sites, reduce, linear
        self.shapes = None  # [(site index, shape of a sample)], in the order taken

    def __str__(self):
        return " and ".join(str(s) for s in self.sites)

    @contextlib.contextmanager
    def _hooked(self, model, modules, on_tensor):
        """`on_tensor(site index, tensor)` sees each tensor; what it returns goes on in its place, None leaves it."""
        hooks, wrapped = [], []
        try:
            for i, site in enumerate(self.sites):
                if site.side == "method":
                    method = getattr(model, site.name)

                    def wrapper(*args, _i=i, _method=method, **kwargs):
                        out = _method(*args, **kwargs)
                        t = first_tensor(out)
                        new = None if t is None else on_tensor(_i, t)
                        return out if new is None else new

                    had = model.__dict__.get(site.name)
                    model.__dict__[site.name] = wrapper
                    wrapped.append((site.name, had))
                elif site.side == "input":

                    def before(module, inputs, _i=i):
                        if not inputs or not isinstance(inputs[0], torch.Tensor):
                            return None
                        new = on_tensor(_i, inputs[0])
                        return None if new is None else (new,) + tuple(inputs[1:])

                    hooks.append(modules[site.name].register_forward_pre_hook(before))
                else:

                    def after(module, inputs, output, _i=i):
                        t = first_tensor(output)
                        new = None if t is None else on_tensor(_i, t)
                        if new is None or isinstance(output, torch.Tensor):
                            return new
                        return (
                            type(output)((new,) + tuple(output[1:])) if type(output) in (tuple, list) else new
                        )

                    hooks.append(modules[site.name].register_forward_hook(after))
            yield
        finally:
            for hook in hooks:
                hook.remove()
            for name, had in wrapped:
                if had is None:
                    del model.__dict__[name]
                else:
                    model.__dict__[name] = had

    def capture(self, model, modules, run):
        """(list of tensors taken, what `run()` returned)."""
        taken = []

        def take(i, t):
            taken.append((i, t))

        with self._hooked(model, modules, take):
            out = run()
        if not torch.jit.is_tracing():  # where sizes are part of what is traced
            self.shapes = [(i, tuple(t.shape[1:])) for i, t in taken]
        return [t for _, t in taken], out

    def replay(self, model, modules, run, features, dtype):
        """What `run()`, the forward pass of other samples, returns when the features of these flow through the
        sites."""
        queues, at = {}, 0
        for i, shape in self.shapes:
            size = 1
            for n in shape:
                size *= n
            part = features[:, at : at + size].to(dtype).reshape((features.shape[0],) + shape)
            queues.setdefault(i, []).append(part)
            at += size

        def put(i, t):
            return queues[i].pop(0) if queues.get(i) else None

        with self._hooked(model, modules, put):
            return run()

    def flat(self, taken):
        """[n, D] of the tensors taken."""
        return torch.cat([t.flatten(1).float() for t in taken], 1)


def positions(linear, t):
    """[n, positions, D] of what a layer that is linear at every position is given: the last axis of tokens, the second
    of images is D."""
    if isinstance(linear, nn.Linear):
        return t.flatten(1, -2) if t.dim() > 2 else t.unsqueeze(1)
    return t.flatten(2).transpose(1, 2)


def apply_linear(linear, f):
    """[..., D] -> [..., columns]."""
    if type(linear) is nn.Linear or f.dim() == 2 and isinstance(linear, nn.Linear):
        return linear(f)
    return nn.functional.linear(f, linear.weight.flatten(1), linear.bias)
