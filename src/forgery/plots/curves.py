"""What the reports of a run say, drawn over its steps."""

from pathlib import Path
from typing import Any


def curves(reports: list[dict[str, Any]], target: Path, title: str) -> None:
    """Losses and D's two means over the steps, from the lines of metrics.jsonl.

    Of a VAE: the two parts of its bound.
    """
    from matplotlib.figure import Figure

    steps = [r["step"] for r in reports]
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    both = figure.subplots(1, 2)
    (_of_a_gan if "d_loss" in reports[0] else _of_a_vae)(reports, steps, *both)
    for axes in both:
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title, fontsize=10)
    figure.savefig(target, dpi=110)


def _of_a_gan(reports: list[dict[str, Any]], steps: list[int], losses: Any, beliefs: Any) -> None:
    losses.plot(steps, [r["d_loss"] for r in reports], label="D")
    losses.plot(steps, [r["g_loss"] for r in reports], label="G")
    losses.set(xlabel="step", ylabel="loss", title="Loss")
    beliefs.plot(steps, [r["d_real"] for r in reports], label="D(x), real")
    beliefs.plot(steps, [r["d_fake"] for r in reports], label="D(G(z)), fake")
    beliefs.axhline(0.5, color="grey", linewidth=0.8, linestyle=":")
    beliefs.set(xlabel="step", ylabel="mean probability", ylim=(0, 1), title="What D believes")
    for axes in (losses, beliefs):
        axes.legend(frameon=False)


def _of_a_vae(reports: list[dict[str, Any]], steps: list[int], drawing: Any, telling: Any) -> None:
    drawing.plot(steps, [r["reconstruction"] for r in reports])
    drawing.set(xlabel="step", ylabel="nats an image", title="Reconstruction: -log p(x | z)")
    telling.plot(steps, [r["kl"] for r in reports])
    telling.set(xlabel="step", ylabel="nats an image", title="KL(q(z | x) ‖ p(z)): what z tells")
