"""What the lab shows of a run, from its files: values for JSON."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ForgeryError

if TYPE_CHECKING:
    from ..evaluation import Card
    from ..training.run import Run
    from .runs import Known


def modified(path: Path) -> tuple[int, ...] | None:
    """A value that differs when a file or folder has changed; None if there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def last_change(path: Path) -> float:
    """Seconds since 1970 at which a run was last written to."""
    times = [modified(path / name) for name in ("metrics.jsonl", "config.json")]
    return next((found[0] / 1e9 for found in times if found), 0.0)


def describe(run: "Run") -> dict[str, Any]:
    """Data, recipe and length of a run."""
    config, data = run.config, run.record.get("data") or {}
    kind = "points" if "points" in data else "images"
    return {
        "data": data.get("name", config.data),
        "recipe": config.recipe,
        "model": config.model,
        "kind": kind,
        "number": data.get(kind),
        "length": config.length,
        "made_by": run.record.get("forgery"),
    }


def state_of(path: Path, known: "Known") -> dict[str, Any]:
    """Whether a run trains, has reached its length or was interrupted, and how far it is."""
    from ..training import checkpoint
    from ..training.run import training_process

    assert known.opened is not None
    config, last = known.opened.config, known.reports.last
    saved = next(checkpoint.steps(path / "checkpoints"), None)
    process = training_process(path)
    end = planned_steps(known.opened, last)
    step = max(saved or 0, last["step"] if last else 0)
    seconds = last["seconds"] if last else 0.0
    if config.minutes is not None:
        if process is None and saved is not None:
            seconds = max(seconds, saved_seconds(path, saved))
        share = seconds / (60 * config.minutes)
        finished = seconds >= 60 * config.minutes
    else:
        share = step / end if end else 0.0
        finished = end is not None and saved is not None and saved >= end
    state = "running" if process is not None else "finished" if finished else "interrupted"
    return {
        "state": state,
        "reason": "",
        "process": process,
        "step": step,
        "seconds": seconds,
        "end": end,
        "share": min(1.0, share),
        "saved": saved,
        "reports": known.reports.count,
    }


def planned_steps(run: "Run", last: Mapping[str, Any] | None) -> int | None:
    """The step at which a run ends; None for a length in minutes, or before the first report."""
    config = run.config
    if config.steps is not None:
        return config.steps
    if not last or not last["step"] or not last["epoch"]:
        return None
    data = run.record.get("data") or {}
    count = data.get("images") or data.get("points") or 0
    batch = config.batch_size * config.pack
    per_epoch = count // batch
    # A whole number, unlike the reported epoch: rounding must be that of training/end.py.
    per_step = max(1, round(last["epoch"] / last["step"] * per_epoch))
    if config.epochs is not None:
        return max(1, round(config.epochs * per_epoch / per_step))
    if config.images is not None:
        return max(1, round(config.images / (batch * per_step)))
    return None


def saved_seconds(path: Path, step: int) -> float:
    """The training time that a checkpoint records; 0 if it cannot be read."""
    content = read_object(path / "checkpoints" / f"{step:08d}" / "state.json") or {}
    try:
        return float(content["state"]["counters"]["seconds"])
    except (KeyError, TypeError, ValueError):
        return 0.0


def checkpoints_of(path: Path) -> list[int]:
    """The steps of a run's checkpoints, newest first."""
    from ..training import checkpoint

    return list(checkpoint.steps(path / "checkpoints"))


def read_object(path: Path) -> dict[str, Any] | None:
    """The JSON object in a small file; None if there is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def settings_of(run: "Run") -> list[dict[str, Any]]:
    """The settings that have an effect, by group; ``of_recipe`` where the recipe differs.

    Those of the machine do not differ: a run records what it chose for ``auto``.
    """
    from ..config import MachineSettings, field_of, fields_of, flag
    from ..recipes import find_recipe

    try:
        recipe = find_recipe(run.config.recipe)().to_dict()
    except ForgeryError:  # custom, or of a package that is not installed
        recipe = {}
    uncompared = {"data", "recipe", *fields_of(MachineSettings)}
    groups = []
    for title, settings in run.config.effective().items():
        listed = [
            {
                "name": name,
                "flag": flag(name),
                "value": value,
                "help": field_of(name).metadata["help"],
                "differs": name in recipe and name not in uncompared and recipe[name] != value,
                "of_recipe": recipe.get(name),
            }
            for name, value in settings.items()
        ]
        groups.append({"title": title, "settings": listed})
    return groups


def differing(runs: "Sequence[Run]") -> list[dict[str, Any]]:
    """The settings that are not the same in all runs; None where one has no effect."""
    from ..config import GROUPS, field_of, fields_of, flag

    effective = [
        {name: value for group in run.config.effective().values() for name, value in group.items()}
        for run in runs
    ]
    found = []
    for group in GROUPS:
        for name in fields_of(group):
            values = [settings.get(name) for settings in effective]
            if any(value != values[0] for value in values):
                about = field_of(name).metadata["help"]
                found.append(
                    {"group": group.title, "flag": flag(name), "help": about, "values": values}
                )
    return found


def equilibrium_of(run: "Run") -> dict[str, Any]:
    """The losses and D's output where D cannot tell samples from data; None where unknown."""
    from ..objectives import OBJECTIVES
    from ..plots.curves import equilibrium

    name = run.config.objective
    nothing = {"d_loss": None, "g_loss": None, "output": None, "is_probability": True}
    if run.config.model != "gan" or name not in OBJECTIVES:
        return nothing
    d_loss, g_loss = equilibrium(name)
    undecided = OBJECTIVES[name].undecided
    output = None if undecided is None else 1 / (1 + math.exp(-undecided))
    return {
        "d_loss": d_loss,
        "g_loss": g_loss,
        "output": output,
        "is_probability": undecided is not None,
    }


def shared(values: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The entries that are the same in all; None for the others."""
    first = values[0]
    return {
        name: value if all(other[name] == value for other in values) else None
        for name, value in first.items()
    }


def card_of(path: Path) -> "Card | str | None":
    """The card of a run; the reason if it cannot be read, None if there is none."""
    if not (path / "card.json").exists():
        return None
    from ..evaluation import read_card

    try:
        return read_card(path / "card.json")
    except ForgeryError as error:
        return str(error)


def card_json(cards: "Sequence[Card]") -> dict[str, Any]:
    """Cards of one protocol: a row a measure, with each card's score and the floor."""
    from ..evaluation.measures import formatted, measure_of, ratio, score_names, title

    protocol = cards[0].protocol
    rows = []
    for name in score_names(cards):
        measure = measure_of(name)
        ratios = [ratio(name, card.scores, card.floor) for card in cards]
        floors = [formatted(name, card.floor.get(name)) for card in cards]
        rows.append(
            {
                "title": title(name, protocol),
                "better": measure.better if measure else "",
                "scores": [formatted(name, card.scores.get(name)) for card in cards],
                "ratios": ratios,
                # Runs on different training data have different floors.
                "floors": floors if len(set(floors)) > 1 else floors[:1],
            }
        )
    return {
        "names": [card.run for card in cards],
        "steps": [card.step for card in cards],
        "rows": rows,
        "protocol": {
            "samples": protocol.samples,
            "seed": protocol.seed,
            "against": protocol.against,
            "networks": [str(network) for network in protocol.networks],
        },
        "notes": list(dict.fromkeys(note for card in cards for note in card.notes)),
        "left_out": {
            title(name, protocol): reason
            for card in cards
            for name, reason in card.left_out.items()
        },
    }


def compared_cards(cards: "Sequence[Card]") -> dict[str, Any] | None:
    """Cards side by side, or the reason why they must not be compared; None without cards."""
    from ..evaluation import require_like

    if not cards:
        return None
    try:
        require_like(list(cards))
    except ForgeryError as error:
        return {"problem": str(error)}
    return card_json(cards)
