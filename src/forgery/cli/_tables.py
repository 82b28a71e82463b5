"""Cards as a table on the terminal."""

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from ..card import Card


def print_cards(cards: "list[Card]") -> None:
    """One column a run, then the floors; below them the protocol and what is needed to read it."""
    from ..card import MEASURES, title

    protocol = cards[0].protocol
    # Runs on the same data have the same floor.
    floors: dict[str, Card] = {}
    for card in cards:
        floors.setdefault(card.protocol.train_fingerprint, card)
    table = Table(box=None, pad_edge=False)
    table.add_column("measure")
    for card in cards:
        table.add_column(f"{card.run} (step {card.step:,})", justify="right")
    for card in floors.values():
        name = card.protocol.train if len(floors) > 1 else "real train"
        table.add_column(f"{name} (floor)", justify="right")
    table.add_column("better")
    for measure, (_, better) in MEASURES.items():
        if any(measure in card.scores for card in cards):
            numbers = [_number(card.scores.get(measure)) for card in cards]
            numbers += [_number(card.floor.get(measure)) for card in floors.values()]
            table.add_row(title(measure, protocol), *numbers, better)
    console = Console(markup=False, highlight=False)
    console.print(table)
    features = (
        f"features of {protocol.extractor} (sha256 {protocol.extractor_sha256[:12]}…)"
        if protocol.extractor_sha256
        else "without features"
    )
    print(
        f"\n{protocol.samples:,} samples of seed {protocol.seed} against {protocol.against}; "
        f"{features}"
    )
    for card in floors.values():
        if "parzen" in card.floor:
            print(
                f"A Parzen score above the {card.floor['parzen']:.0f} of real training images "
                "shows the flaw of that measure, not success."
            )
    for card in cards:
        for reason in dict.fromkeys(card.left_out.values()):
            names = [title(m, protocol) for m, why in card.left_out.items() if why == reason]
            print(f"{card.run}: no {', '.join(names)}: {reason}")
        for note in card.notes:
            print(f"{card.run}: {note}")
        if card.nonfinite:
            print(f"{card.run}: {card.nonfinite} samples with NaN or infinity were left out")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"
