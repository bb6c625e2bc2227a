"""What is said when something goes wrong, and what never leaves this machine."""

from __future__ import annotations

import traceback
from contextlib import AbstractContextManager, nullcontext

import pytest
from mock_server import ANSWER, HASH, TOKEN, Answer, Client, drip, json_answer, mock, problem, silence

from omega_gateway import AsyncPluginGateway, GatewayError, PluginGateway, text_payload

ADA = text_payload("Ada")


def test_a_problem_is_an_error_with_all_that_it_says(client: Client) -> None:
    report = {"valid": False, "issues": [], "manifest_hash": HASH, "checked_at": "2026-01-01T00:00:00Z"}
    more = {"event_index": 7, "report": report, "response": {**ANSWER, "status": "rejected"}}
    with mock(problem(422, "payload_schema_mismatch", more)) as server:
        error = client.failure(server.url, "invoke", "hello", ADA)
    assert (str(error), error.hint, error.status) == ("payload_schema_mismatch: D", "H.", 422)
    assert (error.event_index, error.report) == (7, report)
    assert error.response is not None
    assert error.response["status"] == "rejected"


HTML = {"content_type": "text/html"}


@pytest.mark.parametrize(
    "answer",
    [
        json_answer("<p>no</p>", 502, **HTML),
        json_answer({}, 200, **HTML),
        json_answer({}, 404),
        json_answer({"code": 7}, 404, content_type="application/problem+json"),
        json_answer("no", 404, content_type="application/problem+json"),
    ],
)
def test_what_is_not_the_gateway_is_said_to_be_so(client: Client, answer: Answer) -> None:
    with mock(answer) as server:
        assert client.failure(server.url, "get_checkpoint", retries=0).code == "answer_unexpected"


def test_an_answer_that_is_no_json_is_no_answer(client: Client) -> None:
    with mock(json_answer({}, content_encoding="gzip")) as server:
        assert client.failure(server.url, "list_plugins", retries=0).code == "answer_unexpected"


def test_the_token_goes_nowhere_else(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = json_answer({"plugins": [], "next": None})
    with mock(empty) as elsewhere, mock(json_answer({}, 307, location=f"{elsewhere.url}/v1/plugins")) as server:
        # A proxy, too, would be somewhere else.
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, elsewhere.url)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        assert client.failure(server.url, "list_plugins").code == "answer_unexpected"
        assert elsewhere.seen == []
        assert server.seen[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_no_error_shows_the_token(client: Client) -> None:
    with mock(problem(401, "token_invalid")) as server:
        refused = client.failure(server.url, "list_plugins")
    unreachable = client.failure(server.url, "disable_plugin", "hello", retries=0)
    for error in (refused, unreachable):
        assert TOKEN not in "".join(traceback.format_exception(error)) + repr(vars(error))


@pytest.mark.parametrize("make", [PluginGateway, AsyncPluginGateway])
def test_a_client_that_cannot_work_or_is_not_safe_is_not_made(
    make: type[PluginGateway] | type[AsyncPluginGateway],
) -> None:
    def code(url: str, token: str = TOKEN) -> str | None:
        try:
            make(url, token)
        except GatewayError as error:
            return error.code
        return None

    for url in (
        "http://127.0.0.1:7077",
        "http://localhost:7077/",
        "http://[::1]:7077",
        "https://gateway.example/omega/",
    ):
        assert (url, code(url)) == (url, None)
    refused = (
        "http://gateway.example",
        "http://127.0.0.1.example",
        "http://10.0.0.1",
        "ftp://127.0.0.1",
        "127.0.0.1:1",
    )
    for url in (*refused, "https://user:pass@gateway.example", "https://gateway.example/?a=b", "", "http://[::1"):
        assert (url, code(url)) == (url, "client_misuse")
    assert code("https://gateway.example", "") == "client_misuse"
    assert code("https://gateway.example", "a\r\nb: c") == "client_misuse"


def test_names_are_written_so_that_they_stay_one_segment(client: Client) -> None:
    with mock(json_answer({"events": [], "next": None})) as server:
        client.ask(server.url, "get_run", "a/b:export-proof?x#y é")
        client.ask(server.url, "query_events", run="a b&c", kinds=["RESULT", "ERROR"], from_index=3, newest_first=True)
        assert [seen.path for seen in server.seen] == [
            "/v1/runs/a%2Fb%3Aexport-proof%3Fx%23y%20%C3%A9",
            "/v1/ledger/events?run=a+b%26c&from=3&order=desc&kind=RESULT&kind=ERROR",
        ]
        for name in ("", ".", ".."):
            assert client.failure(server.url, "get_run", name).code == "client_misuse"
        assert len(server.seen) == 2


def test_a_gateway_below_a_path_is_reached_there(client: Client) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    with mock(json_answer(ANSWER)) as server:
        client.ask(f"{server.url}/omega/", "invoke", "hello", ADA, traceparent=trace)
        assert server.seen[0].path == "/omega/v1/plugins/hello:invoke"
        assert server.seen[0].headers["traceparent"] == trace


def test_bytes_that_do_not_have_their_hash_are_not_handed_out(client: Client) -> None:
    with mock(json_answer({}, content_type="application/octet-stream")) as server:
        assert client.failure(server.url, "get_artifact", HASH).code == "artifact_hash_mismatch"


def test_a_head_without_a_body_says_whether_there_is_something(client: Client) -> None:
    with mock(json_answer({}), problem(404, "artifact_unknown"), problem(403, "scope_denied")) as server:
        assert client.ask(server.url, "has_artifact", HASH) is True
        assert client.ask(server.url, "has_artifact", HASH) is False
        assert client.failure(server.url, "has_artifact", HASH).status == 403


def test_pages_follow_each_other_until_there_are_no_more(client: Client) -> None:
    def page(names: list[str], following: str | None) -> Answer:
        return json_answer({"plugins": [{"plugin_id": name} for name in names], "next": following})

    with mock(page(["a", "b"], "c1"), page([], "c2"), page(["c"], None)) as server:
        found = client.take(server.url, 9, "plugins", status="enabled")
        assert found == [{"plugin_id": name} for name in "abc"]
        first = "/v1/plugins?status=enabled"
        assert [seen.path for seen in server.seen] == [first, f"{first}&cursor=c1", f"{first}&cursor=c2"]


@pytest.mark.parametrize("answer", [silence, drip])
def test_what_takes_too_long_ends(client: Client, answer: Answer) -> None:
    with mock(answer) as server:
        error = client.failure(server.url, "list_plugins", timeout_s=0.1)
        assert (error.code, error.attempts, len(server.seen)) == ("client_timeout", 1, 1)


def test_a_call_with_more_time_than_the_client_has_gets_that_time(client: Client) -> None:
    def late(handler: object) -> None:
        over.wait(0.3)
        json_answer(ANSWER)(handler)  # type: ignore[arg-type]

    policy = {"deterministic_only": False, "timeout_ms": 30_000, "max_retries": 0}
    request = {"payload": ADA, "policy": policy}
    with mock(late) as server:
        over = server.over
        assert client.ask(server.url, "invoke", "hello", request, timeout_s=30) == ANSWER
        gateway: AbstractContextManager[PluginGateway] = PluginGateway(server.url, TOKEN, timeout_s=0.1)
        with gateway as own, nullcontext():
            assert own.invoke("hello", {"payload": ADA, "policy": policy})["status"] == "ok"  # type: ignore[typeddict-item]
            with pytest.raises(GatewayError, match="client_timeout"):
                own.invoke("hello", {"payload": ADA, "policy": policy}, timeout_s=0.1)  # type: ignore[typeddict-item]
