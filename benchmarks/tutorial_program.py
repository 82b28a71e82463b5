"""The baseline: the tutorial's GAN trained the way that the tutorial's program works.

Written anew from what that program does (yunjey/pytorch-tutorial,
generative_adversarial_network/main.py): every image is a PIL picture that becomes a float tensor
and is normalised one at a time by a DataLoader; D ends in a sigmoid and the loss is BCE on
probabilities; the fake images are not detached when D learns, so that its gradient runs through G;
both optimisers are plain Adam. Only its download is replaced, by the bundled MNIST.
"""

import time
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from forgery.data.mnist import mnist

LATENT, HIDDEN, IMAGE, BATCH = 64, 256, 784, 100


class Pictures(TorchDataset):
    """MNIST as torchvision serves it: a PIL picture, then to a tensor, then normalised."""

    def __init__(self) -> None:
        dataset = mnist("train")
        self.values = dataset.values[:, 0]
        self.labels = dataset.labels

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, int]:
        picture = Image.fromarray(self.values[i].numpy(), mode="L")
        return normalize(to_tensor(picture), (0.5,), (0.5,)), int(self.labels[i])


def to_tensor(picture: Image.Image) -> torch.Tensor:
    """What torchvision's ToTensor does to a grey picture, operation by operation."""
    pixels = torch.from_numpy(np.array(picture, np.uint8, copy=True))
    pixels = pixels.view(picture.size[1], picture.size[0], len(picture.getbands()))
    pixels = pixels.permute((2, 0, 1)).contiguous()
    return pixels.to(dtype=torch.get_default_dtype()).div(255)


def normalize(tensor: torch.Tensor, mean: tuple[float], std: tuple[float]) -> torch.Tensor:
    """What torchvision's Normalize does, likewise: on a copy, with its check for a zero."""
    tensor = tensor.clone()
    means = torch.as_tensor(mean, dtype=tensor.dtype, device=tensor.device)
    stds = torch.as_tensor(std, dtype=tensor.dtype, device=tensor.device)
    if (stds == 0).any():
        raise ValueError("std is zero")
    return tensor.sub_(means.view(-1, 1, 1)).div_(stds.view(-1, 1, 1))


def networks(device: torch.device) -> tuple[nn.Module, nn.Module]:
    d = nn.Sequential(
        nn.Linear(IMAGE, HIDDEN), nn.LeakyReLU(0.2), nn.Linear(HIDDEN, HIDDEN), nn.LeakyReLU(0.2),
        nn.Linear(HIDDEN, 1), nn.Sigmoid(),
    )  # fmt: skip
    g = nn.Sequential(
        nn.Linear(LATENT, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(),
        nn.Linear(HIDDEN, IMAGE), nn.Tanh(),
    )  # fmt: skip
    return g.to(device), d.to(device)


def train(
    steps: int,
    device: torch.device,
    every: int = 0,
    watch: Callable[[int, float, nn.Module], None] = lambda step, seconds, g: None,
) -> float:
    """Train for a number of steps and return the seconds that they took.

    ``watch`` is told of every ``every`` steps; the time that it takes is not counted.
    """
    loader = DataLoader(Pictures(), batch_size=BATCH, shuffle=True)
    g, d = networks(device)
    criterion = nn.BCELoss()
    d_optimizer = torch.optim.Adam(d.parameters(), lr=2e-4)
    g_optimizer = torch.optim.Adam(g.parameters(), lr=2e-4)
    step, seconds = 0, 0.0
    started = time.perf_counter()
    while True:
        for images, _ in loader:
            images = images.reshape(BATCH, -1).to(device)
            real_labels = torch.ones(BATCH, 1).to(device)
            fake_labels = torch.zeros(BATCH, 1).to(device)

            outputs = d(images)
            d_loss_real = criterion(outputs, real_labels)
            fake_images = g(torch.randn(BATCH, LATENT).to(device))
            d_loss_fake = criterion(d(fake_images), fake_labels)
            d_optimizer.zero_grad()
            g_optimizer.zero_grad()
            (d_loss_real + d_loss_fake).backward()
            d_optimizer.step()

            fake_images = g(torch.randn(BATCH, LATENT).to(device))
            g_loss = criterion(d(fake_images), real_labels)
            d_optimizer.zero_grad()
            g_optimizer.zero_grad()
            g_loss.backward()
            g_optimizer.step()

            step += 1
            if every and step % every == 0:
                if device.type == "cuda":
                    torch.cuda.synchronize()
                seconds += time.perf_counter() - started
                watch(step, seconds, g)
                started = time.perf_counter()
            if step == steps:
                if device.type == "cuda":
                    torch.cuda.synchronize()
                return seconds + time.perf_counter() - started
