"""What the warm parent imports before any worker is forked from it.

Every extension module of the standard library has to be there by then: a worker of the pure profile may map no machine code
any more. Of the pure modules, those that many plugins use. What never happens here: an import of the plugin's or of its
dependencies', which could leave something behind for the next call.
"""

from __future__ import annotations

import gc
import importlib
import io
import os
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from typing import Final

#: Pure modules, and those that hold an extension module's Python half.
_OFTEN_USED: Final = (
    "omega_plugin._worker",
    *(
        "abc",
        "array",
        "ast",
        "base64",
        "binascii",
        "bisect",
        "calendar",
        "cmath",
        "codecs",
        "collections",
        "contextlib",
    ),
    *("copy", "csv", "ctypes", "dataclasses", "datetime", "decimal", "enum", "functools", "gzip"),
    *(
        "hashlib",
        "heapq",
        "hmac",
        "inspect",
        "io",
        "itertools",
        "json",
        "locale",
        "logging",
        "math",
        "numbers",
        "operator",
    ),
    *("os", "pathlib", "pickle", "queue", "random", "re", "secrets", "sqlite3", "statistics", "string", "struct"),
    *(
        "tempfile",
        "textwrap",
        "threading",
        "time",
        "traceback",
        "types",
        "typing",
        "unicodedata",
        "urllib.parse",
        "uuid",
    ),
    *("warnings", "weakref", "xml.etree.ElementTree", "zlib", "zoneinfo"),
    # Imported by the interpreter itself when a plugin first needs them.
    *("_strptime", "encodings.ascii", "encodings.cp1252", "encodings.latin_1", "encodings.utf_16"),
)

#: Extension modules that no plugin needs: they are about terminals, other processes or Python's own tests, or they bring
#: much with them and have a pure half that does without (`_asyncio` brings 3 MB).
_LEFT_OUT: Final = frozenset(
    (
        *("_asyncio", "_crypt", "_ctypes_test", "_curses", "_curses_panel", "_dbm", "_gdbm", "_lsprof", "_tkinter"),
        *("_remote_debugging", "nis", "ossaudiodev", "readline", "spwd"),
    )
)
_LEFT_OUT_BEGINNINGS: Final = ("_test", "_xx", "xx", "_interp")


def _extension_modules() -> list[str]:
    """Those of this interpreter's standard library that are files; the others are built in and need no loading."""
    found = set()
    for folder in sys.path:
        if os.path.basename(folder) == "lib-dynload" and os.path.isdir(folder):
            for file in os.listdir(folder):
                name, _, _ = file.partition(".")
                if file.endswith(tuple(EXTENSION_SUFFIXES)) and not name.startswith(_LEFT_OUT_BEGINNINGS):
                    found.add(name)
    return sorted(found - _LEFT_OUT)


#: What the warm parent imports, in this order. Some may be missing: distributions leave modules out.
PRELOADED: Final[tuple[str, ...]] = (*_OFTEN_USED, *_extension_modules())


def preload() -> tuple[str, ...]:
    """Import all that is there; gives the names of what is not.

    Afterwards the collector leaves what was imported alone, so that workers share its memory, and nothing waits in
    Python's buffers, of which each worker would write its copy.
    """
    missing = []
    for name in PRELOADED:
        try:
            importlib.import_module(name)
        except ImportError:
            missing.append(name)
    for output in (sys.stdout, sys.stderr):
        if isinstance(output, io.TextIOWrapper):
            # Line by line, so that what a plugin printed is there after a crash; and any text, be it surrogates.
            output.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
            output.flush()
    gc.collect()
    gc.freeze()
    return tuple(missing)
