"""Curves of a run: losses, outputs of D and scores, over the steps."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ..objectives import OBJECTIVES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Panels = tuple[Axes, Axes]

#: Values that are labelled by a name.
NAMED = {math.log(4): "log 4", math.log(2): "log 2", -math.log(2): "-log 2"}
#: Maximum number of points of a curve that are marked; a single one would be invisible.
MARKED = 20
REFERENCE: dict[str, Any] = {"linewidth": 0.8, "linestyle": ":"}


def curves(
    reports: list[dict[str, Any]], target: Path, title: str, objective: str | None = None
) -> None:
    """Plot the losses and D's mean outputs over the steps, from the lines of metrics.jsonl.

    Dotted lines mark the losses and D(x) at equilibrium, where D cannot distinguish samples from
    data. Scores in the reports (JSD, modes, Fréchet distance) are plotted too. For a VAE, the two
    terms of its bound are plotted.

    Parameters
    ----------
    reports:
        Lines of metrics.jsonl.
    target:
        File to write.
    title:
        Title of the figure.
    objective:
        The name of the objective; for None, or one that is not in
        :data:`~forgery.objectives.OBJECTIVES`, no equilibrium is drawn.
    """
    figure_of(reports, title, objective).savefig(target, dpi=110)


def figure_of(reports: list[dict[str, Any]], title: str, objective: str | None = None) -> "Figure":
    """Create the figure saved by :func:`curves`."""
    from matplotlib.figure import Figure

    objective = objective if objective in OBJECTIVES else None
    scores = [name for name in ("jsd", "frechet") if any(name in r["quality"] for r in reports)]
    steps = [r["step"] for r in reports]
    figure = Figure(figsize=(4.5 * (2 + len(scores)), 3.4), layout="constrained")
    first, second, *others = figure.subplots(1, 2 + len(scores))
    draw = next(draw for number, draw in PANELS.items() if number in reports[0])
    draw(reports, steps, (first, second), objective)
    for axes, name in zip(others, scores, strict=True):
        _draw_score(reports, name, axes)
    for line in (line for axes in figure.axes for line in axes.lines):
        if line.get_linestyle() != REFERENCE["linestyle"] and len(line.get_path()) <= MARKED:
            line.set_marker(".")
    for axes in (first, second, *others):
        axes.spines["top"].set_visible(False)
        axes.spines["right"].set_visible(False)
        axes.xaxis.get_major_locator().set_params(integer=True)
    figure.suptitle(title, fontsize=10, parse_math=False)
    return figure


def equilibrium(objective: str) -> tuple[float | None, float | None]:
    """Losses of D and G where D gives data and samples the same, undecided logit.

    Both are None if D's loss is unbounded; G's is also None if it compares features.
    """
    chosen = OBJECTIVES[objective]
    if not chosen.d_bounded:
        return None, None
    logits = torch.full((1,), chosen.undecided or 0.0, dtype=torch.float64)
    d_loss = chosen.d(logits, logits).item()
    return d_loss, None if chosen.g_sees_features else chosen.g(logits, logits).item()


def _draw_gan(
    reports: list[dict[str, Any]], steps: list[int], panels: "Panels", objective: str | None
) -> None:
    _draw_losses(reports, steps, panels[0], objective)
    _draw_outputs(reports, steps, panels[1], objective)


def _draw_losses(
    reports: list[dict[str, Any]], steps: list[int], axes: "Axes", objective: str | None
) -> None:
    levels = equilibrium(objective) if objective else (None, None)
    lines = {}
    for player in "DG":
        losses = [r[f"{player.lower()}_loss"] for r in reports]
        (lines[player],) = axes.plot(steps, losses, label=player)
    d_level, g_level = levels
    both = d_level is not None and g_level is not None and math.isclose(d_level, g_level)
    for player, level in zip("DG", (d_level, None if both else g_level), strict=True):
        if level is None:
            continue
        named = next((text for x, text in NAMED.items() if math.isclose(x, level)), "")
        named = named or f"{level + 0.0:g}"  # no -0
        colour = "grey" if both else lines[player].get_color()
        label = f"{'both' if both else player} at equilibrium: {named}"
        axes.axhline(level, color=colour, label=label, **REFERENCE)
    axes.set(xlabel="step", ylabel="loss", title="Loss")
    axes.legend(frameon=False)


def _draw_outputs(
    reports: list[dict[str, Any]], steps: list[int], axes: "Axes", objective: str | None
) -> None:
    undecided = OBJECTIVES[objective].undecided if objective else None
    if objective and undecided is None:  # the logits do not represent probabilities
        real, fake, ylabel = "real", "samples", "mean sigmoid of D's output"
        title = "D's output (only differences matter)"
    else:
        real, fake, ylabel = "D(x), real", "D(G(z)), fake", "mean probability"
        title = "Output of D"
    axes.plot(steps, [r["d_real"] for r in reports], label=real)
    axes.plot(steps, [r["d_fake"] for r in reports], label=fake)
    if undecided is not None:
        level = 1 / (1 + math.exp(-undecided))
        axes.axhline(level, color="grey", label=f"undecided: {level:.2g}", **REFERENCE)
    axes.set(xlabel="step", ylabel=ylabel, ylim=(0, 1), title=title)
    axes.legend(frameon=False)


def _draw_bound(
    reports: list[dict[str, Any]], steps: list[int], panels: "Panels", objective: str | None
) -> None:
    reconstruction, divergence = panels
    reconstruction.plot(steps, [r["reconstruction"] for r in reports])
    reconstruction.set(
        xlabel="step", ylabel="nats per image", title="Reconstruction: -log p(x | z)"
    )
    divergence.plot(steps, [r["kl"] for r in reports])
    divergence.set(xlabel="step", ylabel="nats per image", title="KL(q(z | x) ‖ p(z))")


#: A number that steps return → how the numbers beside it are drawn on two panels.
PANELS = {"d_loss": _draw_gan, "reconstruction": _draw_bound}


def _draw_score(reports: list[dict[str, Any]], name: str, axes: "Axes") -> None:
    """Plot a score over the steps at which it was measured; modes beside the JSD."""
    from matplotlib.ticker import MaxNLocator

    titles = {"jsd": "Samples against the density", "frechet": "Samples against held-out data"}
    ylabels = {"jsd": "JSD, nats", "frechet": "Fréchet distance"}
    measured = [r for r in reports if name in r["quality"]]
    steps = [r["step"] for r in measured]
    axes.plot(steps, [r["quality"][name] for r in measured], color="C2")
    axes.set(xlabel="step", title=titles[name], ylim=(0, None))
    axes.set_ylabel(ylabels[name], color="C2")
    if name == "jsd" and all("modes" in r["quality"] for r in measured):
        axes.tick_params(axis="y", colors="C2")
        modes = axes.twinx()
        modes.plot(steps, [r["quality"]["modes"] for r in measured], color="C4")
        modes.set_ylim(0, None)
        modes.set_ylabel("modes covered", color="C4")
        modes.tick_params(axis="y", colors="C4")
        modes.yaxis.set_major_locator(MaxNLocator(integer=True))
        modes.spines["top"].set_visible(False)
