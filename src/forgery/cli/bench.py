"""``forgery bench``"""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ._flags import FLAT, NOTHING_SHARED, SharedFlags, given

#: A flag with values separated by commas: 1,2,4.
Listed = Parameter(negative=())


def bench(
    data: str,
    /,
    *,
    objective: Annotated[str, Listed] = "non-saturating",
    pack: Annotated[str, Listed] = "1",
    seeds: Annotated[str, Listed] = "10",
    out: Path | None = None,
    flags: Annotated[SharedFlags, FLAT] = NOTHING_SHARED,  # type: ignore[valid-type]
) -> int:
    """Count the modes covered over many seeds, by the published protocol.

    All seeds of a setting train together. The defaults are PacGAN's networks and settings (forgery
    recipes pacgan); the table lists every setting that differs from them. To resume an interrupted
    benchmark, repeat the command.

    Parameters
    ----------
    data:
        ring8 or grid25.
    objective:
        One or more objectives, separated by commas.
    pack:
        Number of samples that D judges jointly; several numbers separated by commas: 1,2,4.
    seeds:
        The number of seeds; or the seeds, separated by commas: 3,5,8.
    out:
        Folder for the results (default: bench/DATA).
    """
    from ..bench import bench as run
    from ..progress import counting
    from ..recipes import pacgan

    config = pacgan(data=data).replace(**given(flags))
    folder = out or Path("bench") / data
    which = _numbers("seeds", seeds)
    with counting() as progress:
        results = run(
            config,
            [name.strip() for name in objective.split(",")],
            _numbers("pack", pack),
            which if "," in seeds else list(range(which[0])),
            folder,
            progress,
        )
    if results is None:
        print(f"stopped and saved in {folder}; repeat the command to resume")
        return 130
    print((folder / "results.md").read_text(encoding="utf-8"))
    print(f"saved in {folder}/results.csv and results.md")
    return 0


def _numbers(name: str, text: str) -> list[int]:
    from ..errors import ForgeryError

    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < (0 if name == "seeds" and "," in text else 1):
        raise ForgeryError(f"--{name} takes whole numbers separated by commas, not {text!r}")
    return numbers
