"""What is asked again, and what never is."""

from __future__ import annotations

import json
from contextlib import ExitStack
from email.utils import formatdate

import pytest
from mock_server import ANSWER, Answer, Client, Mock, hang_up, json_answer, mock, problem

from omega_gateway import Retry, text_payload

ADA = text_payload("Ada")
POLICY = {"strategy": "sequential", "plugin_ids": ["hello"], "timeout_ms": 1000, "stop_on_failure": True}

#: What each way of failing means to what reads, to calls, and to what changes something: how often it is asked, where
#: two repetitions are allowed.
TABLE: list[tuple[str, Answer, dict[str, int]]] = [
    ("429, later", problem(429, "overloaded", retry_after="0"), {"reads": 3, "calls": 3, "changes": 1}),
    ("503, later", problem(503, "server_stopping", retry_after="0"), {"reads": 3, "calls": 3, "changes": 1}),
    ("429", problem(429, "overloaded"), {"reads": 3, "calls": 1, "changes": 1}),
    ("503", problem(503, "ledger_unavailable"), {"reads": 3, "calls": 1, "changes": 1}),
    ("lost", hang_up, {"reads": 3, "calls": 1, "changes": 1}),
    ("504", problem(504, "timeout"), {"reads": 1, "calls": 1, "changes": 1}),
    ("500", problem(500, "io", retry_after="0"), {"reads": 1, "calls": 1, "changes": 1}),
    ("422", problem(422, "payload_schema_mismatch", retry_after="0"), {"reads": 1, "calls": 1, "changes": 1}),
]
OPERATIONS: list[tuple[str, str, tuple[object, ...]]] = [
    ("reads", "list_plugins", ()),
    ("reads", "validate_manifest", ("{}",)),
    ("reads", "get_run", ("r",)),
    ("reads", "put_artifact", (b"1",)),
    ("calls", "invoke", ("hello", ADA)),
    ("calls", "invoke_pipeline", (POLICY, ADA)),
    ("changes", "register_plugin", (b"1",)),
    ("changes", "enable_plugin", ("hello",)),
    ("changes", "disable_plugin", ("hello",)),
    ("changes", "export_proof", ("r",)),
]


@pytest.mark.parametrize(("answer", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_what_is_asked_again(client: Client, answer: Answer, expected: dict[str, int]) -> None:
    for kind, operation, words in OPERATIONS:
        with mock(answer) as server:
            error = client.failure(server.url, operation, *words)
            assert (operation, len(server.seen), error.attempts) == (operation, expected[kind], expected[kind])


def test_a_call_that_is_sent_again_bears_the_same_ids_so_that_it_cannot_run_twice(client: Client) -> None:
    with mock(problem(429, "overloaded", retry_after="0"), json_answer(ANSWER)) as server:
        assert client.ask(server.url, "invoke", "hello", ADA) == ANSWER
        first, second = (json.loads(seen.body) for seen in server.seen)
        assert first == second
        assert first["request_id"] != first["run_id"]
        client.ask(server.url, "invoke", "hello", ADA)
        assert json.loads(server.seen[2].body)["run_id"] != first["run_id"]


def test_ids_of_the_callers_own_are_kept_also_in_the_error(client: Client) -> None:
    request = {"payload": ADA, "request_id": "mine", "run_id": "our-run"}
    with mock(problem(429, "overloaded", retry_after="0"), problem(409, "duplicate_request")) as server:
        error = client.failure(server.url, "invoke", "hello", request)
        assert (error.code, error.attempts, error.request_id, error.run_id) == (
            "duplicate_request",
            2,
            "mine",
            "our-run",
        )
        assert all(json.loads(seen.body)["run_id"] == "our-run" for seen in server.seen)
    assert request == {"payload": ADA, "request_id": "mine", "run_id": "our-run"}


def test_what_nothing_was_sent_of_is_sent_again_whatever_it_is(client: Client) -> None:
    with mock(json_answer({})) as taken:
        pass
    port = int(taken.url.rpartition(":")[2])
    with ExitStack() as stack:
        up: list[Mock] = []

        def start(retry: Retry) -> None:
            assert retry.error.code == "connection_refused"
            up.append(stack.enter_context(mock(json_answer({}), port=port)))

        client.ask(taken.url, "register_plugin", b"1", on_retry=start)
        assert len(up[0].seen) == 1


def test_a_server_that_is_not_there_is_said_to_be_so_after_the_last_try(client: Client) -> None:
    with mock(json_answer({})) as server:
        pass
    error = client.failure(server.url, "enable_plugin", "hello", retries=1)
    assert (error.code, error.attempts, error.status, len(client.retries)) == ("connection_refused", 2, None, 1)


def test_nobody_waits_longer_for_another_try_than_there_is_time(client: Client) -> None:
    with mock(problem(429, "circuit_open", retry_after="3600")) as server:
        error = client.failure(server.url, "invoke", "hello", ADA)
    assert (error.code, error.retry_after_s, error.attempts, client.retries) == ("circuit_open", 3600, 1, [])


def test_a_date_in_retry_after_is_read(client: Client) -> None:
    with mock(problem(429, "overloaded", retry_after=formatdate(0, usegmt=True)), json_answer(ANSWER)) as server:
        client.ask(server.url, "invoke", "hello", ADA)
        assert len(server.seen) == 2


def test_without_repetitions_nothing_is_asked_twice(client: Client) -> None:
    with mock(problem(429, "overloaded", retry_after="0")) as server:
        client.failure(server.url, "list_plugins", retries=0)
        assert len(server.seen) == 1
