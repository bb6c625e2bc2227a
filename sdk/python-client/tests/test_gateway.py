"""The whole way with a real ``omega serve``: what OMEGA does with a gateway, and what a gateway refuses it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from omega_gateway import (
    AsyncPluginGateway,
    GatewayError,
    PluginGateway,
    Retry,
    binary_ref_payload,
    result_of,
    text_payload,
)
from omega_gateway.testing import PrivateServer, private_server

if TYPE_CHECKING:
    from collections.abc import Callable

    from omega_gateway.types import EventKind, PipelinePolicy, PlacedEvent, PluginManifest, Policy

GUESTS = Path(__file__).resolve().parents[3] / "target/guests/packages"
ADA = text_payload("Ada")
OUTCOMES: list[EventKind] = ["RESULT", "REJECT", "ERROR"]


def install(server: PrivateServer, *packages: str) -> None:
    with server.gateway() as gateway:
        for name in packages:
            plugin = gateway.register_plugin(server.signed_package(GUESTS / name))
            gateway.enable_plugin(plugin["plugin_id"])


def install_spin(server: PrivateServer) -> None:
    """A plugin that spins until it is stopped, with more time than any test takes."""

    def patient(manifest: PluginManifest) -> PluginManifest:
        manifest["limits"]["max_ms"] = 60_000
        return manifest

    with server.gateway() as gateway:
        gateway.register_plugin(server.signed_package(GUESTS / "hostile/spin", patient))
        gateway.enable_plugin("hostile-spin")


def event_of(server: PrivateServer, run: str, *kinds: EventKind) -> PlacedEvent:
    """The first event of a run that is of one of these kinds."""
    with server.gateway() as gateway:
        return next(gateway.events(from_index=0, run=run, kinds=kinds))


def failure(work: Callable[[], object]) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        work()
    return caught.value


@pytest.fixture(scope="session")
def server(omega_server: PrivateServer) -> PrivateServer:
    """The session's server, with plugins."""
    install(omega_server, "examples/hello", "examples/text-stats", "examples/csv-profile", "hostile/trap")
    install_spin(omega_server)
    return omega_server


def test_omegas_sample_flow(tmp_path: Path) -> None:
    """Register, enable, invoke, pipeline, export proof, verify."""
    with private_server() as own, own.gateway() as gateway:
        package = GUESTS / "examples/hello"
        archive = own.signed_package(package)
        report = gateway.validate_manifest((package / "PLUGIN_MANIFEST.json").read_bytes())
        assert (report["valid"], report["issues"]) == (True, [])
        assert not gateway.validate_manifest("{")["valid"]

        file = tmp_path / "hello.tar"
        file.write_bytes(archive)
        registered = gateway.register_plugin(file)
        assert (registered["plugin_id"], registered["status"]) == ("hello", "registered")
        assert registered["signature_valid"]
        assert gateway.register_plugin(archive) == registered
        assert gateway.enable_plugin("hello", "1.0.0")["status"] == "enabled"
        install(own, "examples/text-stats")
        assert [one["plugin_id"] for one in gateway.plugins(status="enabled", limit=1)] == ["hello", "text-stats"]
        manifest = gateway.get_plugin("hello")["manifest"]
        assert manifest is not None
        assert manifest["vendor"] == "OMEGA examples"

        trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        answer = gateway.invoke("hello", {"payload": ADA, "run_id": "sample"}, traceparent=trace)
        greeting = result_of(answer)
        assert greeting is not None
        assert greeting["kind"] == "text"
        assert greeting["content"] == "Hello, Ada!"
        assert (answer["run_id"], answer["status"], answer["reason"]) == ("sample", "ok", None)

        policy: PipelinePolicy = {
            "strategy": "sequential",
            "plugin_ids": ["hello", "text-stats"],
            "timeout_ms": 10_000,
            "stop_on_failure": True,
        }
        pipeline = gateway.invoke_pipeline(policy, {"payload": ADA, "run_id": "sample"})
        assert (pipeline["overall_status"], len(pipeline["steps"])) == ("ok", 2)

        events = gateway.get_run("sample")["events"]
        assert [one["event"]["kind"] for one in events] == ["INVOKE", "RESULT"] * 3
        assert (events[1]["index"], events[1]["event"]["event_hash"]) == (answer["event_index"], answer["event_hash"])
        meta = events[0]["event"]["meta"]
        assert (meta["actor"], meta["traceparent"][:35]) == ("tests", trace[:35])

        proof = gateway.export_proof("sample")
        assert len(proof["events"]) == 7
        kept = tmp_path / "proof.json"
        kept.write_text(json.dumps(proof))
        own.omega("proof", "verify", str(kept), "--vkey", str(own.vkey_file))
        # A check that cannot say no is none.
        kept.write_text(json.dumps(proof).replace("sample", "simple", 1))
        with pytest.raises(RuntimeError):
            own.omega("proof", "verify", str(kept), "--vkey", str(own.vkey_file))

        assert "\n— " in gateway.get_checkpoint()
        assert gateway.disable_plugin("hello")["status"] == "disabled"
        refused = failure(lambda: gateway.invoke("hello", ADA))
        assert (refused.code, refused.status) == ("plugin_not_enabled", 422)
        assert refused.response is not None
        assert refused.response["status"] == "rejected"
        [rejected] = gateway.query_events(from_index=refused.event_index, limit=1)["events"]
        assert (rejected["event"]["kind"], rejected["event"]["run_id"]) == ("REJECT", refused.run_id)
        own.stop()
        own.omega("ledger", "verify", "--strict")


def test_the_same_flow_without_waiting(server: PrivateServer, tmp_path: Path) -> None:
    file, content = tmp_path / "bytes", b"some bytes"
    file.write_bytes(content)

    async def flow() -> None:
        async with AsyncPluginGateway(server.url, server.token) as gateway:
            answers = await asyncio.gather(*(gateway.invoke("hello", text_payload(name)) for name in "abcdefgh"))
            greetings = [result_of(answer) for answer in answers]
            assert [one["content"] for one in greetings if one is not None and one["kind"] == "text"] == [
                f"Hello, {name}!" for name in "abcdefgh"
            ]
            proof = await gateway.export_proof(answers[0]["run_id"])
            assert len(proof["events"]) == 3
            assert (await gateway.validate_manifest("{}"))["valid"] is False
            assert [one["plugin_id"] async for one in gateway.plugins(plugin="hello")] == ["hello"]
            artifact = await gateway.put_artifact(file)
            assert await gateway.get_artifact(artifact["sha256"]) == content

    asyncio.run(flow())


def test_a_token_that_is_none_and_one_that_may_not(server: PrivateServer) -> None:
    with PluginGateway(server.url, "omega_nobody") as wrong:
        assert failure(wrong.list_plugins).code == "token_invalid"
    with PluginGateway(server.url, server.create_token("reader", ["read"])) as reader:
        reader.list_plugins()
        denied = failure(lambda: reader.invoke("hello", ADA))
        assert (denied.code, denied.status, denied.attempts) == ("scope_denied", 403, 1)
        assert failure(lambda: reader.register_plugin(bytes(1024))).code == "scope_denied"
    with PluginGateway(server.url, server.create_token("narrow", ["invoke"], ["text-*"])) as narrow:
        assert failure(lambda: narrow.invoke("hello", ADA)).code == "scope_denied"
        assert narrow.invoke("text-stats", ADA)["status"] == "ok"


def test_a_package_that_nobody_signed_is_refused_with_what_was_found(
    server: PrivateServer, omega_gateway: PluginGateway
) -> None:
    unsigned = failure(lambda: omega_gateway.register_plugin(GUESTS / "examples/headline.tar"))
    assert (unsigned.code, unsigned.status) == ("signature_missing", 422)
    assert "omega plugins sign" in unsigned.hint

    def hasty(manifest: PluginManifest) -> PluginManifest:
        manifest["limits"]["max_ms"] = 1
        return manifest

    archive = server.signed_package(GUESTS / "examples/headline", hasty)
    refused = failure(lambda: omega_gateway.register_plugin(archive))
    assert refused.code == "manifest_invalid"
    assert refused.report is not None
    assert "limits.max_ms" in [issue["field"] for issue in refused.report["issues"]]
    assert refused.event_index is not None


def test_a_request_that_was_run_is_not_run_again(server: PrivateServer, omega_gateway: PluginGateway) -> None:
    def once() -> object:
        return omega_gateway.invoke("hello", {"payload": ADA, "run_id": "once", "request_id": "the-one"})

    assert server.url
    once()
    error = failure(once)
    assert (error.code, error.status, error.run_id, error.request_id) == ("duplicate_request", 409, "once", "the-one")
    events = omega_gateway.get_run("once")["events"]
    assert [one["event"]["kind"] for one in events] == ["INVOKE", "RESULT", "REJECT"]
    assert events[2]["index"] == error.event_index


def test_what_a_plugin_makes_of_it_is_an_answer_whatever_it_is(
    server: PrivateServer, omega_gateway: PluginGateway
) -> None:
    assert server.url
    answer = omega_gateway.invoke("hostile-trap", ADA)
    assert (answer["status"], answer["reason"], result_of(answer)) == ("error", "plugin_trap", None)


def test_a_task_that_is_cancelled_ends_its_call_in_the_gateway_and_the_ledger_says_so(server: PrivateServer) -> None:
    async def cancel() -> None:
        async with AsyncPluginGateway(server.url, server.token) as gateway:
            call = asyncio.create_task(gateway.invoke("hostile-spin", {"payload": ADA, "run_id": "cancelled"}))
            await anext(gateway.events(from_index=0, run="cancelled", kinds=["INVOKE"]))
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call

    asyncio.run(cancel())
    event = event_of(server, "cancelled", *OUTCOMES)["event"]
    assert (event["kind"], event["meta"]["reason"]) == ("ERROR", "interrupted")


def test_a_call_that_takes_too_long_for_its_caller_ends_likewise(
    server: PrivateServer, omega_gateway: PluginGateway
) -> None:
    error = failure(lambda: omega_gateway.invoke("hostile-spin", ADA, timeout_s=0.5))
    assert error.code == "client_timeout"
    assert error.run_id is not None
    event = event_of(server, error.run_id, *OUTCOMES)["event"]
    assert (event["kind"], event["meta"]["reason"]) == ("ERROR", "interrupted")


def test_a_call_that_takes_too_long_for_the_gateway_is_its_timeout(
    server: PrivateServer, omega_gateway: PluginGateway
) -> None:
    assert server.url
    policy: Policy = {"deterministic_only": False, "timeout_ms": 100, "max_retries": 0}
    error = failure(lambda: omega_gateway.invoke("hostile-spin", {"payload": ADA, "policy": policy}))
    assert (error.code, error.status, error.attempts) == ("timeout", 504, 1)
    assert error.response is not None
    assert error.response["status"] == "timeout"


def crowded(toml: str) -> str:
    return toml.replace("# calls_max = 256", "calls_max = 1").replace("# queue_max = 1024", "queue_max = 0")


def test_what_finds_no_place_is_sent_again_and_runs_once() -> None:
    async def crowd(own: PrivateServer) -> None:
        codes: list[str] = []

        def make_room(retry: Retry) -> None:
            codes.append(retry.error.code)
            holds.cancel()

        async with (
            AsyncPluginGateway(own.url, own.token) as gateway,
            AsyncPluginGateway(own.url, own.token, retries=5, on_retry=make_room) as patient,
        ):
            holds = asyncio.create_task(gateway.invoke("hostile-spin", {"payload": ADA, "run_id": "holds"}))
            await anext(gateway.events(from_index=0, run="holds", kinds=["INVOKE"]))
            answer = await patient.invoke("hello", {"payload": ADA, "run_id": "waits"})
            assert answer["status"] == "ok"
            assert set(codes) == {"overloaded"}
            events = [one["event"] for one in (await gateway.get_run("waits"))["events"]]
            assert [event["kind"] for event in events] == [*["REJECT"] * len(codes), "INVOKE", "RESULT"]
            assert len({event["request_id"] for event in events}) == 1

    with private_server(config=crowded) as own:
        install(own, "examples/hello")
        install_spin(own)
        asyncio.run(crowd(own))


def test_a_server_that_goes_away_and_comes_back() -> None:
    with private_server() as own, own.gateway() as gateway:
        install(own, "examples/hello")
        install_spin(own)
        ends: list[GatewayError] = []

        def call() -> None:
            ends.append(failure(lambda: gateway.invoke("hostile-spin", {"payload": ADA, "run_id": "cut"})))

        calling = threading.Thread(target=call)
        calling.start()
        following = gateway.events(from_index=0, run="cut")
        assert next(following)["event"]["kind"] == "INVOKE"
        own.stop(at_once=True)
        calling.join()
        assert [(end.code, end.attempts, end.run_id) for end in ends] == [("connection_lost", 1, "cut")]
        assert failure(lambda: gateway.enable_plugin("hello")).code == "connection_refused"
        own.start()
        # The stream was never told: it goes on where it was.
        event = next(following)["event"]
        assert (event["kind"], event["meta"]["reason"]) == ("ERROR", "interrupted")
        following.close()
        assert gateway.invoke("hello", ADA)["status"] == "ok"


def test_bytes_are_kept_under_their_hash_and_a_plugin_reads_them(
    server: PrivateServer, omega_gateway: PluginGateway, tmp_path: Path
) -> None:
    assert server.url
    content = b"region,amount\nnorth,1\nsouth,2\n"
    file = tmp_path / "sales.csv"
    file.write_bytes(content)
    artifact = omega_gateway.put_artifact(file)
    assert artifact == {"sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}
    assert omega_gateway.put_artifact(content) == artifact
    assert omega_gateway.has_artifact(artifact["sha256"])
    assert not omega_gateway.has_artifact("0" * 64)
    assert omega_gateway.get_artifact(artifact["sha256"]) == content
    answer = omega_gateway.invoke("csv-profile", binary_ref_payload(artifact, "text/csv"))
    assert answer["status"] == "ok"
    assert failure(lambda: omega_gateway.get_artifact("0" * 64)).code == "artifact_unknown"
    assert failure(lambda: omega_gateway.put_artifact(content, sha256="0" * 64)).code == "artifact_hash_mismatch"


def test_a_private_server_leaves_nothing_behind() -> None:
    class OwnError(Exception):
        """The test's own."""

    seen: list[PrivateServer] = []

    def work() -> None:
        with private_server() as own:
            seen.append(own)
            raise OwnError

    with pytest.raises(OwnError):
        work()
    home, url = seen[0].home, seen[0].url
    assert not home.parent.exists()
    with PluginGateway(url, "omega_x", retries=0) as gateway:
        assert failure(gateway.list_plugins).code == "connection_refused"


def test_without_the_binary_a_private_server_says_what_is_missing() -> None:
    with pytest.raises(RuntimeError, match="set OMEGA_BIN"), private_server(omega="/nowhere/omega"):
        pass
