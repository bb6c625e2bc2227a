"""`omega:plugin/broker`."""

from dataclasses import dataclass


@dataclass
class BrokerError_HashMismatch:  # noqa: N801 - as it is there
    value: str


@dataclass
class BrokerError_LimitExceeded:  # noqa: N801
    value: str
