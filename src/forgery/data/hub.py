"""Pictures in a data set of the Hugging Face hub (``pip install forgery[hub]``).

The source is ``hf:OWNER/NAME``, or ``hf:OWNER/NAME:CONFIG`` for a data set with several
configurations. The ``datasets`` package downloads it once into its own cache; with
``HF_HUB_OFFLINE=1`` only the cache is used.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ForgeryError
from .decode import MAX_BYTES, Rejected
from .listing import Entry, Listing, too_large
from .settings import ImageSettings
from .tables import UNLABELLED, choose_columns, content_of, row_names, truth_strings

if TYPE_CHECKING:
    import datasets

PREFIX = "hf:"
_NAME = re.compile(r"hf:(?P<name>[\w-][\w.-]*/[\w-][\w.-]*)(:(?P<config>[\w.-]+))?")


def is_on_hub(source: str) -> bool:
    """Whether ``source`` is a data set of the hub."""
    return source.startswith(PREFIX)


@dataclass(frozen=True)
class HubDataset:
    """A data set loaded by ``datasets``, with one table per split."""

    source: str
    name: str
    splits: "dict[str, datasets.Dataset]"

    def stamp(self) -> list[object]:
        """Return values that change if the data set changes."""
        prints = {split: table._fingerprint for split, table in self.splits.items()}
        return [self.source, prints]

    @contextmanager
    def listing(self, settings: ImageSettings) -> Iterator[Listing]:
        """List the rows of all splits, which can be read inside the context."""
        import datasets

        found = Listing(in_order=True, licence=licence_of(self.name))
        classes: tuple[str, ...] = ()
        for split, table in self.splits.items():
            columns = choose_columns(
                f"{self.source}[{split}]", table.features.arrow_schema, settings
            )
            labels = [""] * len(table)
            if columns.label:
                labels = columns.labels(table[columns.label][:])
                classes = columns.classes([*classes, *labels])
            kept = columns.attributes
            attributes = truth_strings([table[name][:] for name in kept], len(table))
            found.attribute_names = kept
            cells = table.select_columns([columns.image])
            if isinstance(table.features[columns.image], datasets.Image):
                cells = cells.cast_column(columns.image, datasets.Image(decode=False))
            for i, name in enumerate(row_names(len(table), split)):
                reason = UNLABELLED if columns.label and not labels[i] else ""
                read = partial(_read, cells, columns.image, i)
                found.add(Entry(name, read, split, labels[i], attributes[i]), reason)
        found.classes = classes
        yield found


def open_hub(source: str) -> HubDataset:
    """Load a data set, from the cache of ``datasets`` if possible.

    Raises
    ------
    ForgeryError
        The name is invalid, the package is not installed, or the data set cannot be loaded.
    """
    match = _NAME.fullmatch(source)
    if not match:
        raise ForgeryError(
            f"invalid name {source!r}: a data set of the hub is hf:OWNER/NAME or "
            "hf:OWNER/NAME:CONFIG"
        )
    try:
        import datasets
    except ImportError:
        raise ForgeryError(
            f"loading {source} requires the package datasets: pip install 'forgery[hub]'"
        ) from None
    try:
        splits = datasets.load_dataset(match["name"], match["config"])
    except Exception as error:  # network, hub or content of the data set
        reason = " ".join(str(error).split())[:400]
        hint = f": {PREFIX}{match['name']}:CONFIG" if "Config name is missing" in reason else ""
        raise ForgeryError(f"{source} cannot be loaded: {reason}{hint}") from error
    return HubDataset(source, match["name"], dict(splits))


def licence_of(name: str) -> str:
    """Return the licence stated on a data set's card; empty if there is none."""
    try:
        from huggingface_hub import DatasetCard, hf_hub_download

        card = hf_hub_download(name, "README.md", repo_type="dataset")
        licence = DatasetCard.load(card).data.get("license") or ""
    except Exception:  # no card, not in the cache, or invalid
        return ""
    return ", ".join(map(str, licence)) if isinstance(licence, list) else str(licence)


def _read(cells: "datasets.Dataset", column: str, row: int) -> bytes:
    cell = cells[row][column]
    if isinstance(cell, dict) and cell.get("bytes") is None and cell.get("path"):
        return _read_file(cell)
    return content_of(cell)


def _read_file(cell: dict[str, Any]) -> bytes:
    """Read a file that a row refers to, if it was downloaded with the data set."""
    from datasets import config
    from huggingface_hub import constants

    path = Path(cell["path"]).resolve()
    homes = (config.HF_DATASETS_CACHE, config.DOWNLOADED_DATASETS_PATH, constants.HF_HUB_CACHE)
    if not any(path.is_relative_to(Path(home).resolve()) for home in homes):
        raise Rejected("refers to a file outside the data set")
    try:
        if reason := too_large(path.stat().st_size):
            raise Rejected(reason)
        with open(path, "rb") as file:
            return file.read(MAX_BYTES)
    except OSError as error:
        raise Rejected(f"cannot be read: {error.strerror or error}") from error
