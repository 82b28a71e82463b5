"""Pictures in a parquet file, one per row (``pip install forgery[parquet]``)."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ForgeryError
from .decode import Rejected
from .listing import Entry, Listing
from .settings import ImageSettings
from .tables import UNLABELLED, choose_columns, content_of, row_names, truth_strings

if TYPE_CHECKING:
    import pyarrow.parquet as pq

SUFFIX = ".parquet"


def is_parquet(path: Path) -> bool:
    """Whether a file is a parquet file by its name."""
    return path.suffix.lower() == SUFFIX


@contextmanager
def parquet_listing(path: Path, settings: ImageSettings) -> Iterator[Listing]:
    """List the rows of a parquet file, which can be read inside the context."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise ForgeryError(
            f"reading {path} requires the package pyarrow: pip install 'forgery[parquet]'"
        ) from None
    try:
        with pq.ParquetFile(path) as file:
            columns = choose_columns(str(path), file.schema_arrow, settings)
            rows = _Rows(file, columns.image)
            labels = [""] * file.metadata.num_rows
            if columns.label:
                labels = columns.labels(file.read([columns.label])[columns.label].to_pylist())
            kept = columns.attributes
            values = [file.read([name])[name].to_pylist() for name in kept]
            attributes = truth_strings(values, len(labels))
            found = Listing(in_order=True, classes=columns.classes(labels), attribute_names=kept)
            for i, (name, label) in enumerate(zip(row_names(len(labels)), labels, strict=True)):
                reason = UNLABELLED if columns.label and not label else ""
                found.add(Entry(name, partial(rows.read, i), "", label, attributes[i]), reason)
            yield found
    except (pa.ArrowException, OSError) as error:
        raise ForgeryError(f"{path} cannot be read as parquet: {error}") from error


class _Rows:
    """The cells of a column, with the row group that was read last kept in memory."""

    def __init__(self, file: "pq.ParquetFile", column: str) -> None:
        self.file, self.column = file, column
        groups = range(file.metadata.num_row_groups)
        self.groups = [(g, i) for g in groups for i in range(file.metadata.row_group(g).num_rows)]
        self.current = -1

    def read(self, row: int) -> bytes:
        import pyarrow as pa

        group, i = self.groups[row]
        if group != self.current:
            try:
                self.cells = self.file.read_row_group(group, [self.column])[self.column]
            except (pa.ArrowException, OSError) as error:
                raise Rejected(f"damaged in the file: {error}") from error
            self.current = group
        return content_of(self.cells[i].as_py())
