"""Fixtures that pytest finds by itself once the package is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .testing import PrivateServer, private_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .client import PluginGateway


@pytest.fixture(scope="session")
def omega_server() -> Iterator[PrivateServer]:
    """One private server for the whole session."""
    with private_server() as server:
        yield server


@pytest.fixture
def omega_gateway(omega_server: PrivateServer) -> Iterator[PluginGateway]:
    """A client of that server with a token of every scope."""
    with omega_server.gateway() as gateway:
        yield gateway
