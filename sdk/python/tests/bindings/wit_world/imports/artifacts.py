"""`omega:plugin/artifacts`, with one artifact."""

from componentize_py_types import Err

from .broker import BrokerError_HashMismatch

BYTES = b"the bytes of the artifact"


def size(artifact_id: str) -> int:
    return len(_bytes(artifact_id))


def read(artifact_id: str, offset: int, length: int) -> bytes:
    return _bytes(artifact_id)[offset : offset + length]


def _bytes(artifact_id: str) -> bytes:
    if artifact_id != "known":
        raise Err(BrokerError_HashMismatch("other bytes"))
    return BYTES
