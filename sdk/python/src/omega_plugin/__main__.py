"""Tools for authors of plugins.

`python -m omega_plugin schemas DIR [--check]`: the plugin's schemas from its author's types.
`python -m omega_plugin component DIR`: the plugin as a WebAssembly component.
"""

from __future__ import annotations

import argparse
import difflib
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

from ._plugin import Plugin
from ._schema import Schema, SchemaError, of_manifest
from .component import BuildError, build, source_of


def main(words: list[str] | None = None) -> int:
    """Run a command; gives the status to end with."""
    parser = argparse.ArgumentParser(prog="python -m omega_plugin", description="Tools for authors of OMEGA plugins.")
    commands = parser.add_subparsers(required=True)
    schemas = commands.add_parser("schemas", help="write the schemas that the manifest names, from the plugin's types")
    schemas.add_argument("folder", type=Path, metavar="DIR", help="the plugin's folder")
    schemas.add_argument("--check", action="store_true", help="write nothing; fail where a file differs")
    component = commands.add_parser(
        "component",
        help="compile the plugin to the WebAssembly component that the manifest names (plugin.wasm of plugin.py)",
    )
    component.add_argument("folder", type=Path, metavar="DIR", help="the plugin's folder")
    component.add_argument("-o", "--output", type=Path, metavar="FILE", help="where to write it [the folder]")
    chosen = parser.parse_args(words)
    try:
        if "output" in chosen:
            return _component(chosen.folder, chosen.output)
        return _schemas(chosen.folder, is_check=chosen.check)
    except (SchemaError, BuildError, TypeError, OSError, ImportError, KeyError, ValueError) as error:
        print(f"error: {type(error).__name__}: {error}", file=sys.stderr)
        return 1


def _schemas(folder: Path, *, is_check: bool) -> int:
    manifest = json.loads((folder / "PLUGIN_MANIFEST.json").read_text(encoding="utf-8"))
    wanted = of_manifest(load(folder, manifest), manifest)
    differing = [name for name, schema in wanted.items() if _read(folder / name) != schema]
    for name in differing:
        if is_check:
            print(_difference(folder, name, wanted[name]), end="")
        else:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(_text(wanted[name]), encoding="utf-8")
            print(f"written: {name}")
    if is_check and differing:
        print(f"error: {', '.join(differing)}: not what the plugin's types say; write them anew", file=sys.stderr)
        return 1
    print(f"{len(wanted)} schemas, {len(differing)} of them changed")
    return 0


def _component(folder: Path, output: Path | None) -> int:
    written = build(folder, output)
    print(f"written: {written}, {written.stat().st_size} bytes")
    return 0


def load(folder: Path, manifest: dict[str, Any]) -> Plugin[Any, Any]:
    """The plugin of a package's folder: its entry file is imported, or what that is compiled from."""
    entry, export = manifest["entrypoint"]["file"], manifest["entrypoint"]["export"]
    sys.path.insert(0, str(folder.resolve()))
    spec = importlib.util.spec_from_file_location("_omega_entry", source_of(folder / entry))
    if spec is None or spec.loader is None:
        raise ImportError(f"{entry} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    plugin = getattr(module, export, None)
    if not isinstance(plugin, Plugin):
        raise TypeError(f"{export!r} in {entry} is no plugin: write `@plugin` above the function")
    return plugin


def _read(file: Path) -> object:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _text(schema: Schema) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _difference(folder: Path, name: str, wanted: Schema) -> str:
    there = _read(folder / name)
    before = [] if there is None else _text(there).splitlines(keepends=True)  # type: ignore[arg-type]
    after = _text(wanted).splitlines(keepends=True)
    return "".join(difflib.unified_diff(before, after, name, f"{name} (from the types)"))


if __name__ == "__main__":
    raise SystemExit(main())
