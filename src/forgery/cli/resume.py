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
    from ..training.run import open_run
    from ._progress import decoding, say_where, watching

    decoding(open_run(run).config)
    with watching() as watch:
        model = go_on(run, watch, **given(flags))
    return say_where(model)
