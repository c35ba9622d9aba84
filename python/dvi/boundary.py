"""Boundary samples: mixtures of two samples on which the classifier cannot decide, found by batched bisection.

The method is that of DeepVisualInsight (Yang et al., AAAI 2022): of two samples x1, x2 predicted as different classes,
l * x1 + (1 - l) * x2 is bisected in l until the prediction is undecided. All pairs of a round go through the model in
one batch.
"""

import numpy as np

DELTA = 0.1  # a sample is on the boundary when its margin is below
STEPS = 8  # of bisection, at most
INTERVAL = 0.1  # of l that must be reached before a mixture is accepted
EXPLORE = 0.05  # share of class pairs drawn by their success so far; the others by how much they lack


def margin(logits):
    """(top1 - top2) / (top1 - min) of each row. With two classes that is always 1, so there it is the difference of
    the two probabilities."""
    if logits.shape[1] == 2:
        return np.tanh(np.abs(logits[:, 0].astype(np.float64) - logits[:, 1]) / 2)
    top = np.partition(logits.astype(np.float64), (-2, -1), axis=1)[:, -2:]
    span = top[:, 1] - logits.min(axis=1)
    return np.where(span > 0, (top[:, 1] - top[:, 0]) / np.where(span > 0, span, 1), 0)


def _weights_towards(logits, i, j):
    """Chance of each sample predicted as i to be mixed with class j: 1 / (margin towards j + 1e-4)."""
    span = np.maximum(logits[:, i] - logits.min(axis=1), 1e-12)
    w = 1 / (np.clip((logits[:, i] - logits[:, j]) / span, 0, None) + 1e-4)
    return w / w.sum()


def draw_boundary(inputs, logits, predict, count, rng, alpha=0.5, max_predictions=None):
    """Draws about `count` boundary samples.

    inputs    [N, ...] any real dtype, mixed as float32
    logits    [N, C] of the inputs
    predict   callable: float32 [B, ...] -> (features [B, D], logits [B, C])
    alpha     the least share of the first sample in a mixture
    max_predictions   inputs given to `predict` at most; 4 N by default

    Returns (mixtures float32 [M, ...], features float32 [M, D]), M <= count; M can be 0 when all samples are predicted
    as one class.
    """
    budget = 4 * len(inputs) if max_predictions is None else max_predictions
    predictions = logits.argmax(axis=1)
    members = {c: np.flatnonzero(predictions == c) for c in range(logits.shape[1])}
    pairs = [(i, j) for i in members for j in members if i != j and len(members[i]) and len(members[j])]
    mixtures, features = [], []
    if not pairs:
        return np.zeros((0,) + inputs.shape[1:], np.float32), np.zeros((0, 0), np.float32)
    tried, found = np.zeros(len(pairs)), np.zeros(len(pairs))
    chances = {}
    while found.sum() < count and budget > 0:
        missing = int(count - found.sum())
        batch = min(max(2 * missing, 64), 1024, max(budget // 3, 1))
        # Drawn by success (untried pairs count as successful) and by need.
        success = np.where(tried > 0, found / np.maximum(tried, 1), 1) + 1e-6
        need = np.maximum(found.mean() - found, 0)
        need = need / need.sum() if need.sum() > 0 else np.full(len(pairs), 1 / len(pairs))
        p = EXPLORE * success / success.sum() + (1 - EXPLORE) * need
        drawn = rng.choice(len(pairs), batch, p=p / p.sum())
        first, second = np.empty(batch, np.int64), np.empty(batch, np.int64)
        for k in np.unique(drawn):
            rows = np.flatnonzero(drawn == k)
            i, j = pairs[k]
            for out, (a, b) in ((first, (i, j)), (second, (j, i))):
                if (a, b) not in chances:
                    chances[a, b] = _weights_towards(logits[members[a]], a, b)
                out[rows] = rng.choice(members[a], len(rows), p=chances[a, b])
        np.add.at(tried, drawn, 1)
        low, high = np.full(batch, alpha), np.ones(batch)
        open_rows = np.arange(batch)
        for _ in range(STEPS):
            if len(open_rows) == 0 or budget <= 0:
                break
            l = (low[open_rows] + high[open_rows]) / 2
            lx = l.astype(np.float32).reshape((-1,) + (1,) * (inputs.ndim - 1))
            x = lx * inputs[first[open_rows]].astype(np.float32) + (1 - lx) * inputs[
                second[open_rows]
            ].astype(np.float32)
            f, z = predict(x)
            budget -= len(x)
            still_first = z.argmax(axis=1) == predictions[first[open_rows]]
            high[open_rows[still_first]] = l[still_first]
            low[open_rows[~still_first]] = l[~still_first]
            done = (high[open_rows] - low[open_rows] < INTERVAL) & (margin(z) < DELTA)
            if done.any():
                mixtures.append(x[done])
                features.append(f[done])
                np.add.at(found, drawn[open_rows[done]], 1)
            open_rows = open_rows[~done]
        if not mixtures and tried.sum() >= 20 * count:
            break
    if not mixtures:
        return np.zeros((0,) + inputs.shape[1:], np.float32), np.zeros((0, 0), np.float32)
    mixtures, features = np.concatenate(mixtures), np.concatenate(features)
    keep = np.sort(rng.permutation(len(mixtures))[:count])
    return mixtures[keep], features[keep]
