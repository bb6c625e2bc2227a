"""A real gateway for tests: a home of its own, made by the ``omega`` binary, and gone afterwards.

What never happens here: a look at the gateway that the user has; a home that stays behind.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import uuid
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from .._payload import BinaryRef, DatasetSlice, Json, Text, from_wire
from .._plugin import Outcome
from .._refusal import Refusal
from ._request import Request
from ._run import Run

#: So long a command may take: a gateway has its own limits, which end a call long before.
_PATIENCE_S: Final = 300.0
#: What a plugin's folder holds beside the package.
_LEFT_BEHIND: Final = shutil.ignore_patterns(".*", "__pycache__", "dist", "node_modules", "target", "omega-plugin-sdk")


class GatewayError(Exception):
    """The gateway did not do what the test asked for, or a call ended with neither a result nor a refusal of the plugin's."""

    def __init__(self, message: str, response: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        #: The call's whole response, where there is one.
        self.response = response or {}

    @property
    def reason(self) -> str:
        """The gateway's code for what went wrong, such as ``plugin_error`` or ``output_invalid``."""
        return str(self.response.get("reason", ""))


class Gateway:
    """A gateway in a temporary home: ``with Gateway() as gateway: gateway.install(".")``.

    It needs the ``omega`` binary: named by ``omega``, by ``$OMEGA_BIN``, or on PATH.
    """

    def __init__(self, omega: str | Path | None = None) -> None:
        self._omega = str(omega or os.environ.get("OMEGA_BIN") or "omega")
        self._folder = tempfile.TemporaryDirectory(prefix="omega-plugin-test-", ignore_cleanup_errors=True)
        self._copies = 0
        self._datasets: dict[str, tuple[bytes, str]] = {}

    def __enter__(self) -> Gateway:
        try:
            self.omega("init")
        except BaseException:
            self._folder.cleanup()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._folder.cleanup()

    @property
    def home(self) -> Path:
        """The gateway's home."""
        return Path(self._folder.name, "home")

    def omega(self, *words: str) -> str:
        """Run a command of ``omega`` on the home; gives what it prints."""
        done = self._run(*words)
        if done.returncode != 0:
            raise GatewayError(f"`omega {' '.join(words)}` ended with {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def install(self, package: str | Path, *, enable: bool = True) -> str:
        """Sign a copy of the package, install and enable it; gives the plugin's id. The folder itself is left as it is."""
        self._copies += 1
        copy = Path(self._folder.name, f"package-{self._copies}")
        shutil.copytree(package, copy, ignore=_LEFT_BEHIND)
        self.omega("plugins", "sign", str(copy))
        self.omega("plugins", "install", str(copy), *(["--enable"] if enable else []))
        manifest = json.loads((copy / "PLUGIN_MANIFEST.json").read_text(encoding="utf-8"))
        return str(manifest["plugin_id"])

    def certify(self, package: str | Path) -> dict[str, Any]:
        """Run the conformance gate on the package; gives its report, passed or not. The folder itself is left as it is."""
        done = self._run(
            "plugins", "certify", str(package), "--json", "--output", str(Path(self._folder.name, "report.json"))
        )
        try:
            report = json.loads(done.stdout)
        except ValueError:
            report = None
        if not isinstance(report, dict) or "checks" not in report:
            raise GatewayError(f"`omega plugins certify` ended with {done.returncode}: {done.stderr.strip()}")
        return report

    def run(self, plugin_id: str, request: Request | Text | Json[Any] | BinaryRef | DatasetSlice) -> Run:
        """Call the plugin; the same answer as the in-process ``run`` gives. A :class:`GatewayError` where it failed.

        The artifact or the rows that the request holds are put into the home first. What was logged is in the ledger's
        keeping, and not here.
        """
        response = self.invoke(plugin_id, request)
        if response["status"] == "ok":
            return Run(Outcome(from_wire(response["result"]), response["notes"]))
        if response["reason"] == "plugin_declined":
            code, _, message = str(response["notes"]).partition(": ")
            return Run(Refusal(code, message))
        said = f"{response['status']}, {response['reason']}: {response['notes']}"
        raise GatewayError(f"the call ended without an answer: {said}", response)

    def invoke(self, plugin_id: str, request: Request | Text | Json[Any] | BinaryRef | DatasetSlice) -> dict[str, Any]:
        """Call the plugin; gives the gateway's response, whatever its status."""
        asked = self._held(request if isinstance(request, Request) else Request(request))
        written = asked.to_wire()
        for name in ("request_id", "run_id"):
            # A gateway takes each id once, and none that is blank.
            written[name] = written[name] or str(uuid.uuid4())
        file = self._file("request.json", json.dumps(written).encode())
        done = self._run("invoke", plugin_id, "--request", str(file), "--json")
        try:
            response = json.loads(done.stdout)
        except ValueError:
            raise GatewayError(f"`omega invoke` ended with {done.returncode}: {done.stderr.strip()}") from None
        if not isinstance(response, dict) or "status" not in response:
            raise GatewayError(f"`omega invoke` printed no response: {done.stdout}")
        return response

    def _held(self, request: Request) -> Request:
        """Put what the request holds into the home; gives the request by the names that it has there."""
        payload = request.payload
        if isinstance(payload, BinaryRef) and request.held_bytes is not None:
            file = self._file("artifact", request.held_bytes)
            put = json.loads(self.omega("artifacts", "put", str(file), "--media-type", payload.mime_type, "--json"))
            return replace(request, payload=replace(payload, artifact_id=put["digest"]))
        if isinstance(payload, DatasetSlice) and request.held_rows is not None:
            if request.key is None:
                raise GatewayError("name the field that identifies a row: Request.rows(rows, key=...)")
            lines = b"".join(json.dumps(row).encode() + b"\n" for row in request.held_rows)
            if self._datasets.get(payload.source) != (lines, request.key):
                file = self._file("rows.ndjson", lines)
                self.omega("artifacts", "dataset", "add", payload.source, str(file), "--key", request.key)
                self._datasets[payload.source] = (lines, request.key)
        return request

    def _file(self, name: str, content: bytes) -> Path:
        file = Path(self._folder.name, name)
        file.write_bytes(content)
        return file

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [self._omega, "--home", str(self.home), *words]
        # Nothing of the user's own gateway.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OMEGA_")}
        try:
            return subprocess.run(  # noqa: S603 - the program under test, with words of the test's
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=_PATIENCE_S,
            )
        except OSError as error:
            raise GatewayError(f"`{self._omega}` cannot be started ({error}); set OMEGA_BIN") from error
