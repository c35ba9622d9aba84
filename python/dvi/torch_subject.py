"""A torch.nn.Module as a subject model: its features, its head, and a TorchScript copy that LibTorch 1.13 can load."""

import ast
import contextlib
import copy
import io
import os
import random
import warnings
import zipfile

import numpy as np
import torch

from .older_operators import older_operators

FEATURE_METHODS = ("features", "feature")
HEAD_METHODS = ("head", "prediction")
NEWEST_FILE_FORMAT = 10  # of TorchScript archives that LibTorch 1.13 reads

WAY_OUT = (
    "dvi then works with the recorded arrays alone; to silence this, or where the arrays do not suffice, pass "
    "features=, logits=, head_weight= and head_bias= to Recorder.epoch()"
)


class NotRecordable(Exception):
    """One sentence: why this model cannot be recorded as it is, and what to do."""


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
    """Whether one process holds only a part of the weights (FSDP, FSDP2, DeepSpeed's ZeRO-3): running the model in one of
    them would wait for the others for ever."""
    dist = torch.distributed
    if not dist.is_available() or not dist.is_initialized() or dist.get_world_size() < 2:
        return False
    return any(type(m).__name__ == "FullyShardedDataParallel" for m in model.modules()) or any(
        type(p).__name__ == "DTensor" or hasattr(p, "ds_id") for p in model.parameters()
    )


def _first_tensor(value):
    if isinstance(value, torch.Tensor):
        return value
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)) and value:
        return _first_tensor(value[0])
    return None


class TorchSubject:
    """Use inside `with subject.frozen():`; outside of it the model is as the training left it.

    Where features are taken, in this order:
    - `features` names a method of the model, or a submodule (dotted), whose output, flattened, is taken;
    - the model has a method `features` or `feature` (a method: a submodule of that name is another thing) and a
      method or submodule `head` or `prediction`;
    - `head` names a submodule: its input is taken;
    - the input of the last nn.Linear that ran and has one output a class; that Linear is the head.
    With a submodule, logits = what the rest of the model makes of its output.
    """

    def __init__(self, model, class_count, features=None, head=None, fields=None, integers=False):
        if is_sharded(model):
            raise NotRecordable(
                f"the weights of {type(model).__name__} are spread over several processes, and the one that "
                f"records cannot run it alone; compute features and logits in all of them, and pass features= and "
                f"logits= to Recorder.epoch()"
            )
        self.model = unwrap(model)
        self._class_count, self._fields, self._integers = class_count, fields, integers
        parameter = next(
            (t for t in list(self.model.parameters()) + list(self.model.buffers()) if t.is_floating_point()),
            None,
        )
        self.device = torch.device("cpu") if parameter is None else parameter.device
        self.dtype = torch.float32 if parameter is None else parameter.dtype
        self._names = (features, head)
        self._modules = dict(self.model.named_modules())
        self._method = self._submodule = self._head = None
        self._taken = []  # (module, input, output) of the layers watched, in the order they ran
        self._instead = None  # output forced on the submodule while the head alone is run
        if features is None:
            names = [n for n in FEATURE_METHODS if self._is_method(n)]
            heads = (
                [n for n in HEAD_METHODS if callable(getattr(self.model, n, None))]
                if head is None
                else [head]
            )
            if names and heads:
                self._method, self._head = getattr(self.model, names[0]), self._callable(heads[0])
            elif head is not None:
                self._head = self._modules.get(head)
                if self._head is None:
                    raise NotRecordable(
                        f'the model {type(self.model).__name__} has no submodule named "{head}" to take the '
                        f'input of; name what gives the features too, Recorder(..., features="NAME")'
                    )
        elif features in self._modules and features:
            self._submodule = self._modules[features]
            self._head = None if head is None else self._callable(head)
        elif self._is_method(features):
            self._method = getattr(self.model, features)
            heads = (
                [n for n in HEAD_METHODS if callable(getattr(self.model, n, None))]
                if head is None
                else [head]
            )
            self._head = self._callable(heads[0]) if heads else None
        else:
            raise NotRecordable(
                f"the model {type(self.model).__name__} has neither a method nor a submodule named "
                f"\"{features}\"; its submodules are {', '.join(n for n in self._modules if n)}"
            )
        self._feature_shape = None

    def _is_method(self, name):
        value = getattr(self.model, name, None)
        return callable(value) and not isinstance(value, torch.nn.Module)

    def _callable(self, name):
        if name in self._modules and name:
            return self._modules[name]
        if callable(getattr(self.model, name, None)):
            return getattr(self.model, name)
        raise NotRecordable(
            f'the model {type(self.model).__name__} has neither a method nor a submodule named "{name}"'
        )

    @contextlib.contextmanager
    def frozen(self):
        """Evaluation mode, no gradients, no autocast; on leaving, every module's own mode and all random number
        generators are as they were."""
        modes = [(m, m.training) for m in self.model.modules()]
        python_state, numpy_state, cpu_state = random.getstate(), np.random.get_state(), torch.get_rng_state()
        cuda = torch.cuda.is_available() and torch.cuda.is_initialized()
        cuda_states = torch.cuda.get_rng_state_all() if cuda else None
        mps = self.device.type == "mps" and hasattr(torch, "mps")
        mps_state = torch.mps.get_rng_state() if mps else None
        hooks = []
        try:
            for module, _ in modes:
                if (
                    module is self._head
                    if isinstance(self._head, torch.nn.Module)
                    else isinstance(module, torch.nn.Linear) and module.out_features == self._class_count
                ):
                    hooks.append(module.register_forward_hook(self._watch))
            if self._submodule is not None:
                hooks.append(self._submodule.register_forward_hook(self._watch_submodule))
            self.model.eval()
            with torch.no_grad(), self._no_autocast():
                yield self
        finally:
            self._taken.clear()
            for hook in hooks:
                hook.remove()
            for module, training in modes:
                module.training = training
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

    def _watch(self, module, inputs, output):
        if inputs:
            self._taken.append((module, inputs[0], output))

    def _watch_submodule(self, module, inputs, output):
        if self._instead is not None:
            return self._instead
        self._taken.append((module, None, output))

    def _run_model(self, x):
        if self._fields:
            return self.model(**{name: self._cast(x[:, i]) for i, name in enumerate(self._fields)})
        return self.model(self._cast(x))

    def _cast(self, x):
        return x.long() if self._integers else x.to(self.dtype)

    def features_of(self, x):
        """[B, ...] tensor as the model sees it, float32 -> [B, D]."""
        if self._method is not None:
            f = _first_tensor(self._method(self._cast(x)))
        else:
            self._taken.clear()
            self._run_model(x)
            taken = [t for t in self._taken if (t[0] is self._submodule) == (self._submodule is not None)]
            self._taken.clear()
            if not taken:
                raise NotRecordable(
                    f"no nn.Linear with {self._class_count} outputs (one a class) ran in {type(self.model).__name__}: name "
                    f'the layer whose output are the features, Recorder(..., features="NAME")'
                    if self._submodule is None
                    else f'the submodule "{self._names[0]}" did not run in the model\'s forward pass'
                )
            module, before, after = taken[-1]
            f = _first_tensor(after) if self._submodule is not None else before
            if self._submodule is None:
                self._head = module
        if f is None or f.dim() < 2 or f.shape[0] != x.shape[0]:
            raise NotRecordable(
                f"the features of {x.shape[0]} samples must have shape [{x.shape[0]}, ...], and have "
                f"{'none' if f is None else list(f.shape)}: name another layer, Recorder(..., features=\"NAME\")"
            )
        if self._submodule is None and f.dim() != 2:
            raise NotRecordable(
                f"the features must be one vector a sample, and have shape {list(f.shape)}: name another "
                f'layer, Recorder(..., features="NAME")'
            )
        self._feature_shape = f.shape[1:]
        return f.flatten(1).float()

    def head_of(self, f):
        """[B, D] features -> [B, C] logits. After features_of()."""
        shaped = f.to(self.dtype).reshape((f.shape[0],) + tuple(self._feature_shape))
        if self._head is None:
            self._find_head(shaped)
        z = self._rest_of_model(shaped) if self._head == "rest" else _first_tensor(self._head(shaped))
        if z is None or z.dim() != 2 or z.shape[1] != self._class_count:
            raise NotRecordable(
                f"the head must give {self._class_count} logits, one a class, and gives shape "
                f'{None if z is None else list(z.shape)}: name the head, Recorder(..., head="NAME")'
            )
        return z.float()

    def _find_head(self, f):
        linear = [
            m
            for m in self._modules.values()
            if isinstance(m, torch.nn.Linear)
            and m.out_features == self._class_count
            and m.in_features == f.shape[-1]
        ]
        if self._submodule is not None:
            self._head = "rest"
        elif linear:
            self._head = linear[-1]
        else:
            raise NotRecordable(
                f'{type(self.model).__name__} has no method or submodule named "head" or "prediction" to make '
                f'logits of its features: name it, Recorder(..., head="NAME")'
            )

    def _rest_of_model(self, f):
        """What the model makes of the submodule's output: the model runs on blanks, and the output is put in place."""
        blank = torch.zeros((f.shape[0],) + self._input_shape, device=f.device)
        self._instead, self._taken[:] = f, []
        try:
            out = self._run_model(blank)
        finally:
            self._instead = None
        # The last Linear's output rather than the model's own, which may have gone through log_softmax.
        taken = [t[2] for t in self._taken if t[0] is not self._submodule]
        self._taken.clear()
        return taken[-1] if taken else _first_tensor(out)

    def __call__(self, x):
        """NumPy float32 [B, ...] as the model sees it -> (features [B, D], logits [B, C]) as NumPy float32."""
        self._input_shape = tuple(x.shape[1:])
        f = self.features_of(torch.from_numpy(np.ascontiguousarray(x)).to(self.device))
        return f.cpu().numpy(), self.head_of(f).cpu().numpy()

    def linear_head(self, features, logits):
        """(weight [C, D], bias [C]) if a single nn.Linear makes these logits of these features, else None."""
        candidates = [self._head] if isinstance(self._head, torch.nn.Linear) else list(self._modules.values())
        for module in candidates:
            if (
                isinstance(module, torch.nn.Linear)
                and module.out_features == logits.shape[1]
                and module.in_features == features.shape[1]
            ):
                weight = module.weight.detach().float().cpu().numpy().copy()
                bias = (
                    np.zeros(len(weight), np.float32)
                    if module.bias is None
                    else module.bias.detach().float().cpu().numpy().copy()
                )
                if _close(features @ weight.T + bias, logits):
                    return weight, bias
        return None

    def torchscript(self, x):
        """The model as a TorchScript archive with methods features(x) and head(f), for float32 on the CPU. `x`, a few
        samples as the model sees them, is what it is traced with and compared on. Raises NotRecordable."""
        subject = self
        if self.device.type != "cpu" or self.dtype != torch.float32:
            subject = TorchSubject(
                copy.deepcopy(self.model).to("cpu", torch.float32),
                self._class_count,
                *self._names,
                self._fields,
                self._integers,
            )
        try:
            with contextlib.ExitStack() as stack:
                if subject is not self:
                    stack.enter_context(subject.frozen())
                stack.enter_context(warnings.catch_warnings())
                warnings.simplefilter("ignore")
                f, z = subject(x)
                stack.enter_context(older_operators())
                few = max(1, len(x) // 2)
                samples = {
                    "features": torch.from_numpy(x[:few].copy()),
                    "head": torch.from_numpy(f[:few].copy()),
                }
                try:
                    traced = torch.jit.trace_module(
                        _Traced(subject).eval(), samples, check_trace=False, strict=False
                    )
                except Exception:
                    # Tracing reads every attribute of every module, and those of a LightningModule raise away from its trainer.
                    try:
                        traced = torch.jit.trace_module(
                            _TracedTensors(subject).eval(), samples, check_trace=False, strict=False
                        )
                    except Exception:
                        traced = None
                    if traced is None:
                        raise
                archive = io.BytesIO()
                torch.jit.save(traced, archive)
                loaded = torch.jit.load(io.BytesIO(archive.getvalue()), map_location="cpu")
                f2 = loaded.features(torch.from_numpy(x))
                same = _close(f2.numpy(), f) and _close(loaded.head(f2).numpy(), z)
        except NotRecordable:
            raise
        except Exception as e:
            first_line = (str(e).strip().splitlines() or [type(e).__name__])[0]
            raise NotRecordable(
                f"{type(self.model).__name__} cannot be traced to TorchScript ({first_line}); {WAY_OUT}"
            ) from e
        if not same:
            raise NotRecordable(
                f"{type(self.model).__name__} traced to TorchScript gives other numbers than the model itself (its "
                f"Python code depends on its input); {WAY_OUT}"
            )
        newer = newer_than_libtorch_1_13(archive.getvalue())
        if newer:
            raise NotRecordable(
                f"the TorchScript of {type(self.model).__name__} by PyTorch {torch.__version__} uses {newer}, which "
                f"LibTorch 1.13 does not know; {WAY_OUT}"
            )
        return archive.getvalue()


class _Traced(torch.nn.Module):
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


def _close(a, b):
    return a.shape == b.shape and np.allclose(
        a, b, rtol=1e-3, atol=1e-4 * max(float(np.abs(b).max(initial=0)), 1e-6)
    )


def newer_than_libtorch_1_13(archive):
    """What in a TorchScript archive LibTorch 1.13 does not know, in words; None if nothing was found. Operators are
    compared by name and number of arguments with those of 1.13; code that cannot be parsed is let pass, since LibTorch
    itself then decides."""
    with open(os.path.join(os.path.dirname(__file__), "libtorch_1_13_operators.txt")) as f:
        known = {name: int(count) for name, count in (line.split() for line in f)}
    with zipfile.ZipFile(io.BytesIO(archive)) as z:
        for name in z.namelist():
            if name.endswith("/version") and int(z.read(name)) > NEWEST_FILE_FORMAT:
                return f"version {int(z.read(name))} of the file format"
            if "/code/" not in name or not name.endswith(".py"):
                continue
            try:
                tree = ast.parse(z.read(name).decode())
            except SyntaxError:
                continue
            for node in ast.walk(tree):
                if (
                    not isinstance(node, ast.Call)
                    or not isinstance(node.func, ast.Attribute)
                    or ast.unparse(node.func.value) not in ("torch", "ops.aten")
                ):
                    continue
                operator, count = node.func.attr, len(node.args) + len(node.keywords)
                # Names that TorchScript itself spells in the torch namespace, and no operators.
                if operator in ("device", "__interpolate"):
                    continue
                if operator not in known:
                    return f"the operator {operator}"
                if count > known[operator]:
                    return f"the operator {operator} with {count} arguments"
    return None
