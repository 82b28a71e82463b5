"""What a GPU must show, in order of worth, within nine minutes: correctness, then speed.

    python benchmarks/gpu.py --out FILE [--device cuda] [--minutes 9] [--only PART …] [--tiny]

Each part prints one line and may fail without ending the rest; those for which no time is left are
named. All numbers are written to FILE as JSON after every part. With ``--device cpu --tiny`` the
parts are tried without a GPU: figures of such a run mean nothing.

The machine needs torch with CUDA, and the packages that torch does not bring, which can be carried
as files::

    pip download --no-deps --dest wheels -c constraints.txt cyclopts attrs docstring_parser rich \\
        rich-rst markdown-it-py mdurl pygments docutils safetensors pillow matplotlib contourpy \\
        cycler fonttools kiwisolver packaging pyparsing python-dateutil six
    pip wheel --no-deps --wheel-dir wheels .
"""

import argparse
import json
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor

import forgery
import tutorial_program
from forgery import build, parts
from forgery.config import Config
from forgery.data import load
from forgery.recipes import RECIPES
from forgery.training import device as devices
from forgery.training import loop
from forgery.training.end import End
from forgery.training.events import StepDone
from forgery.training.state import Training
from machine import machine

Numbers = dict[str, Any]
#: Recipes that need data of their own are tried on them.
DATA = {"points": "ring8", "pacgan": "ring8"}
#: Recipes whose steps are timed, and compared between the devices.
TIMED = ("tutorial", "mlp", "dcgan", "modern")


@dataclass(frozen=True)
class Bench:
    """The device, and whether sizes are tiny."""

    where: torch.device
    tiny: bool

    def config(self, recipe: str, **changes: Any) -> Config:
        """A recipe on this device; tiny: of few units and samples."""
        config = RECIPES[recipe](device=str(self.where), data=DATA.get(recipe, "mnist"))
        changes = {"steps": 10, **changes}
        if self.tiny:
            small = {"g_width": 8, "d_width": 8, "batch_size": 8 * config.pack, "limit": 200}
            changes = small | changes
        return config.replace(**{k: v for k, v in changes.items() if k in config.to_dict()})

    def training(self, config: Config) -> tuple[Training, Callable[[], None]]:
        """The training of a config, and what makes one step of it."""
        where = torch.device(config.device)
        dataset = parts.data_of(config)
        training = build.training_of(config, dataset, where)
        batches = build.batches_of(config, dataset, where)
        end = End.of(config, batches, training.game.batches_per_step)
        return training, lambda: loop.iterate(training, batches, end)

    def wait(self) -> None:
        """Wait until the device has done all that it was given."""
        if self.where.type == "cuda":
            torch.cuda.synchronize()

    def seconds(self, work: Callable[[], None]) -> float:
        self.wait()
        started = time.perf_counter()
        work()
        self.wait()
        return time.perf_counter() - started


def recipes(bench: Bench) -> Numbers:
    """Ten steps of every recipe in float32 and bfloat16: do they run, are the weights finite?"""
    problems = {}
    for recipe in RECIPES:
        for precision in ("float32", "bfloat16"):
            try:
                training, step = bench.training(bench.config(recipe, precision=precision))
                for _ in range(2 if bench.tiny else 10):
                    step()
                if not (training.totals.isfinite().all() and training.is_finite()):
                    problems[f"{recipe}, {precision}"] = "not finite"
            except Exception as error:
                problems[f"{recipe}, {precision}"] = f"{type(error).__name__}: {error}"[:300]
    return {"recipes": len(RECIPES), "problems": problems}


def gradients(bench: Bench) -> Numbers:
    """The gradients of both players on the CPU and on the device; target: 1e-4 of their norm."""
    found = {}
    for recipe in TIMED:
        config = bench.config(recipe)
        per_device = []
        for where in (torch.device("cpu"), bench.where):
            training, _ = bench.training(config.replace(device="cpu"))
            game: Any = training.game
            for network in game.modules.values():
                network.to(where)
            torch.manual_seed(0)
            z = torch.randn(config.batch_size, config.latent)
            dataset = parts.data_of(config)
            x = dataset.values[: config.batch_size].float() / 127.5 - 1
            fake = game.generator(z.to(where))
            judged = (game.discriminator(x.to(where)), game.discriminator(fake))
            losses = (
                game.objective.d(*judged).mean(),
                game.objective.g(judged[1], judged[0]).mean(),
            )
            players = (game.discriminator, game.generator)
            gradient = [
                tensor.cpu()
                for loss, player in zip(losses, players, strict=True)
                for tensor in player.gradient(loss, retain_graph=True)
            ]
            per_device.append(torch.cat([tensor.flatten() for tensor in gradient]))
        cpu, device = per_device
        found[recipe] = ((cpu - device).norm() / cpu.norm()).item()
    return {"largest": max(found.values()), "by recipe": found}


def samples(bench: Bench) -> Numbers:
    """Samples of one seed on the CPU and on the device; target: 1e-4."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for recipe in TIMED:
            run = Path(folder) / recipe
            forgery.train(bench.config(recipe), run, progress=False)
            images = [forgery.load(run, device).sample(64) for device in ("cpu", str(bench.where))]
            found[recipe] = (images[0] - images[1]).abs().max().item()
    return {"largest": max(found.values()), "by recipe": found}


def resume(bench: Bench) -> Numbers:
    """Stopped after 20 of 40 steps and resumed: the same bits? And from one device to the other?"""
    equal, across = {}, {}
    half, whole = (3, 6) if bench.tiny else (20, 40)
    with tempfile.TemporaryDirectory() as folder:
        for recipe in TIMED:
            straight, resumed, moved = (Path(folder) / f"{recipe}-{i}" for i in range(3))
            config = bench.config(recipe)
            forgery.train(config.replace(steps=whole), straight, progress=False)
            forgery.train(
                config.replace(steps=whole), resumed, progress=False, callbacks=[stop_at(half)]
            )
            forgery.resume(resumed, progress=False)
            a, b = (forgery.load(run).generator.state_dict() for run in (straight, resumed))
            equal[recipe] = all(torch.equal(a[name], b[name]) for name in a)
            forgery.train(config.replace(steps=half, device="cpu"), moved, progress=False)
            forgery.resume(moved, steps=2 * half, device=str(bench.where), progress=False)
            model = forgery.resume(moved, steps=3 * half, device="cpu", progress=False)
            across[recipe] = bool(model.sample(4).isfinite().all())
    return {"same bits": equal, "across devices": across}


def stop_at(step: int) -> Callable[[object], None]:
    """A callback that stops a run after a step, so that its schedules are those of its length."""

    def stop(event: object) -> None:
        if isinstance(event, StepDone) and event.step == step:
            raise forgery.StopTraining

    return stop


def speed(bench: Bench) -> Numbers:
    """Steps a second, beside the tutorial's program on the same device; target: ten times."""
    steps, rounds = (3, 1) if bench.tiny else (300, 3)
    found = {}
    for recipe in TIMED:
        _, step = bench.training(bench.config(recipe))
        for _ in range(3):
            step()  # kernels are chosen and memory is taken

        def several(step: Callable[[], None] = step) -> None:
            for _ in range(steps):
                step()

        found[recipe] = median(steps / bench.seconds(several) for _ in range(rounds))
    program = steps / tutorial_program.train(steps, bench.where)
    return {
        "steps a second": found,
        "the tutorial's program": program,
        "ratio": found["tutorial"] / program,
    }


def seeds(bench: Bench) -> Numbers:
    """The time of 64 seeds of a small ring in one program, over that of one; target: 4."""
    config = bench.config("points", objective="non-saturating", penalty="none", ema=0.0)
    count, steps = (3, 3) if bench.tiny else (64, 200)
    dataset = load("ring8").to(bench.where)

    def time_of(members: list[int] | None) -> float:
        training = (
            build.training_of(config, dataset, bench.where)
            if members is None
            else build.ensemble_of(config, members, dataset, bench.where)
        )
        batches = build.batches_of(config, dataset, bench.where, members)

        def several(number: int = steps) -> None:
            for _ in range(number):
                loop.iterate(training, batches, End(config.steps))

        several(3)
        return bench.seconds(several)

    one, many = time_of(None), time_of(list(range(count)))
    return {"seeds": count, "ratio": many / one, "ms a step of one": 1000 * one / steps}


def waits(bench: Bench) -> Numbers:
    """Operations within a step for which the CPU waits for the device; target: none."""
    if bench.where.type != "cuda":
        return {"skipped": "only CUDA can tell"}
    problems = {}
    for recipe in TIMED:
        _, step = bench.training(bench.config(recipe))
        step()
        torch.cuda.set_sync_debug_mode("error")
        try:
            for _ in range(5):
                step()
        except RuntimeError as error:
            problems[recipe] = str(error).partition("\n")[0]
        finally:
            torch.cuda.set_sync_debug_mode("default")
    return {"problems": problems}


def memory(bench: Bench) -> Numbers:
    """The largest memory on the device, over that of the networks, the optimisers and the data."""
    if bench.where.type != "cuda":
        return {"skipped": "only CUDA can tell"}
    found = {}
    for recipe in TIMED:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        training, step = bench.training(bench.config(recipe))
        for _ in range(5):
            step()
        held = sum(tensor.nbytes for tensor in _tensors(training))
        found[recipe] = {"peak": torch.cuda.max_memory_allocated(), "held": held}
    return found


def _tensors(training: Training) -> list[Tensor]:
    """Weights, and the state of the optimisers."""
    state = training.checkpoint()
    return [*state.model.values(), *state.optimizers.values()]


PARTS: dict[str, Callable[[Bench], Numbers]] = {
    part.__name__: part
    for part in (recipes, gradients, resume, samples, speed, waits, seeds, memory)
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--tiny", action="store_true")
    options = parser.parse_args()
    bench = Bench(devices.choose(options.device), options.tiny)
    # TensorFloat-32 keeps ten bits of a product: too few to compare devices.
    torch.backends.cudnn.allow_tf32 = False
    ends = time.monotonic() + 60 * options.minutes
    results: Numbers = {"machine": machine(bench.where), "cuda": torch.version.cuda, "parts": {}}
    for name in options.only:
        if time.monotonic() > ends:
            print(f"{name}: no time left")
            continue
        started = time.monotonic()
        try:
            numbers = PARTS[name](bench)
        except Exception as error:  # the other parts go on
            traceback.print_exc()
            numbers = {"failed": f"{type(error).__name__}: {error}"}
        numbers["seconds"] = round(time.monotonic() - started, 1)
        results["parts"][name] = numbers
        options.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        print(f"{name}: {json.dumps(numbers)}", flush=True)


if __name__ == "__main__":
    main()
