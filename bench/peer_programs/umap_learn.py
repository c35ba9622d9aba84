"""umap-learn at its defaults (15 neighbours): fit, transform and inverse_transform, compiled beforehand."""
import sys

import common
import numpy as np
import umap

job = common.Job(sys.argv)


def fit_and_place(features, probes_of_round_trip, clock):
    clock.restart()
    model = umap.UMAP(n_neighbors=15)  # no random_state: with one, umap-learn uses a single thread
    train = model.fit_transform(features[job.run.train])
    clock.lap("fit")
    positions = np.full((len(features), 2), np.nan, np.float32)
    positions[job.run.train] = train
    positions[job.others] = model.transform(features[job.others])
    clock.lap("project new")
    after = model.inverse_transform(positions[probes_of_round_trip])
    clock.lap("inverse-project")
    return positions, after


# Same sizes, so that the same code paths get compiled (small data take others).
fit_and_place(job.run.features(job.epochs[0]), job.round_trip[:20], common.StageClock())
for epoch in job.epochs:
    clock = common.StageClock()
    job.write(epoch, clock, *fit_and_place(job.run.features(epoch), job.round_trip, clock))
job.finish({"umap-learn": common.version_of("umap-learn"), "numba": common.version_of("numba")})
