"""Does the doctor stay silent on healthy runs, and what does it cost?

    python benchmarks/doctor_alarms.py [--seeds 5] [--steps 3000] [--threads 1] RECIPE …

Trains each recipe with several seeds and prints every finding (there should be none), and the share
of the training time that a report's examination takes: G's samples of the fixed z, how far apart
they lie, the norm of G's gradient, and the checks.
"""

import argparse
import tempfile
import time
from pathlib import Path

import forgery
from forgery.training import report as reports
from forgery.training.doctor import Doctor
from forgery.training.run import open_run
from machine import machine


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

    reports.spread = timed(reports.spread)
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
                run = forgery.train(config, Path(folder) / "run").path
                lines = open_run(run).read_metrics()
            found = [(f["name"], f["step"]) for line in lines for f in line["findings"]]
            share = spent / lines[-1]["seconds"]
            print(
                f"{name} seed {seed}: {found or 'no findings'}; {share:.2%} of the time", flush=True
            )
    print(machine())


if __name__ == "__main__":
    main()
