"""Recorder: fills a run directory (docs/reference/run-format.md) while a classifier is being trained."""

import atexit
import json
import os
import shutil
import sys
import time
import warnings

import numpy as np

from . import files
from .agreement import Disagreement, as_logits, in_the_gauge_of
from .arrays import precision_of, to_numpy
from .boundary import draw_boundary
from .groups import Groups
from .head import given_head, solved_head
from .resumed import expect_same_samples
from .samples import SERIES, ModelView, Samples, rows_csv, texts_txt
from .scalars import numbers_among
from .text import clean, shortened, shown
from .timeline import Timeline
from .writer import BackgroundWriter

_OWN_ENTRIES = (
    "run.json",
    "inputs.npy",
    "texts.txt",
    "rows.csv",
    "labels.npy",
    "columns",
    "selections",
    "epochs",
    "views",
)


class Recorder:
    """Records one training into the run directory `directory`.

        recorder = dvi.Recorder("runs/cifar", classes=["cat", "dog"])
        recorder.add_group("train", images, labels)
        ...
        recorder.epoch(n, model, train_loss=loss)         # at the end of every epoch, or of those of interest

    Arguments of the wrong kind raise at once, in this constructor and in add_group(), before training has begun.
    Nothing that epoch() meets raises: what cannot be recorded or written is a RuntimeWarning, and the epoch is absent.

    directory   made if it is not there
    classes     names of the classes, in the order of the model's outputs
    name        shown to the user; the directory's name by default
    mode        "new": the directory must not hold a run yet; "resume": go on recording the run it holds (the same
                groups; an epoch recorded again replaces the old one); "replace": delete the run it holds first
    scale, mean, std   what the model sees is (inputs * scale - mean) / std; scale is 1/255 for uint8 images, else 1;
                mean and std (images only) are numbers or one number a channel
    layout      how images are stored: "NHWC", "NCHW" or "NHW"; guessed from the shape
    features, head   of a torch.nn.Module: the method or submodule that gives the features, and that which makes
                logits of them; found by themselves for most models (see docs/how-to/recording.md)
    output      which of the things that the model returns are its logits: a name, an index, or a callable that is given
                all of them and returns [n, C]; found by itself where it is plain
    pool        how outputs of several positions (tokens, pixels) become one: "mean", "max", "first" or "last"
    label       of a multi-label model, whose labels `classes` names: the one to look at; the run has the two classes
                "not LABEL" and LABEL
    channels    which channels of an image are shown, one or three numbers; all are recorded
    boundary    draw boundary samples at every epoch, while the model is at hand: N / C of them (N training samples, C
                classes), for about 5 N / C more samples through the model and never more than N. False: `dvi fit`
                draws them later where it can run the model, else in feature space. "inputs": keep the mixtures
                themselves as well
    onnx        keep the model's way to the features as ONNX too, where its head is linear: ONNX Runtime runs it on
                machines without LibTorch. Costs the size of the model and a trace an epoch
    batch_size  samples in one pass through the model
    max_pending_bytes   memory for epochs that wait to be written; an epoch that does not fit is absent, with a warning
    """

    def __init__(
        self,
        directory,
        classes,
        *,
        name=None,
        mode="new",
        scale=None,
        mean=None,
        std=None,
        layout=None,
        features=None,
        head=None,
        output=None,
        pool=None,
        label=None,
        channels=None,
        boundary=True,
        onnx=True,
        batch_size=256,
        max_pending_bytes=2 << 30,
    ):
        self.directory = os.fspath(directory)
        self.classes = _distinct([clean(c) for c in classes])
        self._label = None
        if label is not None:  # of a multi-label model: one label, there or not
            if clean(label) not in self.classes:
                raise ValueError(f"label must be one of the classes, {shown(self.classes)}, and is {label!r}")
            self._label = self.classes.index(clean(label))
            self.classes = ["not " + clean(label), clean(label)]
        if len(self.classes) < 2:
            raise ValueError(f"classes must be at least two distinct names, and are {self.classes}")
        if mode not in ("new", "resume", "replace"):
            raise ValueError(f'mode must be "new", "resume" or "replace", and is {mode!r}')
        if layout not in (None, "NHWC", "NCHW", "NHW") + SERIES:
            raise ValueError(
                f'layout must be "NHWC", "NCHW" or "NHW", or of series "NTC" or "NCT", and is {layout!r}'
            )
        if boundary not in (True, False, "inputs"):
            raise ValueError(f'boundary must be True, False or "inputs", and is {boundary!r}')
        if pool not in (None, "mean", "max", "first", "last"):
            raise ValueError(f'pool must be "mean", "max", "first" or "last", and is {pool!r}')
        if channels is not None and len(channels) not in (1, 3):
            raise ValueError(
                f"channels must be one or three numbers of channels to show, and are {channels!r}"
            )
        self.failures = []  # (epoch or None, sentence) of all that was not recorded
        self.seconds = {
            "epoch": 0.0,
            "boundary": 0.0,
        }  # spent in epoch() so far, and of that on boundary samples
        self._name = clean(name or os.path.basename(os.path.abspath(self.directory)) or "run")
        self._view_settings = dict(layout=layout, scale=scale, mean=mean, std=std, channels=channels)
        self._features, self._head, self._boundary, self._onnx = features, head, boundary, onnx
        self._output = dict(choose=output, pool=pool, label=self._label)
        self._plan = None  # what was found out about the model at its first epoch
        self._integers = None  # whether the model is given whole numbers; known then too
        self._batch_size = batch_size
        self._groups = Groups(len(self.classes))
        self._columns = {}  # name -> {group name: values}, or values of all samples
        self._column_specs = {}
        self._view = None
        self._inputs = None
        self._subject_kind = None
        self._feature_dim = None
        self._begun = False  # run.json and what it needs are written
        self._static = None  # what that is, until then
        self._closed = False
        self._told = set()
        # In data-parallel training every process runs the same script, and one of them records.
        ranks = ("RANK",) if "RANK" in os.environ else ("NODE_RANK", "LOCAL_RANK")  # torchrun's, Lightning's
        self._active = all(int(os.environ.get(rank, "0")) == 0 for rank in ranks)
        self._owner = os.getpid()
        self._writer = BackgroundWriter(max_pending_bytes, self._write_failed)
        self._resumed = None
        self._timeline = Timeline()
        if self._active:
            self._open_directory(mode)
            atexit.register(self._at_exit)

    def _open_directory(self, mode):
        path = os.path.join(self.directory, "run.json")
        if not os.path.exists(path):
            return
        if mode == "new":
            raise FileExistsError(
                f'{self.directory} already holds a run: give another directory, or mode="resume" to go on '
                f'recording it, or mode="replace" to delete it'
            )
        with open(path) as f:
            run = json.load(f)
        if run.get("format") != "dvi-run":
            raise ValueError(f"{path} is not the run.json of a run; give another directory")
        if mode == "resume":
            self._resumed = run
            self._subject_kind = run.get("subject", {}).get("kind")
            self._timeline = Timeline(self.directory)
            return
        for entry in _OWN_ENTRIES:  # run.json first: from then on there is no run
            entry = os.path.join(self.directory, entry)
            if os.path.isdir(entry):
                shutil.rmtree(entry)
            elif os.path.exists(entry):
                os.unlink(entry)

    # --- before training -------------------------------------------------------------------------------------------

    def add_group(
        self, name, inputs=None, labels=None, role=None, *, model_inputs=None, columns=None, limit=None
    ):
        """Adds a group of samples; all groups before the first epoch. Sample ids count through the groups in order.

        inputs    images: [count, height, width], or with channels last or first, as an array or a tensor (uint8 or
                  float); texts: a list of str; rows of a table: [count, columns], a data frame, a dict of columns, or a
                  list of dicts; a data set of (input, label) or {"image": ..., "label": ...}, or a DataLoader, of which
                  the samples that its sampler can draw are taken, in the order of the data set; series [count, time,
                  channels] with layout="NTC"; None where there is nothing to show
        labels    [count] class numbers, or names of classes; -1 or None where there is none
        role      "train", "test", "adversarial", "unlabelled" or another word; `name` by default. The visualization
                  model is fitted on the groups of role "train"
        model_inputs   for texts and rows: the numbers the model is given, [count, ...], or a dict of such arrays, given
                  as keyword arguments (input_ids=..., attention_mask=...). Of rows of numbers: the rows themselves
        columns   {name: [count] values} shown beside each sample; see add_column()
        limit     how many items of a data set to take; needed for one that does not tell its length
        """
        if self._feature_dim is not None:
            raise ValueError(f'group "{name}" must be added before the first epoch')
        samples = Samples(
            inputs, labels, model_inputs, self.classes, self._view_settings["layout"], self._label, limit
        )
        self._groups.add(clean(name), clean(role or name), samples)
        if samples.indices is not None:
            self.add_column("source_index", {name: samples.indices}, title="index in the data set")
        for column, values in (columns or {}).items():
            self.add_column(column, {name: values})
        return self

    def add_column(self, name, values, categories=None, title=None):
        """A value a sample, shown beside it and usable in queries. `values`: [N] over all groups in order, or
        {group: [count]} (others get -1 for whole numbers, NaN for others); numbers, or words, which become
        categories. `categories` names the whole numbers 0, 1, ..."""
        name, title = clean(name), None if title is None else clean(title)
        categories = None if categories is None else [clean(c) for c in categories]
        if isinstance(values, dict):
            values = {**self._columns.get(name, {}), **values}
        self._groups.column(
            name, values, dict(categories=categories) if categories else {}
        )  # complains now, if at all
        self._columns[name] = values
        spec = {k: v for k, v in (("categories", categories), ("title", title)) if v is not None}
        if spec:
            self._column_specs[name] = {**self._column_specs.get(name, {}), **spec}
        return self

    # --- during training -------------------------------------------------------------------------------------------

    def epoch(
        self,
        n,
        model=None,
        *,
        predict=None,
        features=None,
        logits=None,
        head_weight=None,
        head_bias=None,
        inputs=None,
        columns=None,
        training_set=None,
        **scalars,
    ):
        """Records the model as it is now as epoch `n` (from 0). One of

        model        a torch.nn.Module, or
        predict      any callable: inputs as the model sees them, float32 [B, ...] in the stored layout, -> (features
                     [B, D], logits [B, C]), or
        features     [N, D] of all samples in order, or {group: [count, D]},

        and, with the last two where known, the head: `head_weight` [C, D], `head_bias` [C] (of one row and two classes:
        the logit of the second class against the first). Without it the linear head is solved from features and logits.

        logits       [N, C], optional
        inputs       {group: [count, ...]}: inputs of a group that are others at this epoch (adversarial samples), in
                     the units of those given to add_group()
        columns      {name: [N] or {group: [count]}} values of this epoch
        training_set ids of the samples in the training set at this epoch (active learning)
        scalars      numbers to plot: train_loss=..., and so on. GROUP_accuracy is added for every group with labels

        Returns whether the epoch was taken; it is on disk after flush(). Never raises.
        """
        if not self._active:
            return False
        if self._closed:
            self._fail(
                n, f'epoch {n} is not recorded: the recorder is closed; make another with mode="resume"'
            )
            return False
        begun = time.perf_counter()
        try:
            return self._take(
                n,
                (model, predict, features, logits, head_weight, head_bias, inputs or {}),
                columns,
                training_set,
                scalars,
            )
        finally:
            self.seconds["epoch"] += time.perf_counter() - begun

    def _take(self, n, source, columns, training_set, scalars):
        try:
            number, called = self._timeline.place(n)
            content = self._measure(*source)
            self._add_extras(content, source[-1], columns or {}, training_set)
            content["epoch.json"] = {"epoch": number, **called, **self._scalars(content, scalars)}
            if not self._begun and self._static is None:
                self._static = self._statics()
            statics = self._static
        except Exception as e:  # training goes on, whatever the reason
            self._fail(n, f"epoch {n} is not recorded: {_sentence(e)}")
            return False
        size = sum(files.size_of(c) for c in content.values())
        folder = os.path.join(self.directory, "epochs", f"{number:06d}")

        def write():
            if statics is not None and not self._begun:
                self._write_statics(statics)
            files.write_folder(folder, content, "epoch.json", remove_others=True)

        if not self._writer.submit(number, size, write):
            self._fail(
                n,
                f"epoch {n} is not recorded: {self._writer.pending_bytes >> 20} MB still wait to be written to "
                f"{self.directory}; record fewer epochs, use a faster disk, or raise max_pending_bytes",
            )
            return False
        self._timeline.take(number, called)
        return True

    def flush(self):
        """Returns when every epoch taken so far is on disk, or has failed."""
        self._writer.wait()

    def close(self, finished=True):
        """Writes what is left. `finished` tells readers that no epoch will follow (`dvi fit --follow` then ends)."""
        if self._closed or not self._active:
            return
        self.flush()
        self._closed = True
        atexit.unregister(self._at_exit)
        if finished and self._begun:
            try:
                path = os.path.join(self.directory, "run.json")
                with open(path) as f:
                    run = json.load(f)
                files.write_json(path, {**run, "finished": True})
            except (OSError, ValueError) as e:
                self._fail(None, f"{self.directory}: the run could not be marked as finished: {_sentence(e)}")

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        self.close(finished=kind is None)

    def _at_exit(self):
        if os.getpid() == self._owner:  # not in a data loader's forked worker
            self.close(finished=not hasattr(sys, "last_type"))

    # --- what an epoch consists of ---------------------------------------------------------------------------------

    def _model_view(self):
        if self._view is not None or not self._groups:
            return self._view
        samples = self._groups.first
        settings = dict(self._view_settings)
        if samples.kind is None:
            return None
        if samples.kind == "image":
            settings["layout"] = settings["layout"] or samples.guess_layout()
            if settings["layout"] is None:
                raise ValueError(
                    f"which axis of images of shape {list(samples.stored.shape)} holds the channels cannot be told: "
                    "pass "
                    f'layout="NHWC" or "NCHW" to Recorder; volumes go into model_inputs of add_group with inputs=None'
                )
            if len(settings["layout"]) != samples.stored.ndim:
                raise ValueError(
                    f"layout {settings['layout']} does not fit images of shape {samples.stored.shape}"
                )
            # Stated even where it is the default, so that boundary and per-epoch inputs are in the same units.
            if settings["scale"] is None and samples.stored.dtype == np.uint8:
                settings["scale"] = samples.unit
        else:
            if samples.kind == "series":
                settings["layout"] = settings["layout"] or samples.guess_series()
            else:
                settings["layout"] = None
            settings["channels"] = None
            if settings["mean"] is not None or settings["std"] is not None:
                raise ValueError(
                    "mean and std are for images; give texts and rows to add_group as the model sees them, in "
                    "model_inputs"
                )
        self._view = ModelView(samples.kind, **settings)
        return self._view

    def _run(self, subject, view, arrays, channels_first):
        """(features [N, D], logits [N, C]) of the arrays, one batch after another."""
        count = sum(len(a) for a in arrays)
        features = logits = None
        at = 0
        for array in arrays:
            for begin in range(0, len(array), self._batch_size):
                x = view.normalised(array[begin : begin + self._batch_size])
                f, z = subject(view.nchw(x) if channels_first else x)
                f, z = to_numpy(f), to_numpy(z)
                if f.ndim != 2 or z.ndim != 2 or len(f) != len(x) or len(z) != len(x):
                    raise ValueError(
                        f"the model must give features [{len(x)}, D] and logits [{len(x)}, C] of {len(x)} samples, "
                        f"and gives {f.shape} and {z.shape}"
                    )
                if features is None:
                    features = np.empty((count, f.shape[1]), np.float32)
                    logits = np.empty((count, z.shape[1]), np.float32)
                features[at : at + len(x)], logits[at : at + len(x)] = f, z
                at += len(x)
        self._check_finite("features", features)
        self._check_finite("logits", logits)
        return features, logits

    def _measure(self, model, predict, features, logits, head_weight, head_bias, inputs):
        """Everything that must be taken while the model is as it is: {file: array or bytes}."""
        if not self._groups:
            raise ValueError("there are no samples: call add_group before the first epoch")
        if sum(x is not None for x in (model, predict, features)) != 1:
            raise ValueError("epoch() takes one of model, predict= and features=")
        inputs = self._groups.changed_inputs(inputs)
        content = {}
        precision = precision_of(features, logits, head_weight)
        if model is not None:
            arrays = self._groups.inputs(inputs)
            subject = self._torch_subject(model, arrays)
            view = self._model_view()
            precision = subject.precision
            with subject.frozen():
                self._settle(subject, view, arrays)
                features, logits = self._run(subject, view, arrays, channels_first=True)
                content["subject.pt"] = self._torchscript(subject, view, arrays, features, logits)
                if head_weight is None:
                    head_weight, head_bias = subject.linear_head(features, logits) or (None, None)
                if content["subject.pt"] is None and head_weight is None:
                    raise ValueError(self._why_no_torchscript)
                if self._onnx and head_weight is not None:
                    content["subject.onnx"] = self._onnx_archive(subject, view, arrays)
                self._draw_boundary(content, subject, view, arrays, logits, channels_first=True)
        elif predict is not None:
            arrays, view = self._groups.inputs(inputs), self._model_view()
            features, logits = self._run(predict, view, arrays, channels_first=False)
            logits = as_logits(logits)
            self._draw_boundary(content, predict, view, arrays, logits, channels_first=False)
        else:
            features = self._groups.matrix("features", features)
            self._check_finite("features", features)
            logits = None if logits is None else as_logits(self._groups.matrix("logits", logits))
            if self._boundary == "inputs":
                self._tell(
                    'boundary="inputs" needs a model or predict=: with features= alone, dvi fit draws boundary samples '
                    "in feature space"
                )
        content = {k: v for k, v in content.items() if v is not None}
        if not 2 <= features.shape[1] <= 4096:
            raise ValueError(
                f"features must have from 2 to 4096 dimensions, and have {features.shape[1]}: take another layer, "
                f'Recorder(..., features="NAME")'
            )
        if self._feature_dim not in (None, features.shape[1]):
            raise ValueError(
                f"features must have {self._feature_dim} dimensions as at the first epoch, and have "
                f"{features.shape[1]}"
            )
        content["features.npy"] = features
        weight, bias = self._head_arrays(head_weight, head_bias, features, logits, content)
        if logits is None and weight is not None:
            logits = features @ weight.T + bias
        elif weight is not None and logits.shape[1] == len(weight):
            self._check_finite("logits", logits)
            made = features @ weight.T + bias
            difference = Disagreement(made, logits)
            if not difference.within(precision):
                given = (
                    "given" if head_weight is not None else "solved from features and logits by least squares"
                )
                raise ValueError(
                    f"the head {given} does not make the logits of the features: {difference}; features must be what "
                    f"the last linear layer is given, and logits what the model returns"
                )
            logits = in_the_gauge_of(made, logits)
        if logits is not None:
            self._check_finite("logits", logits)
            if logits.shape[1] != len(self.classes):
                raise ValueError(
                    f"logits must have {len(self.classes)} columns, one a class, and have {logits.shape[1]}"
                )
            content["logits.npy"] = logits
        if weight is not None:
            content["head_weight.npy"], content["head_bias.npy"] = weight, bias
        kind = "torchscript" if "subject.pt" in content else "linear-head"
        if self._subject_kind not in (None, kind):
            raise ValueError(
                f"the run's epochs hold the subject model as {self._subject_kind}, and this one could only be "
                f"recorded as {kind}"
            )
        self._subject_kind, self._feature_dim = kind, features.shape[1]
        return content

    def _torch_subject(self, model, arrays):
        """The model, given its inputs in a way that it takes."""
        import torch

        from .torch_output import ModelOutput
        from .torch_subject import TorchSubject

        if not isinstance(model, torch.nn.Module):
            raise ValueError(
                f"model must be a torch.nn.Module, and is a {type(model).__name__}; for another framework "
                f"use predict= or features=, logits=, head_weight= and head_bias="
            )
        samples = self._groups.first

        def made(integers):
            fields = samples.fields
            if fields is not None and not integers:
                fields = [f._replace(integers=False) for f in fields]
            output = ModelOutput(len(self.classes), **self._output)
            return TorchSubject(model, output, self._features, self._head, fields, integers, self._plan)

        if self._integers is not None:
            return made(self._integers)
        wholes = [samples.integers or samples.fields is not None]
        if samples.given_whole and not (samples.kind == "image" and samples.unit != 1):
            wholes.append(not wholes[0])
        kinds = [samples.kind]
        if samples.kind == "image" and samples.stored.ndim == 3 and self._view_settings["layout"] is None:
            kinds.append("series")
        first_error = None
        for kind in kinds:
            for integers in wholes:
                self._groups.set_kind(kind)
                self._view = None
                view = self._model_view()
                subject = made(integers)
                with subject.frozen():
                    try:
                        subject.runs_on(view.nchw(view.normalised(arrays[0][:2])))
                    except Exception as e:
                        first_error = first_error or (e, view.nchw(arrays[0][:2]).shape[1:])
                        continue
                self._integers = integers
                return subject
        self._groups.set_kind(kinds[0])
        self._view = None
        error, shape = first_error
        from .torch_subject import NotRecordable

        if isinstance(error, NotRecordable):
            raise error
        said = (str(error).strip().splitlines() or [""])[0][:120]
        raise ValueError(
            f"{type(model).__name__} cannot be run on samples of shape {list(shape)} ({type(error).__name__}: {said}): "
            f"give it what it takes in model_inputs= of add_group (inputs=None if that cannot be shown)"
        )

    def _settle(self, subject, view, arrays):
        """Finds out, at the first epoch, where the model's features are, on samples of all groups."""
        if self._plan is None:
            few = _rows_of(arrays, _spread(arrays, 32))
            subject.settle(view.nchw(view.normalised(few)))
            for note in subject.notes:
                self._tell(note)
            self._plan = subject.plan

    def _torchscript(self, subject, view, arrays, features, logits):
        """The archive, or None where there can be none."""
        from .torch_subject import NotRecordable

        if self._subject_kind == "linear-head":
            self._why_no_torchscript = (
                "the run's epochs hold the subject model as a linear head, and the head of this model is not linear: "
                "record it into another directory"
            )
            return None
        rows = _spread(arrays, 24)
        try:
            return subject.torchscript(
                view.nchw(view.normalised(_rows_of(arrays, rows))), features, logits, rows
            )
        except NotRecordable as e:
            if self._subject_kind is not None:
                raise
            self._why_no_torchscript = str(e)
            if subject.linear_head(features, logits) is None:
                raise
            self._tell(f"{e}. The linear head's weight and bias are recorded instead of the model")
            return None

    def _onnx_archive(self, subject, view, arrays):
        """Bytes, or None where PyTorch cannot export the model; that is then not tried again."""
        from .onnx_subject import NotExportable, PackageMissing

        try:
            return subject.onnx(view.nchw(view.normalised(_rows_of(arrays, _spread(arrays, 8)))))
        except NotExportable as e:
            self._onnx = False
            if not isinstance(e, PackageMissing):
                self._tell(f"{e}: programs without LibTorch will show this run and not run its model")
            return None

    def _head_arrays(self, weight, bias, features, logits, content):
        """(weight [C, D], bias [C]) given, or solved where nothing else says how logits come from features."""
        if weight is None:
            if "subject.pt" in content:
                return None, None
            if logits is None:
                raise ValueError(
                    "there is no head: give head_weight= and head_bias=, or logits= to solve them from"
                )
            weight, bias, residual = solved_head(features, logits)
            self._tell(
                f"no head is given: a linear head is solved from features and logits by least squares, off by "
                f"{100 * residual:.2g} % of the logits' spread at the first epoch; pass head_weight= and head_bias= to "
                f"have the model's own",
                key="solved",
            )
            content["epoch.json"] = {"head_residual": residual}
            return weight, bias
        return given_head(weight, bias, len(self.classes), features.shape[1])

    def _check_finite(self, what, array):
        if not np.isfinite(array).all():
            sample = int(np.flatnonzero(~np.isfinite(array).all(axis=1))[0])
            raise ValueError(
                f"{what} must be finite numbers, and sample {sample} has NaN or infinity: the training may have "
                f"diverged"
            )

    def _mixable(self, is_torch):
        samples = self._groups.first
        whole = self._integers if is_torch else samples.integers
        return not whole or (samples.fields is not None and not any(f.integers for f in samples.fields))

    def _draw_boundary(self, content, subject, view, arrays, logits, channels_first):
        """Boundary samples into `content`. The epoch is recorded whatever becomes of them."""
        if not self._boundary:
            return
        if not self._mixable(channels_first):
            if self._boundary == "inputs":
                self._tell(
                    'boundary="inputs" has no effect on token ids, of which there are no mixtures: dvi fit draws '
                    "boundary samples in feature space"
                )
            return
        begun = time.perf_counter()
        roles = [role for _, role, _, _ in self._groups]
        chosen = [i for i, role in enumerate(roles) if role == "train"] or range(len(roles))
        starts = np.cumsum([0] + [len(a) for a in arrays])
        rows = np.concatenate([np.arange(starts[i], starts[i + 1]) for i in chosen])
        x = arrays[chosen[0]] if len(chosen) == 1 else np.concatenate([arrays[i] for i in chosen])
        try:
            mixtures, features = draw_boundary(
                x,
                logits[rows],
                lambda batch: self._run(subject, view, [batch], channels_first),
                max(len(rows) // len(self.classes), 1),
                np.random.default_rng(1),
            )
        except Exception as e:  # the model takes recorded samples; of mixtures nobody has promised that
            self._tell(
                f"no boundary samples are drawn, because the model cannot be run on mixtures of samples "
                f"({_sentence(e)}): dvi fit draws them in feature space; boundary=False leaves this out"
            )
            self._boundary = False
            return
        finally:
            self.seconds["boundary"] += time.perf_counter() - begun
        if len(mixtures):
            content["boundary_features.npy"] = features
            if self._boundary == "inputs":
                content["boundary_inputs.npy"] = mixtures

    def _add_extras(self, content, inputs, columns, training_set):
        for group, array in self._groups.changed_inputs(inputs).items():
            content[f"inputs/{group}.npy"] = array
        for name, values in columns.items():
            name = clean(name)
            content[f"columns/{name}.npy"] = self._groups.column(
                name, values, self._column_specs.get(name, {})
            )
        if training_set is not None:
            content["training_set.npy"] = self._groups.ids("training_set", training_set)

    def _scalars(self, content, scalars):
        out = content.pop("epoch.json", {})
        if "logits.npy" in content:
            out.update(self._groups.accuracies(content["logits.npy"]))
        numbers, notes = numbers_among(scalars)
        for note in notes:
            self._tell(note)
        out.update(numbers)
        return out

    # --- what the run consists of ----------------------------------------------------------------------------------

    def _statics(self):
        """({file: content}, run.json) of the run itself; taken at the first epoch, when the feature dimension is
        known."""
        content, first = {}, self._groups.first
        all_samples = [samples for _, _, samples, _ in self._groups]
        view = self._model_view()
        run = {
            "format": "dvi-run",
            "version": 2,
            "name": self._name,
            "classes": self.classes,
            "feature_dim": int(self._feature_dim),
            "groups": self._groups.to_json(),
            "subject": {"kind": self._subject_kind},
        }
        if view is not None:
            run["inputs"] = view.to_json()
        if self._resumed is not None:
            for key in ("classes", "feature_dim", "groups", "subject"):
                if self._resumed.get(key) != run[key]:
                    raise ValueError(
                        f"{self.directory} holds a run whose {key} are {self._resumed.get(key)}, and this one has "
                        f"{run[key]}: record into another directory"
                    )
            expect_same_samples(
                self.directory,
                self._groups.labels(),
                None if first.stored is None else [samples.stored for samples in all_samples],
                None if first.kind != "text" else texts_txt(all_samples),
                None if first.rows is None else rows_csv(all_samples),
            )
            return {}, {k: v for k, v in self._resumed.items() if k != "finished"} | {"version": 2}
        if first.stored is not None:
            arrays = [s.stored for s in all_samples]
            if len({a.dtype for a in arrays}) > 1:
                arrays = [a.astype(np.float32) for a in arrays]
            content["inputs.npy"] = arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
        if first.kind == "text":
            content["texts.txt"] = texts_txt(all_samples)
        if first.rows is not None:
            content["rows.csv"] = rows_csv(all_samples)
        content["labels.npy"] = self._groups.labels()
        for name, values in self._columns.items():
            content[f"columns/{name}.npy"] = self._groups.column(
                name, values, self._column_specs.setdefault(name, {})
            )
        self._column_specs = {name: spec for name, spec in self._column_specs.items() if spec}
        if self._column_specs:
            run["columns"] = self._column_specs
        return content, run

    def _write_statics(self, statics):
        content, run = statics
        os.makedirs(self.directory, exist_ok=True)
        files.write_folder(self.directory, {**content, "run.json": run}, "run.json")
        self._begun = True
        self._static = None

    # --- telling ---------------------------------------------------------------------------------------------------

    def _write_failed(self, number, error):
        self._fail(
            number,
            f"epoch {number} is not recorded: {self.directory} could not be written: {_sentence(error)}",
        )

    def _fail(self, number, sentence):
        sentence = shortened(sentence)
        self.failures.append((number, sentence))
        self._warn(sentence)

    def _tell(self, sentence, key=None):
        """Once a recorder."""
        if (key or sentence) not in self._told:
            self._told.add(key or sentence)
            self._warn(shortened(sentence))

    def _warn(self, sentence):
        try:
            warnings.warn("dvi: " + sentence, RuntimeWarning, stacklevel=3)
        except RuntimeWarning:  # where warnings are made errors; training still goes on
            print("dvi: " + sentence, file=sys.stderr)


def _sentence(error):
    text = " ".join(str(error).split())
    return (
        text
        if isinstance(error, (ValueError, OSError)) or type(error).__name__ == "NotRecordable"
        else (f"{type(error).__name__}: {text}")
    )


def _spread(arrays, count):
    """Up to about `count` row numbers of the arrays laid end to end, evenly over each of them."""
    starts = np.cumsum([0] + [len(a) for a in arrays])
    each = max(2, count // len(arrays))
    return np.concatenate(
        [b + np.unique(np.linspace(0, len(a) - 1, each).astype(int)) for a, b in zip(arrays, starts)]
    )


def _rows_of(arrays, rows):
    """The rows of the arrays laid end to end; uint8 among float32 becomes float32."""
    starts = np.cumsum([0] + [len(a) for a in arrays])
    return np.concatenate([a[rows[(rows >= b) & (rows < b + len(a))] - b] for a, b in zip(arrays, starts)])


def _distinct(classes):
    """`classes` as they are; raises ValueError naming those that occur more than once."""
    if not classes:
        raise ValueError("classes must be at least two distinct names, and there are none")
    if len(set(classes)) != len(classes):
        seen, again = set(), []
        for name in classes:
            (again if name in seen else seen.add(name) or []).append(name)
        raise ValueError(
            f"classes must be at least two distinct names, and {shown(sorted(set(again)))} occur more than once: add "
            f"something that tells them apart"
        )
    return classes
