"""Trains a tiny text classifier in plain NumPy (bag of words, one hidden layer) and records it with the sentences
themselves, so that the page shows each sample's text.

    PYTHONPATH=python python3 python/examples/sentences_text.py runs/sentences
    dvi fit runs/sentences && dvi serve runs/sentences
"""

import sys

import numpy as np

import dvi

TOPICS = {
    "weather": ("rain snow wind sun cloud storm frost fog".split(), "falls blows clears returns".split()),
    "cooking": (
        "soup bread onion butter pepper stew rice garlic".split(),
        "simmers browns rises cools".split(),
    ),
    "music": (
        "violin chorus melody drum song rhythm organ flute".split(),
        "plays fades repeats swells".split(),
    ),
}
PLACES = "in the morning|over the hills|at home|in the old town|again|before dinner|all day".split("|")


def sentences(count, rng):
    texts, labels = [], []
    for i in range(count):
        label = i % len(TOPICS)
        nouns, verbs = list(TOPICS.values())[label]
        if rng.random() < 0.15:  # a word of another topic, so that some sentences are hard
            verbs = list(TOPICS.values())[rng.integers(len(TOPICS))][1]
        texts.append(
            f"the {rng.choice(nouns)} {rng.choice(verbs)} {rng.choice(PLACES)} while the {rng.choice(nouns)} waits"
        )
        labels.append(label)
    return texts, np.array(labels)


def main():
    rng = np.random.default_rng(0)
    train, train_y = sentences(900, rng)
    test, test_y = sentences(300, rng)
    words = sorted({w for t in train for w in t.split()})

    def bag(texts):
        return np.array([[t.split().count(w) for w in words] for t in texts], np.float32)

    w1, b1 = rng.normal(0, 0.1, (len(words), 16)), np.zeros(16)
    w2, b2 = rng.normal(0, 0.1, (16, 3)), np.zeros(3)
    x = bag(train)

    recorder = dvi.Recorder(sys.argv[1], classes=TOPICS)
    recorder.add_group("train", train, train_y, model_inputs=x)
    recorder.add_group("test", test, test_y, model_inputs=bag(test))
    for epoch in range(1, 9):
        for batch in np.array_split(rng.permutation(len(x)), 12):
            hidden = np.maximum(x[batch] @ w1 + b1, 0)
            logits = hidden @ w2 + b2
            p = np.exp(logits - logits.max(1, keepdims=True))
            p /= p.sum(1, keepdims=True)
            p[np.arange(len(batch)), train_y[batch]] -= 1
            p /= len(batch)
            back = (p @ w2.T) * (hidden > 0)
            w2 -= 0.5 * hidden.T @ p
            b2 -= 0.5 * p.sum(0)
            w1 -= 0.5 * x[batch].T @ back
            b1 -= 0.5 * back.sum(0)
        recorder.epoch(
            epoch, features=np.maximum(np.vstack([x, bag(test)]) @ w1 + b1, 0), head_weight=w2.T, head_bias=b2
        )
    recorder.close()


if __name__ == "__main__":
    main()
