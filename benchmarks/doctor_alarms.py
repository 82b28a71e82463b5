"""Does the doctor stay silent on healthy runs, and what does it cost?

    python benchmarks/doctor_alarms.py [--seeds 5] [--steps 3000] [--threads 1] RECIPE …

Trains each recipe with several seeds and prints one JSON line a run: every finding (there should be
none), how near the run came to one, and the share of the training time that a report's examination
takes: G's samples of the fixed z, their comparison with real images, the norm of G's gradient, and
the checks.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import forgery
from forgery.training import report as reports
from forgery.training.doctor import FAR, LONGER, Doctor, diagnose, swings
from forgery.training.run import open_run
from machine import machine


def margins(lines: Sequence[dict[str, Any]]) -> dict[str, float]:
    """How near a run came to a finding.

    ``rise``: how many times its lowest the energy distance was, both over 12 reports, once samples
    were at all like the data (told from 1.5). ``turns``: of D's lead, by .2, in 12 reports (told
    from 4). ``diversity``: its lowest from step 10,000 on (told below .4).
    """
    distances = [line["energy_distance"] for line in lines]
    leads = [line["d_real"] - line["d_fake"] for line in lines]
    ends = range(LONGER, len(lines) + 1)
    levels = [fmean(distances[i - LONGER : i]) for i in ends]
    rises = [a / min(levels[: i + 1]) for i, a in enumerate(levels) if min(levels[: i + 1]) < FAR]
    turns = max((swings(leads[i - LONGER : i], 0.2) for i in ends), default=0)
    late = [line["diversity"] for line in lines if line["step"] >= 10_000]
    return {
        "rise": round(max(rises, default=1.0), 3),
        "turns": turns,
        "surest_d_real": round(max(line["d_real"] for line in lines), 4),
        "surest_d_fake": round(min(line["d_fake"] for line in lines), 4),
        **({"diversity": round(min(late), 3)} if late else {}),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipes", nargs="+")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--threads", type=int, default=0)
    options = parser.parse_intermixed_args()
    spent = 0.0

    def timed(function):  # type: ignore[no-untyped-def]
        def run(*arguments):  # type: ignore[no-untyped-def]
            nonlocal spent
            started = time.perf_counter()
            result = function(*arguments)
            spent += time.perf_counter() - started
            return result

        return run

    reports.Comparison.__call__ = timed(reports.Comparison.__call__)  # type: ignore[method-assign]
    reports.gradient_norm = timed(reports.gradient_norm)
    reports.Training.draw = timed(reports.Training.draw)  # type: ignore[method-assign]
    Doctor.examine = timed(Doctor.examine)  # type: ignore[method-assign]
    for name in options.recipes:
        for seed in range(options.seeds):
            spent = 0.0
            config = forgery.recipes.RECIPES[name](
                steps=options.steps,
                seed=seed,
                threads=options.threads,
                sample_every=10**9,
                checkpoint_every=10**9,
                device="cpu",
            )
            with tempfile.TemporaryDirectory() as folder:
                run = forgery.train(config, Path(folder) / "run", progress=False).path
                lines = open_run(run).read_metrics()
            line = {
                "recipe": name,
                "seed": seed,
                "steps": options.steps,
                "findings": {
                    finding.name: finding.step for finding in diagnose(lines, config.objective)
                },
                "cost": round(spent / lines[-1]["seconds"], 5),
                **margins(lines),
            }
            print(json.dumps(line), flush=True)
    print(machine(), file=sys.stderr)


if __name__ == "__main__":
    main()
