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


def draw_boundary(inputs, logits, predict, count, rng, max_predictions=None):
    """Draws about `count` boundary samples.

    inputs    [N, ...] any real dtype, mixed as float32
    logits    [N, C] of the inputs
    predict   callable: float32 [B, ...] -> (features [B, D], logits [B, C])
    max_predictions   inputs given to `predict` at most; N by default. A boundary sample takes about five of
              them, with two classes seven

    A pair is first looked at half way: if the first class still wins there, the crossing lies beyond, so the two change
    places. From then on the crossing is between half and the whole of the first sample.

    Returns (mixtures float32 [M, ...], features float32 [M, D]), M <= count; M can be 0 when all samples are predicted
    as one class.
    """
    budget = len(inputs) if max_predictions is None else max_predictions
    predictions = logits.argmax(axis=1)
    drawer = _PairDrawer(logits, predictions, rng)
    mixtures, features = [np.zeros((0,) + inputs.shape[1:], np.float32)], []
    found = tried = 0
    while drawer.pairs and found < count and budget >= STEPS and not (found == 0 and tried >= 20 * count):
        missing = count - found
        pairs, first, second = drawer.draw(min(max(missing + missing // 4, 16), 1024, budget // STEPS))
        tried += len(pairs)

        def mix(rows, share):
            x = inputs[first[rows]].astype(np.float32)
            share = share.astype(np.float32).reshape((-1,) + (1,) * (inputs.ndim - 1))
            return x * share + (1 - share) * inputs[second[rows]].astype(np.float32)

        low, high = np.full(len(pairs), 0.5), np.ones(len(pairs))
        open_rows = np.arange(len(pairs))
        for step in range(STEPS):
            if len(open_rows) == 0:
                break
            at = low[open_rows] if step == 0 else (low[open_rows] + high[open_rows]) / 2
            x = mix(open_rows, at)
            f, z = predict(x)
            budget -= len(x)
            still_first = z.argmax(axis=1) == predictions[first[open_rows]]
            if step == 0:
                swapped = open_rows[still_first]
                first[swapped], second[swapped] = second[swapped], first[swapped]
                continue
            high[open_rows[still_first]] = at[still_first]
            low[open_rows[~still_first]] = at[~still_first]
            done = (high[open_rows] - low[open_rows] < INTERVAL) & (margin(z) < DELTA)
            if done.any():
                mixtures.append(x[done])
                features.append(f[done])
                drawer.succeeded(pairs[open_rows[done]])
                found += int(done.sum())
            open_rows = open_rows[~done]
    if found == 0:
        return mixtures[0], np.zeros((0, 0), np.float32)
    mixtures, features = np.concatenate(mixtures), np.concatenate(features)
    keep = np.sort(rng.permutation(len(mixtures))[:count])
    return mixtures[keep], features[keep]


class _PairDrawer:
    """Draws pairs of samples predicted as different classes."""

    def __init__(self, logits, predictions, rng):
        self._logits, self._rng = logits, rng
        self._members = {c: np.flatnonzero(predictions == c) for c in np.unique(predictions)}
        self.pairs = [(i, j) for i in self._members for j in self._members if i != j]
        self._tried, self._found = np.zeros(len(self.pairs)), np.zeros(len(self.pairs))
        self._chances = {}

    def draw(self, count):
        """(pairs of classes [count], first samples [count], second samples [count])."""
        # By success (untried pairs count as successful) and by need.
        success = np.where(self._tried > 0, self._found / np.maximum(self._tried, 1), 1) + 1e-6
        need = np.maximum(self._found.mean() - self._found, 0)
        need = need / need.sum() if need.sum() > 0 else np.full(len(self.pairs), 1 / len(self.pairs))
        p = EXPLORE * success / success.sum() + (1 - EXPLORE) * need
        drawn = self._rng.choice(len(self.pairs), count, p=p / p.sum())
        first, second = np.empty(count, np.int64), np.empty(count, np.int64)
        for k in np.unique(drawn):
            rows = np.flatnonzero(drawn == k)
            i, j = self.pairs[k]
            first[rows], second[rows] = self._samples(i, j, len(rows)), self._samples(j, i, len(rows))
        np.add.at(self._tried, drawn, 1)
        return drawn, first, second

    def _samples(self, i, j, count):
        """Samples predicted as i, those nearer to class j more often."""
        if (i, j) not in self._chances:
            self._chances[i, j] = _weights_towards(self._logits[self._members[i]], i, j)
        return self._rng.choice(self._members[i], count, p=self._chances[i, j])

    def succeeded(self, pairs):
        np.add.at(self._found, pairs, 1)
