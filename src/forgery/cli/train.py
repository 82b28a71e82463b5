"""``forgery train``"""

from pathlib import Path
from typing import Annotated

from ._flags import FLAT, NOTHING, Flags, given


def train(
    data: str | None = None,
    /,
    *,
    recipe: str | None = None,
    config: Path | None = None,
    out: Path | None = None,
    flags: Annotated[Flags, FLAT] = NOTHING,  # type: ignore[valid-type]
) -> int:
    """Train a GAN in a new run folder.

    Flags override the TOML file, which overrides the recipe, or the settings of the run to start
    from.

    Parameters
    ----------
    data:
        A data source (mnist, ring8 …); a path: a folder, zip or tar of pictures, a parquet file,
        images as IDX, .npy or .npz, points as CSV or .npy; or a dataset on the Hugging Face hub,
        hf:OWNER/NAME.
    recipe:
        Recipe to start from, listed by forgery recipes (default: depends on the data).
    config:
        TOML file of settings, named like the flags (batch_size = 64).
    out:
        The run folder (default: runs/DATA-DATE-TIME).
    """
    # Imported here so that help pages do not import torch.
    from ..progress import is_shown
    from ..resolve import settings_from
    from ..session import train as start
    from ..training.run import require_new
    from ._training import print_expectation, print_results

    if out is not None:
        require_new(out)  # before pictures are decoded
    shown = is_shown(True)
    settings = settings_from(data, recipe, config, given(flags), shown)
    if data is None and shown:
        print(
            f"training recipe {settings.recipe} on {settings.data}: {settings.length}", flush=True
        )
    print_expectation(settings)
    return print_results(start(settings, out, progress=True))
