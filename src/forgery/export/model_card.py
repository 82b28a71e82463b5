"""The model card of the hub: README.md with metadata in YAML, filled in from the run."""

import json
import re
from collections.abc import Sequence
from typing import Any

from ..addresses import name_of
from ..config import Config, LengthSettings, MachineSettings, ReportingSettings, fields_of, flag
from ..data import is_name
from ..errors import ForgeryError
from ..evaluation import Card
from ..evaluation.measures import (
    formatted,
    inception_title,
    measure_of,
    network_of,
    score_names,
    title,
)
from ..evaluation.protocol import Protocol, split_name
from ..model import Model
from ..recipes import find_recipe
from ..training.run import Run
from .readme import described, introduction, usage

#: Names of data → data set on the hub. Only those that are the same data.
ON_HUB = {"mnist": "ylecun/mnist"}
#: Scores that describe another score.
BESIDE = ("kernel_std", "parzen_se", "parzen_sigma")
#: Settings that do not change what a run ends with, or are stated in words of their own.
UNSTATED = {
    *("recipe", "data", "seed", "start_from"),
    *fields_of(LengthSettings),
    *fields_of(MachineSettings),
    *fields_of(ReportingSettings),
}


def model_card(
    model: Model,
    run: Run,
    card: Card | None,
    licence: str,
    name: str | None,
    files: Sequence[str] = (),
) -> str:
    """README.md of a model on the hub.

    Parameters
    ----------
    model, run:
        The model and its run.
    card:
        Its scores, if it was evaluated.
    licence:
        The hub's identifier of the licence.
    name:
        ``OWNER/NAME`` on the hub, if it is known.
    files:
        The names of the other files in the folder.
    """
    parts = [
        f"---\n{_yaml(metadata(model, run, card, licence, name, files))}---",
        f"# {_title(model, name)}",
        introduction(model, run),
    ]
    if "samples.png" in files:
        parts.append("![Uncurated samples (seed 0)](samples.png)")
    parts += usage(model, run, f"hub:{name or 'OWNER/NAME'}", files)
    parts += ["## Training", _training(model, run)]
    parts += ["## Evaluation", *_evaluation(card)]
    parts += ["## Limitations", _limitations(model, run, card)]
    return "\n\n".join(parts).rstrip() + "\n"


def metadata(
    model: Model,
    run: Run,
    card: Card | None,
    licence: str,
    name: str | None = None,
    files: Sequence[str] = (),
) -> dict[str, Any]:
    """The YAML of a model card, by the specification in huggingface/hub-docs, modelcard.md."""
    config, images = model.config, len(model.shape) == 3
    facts: dict[str, Any] = {"license": licence, "library_name": "forgery"}
    if images:
        facts["pipeline_tag"] = "unconditional-image-generation"
    facts["tags"] = [
        config.model,
        "forgery",
        "pytorch",
        *(["onnx"] if "model.onnx" in files else []),
    ]
    source = _on_hub(config)
    if source is not None:
        facts["datasets"] = [source]
    if card is None or not card.scores:
        return facts
    scores = [score for score in score_names([card]) if split_name(score)[0] not in BESIDE]
    data, _, split = card.protocol.against.partition("[")
    task = ("unconditional-image-generation", "Image generation")
    kind, label = task if images else ("other", "Generation of points")
    same = data == card.protocol.train.partition("[")[0]
    result = {
        "task": {"type": kind, "name": label},
        "dataset": {
            "type": source if source and same else _slug(data),
            "name": data,
            **({"split": split.partition("]")[0]} if split else {}),
        },
        "metrics": [_metric(score, card) for score in scores],
    }
    facts["model-index"] = [{"name": _title(model, name), "results": [result]}]
    return facts


def _title(model: Model, name: str | None) -> str:
    return name_of(name if name else model.path)


def score_title(score: str, protocol: Protocol) -> str:
    """The name of a score with the network whose features it compares; FID for Inception's."""
    measure, network = measure_of(score), network_of(score, protocol)
    if measure is None or not measure.depends_on_extractor or network is None:
        return title(score, protocol)
    if own := inception_title(score, protocol):
        return own
    return f"{measure.title} ({network})" + (f", {measure.unit}" if measure.unit else "")


def _metric(score: str, card: Card) -> dict[str, Any]:
    """An entry of the model index."""
    measure, network = measure_of(score), network_of(score, card.protocol)
    kinds = {"frechet": "frechet-distance", "kernel": "kernel-distance"}
    if inception_title(score, card.protocol):
        kinds = {"frechet": "fid", "kernel": "kid"}
    key = split_name(score)[0]
    name = score_title(score, card.protocol)
    arguments: dict[str, Any] = {"samples": card.protocol.samples}
    if score in card.floor:
        name += f"; of real training data: {formatted(score, card.floor[score])}"
        arguments["floor"] = card.floor[score]
    if network is not None and measure is not None and measure.depends_on_extractor:
        arguments |= {"extractor": network.name, "extractor_sha256": network.sha256}
    return {
        "type": kinds.get(key, key),
        "value": card.scores[score],
        "name": name,
        "args": arguments,
    }


def _on_hub(config: Config) -> str | None:
    """The data set on the hub that is the training data."""
    if config.data.startswith("hf:") and is_name(config.data):
        return config.data.removeprefix("hf:").partition("@")[0]
    return ON_HUB.get(config.data)


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-") or "data"


def _training(model: Model, run: Run) -> str:
    config, record = model.config, run.record
    data = record["data"]
    reports = [report for report in run.read_metrics() if report["step"] <= model.step]
    time = f", in {_duration(reports[-1]['seconds'])}" if reports else ""
    lines = [
        f"recipe: {_recipe(config)}",
        f"data: {data['name']}, {run.count:,} {run.kind}, "
        f"fingerprint `{data['fingerprint'][:16]}…`",
        f"networks: generator {config.generator}, "
        + (f"discriminator {config.discriminator}" if config.model == "gan" else "and its encoder"),
        f"length: {model.step:,} steps of {config.batch_size} samples{time}",
        f"machine: {record['machine']['device']}; forgery {record['forgery']}, torch "
        f"{record['torch']}",
        f"seed: {config.seed}",
    ]
    if start := record.get("pretrained"):
        origin = name_of(config.start_from) if config.start_from else "another run"
        lines.insert(1, f"started from: the weights of {origin} at step {start['step']:,}")
    if config.ema:
        lines.append(f"weights: the moving average of the generator, decay {config.ema}")
    return "\n".join(f"- {line}" for line in lines)


def _recipe(config: Config) -> str:
    """The recipe, and the settings that differ from it."""
    try:
        usual = find_recipe(config.recipe)().to_dict()
    except ForgeryError:  # of a package that is not installed
        return f"{config.recipe}, of another package"
    idle = set(config.without_effect())
    changed = [
        f"`{flag(name)} {value}`"
        if not isinstance(value, bool)
        else f"`{'' if value else 'no-'}{flag(name)}`"
        for name, value in config.to_dict().items()
        if name not in UNSTATED | idle and value != usual[name]
    ]
    return config.recipe + (f", with {', '.join(changed)}" if changed else ", unchanged")


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _evaluation(card: Card | None) -> list[str]:
    if card is None:
        return ["The samples were not measured."]
    protocol = card.protocol
    rows = [
        f"| {score_title(score, protocol)} | {formatted(score, card.scores[score])} | "
        f"{formatted(score, card.floor.get(score))} | {_better(score)} |"
        for score in score_names([card])
    ]
    table = ["| measure | samples | real training data | better |", "|---|---|---|---|", *rows]
    networks = [f"{network} (SHA-256 `{network.sha256[:16]}…`)" for network in protocol.networks]
    features = f", on features of {'; '.join(networks)}" if networks else ""
    left_out = [f"{name}: {reason}" for name, reason in card.left_out.items()]
    about = (
        f"{protocol.samples:,} samples of seed {protocol.seed} against {protocol.against}"
        f"{features}. The third column is the floor: the score of real training data by the same "
        "protocol. "
        "Scores are comparable only with others of the same protocol, which `card.json` holds."
    )
    notes = [*card.notes, *(["Not measured: " + "; ".join(left_out)] if left_out else [])]
    return ["\n".join(table), about, *(f"{note.rstrip('.')}." for note in notes)]


def _better(score: str) -> str:
    measure = measure_of(score)
    return measure.better if measure and measure.better != "see note" else ""


def _limitations(model: Model, run: Run, card: Card | None) -> str:
    data = run.record["data"]
    lines = [
        f"It was trained to draw {described(model)} like those of {data['name']}, and draws "
        "nothing else.",
        "This card was filled in by a program, which has not looked at the training data: whoever "
        "publishes the model should add what the data show, whom the data concern, and what the "
        "model must not be used for.",
        "The scores are those of one training run with one seed.",
    ]
    if card is None:
        lines[-1] = "Neither the quality nor the variety of its samples was measured."
    if card is not None and "near_train" in card.scores:
        lines.append(
            f"{title('near_train', card.protocol)[0].upper()}"
            f"{title('near_train', card.protocol)[1:]}: "
            f"{formatted('near_train', card.scores['near_train'])} of the samples, where "
            f"{_better('near_train')} is expected of a model that copies nothing."
        )
    else:
        lines.append("Whether samples are copies of training data was not measured.")
    if missing := [name for name, n in model.classes.items() if not n and model.takes_class]:
        lines.append(f"Its training data had no sample of the classes {', '.join(missing)}.")
    if card is not None and card.nonfinite:
        lines.append(f"{card.nonfinite} samples were NaN or infinite.")
    return "\n".join(f"- {line}" for line in lines)


def _yaml(value: Any, indent: str = "") -> str:
    """Mappings, lists, numbers and strings as YAML; strings are quoted unless they are words."""
    if isinstance(value, dict):
        lines = []
        for key, item in value.items():
            nested = isinstance(item, dict | list)
            inside = f"\n{_yaml(item, indent + '  ')}" if nested else f" {_scalar(item)}\n"
            lines.append(f"{indent}{key}:{inside}")
        return "".join(lines)
    lines = []
    for item in value:
        nested = isinstance(item, dict)
        text = _yaml(item, indent + "  ") if nested else f"{indent}  {_scalar(item)}\n"
        lines.append(f"{indent}- {text[len(indent) + 2 :]}")
    return "".join(lines)


def _scalar(value: Any) -> str:
    if isinstance(value, float):  # a number in YAML 1.1 has a point: 1.0e-07
        return re.sub(r"^(-?\d+)e", r"\1.0e", repr(value))
    word = isinstance(value, str) and re.fullmatch(r"[a-z][a-z0-9_./-]*[a-z0-9]", value)
    reserved = value in ("true", "false", "null", "yes", "no", "on", "off")
    return value if word and not reserved else json.dumps(value, ensure_ascii=False)
