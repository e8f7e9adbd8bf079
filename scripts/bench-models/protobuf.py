"""As much of the protobuf encoding as writing models takes."""

import struct
from typing import Iterable, Union

VARINT, BYTES, FIXED32 = 0, 2, 5


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def number(field: int, value: int) -> bytes:
    return varint(field << 3 | VARINT) + varint(value)


def real(field: int, value: float) -> bytes:
    return varint(field << 3 | FIXED32) + struct.pack("<f", value)


def message(field: int, *parts: Union[bytes, str]) -> bytes:
    """A field of bytes, text or an embedded message."""
    content = b"".join(part.encode("utf-8") if isinstance(part, str) else part for part in parts)
    return varint(field << 3 | BYTES) + varint(len(content)) + content


def numbers(field: int, values: Iterable[int]) -> bytes:
    return message(field, *map(varint, values))


def reals(field: int, values: Iterable[float]) -> bytes:
    return message(field, floats(values))


def floats(values: Iterable[float]) -> bytes:
    listed = list(values)
    return struct.pack(f"<{len(listed)}f", *listed)
