"""A callback for Lightning: Trainer(callbacks=[RecorderCallback(recorder)])."""

from ._scalars import plottable

try:
    from lightning.pytorch import Callback
except ImportError:
    from pytorch_lightning import Callback


class RecorderCallback(Callback):
    """Records the module at the end of every training epoch, with the metrics it logged. Epochs count from 1."""

    def __init__(self, recorder, every=1):
        """`every`: record each `every`-th epoch, and the first."""
        super().__init__()
        self.recorder, self.every = recorder, every

    def on_train_epoch_end(self, trainer, pl_module):
        n = trainer.current_epoch + 1
        if trainer.is_global_zero and (n == 1 or n % self.every == 0):
            self.recorder.epoch(n, pl_module, **plottable(trainer.callback_metrics))

    def on_fit_end(self, trainer, pl_module):
        self.recorder.close()

    def on_exception(self, trainer, pl_module, exception):
        self.recorder.close(finished=False)
