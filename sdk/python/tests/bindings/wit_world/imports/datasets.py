"""`omega:plugin/datasets`, with three rows."""

from componentize_py_types import Err

from .broker import BrokerError_LimitExceeded


def count() -> int:
    return 3


def read(first: int, max_rows: int) -> list[str]:
    if max_rows < 1:
        raise Err(BrokerError_LimitExceeded("too few"))
    return [f'{{"row":{row}}}' for row in range(first, min(first + max_rows, 3))]
