"""Seals: checksums that files carry in themselves, so that damage is found when they are read.

A sealed JSON object has the member ``seal``, over all others. A sealed Parquet file has the seal in its footer, over
all bytes but itself, so that any reader of Parquet still takes it. XXH3, 128 bits: it finds damage, not forgery.
"""

import json
from typing import Any

import xxhash

KEY = "seal"
_MARK = b"serbench-seal:"
_OPEN = b"0" * 32  # while it is counted
#: metadata of a Parquet file to be sealed
METADATA = {KEY: (_MARK + _OPEN).decode()}


class DamageError(ValueError):
    """A file whose seal does not fit its content."""


def digest(content: bytes | memoryview) -> str:
    """32 hexadecimal digits."""
    return xxhash.xxh3_128_hexdigest(content)


def of_object(values: dict[str, Any]) -> str:
    """The seal of a JSON object, whatever its order and spaces; a seal that it has already is no part of it."""
    rest = {name: value for name, value in values.items() if name != KEY}
    return digest(json.dumps(rest, sort_keys=True, ensure_ascii=True, allow_nan=False).encode())


def sealed(values: dict[str, Any]) -> dict[str, Any]:
    """The object with its seal."""
    return {**values, KEY: of_object(values)}


def opened(values: dict[str, Any], needed: bool = True) -> dict[str, Any]:
    """The object without its seal. Raises DamageError where that does not fit, or is ``needed`` and not there."""
    if KEY not in values:
        if needed:
            raise DamageError("it has no seal")
        return values
    if values[KEY] != of_object(values):
        raise DamageError("its seal does not fit its content")
    return {name: value for name, value in values.items() if name != KEY}


def seal_parquet(content: bytes) -> bytes:
    """The file, written with `METADATA`, sealed in place."""
    place = _place(content, _OPEN)
    if place is None:
        raise ValueError("not written to be sealed")
    return content[:place] + digest(content).encode() + content[place + len(_OPEN) :]


def check_parquet(content: bytes) -> bool:
    """Whether the file is sealed; DamageError where it is and is not what was sealed."""
    place = _place(content)
    if place is None:
        return False
    held = content[place : place + len(_OPEN)]
    if digest(content[:place] + _OPEN + content[place + len(_OPEN) :]).encode() != held:
        raise DamageError("its seal does not fit its content")
    return True


def _place(content: bytes, then: bytes = b"") -> int | None:
    """Where the digits of the seal begin: the last mark, since the footer is at the end."""
    start = content.rfind(_MARK + then)
    return None if start < 0 else start + len(_MARK)
