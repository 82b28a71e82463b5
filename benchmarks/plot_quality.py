"""Quality against training time, from the recorded scores: the picture in docs/results.md.

    python benchmarks/plot_quality.py

Scores are by step (results/*.jsonl, from quality_over_time.py); a step's time is what speed.py
measured for each program on two free cores (README.md here), since the scored runs shared the
machine. The tutorial's program and ``--recipe tutorial`` are one algorithm: one curve of quality,
two of time.
"""

import json
from pathlib import Path

from matplotlib.figure import Figure

RESULTS = Path(__file__).parent / "results"
PICTURE = Path(__file__).parents[1] / "docs" / "images" / "quality.png"
MILLISECONDS = {"tutorial's program": 13.33, "--recipe tutorial": 4.89, "the default recipe": 6.81}


def curve(file: str) -> dict[int, list[tuple[int, float]]]:
    """Seed → (step, Fréchet distance), in the order of the steps."""
    curves: dict[int, list[tuple[int, float]]] = {}
    for line in (RESULTS / file).read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            record = json.loads(line)
            curves.setdefault(record["seed"], []).append((record["step"], record["frechet"]))
    return {seed: sorted(points) for seed, points in curves.items()}


def main() -> None:
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axes = figure.subplots()
    files = {
        "tutorial's program": ("tutorial_quality.jsonl", "tab:grey"),
        "--recipe tutorial": ("tutorial_quality.jsonl", "tab:blue"),
        "the default recipe": ("mlp_quality.jsonl", "tab:red"),
    }
    for name, (file, colour) in files.items():
        for i, points in enumerate(curve(file).values()):
            minutes = [step * MILLISECONDS[name] / 60_000 for step, _ in points]
            distances = [distance for _, distance in points]
            label = name if i == 0 else None
            axes.plot(minutes, distances, ".-", color=colour, label=label, markersize=4)
    axes.set(
        xlabel="minutes of training on two CPU cores", ylabel="Fréchet distance to test images"
    )
    axes.set(xscale="log", yscale="log")
    for axis, ticks in (
        (axes.xaxis, (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20)),
        (axes.yaxis, (2, 3, 5, 10, 20, 50)),
    ):
        axis.set_ticks(ticks, [f"{tick:g}" for tick in ticks])
        axis.set_minor_formatter("")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(PICTURE, dpi=110)


if __name__ == "__main__":
    main()
