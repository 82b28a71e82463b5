"""Stacked MNIST: three random digits as the channels of one RGB image, and so 1000 modes.

Protocol of the mode-coverage papers, as PacGAN's authors run it (fjxmlzn/PacGAN): 128,000 triples,
drawn with replacement. Which ones is fixed here by a seed.
"""

import torch

from ..errors import lookup
from .dataset import Dataset
from .mnist import mnist

#: Split → (split of MNIST that the digits come from, number of triples, seed).
SPLITS = {"train": ("train", 128_000, 0), "test": ("test", 26_000, 1)}


def stacked_mnist(split: str = "train") -> Dataset:
    """Triples of digits, uint8 ``[N, 3, 28, 28]``; class abc is 100a + 10b + c."""
    source, n, seed = lookup(SPLITS, split, "split of stacked-mnist")
    digits = mnist(source)
    assert digits.labels is not None
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randint(len(digits), (n, 3), generator=generator)
    labels = digits.labels[chosen] @ torch.tensor([100, 10, 1])
    names = tuple(f"{i:03d}" for i in range(1000))
    return Dataset(f"stacked-mnist[{split}]", digits.values[chosen, 0], labels, names)
