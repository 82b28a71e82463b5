"""How many modes of a known mixture the samples reach.

The protocol of the mode-coverage papers, as PacGAN's authors run it (fjxmlzn/PacGAN): 2,500
samples; one is of high quality when it lies within 3 standard deviations of the nearest mode; a
mode is covered when at least one such sample is nearest to it.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from .inputs import as_matching_rows


@dataclass(frozen=True)
class Modes:
    """What the samples reach.

    Parameters
    ----------
    covered:
        Modes with at least one sample of high quality.
    high_quality:
        The share of samples of high quality, 0 to 1.
    counts:
        Samples of high quality at each mode, int64 ``[K]``.
    """

    covered: int
    high_quality: float
    counts: Tensor


def mode_coverage(samples: Tensor, modes: Tensor, std: float, within: float = 3.0) -> Modes:
    """Count what samples ``[N, D]`` reach of modes ``[K, D]``.

    Parameters
    ----------
    std:
        A mode's standard deviation in each direction.
    within:
        How many of them a sample of high quality may be away, at most.
    """
    points, centres = as_matching_rows(samples, modes.to(samples.device), ("samples", "modes"))
    # Differences, not an expanded square: modes are a hundred times further apart than wide.
    distances = torch.cdist(points, centres, compute_mode="donot_use_mm_for_euclid_dist")
    distance, which = distances.min(1)
    good = distance < within * std
    counts = torch.bincount(which[good], minlength=len(centres)).cpu()
    return Modes(int((counts > 0).sum()), good.double().mean().item(), counts)
