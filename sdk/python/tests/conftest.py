"""Fixtures of all tests."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from textwrap import dedent

import pytest
from worker_process import Worker, Zygote

#: Starts a worker for a program.
Start = Callable[..., Worker]


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    with Zygote() as zygote:
        yield zygote


@pytest.fixture
def start(zygote: Zygote, tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as ends:

        def start(program: str, environment: Path | None = None, **files: str) -> Worker:
            folder = tmp_path / "package"
            folder.mkdir(exist_ok=True)
            for name, content in {"plugin": program, **files}.items():
                (folder / f"{name}.py").write_text(dedent(content), encoding="utf-8")
            return ends.enter_context(zygote.worker(folder, environment))

        yield start
