"""Mode coverage of a known mixture.

The protocol of the mode-coverage papers, as in PacGAN (fjxmlzn/PacGAN): of 2,500 samples, those
within 3 standard deviations of the nearest mode are of high quality; a mode is covered if it is the
nearest mode of at least one of these.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from .inputs import as_matching_rows


@dataclass(frozen=True)
class Modes:
    """Mode coverage of a set of samples.

    Parameters
    ----------
    covered:
        Number of modes with at least one high-quality sample.
    high_quality:
        Fraction of high-quality samples, 0 to 1.
    counts:
        Number of high-quality samples per mode, int64 ``[K]``.
    """

    covered: int
    high_quality: float
    counts: Tensor


def mode_coverage(
    samples: Tensor, modes: Tensor, std: float | Tensor, within: float = 3.0
) -> Modes:
    """Count the modes that samples cover.

    Parameters
    ----------
    samples:
        ``[N, D]``.
    modes:
        Centres of the modes, ``[K, D]``.
    std:
        Standard deviation of the modes in each direction, one for all or ``[K]``.
    within:
        Largest distance of a high-quality sample to its mode, in standard deviations (exclusive).
    """
    points, centres = as_matching_rows(samples, modes.to(samples.device), ("samples", "modes"))
    # Avoid cancellation: modes are a hundred times further apart than they are wide.
    distances = torch.cdist(points, centres, compute_mode="donot_use_mm_for_euclid_dist")
    distance, which = distances.min(1)
    # Of several widths, that of the nearest mode.
    good = distance < within * torch.as_tensor(std).to(distance).expand(len(centres))[which]
    counts = torch.bincount(which[good], minlength=len(centres)).cpu()
    return Modes(int((counts > 0).sum()), good.double().mean().item(), counts)
