"""The harness with a real gateway, and the scaffold. Both need the `omega` binary: `$OMEGA_BIN`, or on PATH."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from omega_plugin import Text
from omega_plugin import __main__ as command
from omega_plugin.testing import ConformanceGate, Gateway, GatewayError, Request, run

OMEGA = os.environ.get("OMEGA_BIN", "omega")


@pytest.fixture
def scaffold(tmp_path: Path) -> Path:
    """What `omega plugins new` makes."""
    words = [OMEGA, "--home", str(tmp_path / "home"), "plugins", "new", "acme.word-count", "--lang", "python"]
    folder = tmp_path / "plugin"
    subprocess.run([*words, "--dir", str(folder)], check=True, capture_output=True)  # noqa: S603 - under test
    return folder


def python(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Python as an author does: in the plugin's folder, with nothing but the SDK's copy."""
    environment = {"PYTHONPATH": "omega-plugin-sdk/src", "PYTHONDONTWRITEBYTECODE": "1", "PATH": os.environ["PATH"]}
    environment["OMEGA_BIN"] = OMEGA
    return subprocess.run(  # noqa: S603 - our own words
        [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_a_new_plugin_passes_its_own_tests(scaffold: Path) -> None:
    done = python(scaffold, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout
    # Three of its own, and the ten of the gate.
    assert "13 passed" in done.stdout


def test_a_new_plugin_is_typed_and_its_schemas_are_its_types(scaffold: Path) -> None:
    done = python(scaffold, "-m", "mypy", "--strict", "--cache-dir", os.devnull, "plugin.py", "tests/test_plugin.py")
    assert done.returncode == 0, done.stdout
    done = python(scaffold, "-m", "omega_plugin", "schemas", ".", "--check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_gate_fails_the_one_check_that_is_broken(scaffold: Path) -> None:
    class Gate(ConformanceGate):
        package = scaffold

    file = scaffold / "plugin.py"
    file.write_text(file.read_text().replace("    if not words:", "    if not words and text.metadata:"))
    before = sorted(scaffold.rglob("*"))
    gate = Gate()
    with pytest.raises(AssertionError, match=r"CG-06 Fail closed: .*plugin_error"):
        gate.test_cg_06_fail_closed()
    gate.test_cg_04_determinism()
    gate.test_cg_08_non_actuating()
    assert [check["id"] for check in Gate.report()["checks"] if not check["passed"]] == ["CG-06"]
    assert sorted(scaffold.rglob("*")) == before


def test_a_type_that_a_plugin_cannot_take_does_not_pass_mypy(scaffold: Path) -> None:
    file = scaffold / "plugin.py"
    file.write_text(file.read_text().replace("-> Json[Report]:", "-> Report:").replace("return Json(", "return ("))
    done = python(scaffold, "-m", "mypy", "--strict", "--cache-dir", os.devnull, "plugin.py")
    assert done.returncode == 1
    assert 'Value of type variable "Answer" of "plugin" cannot be "Report"' in done.stdout


def test_a_package_is_signed_and_registered_and_left_as_it_is(scaffold: Path) -> None:
    before = sorted(scaffold.rglob("*"))
    with Gateway(OMEGA) as gateway:
        home = gateway.home
        assert gateway.install(scaffold, enable=False) == "acme.word-count"
        assert '"signature_valid": true' in gateway.omega("plugins", "info", "acme.word-count", "--json")
        # Registered, not enabled: the gateway refuses, and its reason comes through.
        with pytest.raises(GatewayError, match="rejected") as refused:
            gateway.run("acme.word-count", Request.text("two words"))
        assert refused.value.reason == "plugin_not_enabled"
    assert not home.exists()
    assert sorted(scaffold.rglob("*")) == before


def test_a_package_that_is_none_is_a_clear_no(tmp_path: Path) -> None:
    with Gateway(OMEGA) as gateway:
        with pytest.raises(GatewayError, match="PLUGIN_MANIFEST"):
            gateway.install(tmp_path)
        with pytest.raises(GatewayError) as unknown:
            gateway.run("no-such-plugin", Request.text("x"))
        assert unknown.value.reason == "plugin_unknown"


def test_a_gateway_that_is_not_there_is_a_clear_no() -> None:
    with pytest.raises(GatewayError, match="set OMEGA_BIN"), Gateway("/no/such/omega"):
        pass


def test_the_schemas_of_a_new_plugin_can_be_written_anew(scaffold: Path) -> None:
    file = scaffold / "plugin.py"
    file.write_text(
        file.read_text().replace("longest_word: Annotated[str, Schema(minLength=1)]", "longest_word: str | None")
    )
    assert python(scaffold, "-m", "omega_plugin", "schemas", ".", "--check").returncode == 1
    assert python(scaffold, "-m", "omega_plugin", "schemas", ".").returncode == 0
    assert '"null"' in (scaffold / "schemas/outputs/report.schema.json").read_text()


#: One plugin that takes all kinds, and fails when it is told to.
ALL_KINDS = """
from omega_plugin import *

@plugin
def handle(payload: Payload, call: Call) -> Reply[Text]:
    log.info("seen")
    match payload:
        case Text("fail"):
            raise RuntimeError("told to")
        case Text("exit"):
            raise SystemExit(1)
        case Text("json"):
            return Text(chr(0xd800))
        case Text(content):
            shown = content
        case Json(data):
            shown = str(data)
        case BinaryRef():
            shown = f"{payload.mime_type} {payload.size()} {payload.read_all(1 << 21).count(b'a')}"
        case DatasetSlice():
            shown = f"{payload.count()} {[row['price'] for row in payload.rows()]}"
    return Reply(Text(shown), str(call.context))
"""
KINDS = ("text", "json", "binary_ref", "dataset_slice")


def all_kinds(folder: Path) -> Path:
    """The package of that plugin."""
    folder.mkdir()
    (folder / "plugin.py").write_text(ALL_KINDS)
    inputs = [(kind, f"omega:all-kinds:input:{kind}:v1.0.0") for kind in KINDS]
    manifest = {
        "plugin_id": "all-kinds",
        "name": "All kinds",
        "vendor": "tests",
        "description": "",
        "version": "1.0.0",
        "api_version": "1.0.0",
        "supported_omega_api_versions": "^1.0.0",
        "capabilities": ["write_suggestion", *(f"read_{kind}" for kind in KINDS)],
        "io": {
            "inputs": [{"kind": kind, "schema_ref": ref, "limits": {"max_bytes": 4_000_000}} for kind, ref in inputs],
            "outputs": [
                {"kind": "text", "schema_ref": "omega:all-kinds:output:text:v1.0.0", "limits": {"max_bytes": 9999}}
            ],
        },
        "limits": {"max_bytes": 4_000_000, "max_ms": 60_000, "max_concurrency": 1},
        "determinism": {"mode": "probabilistic", "notes": "Tells what it is given."},
        "evidence": {"log_level": "full", "redactions": []},
        "entrypoint": {"type": "worker", "file": "plugin.py", "export": "handle"},
    }
    (folder / "PLUGIN_MANIFEST.json").write_text(json.dumps(manifest))
    assert command.main(["schemas", str(folder)]) == 0
    return folder


def test_a_real_gateways_answers_are_those_of_the_harness(tmp_path: Path) -> None:
    package = all_kinds(tmp_path / "package")
    plugin = command.load(package, json.loads((package / "PLUGIN_MANIFEST.json").read_text()))
    asked = [
        Request.text("hello ä \U0001f600").with_context(tone="dry"),
        Request.json({"a": [1, 2.5, None]}, "omega:all-kinds:input:json:v1.0.0"),
        # More than one question's worth.
        Request.artifact(b"abc" * 600_000, "text/plain"),
        Request.rows([{"id": str(number), "price": number / 2} for number in range(300)], key="id"),
    ]
    with Gateway(OMEGA) as gateway:
        plugin_id = gateway.install(package)
        for request in asked:
            assert gateway.run(plugin_id, request).answer == run(plugin, request).answer
        with pytest.raises(GatewayError, match="name the field that identifies a row"):
            gateway.run(plugin_id, Request.rows([{"id": "a"}]))
        for told, kind in (("fail", "RuntimeError"), ("exit", "SystemExit"), ("json", "UnicodeEncodeError")):
            with pytest.raises(GatewayError, match=kind) as failed:
                gateway.run(plugin_id, Request.text(told))
            assert failed.value.response["status"] == "error"


def test_a_new_plugin_answers_through_a_real_gateway(scaffold: Path) -> None:
    with Gateway(OMEGA) as gateway:
        plugin_id = gateway.install(scaffold)
        assert gateway.run(plugin_id, Text("one three two")).json() == {"words": 3, "longest_word": "three"}
        refusal = gateway.run(plugin_id, Text(" ")).refusal()
        assert (refusal.code, refusal.message) == ("no_words", "there are no words to count")


def test_the_example_answers_through_a_real_gateway_as_in_its_own_tests() -> None:
    package = Path(__file__).parents[3] / "plugins/examples/readability"
    plugin = command.load(package, json.loads((package / "PLUGIN_MANIFEST.json").read_text()))
    with Gateway(OMEGA) as gateway:
        # Enabled: it gave the same answer twice to each of its examples.
        plugin_id = gateway.install(package)
        for example in sorted(package.glob("examples/*.json")):
            request = Request.from_file(example)
            assert gateway.run(plugin_id, request).answer == run(plugin, request).answer
