"""What the tests share."""

from __future__ import annotations

import pytest
from mock_server import Client


@pytest.fixture(params=["sync", "async"])
def client(request: pytest.FixtureRequest) -> Client:
    """Each of the two clients."""
    return Client(request.param)
