"""Random numbers as a function of (seed, purpose, counter).

Nothing is drawn from a stream whose position would have to be saved: a resumed run needs its
counters only. Each training step begins by seeding torch's own generators from (seed, step), so
that everything random inside it (z, dropout, whatever a penalty draws) follows from those two.
"""

import hashlib
import itertools
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager

import torch
from torch import Tensor

from ..errors import lookup

#: Draws z: (number, dimensions, device, generator or None for torch's own) → float32 [N, Z].
NOISES = {
    "normal": lambda n, size, device, generator: torch.randn(
        n, size, device=device, generator=generator
    ),
    # U(-√3, √3) has unit variance, like the normal (goodfeli/adversarial).
    "uniform": lambda n, size, device, generator: (
        torch.rand(n, size, device=device, generator=generator).mul_(2).sub_(1).mul_(3**0.5)
    ),
}

#: z is drawn for this many samples at a time, so that sample number i never depends on how many
#: are asked for.
_BLOCK = 256


def derive(seed: int, purpose: str, counter: int = 0) -> int:
    """A 32-bit seed for one purpose and moment (32, since torch's CPU generator uses no more)."""
    text = f"{seed}/{purpose}/{counter}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=4).digest())


def seed_step(seed: int, step: int, device: torch.device) -> None:
    """Seed torch's generators, the CPU's and the device's, for one training step."""
    value = derive(seed, "step", step)
    torch.default_generator.manual_seed(value)
    if device.type == "cuda":
        index = torch.cuda.current_device() if device.index is None else device.index
        torch.cuda.default_generators[index].manual_seed(value)
    elif device.type == "mps":
        torch.mps.manual_seed(value)


def forked(device: torch.device) -> AbstractContextManager[None]:
    """Restore torch's generators, the CPU's and a CUDA device's, at the end: they are the caller's.

    Inside, :func:`seed_step` seeds them.
    """
    return torch.random.fork_rng(devices=[device] if device.type == "cuda" else [])


def permutation(seed: int, epoch: int, n: int) -> Tensor:
    """The order in which an epoch visits ``n`` images: int64 [n], on the CPU."""
    generator = torch.Generator().manual_seed(derive(seed, "data", epoch))
    return torch.randperm(n, generator=generator)


def permutations(seeds: Sequence[int], epoch: int, n: int) -> Tensor:
    """The order of each seed, int64 [S, n]."""
    return torch.stack([permutation(seed, epoch, n) for seed in seeds])


def coins(seed: int, purpose: str, counter: int, n: int) -> Tensor:
    """True or false, as likely, for each of n things at a moment: bool [n], on the CPU."""
    generator = torch.Generator().manual_seed(derive(seed, purpose, counter))
    return torch.rand(n, generator=generator) < 0.5


def noise(kind: str, n: int, size: int, device: torch.device) -> Tensor:
    """z for a training step, from the generators that :func:`seed_step` has seeded: [n, size]."""
    return NOISES[kind](n, size, device, None)


def fixed_noise(kind: str, n: int, size: int, seed: int) -> Tensor:
    """z that depends on the seed alone, drawn on the CPU: [n, size].

    The first m of n are the same for every n, and the same on every device.
    """
    return torch.cat(list(noise_parts(kind, n, size, seed)))


def noise_parts(kind: str, n: int, size: int, seed: int, part: int = _BLOCK) -> Iterator[Tensor]:
    """:func:`fixed_noise` in parts ``[part, size]``, the last of what is left.

    Memory holds one of them at a time.
    """
    draw = lookup(NOISES, kind, "noise")
    generator = torch.Generator().manual_seed(derive(seed, "sample"))
    cpu = torch.device("cpu")
    return _rechunked((draw(_BLOCK, size, cpu, generator) for _ in itertools.count()), n, part)


def fixed_labels(counts: Tensor, n: int, seed: int) -> Tensor:
    """Classes that depend on the seed alone, by the data's counts ``[K]`` of them: int64 [n].

    As with :func:`fixed_noise`, the first m of n are the same for every n.
    """
    return torch.cat(list(label_parts(counts, n, seed)))


def label_parts(counts: Tensor, n: int, seed: int, part: int = _BLOCK) -> Iterator[Tensor]:
    """:func:`fixed_labels` in parts ``[part]``, the last of what is left."""
    generator = torch.Generator().manual_seed(derive(seed, "labels"))
    shares = counts.double()
    blocks = (
        torch.multinomial(shares, _BLOCK, replacement=True, generator=generator)
        for _ in itertools.count()
    )
    return _rechunked(blocks, n, part)


def _rechunked(blocks: Iterator[Tensor], n: int, part: int) -> Iterator[Tensor]:
    """The first n rows of endless blocks, so many at a time."""
    rows = next(blocks)
    for start in range(0, n, part):
        size = min(part, n - start)
        while len(rows) < size:
            rows = torch.cat([rows, next(blocks)])
        yield rows[:size]
        rows = rows[size:]
