"""A gateway of one's own for tests: a new home, a server on a port that the system chooses, a token of every scope.

It needs ``omega`` on PATH, or ``OMEGA_BIN``; all of it is gone afterwards. What never happens here: a look at the
gateway that the user has; a home or a server that stays behind.
"""

from __future__ import annotations

import io
import json
import os
import queue
import shutil
import subprocess
import tarfile
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, Literal, TypeAlias
from urllib.parse import urlsplit

from .client import PluginGateway

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .types import PluginManifest

#: What a token may be used for.
Scope: TypeAlias = Literal["read", "invoke", "publish"]

#: How long the server may take to be ready, or to end.
_PATIENCE_S: Final = 30.0
#: How long an operation may take: a test machine may be busy, and the runner has a limit of its own.
_TIMEOUT_S: Final = 300.0


class PrivateServer:
    """A server of one's own: made by :func:`private_server`."""

    def __init__(self, folder: Path, omega: str | None) -> None:
        self._omega = omega or os.environ.get("OMEGA_BIN") or "omega"
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        #: Its home.
        self.home = folder / "home"
        #: The file with the key that verifies its proofs.
        self.vkey_file = folder / "log.vkey"
        #: Where it listens.
        self.url = ""
        #: A token of every scope.
        self.token = ""

    def prepare(self, config: Callable[[str], str] | None) -> None:
        """Make the home and the token."""
        self.omega("init")
        if config is not None:
            file = self.home / "omega.toml"
            file.write_text(config(file.read_text()))
        self.vkey_file.write_text(self.omega("ledger", "key"))
        self.token = self.create_token("tests", ["read", "invoke", "publish"])

    def gateway(self) -> PluginGateway:
        """A client with the token of every scope."""
        return PluginGateway(self.url, self.token, timeout_s=_TIMEOUT_S)

    def omega(self, *words: str) -> str:
        """Run the command on the home; gives what it prints."""
        command = [self._omega, "--home", str(self.home), *words]
        try:
            done = subprocess.run(  # noqa: S603 - the program under test, with words of the test's
                command,
                env=_own_environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
        except OSError as error:
            raise RuntimeError(f"`{self._omega}` cannot be started ({error}); set OMEGA_BIN") from error
        if done.returncode != 0:
            raise RuntimeError(f"`omega {' '.join(words)}` ended with {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def create_token(self, name: str, scopes: Sequence[Scope], plugins: Sequence[str] = ()) -> str:
        """Make another token; gives its secret."""
        words = [word for scope in scopes for word in ("--scope", scope)]
        words += [word for glob in plugins for word in ("--plugins", glob)]
        made = json.loads(self.omega("tokens", "create", name, "--json", *words))
        secret = made["secret"]
        if not isinstance(secret, str):
            raise TypeError("`omega tokens create` printed no secret")
        return secret

    def signed_package(self, package: Path, edit: Callable[[PluginManifest], PluginManifest] | None = None) -> bytes:
        """A copy of a package, signed by the home's operator, as a tar archive; ``edit`` changes its manifest."""
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            copy = Path(folder, "package")
            shutil.copytree(package, copy)
            if edit is not None:
                file = copy / "PLUGIN_MANIFEST.json"
                file.write_text(json.dumps(edit(json.loads(file.read_text()))))
            self.omega("plugins", "sign", str(copy))
            archive = io.BytesIO()
            with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
                tar.add(copy, arcname=".")
            return archive.getvalue()

    def start(self) -> None:
        """Start it, on the same home and at the same address where it was started before."""
        listen = urlsplit(self.url).netloc or "127.0.0.1:0"
        process = subprocess.Popen(  # noqa: S603 - as above
            [self._omega, "--home", str(self.home), "serve", "--listen", listen, "--json"],
            env=_own_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._process = process
        self.url = _listening(process)

    def stop(self, *, at_once: bool = False) -> None:
        """End it: in order, or at once."""
        process, self._process = self._process, None
        if process is None:
            return
        if at_once:
            process.kill()
        else:
            process.terminate()
        try:
            process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for output in (process.stdout, process.stderr):
            if output is not None:
                output.close()


@contextmanager
def private_server(*, omega: str | None = None, config: Callable[[str], str] | None = None) -> Iterator[PrivateServer]:
    """Start a server of one's own, and remove it and its home afterwards; ``config`` changes its ``omega.toml``."""
    with tempfile.TemporaryDirectory(prefix="omega-test-") as folder:
        server = PrivateServer(Path(folder), omega)
        server.prepare(config)
        try:
            server.start()
            yield server
        finally:
            server.stop(at_once=True)


def _listening(process: subprocess.Popen[str]) -> str:
    """Where it listens, as soon as it does."""
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    complaint: list[str] = []
    # Both are read to the end: a full pipe would hold the server up.
    threading.Thread(target=_read, args=(process.stdout, lines.put, lambda: lines.put(None)), daemon=True).start()
    threading.Thread(target=_read, args=(process.stderr, complaint.append, lambda: None), daemon=True).start()
    why = "the server was not ready in time"
    try:
        while (line := lines.get(timeout=_PATIENCE_S)) is not None:
            try:
                document = json.loads(line)
            except ValueError:
                continue
            if isinstance(document, dict) and isinstance(document.get("listening"), str):
                address: str = document["listening"]
                return address
        why = "the server ended"
    except queue.Empty:
        pass
    process.kill()
    process.wait()
    raise RuntimeError(f"{why}: {''.join(complaint).strip()}")


def _read(output: IO[str] | None, take: Callable[[str], None], at_end: Callable[[], None]) -> None:
    try:
        for line in output or ():
            take(line)
    except ValueError:
        # Closed meanwhile: nobody reads it any more.
        pass
    at_end()


def _own_environment() -> dict[str, str]:
    """The environment without what would lead to the user's own gateway."""
    return {name: value for name, value in os.environ.items() if not name.startswith("OMEGA_")}
