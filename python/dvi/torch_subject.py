"""A torch.nn.Module as a subject model: what it returns, features that determine it, and a TorchScript copy of both
halves."""

import contextlib
import copy
import io
import random
import warnings

import numpy as np
import torch
from torch import nn

from .agreement import Disagreement
from .older_operators import older_operators
from .text import shown
from .torch_archive import newer_than_libtorch_1_13
from .torch_cut import (
    MOST_DIMENSIONS,
    Cut,
    Site,
    apply_linear,
    first_tensor,
    is_position_wise_linear,
    out_columns,
    positions,
    weight_and_bias,
)
from .torch_output import NotRecordable

FEATURE_METHODS = ("features", "feature")
HEAD_METHODS = ("head", "prediction")
MOST_CANDIDATES = 64  # layers tried as the place of the features where no linear layer is

WAY_OUT = (
    "dvi then works with the recorded arrays alone; to silence this, or where the arrays do not suffice, pass "
    "features=, logits=, head_weight= and head_bias= to Recorder.epoch()"
)


def unwrap(model):
    """The user's own module inside torch.compile's and the data-parallel wrappers."""
    while True:
        inner = getattr(model, "_orig_mod", None)
        if inner is None and type(model).__name__ in (
            "DataParallel",
            "DistributedDataParallel",
            "FullyShardedDataParallel",
        ):
            inner = model.module
        if inner is None:
            return model
        model = inner


def is_sharded(model):
    """Whether one process holds only a part of the weights (FSDP, FSDP2, DeepSpeed's ZeRO-3): running the model in one
    of them would wait for the others for ever."""
    dist = torch.distributed
    if not dist.is_available() or not dist.is_initialized() or dist.get_world_size() < 2:
        return False
    return any(type(m).__name__ == "FullyShardedDataParallel" for m in model.modules()) or any(
        type(p).__name__ == "DTensor" or hasattr(p, "ds_id") for p in model.parameters()
    )


class Plan:
    """What was found out about a model at the first epoch, and holds for the others.

    output   ModelOutput: logits of what the model returns
    cut      Cut: where features are taken
    head     how logits come from them: "linear" (the layer cut.linear), "call" (the model's own method or submodule
             `head_name`) or "replay" (the rest of the forward pass)
    """

    def __init__(self, output):
        self.output = output
        self.cut = self.head = self.head_name = None
        self.traced_as = None  # the one of _WAYS_TO_TRACE that holds
        self.head_gives_output = (
            False  # whether the called head's result is like the model's, rather than plain logits
        )


class TorchSubject:
    """Use inside `with subject.frozen():`; outside of it the model is as the training left it.

    The model's own output is the reference. Features are looked for, in this order:
    - where `features` and `head` name a method or submodule;
    - the methods `features` or `feature` with `head` or `prediction`, if the model has both;
    - what the linear layers with one output a class are given: the last alone, each before it, all together;
    - what other layers give, from the last backwards.
    The first is taken from which the rest of the model makes the model's own output whatever its input was.
    """

    def __init__(self, model, output, features=None, head=None, fields=None, integers=False, plan=None):
        if is_sharded(model):
            raise NotRecordable(
                f"the weights of {type(model).__name__} are spread over several processes, and the one that "
                f"records cannot run it alone; compute features and logits in all of them, and pass features= and "
                f"logits= to Recorder.epoch()"
            )
        self.model = unwrap(model)
        self.name = type(self.model).__name__
        self._fields, self._integers = fields, integers
        parameter = next(
            (t for t in list(self.model.parameters()) + list(self.model.buffers()) if t.is_floating_point()),
            None,
        )
        self.device = torch.device("cpu") if parameter is None else parameter.device
        self.dtype = torch.float32 if parameter is None else parameter.dtype
        self.precision = str(self.dtype).split(".")[-1]
        self._names = (features, head)
        self._modules = dict(self.model.named_modules())
        self._input_shape = None
        self.plan = plan or Plan(output)
        self.notes = []  # sentences for the user
        for name in (features, head):
            if name is not None and not self._is_there(name):
                raise NotRecordable(
                    f'the model {self.name} has neither a method nor a submodule named "{name}"; its submodules '
                    f"are {shown((n for n in self._modules if n), 12)}"
                )

    def _is_there(self, name):
        return (name in self._modules and name) or callable(getattr(self.model, name, None))

    def _is_method(self, name):
        value = getattr(self.model, name, None)
        return callable(value) and not isinstance(value, nn.Module)

    # --- leaving the training alone --------------------------------------------------------------------------------

    @contextlib.contextmanager
    def frozen(self):
        """Evaluation mode, no gradients, no autocast; on leaving, every module's own mode, buffers and attributes and
        all random number generators are as they were."""
        modules = list(self.model.modules())
        modes = [(m, m.training) for m in modules]
        attributes = [{k: v for k, v in vars(m).items() if not k.startswith("_")} for m in modules]
        buffers = [
            (m, k, b, b.detach().clone()) for m in modules for k, b in m._buffers.items() if b is not None
        ]
        python_state, numpy_state, cpu_state = random.getstate(), np.random.get_state(), torch.get_rng_state()
        cuda = torch.cuda.is_available() and torch.cuda.is_initialized()
        cuda_states = torch.cuda.get_rng_state_all() if cuda else None
        mps = self.device.type == "mps" and hasattr(torch, "mps")
        mps_state = torch.mps.get_rng_state() if mps else None
        try:
            self.model.eval()
            for module in modules:
                if hasattr(
                    module, "disable_observer"
                ):  # of quantisation-aware training, which learns in evaluation too
                    module.disable_observer()
            with torch.no_grad(), self._no_autocast():
                yield self
        finally:
            for module, known in zip(modules, attributes):
                for key, value in list(vars(module).items()):
                    if not key.startswith("_") and key not in known and isinstance(value, torch.Tensor):
                        del vars(module)[key]
                vars(module).update(known)
            for module, training in modes:
                module.training = training
            with torch.no_grad():
                for module, key, buffer, content in buffers:
                    module._buffers[key] = buffer
                    if not torch.equal(buffer, content):
                        buffer.copy_(content)
            random.setstate(python_state)
            np.random.set_state(numpy_state)
            torch.set_rng_state(cpu_state)
            if cuda:
                torch.cuda.set_rng_state_all(cuda_states)
            if mps:
                torch.mps.set_rng_state(mps_state)

    @contextlib.contextmanager
    def _no_autocast(self):
        with contextlib.ExitStack() as stack:
            for kind in {"cpu", self.device.type}:
                try:
                    stack.enter_context(torch.autocast(kind, enabled=False))
                except (AttributeError, RuntimeError, ValueError, AssertionError):
                    pass  # a device without autocast has none to switch off
            yield

    # --- running ---------------------------------------------------------------------------------------------------

    def _tensor(self, x):
        return torch.from_numpy(np.ascontiguousarray(x)).to(self.device)

    def _given(self, x):
        """(positional, keyword) arguments that the model is called with for inputs [n, ...] in float32."""
        if self._fields:
            cast = {}
            for field in self._fields:
                part = x[:, field.begin : field.end].reshape((x.shape[0],) + field.shape)
                cast[field.name] = part.long() if field.integers else part.to(self.dtype)
            return (), cast
        return (x.long() if self._integers else x.to(self.dtype),), {}

    def _forward(self, x):
        args, named = self._given(x)
        if not _has_forward(self.model):  # nothing but two methods
            features, head = self._names[0] or self._method(FEATURE_METHODS), self._names[1] or self._method(
                HEAD_METHODS
            )
            return getattr(self.model, head)(first_tensor(getattr(self.model, features)(*args, **named)))
        return self.model(*args, **named)

    def _method(self, names):
        found = next((n for n in names if self._is_method(n)), None)
        if found is None:
            raise NotRecordable(
                f"{self.name} has no forward method to run; give it one, or pass features= and logits= to epoch()"
            )
        return found

    def runs_on(self, x):
        """Raises what the model raises when it is run on the samples `x`."""
        self._forward(self._tensor(x))

    def _capture(self, x, cut):
        """(features [n, D], what the model returns) of inputs [n, ...]."""
        taken, out = cut.capture(self.model, self._modules, lambda: self._forward(x))
        if not taken and cut.sites[0].side == "method":  # which forward() does not call
            args, named = self._given(x)
            t = first_tensor(getattr(self.model, cut.sites[0].name)(*args, **named))
            cut.shapes = [(0, tuple(t.shape[1:]))]
            taken = [t]
        if not taken:
            raise NotRecordable(
                f"{cut} did not show in the forward pass of {self.name}: name another layer, "
                f'Recorder(..., features="NAME")'
            )
        if any(t.dim() < 2 or t.shape[0] != x.shape[0] for t in taken):
            raise NotRecordable(
                f"the features of {x.shape[0]} samples must have shape [{x.shape[0]}, ...], and {cut} has "
                f'{shown(list(t.shape) for t in taken)}: name another layer, Recorder(..., features="NAME")'
            )
        if cut.reduce == "mean":
            return positions(self._modules[cut.linear], taken[-1]).mean(1).float(), out
        if cut.reduce == "position":
            return self._at_its_position(cut, taken[-1], out), out
        return cut.flat(taken), out

    def _at_its_position(self, cut, t, out):
        """[n, D] of the position whose outputs are the sample's."""
        linear = self._modules[cut.linear]
        given = positions(linear, t)
        logits = self._plain_logits(apply_linear(linear, given).flatten(0, 1).float())
        logits = logits.reshape(given.shape[0], given.shape[1], logits.shape[1]).log_softmax(2)
        wanted = self.plan.output.logits(out).log_softmax(1).unsqueeze(1)
        nearest = (logits - wanted).abs().sum(2).argmin(1)
        return given.gather(1, nearest.reshape(-1, 1, 1).expand(-1, 1, given.shape[2])).squeeze(1).float()

    def _plain_logits(self, z):
        """Logits [n, C] of what a linear layer gives."""
        output = self.plan.output
        if output.label is not None and z.shape[1] > 1:
            z = z[:, output.label : output.label + 1]
        return torch.cat([torch.zeros_like(z), z], 1) if z.shape[1] == 1 else z

    def features_of(self, x):
        """[B, ...] tensor as the model sees it, float32 -> [B, D]."""
        return self._capture(x, self.plan.cut)[0]

    def head_of(self, f, others=None):
        """[B, D] features -> [B, C] logits. After features_of(). `others`: inputs the rest of the model is run on,
        blanks by default."""
        return self._head(self.plan.cut, self.plan.head, f, others).float()

    def _head(self, cut, head, f, others=None):
        output = self.plan.output
        if head == "linear":
            return self._plain_logits(apply_linear(self._modules[cut.linear], f.to(self.dtype)).float())
        if head == "call":
            shape = (f.shape[0],) + cut.shapes[-1][1]
            target = self._modules.get(self.plan.head_name) or getattr(self.model, self.plan.head_name)
            z = target(f.to(self.dtype).reshape(shape))
            if self.plan.head_gives_output:
                return output.logits(z)
            z = first_tensor(z)
            if z is None or z.dim() != 2:
                raise NotRecordable("the head must give one vector a sample")
            return self._plain_logits(z.float())
        if others is None:
            others = torch.zeros((f.shape[0],) + self._input_shape, device=f.device)
        return output.logits(
            cut.replay(self.model, self._modules, lambda: self._forward(others), f, self.dtype)
        )

    def __call__(self, x):
        """NumPy float32 [B, ...] as the model sees it -> (features [B, D], the model's own logits [B, C]) as
        float32."""
        self._input_shape = tuple(x.shape[1:])
        f, out = self._capture(self._tensor(x), self.plan.cut)
        return f.cpu().numpy(), self.plan.output.logits(out).cpu().numpy()

    # --- finding out where features are ----------------------------------------------------------------------------

    def settle(self, x):
        """Decides, on a few samples as the model sees them, what its logits are and where its features are."""
        plan, self._input_shape = self.plan, tuple(x.shape[1:])
        x = self._tensor(x)
        if plan.output.kind is None:
            with torch.enable_grad():
                plan.output.settle(self._forward(x[:2]), len(x[:2]), self.name)
        if plan.cut is not None:
            return
        if not torch.isfinite(plan.output.logits(self._forward(x))).all():
            raise NotRecordable(
                f"{self.name} gives NaN or infinity for samples of the run: the training may have diverged"
            )
        features, head = self._names
        order = self._order(x[:2])
        linears = [n for n in order if is_position_wise_linear(self._modules[n])]
        named = features is not None or head is not None
        if self._first_that_holds(self._named_candidates(linears), x):
            return
        if named:
            self.notes.append(
                f"what {self.name} returns does not follow from {self._wanted()} alone, so features are taken "
                f'elsewhere; name a layer that everything passes through, Recorder(..., features="NAME")'
            )
        if self._first_that_holds(self._linear_candidates(linears), x) or self._first_that_holds(
            self._other_candidates(order), x[:4], confirm=x
        ):
            if named:
                self.notes[-1] = self.notes[-1].replace("elsewhere", f"from {plan.cut}")
            return
        raise NotRecordable(
            f"what {self.name} returns does not follow from what any one of its layers gives (from 2 to "
            f"{MOST_DIMENSIONS} numbers a sample): give it methods features(x) and head(f) with forward(x) = "
            f"head(features(x)), or pass features= and logits= to epoch()"
        )

    def _wanted(self):
        features, head = self._names
        return f'"{features}"' if features is not None else f'the input of "{head}"'

    def _order(self, x):
        """Names of the submodules that run, in the order in which they ended, each once."""
        ran, hooks = [], []
        for name, module in self._modules.items():
            if name and not isinstance(module, (nn.ModuleList, nn.ModuleDict)):
                hooks.append(module.register_forward_hook(lambda m, i, o, _n=name: ran.append(_n)))
        try:
            self._forward(x)
        finally:
            for hook in hooks:
                hook.remove()
        return list(dict.fromkeys(reversed(ran)))[::-1]

    def _named_candidates(self, linears):
        """(cut, names of heads to call) of what the user or the model names."""
        features, head = self._names
        if features is None and head is None:
            methods = [n for n in FEATURE_METHODS if self._is_method(n)]
            heads = [n for n in HEAD_METHODS if callable(getattr(self.model, n, None))]
            if methods and heads:
                yield from self._with_linear(Site(methods[0], "method"), linears, heads[:1])
        elif features is not None:
            is_module = features in self._modules
            heads = (
                [head]
                if head is not None
                else []
                if is_module
                else [n for n in HEAD_METHODS if callable(getattr(self.model, n, None))]
            )
            yield from self._with_linear(Site(features, "output" if is_module else "method"), linears, heads)
        elif head in self._modules:
            yield from self._with_linear(Site(head, "input"), [head] if head in linears else [], [head])

    def _with_linear(self, site, linears, heads):
        yield Cut([site]), heads, [n for n in reversed(linears)]

    def _linear_candidates(self, linears):
        widths = self.plan.output.widths
        suitable = [n for n in reversed(linears) if widths is None or out_columns(self._modules[n]) in widths]
        for name in suitable:
            # What the layer is given as it is; one vector of several positions; all positions and what follows.
            for reduce in ("none", "mean", "position", None):
                yield Cut([Site(name, "input")], reduce, name), [], [name]
        if 2 <= len(suitable) <= 16:
            yield Cut([Site(name, "input") for name in reversed(suitable)]), [], []

    def _other_candidates(self, order):
        narrow = []
        for name in list(reversed(order))[:MOST_CANDIDATES]:
            cut = Cut([Site(name, "output")])
            narrow.append(cut)
            yield cut, [], []

    def _first_that_holds(self, candidates, x, confirm=None):
        for cut, heads, linears in candidates:
            head = self._head_that_holds(cut, heads, linears, x)
            if head is None:
                continue
            if confirm is not None and self._head_that_holds(cut, heads, linears, confirm) != head:
                continue
            self.plan.cut, self.plan.head = cut, head
            return True
        return False

    def _head_that_holds(self, cut, heads, linears, x):
        """How the model's own logits of `x` come from the features at `cut`; None if they do not."""
        plan = self.plan
        try:
            f, out = self._capture(x, cut)
        except (NotRecordable, RuntimeError, KeyError, IndexError, AttributeError, TypeError, ValueError):
            return None
        wanted = plan.output.logits(out)
        if not 2 <= f.shape[1] <= MOST_DIMENSIONS:
            return None
        # The output itself, passed on by a layer without weights, is no feature of it.
        if (
            not linears
            and not heads
            and f.shape[1] <= wanted.shape[1]
            and cut.sites[0].side == "output"
            and bool((f.argmax(1) == wanted.argmax(1)).all())
        ):
            return None

        def holds(head, others=None):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    found = self._head(cut, head, f, others)
                return found.shape == wanted.shape and Disagreement(
                    found.cpu().numpy(), wanted.cpu().numpy()
                ).within(self.precision)
            except (
                Exception
            ):  # whatever the model's own code makes of features that are not where it expects them
                return False

        for name in linears:
            module = self._modules[name]
            if weight_and_bias(module)[0].shape[1] == f.shape[1]:
                cut.linear = name
                if holds("linear"):
                    cut.reduce = None if cut.reduce == "none" else cut.reduce
                    return "linear"
        if cut.reduce == "none":
            cut.reduce = None
            return None
        if cut.reduce is not None:
            return None
        for name in heads:
            plan.head_name = name
            for plan.head_gives_output in (False, True):
                if holds("call"):
                    return "call"
        if holds("replay", x.roll(1, 0) if len(x) > 1 else torch.zeros_like(x)):
            return "replay"
        return None

    # --- what is kept of it ----------------------------------------------------------------------------------------

    def linear_head(self, features, logits):
        """(weight [C, D], bias [C]) if the head is linear, else None."""
        if self.plan.head == "linear":
            pair = self.plan.output.linear(*weight_and_bias(self._modules[self.plan.cut.linear]))
            weight, bias = (t.numpy().copy() for t in pair)
        else:
            probed = self._probed_head(features.shape[1])
            if probed is None:
                return None
            weight, bias = probed
        return (
            (weight, bias)
            if Disagreement(features @ weight.T + bias, logits).within(self.precision)
            else None
        )

    def _probed_head(self, d):
        """Weight and bias of a head that is a linear function without being one layer: its value at zero and at the
        unit vectors, after a test of additivity."""

        def head(f):
            parts = [
                self.head_of(torch.from_numpy(f[i : i + 256]).to(self.device)) for i in range(0, len(f), 256)
            ]
            return torch.cat(parts).double().cpu().numpy()

        rng = np.random.default_rng(1)
        probes = (
            rng.normal(size=(8, d)).astype(np.float32)
            * np.repeat([0.25, 1, 4, 16], 2).astype(np.float32)[:, None]
        )
        probes[4:] = np.maximum(probes[4:], 0)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                bias = head(np.zeros((1, d), np.float32))
                found, twice = head(probes), head(2 * probes)
                sums = head(probes + probes[::-1])
                size = np.abs(found).max() + np.abs(bias).max() + 1e-6
                if not (
                    np.abs(sums - found - found[::-1] + bias).max() <= 1e-4 * size
                    and np.abs(twice - 2 * found + bias).max() <= 1e-4 * size
                ):
                    return None
                weight = head(np.eye(d, dtype=np.float32)) - bias
        except Exception:
            return None
        return np.ascontiguousarray(weight.T, np.float32), bias[0].astype(np.float32)

    def torchscript(self, x, features, logits, rows):
        """The model as a TorchScript archive with methods features(x) and head(f), for float32 on the CPU. `x`, the
        inputs of the samples `rows` as the model sees them, is what it is traced with and compared on; its head is
        compared on all of `features` [N, D] with `logits` [N, C]. Raises NotRecordable."""
        try:
            subject = self if self.device.type == "cpu" and self.dtype == torch.float32 else self._on_cpu()
            with contextlib.ExitStack() as stack:
                if subject is not self:
                    stack.enter_context(subject.frozen())
                stack.enter_context(warnings.catch_warnings())
                warnings.simplefilter("ignore")
                archive = self._first_archive_that_holds(subject, x, features, logits, rows)
        except NotRecordable:
            raise
        except Exception as e:
            first_line = (str(e).strip().splitlines() or [type(e).__name__])[0][:120]
            raise NotRecordable(
                f"{self.name} cannot be traced to TorchScript ({first_line}); {WAY_OUT}"
            ) from e
        if archive is None:
            raise NotRecordable(
                f"{self.name} traced to TorchScript gives other numbers than the model itself (its "
                f"Python code depends on its input); {WAY_OUT}"
            )
        newer = newer_than_libtorch_1_13(archive)
        if newer:
            raise NotRecordable(
                f"the TorchScript of {self.name} by PyTorch {torch.__version__} uses {newer}, which "
                f"LibTorch 1.13 does not know; {WAY_OUT}"
            )
        return archive

    def onnx(self, x):
        """The way from inputs to features as an ONNX model for float32, traced with and compared on `x`, inputs of a
        few samples as the model sees them. After torchscript(), whose way of tracing it takes. Raises NotExportable.
        """
        from .onnx_subject import NotExportable, onnx_features

        kind, one_by_one = (self.plan.traced_as or _WAYS_TO_TRACE)[0]
        if one_by_one:
            raise NotExportable(f"{self.name} counts its samples in Python, and cannot be exported to ONNX")
        try:
            with contextlib.ExitStack() as stack:
                subject = self
                if self.device.type != "cpu" or self.dtype != torch.float32:
                    subject = stack.enter_context(self._on_cpu().frozen())
                return onnx_features(self.name, kind(subject).eval(), x)
        except NotExportable:
            raise
        except Exception as e:
            first_line = (str(e).strip().splitlines() or [type(e).__name__])[0][:120]
            raise NotExportable(f"{self.name} cannot be exported to ONNX ({first_line})") from e

    def _first_archive_that_holds(self, subject, x, features, logits, rows):
        """None where tracing succeeds and gives other numbers."""
        f, z = subject(x)
        wanted = features[rows] if subject is self else f  # recorded in other batches
        error = None
        for kind, one_by_one in self.plan.traced_as or _WAYS_TO_TRACE:
            few = 1 if one_by_one else max(1, len(x) // 2)
            samples = {"features": torch.from_numpy(x[:few].copy()), "head": torch.from_numpy(f[:few].copy())}
            try:
                with older_operators():
                    traced = torch.jit.trace_module(
                        kind(subject).eval(), samples, check_trace=False, strict=False
                    )
                if one_by_one:
                    traced = torch.jit.script(_OneByOne(traced).eval())
                file = io.BytesIO()
                torch.jit.save(traced, file)
                loaded = torch.jit.load(io.BytesIO(file.getvalue()), map_location="cpu")
                f2 = loaded.features(torch.from_numpy(x))
                same = _close(f2.numpy(), wanted) and Disagreement(loaded.head(f2).numpy(), z).within()
                if same:
                    parts = [
                        loaded.head(torch.from_numpy(features[i : i + 1024]))
                        for i in range(0, len(features), 1024)
                    ]
                    same = Disagreement(torch.cat(parts).numpy(), logits).within(self.precision)
            except Exception as e:
                error = error or e
                continue
            if same:
                self.plan.traced_as = [(kind, one_by_one)]
                return file.getvalue()
        if error is not None:
            raise error
        return None

    def _on_cpu(self):
        return TorchSubject(
            copied(self.model).to("cpu", torch.float32),
            self.plan.output,
            fields=self._fields,
            integers=self._integers,
            plan=self.plan,
        )


class _Traced(nn.Module):
    def __init__(self, subject):
        super().__init__()
        self.model = subject.model
        object.__setattr__(self, "subject", subject)

    def features(self, x):
        return self.subject.features_of(x)

    def head(self, f):
        return self.subject.head_of(f)


class _TracedTensors(_Traced):
    """The same with the model's tensors in place of its modules."""

    def __init__(self, subject):
        super().__init__(subject)
        del self.model
        for name, tensor in subject.model.named_parameters():
            self.register_parameter(name.replace(".", "__"), tensor)
        for name, tensor in subject.model.named_buffers():
            self.register_buffer(name.replace(".", "__"), tensor)


class _OneByOne(nn.Module):
    """A module traced with one sample, for models whose Python code counts its samples (len(x)): samples go through it
    one after another."""

    def __init__(self, traced):
        super().__init__()
        self.traced = traced

    @torch.jit.export
    def features(self, x: torch.Tensor) -> torch.Tensor:
        rows = [self.traced.features(x[i : i + 1]) for i in range(x.size(0))]
        return torch.cat(rows)

    @torch.jit.export
    def head(self, f: torch.Tensor) -> torch.Tensor:
        rows = [self.traced.head(f[i : i + 1]) for i in range(f.size(0))]
        return torch.cat(rows)


# Tracing reads every attribute of every module, and those of a LightningModule raise away from its trainer: then
# without.
_WAYS_TO_TRACE = [(_Traced, False), (_TracedTensors, False), (_Traced, True), (_TracedTensors, True)]


def _has_forward(model):
    return getattr(type(model).forward, "__name__", "") != "_forward_unimplemented" or "forward" in vars(
        model
    )


def copied(model):
    """A deep copy of a model, also where it holds results of its last step (which torch refuses to copy) or things that
    cannot be copied at all (locks, files), which are then shared."""
    memo = {}

    def prepare(value, depth):
        if isinstance(value, torch.Tensor):
            if value.grad_fn is not None:
                memo[id(value)] = value.detach().clone()
        elif isinstance(value, (list, tuple, set)) and depth < 4:
            for item in value:
                prepare(item, depth + 1)
        elif isinstance(value, dict) and depth < 4:
            for item in value.values():
                prepare(item, depth + 1)
        elif not isinstance(
            value, (nn.Module, str, bytes, int, float, bool, type(None), torch.dtype, torch.device)
        ):
            try:
                copy.deepcopy(value, dict(memo))
            except Exception:
                memo[id(value)] = value

    for module in model.modules():
        for key, value in vars(module).items():
            if key not in ("_modules", "_parameters", "_buffers"):
                prepare(value, 0)
    return copy.deepcopy(model, memo)


def _close(a, b):
    return a.shape == b.shape and np.allclose(
        a, b, rtol=1e-3, atol=1e-4 * max(float(np.abs(b).max(initial=0)), 1e-6)
    )
