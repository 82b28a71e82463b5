"""From settings to things: a config and its data become a game that can be trained."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from . import rows
from .augmentations import AUGMENTATIONS, Augment
from .config import Config, GameSettings, compatibility
from .data import Batches, Dataset, Labelled, choose_labelled
from .errors import ForgeryError, lookup, refuse
from .models.layers import couples_batch
from .objectives import Objective
from .parts import NOTHING, Given, condition_of, find, networks
from .protocols import problems_of
from .training import device, optimizers, parallel, randomness
from .training.algorithm1 import UPDATES, AdversarialGame, Latents
from .training.average import Average
from .training.ensemble import Ensemble, MemberNoise
from .training.optimizers import Moment, Schedule
from .training.parallel import ALONE, Ranks
from .training.player import Player
from .training.state import Trainable, Training
from .training.terms import ClassLoss, GradientPenalty, LabelledLoss, Term
from .training.vae import VAE
from .training.view import View


def training_of(
    config: Config,
    dataset: Dataset,
    where: torch.device,
    ranks: Ranks = ALONE,
    given: Given = NOTHING,
) -> Training:
    """What is trained, the average of G and the counters at the start of a run, on their device.

    Parameters
    ----------
    given:
        Parts that were given from Python, by setting.

    Raises
    ------
    ForgeryError
        Naming all settings that do not go with the data, the networks or the processes.
    """
    generator, other = _fitting(config, dataset, given)
    players = _players(config, generator.to(where), other.to(where), ranks)
    game, schedules = GAMES[config.model](config, players, dataset, where, given)
    average = Average(generator, config.ema) if config.ema else None
    begin_step = partial(randomness.seed_step, config.seed, device=where)
    return Training(game, average, begin_step, [*_rates(config, players), *schedules], ranks)


def ensemble_of(
    config: Config, seeds: Sequence[int], dataset: Dataset, where: torch.device
) -> Training:
    """The same for many seeds at once: member i begins as ``config.seed = seeds[i]`` would."""
    check_ensemble(config)
    _fitting(config.replace(seed=seeds[0]), dataset, NOTHING)
    pairs = [networks(config.replace(seed=seed), dataset.mean) for seed in seeds]
    generator, discriminator = (Ensemble(members).to(where) for members in zip(*pairs, strict=True))
    players = _players(config, generator, discriminator, ALONE)
    noise = MemberNoise(config.noise, config.latent, seeds, where)
    game, schedules = _game(config, players, lambda n, y: (noise(n), None), axis=1)
    average = Average(generator, config.ema) if config.ema else None
    return Training(
        game,
        average,
        noise.begin_step,
        [*_rates(config, players), *schedules],
        members=len(seeds),
    )


def check_ensemble(config: Config) -> None:
    """Refuse what many seeds at once cannot do."""
    refuse(compatibility.of_ensemble(config, find("objective", config.objective)))


def _fitting(config: Config, dataset: Dataset, given: Given) -> tuple[nn.Module, nn.Module]:
    """The networks of a run whose parts all go together.

    Raises
    ------
    ForgeryError
        Naming all problems with the data, the networks and the processes.
    """
    processes = parallel.process_count()
    problems = compatibility.of_processes(config, processes)
    problems += compatibility.of_data(config, dataset)
    of_classes = compatibility.of_classes(config, dataset)
    refuse(problems + of_classes if of_classes else [])  # networks cannot be made without classes
    classes = len(classes_of(config, dataset))
    try:
        pair = networks(config, dataset.mean, classes, given)
    except ForgeryError as error:
        raise ForgeryError("\n".join([*problems, str(error)])) from None
    parts = {name: find(name, getattr(config, name), given) for name in ("objective", "penalty")}
    is_gan, (generator, discriminator) = config.model == "gan", pair
    # What is no Objective is refused by problems_of.
    objective = parts["objective"] if isinstance(parts["objective"], Objective) else None
    problems += compatibility.of_networks(
        config,
        compatibility.Networks(
            generator,
            discriminator,
            objective if is_gan else None,
            couples_batch(discriminator),
            processes,
        ),
    )
    refuse(problems + problems_of(config, parts, pair, dataset.shape))
    return pair


def classes_of(config: Config, dataset: Dataset) -> dict[str, int]:
    """By name, the classes that a run has to do with, and of how many samples each is learnt.

    Empty where it has to do with none. Codes that G invents are numbered, and count as one each.

    Raises
    ------
    ForgeryError
        When the data does not have the labels that the run learns from.
    """
    condition = condition_of(config)
    if condition.invents:
        return {str(code): 1 for code in range(config.codes)}
    if condition.labels == "no":
        return {}
    counts = dataset.class_counts
    if condition.labels == "some":
        assert dataset.labels is not None
        known = dataset.labels.cpu()[labelled_rows(config, dataset)]
        counts = torch.bincount(known, minlength=len(counts))
    return dict(zip(dataset.classes, counts.tolist(), strict=True))


def labelled_rows(config: Config, dataset: Dataset) -> Tensor:
    """Which samples' labels a semi-supervised run knows; it follows from the seed."""
    generator = torch.Generator().manual_seed(randomness.derive(config.seed, "labelled"))
    order = torch.randperm(len(dataset), generator=generator)
    return choose_labelled(dataset, config.labels, order) if config.labels else order


#: The generator, and the discriminator or the encoder.
Players = tuple[Player, Player]


def _gan(
    config: Config, players: Players, dataset: Dataset, where: torch.device, given: Given
) -> tuple[Trainable, list[Schedule]]:
    """A GAN between two networks that are on their device."""
    condition, classes = condition_of(config), len(classes_of(config, dataset))
    noise = _noise_of(config, where)

    def latents(n: int, y: Tensor | None) -> tuple[Tensor, Tensor | None]:
        z = noise(n)
        return z, condition.ask(n, y, classes, where) if condition.ask else None

    labelled: list[Term] = []
    if condition.labels == "some":
        draw = Labelled(
            dataset,
            labelled_rows(config, dataset),
            config.batch_size,
            where,
            config.accumulate,
            rows.local,
        )
        labelled = [LabelledLoss(players[1], config.class_weight, draw)]
    return _game(config, players, latents, labelled, given=given)


def _game(
    config: Config,
    players: Players,
    latents: Latents,
    labelled: Sequence[Term] = (),
    axis: int = 0,
    given: Given = NOTHING,
) -> tuple[AdversarialGame, list[Schedule]]:
    """The config's game, and the schedule of its penalty's weight."""
    generator, discriminator = players
    terms = list(labelled)
    schedules: list[Schedule] = []
    if penalty := find("penalty", config.penalty, given):
        term = GradientPenalty(discriminator, penalty, config.penalty_weight)
        terms.append(term)
        schedules.append(partial(_set_weight, term, config))
    condition = condition_of(config)
    if condition.predicts_classes and condition.ask:
        terms.append(ClassLoss(discriminator, config.class_weight))
    augment = _augment(config)
    if augment is not None:
        augment.to(generator.parameters[0].device)
    game = UPDATES[config.updates](
        generator,
        discriminator,
        find("objective", config.objective, given),
        latents,
        View(augment, config.pack, axis),
        terms,
        config.d_steps,
    )
    return game, schedules


def _vae(
    config: Config, players: Players, dataset: Dataset, where: torch.device, given: Given
) -> tuple[Trainable, list[Schedule]]:
    """A VAE of two networks that are on their device."""
    return VAE(*players, _noise_of(config, where)), []


def _augment(config: Config) -> Augment | None:
    augmentation = lookup(AUGMENTATIONS, config.augment, "augment")
    if augmentation is None:
        return None
    return Augment(augmentation, config.augment_target, config.augment_ramp)


def _noise_of(config: Config, where: torch.device) -> Callable[[int], Tensor]:
    """Draws z for the rows of a minibatch that this process holds: n → ``[n, Z]``."""
    draw = partial(randomness.noise, config.noise, size=config.latent, device=where)
    return lambda n: rows.drawn(n, draw)


def _players(config: Config, generator: nn.Module, other: nn.Module, ranks: Ranks) -> Players:
    def player(network: nn.Module, learning_rate: float, clip: float = 0.0) -> Player:
        if config.compile:
            network.compile()  # compiles __call__ only: look is called separately
            if look := getattr(network, "look", None):
                network.look = torch.compile(look)  # type: ignore[assignment]
        optimizer = optimizers.build(network.parameters(), learning_rate, config)
        precision = PRECISIONS[config.precision]
        return Player(network, optimizer, ranks, config.accumulate, clip, precision)

    return (
        player(generator, config.g_learning_rate),
        player(other, config.d_learning_rate, config.clip),
    )


def _rates(config: Config, players: Players) -> list[Schedule]:
    """The schedules of the two optimisers."""
    starts = (config.g_learning_rate, config.d_learning_rate)
    return [
        optimizers.schedule(player.optimizer, start, config)
        for player, start in zip(players, starts, strict=True)
    ]


def _set_weight(term: GradientPenalty, config: Config, moment: Moment) -> None:
    """Set a penalty's weight for a step."""
    share = optimizers.burnt_in(moment.done, config)
    term.weight = optimizers.between(config.penalty_weight, config.penalty_weight_final, share)


#: What can be trained: makes it of its players, with the schedules of all but their optimisers.
GAMES: dict[
    str,
    Callable[[Config, Players, Dataset, torch.device, Given], tuple[Trainable, list[Schedule]]],
] = {"gan": _gan, "vae": _vae}

#: In what the networks' products may be computed.
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def batches_of(
    config: Config,
    dataset: Dataset,
    where: torch.device,
    seeds: Sequence[int] | None = None,
    ranks: Ranks = ALONE,
) -> Batches:
    """The minibatches of a config's run, or of an ensemble of seeds."""
    if seeds is None:
        order = partial(randomness.permutation, config.seed)
    else:
        order = partial(randomness.permutations, seeds)
    m = config.batch_size * config.pack
    mirrored = partial(randomness.coins, config.seed, "flip") if config.flip else None
    labelled = condition_of(config).labels == "every"
    refuse(compatibility.of_data(config, dataset))
    local = partial(ranks.local, parts=config.accumulate)
    return Batches(dataset.to(where), m, order, labelled, mirrored, where, local)


def batch_size_for(settings: GameSettings, n: int) -> int:
    """The batch size of the settings, or the largest below it that ``n`` samples allow.

    They make ``d_steps`` minibatches of batch_size·pack an epoch; ``accumulate`` and the processes
    of the run divide it, and leave at least 2 in each part, without which batch norm has no
    variance. Where there is none, it is the config's: :func:`batches_of` refuses that.
    """
    most = n // (settings.pack * settings.d_steps)
    if most >= settings.batch_size:
        return settings.batch_size
    parts = settings.accumulate * parallel.process_count()
    return most // parts * parts if most >= 2 * parts else settings.batch_size


def on_this_machine(config: Config) -> tuple[Config, torch.device]:
    """The config with its device and threads decided, and the device; nothing is set."""
    where = device.choose(config.device)
    threads = device.resolve_threads(config.threads)
    return config.replace(device=str(where), threads=threads), where
