"""JSON that every reader takes: NaN and infinity become null, with what they were beside them.

JSON has no such numbers. Python writes them all the same, as ``NaN`` and ``Infinity``, and browsers
and most other programs then refuse the whole file.
"""

import json
import math
from typing import Any

#: Where an object lists its numbers that are null because they are not finite.
NULL_MEANS = "null_means"


def dumps(content: dict[str, Any], indent: int | None = None) -> str:
    """An object as JSON.

    Numbers that are not finite are written as null, and ``null_means`` at the end of the object
    says what they were, by their place: ``{"/quality/kl": "Infinity"}`` (JSON pointers, RFC 6901).
    """
    nulls: dict[str, str] = {}
    finite = _finite(content, "", nulls)
    return json.dumps(finite | ({NULL_MEANS: nulls} if nulls else {}), indent=indent)


def loads(text: str) -> Any:
    """What :func:`dumps` was given; of other JSON, what it says.

    Raises
    ------
    ValueError
        When it is not JSON.
    """
    content = json.loads(text)
    if isinstance(content, dict):
        nulls = content.pop(NULL_MEANS, {})
        try:
            for place, number in nulls.items():
                _put(content, [_unescaped(key) for key in place.split("/")[1:]], float(number))
        except (AttributeError, IndexError, KeyError, TypeError) as error:
            raise ValueError(f"{NULL_MEANS} names places that are not there") from error
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
