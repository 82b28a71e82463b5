"""The Parzen score of ``goodfellow2014`` over its epochs, a line for each seed.

python benchmarks/plot_paper_table.py
"""

import json
from pathlib import Path

from matplotlib.figure import Figure

from published.results import Lines
from published.table1 import EPOCH, PAPER, TABLE, is_collapsed

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks/results"
PICTURE = ROOT / "docs/images/paper_table.png"


def main() -> None:
    lines = Lines.read(RESULTS / f"tables/{TABLE.name}.jsonl")
    real, model = TABLE.rows
    figure = Figure(figsize=(7, 3.4), layout="constrained")
    axes = figure.subplots()
    collapsed = []
    for seed in model.seeds:
        found = lines.of(model.name, seed)
        if found and is_collapsed(found[-1]):
            collapsed.append(seed)
        elif found:
            axes.errorbar(
                [line.steps / EPOCH for line in found],
                [line.scores["nats"] for line in found],
                [2 * line.scores["se"] for line in found],
                fmt=".-",
                linewidth=1,
                label=f"seed {seed}",
            )
    texts = (RESULTS / "paper_table.jsonl").read_text().splitlines()
    levels = {line["name"]: line["nats"] for line in map(json.loads, texts[1:])}
    levels[real.name] = lines.of(real.name, 0)[0].scores["nats"]
    levels["adversarial nets (paper)"] = PAPER
    for name, level in levels.items():
        if level < 0:
            continue
        published = level == PAPER
        axes.axhline(level, color="black" if published else "grey", linestyle=":", linewidth=1)
        above = "top" if published else "bottom"  # the paper's lies just below that of real images
        axes.text(5, level, f"{name}: {level:.0f}", fontsize=8, va=above)
    title = "goodfellow2014, ± 2 standard errors"
    if collapsed:
        title += f" (collapsed: seed {', '.join(map(str, collapsed))})"
    axes.set_title(title, fontsize=9)
    axes.set(xlabel="epochs", ylabel="Parzen log-likelihood, nats", xlim=(0, 260), ylim=(90, 370))
    axes.legend(frameon=False, fontsize=8, loc="upper right", bbox_to_anchor=(1, 0.82), ncols=2)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(PICTURE, dpi=110)


if __name__ == "__main__":
    main()
