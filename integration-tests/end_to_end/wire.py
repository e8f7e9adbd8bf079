"""The messages of `proto/` as bytes. Written here a second time, so that a change of the wire format fails tests, and so that messages can be wrong."""

import hashlib
import struct
from typing import Iterable, Mapping, Optional, Sequence, Union

# WineRecord, numbers 1 to 11.
FIELDS = (
    "fixed_acidity", "volatile_acidity", "citric_acid", "residual_sugar", "chlorides", "free_sulfur_dioxide", "total_sulfur_dioxide",
    "density", "pH", "sulphates", "alcohol",
)
DATA_TYPE = 12

TENSORFLOW, TENSORFLOWSAVED, PMML, PFA, ONNX = range(5)
ADD_OR_UPDATE, REMOVE, SUSPEND, RESUME, ROLLBACK = range(5)


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def number(field: int, value: int) -> bytes:
    """An enum or integer field."""
    return _varint(field << 3) + _varint(value)


def double(field: int, value: float) -> bytes:
    return _varint(field << 3 | 1) + struct.pack("<d", value)


def text(field: int, value: Union[str, bytes]) -> bytes:
    """A string, bytes or message field."""
    content = value.encode() if isinstance(value, str) else value
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def wine(values: Union[Mapping[str, float], Sequence[float]], data_type: Optional[str] = "wine") -> bytes:
    """A WineRecord. Fields that `values` lacks are left out, and so is the data type when it is None."""
    by_name = values if isinstance(values, Mapping) else dict(zip(FIELDS, values))
    encoded = b"".join(double(at, by_name[name]) for at, name in enumerate(FIELDS, start=1) if name in by_name)
    return encoded if data_type is None else encoded + text(DATA_TYPE, data_type)


def model(
    name: str,
    content: bytes = b"",
    version: str = "",
    data_type: str = "wine",
    model_type: int = PMML,
    sha256: Optional[bytes] = None,
    outputs: Iterable[bytes] = (),
    location: str = "",
    more: bytes = b"",
) -> bytes:
    """A ModelDescriptor that adds a model, inline or by location. `sha256` None is the right one of an inline model; `more` are further fields."""
    if sha256 is None:
        sha256 = b"" if location else hashlib.sha256(content).digest()
    return b"".join(
        [
            text(1, name), text(3, data_type), number(4, model_type), text(6, location) if location else text(5, content), text(17, version),
            text(19, sha256), *(text(21, output) for output in outputs), more,
        ]
    )


def inputs(model_input: str, record_fields: Iterable[str]) -> bytes:
    """A descriptor's binding of a model input to fields of the record."""
    return text(20, text(1, model_input) + b"".join(text(2, field) for field in record_fields))


def signature(name: str) -> bytes:
    """The signature of a SavedModel that a descriptor chooses."""
    return text(22, name)


def preprocessing(width: int, mean: float, std: float, model_input: str, field: int = 23) -> bytes:
    """A descriptor's window of values. The older protocol has it in field 7."""
    return text(field, number(1, width) + double(2, mean) + double(3, std) + text(4, model_input))


def command(action: int, name: str, data_type: str = "wine", version: str = "") -> bytes:
    """A ModelDescriptor that says something about a model that is there."""
    return text(1, name) + text(3, data_type) + number(16, action) + text(17, version)
