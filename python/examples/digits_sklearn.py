"""Trains scikit-learn's MLPClassifier on its handwritten digits and records it, one partial_fit at a time. The subject
model is a callable here, so that boundary samples are drawn from mixed images.

    apt-get install python3-sklearn
    PYTHONPATH=python python3 python/examples/digits_sklearn.py runs/digits
    dvi fit runs/digits && dvi serve runs/digits
"""

import sys

import numpy as np
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

import dvi


def main():
    digits = load_digits()
    images = (digits.images * 15.9375).astype(np.uint8)  # 0..16 -> 0..255
    order = np.random.default_rng(0).permutation(len(images))
    train, test = order[:1200], order[1200:]

    model = MLPClassifier((48, 32), learning_rate_init=3e-3, random_state=0)

    def predict(x):
        """Images in 0..1 -> (activations of the last hidden layer, logits)."""
        a = x.reshape(len(x), -1)
        for w, b in zip(model.coefs_[:-1], model.intercepts_[:-1]):
            a = np.maximum(a @ w + b, 0)
        return a, a @ model.coefs_[-1] + model.intercepts_[-1]

    recorder = dvi.Recorder(sys.argv[1], classes=digits.target_names)
    recorder.add_group("train", images[train], digits.target[train])
    recorder.add_group("test", images[test], digits.target[test])
    x = images[train].reshape(len(train), -1) / 255
    for epoch in range(1, 7):
        for _ in range(3):
            model.partial_fit(x, digits.target[train], classes=range(10))
        recorder.epoch(
            epoch,
            predict=predict,
            head_weight=model.coefs_[-1].T,
            head_bias=model.intercepts_[-1],
            train_loss=model.loss_,
        )
        print(f"epoch {epoch}: loss {model.loss_:.3f}")


if __name__ == "__main__":
    main()
