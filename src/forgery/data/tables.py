"""Pictures in a column of a table: which column holds them, and which their labels.

What a table is, is Arrow's business: a parquet file (``parquet.py``) and a data set of the hub
(``hub.py``) both come with an Arrow schema, and where the ``datasets`` package wrote them, with its
description of the columns, which names the classes.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import ForgeryError, did_you_mean
from .decode import Rejected
from .listing import too_large
from .settings import ImageSettings

if TYPE_CHECKING:
    import pyarrow as pa

#: What ``label_column`` says for "there are no labels".
NO_LABELS = "none"
#: Columns that are labels without being named.
USUAL_LABELS = ("label", "labels")
#: The reason why a row is set aside that has no label where others have one.
UNLABELLED = "it has no label"


@dataclass(frozen=True)
class Columns:
    """The column of pictures, the column of labels (or None), and the names of its classes.

    ``names`` is None where the values of the label column are the names. ``attributes`` are the
    columns of truth values: what is true of a picture, as CelebA's ``Eyeglasses`` or ``Male``.
    """

    image: str
    label: str | None
    names: tuple[str, ...] | None
    attributes: tuple[str, ...] = ()

    def labels(self, values: Iterable[Any]) -> list[str]:
        """The class of each row by name; empty where it has none."""
        return [self._name(value) for value in values]

    def _name(self, value: Any) -> str:
        if value is None:
            return ""
        if self.names is not None:
            return self.names[value] if 0 <= value < len(self.names) else ""
        return str(value).lower() if isinstance(value, bool) else str(value)

    def classes(self, labels: Iterable[str]) -> tuple[str, ...]:
        """All classes in the order of their numbers: as named, else sorted, numbers as numbers."""
        if self.names is not None:
            return self.names
        found = {label for label in labels if label}
        try:
            return tuple(sorted(found, key=int))
        except ValueError:
            return tuple(sorted(found))


def choose_columns(where: str, schema: "pa.Schema", settings: ImageSettings) -> Columns:
    """The columns that were asked for, else the only one of pictures, and a usual one of labels.

    Pictures are bytes, or a struct with ``bytes`` in it, as ``datasets`` writes them. Labels are
    whole numbers, words or truth values.

    Raises
    ------
    ForgeryError
        When a column is not there, is of another kind, or nothing tells which one is meant.
    """
    described = _described(schema)
    image = settings.image_column or _the_column_of_pictures(where, schema)
    if not _holds_pictures(_kind(where, schema, image)):
        raise ForgeryError(
            f"{where}: the column {image!r} holds {_kind(where, schema, image)}, and pictures are "
            "binary, or a struct with bytes in it"
        )
    label: str | None = settings.label_column
    if label == NO_LABELS and NO_LABELS not in schema.names:
        label = None
    elif label and not _holds_labels(_kind(where, schema, label)):
        raise ForgeryError(
            f"{where}: the column {label!r} holds {_kind(where, schema, label)}, and labels are "
            "whole numbers, words or truth values"
        )
    elif not label:
        fit = [name for name in schema.names if _holds_labels(schema.field(name).type)]
        named = [name for name in fit if described.get(name, {}).get("_type") == "ClassLabel"]
        usual = [name for name in USUAL_LABELS if name in fit]
        label = usual[0] if usual else named[0] if len(named) == 1 else None
    names = described.get(label, {}).get("names") if label else None
    attributes = tuple(n for n in schema.names if n != label and _is_truth(schema.field(n).type))
    return Columns(image, label, None if names is None else tuple(map(str, names)), attributes)


def truths(columns: Sequence[Sequence[bool | None]], rows: int) -> list[str]:
    """Each row's truth values as 0s and 1s, one a column; what is missing is not true."""
    if not columns:
        return [""] * rows
    return ["".join("1" if value else "0" for value in row) for row in zip(*columns, strict=True)]


def content_of(cell: Any) -> bytes:
    """The bytes of a picture in a cell, as Python sees it: bytes, or a struct as a dict.

    Raises
    ------
    Rejected
        When there are none. A file that a cell only names is not looked for: it may be any file.
    """
    content = cell.get("bytes") if isinstance(cell, dict) else cell
    if content is None and isinstance(cell, dict) and cell.get("path"):
        raise Rejected("the table only names a file, and does not hold it")
    if content is None:
        raise Rejected("empty")
    if reason := too_large(len(content)):
        raise Rejected(reason)
    return bytes(content)


def row_names(rows: int, split: str = "") -> Sequence[str]:
    """The names of a table's rows, which sort as the rows do: ``test row 0012``."""
    digits = len(str(max(0, rows - 1)))
    return [f"{split} row {i:0{digits}}".strip() for i in range(rows)]


def _the_column_of_pictures(where: str, schema: "pa.Schema") -> str:
    found = [name for name in schema.names if _holds_pictures(schema.field(name).type)]
    if len(found) == 1:
        return str(found[0])
    if found:
        raise ForgeryError(
            f"{where}: the columns {', '.join(found)} may all hold pictures: name one with "
            "--image-column"
        )
    columns = ", ".join(f"{name} ({schema.field(name).type})" for name in schema.names)
    raise ForgeryError(f"{where}: none of its columns holds pictures: {columns or 'it has none'}")


def _kind(where: str, schema: "pa.Schema", name: str) -> "pa.DataType":
    if name not in schema.names:
        nearest = did_you_mean(name, schema.names)
        raise ForgeryError(f"{where} has no column {name!r}{nearest}")
    return schema.field(name).type


def _holds_pictures(kind: "pa.DataType") -> bool:
    from pyarrow import types

    if types.is_struct(kind):
        at = kind.get_field_index("bytes")
        return at >= 0 and _holds_pictures(kind.field(at).type)
    return types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind)


def _holds_labels(kind: "pa.DataType") -> bool:
    from pyarrow import types

    if types.is_dictionary(kind):  # what pandas calls a categorical
        return _holds_labels(kind.value_type)
    text = types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
    return text or types.is_integer(kind) or types.is_boolean(kind)


def _is_truth(kind: "pa.DataType") -> bool:
    from pyarrow import types

    return bool(types.is_boolean(kind))


def _described(schema: "pa.Schema") -> dict[str, Any]:
    """What ``datasets`` wrote about each column; empty where that is not there or no JSON."""
    try:
        features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
        return {name: about for name, about in features.items() if isinstance(about, dict)}
    except (TypeError, KeyError, ValueError, AttributeError):
        return {}
