"""The few requests of the Kafka protocol that scripts need, spoken directly: a JVM for each would take seconds.

Message formats are those of https://kafka.apache.org/protocol, of each request a version without tagged fields, which
brokers from 2.1 to 4.x understand.
"""

import socket
import struct
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from .console import ScriptError

_LIST_OFFSETS = (2, 3)
_METADATA = (3, 5)
_CREATE_TOPICS = (19, 4)
_DELETE_TOPICS = (20, 3)

UNKNOWN_TOPIC = 3
TOPIC_EXISTS = 36
# Error codes after which the same request may succeed a little later, unchanged.
TRANSIENT = (5, 6, 7, 9, 14, 15, 41)
_NAMES = {
    3: "unknown topic or partition",
    6: "not the leader of the partition",
    17: "invalid topic name",
    36: "topic exists already",
    37: "invalid partitions",
    38: "invalid replication factor",
    40: "invalid configuration",
    41: "not the controller",
    44: "policy violation",
}


class KafkaError(ScriptError):
    """A broker's answer with an error code; `code` is the protocol's."""

    def __init__(self, what: str, code: int, message: Optional[str] = None):
        super().__init__(f"{what}: Kafka error {code} ({message or _NAMES.get(code, 'see the protocol')})")
        self.code = code


class KafkaConnection:
    """One connection to one broker. Raises ScriptError when the broker does not answer."""

    def __init__(self, host: str, port: int, timeout: float = 30):
        self.address = f"{host}:{port}"
        try:
            self._socket = socket.create_connection((host, port), timeout)
        except OSError as error:
            raise ScriptError(f"Kafka broker {self.address}: {error}") from error
        self._correlation = 0

    def __enter__(self) -> "KafkaConnection":
        return self

    def __exit__(self, *exception: object) -> None:
        self._socket.close()

    def brokers(self) -> List[int]:
        """The ids of the brokers that accept work."""
        return self._metadata([])[0]

    def partitions(self) -> Dict[str, int]:
        """The number of partitions of every topic, internal ones left out."""
        return self._metadata(None)[1]

    def create_topic(self, name: str, partitions: int, config: Mapping[str, str], timeout: float = 30) -> None:
        """Creates a topic with one replica. Raises KafkaError with code 36 when it exists."""
        body = struct.pack(">i", 1) + _string(name) + struct.pack(">ihi", partitions, 1, 0)
        body += struct.pack(">i", len(config))
        body += b"".join(_string(key) + _string(value) for key, value in config.items())
        body += struct.pack(">i?", int(timeout * 1000), False)
        answer = self._call(_CREATE_TOPICS, body)
        answer.int32()
        for _ in range(answer.int32()):
            topic, code, message = answer.string(), answer.int16(), answer.string()
            _check(f"creating topic {topic}", code, message)

    def delete_topic(self, name: str, timeout: float = 30) -> None:
        """Deletes a topic. Raises KafkaError with code 3 when there is none."""
        body = struct.pack(">i", 1) + _string(name) + struct.pack(">i", int(timeout * 1000))
        answer = self._call(_DELETE_TOPICS, body)
        answer.int32()
        for _ in range(answer.int32()):
            topic, code = answer.string(), answer.int16()
            _check(f"deleting topic {topic}", code)

    def end_offsets(self, topic: str, committed: bool = False) -> Dict[int, int]:
        """The offset after the last record of each partition; with `committed` as a read_committed consumer sees it."""
        count = self.partitions().get(topic)
        if count is None:
            raise KafkaError(f"offsets of topic {topic}", UNKNOWN_TOPIC)
        latest = -1
        body = struct.pack(">ibi", -1, int(committed), 1) + _string(topic) + struct.pack(">i", count)
        body += b"".join(struct.pack(">iq", partition, latest) for partition in range(count))
        answer = self._call(_LIST_OFFSETS, body)
        answer.int32()
        offsets = {}
        for _ in range(answer.int32()):
            name = answer.string()
            for _ in range(answer.int32()):
                partition, code, _timestamp, offset = answer.int32(), answer.int16(), answer.int64(), answer.int64()
                _check(f"offset of {name}-{partition}", code)
                offsets[partition] = offset
        return offsets

    def _metadata(self, topics: Optional[Sequence[str]]) -> Tuple[List[int], Dict[str, int]]:
        body = struct.pack(">i", -1 if topics is None else len(topics))
        body += b"".join(_string(topic) for topic in topics or ()) + struct.pack(">?", False)
        answer = self._call(_METADATA, body)
        answer.int32()
        brokers = []
        for _ in range(answer.int32()):
            brokers.append(answer.int32())
            answer.string(), answer.int32(), answer.string()
        answer.string(), answer.int32()
        partitions = {}
        for _ in range(answer.int32()):
            code, name, internal, count = answer.int16(), answer.string(), answer.int8(), answer.int32()
            for _ in range(count):
                answer.int16(), answer.int32(), answer.int32()
                for _ in ("replicas", "in sync", "offline"):
                    answer.skip(4 * answer.int32())
            _check(f"metadata of topic {name}", code)
            if not internal:
                partitions[name] = count
        return brokers, partitions

    def _call(self, request: Tuple[int, int], body: bytes) -> "_Answer":
        self._correlation += 1
        message = struct.pack(">hhi", *request, self._correlation) + _string("flink-serving-scripts") + body
        try:
            self._socket.sendall(struct.pack(">i", len(message)) + message)
            answer = _Answer(self._receive(struct.unpack(">i", self._receive(4))[0]))
        except OSError as error:
            raise ScriptError(f"Kafka broker {self.address}: {error}") from error
        if answer.int32() != self._correlation:
            raise ScriptError(f"Kafka broker {self.address}: answered another request")
        return answer

    def _receive(self, size: int) -> bytes:
        parts = []
        while size > 0:
            part = self._socket.recv(min(size, 1 << 16))
            if not part:
                raise ConnectionError("connection closed")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


class _Answer:
    def __init__(self, data: bytes):
        self._data = data
        self._position = 0

    def int8(self) -> int:
        return self._take(">b", 1)

    def int16(self) -> int:
        return self._take(">h", 2)

    def int32(self) -> int:
        return self._take(">i", 4)

    def int64(self) -> int:
        return self._take(">q", 8)

    def string(self) -> str:
        """A string; a null one is ''."""
        size = self.int16()
        if size < 0:
            return ""
        self.skip(size)
        return self._data[self._position - size : self._position].decode()

    def skip(self, size: int) -> None:
        self._position += size

    def _take(self, form: str, size: int) -> int:
        self.skip(size)
        return struct.unpack_from(form, self._data, self._position - size)[0]


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">h", len(data)) + data


def _check(what: str, code: int, message: Optional[str] = None) -> None:
    if code != 0:
        raise KafkaError(what, code, message)
