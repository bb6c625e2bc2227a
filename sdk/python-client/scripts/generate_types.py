"""Write src/omega_gateway/types.py from the OpenAPI document; with ``--check`` only say whether it is current."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
DOCUMENT = HERE.parents[2] / "docs/openapi.json"
TARGET = HERE.parent / "src/omega_gateway/types.py"

HEADER = '''"""The API's types by name.

Generated from docs/openapi.json by scripts/generate_types.py: not to be changed by hand.
"""
'''
OPTIONS = [
    "--input-file-type=openapi",
    "--output-model-type=typing.TypedDict",
    "--target-python-version=3.10",
    "--formatters=builtin",
    "--no-use-closed-typed-dict",
    "--use-standard-collections",
    "--use-union-operator",
    "--use-schema-description",
    "--use-field-description",
    "--disable-timestamp",
]


def generated() -> str:
    """What the document gives."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "types.py")
        command = [sys.executable, "-m", "datamodel_code_generator", f"--input={DOCUMENT}", f"--output={output}"]
        subprocess.run([*command, *OPTIONS], check=True)  # noqa: S603 - our own words
        text = output.read_text()
    text = text.partition("from __future__ import annotations")[2]
    # A type of its own, for those who ask for events of some kinds.
    event = text[text.index("class GatewayEvent(TypedDict)") :]
    kinds = re.search(r"kind: (Literal\[[^\]]*\])", event)
    # Only checkers need to know what may be left out, and they bring `typing_extensions` themselves.
    text, imports = re.subn(
        r"from typing import (.*)\n\nfrom typing_extensions import NotRequired\n",
        r"from typing import TYPE_CHECKING, \1\n\n"
        r"if TYPE_CHECKING:\n    from typing_extensions import NotRequired\n",
        text,
    )
    if kinds is None or imports != 1:
        raise SystemExit("the generator writes otherwise than it did: mend scripts/generate_types.py")
    alias = f'EventKind: TypeAlias = {kinds[1]}\n"""\nWhat an event of the ledger is about.\n"""\n'
    return f"{HEADER}\nfrom __future__ import annotations{text.rstrip()}\n\n\n{alias}"


def main() -> None:
    """Write, or check."""
    text = generated()
    if sys.argv[1:] != ["--check"]:
        TARGET.write_text(text)
    elif not TARGET.exists() or TARGET.read_text() != text:
        raise SystemExit("types.py is not what docs/openapi.json gives: run scripts/generate_types.py")


main()
