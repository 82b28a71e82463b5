"""Interfaces of parts that are not built in, checked on a few samples before a run.

=============== ================================================================================
part            protocol
=============== ================================================================================
generator       z ``[n, latent]`` → samples ``[n, *shape]``, differentiable. If the run conditions
                G on classes, z ends with the one-hot class, which ``latent`` counts. Given as a
                function or class that takes a :class:`forgery.models.Spec`, or as a module.
discriminator   samples ``[n, *shape]`` → logits ``[n]``, differentiable; given likewise. One that
                extends :class:`forgery.models.layers.Discriminator` may judge a sample in V places:
                logits ``[n, V]``.
objective       a :class:`forgery.objectives.Objective`: two functions of logits → losses ``[n]``.
penalty         (D, real ``[n, …]``, fake ``[n, …]``) → one number per sample ``[n]``; D maps
                samples to logits.
=============== ================================================================================
"""

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from .config import Config
from .models.layers import Discriminator
from .objectives import Objective

#: Number of logits in a trial.
TRIED = 4


class Broken(Exception):
    """A part does not return what its protocol requires."""


def problems_of(
    config: Config,
    foreign: Mapping[str, Any],
    networks: tuple[nn.Module, nn.Module],
    shape: tuple[int, ...],
    takes_class: bool,
) -> list[str]:
    """The problems of the parts of a run that are not built in.

    Parameters
    ----------
    config:
        The run's settings.
    foreign:
        These parts, by setting.
    networks:
        G and D on the CPU. Copies of them are called, in evaluation mode.
    shape:
        Shape of a sample.
    takes_class:
        Whether G takes a class as its second input.
    """
    if not foreign:
        return []
    try:
        generator, discriminator = (copy.deepcopy(network).eval() for network in networks)
    except Exception as error:  # as torch.nn.utils.weight_norm's networks raise
        return [
            f"a network cannot be copied ({error}): torch.nn.utils.parametrizations has norms of "
            "weights that can"
        ]
    y = torch.zeros(TRIED * config.pack, dtype=torch.int64)

    def packed(x: Tensor) -> Tensor:
        return x.unflatten(0, (-1, config.pack)).flatten(1, 2) if config.pack > 1 else x

    def judge(x: Tensor) -> Tensor:
        logits: Tensor = discriminator(x) if config.conditional == "none" else discriminator(x, y)
        return logits

    def try_generator() -> None:
        z = torch.randn(len(y), config.latent)
        samples = generator(z, y) if takes_class else generator(z)
        _expect("maps z", z, "to samples", samples, (len(z), *shape))

    def try_discriminator() -> None:
        if config.model == "gan":
            x = torch.rand(len(y), *shape)
            logits = judge(packed(x))
            places = any(isinstance(m, Discriminator) for m in discriminator.modules())
            expected = (TRIED, *logits.shape[1:2]) if places else (TRIED,)
            _expect("maps samples", x, "to logits", logits, expected)

    def try_objective() -> None:
        objective: Objective = foreign["objective"]
        real, fake = (torch.randn(TRIED, requires_grad=True) for _ in range(2))
        losses = {"d": objective.d(real, fake)}
        if not objective.g_sees_features:
            losses["g"] = objective.g(fake, real if objective.g_needs_real else None)
        for player, loss in losses.items():
            expected = (1,) if loss.shape == (1,) else (TRIED,)
            _expect(f"maps logits by {player}", fake, "to losses", loss, expected)

    def try_penalty() -> None:
        real, fake = (packed(x) for x in torch.rand(2, len(y), *shape))
        penalties = foreign["penalty"](judge, real, fake)
        _expect("maps samples", real, "to penalties", penalties, (TRIED,))

    tries = {
        "generator": try_generator,
        "discriminator": try_discriminator,
        "objective": try_objective,
        "penalty": try_penalty,
    }
    problems = []
    with torch.random.fork_rng(devices=[]):
        for setting in foreign:
            try:
                tries[setting]()
            except Broken as error:
                problems.append(f"the {setting} {getattr(config, setting)} {error}")
            except Exception as error:  # the part's code may raise anything
                problems.append(
                    f"the {setting} {getattr(config, setting)} fails on {TRIED} samples: "
                    f"{type(error).__name__}: {error}"
                )
    return problems


def _expect(maps: str, given: Tensor, to: str, result: Any, shape: tuple[int, ...]) -> None:
    """Raise :class:`Broken` unless a result is a differentiable tensor of the given shape."""
    if not isinstance(result, Tensor):
        raise Broken(f"{maps} {list(given.shape)} {to} {list(shape)}: it must return a tensor")
    if tuple(result.shape) != shape:
        raise Broken(
            f"{maps} {list(given.shape)} {to} {list(result.shape)}: expected {list(shape)}"
        )
    if not result.requires_grad:
        raise Broken(f"{maps} {list(given.shape)} {to} that carry no gradient")
