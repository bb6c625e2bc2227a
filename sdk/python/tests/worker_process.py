"""Workers for tests: forked from a warm parent, as in the gateway, with the test at the other end of the stream."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

SOURCES = Path(__file__).parent.parent / "src"
#: So long a worker may take before the test fails; only one that hangs takes so long.
PATIENCE_S = 60.0

Frame = dict[str, Any]

SEED = "00" * 32
OTHER_SEED = "11" * 32


def load_frame(**fields: object) -> Frame:
    return {
        "type": "load",
        "plugin_id": "under-test",
        "package_digest": "0" * 64,
        "entry": "plugin.py",
        "export": "handle",
        "determinism": "probabilistic",
        "capabilities": ["read_text"],
        "has_environment": False,
        "limits": {"memory_bytes": 1 << 28, "output_bytes": 1 << 20, "log_bytes": 1 << 16},
        "seed": SEED,
        **fields,
    }


def call_frame(payload: Frame, seed: str = SEED, **request: object) -> Frame:
    asked = {"request_id": "r-1", "run_id": "run-1", "timestamp": "2026-01-01T00:00:00Z", "context": {"tone": "dry"}}
    return {"type": "call", "request": {**asked, "payload": payload, **request}, "seed": seed, "time_left_ms": 1000}


def text(content: str) -> Frame:
    return {"kind": "text", "content": content, "encoding": "utf-8", "metadata": {}}


class Worker:
    """One worker, seen from the gateway's side."""

    def __init__(self, stream: socket.socket, outputs: tuple[int, int], status: int) -> None:
        self.stream = stream
        self._outputs = outputs
        self._status = status
        stream.settimeout(PATIENCE_S)

    def send_bytes(self, data: bytes) -> None:
        self.stream.sendall(data)

    def send(self, frame: object) -> None:
        body = json.dumps(frame).encode()
        self.send_bytes(len(body).to_bytes(4, "big") + body)

    def receive(self) -> Frame:
        body = self.receive_bytes()
        assert body is not None, f"the worker said nothing and ended with {self.exit_status()}: {self.stderr()}"
        frame = json.loads(body)
        assert isinstance(frame, dict)
        return frame

    def receive_bytes(self) -> bytes | None:
        header = self._exactly(4)
        return self._exactly(int.from_bytes(header, "big")) if header else None

    def _exactly(self, length: int) -> bytes:
        got = b""
        while len(got) < length:
            piece = self.stream.recv(min(length - len(got), 1 << 20))
            if not piece:
                assert not got, "the worker ended within a frame"
                break
            got += piece
        return got

    def load(self, **fields: object) -> None:
        self.send(load_frame(**fields))
        assert self.receive() == {"type": "loaded"}

    def call(self, payload: Frame, seed: str = SEED, **request: object) -> Frame:
        """The call's last frame; what the worker logs before it is dropped."""
        self.send(call_frame(payload, seed, **request))
        while (frame := self.receive())["type"] in {"log", "progress"}:
            pass
        return frame

    def exit_status(self) -> int:
        with open(self._status, "rb", closefd=False) as pipe:
            return int(pipe.read())

    def stdout(self) -> str:
        return _text_of(self._outputs[0])

    def stderr(self) -> str:
        return _text_of(self._outputs[1])


def _text_of(descriptor: int) -> str:
    with open(descriptor, encoding="utf-8", closefd=False) as pipe:
        return pipe.read()


class Zygote:
    """The warm parent, and the folder of the program under test."""

    def __init__(self, python: str = sys.executable) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [python, "-s", "-S", "-B", str(Path(__file__).with_name("zygote.py")), str(SOURCES)]
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - this file's neighbour
                [*command, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env={"PYTHONHASHSEED": "0"},
                stdin=subprocess.DEVNULL,
            )

    def __enter__(self) -> "Zygote":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._control.close()
        self._process.wait(PATIENCE_S)

    @contextmanager
    def worker(self, folder: Path, environment: Path | None = None) -> Iterator[Worker]:
        """A worker that finds its program in the folder; gone afterwards."""
        with ExitStack() as ends:
            ours, theirs = socket.socketpair()
            ends.enter_context(ours)
            pipes = [os.pipe() for _ in range(3)]
            for reading, _ in pipes:
                ends.callback(os.close, reading)
            with theirs:
                handed = [theirs.fileno(), *(writing for _, writing in pipes)]
                socket.send_fds(self._control, [f"{folder}\n{environment or '/none'}".encode()], handed)
                for _, writing in pipes:
                    os.close(writing)
            yield Worker(ours, (pipes[0][0], pipes[1][0]), pipes[2][0])
