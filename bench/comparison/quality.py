"""The one measure that all methods are judged by, in NumPy, from the definitions of
docs/reference/metrics.md. Nothing here knows which method made the arrays."""
import numpy as np

K_MAX = 20


def nearest(queries, references, k, self_rows=None):
    """[n, k] rows of the exactly nearest references, nearest first. self_rows[i], if given, is query i's own row among
    the references, which is left out. Candidates by float32 products, then ranked in float64, ties by row."""
    center = references.mean(0, dtype=np.float64)
    q, r = (queries - center).astype(np.float32), (references - center).astype(np.float32)
    half_norm = (r.astype(np.float64) ** 2).sum(1).astype(np.float32) / 2
    take = min(k + 24, len(r) - 1)
    out = np.empty((len(q), k), np.int64)
    for begin in range(0, len(q), 500):
        rows = slice(begin, min(begin + 500, len(q)))
        score = half_norm - q[rows] @ r.T
        if self_rows is not None:
            score[np.arange(score.shape[0]), self_rows[rows]] = np.inf
        candidates = np.sort(np.argpartition(score, take, axis=1)[:, :take], axis=1)
        difference = references[candidates].astype(np.float64) - queries[rows][:, None].astype(np.float64)
        distance = np.einsum("nkd,nkd->nk", difference, difference)
        if self_rows is not None:
            distance[candidates == np.asarray(self_rows)[rows][:, None]] = np.inf
        order = np.argsort(distance, axis=1, kind="stable")[:, :k]
        out[rows] = np.take_along_axis(candidates, order, axis=1)
    return out


def overlap(a, b):
    """Mean size of the intersection of rows."""
    return float((a[:, :, None] == b[:, None, :]).sum((1, 2)).mean())


def softmax(logits):
    e = np.exp(logits - logits.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def round_trip(features, features_after, head):
    """ppr, ccr and mse of samples whose features went to the plane and back."""
    before, after = softmax(head(features)), softmax(head(features_after))
    predicted = before.argmax(1)
    rows = np.arange(len(predicted))
    return {
        "ppr": float((after.argmax(1) == predicted).mean()),
        "ccr": float(np.abs(after[rows, predicted] - before[rows, predicted]).mean()),
        "mse": float(((features.astype(np.float64) - features_after) ** 2).mean()),
    }


class EpochReference:
    """What is true in feature space at an epoch, found once and compared with every method's plane: neighbours of at
    most `queries` samples of each role (drawn with a fixed seed) among all of them."""

    def __init__(self, run, epoch, queries=5000):
        self.features = run.features(epoch)
        self.head = run.subject(epoch).head
        self.train, self.test, self.probe = run.train, run.test, run.ids_of("probe")
        pick = lambda ids: np.sort(np.random.default_rng(0).permutation(ids)[:queries])
        self.groups = {"train": (pick(self.train), self.train)}
        if len(self.test):
            self.groups["test"] = (pick(self.test), np.concatenate([self.train, self.test]))
        self.neighbors, self.to_boundary = {}, {}
        for role, (ids, among) in self.groups.items():
            self.neighbors[role] = self._near(self.features, ids, among)
            if len(self.probe) > 15:
                self.to_boundary[role] = nearest(self.features[ids], self.features[self.probe], 15)

    @staticmethod
    def _near(space, ids, among):
        own_row = np.full(space.shape[0], -1)
        own_row[among] = np.arange(len(among))
        return nearest(space[ids], space[among], min(K_MAX, len(among) - 2), own_row[ids])

    def neighborhoods(self, positions, roles=("train", "test")):
        """{role: {nn_10, nn_15, nn_20, boundary_15, boundary_15_chance}} of positions [N, 2]. Roles and probes whose
        positions are NaN (a method that cannot place new samples) are left out."""
        out = {}
        for role, (ids, among) in self.groups.items():
            if role not in roles or not np.isfinite(positions[among]).all():
                continue
            plane = self._near(positions, ids, among)
            out[role] = {
                f"nn_{k}": overlap(self.neighbors[role][:, :k], plane[:, :k])
                for k in (10, 15, 20)
                if plane.shape[1] >= k
            }
            if role in self.to_boundary and np.isfinite(positions[self.probe]).all():
                near = nearest(positions[ids], positions[self.probe], 15)
                out[role]["boundary_15"] = overlap(self.to_boundary[role], near)
                out[role]["boundary_15_chance"] = 225 / len(self.probe)
        return out

    def round_trips(self, ids, features_after):
        """{role: {ppr, ccr, mse}}; the rows of features_after are those of the samples `ids`."""
        out = {}
        for role, members in (("train", self.train), ("test", self.test), ("boundary", self.probe)):
            rows = np.flatnonzero(np.isin(ids, members))
            if len(rows):
                out[role] = round_trip(self.features[ids[rows]], features_after[rows], self.head)
        return out


def correlation(a, b):
    """Pearson's, row by row; 0 where one of the two does not vary."""
    a, b = a - a.mean(1, keepdims=True), b - b.mean(1, keepdims=True)
    scale = np.sqrt((a * a).sum(1) * (b * b).sum(1))
    return np.where(scale > 1e-12, (a * b).sum(1) / np.where(scale > 1e-12, scale, 1), 0)


def ranks(x):
    """Ranks of each row, equal numbers share their mean rank."""
    return (x[:, :, None] > x[:, None, :]).sum(2) + ((x[:, :, None] == x[:, None, :]).sum(2) - 1) / 2


def over_time(features, neighbors, positions):
    """temporal_pearson (3 epochs), tlr (3 in a third), tnn_3 (5) of the same n samples at T epochs: lists of T arrays
    [n, D], [n, >= 15] and [n, 2]."""
    epochs, out = len(features), {}
    if epochs < 3:
        return out
    kept = np.stack(
        [(a[:, :15, None] == b[:, None, :15]).sum((1, 2)) / 15 for a, b in zip(neighbors, neighbors[1:])],
        axis=1,
    )
    moved = np.stack([np.linalg.norm(b - a, axis=1) for a, b in zip(positions, positions[1:])], axis=1)
    out["temporal_pearson"] = float(correlation(kept, moved).mean())
    between = lambda space: np.stack(
        [np.stack([np.linalg.norm(a.astype(np.float64) - b, axis=1) for b in space], 1) for a in space], 1
    )
    in_features, in_plane = between(features), between(positions)  # [n, T, T]
    bounds, thirds = [0, (epochs + 1) // 3, (2 * epochs + 1) // 3, epochs], []
    for begin, end in zip(bounds, bounds[1:]):
        if end - begin >= 3:
            for e in range(begin, end):
                others = [o for o in range(begin, end) if o != e]
                thirds.append(
                    correlation(ranks(in_features[:, e][:, others]), ranks(in_plane[:, e][:, others]))
                )
    if thirds:
        out["tlr"] = float(np.mean(thirds))
    if epochs >= 5:
        share = []
        for e in range(epochs):
            others = [o for o in range(epochs) if o != e]
            near = [
                np.argsort(d[:, e][:, others], axis=1, kind="stable")[:, :3] for d in (in_features, in_plane)
            ]
            share.append((near[0][:, :, None] == near[1][:, None, :]).sum((1, 2)))
        out["tnn_3"] = float(np.mean(share))
    return out
