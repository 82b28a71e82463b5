"""``forgery resume``"""

from pathlib import Path
from typing import Annotated

from ._flags import FLAT, NOTHING, Flags, given


def resume(
    run: Path,
    /,
    *,
    flags: Annotated[Flags, FLAT] = NOTHING,  # type: ignore[valid-type]
) -> int:
    """Go on with a run exactly where it stopped; a larger length extends it.

    Length, reporting and machine may be changed. Any other setting that differs from the run's is
    refused: that would be another run.

    Parameters
    ----------
    run:
        The run folder.
    """
    from ..studio import resume as go_on
    from ._training import say_where

    return say_where(go_on(run, progress=True, **given(flags)))
