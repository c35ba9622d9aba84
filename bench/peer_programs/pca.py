"""scikit-learn's PCA to two dimensions and back: what a linear picture reaches."""
import sys

import common
import numpy as np
import sklearn
from sklearn.decomposition import PCA

REPEATS = 3
job = common.Job(sys.argv)
for epoch in job.epochs:
    features, clocks = job.run.features(epoch), []
    for _ in range(REPEATS):
        clock = common.StageClock()
        model = PCA(2, random_state=0).fit(features[job.run.train])
        clock.lap("fit")
        positions = model.transform(features).astype(np.float32)
        clock.lap("project new")
        after = model.inverse_transform(positions[job.round_trip])
        clock.lap("inverse-project")
        clocks.append(clock)
    job.write(epoch, common.median_clock(clocks), positions, after)
job.finish({"scikit-learn": sklearn.__version__})
