"""The adapter between a plugin and componentize-py's bindings, with bindings that are written by hand.

That what it becomes part of runs in the gateway, and answers as a worker does, is shown in the gateway's tests.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pytest

from omega_plugin import component

HERE = Path(__file__).parent
BLANK = ("", "", "1970-01-01T00:00:00.000000Z")
ONE = ("q-1", "r", "2026-01-02T03:04:05.678901Z")
TWO = ("q-2", "r", "2026-01-02T03:04:05.678901Z")
WORLDS = HERE.parent / "src/omega_plugin/component/wit"


def text(content: str, ids: tuple[str, str, str] = BLANK, **metadata: str) -> dict[str, Any]:
    return request("Text", {"content": content, "encoding": "utf-8", "metadata": list(metadata.items())}, ids)


def request(kind: str, values: dict[str, Any], ids: tuple[str, str, str] = BLANK) -> dict[str, Any]:
    return {"ids": ids, "payload": (kind, values), "context": [("a", "b")]}


def run(
    body: str,
    *requests: dict[str, Any],
    takes: str = "Text",
    without: tuple[str, ...] = (),
    examples: Sequence[Any] = (),
) -> list[dict[str, Any]]:
    """What a component of this function answers to each request, and logs."""
    program = (
        "import datetime, json, os, random, socket, sys, time\nfrom typing import Any\nfrom omega_plugin import *\n"
        f"@plugin\ndef handle(it: {takes}, call: Call) -> Payload:\n{indent(dedent(body).strip(), '    ')}\n"
    )
    task = json.dumps({"program": program, "requests": requests, "without": without, "examples": examples})
    paths = os.pathsep.join(map(str, (HERE / "bindings", HERE.parent / "src")))
    environment = {**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, str(HERE / "component_process.py")]
    done = subprocess.run(command, input=task, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers


def test_each_kind_of_payload_goes_in_and_out() -> None:
    check: list[tuple[str, dict[str, Any]]] = [
        ("Text", {"content": "a é 😀", "encoding": "utf-8", "metadata": [["k", "v"]]}),
        ("Json", {"data": '{"n":1.5,"s":"é","l":[null,true]}', "schema_ref": "omega:x:output:y:v1.0.0"}),
        ("BinaryRef", {"artifact_id": "i", "artifact_hash": "h", "mime_type": "m"}),
        ("DatasetSlice", {"slice_ids": ["1", "2"], "source": "s", "filters": [["f", "g"]]}),
    ]
    answers = run("return Reply(it, 'n')", *(request(kind, values) for kind, values in check), takes="Payload")
    for (kind, values), got in zip(check, answers, strict=True):
        assert got == {"answer": {"kind": f"Payload_{kind}", **values, "notes": "n"}, "log": []}


def test_the_call_is_the_request_s() -> None:
    body = "return Text(json.dumps([call.request_id, call.run_id, call.timestamp, call.context]))"
    [got] = run(body, text("", ONE))
    assert json.loads(got["answer"]["content"]) == [*ONE, {"a": "b"}]


def test_a_refusal_is_the_component_s() -> None:
    [got] = run("raise Refusal('no_words', 'none')", text(""))
    assert got == {"answer": {"declined": "no_words", "message": "none"}, "log": []}
    [got] = run("return it", request("BinaryRef", {"artifact_id": "i", "artifact_hash": "h", "mime_type": "m"}))
    assert got["answer"]["declined"] == "wrong_payload_kind"


@pytest.mark.parametrize(
    ("body", "trap", "said"),
    [
        ("raise ValueError('no good')", "ValueError", "ValueError: no good"),
        ("return 1", "TypeError", "returned a int"),
        ("return Text('\\ud800')", "UnicodeEncodeError", "lone surrogate"),
        ("return Json({'a': '\\udfff'}, 'omega:x:output:y:v1.0.0')", "UnicodeEncodeError", "lone surrogate"),
        ("return Json({'a': float('nan')}, 'omega:x:output:y:v1.0.0')", "ValueError", "not JSON compliant"),
        ("return Text(1)", "TypeError", "a str is wanted, not int"),
        ("sys.exit(3)", "SystemExit", "ended the interpreter with code 3"),
        ("time.sleep(1)", "OSError", "no clock to wait by"),
    ],
)
def test_a_fault_traps_and_its_reason_is_the_last_line(body: str, trap: str, said: str) -> None:
    [got] = run(body, text(""))
    assert got["answer"] == {"trap": trap}
    assert len(got["log"]) == 1
    assert got["log"][0].startswith("error: Traceback")
    assert said in got["log"][0]


def test_what_is_printed_becomes_lines_of_the_log() -> None:
    [got] = run("print('a\\nb'); print('c', file=sys.stderr); print('d', end=''); log.debug('e'); return it", text("x"))
    assert got["log"] == ["info: a", "info: b", "warn: c", "debug: e", "info: d"]
    [got] = run("print('y' * 100_000); return it", text("x"))
    assert len(got["log"][0]) < 10_000


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("open('/etc/passwd')", "PermissionError"),
        ("os.listdir('/')", "PermissionError"),
        ("os.stat('/')", "FileNotFoundError"),
        ("__import__('socket').socket()", "PermissionError"),
        ("__import__('not_there')", "import it at the top of the plugin"),
    ],
)
def test_what_the_system_would_answer_is_an_exception(body: str, said: str) -> None:
    [got] = run(f"try:\n    {body}\nexcept Exception as error:\n    return Text(repr(error))", text(""))
    assert said in got["answer"]["content"]


def test_examples_are_answered_when_it_is_built_and_leave_chance_and_log_alone() -> None:
    body = "SEEN.append(it); log.info(len(SEEN)); return Text(repr([len(SEEN), random.random()]))"
    answers = []
    for examples in ([], [{"payload": {"kind": "text", "content": "", "encoding": "utf-8", "metadata": {}}}]):
        [got] = run(f"SEEN = globals().setdefault('SEEN', [])\n{body}", text(""), examples=examples)
        answers.append(json.loads(got["answer"]["content"]))
    [(first, one), (later, other)] = answers
    assert (first, one) == (1, other)
    assert later > 1
    # One that fails, or asks a broker, is no reason not to build.
    [got] = run("raise ValueError(it.size())", text(""), takes="Payload", examples=[{"payload": {"kind": "text"}}])
    assert got["answer"] == {"trap": "AttributeError"}


def test_brokers_answer() -> None:
    read = request("BinaryRef", {"artifact_id": "known", "artifact_hash": "h", "mime_type": "m"})
    [got] = run("return Text(it.read_text(1000) + str(it.size()))", read, takes="BinaryRef")
    assert got["answer"]["content"] == "the bytes of the artifact25"
    rows = request("DatasetSlice", {"slice_ids": ["1"], "source": "s", "filters": []})
    [got] = run("return Text(f'{it.count()} {list(it.rows())}')", rows, takes="DatasetSlice")
    assert got["answer"]["content"] == "3 [{'row': 0}, {'row': 1}, {'row': 2}]"


def test_a_broker_that_says_no_declines_the_call() -> None:
    other = request("BinaryRef", {"artifact_id": "other", "artifact_hash": "h", "mime_type": "m"})
    [got] = run("return Text(str(it.size()))", other, takes="BinaryRef")
    assert got["answer"] == {
        "declined": "broker_hash_mismatch",
        "message": "the bytes do not have the stated hash: other bytes",
    }
    [got] = run("return Text(str(it.size()))", other, takes="BinaryRef", without=("artifacts", "datasets"))
    assert got["answer"]["declined"] == "broker_denied"


CHANCE = "return Text(repr([random.random(), os.urandom(4), random.SystemRandom().random()]))"
CLOCKS = (
    "return Text(repr([time.time(), time.time_ns(), time.monotonic(), datetime.datetime.now(datetime.timezone.utc)]))"
)


def test_chance_follows_from_the_request() -> None:
    one, again, two, blank = (
        got["answer"]["content"] for got in run(CHANCE, *map(chance, (ONE, ONE, TWO))) + run(CHANCE, text(""))
    )
    assert one == again
    assert len({one, two, blank}) == 3
    # The same in every call, which starts from the same memory.
    assert run(CHANCE, text(""))[0]["answer"]["content"] == blank


def chance(ids: tuple[str, str, str]) -> dict[str, Any]:
    return text("", ids)


def test_clocks_stand_at_the_request_s_time() -> None:
    [blank, one] = run(CLOCKS, text(""), text("", ONE))
    assert blank["answer"]["content"].startswith("[0.0, 0, 0.0, datetime.datetime(1970, 1, 1, 0, 0,")
    assert one["answer"]["content"].startswith(
        "[1767323045.678901, 1767323045678901000, 0.0, datetime.datetime(2026, 1, 2, 3, 4, 5, 678901"
    )


def test_the_world_has_what_the_manifest_asks_for() -> None:
    worlds = (WORLDS / "worlds.wit").read_text(encoding="utf-8")
    for asked in ((), ("artifacts",), ("datasets",), ("artifacts", "datasets")):
        capabilities = {{"artifacts": "read_binary_ref", "datasets": "read_dataset_slice"}[name] for name in asked}
        world = component._world_for({*capabilities, "read_text"})
        _, _, body = worlds.partition(f"world {world} {{")
        body, _, _ = body.partition("}\n\n")
        assert [name for name in ("artifacts", "datasets") if f"import omega:plugin/{name}@" in body] == list(asked)


def test_the_wit_is_the_contract_s() -> None:
    theirs = HERE.parents[2] / "crates/contract/wit/plugin.wit"
    if theirs.is_file():
        assert (WORLDS / "deps/omega-plugin/plugin.wit").read_bytes() == theirs.read_bytes()


def test_what_cannot_be_compiled_is_told(tmp_path: Path) -> None:
    def check(entry: str, export: str, expect: str) -> None:
        manifest = {"entrypoint": {"file": entry, "export": export}, "capabilities": []}
        (tmp_path / "PLUGIN_MANIFEST.json").write_text(json.dumps(manifest), encoding="utf-8")
        with pytest.raises(component.BuildError, match=expect):
            component.build(tmp_path)

    check("plugin.wasm", "handle", "made of plugin.py beside it")
    (tmp_path / "plugin.py").write_text("", encoding="utf-8")
    check("plugin.py", "handle", "entrypoint.file is plugin.py")
    (tmp_path / "my-plugin.py").write_text("", encoding="utf-8")
    check("my-plugin.wasm", "handle", "names in Python")
    check("plugin.wasm", "a.b", "names in Python")
