"""What the reports of a run say, drawn over its steps."""

from pathlib import Path
from typing import Any


def curves(reports: list[dict[str, Any]], target: Path, title: str) -> None:
    """Losses and D's two means over the steps, from the lines of metrics.jsonl."""
    from matplotlib.figure import Figure

    steps = [r["step"] for r in reports]
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    losses, beliefs = figure.subplots(1, 2)
    losses.plot(steps, [r["d_loss"] for r in reports], label="D")
    losses.plot(steps, [r["g_loss"] for r in reports], label="G")
    losses.set(xlabel="step", ylabel="loss", title="Loss")
    beliefs.plot(steps, [r["d_real"] for r in reports], label="D(x), real")
    beliefs.plot(steps, [r["d_fake"] for r in reports], label="D(G(z)), fake")
    beliefs.axhline(0.5, color="grey", linewidth=0.8, linestyle=":")
    beliefs.set(xlabel="step", ylabel="mean probability", ylim=(0, 1), title="What D believes")
    for axes in (losses, beliefs):
        axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title, fontsize=10)
    figure.savefig(target, dpi=110)
