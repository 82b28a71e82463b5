"""Minimax against non-saturating on the same seeds: G's early gradient, and quality over time.

    python benchmarks/saturation.py [--seeds 3] [--steps 6000] [--picture FILE]

The paper (section 3): early in learning D rejects samples with high confidence, and
log(1 − D(G(z))) saturates; maximising log D(G(z)) gives the same fixed point and a much stronger
gradient. Here the tutorial's networks and optimiser play both; the norm of G's gradient is read
after every five of the first 300 steps, the Fréchet distance (10,000 samples against test, bundled
extractor) after every sixth of all steps. One JSON line a run goes to standard output.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

import forgery
from forgery.training.run import open_run

OBJECTIVES = ("minimax", "non-saturating")
EARLY = 300


def reports(**settings: Any) -> list[dict[str, Any]]:
    """The reports of a run of the tutorial's networks."""
    with tempfile.TemporaryDirectory() as folder:
        config = forgery.recipes.tutorial(
            sample_every=10**9, checkpoint_every=10**9, device="cpu", **settings
        )
        return open_run(
            forgery.train(config, Path(folder) / "run", progress=False).path
        ).read_metrics()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--picture", type=Path, default=Path("docs/images/saturation.png"))
    options = parser.parse_args()
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    gradients, quality = figure.subplots(1, 2)
    for objective, colour in zip(OBJECTIVES, ("tab:red", "tab:blue"), strict=True):
        for seed in range(options.seeds):
            common = {"objective": objective, "seed": seed, "threads": options.threads}
            early = reports(steps=EARLY, report_every=5, **common)
            sixth = options.steps // 6
            late = reports(steps=options.steps, report_every=sixth, evaluate_every=sixth, **common)
            label = objective if seed == 0 else None
            steps = [r["step"] for r in early]
            norms = [r["g_gradient"] for r in early]
            gradients.plot(steps, norms, color=colour, alpha=0.7, label=label)
            distances = [r["quality"]["frechet"] for r in late]
            quality.plot([r["step"] for r in late], distances, color=colour, label=label)
            line = {"objective": objective, "seed": seed}
            line |= {"gradient_by_step": dict(zip(steps, norms, strict=True))}
            line |= {"d_fake_by_step": {r["step"]: r["d_fake"] for r in early}}
            line |= {"frechet_by_step": {r["step"]: r["quality"]["frechet"] for r in late}}
            print(json.dumps(line), flush=True)
    gradients.set(xlabel="step", ylabel="norm of G's gradient", yscale="log")
    quality.set(xlabel="step", ylabel="Fréchet distance", yscale="log")
    for axes in (gradients, quality):
        axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(options.picture, dpi=110)


if __name__ == "__main__":
    main()
