"""``forgery compare``"""

from pathlib import Path


def compare(*runs: Path) -> None:
    """Put the cards of several runs side by side.

    Cards of different protocols are refused: their numbers cannot be compared.

    Parameters
    ----------
    runs:
        Run folders that forgery evaluate has measured.
    """
    from ..errors import ForgeryError
    from ..evaluation import read_card, require_like
    from ._tables import print_cards

    if not runs:
        raise ForgeryError("name the runs to compare: forgery compare RUN RUN …")
    cards = [read_card(run / "card.json") for run in runs]
    require_like(cards)
    print_cards(cards)
