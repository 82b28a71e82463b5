"""The Parzen score of ``goodfellow2014`` over its epochs, from the recorded lines.

python benchmarks/plot_paper_table.py
"""

import json
from pathlib import Path

from matplotlib.figure import Figure

RESULTS = Path(__file__).parent / "results" / "paper_table.jsonl"
PICTURE = Path(__file__).parents[1] / "docs" / "images" / "paper_table.png"
#: The paper's adversarial nets, Table 1.
PUBLISHED = 225


def main() -> None:
    lines = [json.loads(t) for t in RESULTS.read_text().splitlines() if not t.startswith("#")]
    ours = [line for line in lines if line["name"] == "goodfellow2014"]
    figure = Figure(figsize=(7, 3.4), layout="constrained")
    axes = figure.subplots()
    axes.errorbar(
        [line["epochs"] for line in ours],
        [line["nats"] for line in ours],
        [2 * line["se"] for line in ours],
        fmt=".-",
        color="tab:red",
        label="goodfellow2014, ± 2 standard errors",
    )
    levels = {line["name"]: line["nats"] for line in lines if line["name"] != "goodfellow2014"}
    levels["adversarial nets (paper)"] = PUBLISHED
    for name, level in levels.items():
        if level < 0:
            continue
        published = level == PUBLISHED
        axes.axhline(level, color="black" if published else "grey", linestyle=":", linewidth=1)
        above = "top" if published else "bottom"  # the paper's lies just below that of real images
        axes.text(ours[0]["epochs"], level, f"{name}: {level:.0f}", fontsize=8, va=above)
    axes.set(xlabel="epochs", ylabel="Parzen log-likelihood, nats", ylim=(-120, 370))
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(PICTURE, dpi=110)


if __name__ == "__main__":
    main()
