"""``forgery compare``"""

from pathlib import Path


def compare(*runs: Path) -> None:
    """Put the cards of several runs side by side.

    Cards of unlike protocols are refused: their numbers do not compare.

    Parameters
    ----------
    runs:
        Run folders that forgery evaluate has measured.
    """
    from ..card import read_card, require_like
    from ..errors import ForgeryError
    from ._tables import print_cards

    if not runs:
        raise ForgeryError("name the runs to compare: forgery compare RUN RUN …")
    cards = [read_card(run / "card.json") for run in runs]
    require_like(cards)
    print_cards(cards)
