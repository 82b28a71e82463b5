"""Random numbers as a function of (seed, purpose, counter).

No state of a random number generator needs to be saved: a resumed run needs its counters only. Each
training step seeds torch's generators from (seed, step), which determines all its random numbers
(z, dropout, penalties).
"""

import hashlib
import itertools
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager

import torch
from torch import Tensor

from .errors import lookup

#: Draws z: (n, dimension, device, generator or None for torch's default) → float32 [n, Z].
NOISES = {
    "normal": lambda n, size, device, generator: torch.randn(
        n, size, device=device, generator=generator
    ),
    # U(-√3, √3) has unit variance, like the normal distribution (goodfeli/adversarial).
    "uniform": lambda n, size, device, generator: (
        torch.rand(n, size, device=device, generator=generator).mul_(2).sub_(1).mul_(3**0.5)
    ),
}

#: Samples drawn at a time, so that sample i does not depend on the total number.
_BLOCK = 256


def derive(seed: int, purpose: str, counter: int = 0) -> int:
    """Derive a 32-bit seed for a purpose and counter; torch's CPU generator uses only 32 bits."""
    text = f"{seed}/{purpose}/{counter}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=4).digest())


def seed_step(seed: int, step: int, device: torch.device) -> None:
    """Seed torch's generators of the CPU and of ``device`` for a training step."""
    value = derive(seed, "step", step)
    torch.default_generator.manual_seed(value)
    if device.type == "cuda":
        index = torch.cuda.current_device() if device.index is None else device.index
        torch.cuda.default_generators[index].manual_seed(value)
    elif device.type == "mps":
        torch.mps.manual_seed(value)


def forked(device: torch.device) -> AbstractContextManager[None]:
    """Restore the state of torch's generators of the CPU and of a CUDA device on exit.

    They belong to the caller; inside the block, :func:`seed_step` seeds them.
    """
    return torch.random.fork_rng(devices=[device] if device.type == "cuda" else [])


def permutation(seed: int, epoch: int, n: int) -> Tensor:
    """The order of ``n`` samples in an epoch: int64 [n], on the CPU."""
    generator = torch.Generator().manual_seed(derive(seed, "data", epoch))
    return torch.randperm(n, generator=generator)


def permutations(seeds: Sequence[int], epoch: int, n: int) -> Tensor:
    """The order of samples for each seed, int64 [S, n]."""
    return torch.stack([permutation(seed, epoch, n) for seed in seeds])


def coins(seed: int, purpose: str, counter: int, n: int) -> Tensor:
    """n fair coin flips for a purpose and counter: bool [n], on the CPU."""
    generator = torch.Generator().manual_seed(derive(seed, purpose, counter))
    return torch.rand(n, generator=generator) < 0.5


def noise(kind: str, n: int, size: int, device: torch.device) -> Tensor:
    """Draw z for a training step from the generators seeded by :func:`seed_step`: [n, size]."""
    return NOISES[kind](n, size, device, None)


def fixed_noise(kind: str, n: int, size: int, seed: int) -> Tensor:
    """Draw z as a function of the seed, on the CPU: [n, size].

    The first m samples do not depend on n.
    """
    return torch.cat(list(noise_parts(kind, n, size, seed)))


def noise_parts(kind: str, n: int, size: int, seed: int, part: int = _BLOCK) -> Iterator[Tensor]:
    """:func:`fixed_noise` in parts ``[part, size]``, generated one at a time.

    The last part may be smaller.
    """
    draw = lookup(NOISES, kind, "noise")
    generator = torch.Generator().manual_seed(derive(seed, "sample"))
    cpu = torch.device("cpu")
    return _rechunked((draw(_BLOCK, size, cpu, generator) for _ in itertools.count()), n, part)


def fixed_labels(counts: Tensor, n: int, seed: int) -> Tensor:
    """Draw classes as a function of the seed, in proportion to ``counts`` ``[K]``: int64 [n].

    The first m classes do not depend on n.
    """
    return torch.cat(list(label_parts(counts, n, seed)))


def label_parts(counts: Tensor, n: int, seed: int, part: int = _BLOCK) -> Iterator[Tensor]:
    """:func:`fixed_labels` in parts ``[part]``; the last part may be smaller."""
    generator = torch.Generator().manual_seed(derive(seed, "labels"))
    shares = counts.double()
    blocks = (
        torch.multinomial(shares, _BLOCK, replacement=True, generator=generator)
        for _ in itertools.count()
    )
    return _rechunked(blocks, n, part)


def _rechunked(blocks: Iterator[Tensor], n: int, part: int) -> Iterator[Tensor]:
    """Yield the first n rows of endless blocks in parts of ``part`` rows."""
    rows = next(blocks)
    for start in range(0, n, part):
        size = min(part, n - start)
        while len(rows) < size:
            rows = torch.cat([rows, next(blocks)])
        yield rows[:size]
        rows = rows[size:]
