"""Writes frozen TensorFlow graphs (GraphDef) in single precision. Attributes that have a default in TensorFlow are left out."""

from typing import List, NamedTuple, Sequence, Union

import protobuf

DT_FLOAT, DT_INT32 = 1, 3
# Of TensorFlow 2.18; what matters is that it is not so old that operators behave in an older way.
PRODUCER = 1994


class Type(NamedTuple):
    number: int


Attribute = Union[int, bool, str, Type, Sequence[int]]


class Graph:
    """Nodes are named when they are added; their name is what others take as an input."""

    def __init__(self) -> None:
        self._nodes: List[bytes] = []

    def placeholder(self, name: str, shape: Sequence[int]) -> str:
        """Of any number of rows, each of a shape."""
        axes = (protobuf.message(2, protobuf.number(1, size)) for size in (-1, *shape))
        entry = protobuf.message(5, protobuf.message(1, "shape"), protobuf.message(2, protobuf.message(7, *axes)))
        return self._add(name, "Placeholder", [], entry, dtype=Type(DT_FLOAT))

    def constant(self, name: str, shape: Sequence[int], values: Sequence[float]) -> str:
        return self._constant(name, DT_FLOAT, shape, protobuf.floats(values))

    def integers(self, name: str, values: Sequence[int]) -> str:
        return self._constant(name, DT_INT32, [len(values)], b"".join(value.to_bytes(4, "little", signed=True) for value in values))

    def integer(self, name: str, value: int) -> str:
        return self._constant(name, DT_INT32, [], value.to_bytes(4, "little", signed=True))

    def call(self, name: str, operator: str, *inputs: str, **attributes: Attribute) -> str:
        return self._add(name, operator, inputs, b"", T=Type(DT_FLOAT), **attributes)

    def encode(self) -> bytes:
        return b"".join(self._nodes) + protobuf.message(4, protobuf.number(1, PRODUCER))

    def _constant(self, name: str, kind: int, shape: Sequence[int], content: bytes) -> str:
        axes = (protobuf.message(2, protobuf.number(1, size)) for size in shape)
        tensor = protobuf.number(1, kind) + protobuf.message(2, *axes) + protobuf.message(4, content)
        entry = protobuf.message(5, protobuf.message(1, "value"), protobuf.message(2, protobuf.message(8, tensor)))
        return self._add(name, "Const", [], entry, dtype=Type(kind))

    def _add(self, name: str, operator: str, inputs: Sequence[str], more: bytes, **attributes: Attribute) -> str:
        entries = (protobuf.message(5, protobuf.message(1, key), protobuf.message(2, _value(value))) for key, value in attributes.items())
        self._nodes.append(
            protobuf.message(
                1, protobuf.message(1, name), protobuf.message(2, operator), *(protobuf.message(3, source) for source in inputs), more, *entries
            )
        )
        return name


def _value(value: Attribute) -> bytes:
    """Field numbers of attr_value.proto, AttrValue."""
    if isinstance(value, Type):
        return protobuf.number(6, value.number)
    if isinstance(value, bool):
        return protobuf.number(5, int(value))
    if isinstance(value, int):
        return protobuf.number(3, value)
    if isinstance(value, str):
        return protobuf.message(2, value)
    return protobuf.message(1, protobuf.numbers(3, value))
