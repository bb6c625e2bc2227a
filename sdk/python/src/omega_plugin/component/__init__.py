"""Compile a plugin to a WebAssembly component, which runs in the gateway's wasm lane, on every platform.

`componentize-py` does it: an interpreter is started in WebAssembly, imports the plugin, and its memory as it is then becomes
the component. What never happens here: a component that imports more than its manifest's capabilities open.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

__all__ = ["COMPONENTIZE_PY", "BuildError", "build", "source_of"]

#: The version of `componentize-py` that components are built and tested with.
COMPONENTIZE_PY: Final = "0.25.1"

_WIT: Final = Path(__file__).parent / "wit"
_SDK: Final = Path(__file__).parents[2]
#: The module that componentize-py starts from; the plugin is imported under its own name.
_APP: Final = "omega_component"
_APP_TEXT: Final = """\
from omega_plugin.component import _world
import {module}

WitWorld = _world.world({module}.{export}, {examples!r})
"""


#: Examples that are answered while it is compiled.
_EXAMPLES_MAX: Final = 8
_EXAMPLE_BYTES_MAX: Final = 256 * 1024


class BuildError(Exception):
    """The plugin cannot be compiled, and why."""


def build(folder: Path, output: Path | None = None) -> Path:
    """Compile the plugin in the folder to the component that its manifest names; gives where it was written.

    The manifest's ``entrypoint.file`` says where: ``plugin.wasm`` is made of ``plugin.py``. Raises a :class:`BuildError`.
    """
    entrypoint, capabilities = _manifest(folder)
    entry = Path(entrypoint["file"])
    if entry.suffix != ".wasm" or not source_of(folder / entry).is_file():
        raise BuildError(
            f"entrypoint.file is {entry}: a component's is called plugin.wasm, say, and is made of plugin.py beside it"
        )
    if not entry.stem.isidentifier() or not str(entrypoint["export"]).isidentifier():
        raise BuildError("entrypoint: the file's name and the export are names in Python")
    _require_compiler()
    written = output or folder / entry
    with tempfile.TemporaryDirectory() as scratch:
        app = _APP_TEXT.format(module=entry.stem, export=entrypoint["export"], examples=_examples(folder))
        Path(scratch, f"{_APP}.py").write_text(app, encoding="utf-8")
        built = Path(scratch, "component.wasm")
        _compile(_world_for(capabilities), [Path(scratch), (folder / entry).parent, _SDK], built)
        written.write_bytes(built.read_bytes())
    return written


def source_of(entry: Path) -> Path:
    """The Python file that an entry file is, or is compiled from."""
    return entry.with_suffix(".py") if entry.suffix == ".wasm" else entry


def _manifest(folder: Path) -> tuple[dict[str, Any], set[str]]:
    manifest = json.loads((folder / "PLUGIN_MANIFEST.json").read_text(encoding="utf-8"))
    return manifest["entrypoint"], set(manifest["capabilities"])


def _examples(folder: Path) -> list[dict[str, Any]]:
    """The package's example requests, as far as they are of use: they are answered while it is compiled."""
    files = sorted((folder / "examples").glob("*.json"))[:_EXAMPLES_MAX]
    texts = [file.read_text(encoding="utf-8") for file in files if file.stat().st_size <= _EXAMPLE_BYTES_MAX]
    return [json.loads(text) for text in texts]


def _world_for(capabilities: set[str]) -> str:
    match "read_binary_ref" in capabilities, "read_dataset_slice" in capabilities:
        case False, False:
            return "reads-payload"
        case True, False:
            return "reads-artifacts"
        case False, True:
            return "reads-datasets"
        case _:
            return "reads-artifacts-and-datasets"


def _require_compiler() -> None:
    if importlib.util.find_spec("componentize_py") is None:
        raise BuildError(f"componentize-py is not there: pip install componentize-py=={COMPONENTIZE_PY}")


def _compile(world: str, paths: list[Path], built: Path) -> None:
    # Without WASI, which this interpreter would ask for sockets; `_world` answers in its place.
    words = ["-d", str(_WIT), "-w", world, "componentize", "--stub-wasi", _APP, "-o", str(built)]
    for path in paths:
        words += ["-p", str(path.resolve())]
    command = [sys.executable, "-c", "import sys, componentize_py; sys.exit(componentize_py.script())", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - this interpreter
    if done.returncode != 0 or not built.is_file():
        said = (done.stderr or done.stdout).strip()
        raise BuildError(f"componentize-py does not compile it:\n{said[-4_000:]}")
