"""A callback for the Trainer of Hugging Face's transformers: Trainer(..., callbacks=[RecorderCallback(recorder)])."""

from transformers import TrainerCallback

from ._scalars import plottable


class RecorderCallback(TrainerCallback):
    """Records the model at the end of every training epoch, with the newest logged numbers. Epochs count from 1."""

    def __init__(self, recorder, every=1):
        """`every`: record each `every`-th epoch, and the first."""
        self.recorder, self.every = recorder, every

    def on_epoch_end(self, args, state, control, model=None, **kwargs):
        n = int(round(state.epoch))
        if state.is_world_process_zero and (n == 1 or n % self.every == 0):
            newest = {}
            for entry in state.log_history:
                newest.update(plottable(entry))
            newest.pop("epoch", None)
            newest.pop("step", None)
            self.recorder.epoch(n, model, **newest)

    def on_train_end(self, args, state, control, **kwargs):
        self.recorder.close()
