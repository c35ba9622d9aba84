"""What a data set or a loader yields is what is recorded; random numbers of the training are left alone."""

import os
import random
import sys
import unittest

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))

try:
    import torch
    from torch.utils import data
except ImportError:
    raise unittest.SkipTest("torch is not installed")

from dvi.samples import Samples

X = torch.arange(40.0).reshape(40, 1).repeat(1, 3)
Y = torch.arange(40) % 4
CLASSES = ["cat", "dog", "cow", "hen"]


class Items(data.Dataset):
    def __init__(self, item, count=40):
        self.item, self.count = item, count

    def __len__(self):
        return self.count

    def __getitem__(self, i):
        return self.item(i)


class Stream(data.IterableDataset):
    def __iter__(self):
        return ((X[i % 40], int(Y[i % 40])) for i in range(10**9))


def taken(source, labels=None, **options):
    return Samples(source, labels, None, CLASSES, **options)


class DataSets(unittest.TestCase):
    def assert_rows(self, samples, rows):
        np.testing.assert_array_equal(samples.stored[:, 0], rows)
        np.testing.assert_array_equal(samples.labels, np.asarray(rows) % 4)

    def test_items_of_every_usual_form(self):
        for item in (
            lambda i: (X[i], Y[i]),
            lambda i: (X[i], int(Y[i]), i),
            lambda i: [X[i].numpy(), Y[i].item()],
            lambda i: (X[i], torch.nn.functional.one_hot(Y[i], 4)),
            lambda i: (X[i], CLASSES[int(Y[i])]),
            lambda i: (X[i], Y[i].float().reshape(1)),
            lambda i: {"image": X[i], "label": Y[i]},
            lambda i: {"targets": int(Y[i]), "x": X[i].numpy()},
        ):
            self.assert_rows(taken(Items(item)), np.arange(40))

    def test_texts_with_what_the_model_is_given(self):
        s = taken(
            Items(
                lambda i: {"text": f"t{i}", "input_ids": [i, 1], "attention_mask": [1, 1], "label": int(Y[i])}
            )
        )
        self.assertEqual((s.kind, s.texts[3]), ("text", "t3"))
        self.assertEqual(
            [(f.name, f.begin, f.end, f.integers) for f in s.fields],
            [("input_ids", 0, 2, True), ("attention_mask", 2, 4, True)],
        )
        np.testing.assert_array_equal(s.stored[3], [3, 1, 1, 1])

    def test_refusals_name_the_item_and_the_way_out(self):
        for source, words in (
            (
                Items(lambda i: (X[i], "wolf")),
                'labels of the data set Items must be class numbers or names of classes, and "wolf" is none of cat',
            ),
            (Items(lambda i: (X[: i + 1], 0)), "items of the data set Items must have one shape"),
            (
                Items(lambda i: {"a": "x", "b": "y", "label": 0}),
                "entries a, b, label, of which the input cannot be told",
            ),
            (Stream(), r"add_group\(..., limit=5000\)"),
            (Items(lambda i: (X[i], 0), count=0), "has no items"),
        ):
            with self.assertRaisesRegex(ValueError, words):
                taken(source)

    def test_an_iterable_up_to_its_limit(self):
        self.assert_rows(taken(Stream(), limit=50), np.arange(50) % 40)
        self.assert_rows(taken(data.DataLoader(Stream(), 8), limit=10), np.arange(10))

    def test_loaders_give_what_their_samplers_can_draw(self):
        whole = data.TensorDataset(X, Y)
        some = torch.randperm(40).tolist()[:13]
        weights = torch.zeros(40)
        weights[some] = 1.0
        loaders = {
            "subset sampler": (
                data.DataLoader(whole, 4, sampler=data.SubsetRandomSampler(some)),
                sorted(some),
            ),
            "subset": (data.DataLoader(data.Subset(whole, some), 4, shuffle=True), some),
            "subset of a subset": (data.Subset(data.Subset(whole, some), [2, 0]), [some[2], some[0]]),
            "shuffled": (data.DataLoader(whole, 4, shuffle=True, drop_last=True), range(40)),
            "with replacement": (
                data.DataLoader(whole, 4, sampler=data.RandomSampler(whole, replacement=True, num_samples=5)),
                range(40),
            ),
            "weighted": (
                data.DataLoader(whole, 4, sampler=data.WeightedRandomSampler(weights, 100)),
                sorted(some),
            ),
            "batch sampler": (data.DataLoader(whole, batch_sampler=[[5, 1], [9]]), [1, 5, 9]),
            "one process of several": (
                data.DataLoader(
                    whole, 4, sampler=data.distributed.DistributedSampler(whole, num_replicas=2, rank=0)
                ),
                range(40),
            ),
        }
        for name, (loader, rows) in loaders.items():
            with self.subTest(name):
                s = taken(loader)
                self.assert_rows(s, list(rows))
                self.assertEqual(s.indices is None, list(rows) == list(range(40)))
                if s.indices is not None:
                    np.testing.assert_array_equal(s.indices, list(rows))

    def test_random_numbers_are_left_alone(self):
        generator = torch.Generator().manual_seed(3)
        loader = data.DataLoader(
            Items(lambda i: (X[i] + random.random() + np.random.rand() + torch.rand(1), 0)),
            4,
            shuffle=True,
            generator=generator,
        )
        before = (
            random.getstate(),
            np.random.get_state()[1].tolist(),
            torch.get_rng_state(),
            generator.get_state(),
        )
        taken(loader)
        after = (
            random.getstate(),
            np.random.get_state()[1].tolist(),
            torch.get_rng_state(),
            generator.get_state(),
        )
        self.assertEqual(before[:2], after[:2])
        self.assertTrue(all(torch.equal(a, b) for a, b in zip(before[2:], after[2:])))


if __name__ == "__main__":
    unittest.main()
