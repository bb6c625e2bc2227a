"""The harness with a real gateway, and the scaffold. Both need the `omega` binary: `$OMEGA_BIN`, or on PATH."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from omega_plugin.testing import Gateway, GatewayError, Request

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
    return subprocess.run(  # noqa: S603 - our own words
        [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_a_new_plugin_passes_its_own_tests(scaffold: Path) -> None:
    done = python(scaffold, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout


def test_a_new_plugin_is_typed_and_its_schemas_are_its_types(scaffold: Path) -> None:
    done = python(scaffold, "-m", "mypy", "--strict", "--cache-dir", os.devnull, "plugin.py", "tests/test_plugin.py")
    assert done.returncode == 0, done.stdout
    done = python(scaffold, "-m", "omega_plugin", "schemas", ".", "--check")
    assert done.returncode == 0, done.stdout + done.stderr


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


def guest(name: str) -> Path:
    """A package that `cargo xtask guests` built: the gateway's other lane answers as a Python plugin would."""
    default = Path(__file__).parents[3] / "target/guests/packages"
    return Path(os.environ.get("OMEGA_GUEST_PACKAGES", default)) / "examples" / name


def test_a_real_gateways_answers_have_the_same_shapes_and_hold_what_a_request_names() -> None:
    with Gateway(OMEGA) as gateway:
        profile = gateway.install(guest("csv-profile"))
        table = Request.artifact(b"name,price\nnut,1\nbolt,2\n", "text/csv")
        assert gateway.run(profile, table).json()["rows"] == 2
        refusal = gateway.run(profile, Request.artifact(b"", "text/csv")).refusal()
        assert (refusal.code, refusal.message) == ("empty", "the file has no records")
        summary = gateway.install(guest("slice-summary"))
        rows = [{"id": "a", "price": 1}, {"id": "b", "price": 3}]
        for _ in range(2):
            assert gateway.run(summary, Request.rows(rows, key="id")).json()["rows"] == 2
        with pytest.raises(GatewayError, match="name the field that identifies a row"):
            gateway.run(summary, Request.rows(rows))
