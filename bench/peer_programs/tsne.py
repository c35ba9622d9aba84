"""scikit-learn's t-SNE (Barnes-Hut, perplexity 30, PCA start). It cannot place new samples and has no way back. Its
time is that of the train samples; a second layout, of train, test and boundary samples together, is what the test
columns are measured on."""
import sys

import common
import numpy as np
from sklearn.manifold import TSNE
import sklearn

job = common.Job(sys.argv)


def layout(features):
    return TSNE(
        n_components=2, perplexity=30, init="pca", learning_rate="auto", n_jobs=-1, random_state=0
    ).fit_transform(features)


for epoch in job.epochs:
    features, clock = job.run.features(epoch), common.StageClock()
    positions = np.full((len(features), 2), np.nan, np.float32)
    positions[job.run.train] = layout(features[job.run.train])
    clock.lap("fit")
    together = layout(features)
    clock.lap("fit again with all samples")
    job.write(epoch, clock, positions, together=together)
job.finish({"scikit-learn": sklearn.__version__})
