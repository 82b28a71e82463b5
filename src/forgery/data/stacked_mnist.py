"""Stacked MNIST: three random digits as the channels of one RGB image, which gives 1000 modes.

The protocol of the mode-coverage papers, as in PacGAN (fjxmlzn/PacGAN): 128,000 triples, drawn with
replacement. Here a seed determines the triples.
"""

import torch

from ..errors import lookup
from .dataset import Dataset
from .mnist import mnist

#: Split → (split of MNIST for the digits, number of triples, random seed).
SPLITS = {"train": ("train", 128_000, 0), "test": ("test", 26_000, 1)}


def stacked_mnist(split: str = "train") -> Dataset:
    """Load triples of digits, uint8 ``[N, 3, 28, 28]``; the label of abc is 100a + 10b + c."""
    source, n, seed = lookup(SPLITS, split, "split of stacked-mnist")
    digits = mnist(source)
    assert digits.labels is not None
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randint(len(digits), (n, 3), generator=generator)
    labels = digits.labels[chosen] @ torch.tensor([100, 10, 1])
    names = tuple(f"{i:03d}" for i in range(1000))
    return Dataset(f"stacked-mnist[{split}]", digits.values[chosen, 0], labels, names)
