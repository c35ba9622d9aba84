"""Trains scikit-learn's MLPClassifier on its table of wines, 13 measurements each, and records it with the
table itself, so that the page shows each wine's row, in the units it was measured in. The model sees the
columns standardised.

    apt-get install python3-sklearn
    PYTHONPATH=python python3 python/examples/wine_table_sklearn.py runs/wine
    dvi fit runs/wine && dvi serve runs/wine
"""

import sys

import numpy as np
from sklearn.datasets import load_wine
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

import dvi


def main():
    wine = load_wine()
    order = np.random.default_rng(0).permutation(len(wine.data))
    train, test = order[:134], order[134:]
    scaler = StandardScaler().fit(wine.data[train])
    model = MLPClassifier((16,), learning_rate_init=1e-2, random_state=0)

    def table(rows):
        return {name: wine.data[rows, i] for i, name in enumerate(wine.feature_names)}

    recorder = dvi.Recorder(sys.argv[1], classes=wine.target_names)
    recorder.add_group(
        "train", table(train), wine.target[train], model_inputs=scaler.transform(wine.data[train])
    )
    recorder.add_group("test", table(test), wine.target[test], model_inputs=scaler.transform(wine.data[test]))
    x = scaler.transform(wine.data)
    for epoch in range(1, 7):
        for _ in range(4):
            model.partial_fit(x[train], wine.target[train], classes=range(3))
        hidden = np.maximum(x[order] @ model.coefs_[0] + model.intercepts_[0], 0)
        recorder.epoch(
            epoch,
            features=hidden,
            head_weight=model.coefs_[1].T,
            head_bias=model.intercepts_[1],
            train_loss=model.loss_,
        )
        print(f"epoch {epoch}: loss {model.loss_:.3f}")


if __name__ == "__main__":
    main()
