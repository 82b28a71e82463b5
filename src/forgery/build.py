"""Construction of a game that can be trained, from a config and its data."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from . import randomness, rows
from .augmentations import AUGMENTATIONS, Augment
from .config import Config, GameSettings, compatibility
from .data import Batches, Dataset, Labelled
from .errors import ForgeryError, lookup, refuse
from .models.conditional import provides_features
from .models.freezing import freeze
from .models.layers import couples_batch, initialise_from_data
from .parts import NOTHING, Given, condition_of, find, foreign_parts, networks
from .projected import projection_in
from .protocols import problems_of
from .sampler import Sampler
from .training import device, optimizers, parallel
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
    """The game, the average of G and the counters at the start of a run.

    Parameters
    ----------
    config:
        Settings of the run.
    dataset:
        The training data.
    where:
        Device of the networks.
    ranks:
        The processes that train together.
    given:
        Parts given from Python, by setting.

    Raises
    ------
    ForgeryError
        Naming all settings that are incompatible with the data, the networks or the processes.
    """
    generator, other = _fitting(config, dataset, given)
    freeze(other, config.freeze_d)
    _initialise_from_data(config, other, dataset)
    players = _players(config, generator.to(where), other.to(where), ranks)
    if projection := projection_in(other):
        projection.calibrate(dataset)
    game, schedules = GAMES[config.model](config, players, dataset, where, given)
    average = Average(generator, config.ema) if config.ema else None
    begin_step = partial(randomness.seed_step, config.seed, device=where)
    schedules = [*_rates(config, players), *schedules]
    project = _projected_once(config, dataset, other)
    return Training(game, average, begin_step, schedules, ranks, project=project)


def sampler_of(config: Config, dataset: Dataset, training: Training) -> Sampler:
    """A sampler of the current generator, or of its average if there is one."""
    return Sampler(training.sampler, config.noise, config.latent, dataset.shape, dataset.units)


def ensemble_of(
    config: Config, seeds: Sequence[int], dataset: Dataset, where: torch.device
) -> Training:
    """:func:`training_of` for an ensemble: member i equals a run with the seed ``seeds[i]``."""
    check_ensemble(config)
    _fitting(config.replace(seed=seeds[0]), dataset, NOTHING)
    members = [config.replace(seed=seed) for seed in seeds]
    pairs = [networks(member, dataset.mean) for member in members]
    for member, (_, discriminator) in zip(members, pairs, strict=True):
        _initialise_from_data(member, discriminator, dataset)
    generator, discriminator = (Ensemble(nets).to(where) for nets in zip(*pairs, strict=True))
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
    """Refuse settings that an ensemble does not support."""
    refuse(compatibility.of_ensemble(config, find("objective", config.objective)))


def _fitting(config: Config, dataset: Dataset, given: Given) -> tuple[nn.Module, nn.Module]:
    """The networks of a run, after all checks of compatibility.

    Raises
    ------
    ForgeryError
        Naming all problems with the data, the networks and the processes.
    """
    problems = compatibility.of_processes(config, parallel.process_count())
    problems += compatibility.of_data(config, dataset)
    of_classes = compatibility.of_classes(config, dataset)
    refuse(problems + of_classes if of_classes else [])  # networks cannot be built without classes
    classes = len(classes_of(config, dataset))
    try:
        pair = networks(config, dataset.mean, classes, given)
    except ForgeryError as error:
        raise ForgeryError("\n".join([*problems, str(error)])) from None
    generator, other = pair
    objective = find("objective", config.objective, given)
    facts = compatibility.Networks(
        generator,
        other,
        objective,
        provides_features(other),
        couples_batch(other),
    )
    takes_class = condition_of(config).choose_classes is not None
    foreign = foreign_parts(config, given)
    broken = problems_of(config, foreign, pair, dataset.shape, takes_class)
    # The rules rely on parts that do what is required of them.
    refuse(problems + (broken or compatibility.of_networks(config, facts)))
    return pair


def _initialise_from_data(config: Config, network: nn.Module, dataset: Dataset) -> None:
    """Initialise the layers of D, or of the encoder, whose initial weights depend on data."""

    def forward() -> None:
        few = dataset.stratified(FIRST_SAMPLES).to(dataset.values.device)
        few = few[: len(few) // config.pack * config.pack]
        given = [View(pack=config.pack)(dataset.to_model(dataset.values[few]).cpu())]
        if condition_of(config).labels == "every":
            assert dataset.labels is not None
            given.append(dataset.labels[few].cpu())
        cpu = torch.device("cpu")
        with randomness.forked(cpu):
            randomness.seed_step(config.seed, 0, cpu)
            network(*given)

    initialise_from_data(network, forward)


def classes_of(config: Config, dataset: Dataset) -> dict[str, int]:
    """The classes of a conditional run by name, with the number of labelled samples of each.

    Empty for unconditional runs. The codes of an InfoGAN are numbered, and count as one sample
    each.

    Raises
    ------
    ForgeryError
        If the data does not have the labels that the run needs.
    """
    condition = condition_of(config)
    if condition.invents_classes:
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
    """Rows of the samples whose labels a semi-supervised run uses; a function of the seed."""
    generator = torch.Generator().manual_seed(randomness.derive(config.seed, "labelled"))
    order = torch.randperm(len(dataset), generator=generator)
    return dataset.balanced(config.labels, order) if config.labels else order


#: The generator, and the discriminator or the encoder.
Players = tuple[Player, Player]


def _gan(
    config: Config, players: Players, dataset: Dataset, where: torch.device, given: Given
) -> tuple[Trainable, list[Schedule]]:
    """Create a GAN of two networks, which are on their device."""
    condition, classes = condition_of(config), len(classes_of(config, dataset))
    noise = _noise_of(config, where)

    def latents(n: int, y: Tensor | None) -> tuple[Tensor, Tensor | None]:
        choose = condition.choose_classes
        return noise(n), choose(n, y, classes, where) if choose else None

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
    """Create the config's game, and the schedule of its penalty's weight."""
    generator, discriminator = players
    terms = list(labelled)
    schedules: list[Schedule] = []
    if penalty := find("penalty", config.penalty, given):
        term = GradientPenalty(discriminator, penalty, config.penalty_weight)
        terms.append(term)
        schedules.append(partial(_set_weight, term, config))
    condition = condition_of(config)
    if condition.predicts_classes and condition.choose_classes:
        terms.append(ClassLoss(discriminator, config.class_weight))
    augment = _augment(config)
    if augment is not None:
        augment.to(generator.parameters[0].device)
    game = UPDATES[config.updates](
        generator,
        discriminator,
        find("objective", config.objective, given),
        latents,
        View(augment, config.pack, axis, projection_in(discriminator.network)),
        terms,
        config.d_steps,
    )
    return game, schedules


def _vae(
    config: Config, players: Players, dataset: Dataset, where: torch.device, given: Given
) -> tuple[Trainable, list[Schedule]]:
    """Create a VAE of two networks, which are on their device."""
    return VAE(*players, _noise_of(config, where)), []


def _projected_once(
    config: Config, dataset: Dataset, discriminator: nn.Module
) -> Callable[[Tensor], Tensor] | None:
    """The projection of real samples, if they are always the same and fit into memory."""
    projection = projection_in(discriminator)
    if projection is None or config.flip or config.augment != "none":
        return None
    few = len(dataset) * projection.size * torch.float16.itemsize <= PROJECTED
    return projection if few and not dataset.mapping else None


def _augment(config: Config) -> Augment | None:
    augmentation = lookup(AUGMENTATIONS, config.augment, "augment")
    if augmentation is None:
        return None
    return Augment(augmentation, config.augment_target, config.augment_ramp, config.accumulate)


def _noise_of(config: Config, where: torch.device) -> Callable[[int], Tensor]:
    """Create a function that draws z for the local rows of a minibatch: n → ``[n, Z]``."""
    draw = partial(randomness.noise, config.noise, size=config.latent, device=where)
    return lambda n: rows.drawn(n, draw)


def _players(config: Config, generator: nn.Module, other: nn.Module, ranks: Ranks) -> Players:
    def player(network: nn.Module, learning_rate: float, clip: float = 0.0) -> Player:
        if config.compile:
            network.compile()  # compiles __call__ only: look is called separately
            if look := getattr(network, "look", None):
                network.look = torch.compile(look)  # type: ignore[assignment]
        trained = [p for p in network.parameters() if p.requires_grad]
        optimizer = optimizers.build(trained, learning_rate, config)
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


#: Model → function that creates a game of its players, and schedules besides the optimisers'.
GAMES: dict[
    str,
    Callable[[Config, Players, Dataset, torch.device, Given], tuple[Trainable, list[Schedule]]],
] = {"gan": _gan, "vae": _vae}

#: Number of real samples on which data-dependent layers are initialised; openai/improved-gan's.
FIRST_SAMPLES = 500
#: Bytes of the frozen features of all real samples, from which on they are computed in each step.
PROJECTED = 1 << 30
#: Data types of the networks' matrix products.
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def batches_of(
    config: Config,
    dataset: Dataset,
    where: torch.device,
    seeds: Sequence[int] | None = None,
    ranks: Ranks = ALONE,
    project: Callable[[Tensor], Tensor] | None = None,
) -> Batches:
    """The minibatches of a config's run, or of an ensemble of seeds.

    ``project`` is that of the :class:`Training` that uses them.
    """
    if seeds is None:
        order = partial(randomness.permutation, config.seed)
    else:
        order = partial(randomness.permutations, seeds)
    m = config.batch_size * config.pack
    mirrored = partial(randomness.coins, config.seed, "flip") if config.flip else None
    labelled = condition_of(config).labels == "every"
    refuse(compatibility.of_data(config, dataset))
    local = partial(ranks.local, parts=config.accumulate)
    return Batches(dataset.to(where), m, order, labelled, mirrored, where, local, project)


def batch_size_for(settings: GameSettings, n: int) -> int:
    """The batch size of the settings, or the largest smaller one that ``n`` samples allow.

    An epoch must have at least ``d_steps`` minibatches of batch_size·pack samples. A reduced batch
    size is a multiple of ``accumulate`` times the number of processes, with at least 2 samples in
    each part, since batch norm needs a variance. If there is none, the batch size is unchanged, and
    :func:`batches_of` refuses it.
    """
    most = n // (settings.pack * settings.d_steps)
    if most >= settings.batch_size:
        return settings.batch_size
    parts = settings.accumulate * parallel.process_count()
    return most // parts * parts if most >= 2 * parts else settings.batch_size


def on_this_machine(config: Config) -> tuple[Config, torch.device]:
    """Resolve the config's device and threads, without applying them; also return the device."""
    where = device.choose(config.device)
    threads = device.resolve_threads(config.threads)
    return config.replace(device=str(where), threads=threads), where
