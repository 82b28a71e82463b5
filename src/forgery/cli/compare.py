"""``forgery compare``"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..evaluation import Card


def compare(*runs: Path, csv: bool = False, json: bool = False, md: bool = False) -> None:
    """Compare the scores of several runs side by side.

    Runs that differ only in their seed share one column: mean ± standard error. Runs measured by
    different protocols are refused, since their scores are not comparable.

    Parameters
    ----------
    runs:
        Run folders measured by forgery evaluate.
    csv:
        Print comma-separated values, one line per measure.
    json:
        Print JSON, one object per column.
    md:
        Print a Markdown table.
    """
    from ..addresses import folder_of
    from ..errors import ForgeryError
    from ..evaluation import read_card, require_like
    from ._tables import as_csv, as_json, as_markdown, group, print_cards

    if not runs:
        raise ForgeryError("name the runs to compare: forgery compare RUN RUN …")
    if csv + json + md > 1:
        raise ForgeryError("give one of --csv, --json and --md")
    # Name each run by its present folder, which may have been renamed since it was measured.
    cards = [replace(read_card(folder_of(run) / "card.json"), run=str(run)) for run in runs]
    require_like(cards)
    seeds: set[tuple[str, int]] = set()
    keys: list[str] = []
    for run, card in zip(runs, cards, strict=True):
        settings, seed = _settings(run, card)
        # A run that was given or trained twice does not count as a second seed.
        keys.append(f"{run} {len(keys)}" if (settings, seed) in seeds else settings)
        seeds.add((settings, seed))
    columns = group(cards, keys)
    if csv or json or md:
        print((as_csv if csv else as_json if json else as_markdown)(columns), end="")
    else:
        print_cards([column.card for column in columns], [column.errors for column in columns])


def _settings(run: Path, card: "Card") -> tuple[str, int]:
    """The settings that runs in one column must share, and the seed.

    A card without a run folder has a column to itself.
    """
    from ..config import MachineSettings, ReportingSettings, fields_of
    from ..errors import ForgeryError
    from ..training.run import open_run

    try:
        settings = open_run(run).config.to_dict()
    except ForgeryError:  # a card without its run
        return str(run), 0
    apart = {"seed", *fields_of(MachineSettings), *fields_of(ReportingSettings)}
    key = repr((card.step, {n: v for n, v in settings.items() if n not in apart}))
    return key, settings["seed"]
