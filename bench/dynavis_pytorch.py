"""DynaVis in PyTorch: the method of code-philia/DynaVis (db9e04b, November 2025), written for comparison.

One autoencoder for all epochs, told the time by a sinusoidal embedding. It is first trained to reconstruct the
features, brought to unit scale by median and quartiles (by the standard deviation where the quartiles are equal, as
in dimensions that are mostly zero behind a ReLU; the public code divides by 1e-8 there). Then its encoder is trained
further so that, within the way of each sample, distances between epochs are distributed as in feature space (KL of
softmax(-distance / temperature)), and steps turn against the direction of the next 2, 4 and 8 steps as they do there.
Settings are the defaults of its main.py. It has no complex: nothing asks it to keep neighbours.

Started by bench/peers as: dynavis_pytorch.py RUN OUT EPOCHS. All epochs must be given: it is one fit.
"""
import math
import os
import pathlib
import sys

import torch

torch.set_flush_denormal(True)  # before any thread exists, so that all inherit it
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "peer_programs"))

import common
import numpy as np

BATCH, TIME_WIDTH, WIDTH = 32, 32, 256
RECONSTRUCTION_PASSES, RECONSTRUCTION_RATE = 20, 1e-3  # twice the rate for the decoder
MOTION_PASSES, MOTION_RATE, WARM_UP = 20, 5e-4, 16
DIRECTION_WEIGHT, RANK_WEIGHT, WINDOWS = 4.0, 0.8, (2, 4, 8)
FIRST_TEMPERATURE, LAST_TEMPERATURE = 0.7, 0.25
LONGEST_GRADIENT = 0.5


class TimedPerceptron(torch.nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        widths = [inputs + TIME_WIDTH, WIDTH, WIDTH, WIDTH]
        layers = []
        for i, o in zip(widths, widths[1:]):
            layers += [torch.nn.Linear(i, o), torch.nn.SiLU()]
        self.net = torch.nn.Sequential(*layers, torch.nn.Linear(WIDTH, outputs))
        self.register_buffer(
            "frequency", torch.exp(torch.linspace(math.log(1e-4), 0.0, TIME_WIDTH // 2)) * 2 * math.pi
        )

    def forward(self, x, time):
        """`x` [.., inputs], `time` [..] in 0 to 1"""
        angle = time[..., None] * self.frequency
        return self.net(torch.cat([x, angle.sin(), angle.cos()], dim=-1))


def distribution_loss(x, y, temperature):
    """KL between the distributions over epochs that distances make, of ways [B, T, D] and [B, T, 2]"""
    # A step of no length has no gradient.
    log_of = lambda way: torch.log_softmax(-torch.cdist(way, way) / temperature, dim=-1)
    p, q = log_of(x), log_of(y)
    return (p.exp() * (p - q)).sum(-1).mean()


def cosines(way, window):
    """Of each step with the way of the `window` steps that begin with it, [B, T - 1], and how long that way is."""
    steps = way[:, 1:] - way[:, :-1]
    count = steps.shape[1]
    ahead = way[:, torch.clamp(torch.arange(count) + window, max=count)] - way[:, :-1]
    return torch.nn.functional.cosine_similarity(steps, ahead, dim=-1, eps=1e-6), ahead.norm(dim=-1)


def direction_loss(x, y):
    losses = []
    for window in WINDOWS:
        wanted, length = cosines(x, window)
        found, plane_length = cosines(y, window)
        far = (length > 1e-4) & (plane_length > 1e-4)
        if not far.any():
            continue
        wanted, found = wanted[far], found[far]
        against = ((1 - (wanted * found).clamp(-1, 1)) ** 3).mean()
        turned = (1 + 3.5 * (1 - found).abs()).mean()
        losses.append(0.7 * ((wanted - found) ** 2).mean() + 0.3 * against * turned)
    return sum(losses) / len(losses) if losses else torch.zeros(())


def train(ways, time):
    """`ways` [n, T, D], `time` [T]"""
    encoder, decoder = TimedPerceptron(ways.shape[2], 2), TimedPerceptron(2, ways.shape[2])
    times = lambda x: time.expand(len(x), -1)
    reconstruction = lambda x, y: torch.nn.functional.mse_loss(decoder(y, times(x)), x)
    batches = lambda: (ways[part] for part in torch.randperm(len(ways)).split(BATCH))
    optimizer = torch.optim.AdamW(
        [
            {"params": encoder.parameters(), "lr": RECONSTRUCTION_RATE},
            {"params": decoder.parameters(), "lr": 2 * RECONSTRUCTION_RATE},
        ],
        weight_decay=0,
    )
    for number in range(RECONSTRUCTION_PASSES):
        for x in batches():
            loss = reconstruction(x, encoder(x, times(x)))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(f"  reconstruction, pass {number + 1}: {float(loss.detach()):.4f}", flush=True)
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=MOTION_RATE, weight_decay=0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, MOTION_PASSES, 0.1 * MOTION_RATE)
    for number in range(MOTION_PASSES):
        warm = min(1.0, (number + 1) / WARM_UP)
        temperature = FIRST_TEMPERATURE + (LAST_TEMPERATURE - FIRST_TEMPERATURE) * number / (
            MOTION_PASSES - 1
        )
        for x in batches():
            y = encoder(x, times(x))
            loss = (
                reconstruction(x, y)
                + warm * RANK_WEIGHT * distribution_loss(x, y, temperature)
                + warm * DIRECTION_WEIGHT * direction_loss(x, y)
            )
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(encoder.parameters(), LONGEST_GRADIENT)
            optimizer.step()
        schedule.step()
        print(f"  motion, pass {number + 1}: {float(loss.detach()):.4f}", flush=True)
    return encoder, decoder


def main():
    job = common.Job(sys.argv)
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    torch.manual_seed(0)
    run, epochs = job.run, len(job.epochs)
    if epochs < 4:
        sys.exit(
            "dynavis_pytorch: expected at least 4 epochs, since it compares steps; name more with --epochs"
        )
    clock = common.StageClock()
    recorded = np.stack([run.features(e) for e in job.epochs])  # [T, N, D]
    ways = recorded[:, run.train]
    low, middle, high = np.percentile(ways, [25, 50, 75], axis=(0, 1)).astype(np.float32)
    deviation = ways.std(axis=(0, 1))
    scale = np.where(high > low, (high - low) / 1.349, np.where(deviation > 0, deviation, 1)).astype(
        np.float32
    )
    scaled = torch.from_numpy((recorded - middle) / scale)
    time = torch.linspace(0, 1, epochs)
    clock.lap("scale")
    encoder, decoder = train(scaled[:, torch.from_numpy(run.train)].transpose(0, 1).contiguous(), time)
    clock.lap("train")
    share = {what: seconds / epochs for what, seconds in clock.seconds.items()}
    cpu = {what: seconds / epochs for what, seconds in clock.cpu_seconds.items()}
    for number, epoch in enumerate(job.epochs):
        now = lambda x: time[number].expand(len(x))
        with torch.no_grad():
            positions = encoder(scaled[number], now(scaled[number]))
            there = positions[torch.from_numpy(job.round_trip)]
            after = decoder(there, now(there)).numpy() * scale + middle
        clock.seconds, clock.cpu_seconds = dict(share), dict(cpu)
        job.write(epoch, clock, positions.numpy(), after)
    job.finish({"torch": torch.__version__})


if __name__ == "__main__":
    main()
