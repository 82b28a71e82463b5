"""Mode coverage over many seeds: a table of objectives and packings on a known density.

All seeds of a setting train together as one ensemble (``training/ensemble.py``). The folder of a
benchmark holds the checkpoints and results of each setting, so that an interrupted benchmark can be
resumed, and the tables ``results.csv`` and ``results.md``.
"""

import csv
import io
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import torch

from . import metrics
from .build import batches_of, check_ensemble, ensemble_of, on_this_machine, sampler_of
from .config import Config
from .data import Dataset
from .errors import ForgeryError
from .parts import data_of
from .recipes import pacgan
from .training import checkpoint, device, loop
from .training.end import End
from .training.interrupt import Interrupt
from .training.state import Training
from .writing import write_file, writing

#: Number of samples in the published protocol (fjxmlzn/PacGAN).
SAMPLES = 2_500

#: (data, objective, pack) → modes and % of high-quality samples, mean and standard error of ten
#: runs. Source: Lin et al. 2018; the numbers of runs and steps are those of the authors' code.
PUBLISHED = {
    ("ring8", "non-saturating", 1): "6.3 ± 0.5 modes, 98.2 %",
    ("ring8", "non-saturating", 2): "7.9 ± 0.1 modes, 95.6 %",
    ("ring8", "non-saturating", 4): "7.8 ± 0.1 modes, 95.9 %",
    ("grid25", "non-saturating", 1): "17.3 ± 0.8 modes, 94.8 %",
    ("grid25", "non-saturating", 2): "23.8 ± 0.7 modes, 91.3 %",
    ("grid25", "non-saturating", 4): "24.8 ± 0.2 modes, 93.6 %",
}


@dataclass(frozen=True)
class Result:
    """The result of one seed.

    ``modes`` and ``high_quality`` are the results of :func:`forgery.metrics.mode_coverage` on
    :data:`SAMPLES` samples. ``nonfinite`` counts samples with NaN or infinity, which cover no mode.
    """

    data: str
    objective: str
    pack: int
    seed: int
    steps: int
    modes: int
    high_quality: float
    nonfinite: int


#: Called after each step with (description of the setting, step, number of steps).
StepCallback = Callable[[str, int, int], None]


def bench(
    config: Config,
    objectives: Sequence[str],
    packs: Sequence[int],
    seeds: Sequence[int],
    out: Path,
    progress: StepCallback = lambda setting, step, steps: None,
) -> list[Result] | None:
    """Train every objective with every packing and every seed; write the tables into ``out``.

    Parameters
    ----------
    config:
        The shared settings, usually ``recipes.pacgan()``, the published protocol. Its length must
        be in steps, and its data a density with modes.
    objectives, packs, seeds:
        Every combination is trained.
    out:
        Folder of the benchmark; an interrupted benchmark in it is resumed, and one of fewer steps
        is extended.
    progress:
        Called after each step.

    Returns
    -------
    list of Result or None
        One result for each setting and seed; None if a signal stopped the benchmark.

    Raises
    ------
    ForgeryError
        For repeated seeds, a length that is not in steps, data without known modes, settings that
        cannot be trained as an ensemble, or a folder with another benchmark, one of more steps, or
        other files.
    """
    if len(set(seeds)) != len(seeds):
        repeated = sorted({seed for seed in seeds if list(seeds).count(seed) > 1})
        raise ForgeryError(f"every seed may be given once; repeated: {repeated}")
    if config.steps is None:
        raise ForgeryError(
            f"the length of a benchmark must be in steps: give --steps, not {config.length}"
        )
    check_ensemble(config)
    config, where = on_this_machine(config)
    dataset = data_of(config)
    if dataset.density is None or dataset.density.modes is None:
        raise ForgeryError(f"{config.data} has no known modes: choose ring8 or grid25")
    pairs = dict.fromkeys(product(objectives, packs))
    settings = [config.replace(objective=o, pack=p) for o, p in pairs]
    modes = len(dataset.density.modes)
    for setting in settings:  # fail now rather than after hours of training
        ensemble_of(setting, seeds[:1], dataset, where)
        batches_of(setting, dataset, where, seeds[:1])
    _claim(out, {"config": config.effective(), "seeds": list(seeds)})
    results: list[Result] = []
    with device.cpu_settings(config.threads), Interrupt() as interrupt:
        for setting in settings:
            folder = out / f"{setting.objective}-pack{setting.pack}"
            done = folder / "results.json"
            found = _finished(done, config.steps)
            if not found:
                training = ensemble_of(setting, seeds, dataset, where)
                words = f"{setting.objective}, pack {setting.pack}"
                _train(
                    training, setting, seeds, dataset, folder, interrupt,
                    lambda step, words=words: progress(words, step, config.steps),  # type: ignore
                )  # fmt: skip
                if interrupt.signal is not None:
                    return None
                found = _measure(training, setting, seeds, dataset)
                write_file(done, json.dumps([asdict(r) for r in found], indent=1).encode())
            results += found
            shown = results + _earlier(out, results, config.steps)
            write_file(out / "results.csv", as_csv(shown).encode())
            write_file(out / "results.md", as_markdown(shown, config, modes).encode())
    return results


def _claim(out: Path, record: dict[str, Any]) -> None:
    """Create the folder, or check that it holds a benchmark of the same protocol."""
    kept = out / "bench.json"
    with writing(f"to {out}"):
        if kept.exists():
            try:
                earlier = json.loads(kept.read_text(encoding="utf-8"))
                protocol = _protocol(earlier)
            except (ValueError, KeyError, TypeError) as error:
                raise ForgeryError(f"{kept} is damaged ({error}): choose another --out") from error
            # Objectives, packings and steps may be added; everything else must agree.
            if protocol != _protocol(record):
                raise ForgeryError(
                    f"{out} holds a benchmark with other settings or seeds: choose another --out"
                )
            before, now = (Config.from_record(r["config"]) for r in (earlier, record))
            _refuse_other_length(out, before, now)
            if before.steps != now.steps:
                write_file(kept, json.dumps(record, indent=1).encode())
            return
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise ForgeryError(f"{out} exists and is not a benchmark: choose another --out")
        out.mkdir(parents=True, exist_ok=True)
        write_file(kept, json.dumps(record, indent=1).encode())


def _refuse_other_length(out: Path, before: Config, now: Config) -> None:
    """Refuse fewer steps than before, and more if settings move over a fraction of the run."""
    assert before.steps is not None
    assert now.steps is not None
    if now.steps < before.steps:
        raise ForgeryError(
            f"{out} holds a benchmark of {before.steps:,} steps: give --steps {before.steps} or "
            "more, or choose another --out"
        )
    if now.steps > before.steps and now.burn_in:
        raise ForgeryError(
            f"{out} holds a benchmark of {before.steps:,} steps, over a fraction of which settings "
            f"moved (burn-in {now.burn_in:g}), so it cannot be extended: choose another --out"
        )


def _finished(results: Path, steps: int | None) -> list[Result]:
    """Read a setting's results; none if they are missing, damaged or of another number of steps."""
    try:
        found = [Result(**line) for line in json.loads(results.read_text(encoding="utf-8"))]
    except (FileNotFoundError, ValueError, TypeError):
        return []
    return found if all(result.steps == steps for result in found) else []


def _earlier(out: Path, results: Sequence[Result], steps: int | None) -> list[Result]:
    """Other settings' results in a folder, of the same number of steps."""
    known = {(r.objective, r.pack) for r in results}
    found = [r for path in sorted(out.glob("*/results.json")) for r in _finished(path, steps)]
    return [r for r in found if (r.objective, r.pack) not in known]


def _protocol(record: dict[str, Any]) -> dict[str, Any]:
    free = ("objective", "pack", "threads", "device", "steps")
    settings = Config.from_record(record["config"]).to_dict()  # also of earlier versions
    return record | {"config": {k: v for k, v in settings.items() if k not in free}}


def _train(
    training: Training,
    config: Config,
    seeds: Sequence[int],
    dataset: Dataset,
    folder: Path,
    interrupt: Interrupt,
    progress: Callable[[int], None],
) -> None:
    """Train an ensemble to its last step, resuming from its last checkpoint if there is one."""
    steps, folder = config.steps or 0, folder / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    if any(True for _ in checkpoint.steps(folder)):
        training.restore(checkpoint.read_last(folder)[0])
        checkpoint.set_aside_after(folder, training.step)
    batches = batches_of(config, dataset, training.device, seeds)
    before, started = training.seconds, time.perf_counter()
    while training.step < steps and interrupt.signal is None:
        loop.iterate(training, batches, End(steps))
        training.seconds = before + time.perf_counter() - started
        if training.step % config.checkpoint_every == 0 or training.step == steps:
            checkpoint.write(folder, training.checkpoint(), config.keep_checkpoints, None)
        progress(training.step)
    if training.step < steps:
        checkpoint.write(folder, training.checkpoint(), config.keep_checkpoints, None)


def _measure(
    training: Training, config: Config, seeds: Sequence[int], dataset: Dataset
) -> list[Result]:
    """The result of each member, from the samples of its seed."""
    density = dataset.density
    assert density is not None
    assert density.modes is not None
    assert density.mode_std is not None
    sampler = sampler_of(config, dataset, training)
    with torch.no_grad():
        drawn = sampler(torch.stack([sampler.z(SAMPLES, seed) for seed in seeds])).cpu()
    results = []
    for seed, samples in zip(seeds, drawn, strict=True):
        nonfinite = metrics.count_nonfinite(samples)
        # Move nonfinite samples far away from every mode.
        points = samples.nan_to_num(nan=1e9, posinf=1e9, neginf=-1e9)
        reached = metrics.mode_coverage(points, density.modes, density.mode_std)
        results.append(
            Result(
                config.data, config.objective, config.pack, seed, training.step,
                reached.covered, reached.high_quality, nonfinite,
            )
        )  # fmt: skip
    return results


@dataclass(frozen=True)
class Summary:
    """One row of the table: means over seeds and their standard errors (NaN for one seed)."""

    data: str
    objective: str
    pack: int
    seeds: int
    steps: int
    modes: float
    modes_se: float
    high_quality: float
    high_quality_se: float


def summarise(results: Sequence[Result]) -> list[Summary]:
    """One row for each setting, in the order of training."""
    settings = dict.fromkeys((r.data, r.objective, r.pack, r.steps) for r in results)
    rows = []
    for data, objective, pack, steps in settings:
        group = [r for r in results if (r.objective, r.pack) == (objective, pack)]
        modes, quality = [r.modes for r in group], [r.high_quality for r in group]
        rows.append(
            Summary(
                data, objective, pack, len(group), steps,
                mean(modes), _standard_error(modes), mean(quality), _standard_error(quality),
            )
        )  # fmt: skip
    return rows


def _standard_error(values: Sequence[float]) -> float:
    return stdev(values) / math.sqrt(len(values)) if len(values) > 1 else math.nan


def as_csv(results: Sequence[Result]) -> str:
    """One line per seed, as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(Result.__dataclass_fields__))
    writer.writeheader()
    writer.writerows(asdict(result) for result in results)
    return text.getvalue()


def as_markdown(results: Sequence[Result], config: Config, modes: int) -> str:
    """A Markdown table of the settings, with the protocol and its changes to the published one.

    ``modes`` is the number of modes of the density.
    """
    lines = [
        f"| {config.data} | seeds | steps | modes of {modes} | high quality | published |",
        "|---|---|---|---|---|---|",
    ]
    for row in summarise(results):
        name = row.objective + (f", packing {row.pack}" if row.pack > 1 else "")
        published = PUBLISHED.get((row.data, row.objective, row.pack), "–")
        covered = _plus_minus(row.modes, row.modes_se, ".1f")
        quality = _plus_minus(row.high_quality, row.high_quality_se, ".1%")
        lines.append(
            f"| {name} | {row.seeds} | {row.steps:,} | {covered} | {quality} | {published} |"
        )
    changed = changes(config)
    lines += [
        "",
        f"{SAMPLES:,} samples per seed; a sample is of high quality within 3 standard deviations "
        "of the nearest mode; a mode is covered by one such sample; ± standard error over seeds. "
        "Published: ten runs of 400,000 steps (Lin et al. 2018). "
        + (f"Changed from that protocol: {', '.join(changed)}." if changed else "Same protocol."),
    ]
    return "\n".join(lines) + "\n"


def _plus_minus(mean: float, error: float, form: str) -> str:
    """Format a mean with its standard error, or alone if the error is NaN."""
    return f"{mean:{form}}" + ("" if math.isnan(error) else f" ± {error:{form}}")


def changes(config: Config) -> list[str]:
    """Describe each setting that differs from the published protocol."""
    published, mine = pacgan(data=config.data).to_dict(), config.to_dict()
    free = {"recipe", "seed", "objective", "pack", "device", "threads", "grid", "keep_checkpoints"}
    free |= {name for name in mine if name.endswith("_every")}
    return [
        f"{name.replace('_', '-')} {mine[name]} (published {published[name]})"
        for name in mine
        if name not in free and mine[name] != published[name]
    ]
