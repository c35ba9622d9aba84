"""Writes the .pth files beside it: run with Debian 12's python3-torch (1.13). torch_file_test.cpp states what
is in them."""

import os

import torch
from torch import nn

os.chdir(os.path.dirname(os.path.abspath(__file__)))
torch.manual_seed(0)

torch.save(torch.arange(24, dtype=torch.uint8).reshape(2, 3, 4), "tensor.pth")

base = torch.arange(12, dtype=torch.float32).reshape(3, 4)
torch.save(
    {
        "transposed": base.t(),
        "view": base[1:, 1:3],
        "expanded": torch.ones(1).expand(2),
        "scalar": torch.tensor(2.5, dtype=torch.float64),
        "empty": torch.zeros(0, 3),
        "half": torch.tensor([0.5, -2.0]).half(),
        "bfloat": torch.tensor([1.5, -3.0]).bfloat16(),
        "long": torch.tensor([-1, 2**40]),
        "bool": torch.tensor([True, False]),
        "char": torch.tensor([-7], dtype=torch.int8),
        "short": torch.tensor([-300], dtype=torch.int16),
        "int": torch.tensor([70000], dtype=torch.int32),
    },
    "dtypes.pth",
)

model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 5), nn.ReLU())
model.add_module("fc", nn.Linear(5, 3))
with torch.no_grad():
    model.fc.weight.copy_(torch.arange(15).reshape(3, 5) / 10)
    model.fc.bias.copy_(torch.tensor([1.0, 2.0, 3.0]))
optimizer = torch.optim.Adam(model.parameters())
model(torch.rand(4, 1, 4, 4)).sum().backward()
optimizer.step()
with torch.no_grad():
    model.fc.weight.copy_(torch.arange(15).reshape(3, 5) / 10)
    model.fc.bias.copy_(torch.tensor([1.0, 2.0, 3.0]))
torch.save(model.state_dict(), "state_dict.pth")
torch.save(
    {
        "epoch": 3,
        "name": "toy",
        "state_dict": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "lr": [0.1, None],
    },
    "checkpoint.pth",
)
torch.save(model.fc, "whole_module.pth")
torch.save(base, "before_1_6.pth", _use_new_zipfile_serialization=False)
