"""Rules of compatibility between settings, and of settings with the data and the networks.

A rule is a function that returns a message or None. Each stage has a list of rules and returns the
messages of all that are broken, so that a user sees all problems at once, before anything is
written. A new rule is one function and one entry in a list.

Whether a setting has an effect, given the others, is declared with the setting (``settings.py``).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import ForgeryError
from .choices import RANDOM_PENALTIES
from .settings import LENGTHS, NO_LOG

if TYPE_CHECKING:  # forgery --help imports no torch
    from torch import nn

    from ..data import Dataset
    from ..objectives import Objective
    from .config import Config


def of_settings(config: "Config") -> list[str]:
    """The problems of the settings alone; :class:`Config` raises them."""
    return _broken(rule(config) for rule in SETTINGS)


def of_data(config: "Config", dataset: "Dataset") -> list[str]:
    """The problems of the settings with their data."""
    return _broken(rule(config, dataset) for rule in DATA)


def of_classes(config: "Config", dataset: "Dataset") -> list[str]:
    """The problems of a conditional run with the labels of its data."""
    return _broken(rule(config, dataset) for rule in CLASSES)


def of_networks(config: "Config", networks: "Networks") -> list[str]:
    """The problems of the settings with their networks and objective."""
    return _broken(rule(config, networks) for rule in NETWORKS)


def of_processes(config: "Config", count: int) -> list[str]:
    """The problems of training with ``count`` processes."""
    return _broken(rule(config, count) for rule in PROCESSES)


def of_ensemble(config: "Config", objective: "Objective") -> list[str]:
    """The problems of training many seeds at once."""
    return _broken(rule(config, objective) for rule in ENSEMBLE)


@dataclass(frozen=True)
class Networks:
    """The networks and the objective of a run, as needed by the rules.

    Parameters
    ----------
    generator, discriminator:
        The two networks.
    objective:
        The objective of a GAN; of a VAE the default one, which is not used.
    provides_features:
        Whether D returns its features beside its logits.
    couples_batch:
        Whether D's output for one sample depends on the others of its minibatch.
    """

    generator: "nn.Module"
    discriminator: "nn.Module"
    objective: "Objective"
    provides_features: bool = True
    couples_batch: bool = False


# The settings alone.


def one_length(config: "Config") -> str | None:
    given = [name for name in LENGTHS if getattr(config, name) is not None]
    if len(given) == 1:
        return None
    return (
        f"give one length, not {' and '.join(given) or 'none'}: steps, epochs, minutes or images "
        "(a new length replaces the old one)"
    )


def evaluations_are_reported(config: "Config") -> str | None:
    if config.evaluate_every % config.report_every == 0:
        return None
    return (
        f"evaluate-every must be a multiple of report-every ({config.report_every}), not "
        f"{config.evaluate_every}"
    )


def packs_have_no_class(config: "Config") -> str | None:
    if not config.is_conditional or config.pack == 1:
        return None
    return (
        f"conditional {config.conditional} judges each sample with its class, but pack "
        f"{config.pack} joins samples of different classes: give --pack 1 or --conditional none"
    )


def penalties_are_not_compiled(config: "Config") -> str | None:
    if config.penalty == "none" or not config.compile:
        return None
    return (
        f"penalty {config.penalty} needs second derivatives, which torch.compile does not support: "
        "give --no-compile or --penalty none"
    )


def compiled_passes_are_not_kept(config: "Config") -> str | None:
    if not config.compile or config.updates != "simultaneous" or config.d_steps == 1:
        return None
    return (
        "updates simultaneous differentiates a pass of D twice, which torch.compile does not "
        "support after other updates of D: give --no-compile, --d-steps 1 or --updates alternating"
    )


def accumulation_is_plain(config: "Config") -> str | None:
    if config.accumulate == 1 or (config.updates == "alternating" and config.pack == 1):
        return None
    return (
        "accumulate requires --updates alternating and --pack 1: simultaneous updates take both "
        "gradients from one pass, and a pack cannot be split"
    )


def parts_are_equal(config: "Config") -> str | None:
    if config.batch_size % config.accumulate == 0:
        return None
    return (
        f"a minibatch of {config.batch_size} cannot be split into {config.accumulate} equal parts: "
        f"give a --batch-size that is a multiple of {config.accumulate}"
    )


def continuous_codes_fit(config: "Config") -> str | None:
    if config.conditional != "infogan" or config.continuous <= config.latent:
        return None
    return (
        f"continuous {config.continuous} is more than the {config.latent} dimensions of z: give a "
        "larger --latent"
    )


def frozen_features_are_of_single_images(config: "Config") -> str | None:
    if config.discriminator != "projected" or config.pack == 1:
        return None
    return (
        "discriminator projected sees the frozen features of single images: give --pack 1, or "
        "choose another --discriminator"
    )


def frozen_features_take_no_class(config: "Config") -> str | None:
    if config.discriminator != "projected" or config.conditional != "concat":
        return None
    return (
        "discriminator projected sees frozen features, to which no class can be joined: give "
        "--conditional projection, or choose another --discriminator"
    )


def rates_start_above_their_bound(config: "Config") -> str | None:
    lowest = min(config.g_learning_rate, config.d_learning_rate)
    if config.learning_rate_min <= lowest:
        return None
    return (
        f"learning-rate-min {config.learning_rate_min:g} is above the learning rates, of which one "
        f"starts at {lowest:g}"
    )


SETTINGS: list[Callable[["Config"], str | None]] = [
    one_length,
    evaluations_are_reported,
    packs_have_no_class,
    penalties_are_not_compiled,
    compiled_passes_are_not_kept,
    accumulation_is_plain,
    parts_are_equal,
    continuous_codes_fit,
    frozen_features_are_of_single_images,
    frozen_features_take_no_class,
    rates_start_above_their_bound,
]

# With the data.


def only_images_are_changed(config: "Config", dataset: "Dataset") -> str | None:
    given = [f"augment {config.augment}"] if config.augment != "none" else []
    given += ["flip"] if config.flip else []
    if dataset.kind == "images" or not given:
        return None
    verb = "are" if len(given) > 1 else "is"
    return f"{' and '.join(given)} {verb} for images, but {dataset.name} holds {dataset.kind}"


def data_fill_a_step(config: "Config", dataset: "Dataset") -> str | None:
    m = config.batch_size * config.pack
    if len(dataset) < 2:
        return f"training needs at least 2 {dataset.kind}, and {dataset.name} has {len(dataset)}"
    if m > len(dataset):
        return (
            f"a batch of {m} is larger than the data: {dataset.name} has {len(dataset)} "
            f"{dataset.kind}; give a smaller --batch-size"
        )
    minibatches = len(dataset) // m
    if config.d_steps > minibatches:
        return (
            f"{config.d_steps} updates of D per step need {config.d_steps} minibatches of {m}, but "
            f"{dataset.name} has only {minibatches}: give fewer --d-steps or a smaller --batch-size"
        )
    return None


DATA: list[Callable[["Config", "Dataset"], str | None]] = [
    only_images_are_changed,
    data_fill_a_step,
]


def classes_are_labelled(config: "Config", dataset: "Dataset") -> str | None:
    if config.conditional in ("none", "infogan"):
        return None
    return _refusal(lambda: dataset.class_counts)


def labelled_samples_exist(config: "Config", dataset: "Dataset") -> str | None:
    if not config.labels or dataset.labels is None:
        return None
    from torch import arange

    return _refusal(lambda: dataset.balanced(config.labels, arange(len(dataset))))


CLASSES: list[Callable[["Config", "Dataset"], str | None]] = [
    classes_are_labelled,
    labelled_samples_exist,
]

# With the networks.


def unbounded_losses_are_held(config: "Config", networks: Networks) -> str | None:
    penalised = config.penalty != "none" and config.penalty_weight > 0
    held = config.clip or config.spectral_norm or penalised
    if networks.objective.d_bounded or held:
        return None
    return (
        f"D's loss under objective {config.objective} has no lower bound: bound D's gradient by "
        "--penalty wgan-gp --penalty-weight 10, by --clip 0.01 or by --spectral-norm"
    )


def penalties_need_separate_samples(config: "Config", networks: Networks) -> str | None:
    if config.penalty == "none" or not networks.couples_batch:
        return None
    return (
        f"penalty {config.penalty} is a function of D's gradient at each sample, but discriminator "
        f"{config.discriminator} couples the samples of a minibatch (batch norm): choose another "
        "--discriminator, such as mlp, resnet or modern, or --penalty none"
    )


def features_can_be_seen(config: "Config", networks: Networks) -> str | None:
    if not networks.objective.g_sees_features or networks.provides_features:
        return None
    return (
        f"objective {config.objective} compares features of D, but discriminator "
        f"{config.discriminator} provides none: choose another --discriminator, such as mlp, or "
        "another --objective"
    )


def batch_norm_has_a_variance(config: "Config", networks: Networks) -> str | None:
    from torch.nn import BatchNorm1d

    m = config.batch_size // config.accumulate
    for name, network, n in (
        (f"generator {config.generator}", networks.generator, m * config.pack),
        (f"discriminator {config.discriminator}", networks.discriminator, m),
    ):
        if n == 1 and any(isinstance(layer, BatchNorm1d) for layer in network.modules()):
            return (
                f"{name} has batch norm, which needs at least 2 samples per pass, but there is 1: "
                "give a larger --batch-size"
            )
    return None


def frozen_features_do_not_encode(config: "Config", networks: Networks) -> str | None:
    if config.discriminator != "projected" or config.model == "gan":
        return None
    return f"discriminator projected cannot encode images for a {config.model}: choose another"


def frozen_layers_exist(config: "Config", networks: Networks) -> str | None:
    from ..models.freezing import lower_layers

    most = len(lower_layers(networks.discriminator))
    if config.freeze_d <= most:
        return None
    return (
        f"freeze-d {config.freeze_d} is more than the {most} layer{'' if most == 1 else 's'} that "
        f"discriminator {config.discriminator} has before its output: give --freeze-d {most} or "
        "less"
    )


NETWORKS: list[Callable[["Config", Networks], str | None]] = [
    unbounded_losses_are_held,
    penalties_need_separate_samples,
    features_can_be_seen,
    batch_norm_has_a_variance,
    frozen_features_do_not_encode,
    frozen_layers_exist,
]

# Several processes.


def processes_share_evenly(config: "Config", count: int) -> str | None:
    part = config.batch_size // config.accumulate
    if part % count == 0:
        return None
    return (
        f"a minibatch of {part} cannot be split evenly among {count} processes: give a "
        f"--batch-size that is a multiple of {count * config.accumulate}"
    )


PROCESSES: list[Callable[["Config", int], str | None]] = [processes_share_evenly]

# Many seeds at once.


def ensembles_are_gans(config: "Config", objective: "Objective") -> str | None:
    if config.model == "gan":
        return None
    return f"only GANs can be trained many seeds at once: train each {config.model} separately"


def ensembles_start_afresh(config: "Config", objective: "Objective") -> str | None:
    if config.start_from is None:
        return None
    return (
        f"start-from {config.start_from} has the weights of one seed: seeds trained at once start "
        "with random weights; fine-tune with forgery train"
    )


def ensembles_draw_no_penalty(config: "Config", objective: "Objective") -> str | None:
    if config.penalty not in RANDOM_PENALTIES:
        return None
    return (
        f"penalty {config.penalty} draws random numbers, which seeds trained at once cannot share: "
        "choose another --penalty, or train each seed separately"
    )


def ensembles_have_no_spectral_norm(config: "Config", objective: "Objective") -> str | None:
    if not config.spectral_norm:
        return None
    return (
        "spectral normalisation keeps a state in each network, which seeds trained at once cannot "
        "share: give --no-spectral-norm, or train each seed separately"
    )


def ensembles_see_samples(config: "Config", objective: "Objective") -> str | None:
    if config.discriminator != "projected":
        return None
    return (
        "discriminator projected is spectrally normalised, with a state that seeds trained at once "
        "cannot share: choose another --discriminator, or train each seed separately"
    )


def ensembles_have_no_classes(config: "Config", objective: "Objective") -> str | None:
    if not config.is_conditional:
        return None
    return (
        f"seeds trained at once cannot be conditional (conditional {config.conditional}): give "
        "--conditional none, or train each seed separately"
    )


def ensembles_show_no_features(config: "Config", objective: "Objective") -> str | None:
    if not objective.g_sees_features:
        return None
    return (
        f"objective {config.objective} compares features of D, which seeds trained at once do not "
        "provide: choose another --objective, or train each seed separately"
    )


def ensembles_change_no_images(config: "Config", objective: "Objective") -> str | None:
    given = [f"augment {config.augment}"] if config.augment != "none" else []
    given += ["flip"] if config.flip else []
    if not given:
        return None
    return (
        f"{' and '.join(given)} {'draw' if len(given) > 1 else 'draws'} random numbers, which "
        "seeds trained at once cannot share: leave it out, or train each seed separately"
    )


def ensembles_are_not_logged(config: "Config", objective: "Objective") -> str | None:
    if config.log == NO_LOG:
        return None
    return (
        f"seeds trained at once make no reports to log (log {config.log}): give --log none, or "
        "train each seed separately"
    )


ENSEMBLE: list[Callable[["Config", "Objective"], str | None]] = [
    ensembles_are_gans,
    ensembles_start_afresh,
    ensembles_draw_no_penalty,
    ensembles_have_no_spectral_norm,
    ensembles_see_samples,
    ensembles_have_no_classes,
    ensembles_show_no_features,
    ensembles_change_no_images,
    ensembles_are_not_logged,
]


def _broken(messages: Iterable[str | None]) -> list[str]:
    return [message for message in messages if message is not None]


def _refusal(attempt: Callable[[], object]) -> str | None:
    """The message of the error that an attempt raises, or None."""
    try:
        attempt()
    except ForgeryError as error:
        return str(error)
    return None
