"""A callback for the Trainer of Hugging Face's transformers: Trainer(..., callbacks=[RecorderCallback(recorder)])."""

import math

from transformers import TrainerCallback

from ._scalars import plottable


class RecorderCallback(TrainerCallback):
    """Records the model at the end of every training epoch, with what was logged of that epoch. Epochs count
    from 1; one that is cut short (max_steps, early stopping) counts too.

    The Trainer logs and evaluates an epoch after on_epoch_end, with the weights as they are there; where it
    is about to, recording waits for it.
    """

    def __init__(self, recorder, every=1):
        """`every`: record each `every`-th epoch, and the first."""
        self.recorder, self.every = recorder, every
        self._due = None  # the epoch that has ended and waits for its numbers

    def on_epoch_end(self, args, state, control, model=None, **kwargs):
        n = math.ceil(state.epoch - 1e-6)
        if state.is_world_process_zero and (n == 1 or n % self.every == 0):
            self._due = n
            logged = state.log_history[-1].get("step") if state.log_history else None
            if not control.should_evaluate and not (control.should_log and logged != state.global_step):
                self._record(state, model)

    def on_log(self, args, state, control, model=None, **kwargs):
        if not control.should_evaluate:
            self._record(state, model)

    def on_evaluate(self, args, state, control, model=None, **kwargs):
        self._record(state, model)

    def on_epoch_begin(self, args, state, control, model=None, **kwargs):
        self._record(state, model)  # of a Trainer whose own evaluate() tells nobody

    def on_train_end(self, args, state, control, model=None, **kwargs):
        if not args.load_best_model_at_end:  # else these are the weights of another epoch
            self._record(state, model)
        self.recorder.close()

    def _record(self, state, model):
        if self._due is None:
            return
        n, self._due = self._due, None
        newest = {}
        for entry in state.log_history:
            if entry.get("epoch", n) > n - 1:
                newest.update(plottable(entry))
        newest.pop("epoch", None)
        newest.pop("step", None)
        self.recorder.epoch(n, model, **newest)
