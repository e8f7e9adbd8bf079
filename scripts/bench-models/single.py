"""Single precision, which Python has no numbers for."""

import struct


def nearest(value: float) -> float:
    """The single precision number nearest to a value."""
    return struct.unpack("<f", struct.pack("<f", value))[0]


def shortest(value: float) -> str:
    """The shortest decimal that reads back as the same single precision number."""
    wanted = nearest(value)
    for digits in range(1, 10):
        text = f"{wanted:.{digits}g}"
        if nearest(float(text)) == wanted:
            return text
    return repr(wanted)
