"""``forgery resume``"""

from pathlib import Path
from typing import Annotated

from ._flags import FLAT, NOTHING_RESUMED, ResumeFlags, given


def resume(
    run: Path,
    /,
    *,
    data: str | None = None,
    flags: Annotated[ResumeFlags, FLAT] = NOTHING_RESUMED,  # type: ignore[valid-type]
) -> int:
    """Resume a run exactly where it stopped; a larger length extends it.

    Length, reporting and machine may be changed. Any other change of a setting is refused, since
    it would make a different run.

    Parameters
    ----------
    run:
        The run folder.
    data:
        New path of the run's data, if it was moved after training.
    """
    from ..session import resume as start
    from ._training import print_results

    return print_results(start(run, progress=True, data=data, **given(flags)))
