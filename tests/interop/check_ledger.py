"""Recomputes every event hash of a ledger with PyPI's rfc8785 and hashlib. See README.md beside this."""

import hashlib
import json
import sys
from pathlib import Path

import rfc8785

FAULTS_SHOWN_MAX = 5
HASH_AT = slice(len('{"event_hash":"'), len('{"event_hash":"') + 64)


def fault_of(line: bytes, prev_hash: str) -> str | None:
    """What is wrong with one line, or None."""
    try:
        event = json.loads(line)
    except ValueError as error:
        return f"not JSON: {error}"
    if not isinstance(event, dict):
        return "not an object"
    if rfc8785.dumps(event) != line:
        return "the line is not the canonical JSON of its event"
    stated = event.pop("event_hash", None)
    computed = hashlib.sha256(rfc8785.dumps(event)).hexdigest()
    if computed != stated:
        return f"event_hash is {stated}, computed {computed}"
    if event.get("prev_hash") != prev_hash:
        return f"prev_hash is {event.get('prev_hash')}, the line before has {prev_hash}"
    return None


def main(files: list[str]) -> int:
    """Checks the segments in order; gives the exit code."""
    if not files:
        print("usage: python check_ledger.py LEDGER.ndjson…", file=sys.stderr)
        return 2
    lines, prev_hash, faults = 0, "", []
    for file in files:
        rows = Path(file).read_bytes().split(b"\n")
        if rows.pop() != b"":
            faults.append(f"{file}: does not end with a newline")
        for number, row in enumerate(rows, start=1):
            lines += 1
            fault = fault_of(row, prev_hash)
            if fault is not None:
                faults.append(f"{file}:{number}: {fault}")
            prev_hash = row[HASH_AT].decode("ascii", errors="replace")
    if lines == 0:
        faults.append("the ledger has no line")
    for fault in faults[:FAULTS_SHOWN_MAX]:
        print(fault)
    print(f"rfc8785, Python {sys.version.split()[0]}: {max(0, lines - len(faults))} of {lines} lines agree")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
