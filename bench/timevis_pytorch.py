"""TimeVis (Yang et al., "Temporality Spatialization: A Scalable and Faithful Time-Travelling Visualization for Deep
Classifier Training", IJCAI 2022) in PyTorch: the published method, written for comparison.

One autoencoder for all epochs. Its edges are those of DVI's two complexes of every epoch, and temporal ones: a sample
is joined to itself at its nearest other epochs, with strengths by the scale that its neighbourhood has in space. The
loss is UMAP's cross-entropy and the attention-weighted reconstruction. Settings are those of the public code
(xianglinyang/TimeVis, b367471) for Fashion-MNIST. Kinder than it: all train samples are fitted where that code selects
some to save time, and edges are gathered by index.

Started by bench/peers as: timevis_pytorch.py RUN OUT EPOCHS. All epochs must be given: it is one fit."""
import os
import sys

import dvi_pytorch as dvi
import torch

import common
import numpy as np
import scipy.sparse
from comparison.boundary import boundary_features
from sklearn.neighbors import NearestNeighbors
from umap.umap_ import find_ab_params, fuzzy_simplicial_set

K, NEGATIVES, BATCH = dvi.K, dvi.NEGATIVES, dvi.BATCH
HIDDEN_WIDTH, HIDDEN_LAYERS = 256, 5
RECONSTRUCTION_WEIGHT = 30
ATTENTION_TEMPERATURE = 0.01
SAMPLE_PASSES, BOUNDARY_PASSES, TEMPORAL_PASSES = 3, 4, 80
MOST_PASSES, PATIENCE, LEAST_IMPROVEMENT = 20, 4, 1e-2


def fuzzy(x, index, distance):
    """The complex with each point's scale (sigma) and distance to its nearest (rho)."""
    return fuzzy_simplicial_set(
        X=x,
        n_neighbors=K,
        random_state=np.random.RandomState(0),
        metric="euclidean",
        knn_indices=index,
        knn_dists=distance,
    )[:3]


def edges_of(graph, passes):
    """Ends, and how often each edge is to be drawn; without those that would hardly ever be."""
    graph = graph.tocoo()
    graph.sum_duplicates()
    often = graph.data >= graph.data.max() / passes + 1e-3
    return np.stack([graph.row[often], graph.col[often]]), graph.data[often] * passes


def temporal_graph(features, sigma, rho):
    """Epochs of n samples, [T, n, D]: joins sample i at epoch t with its K nearest other epochs. Point t * n + i."""
    epochs, n = features.shape[:2]
    rows, cols, strengths = [], [], []
    for t in range(epochs):
        distance = np.linalg.norm(features - features[t], axis=2)  # [T, n]
        near = np.argsort(distance, axis=0, kind="stable")[1 : K + 1]
        beyond = np.take_along_axis(distance, near, axis=0) - rho[t]
        strength = np.where(
            (beyond <= 0) | (sigma[t] == 0), 1.0, np.exp(-beyond / np.maximum(sigma[t], 1e-12))
        )
        rows.append(np.broadcast_to(t * n + np.arange(n), near.shape).ravel())
        cols.append((near * n + np.arange(n)).ravel())
        strengths.append(strength.ravel())
    one_way = scipy.sparse.coo_matrix(
        (np.concatenate(strengths), (np.concatenate(rows), np.concatenate(cols))), shape=(epochs * n,) * 2
    ).tocsr()
    return one_way + one_way.T - one_way.multiply(one_way.T)


def loss_of(encoder, decoder, x, weight, a, b):
    """`x`, `weight`: pairs (from, to) of features and of 1 + attention."""
    z = [encoder(part) for part in x]
    reconstruction = sum((w * (f - decoder(y)) ** 2).mean() / 2 for f, w, y in zip(x, weight, z))
    repeated = [y.repeat_interleave(NEGATIVES, 0) for y in z]
    near = (z[0] - z[1]).norm(dim=1)
    far = (repeated[1] - repeated[0][torch.randperm(len(repeated[0]))]).norm(dim=1)
    q = lambda d: 1 / (1 + a * d ** (2 * b))
    umap = torch.cat([-q(near).clamp(1e-4, 1).log(), -(1 - q(far)).clamp(1e-4, 1).log()]).mean()
    return umap + RECONSTRUCTION_WEIGHT * reconstruction


def train(features, weights, ends, probability):
    dim = features.shape[1]
    widths = [dim] + [HIDDEN_WIDTH] * HIDDEN_LAYERS + [2]
    encoder, decoder = dvi.perceptron(widths), dvi.perceptron(widths[::-1])
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-2, weight_decay=1e-5)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 4, 0.1)
    a, b = find_ab_params(1.0, 0.1)
    per_pass = int(SAMPLE_PASSES * probability.sum())
    cumulated = np.cumsum(probability, dtype=np.float64)
    rng, before, left = np.random.default_rng(0), 100.0, PATIENCE
    for number in range(MOST_PASSES):
        drawn = np.searchsorted(cumulated, rng.random(per_pass) * cumulated[-1]).clip(
            max=len(probability) - 1
        )
        batches = [torch.from_numpy(ends[:, drawn[i : i + BATCH]]) for i in range(0, per_pass, BATCH)]
        total = 0.0
        for pair in batches:
            loss = loss_of(encoder, decoder, [features[p] for p in pair], [weights[p] for p in pair], a, b)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += float(loss.detach())
        schedule.step()
        mean = total / len(batches)
        print(f"  pass {number + 1}: {len(batches)} steps, loss {mean:.4f}", flush=True)
        if before - mean < LEAST_IMPROVEMENT:
            if left == 0:
                break
            left -= 1
        else:
            left = PATIENCE
        before = mean
    return encoder, decoder, {"steps": (number + 1) * len(batches), "passes": number + 1, "loss": mean}


def main():
    job = common.Job(sys.argv)
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    torch.manual_seed(0)
    run, clocks = job.run, {}
    # Compiles what numba compiles.
    dvi.complexes(run.features(job.epochs[0])[run.train], run.features(job.epochs[0])[run.train][:100])
    n, epochs = len(run.train), len(job.epochs)
    points, weights, ends, often, sigmas, rhos, begin = [], [], [], [], [], [], 0
    for epoch in job.epochs:
        clock = clocks[epoch] = common.StageClock()
        features = run.features(epoch)
        own = features[run.train]
        boundary = boundary_features(run, epoch, features, n // run.classes, np.random.default_rng(epoch))
        clock.lap("boundary")
        both = np.concatenate([own, boundary])
        complex_, sigma, rho = fuzzy(own, *dvi.approximate_neighbors(own))
        distance, index = NearestNeighbors(n_neighbors=K).fit(boundary).kneighbors(both)
        parts = [
            edges_of(complex_, SAMPLE_PASSES),
            edges_of(fuzzy(both, index + n, distance)[0], BOUNDARY_PASSES),
        ]
        clock.lap("complex")
        weights.append(1 + dvi.attention_of(run.subject(epoch), both, ATTENTION_TEMPERATURE))
        clock.lap("attention")
        for part, weight in parts:
            ends.append(part.astype(np.int64) + begin)
            often.append(weight)
        points.append(both)
        sigmas.append(sigma)
        rhos.append(rho)
        begin += len(both)
    first = np.cumsum([0] + [len(p) for p in points[:-1]])
    whole = common.StageClock()
    part, weight = edges_of(temporal_graph(np.stack([p[:n] for p in points]), sigmas, rhos), TEMPORAL_PASSES)
    part = part.astype(np.int64)
    ends.append(first[part // n] + part % n)  # rows of all points
    often.append(weight)
    ends, often = np.concatenate(ends, 1), np.concatenate(often)
    probability = often / (often.max() + 1e-3)
    kept = probability > 1e-3
    whole.lap("temporal complex")
    encoder, decoder, details = train(
        torch.from_numpy(np.concatenate(points)), torch.cat(weights), ends[:, kept], probability[kept]
    )
    whole.lap("train")
    share, cpu = (
        {what: s / epochs for what, s in spent.items()} for spent in (whole.seconds, whole.cpu_seconds)
    )
    for epoch in job.epochs:
        clock = clocks[epoch]
        clock.seconds.update(share)
        clock.cpu_seconds.update(cpu)
        with torch.no_grad():
            positions = encoder(torch.from_numpy(run.features(epoch)))
            after = decoder(positions[torch.from_numpy(job.round_trip)])
        job.write(epoch, clock, positions.numpy(), after.numpy(), **details)
    job.finish(
        {
            "torch": torch.__version__,
            "pynndescent": common.version_of("pynndescent"),
            "umap-learn": common.version_of("umap-learn"),
        }
    )


if __name__ == "__main__":
    main()
