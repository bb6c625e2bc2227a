"""What the warm parent imports."""

import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from worker_process import SOURCES

#: The bar of the worker lane: what an idle warm parent has for itself.
UNSHARED_KIB_MAX = 15 * 1024


def said_by(program: str) -> list[str]:
    """The lines that a fresh interpreter prints, with nothing imported but what the program does."""
    begin = f"import sys; sys.path.append({str(SOURCES)!r})\n"
    command = [sys.executable, "-s", "-S", "-B", "-c", begin + program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own words
    return done.stdout.splitlines()


def test_every_extension_module_that_plugins_may_need_is_there_before_the_sandbox() -> None:
    folders, loaded = (
        set(line.split())
        for line in said_by(
            "from omega_plugin import _preload; missing = _preload.preload()\n"
            "print(*[f for f in sys.path if f.endswith('lib-dynload')])\nprint(*sys.modules)"
        )
    )
    left_out = {
        "_asyncio",
        "_crypt",
        "_curses",
        "_curses_panel",
        "_dbm",
        "_gdbm",
        "_lsprof",
        "_remote_debugging",
        "_tkinter",
    }
    left_out |= {"nis", "ossaudiodev", "readline", "spwd"}
    there = {
        file.name.partition(".")[0]
        for folder in folders
        for file in Path(folder).iterdir()
        if file.name.endswith(tuple(EXTENSION_SUFFIXES))
    }
    needed = {name for name in there - left_out if "test" not in name and not name.startswith(("_xx", "xx", "_interp"))}
    assert needed - loaded == set()
    assert len(needed) > 20
    assert {"decimal", "sqlite3", "omega_plugin._worker"} <= loaded


def test_what_is_heavy_and_rare_is_left_out() -> None:
    [loaded] = said_by("from omega_plugin import _preload; _preload.preload()\nprint(*sys.modules)")
    assert {"asyncio", "unittest", "tkinter", "idlelib", "test", "omega_plugin.testing"} & set(loaded.split()) == set()


def test_a_warm_parent_is_small() -> None:
    [dirty] = said_by(
        "from omega_plugin import _preload; _preload.preload()\n"
        "lines = open('/proc/self/smaps_rollup').read().splitlines()\n"
        "print(next(line.split()[1] for line in lines if line.startswith('Private_Dirty')))"
    )
    assert 0 < int(dirty) < UNSHARED_KIB_MAX


def test_a_module_that_is_missing_is_named_and_does_not_matter() -> None:
    lines = said_by("sys.modules['sqlite3'] = None\nfrom omega_plugin import _preload; print(_preload.preload())")
    assert lines == ["('sqlite3',)"]
