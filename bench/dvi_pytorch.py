"""DVI (DeepVisualInsight, AAAI 2022) in PyTorch: the published method, written for comparison.

It follows the publication (and, where that is silent, its public code) in what is computed, and is kinder
than the public code in how: boundary samples are found in batches instead of one at a time, edges are
gathered by index instead of by a data loader, the attention of a linear head is taken in closed form, losses
are read once a pass.

Two schedules: `paper`, as published with the TensorFlow code (widths D/2, Adam 1e-3, from pass 8 on 1e-4, a
pass is a tenth of the edges' repetitions, stop after 8 passes without progress), and `port`, as in the
authors' later PyTorch code (widths D/2, D/4, D/8, D/16, Adam 1e-2 with weight decay 1e-5, a tenth of it every
4 passes, whole passes, at most 20).

Started by bench/peers as: dvi_pytorch.py RUN OUT EPOCHS [paper|port]"""
import dataclasses
import os
import pathlib
import sys

import torch

torch.set_flush_denormal(True)  # before any thread exists, so that all inherit it
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "peer_programs"))

import common
import numpy as np
from comparison.boundary import boundary_features
from pynndescent import NNDescent
from sklearn.neighbors import NearestNeighbors
from umap.umap_ import find_ab_params, fuzzy_simplicial_set

K, NEGATIVES, BATCH = 15, 5, 1000
TEMPORAL_WEIGHT = 0.3
ATTENTION_TEMPERATURE = 0.1  # published for Fashion-MNIST
SAMPLE_EDGE_PASSES, BOUNDARY_EDGE_PASSES = 10, 5


@dataclasses.dataclass
class Schedule:
    most_passes: int
    patience: int
    least_improvement: float
    pass_share: float  # of the edges' repetitions that one pass goes through
    weight_decay: float
    widths: callable  # D -> widths of the encoder
    rate: callable  # pass -> learning rate


SCHEDULES = {
    "paper": Schedule(
        200,
        8,
        1e-2,
        0.1,
        0,
        lambda d: [d] + 4 * [max(2, 2 ** int(np.log2(d // 2)))] + [2],
        lambda p: 1e-3 if p < 8 else 1e-4,
    ),
    "port": Schedule(
        20,
        3,
        5e-3,
        1,
        1e-5,
        lambda d: [d, d // 2, d // 4, d // 8, d // 16, 2],
        lambda p: 1e-2 * 0.1 ** (p // 4),
    ),
}


def perceptron(widths):
    layers = []
    for i, o in zip(widths, widths[1:]):
        layers += [torch.nn.Linear(i, o), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def approximate_neighbors(x):
    """The settings of the public code, which are umap-learn's."""
    return NNDescent(
        x,
        n_neighbors=K,
        metric="euclidean",
        n_trees=min(64, 5 + int(round(len(x) ** 0.5 / 20))),
        n_iters=max(5, int(round(np.log2(len(x))))),
        max_candidates=60,
        n_jobs=-1,
    ).neighbor_graph


def fuzzy_edges(x, index, distance, passes):
    """Ends and weights of the fuzzy set's edges, without those too light to be drawn in so many passes."""
    graph = fuzzy_simplicial_set(
        X=x,
        n_neighbors=K,
        random_state=np.random.RandomState(0),
        metric="euclidean",
        knn_indices=index,
        knn_dists=distance,
    )[0].tocoo()
    often = graph.data >= graph.data.max() / passes + 1e-3
    return graph.row[often], graph.col[often], graph.data[often]


def attention_of(subject, f, temperature=ATTENTION_TEMPERATURE):
    """[n, D] softmax of what moves the two leading logits"""
    if subject.weight is not None:
        top = np.argsort(subject.head(f), axis=1)[:, -2:]
        size = torch.from_numpy(np.abs(subject.weight)[top].sum(1))
    else:
        size = torch.zeros(f.shape)
        for rank in (0, 1):
            x = torch.from_numpy(f).requires_grad_()
            head = subject.script.head if hasattr(subject.script, "head") else subject.script.prediction
            head(x).topk(2, dim=1).values[:, rank].sum().backward()
            size += x.grad.abs()
    return torch.softmax(size / temperature, dim=1)


def neighbors_kept(before, now):
    """Mean share of a sample's K neighbours kept from one epoch to the next (NPR)."""
    a, b = approximate_neighbors(before)[0], approximate_neighbors(now)[0]
    return float((a[:, :, None] == b[:, None, :]).sum((1, 2)).mean() / K)


class DVI:
    def __init__(self, dim, schedule):
        self.schedule = schedule
        widths = schedule.widths(dim)
        self.encoder, self.decoder = perceptron(widths), perceptron(widths[::-1])
        self.a, self.b = find_ab_params(1.0, 0.1)
        self.previous = None

    def parameters(self):
        return [*self.encoder.parameters(), *self.decoder.parameters()]

    def _loss(self, x_from, x_to, weight_from, weight_to, temporal):
        z_from, z_to = self.encoder(x_from), self.encoder(x_to)
        reconstruction = sum(
            (weight * (x - self.decoder(z)) ** 2).mean() / 2
            for x, z, weight in ((x_from, z_from, weight_from), (x_to, z_to, weight_to))
        )
        near = (z_from - z_to).norm(dim=1)
        other = torch.randperm(len(z_to) * NEGATIVES) % len(z_to)
        far = (z_from.repeat(NEGATIVES, 1) - z_to[other]).norm(dim=1)
        q = lambda d: 1 / (1 + self.a * d ** (2 * self.b))
        umap = torch.cat([-q(near).clamp(1e-4, 1).log(), -(1 - q(far)).clamp(1e-4, 1).log()]).mean()
        loss = umap + reconstruction
        if self.previous is not None:
            loss = loss + temporal * sum(
                ((w - v) ** 2).sum() for w, v in zip(self.parameters(), self.previous)
            )
        return loss

    def fit(self, features, feature_weights, edges_from, edges_to, edge_weight, mean_npr):
        """Returns steps and passes; goes on from the weights it has."""
        repeats = edge_weight / edge_weight.max()
        per_pass = max(BATCH, int(SAMPLE_EDGE_PASSES * repeats.sum() * self.schedule.pass_share))
        optimizer = torch.optim.Adam(self.parameters(), weight_decay=self.schedule.weight_decay)
        best, left, steps = float("inf"), self.schedule.patience, 0
        # Drawn by inversion of the cumulated weights: torch.multinomial takes at most 2^24 edges.
        cumulated = np.cumsum(repeats, dtype=np.float64)
        rng = np.random.default_rng(0)
        for number in range(self.schedule.most_passes):
            for group in optimizer.param_groups:
                group["lr"] = self.schedule.rate(number)
            drawn = np.searchsorted(cumulated, rng.random(per_pass) * cumulated[-1]).clip(
                max=len(repeats) - 1
            )
            sums = torch.zeros(())
            batches = [drawn[i : i + BATCH] for i in range(0, per_pass, BATCH)]
            for edges in batches:
                i, j = (torch.from_numpy(ends[edges].astype(np.int64)) for ends in (edges_from, edges_to))
                loss = self._loss(
                    features[i],
                    features[j],
                    feature_weights[i],
                    feature_weights[j],
                    TEMPORAL_WEIGHT * mean_npr,
                )
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                sums += loss.detach()
            steps += len(batches)
            mean = float(sums) / len(batches)
            print(f"  pass {number + 1}: {len(batches)} steps, loss {mean:.4f}", flush=True)
            if best - mean < self.schedule.least_improvement:
                if left == 0:
                    break
                left -= 1
            else:
                left = self.schedule.patience
            best = mean
        self.previous = [w.detach().clone() for w in self.parameters()]
        return {"steps": steps, "passes": number + 1, "loss": mean}


def complexes(features, boundary):
    """Edges of the samples' complex and of the boundary-wise complex, in which train and boundary samples query
    boundary samples only."""
    n, everything = len(features), np.concatenate([features, boundary])
    own = fuzzy_edges(features, *approximate_neighbors(features), SAMPLE_EDGE_PASSES)
    distance, index = NearestNeighbors(n_neighbors=K).fit(boundary).kneighbors(everything)
    towards = fuzzy_edges(everything, index + n, distance, BOUNDARY_EDGE_PASSES)
    return [np.concatenate(parts) for parts in zip(own, towards)]


def main():
    job = common.Job(sys.argv)
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    torch.manual_seed(0)
    run, model, before = job.run, None, None
    schedule = SCHEDULES[sys.argv[4] if len(sys.argv) > 4 else "paper"]
    # Compiles what numba compiles.
    complexes(run.features(job.epochs[0])[run.train], run.features(job.epochs[0])[run.train][:100])
    for epoch in job.epochs:
        features, subject = run.features(epoch), run.subject(epoch)
        train, clock = features[run.train], common.StageClock()
        boundary = boundary_features(
            run, epoch, features, len(train) // run.classes, np.random.default_rng(epoch)
        )
        clock.lap("boundary")
        edges = complexes(train, boundary)
        clock.lap("complex")
        everything = np.concatenate([train, boundary])
        weights = 1 + attention_of(subject, everything)  # beta 1
        clock.lap("attention")
        mean_npr = neighbors_kept(before, train) if before is not None else 0.0
        clock.lap("npr")
        if model is None:
            model = DVI(features.shape[1], schedule)
        details = model.fit(torch.from_numpy(everything), weights, *edges, mean_npr)
        clock.lap("train")
        before = train
        with torch.no_grad():
            positions = model.encoder(torch.from_numpy(features))
            clock.lap("project all")
            after = model.decoder(positions[torch.from_numpy(job.round_trip)])
            clock.lap("inverse-project")
        job.write(
            epoch,
            clock,
            positions.numpy(),
            after.numpy(),
            boundary_samples=len(boundary),
            mean_npr=mean_npr,
            **details,
        )
    job.finish(
        {
            "torch": torch.__version__,
            "pynndescent": common.version_of("pynndescent"),
            "umap-learn": common.version_of("umap-learn"),
        }
    )


if __name__ == "__main__":
    main()
