"""Samples on a classifier's decision boundary (DVI, AAAI 2022, sec. 3.1): bisection between two samples that are
predicted as different classes, a whole round of pairs in one batch."""
import numpy as np

ALPHA = 0.5  # smallest share of a pair's first sample (published for MNIST and Fashion-MNIST)
DELTA = 0.1  # largest margin on the boundary
STEPS = 8  # halvings before a pair is given up
SUCCESS_SHARE = 0.05  # weight of the success rate against the need when class pairs are drawn


def margins(logits):
    """(top1 - top2) / (top1 - min) of each row"""
    ordered = np.sort(logits, axis=1)
    return (ordered[:, -1] - ordered[:, -2]) / np.maximum(ordered[:, -1] - ordered[:, 0], 1e-12)


class _PairDrawer:
    def __init__(self, logits, rng):
        self.logits, self.rng = logits, rng
        self.members = [np.flatnonzero(logits.argmax(1) == c) for c in range(logits.shape[1])]
        present = [c for c, ids in enumerate(self.members) if len(ids)]
        self.pairs = [(i, j) for i in present for j in present if i < j]
        self.tried, self.found = np.zeros(len(self.pairs)), np.zeros(len(self.pairs))
        self.weights = {}

    def _draw(self, own, other, count):
        if (own, other) not in self.weights:
            ids = self.members[own]
            weight = 1 / (self.logits[ids, own] - self.logits[ids, other] + 1e-4)
            self.weights[own, other] = weight / weight.sum()
        return self.rng.choice(self.members[own], count, p=self.weights[own, other])

    def draw(self, count):
        """pair numbers, samples and classes of both ends"""
        rate = (self.found + 1) / (self.tried + 1)
        need = np.maximum(0, self.found.mean() - self.found)
        need = need / need.sum() if need.sum() > 0 else np.full(len(need), 1 / len(need))
        chance = SUCCESS_SHARE * rate / rate.sum() + (1 - SUCCESS_SHARE) * need
        pair = np.sort(self.rng.choice(len(self.pairs), count, p=chance / chance.sum()))
        ends = [np.empty(count, int), np.empty(count, int)]
        classes = np.array(self.pairs)[pair].T
        for p in np.unique(pair):
            rows, (i, j) = pair == p, self.pairs[p]
            ends[0][rows], ends[1][rows] = self._draw(i, j, rows.sum()), self._draw(j, i, rows.sum())
        return pair, ends, classes


def draw_boundary(logits, count, rng, judge):
    """At most `count` mixtures w * first + (1 - w) * second on the boundary, as three arrays first, second (rows of
    `logits`, [n, C] of all samples that may be mixed) and w. judge(first, second, w) gives the logits of mixtures.
    """
    drawer = _PairDrawer(logits, rng)
    chosen = []
    while (
        drawer.pairs
        and drawer.found.sum() < count
        and (drawer.tried.sum() < 4000 or drawer.found.sum() * 500 > drawer.tried.sum())
    ):
        pair, (a, b), (i, j) = drawer.draw(max(256, count // 8))
        # Both directions of each pair.
        first, second = np.concatenate([a, b]), np.concatenate([b, a])
        own, other, pair = np.concatenate([i, j]), np.concatenate([j, i]), np.concatenate([pair, pair])
        low, high = np.full(len(first), ALPHA), np.ones(len(first))
        alive = np.arange(len(first))
        np.add.at(drawer.tried, pair, 1)
        for _ in range(STEPS):
            weight = (low[alive] + high[alive]) / 2
            out = judge(first[alive], second[alive], weight)
            wins = out[np.arange(len(alive)), own[alive]] > out[np.arange(len(alive)), other[alive]]
            high[alive[wins]], low[alive[~wins]] = weight[wins], weight[~wins]
            accepted = (margins(out) < DELTA) & (high[alive] - low[alive] < 0.1)
            rows = alive[accepted]
            chosen.append(np.stack([first[rows], second[rows], weight[accepted]]))
            np.add.at(drawer.found, pair[rows], 1)
            alive = alive[~accepted]
            if len(alive) == 0:
                break
    found = np.concatenate(chosen, axis=1) if chosen else np.zeros((3, 0))
    # Of the last round some are too many: not the last ones, which are those of one class pair.
    found = found[:, np.sort(rng.permutation(found.shape[1])[:count])]
    return found[0].astype(int), found[1].astype(int), found[2]


def boundary_features(run, epoch, features, count, rng):
    """[at most count, D] features of boundary samples between train samples: mixed as inputs where inputs and the
    model are recorded, else as features. `features` [N, D] of the epoch."""
    subject = run.subject(epoch)
    own = features[run.train]
    logits = subject.head(own)
    if subject.has_features:
        x = run.model_inputs(run.train)
        column = lambda w: np.float32(w).reshape(-1, *([1] * (x.ndim - 1)))
        mixed = lambda i, j, w: subject.features(column(w) * x[i] + column(1 - w) * x[j])
    else:
        mixed = lambda i, j, w: np.float32(w)[:, None] * own[i] + np.float32(1 - w)[:, None] * own[j]
    i, j, w = draw_boundary(logits, count, rng, lambda *mixture: subject.head(mixed(*mixture)))
    return mixed(i, j, w) if len(w) else np.zeros((0, features.shape[1]), np.float32)
