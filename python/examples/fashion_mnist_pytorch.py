"""Trains a small convolutional classifier on Fashion-MNIST and records it. The three marked lines are all
that recording adds to it.

    apt-get install python3-torch dataset-fashion-mnist
    PYTHONPATH=python python3 python/examples/fashion_mnist_pytorch.py runs/fashion
    dvi fit runs/fashion && dvi serve runs/fashion
"""

import argparse
import gzip

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import dvi

CLASSES = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
]


def read_idx(path, header):
    with gzip.open(path) as f:
        return np.frombuffer(f.read(), np.uint8, offset=header)


def load(folder, part, count):
    images = read_idx(f"{folder}/{part}-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28)
    return images[:count], read_idx(f"{folder}/{part}-labels-idx1-ubyte.gz", 8)[:count]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 16, 3, padding=1), nn.Conv2d(16, 32, 3, padding=1)
        self.hidden = nn.Linear(32 * 7 * 7, 64)
        self.dropout = nn.Dropout(0.2)
        self.out = nn.Linear(64, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.relu(self.hidden(x.flatten(1)))
        return self.out(self.dropout(x))


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("run", help="run directory to write")
    args.add_argument("--data", default="/usr/share/datasets/fashion-mnist")
    args.add_argument("--train", type=int, default=3000, help="training samples")
    args.add_argument("--epochs", type=int, default=5)
    args = args.parse_args()

    torch.manual_seed(0)
    train_x, train_y = load(args.data, "train", args.train)
    test_x, test_y = load(args.data, "t10k", args.train // 3)
    x = torch.from_numpy(train_x.copy()).unsqueeze(1).float() / 255
    y = torch.from_numpy(train_y.astype(np.int64))
    model = Net()
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)

    recorder = dvi.Recorder(args.run, classes=CLASSES)  # 1
    recorder.add_group("train", train_x, train_y).add_group("test", test_x, test_y)  # 2
    for epoch in range(1, args.epochs + 1):
        model.train()
        total = 0.0
        for batch in torch.randperm(len(x)).split(64):
            loss = F.cross_entropy(model(x[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
        recorder.epoch(epoch, model, train_loss=total / len(x))  # 3
        print(f"epoch {epoch}: loss {total / len(x):.3f}")
    took = recorder.seconds
    print(f"recorded in {took['epoch']:.2f} s, of which boundary samples took {took['boundary']:.2f} s")


if __name__ == "__main__":
    main()
