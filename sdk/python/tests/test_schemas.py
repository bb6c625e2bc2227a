"""The schemas from the author's types."""

import json
from pathlib import Path
from typing import Any

import models
import pytest

from omega_plugin import __main__ as command
from omega_plugin._schema import SchemaError, of_manifest, of_payload

PROGRAM = """
from dataclasses import dataclass
from omega_plugin import Json, Text, json_payload, plugin

@json_payload("omega:under-test:output:report:v1.0.0")
@dataclass
class Report:
    '''What it counts.'''
    words: int
    name: str = ""

@plugin
def handle(text: Text) -> Json[Report]:
    return Json(Report(1))
"""
REPORT = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Report",
    "type": "object",
    "required": ["kind", "schema_ref", "data"],
    "additionalProperties": False,
    "properties": {
        "kind": {"const": "json"},
        "schema_ref": {"const": "omega:under-test:output:report:v1.0.0"},
        "data": {
            "description": "What it counts.",
            "type": "object",
            "required": ["words", "name"],
            "additionalProperties": False,
            "properties": {"words": {"type": "integer"}, "name": {"type": "string"}},
        },
    },
}


def manifest(inputs: list[tuple[str, str]], outputs: list[tuple[str, str]]) -> dict[str, Any]:
    def described(refs: list[tuple[str, str]]) -> list[dict[str, str]]:
        return [{"kind": kind, "schema_ref": schema_ref} for kind, schema_ref in refs]

    return {
        "io": {"inputs": described(inputs), "outputs": described(outputs)},
        "entrypoint": {"file": "plugin.py", "export": "handle"},
    }


TEXT_TO_REPORT = manifest(
    [("text", "omega:under-test:input:text:v1.0.0")], [("json", "omega:under-test:output:report:v1.0.0")]
)


def package(folder: Path, program: str = PROGRAM) -> Path:
    (folder / "plugin.py").write_text(program)
    (folder / "PLUGIN_MANIFEST.json").write_text(json.dumps(TEXT_TO_REPORT))
    return folder


def test_schemas_are_written_and_then_agree(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    package(tmp_path)
    assert command.main(["schemas", str(tmp_path), "--check"]) == 1
    assert not (tmp_path / "schemas").exists()
    assert command.main(["schemas", str(tmp_path)]) == 0
    assert command.main(["schemas", str(tmp_path), "--check"]) == 0
    assert json.loads((tmp_path / "schemas/outputs/report.schema.json").read_text()) == REPORT
    text = json.loads((tmp_path / "schemas/inputs/text.schema.json").read_text())
    assert text["required"] == ["kind", "content", "encoding", "metadata"]
    capsys.readouterr()
    package(tmp_path, PROGRAM.replace("words: int", "words: float"))
    assert command.main(["schemas", str(tmp_path), "--check"]) == 1
    shown = capsys.readouterr()
    assert '-          "type": "integer"' in shown.out
    assert '+          "type": "number"' in shown.out
    assert "schemas/outputs/report.schema.json: not what the plugin's types say" in shown.err


def test_a_folder_that_is_no_plugin_is_a_clear_no(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["schemas", str(tmp_path)]) == 1
    package(tmp_path, "handle = None")
    assert command.main(["schemas", str(tmp_path)]) == 1
    assert "'handle' in plugin.py is no plugin" in capsys.readouterr().err


def test_every_type_has_its_words() -> None:
    schema = of_payload(models.take_order.inputs()[0], models.ORDER_REF)
    data = schema["properties"]["data"]
    assert data["required"] == ["customer", "items"]
    assert data["properties"] == {
        "customer": {"type": "string"},
        "items": {"type": "array", "items": {"$ref": "#/$defs/Item"}},
        "express": {"type": "boolean"},
        "way": {"enum": ["post", "ship"]},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "anything": {},
    }
    pair = {"type": "array", "prefixItems": [{"type": "number"}] * 2, "minItems": 2, "maxItems": 2}
    assert schema["$defs"]["Item"] == {
        "description": "One line of an order.",
        "type": "object",
        "required": ["sku", "count"],
        "additionalProperties": False,
        "properties": {
            "sku": {"type": "string"},
            "count": {"type": "integer", "minimum": 1},
            "colour": {"anyOf": [{"enum": ["red", "blue"]}, {"type": "null"}]},
            "size": {"anyOf": [pair, {"type": "null"}]},
            "parts": {"type": "array", "items": {"$ref": "#/$defs/Item"}},
        },
    }


def test_a_typed_dict_says_what_may_be_missing() -> None:
    data = of_payload(models.take_order.outputs()[0], models.RECEIPT_REF, is_output=True)["properties"]["data"]
    assert data["required"] == ["count", "colours"]
    assert data["properties"]["hint"] == {"type": "string"}


def test_a_model_describes_itself() -> None:
    data = of_payload(models.mirror.inputs()[0], models.POINT_REF)["properties"]["data"]
    assert data["properties"]["why"]["type"] == "integer"
    assert data["properties"]["x"]["minimum"] == 0
    assert data["description"] == "A place."


@pytest.mark.parametrize(
    ("inputs", "outputs", "message"),
    [
        ([("text", "omega:a:input:text:v1.0.0")], [("text", "omega:a:output:t:v1.0.0")], "has no type"),
        ([("json", "omega:a:input:order:v2.0.0")], [("json", models.RECEIPT_REF)], "the plugin's type says"),
        ([("json", models.ORDER_REF)], [], "has no descriptor of"),
    ],
)
def test_a_manifest_of_another_plugin_is_told(
    inputs: list[tuple[str, str]], outputs: list[tuple[str, str]], message: str
) -> None:
    with pytest.raises(SchemaError, match=message):
        of_manifest(models.take_order, manifest(inputs, outputs))
