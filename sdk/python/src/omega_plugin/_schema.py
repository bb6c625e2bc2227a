"""Writes the JSON Schemas of a plugin from its author's types: the whole payload object, as the manifest's `schema_ref`s name it.

What never happens here: work in a worker; this module is for the author's machine.
"""

from __future__ import annotations

import inspect
import re
from typing import Any, Final

from . import _shape
from ._payload import BinaryRef, DatasetSlice, Text
from ._plugin import Plugin, data_of
from ._shape import AnyOf, Anything, ListOf, MapOf, Model, ObjectOf, OneOf, Scalar, TupleOf

Schema = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_SCALARS: Final[dict[type, str]] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    type(None): "null",
}
_STRINGS: Final[Schema] = {"type": "object", "additionalProperties": {"type": "string"}}
#: What the contract says of the payloads that have no data of the author's.
_CONTRACT: Final[dict[type, Schema]] = {
    Text: {
        "kind": {"const": "text"},
        "content": {"type": "string"},
        "encoding": {"const": "utf-8"},
        "metadata": _STRINGS,
    },
    BinaryRef: {
        "kind": {"const": "binary_ref"},
        "artifact_id": {"type": "string"},
        "artifact_hash": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        "mime_type": {"type": "string"},
    },
    DatasetSlice: {
        "kind": {"const": "dataset_slice"},
        "slice_ids": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        "source": {"type": "string"},
        "filters": _STRINGS,
    },
}


class SchemaError(Exception):
    """The manifest and the plugin's types do not fit together."""


def of_manifest(plugin: Plugin[Any, Any], manifest: dict[str, Any]) -> dict[str, Schema]:
    """Each schema that the manifest names, by its path in the package."""
    schemas: dict[str, Schema] = {}
    for direction, hints in (("inputs", plugin.inputs()), ("outputs", plugin.outputs())):
        described = set()
        for descriptor in manifest["io"][direction]:
            kind, schema_ref = descriptor["kind"], descriptor["schema_ref"]
            hint = _chosen(hints, kind, schema_ref, f"io.{direction}")
            described.add(hint)
            schemas[_path(schema_ref)] = of_payload(hint, schema_ref, is_output=direction == "outputs")
        for hint in hints:
            # Of a bare `Payload` the manifest may name a part: nothing else is ever handed over.
            if hint not in described and len(hints) == 1:
                raise SchemaError(f"io.{direction} has no descriptor of the plugin's {hint!r}")
    return schemas


def _chosen(hints: list[Any], kind: str, schema_ref: str, where: str) -> Any:
    fitting = [hint for hint in hints if hint.kind == kind]
    if kind == "json" and len(fitting) > 1:
        fitting = [hint for hint in fitting if getattr(data_of(hint), "SCHEMA_REF", "") == schema_ref]
    for hint in fitting:
        said = getattr(data_of(hint), "SCHEMA_REF", schema_ref)
        if said != schema_ref:
            raise SchemaError(f"{where} names {schema_ref}, the plugin's type says {said}")
        return hint
    raise SchemaError(f"{where} names {schema_ref}, of which the plugin's function has no type ({kind})")


def _path(schema_ref: str) -> str:
    named = re.fullmatch(r"omega:[^:]+:(input|output):([^:]+):v[^:]+", schema_ref)
    return f"schemas/{named[1]}s/{named[2]}.schema.json" if named else schema_ref


def of_payload(hint: Any, schema_ref: str, *, is_output: bool = False) -> Schema:
    """The schema of a whole payload."""
    data = data_of(hint)
    if data is None:
        return _payload(hint.kind, dict(_CONTRACT[hint]))
    writer = _Writer(is_output=is_output)
    members = {"kind": {"const": "json"}, "schema_ref": {"const": schema_ref}, "data": writer.top(data)}
    whole = _payload(_title(data), members)
    if writer.definitions:
        whole["$defs"] = dict(sorted(writer.definitions.items()))
    return whole


def _payload(title: str, members: Schema) -> Schema:
    return {
        "$schema": DIALECT,
        "title": title,
        "type": "object",
        "required": list(members),
        "additionalProperties": False,
        "properties": members,
    }


def _title(data: Any) -> str:
    return getattr(_shape.without_annotations(data)[0], "__name__", "data")


class _Writer:
    def __init__(self, *, is_output: bool) -> None:
        self._is_output = is_output
        self._names: dict[Any, str] = {}
        self.definitions: dict[str, Schema] = {}

    def top(self, hint: Any) -> Schema:
        """The data itself: an object, where it stands."""
        shape = _shape.shape_of(hint)
        if isinstance(shape, ObjectOf):
            # One that holds itself is defined apart as well.
            return _with_words(self._object(shape), hint)
        schema = self.schema(hint)
        if not isinstance(shape, MapOf | Anything | Model):
            raise SchemaError(f"{hint!r} is not an object of JSON, which a json payload's data is")
        return {"type": "object"} if isinstance(shape, Anything) else schema

    def schema(self, hint: Any) -> Schema:
        return _with_words(self._bare(hint), hint)

    def _bare(self, hint: Any) -> Schema:
        match _shape.shape_of(hint):
            case Anything():
                return {}
            case Scalar(kind):
                return {"type": _SCALARS[kind]}
            case OneOf(values):
                written = [value for value, _ in values]
                return {"const": written[0]} if len(written) == 1 else {"enum": written}
            case ListOf(item):
                return {"type": "array", "items": self.schema(item)}
            case TupleOf(items):
                count = len(items)
                each = [self.schema(item) for item in items]
                return {"type": "array", "prefixItems": each, "minItems": count, "maxItems": count}
            case MapOf(value):
                return {"type": "object", "additionalProperties": self.schema(value)}
            case AnyOf(hints):
                return _any_of([self.schema(each) for each in hints])
            case Model(cls):
                return self._model(cls)
            case ObjectOf() as shape:
                return self._reference(shape)

    def _reference(self, shape: ObjectOf) -> Schema:
        name = self._names.get(shape.type)
        if name is None:
            name = shape.type.__name__
            number = sum(known.partition("_")[0] == name for known in self._names.values())
            name = f"{name}_{number + 1}" if number else name
            # Named before it is written: it may hold itself.
            self._names[shape.type] = name
            self.definitions[name] = self._object(shape)
        return {"$ref": f"#/$defs/{name}"}

    def _object(self, shape: ObjectOf) -> Schema:
        is_all = self._is_output and not shape.is_dict
        schema: Schema = {
            "type": "object",
            "required": [member.name for member in shape.members if is_all or member.is_required],
            "additionalProperties": False,
            "properties": {member.name: self.schema(member.hint) for member in shape.members},
        }
        description = _docstring(shape.type)
        return {"description": description, **schema} if description else schema

    def _model(self, cls: Any) -> Schema:
        mode = "serialization" if self._is_output else "validation"
        schema: Schema = cls.model_json_schema(mode=mode, ref_template="#/$defs/{model}")
        for name, definition in schema.pop("$defs", {}).items():
            if self.definitions.setdefault(name, definition) != definition:
                raise SchemaError(f"two models are called {name}")
        return schema


def _any_of(members: list[Schema]) -> Schema:
    if all(member.keys() == {"type"} for member in members):
        return {"type": [member["type"] for member in members]}
    return {"anyOf": members}


def _with_words(schema: Schema, hint: Any) -> Schema:
    return {**schema, **_shape.without_annotations(hint)[1]}


def _docstring(cls: type) -> str:
    """What the author says of the class; not what `dataclass` makes up, nor what is inherited."""
    said = cls.__dict__.get("__doc__") or ""
    return "" if said.startswith(f"{cls.__name__}(") else inspect.cleandoc(said)
