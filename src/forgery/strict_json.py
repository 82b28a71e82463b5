"""Strict JSON: non-finite numbers are written as null and listed separately.

JSON has no NaN or infinity. Python's json module writes ``NaN`` and ``Infinity`` anyway, and
browsers and most other parsers then reject the whole file.
"""

import json
import math
from typing import Any

#: The key under which an object lists its non-finite numbers.
NULL_MEANS = "null_means"


def dumps(content: dict[str, Any], indent: int | None = None) -> str:
    """Serialise an object to JSON.

    Non-finite numbers are written as null. ``null_means``, the last key of the object, maps their
    JSON pointers (RFC 6901) to their values: ``{"/quality/kl": "Infinity"}``.
    """
    nulls: dict[str, str] = {}
    finite = _finite(content, "", nulls)
    return json.dumps(finite | ({NULL_MEANS: nulls} if nulls else {}), indent=indent)


def loads(text: str) -> Any:
    """Parse JSON, restoring the non-finite numbers that :func:`dumps` replaced.

    Raises
    ------
    ValueError
        The text is not JSON, or ``null_means`` is invalid.
    """
    content = json.loads(text)
    if isinstance(content, dict):
        nulls = content.pop(NULL_MEANS, {})
        try:
            for place, number in nulls.items():
                _put(content, [_unescaped(key) for key in place.split("/")[1:]], float(number))
        except (AttributeError, IndexError, KeyError, TypeError) as error:
            raise ValueError(f"{NULL_MEANS} refers to values that do not exist") from error
    return content


def _finite(content: Any, place: str, nulls: dict[str, str]) -> Any:
    if isinstance(content, dict):
        return {
            key: _finite(value, f"{place}/{_escaped(key)}", nulls) for key, value in content.items()
        }
    if isinstance(content, list | tuple):
        return [_finite(value, f"{place}/{i}", nulls) for i, value in enumerate(content)]
    if isinstance(content, float) and not math.isfinite(content):
        nulls[place] = json.dumps(content)
        return None
    return content


def _put(content: Any, place: list[str], number: float) -> None:
    for key in place[:-1]:
        content = content[int(key) if isinstance(content, list) else key]
    content[int(place[-1]) if isinstance(content, list) else place[-1]] = number


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _unescaped(key: str) -> str:
    return key.replace("~1", "/").replace("~0", "~")
