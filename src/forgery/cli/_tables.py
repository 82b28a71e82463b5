"""Cards as a table on the terminal."""

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from ..card import Card


def print_cards(cards: "list[Card]") -> None:
    """One column a run, the floor last; below it the protocol and what must be known to read it."""
    from ..card import MEASURES, title

    protocol, floor = cards[0].protocol, cards[0].floor
    table = Table(box=None, pad_edge=False)
    table.add_column("measure")
    for card in cards:
        table.add_column(f"{card.run} (step {card.step:,})", justify="right")
    table.add_column("real train (floor)", justify="right")
    table.add_column("better")
    for measure, (_, better) in MEASURES.items():
        if any(measure in card.scores for card in cards):
            numbers = [_number(card.scores.get(measure)) for card in cards]
            table.add_row(title(measure, protocol), *numbers, _number(floor.get(measure)), better)
    console = Console(markup=False, highlight=False)
    console.print(table)
    print(
        f"\n{protocol.samples:,} samples of seed {protocol.seed} against {protocol.against}; "
        f"features of {protocol.extractor} (sha256 {protocol.extractor_sha256[:12]}…)"
    )
    if "parzen" in floor:
        print(
            f"A Parzen score above the {floor['parzen']:.0f} of real training images shows the "
            "flaw of that measure, not success."
        )
    for card in cards:
        for measure, reason in card.left_out.items():
            print(f"{card.run}: no {title(measure, protocol)}: {reason}")
        if card.nonfinite:
            print(f"{card.run}: {card.nonfinite} samples with NaN or infinity were left out")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"
