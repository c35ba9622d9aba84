"""15 nearest neighbours of the train samples among themselves: pynndescent (approximate, at the settings umap-learn
uses) and, of at most 20,000 samples, scikit-learn's brute force (exact, minutes beyond); compiled beforehand."""
import sys

import common
import numpy as np
from pynndescent import NNDescent
from sklearn.neighbors import NearestNeighbors

K, REPEATS, MOST_BY_BRUTE_FORCE = 15, 3, 20000
job = common.Job(sys.argv)


def approximate(x):
    trees = min(64, 5 + int(round(len(x) ** 0.5 / 20)))
    rounds = max(5, int(round(np.log2(len(x)))))
    index, _ = NNDescent(
        x, n_neighbors=K + 1, metric="euclidean", n_trees=trees, n_iters=rounds, max_candidates=60, n_jobs=-1
    ).neighbor_graph
    return index


def brute(x):
    return NearestNeighbors(n_neighbors=K, algorithm="brute").fit(x).kneighbors(return_distance=False)


approximate(job.run.features(job.epochs[0])[job.run.train])
for epoch in job.epochs:
    x, clocks = job.run.features(epoch)[job.run.train], []
    for _ in range(REPEATS):
        clock = common.StageClock()
        index = approximate(x)
        clock.lap("pynndescent")
        exact = brute(x) if len(x) <= MOST_BY_BRUTE_FORCE else None
        if exact is not None:
            clock.lap("scikit-learn brute force")
        clocks.append(clock)
    np.save(job.epoch_folder(epoch) / "pynndescent.npy", index)
    if exact is not None:
        np.save(job.epoch_folder(epoch) / "brute.npy", exact)
    job.write(epoch, common.median_clock(clocks))
job.finish({"pynndescent": common.version_of("pynndescent")})
