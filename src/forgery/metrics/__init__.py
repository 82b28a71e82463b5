"""Evaluation measures: functions of tensors that return plain numbers, one measure per file.

Samples and features are ``[N, ...]``, one per row. Computation is in float64 on the tensors'
device, in blocks, so that 50,000 × 50,000 distances need not fit into memory. Every measure raises
:class:`~forgery.errors.ForgeryError` on non-finite values. Nothing here loads or prints anything.
"""

from .classes import ClassBalance, class_balance, class_histogram, kl_divergence
from .density_coverage import DensityCoverage, density_and_coverage
from .duplicates import occurs_in
from .energy import energy_distance
from .frechet import FeatureStatistics, feature_statistics, frechet_distance
from .grid_divergence import GridDivergence, grid_divergence
from .inputs import count_nonfinite
from .kernel import KernelDistance, kernel_distance
from .matching import best_match, matched_accuracy
from .memorisation import Memorisation, detect_memorisation
from .modes import Modes, mode_coverage
from .parzen import ParzenLikelihood, choose_sigma, log_likelihood, parzen_likelihood
from .precision_recall import PrecisionRecall, inside_manifold, precision_and_recall
from .principal_axes import PrincipalAxes, principal_axes

__all__ = [
    "ClassBalance",
    "DensityCoverage",
    "FeatureStatistics",
    "GridDivergence",
    "KernelDistance",
    "Memorisation",
    "Modes",
    "ParzenLikelihood",
    "PrecisionRecall",
    "PrincipalAxes",
    "best_match",
    "choose_sigma",
    "class_balance",
    "class_histogram",
    "count_nonfinite",
    "density_and_coverage",
    "detect_memorisation",
    "energy_distance",
    "feature_statistics",
    "frechet_distance",
    "grid_divergence",
    "inside_manifold",
    "kernel_distance",
    "kl_divergence",
    "log_likelihood",
    "matched_accuracy",
    "mode_coverage",
    "occurs_in",
    "parzen_likelihood",
    "precision_and_recall",
    "principal_axes",
]
