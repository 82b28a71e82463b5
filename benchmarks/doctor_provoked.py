"""Real runs provoked into each of the doctor's problems: at which step does it name them?

    python benchmarks/doctor_provoked.py [--threads 1] [--record FILE] [PROBLEM …]

Small networks on the bundled MNIST with odd settings, a report every 100 steps. One JSON line a run
goes to standard output: the settings, the problem that was expected, the step at which the doctor
named it (of "NaN": by which the run was stopped with an error), and what else it found. Where such
runs end depends on the processor, so no test trains them: --record appends each run's reports to a
file, as those in tests/training/reports were, which the tests read.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import forgery
from forgery.training.loop import Diverged
from forgery.training.run import open_run
from machine import machine

READ_BY_THE_DOCTOR = (
    *("step", "d_loss", "g_loss", "d_real", "d_fake"),
    *("g_gradient", "diversity", "energy_distance"),
)

#: Networks whose steps take a millisecond or two, at the default's settings but for the average.
SMALL: dict[str, Any] = {
    "g_width": 64,
    "d_width": 64,
    "ema": 0.0,
    "report_every": 100,
    "sample_every": 10**9,
    "checkpoint_every": 10**9,
    "device": "cpu",
}

#: (problem, what brings it about, settings)
PROVOKED: tuple[tuple[str, str, dict[str, Any]], ...] = (
    (
        "D has won",
        "minimax against a D that learns 200 times as fast",
        {"objective": "minimax", "g_learning_rate": 1e-5, "d_learning_rate": 2e-3, "steps": 1000},
    ),
    (
        "D has won",
        "non-saturating against a D that learns 200 times as fast",
        {"g_learning_rate": 1e-5, "d_learning_rate": 2e-3, "steps": 2000},
    ),
    (
        "D has won",
        "non-saturating, a very long memory (β1 .99), one unit of noise, G faster than D",
        {
            "beta1": 0.99,
            "g_learning_rate": 2e-3,
            "d_learning_rate": 5e-4,
            "latent": 1,
            "steps": 2000,
        },
    ),
    (
        "D has won",
        "minimax, both players at once, momentum",
        {
            "objective": "minimax",
            "updates": "simultaneous",
            "optimizer": "momentum",
            "momentum": 0.9,
            "momentum_final": 0.9,
            "g_learning_rate": 0.01,
            "d_learning_rate": 0.01,
            "latent": 2,
            "steps": 1500,
        },
    ),
    (
        "collapsed",
        "a G that runs ahead of D with a long memory",
        {
            "g_learning_rate": 1e-2,
            "d_learning_rate": 1e-4,
            "beta1": 0.9,
            "g_width": 16,
            "d_width": 16,
            "steps": 11_000,
        },
    ),
    (
        "oscillating",
        "both players at once, long memory, a D of four units, one unit of noise",
        {
            "updates": "simultaneous",
            "beta1": 0.9,
            "g_learning_rate": 3e-3,
            "d_learning_rate": 3e-3,
            "d_width": 4,
            "d_depth": 1,
            "g_width": 16,
            "g_depth": 1,
            "latent": 1,
            "steps": 2000,
        },
    ),
    (
        "oscillating",
        "minimax, both players at once, long memory, a D of one unit, one unit of noise",
        {
            "objective": "minimax",
            "updates": "simultaneous",
            "beta1": 0.9,
            "g_learning_rate": 3e-3,
            "d_learning_rate": 3e-3,
            "d_width": 1,
            "d_depth": 1,
            "g_width": 16,
            "g_depth": 1,
            "latent": 1,
            "steps": 3000,
        },
    ),
    (
        "oscillating",
        "alternating, a very long memory (β1 .99), one unit of noise",
        {"beta1": 0.99, "latent": 1, "steps": 2000},
    ),
    ("stalled", "a G that hardly moves", {"g_learning_rate": 1e-9, "steps": 1000}),
    (
        "diverging",
        "thirty times the default's learning rates, long memory",
        {"beta1": 0.9, "g_learning_rate": 0.03, "d_learning_rate": 0.03, "steps": 2000},
    ),
    (
        "diverging",
        "momentum .99",
        {
            "optimizer": "momentum",
            "momentum": 0.99,
            "momentum_final": 0.99,
            "g_learning_rate": 2e-3,
            "d_learning_rate": 2e-3,
            "latent": 1,
            "steps": 1000,
        },
    ),
    (
        "NaN",
        "both players at once, momentum .9, learning rates .02",
        {
            "updates": "simultaneous",
            "optimizer": "momentum",
            "momentum": 0.9,
            "momentum_final": 0.9,
            "g_learning_rate": 0.02,
            "d_learning_rate": 0.02,
            "latent": 2,
            "steps": 1000,
        },
    ),
    (
        "getting worse",
        "the default with β1 .5, at its own size: worse after some two minutes",
        {"g_width": 256, "d_width": 256, "beta1": 0.5, "ema": 0.999, "report_every": 200}
        | {"steps": 24_000},
    ),
    ("healthy", "nothing: the doctor has nothing to name", {"ema": 0.999, "steps": 3000}),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("problems", nargs="*", help="all of them if none is named")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--record", type=Path)
    options = parser.parse_intermixed_args()
    for problem, provocation, settings in PROVOKED:
        if options.problems and problem not in options.problems:
            continue
        config = forgery.recipes.mlp(**SMALL, threads=options.threads).replace(**settings)
        started, stopped = time.perf_counter(), 0
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "run"
            try:
                forgery.train(config, path, progress=False)
            except Diverged:
                stopped = config.report_every
            lines = open_run(path).read_metrics()
        if stopped:  # it is found at the report that would have come next
            stopped += lines[-1]["step"] if lines else 0
        found = {f["name"]: f["step"] for line in lines for f in line["findings"]}
        line = {
            "problem": problem,
            "provoked_by": provocation,
            "settings": settings,
            "named_at": stopped or None if problem == "NaN" else found.pop(problem, None),
            "also": found,
            "seconds": round(time.perf_counter() - started, 1),
        }
        print(json.dumps(line, ensure_ascii=False), flush=True)
        if options.record:
            record(options.record, line, lines)


def record(file: Path, run: dict[str, Any], reports: list[dict[str, Any]]) -> None:
    """Append a run's reports to a file, one line a run: by name, what the doctor reads of them."""
    columns = {
        name: [float(f"{r[name]:.5g}") if isinstance(r[name], float) else r[name] for r in reports]
        for name in READ_BY_THE_DOCTOR
    }
    about = {name: run[name] for name in ("problem", "provoked_by", "named_at")}
    with open(file, "a", encoding="utf-8") as out:
        out.write(json.dumps(about | {"machine": machine(), "reports": columns}) + "\n")


if __name__ == "__main__":
    main()
