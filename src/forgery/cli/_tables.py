"""Score cards side by side, as a terminal table, CSV, JSON or Markdown."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from statistics import mean, stdev
from textwrap import wrap
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from .. import strict_json
from ..numbers import plus_minus

if TYPE_CHECKING:
    from ..evaluation import Card


@dataclass(frozen=True)
class Column:
    """One column: runs that differ in their seed only.

    Parameters
    ----------
    card:
        Mean scores over the runs, for the measures that all runs have.
    errors:
        Measure → standard error of the mean; empty for a single run.
    runs:
        Names of the runs.
    """

    card: "Card"
    errors: Mapping[str, float]
    runs: tuple[str, ...]


def group(cards: "Sequence[Card]", settings: Sequence[str]) -> list[Column]:
    """Make one column of all cards with equal settings, in the order of their first cards."""
    columns = []
    for key in dict.fromkeys(settings):
        same = [card for card, other in zip(cards, settings, strict=True) if other == key]
        first, n = same[0], len(same)
        if n == 1:
            columns.append(Column(first, {}, (first.run,)))
            continue
        measures = [m for m in first.scores if all(m in card.scores for card in same)]
        scores = {m: [card.scores[m] for card in same] for m in measures}
        card = replace(
            first,
            run=f"{first.run} ({n} seeds)",
            scores={m: mean(values) for m, values in scores.items()},
            nonfinite=sum(card.nonfinite for card in same),
        )
        errors = {
            m: stdev(values) / math.sqrt(n) if all(map(math.isfinite, values)) else math.nan
            for m, values in scores.items()
        }
        columns.append(Column(card, errors, tuple(card.run for card in same)))
    return columns


def as_csv(columns: Sequence[Column]) -> str:
    """One line per measure: mean and standard error of each column, then the floors."""
    from ..evaluation.measures import score_names

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    heads = [head for c in columns for head in (c.card.run, f"{c.card.run} standard error")]
    floors = _floors([c.card for c in columns])
    writer.writerow(["measure", *heads, *_real(floors)])
    for measure in score_names([c.card for c in columns]):
        cells = [values.get(measure, "") for c in columns for values in (c.card.scores, c.errors)]
        writer.writerow([measure, *cells, *(card.floor.get(measure, "") for card in floors)])
    return text.getvalue()


def as_json(columns: Sequence[Column]) -> str:
    """One object per column under "columns": runs, step, scores, standard errors, floor, ratios."""
    from ..evaluation.measures import ratio

    def ratios(card: "Card") -> dict[str, float]:
        found = {name: ratio(name, card.scores, card.floor) for name in card.scores}
        return {name: value for name, value in found.items() if value is not None}

    objects = [
        {
            "runs": list(column.runs),
            "step": column.card.step,
            "scores": column.card.scores,
            "standard_errors": dict(column.errors),
            "floor": column.card.floor,
            "ratios": ratios(column.card),
        }
        for column in columns
    ]
    return strict_json.dumps({"columns": objects}, indent=1) + "\n"


def as_markdown(columns: Sequence[Column]) -> str:
    """A Markdown table with one row per measure."""
    from ..evaluation.measures import formatted, measure_of, score_names, title

    floors = _floors([c.card for c in columns])
    heads = ["measure", *(c.card.run for c in columns), *_real(floors), "better"]
    rows = [heads, ["---"] * len(heads)]
    for name in score_names([c.card for c in columns]):
        cells = [_cell(name, c.card.scores.get(name), c.errors.get(name)) for c in columns]
        real = [formatted(name, card.floor.get(name)) for card in floors]
        measure = measure_of(name)
        better = measure.better if measure else ""
        rows.append([title(name, columns[0].card.protocol), *cells, *real, better])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def print_cards(cards: "list[Card]", errors: Sequence[Mapping[str, float]] = ()) -> None:
    """Print one column per run, then the floors, and the protocol and remarks below the table."""
    protocol = cards[0].protocol
    console = Console(markup=False, highlight=False)
    table, legend = card_table(cards, console.width, errors)
    console.print(table)
    print("".join(f"\n{line}" for line in legend))
    networks = [f"{network} (sha256 {network.sha256[:12]}…)" for network in protocol.networks]
    features = f"features of {'; '.join(networks)}" if networks else "without features"
    print(
        f"{protocol.samples:,} samples of seed {protocol.seed} against {protocol.against}; "
        f"{features}"
    )
    parzen = [f"{c.floor['parzen']:.0f}" for c in _floors(cards) if "parzen" in c.floor]
    if parzen:
        print(
            f"A Parzen score above that of real training images ({' or '.join(parzen)}) reveals a "
            "flaw of the measure, not a better model."
        )
    for card in cards:
        for line in remarks(card):
            print(f"{card.run}: {line}" if len(cards) > 1 else line)


def remarks(card: "Card") -> list[str]:
    """The measures that were skipped, with reasons, and notes on reading the scores."""
    from ..evaluation.measures import title

    lines = []
    for reason in dict.fromkeys(card.left_out.values()):
        names = [name for name, why in card.left_out.items() if why == reason]
        titles = ", ".join(f'"{title(name, card.protocol, with_unit=False)}"' for name in names)
        lines.append(f"Skipped {titles}: {reason}")
    lines += card.notes
    if card.nonfinite:
        lines.append(f"{card.nonfinite} samples with NaN or infinity were left out")
    return lines


def card_table(
    cards: "list[Card]", width: int, errors: Sequence[Mapping[str, float]] = ()
) -> tuple[Table, list[str]]:
    """A table at most ``width`` characters wide, one row per score; and its legend.

    Of several extractors, each has a row below the name of the measure. A single card also has its
    scores divided by the floor.

    If the runs' paths leave too little room for the names of the measures, runs are numbered and
    the legend lists their paths. A name that still does not fit is wrapped between words.
    """
    from ..evaluation.measures import (
        formatted,
        inception_title,
        measure_of,
        ratio,
        score_names,
        split_name,
        title,
    )

    floors, protocol = _floors(cards), cards[0].protocol
    has_ratios = len(cards) == 1
    rows: list[tuple[str, list[str]]] = []
    heading = ""
    for name in score_names(cards):
        scores = [
            _cell(name, card.scores.get(name), of_card.get(name))
            for card, of_card in zip(cards, errors or [{}] * len(cards), strict=True)
        ]
        scores += [formatted(name, card.floor.get(name)) for card in floors]
        if has_ratios:
            value = ratio(name, cards[0].scores, cards[0].floor)
            scores.append("" if value is None else f"{value:.3g}")
        measure = measure_of(name)
        cells = [*scores, measure.better if measure else ""]
        text = title(name, protocol)
        if measure and measure.depends_on_extractor and protocol.also:
            if heading != measure.title:
                heading = measure.title
                rows.append((heading, [""] * len(cells)))
            extractor = split_name(name)[1] or protocol.extractor
            own = inception_title(name, protocol)
            text = f"  {extractor}" + (f": {own}" if own else "")
        rows.append((text, cells))
    numbers = [f"run {i}" for i in range(1, len(cards) + 1)] if len(cards) > 1 else ["run"]
    paths = [f"{card.run}\nstep {card.step:,}" for card in cards]
    real = [f"real {protocol.kind}\n(best\nachievable)"]
    if len(floors) > 1:
        real = [f"floor {i}" for i in range(1, len(floors) + 1)]
    for runs, gap in product((paths, numbers), (2, 1)):
        headings = [*runs, *real, *(["score ÷\nreal"] if has_ratios else []), "better"]
        columns = zip(headings, *(cells for _, cells in rows), strict=True)
        lines = ("\n".join(cells).split("\n") for cells in columns)
        room = width - sum(max(map(len, column)) + gap for column in lines)
        if room >= max((len(name) for name, _ in rows), default=0):
            break
    table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0))
    table.add_column("measure", no_wrap=True)
    for heading in headings[:-1]:
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column(headings[-1], no_wrap=True)
    for name, cells in rows:
        table.add_row(_broken(name, room), *cells)
    legend = [
        f"{number}: {card.run}, step {card.step:,}"
        for number, card in zip(numbers, cards, strict=True)
        if runs is numbers
    ]
    if len(floors) > 1:
        legend += [f"floor {i}: real {c.protocol.train}" for i, c in enumerate(floors, start=1)]
    return table, legend


def _floors(cards: "list[Card]") -> "list[Card]":
    """The first card for each training set: runs trained on the same data share a floor."""
    first: dict[str, Card] = {}
    for card in cards:
        first.setdefault(card.protocol.train_fingerprint, card)
    return list(first.values())


def _real(floors: "list[Card]") -> list[str]:
    """The headings of floors: which training data, if they are of several."""
    one = len(floors) == 1
    return ["real images" if one else f"real {card.protocol.train}" for card in floors]


def _broken(name: str, width: int) -> str:
    """Wrap a name between words, but not within "(k = 3)" or "× 1000"."""
    glued = name.replace(" = ", "\u00a0=\u00a0").replace("× ", "×\u00a0")
    lines = wrap(glued, max(width, 20), subsequent_indent="    ", break_on_hyphens=False)
    return "\n".join(lines).replace("\u00a0", " ")


def _cell(name: str, value: float | None, error: float | None) -> str:
    from ..evaluation.measures import formatted

    if value is None or error is None:
        return formatted(name, value)
    return plus_minus(value, error)
