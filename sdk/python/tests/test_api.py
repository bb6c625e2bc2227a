"""Plugins as authors write them, run in this process."""

import functools
import hashlib
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import models
import pytest
from worker_process import SOURCES

from omega_plugin import BinaryRef, BrokerError, Call, DatasetSlice, Json, Plugin, Refusal, Text, plugin
from omega_plugin.testing import Request, run

ITEM = {"sku": "a-1", "count": 2}


def order(**changes: object) -> Request:
    return Request.json({"customer": "Ada", "items": [ITEM], **changes}, models.ORDER_REF)


def test_data_becomes_the_authors_types_and_back() -> None:
    items = [ITEM, {"sku": "b", "count": 1, "colour": "red", "size": [1, 2.5], "parts": [ITEM]}]
    assert run(models.take_order, order(items=items)).json() == {"count": 3, "colours": ["red"]}
    # A plugin is its function, too.
    given = models.take_order(Json(models.Order("Ada", [models.Item(models.Sku("a"), 4)])))
    assert given.data == {"count": 4, "colours": []}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"customer": 7}, "customer: a string is wanted, not an integer"),
        ({"customer": None}, "customer: a string is wanted, not null"),
        ({"express": 1}, "express: true or false is wanted, not an integer"),
        ({"items": {}}, "items: an array is wanted, not an object"),
        ({"items": [ITEM, {"sku": "b"}]}, "items[1]: 'count' is missing"),
        ({"items": [{**ITEM, "count": True}]}, "items[0].count: an integer is wanted, not true or false"),
        ({"items": [{**ITEM, "count": 1.5}]}, "items[0].count: an integer is wanted, not a number"),
        ({"items": [{**ITEM, "size": [1]}]}, "items[0].size: an array of 2 is wanted; nor: null is wanted"),
        ({"items": [{**ITEM, "parts": [{"sku": 1, "count": 1}]}]}, "items[0].parts[0].sku: a string is wanted"),
        ({"items": [{**ITEM, "colour": "green"}]}, "one of these is wanted: 'red', 'blue'"),
        ({"way": "air"}, "way: one of these is wanted: 'post', 'ship'"),
        ({"way": []}, "way: one of these is wanted: 'post', 'ship'"),
        ({"labels": {"a": 1}}, "labels.a: a string is wanted"),
        ({"extra": 1}, "'extra' is not known"),
        ({"items": []}, "an order without items"),
    ],
)
def test_data_that_does_not_fit_is_declined_and_says_where(changes: dict[str, object], message: str) -> None:
    refusal = run(models.take_order, order(**changes)).refusal()
    assert refusal.code == Refusal.INVALID_JSON
    assert refusal.message.startswith("the input's data is not what this plugin reads: ")
    assert message in refusal.message


def test_a_whole_number_may_be_written_as_a_fraction() -> None:
    assert run(models.take_order, order(items=[{**ITEM, "count": 2.0}])).json()["count"] == 2


def test_pydantic_models_read_and_write_themselves() -> None:
    done = run(models.mirror, Request.json({"x": 1, "why": 2}, models.POINT_REF))
    assert done.json() == {"x": 2, "why": 1}
    refusal = run(models.mirror, Request.json({"x": -1, "why": "b"}, models.POINT_REF)).refusal()
    assert refusal.code == Refusal.INVALID_JSON
    assert "x: Input should be greater than or equal to 0; why: Input should be a valid integer" in refusal.message


def test_the_sdk_imports_nothing_that_the_author_does_not() -> None:
    program = (
        "import sys, omega_plugin, omega_plugin._worker, omega_plugin._preload, omega_plugin._schema\n"
        "assert omega_plugin._preload.preload() is not None\n"
        "outside = {name.partition('.')[0] for name in sys.modules} - set(sys.stdlib_module_names)\n"
        "print(sorted(name for name in outside if not name.startswith('_sysconfigdata')))"
    )
    command = [sys.executable, "-I", "-S", "-B", "-c", f"import sys; sys.path.append({str(SOURCES)!r})\n{program}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own words
    assert done.stdout == "['__main__', 'omega_plugin']\n"


def test_a_plugin_of_all_kinds_matches_on_them() -> None:
    text = run(models.describe, Text("hello"))
    assert (text.text(), text.notes()) == ("hello", "a text")
    assert [(line.level, line.message) for line in text.logs] == [("info", "a text")]
    assert [(said.done, said.message) for said in text.progress] == [(0.5, "halfway")]
    assert run(models.describe, Request.json({"a": 1}, "any")).text() == "{'a': 1}"
    assert run(models.describe, Request.artifact("ärger".encode())).text() == "ärger"
    assert run(models.describe, Request.rows([{"a": 1}])).text() == "1 [{'a': 1}]"


def test_several_types_of_json_are_told_apart_by_their_schema() -> None:
    assert run(models.by_schema, order()).text() == "Order"
    assert run(models.by_schema, Request.json({"x": 1, "why": 1}, models.POINT_REF)).text() == "Point"
    refusal = run(models.by_schema, Request.json({}, "omega:other:input:other:v1.0.0")).refusal()
    assert refusal.message == "this plugin reads no JSON of the schema omega:other:input:other:v1.0.0"
    assert run(models.by_schema, Text("x")).refusal().message == "this plugin reads json, not text"


def test_numbers_are_as_the_gateway_writes_them() -> None:
    # It sends canonical JSON (RFC 8785), in which 1.0 is 1; a plugin that looks at types must see that in its tests.
    request = Request.json({"a": [1.0, -0.5, 1e300, 2.0]}, "any")
    assert run(models.describe, request).text() == "{'a': [1, -0.5, 1e+300, 2]}"
    assert run(models.describe, Request.rows([{"a": 1.0}])).text() == "1 [{'a': 1}]"


def test_rows_are_read_as_the_authors_type() -> None:
    assert run(models.dearest, Request.rows([{"price": 1}, {"price": 2.5}])).text() == "2.5"
    assert run(models.dearest, Request.rows([])).refusal().code == "no_rows"
    refusal = run(models.dearest, Request.rows([{"price": 1}, {"price": "2"}])).refusal()
    assert refusal.code == Refusal.INVALID_ROW
    assert "row 1 of the slice" in refusal.message


def test_the_harness_answers_by_the_gateways_rules() -> None:
    named = Request.artifact(b"abc")
    assert run(models.describe, named.with_bytes(b"other")).refusal().code == "broker_hash_mismatch"
    assert run(models.describe, Request(named.payload)).refusal().code == "broker_unknown"
    refused = named.with_broker_error(BrokerError("denied", "not granted"))
    assert str(run(models.describe, refused).refusal()) == "broker_denied: the broker denied it: not granted"

    @plugin
    def nosy(artifact: BinaryRef) -> Text:
        return Text(BinaryRef("other", artifact.artifact_hash, "text/plain").read_text(10))

    assert run(nosy, named).refusal().code == "broker_denied"


def test_bytes_are_read_in_pieces_of_any_size() -> None:
    content = bytes(range(256)) * 3000

    @plugin
    def digest(artifact: BinaryRef) -> Text:
        parts = hashlib.sha256()
        with artifact.reader() as reader:
            parts.update(reader.read(3))
            while piece := reader.read1(100_000):
                parts.update(piece)
        assert artifact.read_at(len(content), 10) == b""
        assert artifact.read_at(1, 2) == b"\x01\x02"
        return Text(parts.hexdigest())

    assert run(digest, Request.artifact(content)).text() == hashlib.sha256(content).hexdigest()


def test_text_that_is_none_is_declined() -> None:
    refusal = run(models.describe, Request.artifact(b"ab\xff")).refusal()
    assert (refusal.code, refusal.message) == ("unreadable", "the artifact is not UTF-8 text at byte 2")


def test_a_request_of_the_package_is_read(tmp_path: Path) -> None:
    file = tmp_path / "request.json"
    written = {
        "request_id": "a",
        "run_id": "b",
        "timestamp": "2026-01-01T00:00:00Z",
        "payload": Text("hello").to_wire(),
        "context": {"tone": "dry"},
    }
    file.write_text(json.dumps(written))
    request = Request.from_file(file)
    assert request.call == Call("a", "b", "2026-01-01T00:00:00Z", {"tone": "dry"})
    assert run(models.describe, request).outcome().payload == Text("hello", {"tone": "dry"})
    file.write_text(json.dumps({**written, "more": 1}))
    with pytest.raises(ValueError, match="not a request of the contract"):
        Request.from_file(file)


def test_faults_come_out_as_they_are() -> None:
    @plugin
    def broken(text: Text) -> Json[dict[str, Any]]:
        return Json({"value": float(text.content)}, "omega:a:output:b:v1.0.0")

    assert run(broken, Text("1")).json() == {"value": 1.0}
    with pytest.raises(ValueError, match="could not convert"):
        run(broken, Text("x"))
    # What JSON cannot say fails here as it does in a worker.
    with pytest.raises(ValueError, match="not JSON compliant"):
        run(broken, Text("nan"))
    # The host is put back each time.
    assert run(broken, Text("2")).json() == {"value": 2.0}


def test_what_cannot_be_a_plugin_is_none() -> None:
    with pytest.raises(TypeError, match="has to take the payload"):
        plugin(lambda: Text(""))
    with pytest.raises(TypeError, match="has to take the payload"):
        plugin(lambda a, b, c: Text(""))  # noqa: ARG005
    with pytest.raises(TypeError, match="has to take the payload"):
        plugin(lambda text, *more: Text(""))  # noqa: ARG005

    async def later(text: Text) -> Text:
        return text

    with pytest.raises(TypeError, match="async"):
        plugin(later)  # type: ignore[type-var]


def test_a_wrapped_function_takes_what_the_one_inside_takes() -> None:
    def inside(text: Text, call: Call) -> Text:
        return Text(text.content + call.run_id)

    @functools.wraps(inside)
    def wrapped(*args: Any) -> Text:
        return inside(*args)

    request = {"request_id": "r", "run_id": "run", "timestamp": "", "context": {}, "payload": Text("x").to_wire()}
    payload, _ = plugin(wrapped).answer(request)
    assert payload["content"] == "xrun"


@dataclass
class Unfit:
    when: complex


@pytest.mark.parametrize("hint", [complex, bytes, set[str], dict[int, str], Unfit, list[complex]])
def test_types_without_json_are_named_when_the_plugin_is_loaded(hint: Any) -> None:
    def handle(data: Any) -> Text:  # noqa: ARG001
        return Text("")

    handle.__annotations__["data"] = Json[hint]
    made: Plugin[..., Text] = Plugin(handle)
    with pytest.raises(TypeError, match="has no JSON"):
        made.prepare()


def test_an_output_without_a_schema_says_how_to_name_one() -> None:
    @plugin
    def handle(text: Text) -> Json[dict[str, str]]:
        return Json({"a": text.content})

    with pytest.raises(ValueError, match="write @json_payload above its class"):
        run(handle, Text("x"))


def test_payloads_travel_as_the_contract_writes_them() -> None:
    hello = Text("Hello OMEGA", {"source": "test"})
    canonical = json.dumps(hello.to_wire(), separators=(",", ":"), sort_keys=True)
    # The golden value of spec page 2.
    golden = "b22f230e39accd0dd1c69a828f56ff37cb72542dc07dc195dc1b4054b4330f28"
    assert hashlib.sha256(canonical.encode()).hexdigest() == golden
    assert DatasetSlice(["a"], "b").to_wire() == {
        "kind": "dataset_slice",
        "slice_ids": ["a"],
        "source": "b",
        "filters": {},
    }
