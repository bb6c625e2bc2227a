"""What the README says is checked by mypy and run, with the package as it is installed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from omega_gateway.testing import PrivateServer, private_server

HERE = Path(__file__).resolve().parent
GUESTS = HERE.parents[2] / "target/guests/packages/examples"
ADDRESS = "http://127.0.0.1:7077"
BLOCK = re.compile(r"^```python( pytest)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PRINTS = re.compile(r"^\s*# => (.*)$", re.MULTILINE)


def blocks(*, of_pytest: bool) -> list[str]:
    readme = (HERE.parent / "README.md").read_text()
    return [code for kind, code in BLOCK.findall(readme) if bool(kind) == of_pytest]


def run(*words: str, cwd: Path, server: PrivateServer | None = None) -> str:
    environment = {**os.environ, **({"OMEGA_TOKEN": server.token} if server is not None else {})}
    command = [sys.executable, *words]
    done = subprocess.run(  # noqa: S603 - our own words
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def programs(tmp_path: Path) -> list[Path]:
    """Each block of the README in a file, all checked by mypy against the installed package."""
    files = []
    for number, code in enumerate(blocks(of_pytest=False) + blocks(of_pytest=True)):
        files.append(tmp_path / f"test_block_{number}.py")
        files[-1].write_text(code)
    run("-m", "mypy", "--strict", f"--cache-dir={tmp_path / 'cache'}", *map(str, files), cwd=tmp_path)
    return files


def test_the_readmes_programs_run_and_print_what_they_say(programs: list[Path]) -> None:
    codes = blocks(of_pytest=False)
    assert len(codes) >= 4
    with private_server() as server:
        with server.gateway() as gateway:
            for name in ("hello", "text-stats"):
                gateway.register_plugin(server.signed_package(GUESTS / name))
                gateway.enable_plugin(name)
        for file, code in zip(programs, codes, strict=False):
            file.write_text(code.replace(ADDRESS, server.url))
            lines = run(str(file), cwd=file.parent, server=server).splitlines()
            prints = PRINTS.findall(code)
            assert len(lines) == len(prints), f"{code}\n{lines}"
            assert all(line.startswith(text) for line, text in zip(lines, prints, strict=True)), lines


def test_the_readmes_tests_find_their_fixtures(programs: list[Path]) -> None:
    count = len(blocks(of_pytest=True))
    assert count > 0
    printed = run("-m", "pytest", "-p", "no:cacheprovider", *map(str, programs[-count:]), cwd=programs[0].parent)
    assert f"{count} passed" in printed
