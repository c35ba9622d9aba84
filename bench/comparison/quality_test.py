"""quality.py and boundary.py beside slow versions written straight from docs/reference/metrics.md and
docs/reference/run-format.md."""
import json
import pathlib
import tempfile
import unittest

import numpy as np

from comparison import boundary, quality
from comparison.dvi_view import ViewEpoch
from comparison.recorded_run import RecordedRun, with_probes


def slow_nearest(query, references, k, left_out=None):
    distances = sorted(
        (sum((float(a) - float(b)) ** 2 for a, b in zip(query, r)), row)
        for row, r in enumerate(references)
        if row != left_out
    )
    return [row for _, row in distances[:k]]


def write_run(folder, rng, train=60, test=20, dim=6, classes=3):
    folder = pathlib.Path(folder)
    (folder / "epochs/000001").mkdir(parents=True)
    np.save(folder / "labels.npy", rng.integers(0, classes, train + test).astype(np.int32))
    np.save(
        folder / "epochs/000001/features.npy", rng.standard_normal((train + test, dim)).astype(np.float32)
    )
    np.save(folder / "epochs/000001/head_weight.npy", rng.standard_normal((classes, dim)).astype(np.float32))
    np.save(folder / "epochs/000001/head_bias.npy", np.zeros(classes, np.float32))
    (folder / "epochs/000001/epoch.json").write_text('{"epoch": 1}')
    (folder / "run.json").write_text(
        json.dumps(
            {
                "format": "dvi-run",
                "version": 1,
                "name": "t",
                "classes": list("abc"),
                "feature_dim": dim,
                "groups": [
                    {"name": "train", "role": "train", "begin": 0, "count": train},
                    {"name": "test", "role": "test", "begin": train, "count": test},
                ],
                "subject": {"kind": "linear-head"},
            }
        )
    )
    return RecordedRun(folder)


class Nearest(unittest.TestCase):
    def test_agrees_with_sorting_all_distances(self):
        rng = np.random.default_rng(1)
        references = (
            rng.standard_normal((80, 5)).astype(np.float32) + 100
        )  # far from 0: cancellation would show
        references[7] = references[3]  # a tie, and a sample with a double
        found = quality.nearest(references, references, 10, np.arange(80))
        for i in range(80):
            self.assertEqual(found[i].tolist(), slow_nearest(references[i], references, 10, i))

    def test_queries_of_another_set_keep_all_references(self):
        rng = np.random.default_rng(2)
        queries, references = rng.standard_normal((9, 3)), rng.standard_normal((50, 3))
        found = quality.nearest(queries, references, 15)
        for i in range(9):
            self.assertEqual(found[i].tolist(), slow_nearest(queries[i], references, 15))


class Reference(unittest.TestCase):
    def test_neighbourhoods_by_definition(self):
        rng = np.random.default_rng(3)
        with tempfile.TemporaryDirectory() as folder:
            run = write_run(folder + "/run", rng)
            probes = {1: rng.standard_normal((30, 6))}
            reference = quality.EpochReference(with_probes(run, folder + "/more", probes), 1)
            positions = reference.features[:, :2] + 0.3 * rng.standard_normal((110, 2)).astype(np.float32)
            out = reference.neighborhoods(positions)
            for role, own, among in (("train", range(60), range(60)), ("test", range(60, 80), range(80))):
                for k in (10, 15, 20):
                    shared = [
                        len(
                            set(slow_nearest(reference.features[i], reference.features[among], k, i))
                            & set(slow_nearest(positions[i], positions[among], k, i))
                        )
                        for i in own
                    ]
                    self.assertAlmostEqual(out[role][f"nn_{k}"], np.mean(shared))
                shared = [
                    len(
                        set(slow_nearest(reference.features[i], reference.features[80:], 15))
                        & set(slow_nearest(positions[i], positions[80:], 15))
                    )
                    for i in own
                ]
                self.assertAlmostEqual(out[role]["boundary_15"], np.mean(shared))
            self.assertEqual(out["test"]["boundary_15_chance"], 7.5)

    def test_a_method_that_cannot_place_new_samples_has_no_test_figures(self):
        rng = np.random.default_rng(4)
        with tempfile.TemporaryDirectory() as folder:
            run = with_probes(
                write_run(folder + "/run", rng), folder + "/more", {1: rng.standard_normal((30, 6))}
            )
            positions = np.full((110, 2), np.nan, np.float32)
            positions[:60] = rng.standard_normal((60, 2))
            out = quality.EpochReference(run, 1).neighborhoods(positions)
            self.assertEqual(list(out), ["train"])
            self.assertNotIn("boundary_15", out["train"])


class RoundTrip(unittest.TestCase):
    def test_by_hand(self):
        head = lambda f: f  # two features are the two logits
        before = np.array([[2.0, 0.0], [0.0, 1.0]])
        after = np.array([[2.0, 0.0], [1.0, 0.0]])
        out = quality.round_trip(before, after, head)
        p = lambda a, b: np.exp(a) / (np.exp(a) + np.exp(b))
        self.assertAlmostEqual(out["ppr"], 0.5)
        self.assertAlmostEqual(out["ccr"], (p(1, 0) - p(0, 1)) / 2)
        self.assertAlmostEqual(out["mse"], 0.5)


class OverTime(unittest.TestCase):
    def test_a_picture_that_is_the_feature_space_ranks_epochs_perfectly(self):
        rng = np.random.default_rng(5)
        positions = [rng.standard_normal((40, 2)) for _ in range(9)]
        neighbors = [quality.nearest(p, p, 15, np.arange(40)) for p in positions]
        out = quality.over_time(positions, neighbors, positions)
        self.assertAlmostEqual(out["tlr"], 1)
        self.assertAlmostEqual(out["tnn_3"], 3)
        self.assertLess(abs(out["temporal_pearson"]), 0.5)

    def test_moving_with_lost_neighbours_is_negative(self):
        rng = np.random.default_rng(6)
        start = rng.standard_normal((60, 2))
        moves = [rng.standard_normal((60, 2)) * size for size in (0.05, 3, 0.05, 3)]
        positions = [start]
        for move in moves:
            positions.append(positions[-1] + move)
        neighbors = [quality.nearest(p, p, 15, np.arange(60)) for p in positions]
        self.assertLess(quality.over_time(positions, neighbors, positions)["temporal_pearson"], -0.8)

    def test_ranks_share_ties(self):
        self.assertEqual(quality.ranks(np.array([[3.0, 1.0, 3.0, 2.0]])).tolist(), [[2.5, 0, 2.5, 1]])


class Boundary(unittest.TestCase):
    def test_drawn_samples_lie_on_the_boundary_between_all_pairs(self):
        rng = np.random.default_rng(7)
        centers = 4 * np.eye(3)
        features = centers[rng.integers(0, 3, 300)] + 0.3 * rng.standard_normal((300, 3))
        mixed = lambda i, j, w: w[:, None] * features[i] + (1 - w)[:, None] * features[j]
        i, j, w = boundary.draw_boundary(features, 120, rng, lambda *m: mixed(*m))
        found = mixed(i, j, w)
        self.assertEqual(len(found), 120)
        self.assertLess(boundary.margins(found).max(), boundary.DELTA)
        self.assertTrue((w >= boundary.ALPHA).all() and (w <= 1).all())
        pairs = np.sort(np.argsort(found, axis=1)[:, 1:], axis=1)
        counts = [int((pairs == p).all(1).sum()) for p in ([0, 1], [0, 2], [1, 2])]
        self.assertGreater(min(counts), 20)


class Decoder(unittest.TestCase):
    def test_weights_are_encoder_then_decoder_row_by_row(self):
        rng = np.random.default_rng(8)
        with tempfile.TemporaryDirectory() as folder:
            place = pathlib.Path(folder) / "views/v/epochs/000001"
            place.mkdir(parents=True)
            (place / "view_epoch.json").write_text(
                '{"encoder": [4, 5], "encoder_landmarks": 5, "decoder": [2, 3, 4]}'
            )
            shapes = ((5, 4), (5,), (5, 2), (3, 2), (3,), (4, 3), (4,))
            parts = [rng.standard_normal(s).astype(np.float32) for s in shapes]
            np.save(place / "weights.npy", np.concatenate([p.ravel() for p in parts]))
            z = rng.standard_normal((5, 2)).astype(np.float32)
            expected = np.maximum(z @ parts[3].T + parts[4], 0) @ parts[5].T + parts[6]
            np.testing.assert_allclose(ViewEpoch(folder, "v", 1).decode(z), expected, rtol=1e-5, atol=1e-6)


if __name__ == "__main__":
    unittest.main()
