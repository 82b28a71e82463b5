"""Pictures in tables: the choice of the columns for images, labels and attributes.

Tables are described by an Arrow schema, which parquet files (``parquet.py``) and data sets of the
hub (``hub.py``) both have. If the ``datasets`` package wrote the table, the schema also contains
the names of the classes.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import ForgeryError, did_you_mean
from .decode import Rejected
from .listing import too_large
from .settings import ImageSettings

if TYPE_CHECKING:
    import pyarrow as pa

#: Value of ``label_column`` that ignores labels.
NO_LABELS = "none"
#: Columns that are used as labels by default.
USUAL_LABELS = ("label", "labels")
#: Why a row without a label is set aside if the table has a label column.
UNLABELLED = "it has no label"


@dataclass(frozen=True)
class Columns:
    """The columns of a table that are used.

    Parameters
    ----------
    image:
        Column of pictures.
    label:
        Column of labels, or None.
    names:
        Names of the classes, if labels are their indices; None if labels are the names.
    attributes:
        Boolean columns, such as CelebA's ``Eyeglasses`` or ``Male``.
    """

    image: str
    label: str | None
    names: tuple[str, ...] | None
    attributes: tuple[str, ...] = ()

    def labels(self, values: Iterable[Any]) -> list[str]:
        """Return the name of each row's class; empty if it has no label."""
        return [self._name(value) for value in values]

    def _name(self, value: Any) -> str:
        if value is None or value != value:  # NaN, as pandas writes missing integers
            return ""
        if isinstance(value, float):
            if not value.is_integer():
                raise ForgeryError(
                    f"column {self.label!r} holds {value:g}, but labels that are numbers must be "
                    f"whole: choose another --label-column, or {NO_LABELS} for none"
                )
            value = int(value)
        if self.names is not None:
            return self.names[value] if 0 <= value < len(self.names) else ""
        return str(value).lower() if isinstance(value, bool) else str(value)

    def classes(self, labels: Iterable[str]) -> tuple[str, ...]:
        """Return all classes: ``names``, or else the labels, sorted numerically if possible."""
        if self.names is not None:
            return self.names
        found = {label for label in labels if label}
        try:
            return tuple(sorted(found, key=int))
        except ValueError:
            return tuple(sorted(found))


def choose_columns(where: str, schema: "pa.Schema", settings: ImageSettings) -> Columns:
    """Choose the columns in ``settings``, or else the only column of pictures and a usual label.

    Pictures are binary, or a struct with a field ``bytes`` as written by ``datasets``. Labels are
    whole numbers, strings or booleans.

    Raises
    ------
    ForgeryError
        A column does not exist or has the wrong type, two have the same name, or there is not
        exactly one column of pictures.
    """
    for name, times in Counter(schema.names).items():
        if times > 1:
            raise ForgeryError(f"{where}: {times} columns have the name {name!r}: rename them")
    descriptions = _descriptions(schema)
    image = settings.image_column or _only_picture_column(where, schema)
    if not _holds_pictures(_kind(where, schema, image)):
        raise ForgeryError(
            f"{where}: column {image!r} has type {_kind(where, schema, image)}, but pictures must "
            "be binary, or a struct with a binary field 'bytes'"
        )
    label: str | None = settings.label_column
    if label == NO_LABELS and NO_LABELS not in schema.names:
        label = None
    elif label and not _holds_labels(_kind(where, schema, label)):
        raise ForgeryError(
            f"{where}: column {label!r} has type {_kind(where, schema, label)}, but labels must be "
            "whole numbers, strings or booleans"
        )
    elif not label:
        fit = [name for name in schema.names if _holds_labels(schema.field(name).type)]
        named = [name for name in fit if descriptions.get(name, {}).get("_type") == "ClassLabel"]
        usual = [name for name in USUAL_LABELS if name in fit]
        label = usual[0] if usual else named[0] if len(named) == 1 else None
    names = None
    if label and not _is_text(schema.field(label).type):
        names = descriptions.get(label, {}).get("names")
    attributes = tuple(n for n in schema.names if n != label and _is_boolean(schema.field(n).type))
    return Columns(image, label, None if names is None else tuple(map(str, names)), attributes)


def truth_strings(columns: Sequence[Sequence[bool | None]], rows: int) -> list[str]:
    """Encode each row's boolean columns as a string of 0s and 1s; missing values are 0."""
    if not columns:
        return [""] * rows
    return ["".join("1" if value else "0" for value in row) for row in zip(*columns, strict=True)]


def content_of(cell: Any) -> bytes:
    """Return the bytes of a picture in a cell: bytes, or a dict for a struct.

    Raises
    ------
    Rejected
        The cell has no bytes. Files that it refers to are not read, since they may be any files.
    """
    content = cell.get("bytes") if isinstance(cell, dict) else cell
    if content is None and isinstance(cell, dict) and cell.get("path"):
        raise Rejected("the table refers to a file without containing it")
    if content is None:
        raise Rejected("empty")
    if reason := too_large(len(content)):
        raise Rejected(reason)
    return bytes(content)


def row_names(rows: int, split: str = "") -> Sequence[str]:
    """Return names for the rows of a table, which sort like the rows: ``test row 0012``."""
    digits = len(str(max(0, rows - 1)))
    return [f"{split} row {i:0{digits}}".strip() for i in range(rows)]


def _only_picture_column(where: str, schema: "pa.Schema") -> str:
    found = [name for name in schema.names if _holds_pictures(schema.field(name).type)]
    if len(found) == 1:
        return str(found[0])
    if found:
        raise ForgeryError(
            f"{where}: several columns may contain pictures ({', '.join(found)}): choose one with "
            "--image-column"
        )
    columns = ", ".join(f"{name} ({schema.field(name).type})" for name in schema.names)
    raise ForgeryError(f"{where}: no column contains pictures: {columns or 'there are no columns'}")


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

    if types.is_dictionary(kind):  # a categorical in pandas
        return _holds_labels(kind.value_type)
    number = types.is_integer(kind) or types.is_floating(kind)
    return _is_text(kind) or number or types.is_boolean(kind)


def _is_text(kind: "pa.DataType") -> bool:
    from pyarrow import types

    if types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)


def _is_boolean(kind: "pa.DataType") -> bool:
    from pyarrow import types

    return bool(types.is_boolean(kind))


def _descriptions(schema: "pa.Schema") -> dict[str, Any]:
    """Parse the description of the columns written by ``datasets``; empty if there is none."""
    try:
        features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
        return {name: about for name, about in features.items() if isinstance(about, dict)}
    except (TypeError, KeyError, ValueError, AttributeError):
        return {}
