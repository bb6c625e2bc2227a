"""The event stream: none left out, none twice."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest
from mock_server import TOKEN, Answer, Client, hang_up, json_answer, mock, problem, stream

from omega_gateway import AsyncPluginGateway, FollowOptions, GatewayError

if TYPE_CHECKING:
    from collections.abc import Sequence

LINES = ["id: 3", "event: INVOKE", 'data: {"kind":"INVOKE",', 'data: "run_id":"a\u2028b é"}', "", ""]


def event(index: int) -> str:
    return f'id: {index}\nevent: RESULT\ndata: {{"kind":"RESULT"}}\n\n'


def indexes(placed: Sequence[object]) -> list[object]:
    return [one["index"] for one in placed if isinstance(one, dict)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("size", [1, 2, 7, 1_000])
def test_an_event_is_read_in_pieces_of_any_size(client: Client, size: int, end: str) -> None:
    data = f"\ufeff:\n\nretry: 0{end}{end}{end.join(LINES)}{event(4)}".encode()
    with mock(stream(data, piece=size)) as server:
        first, second = client.take(server.url, 2, from_index=0)
        assert first == {"index": 3, "event": {"kind": "INVOKE", "run_id": "a\u2028b é"}}
        assert indexes([second]) == [4]


def test_a_stream_that_ends_is_taken_up_where_it_ended(client: Client) -> None:
    with mock(
        stream(f"retry: 0\n\n{event(5)}{event(6)}"),
        # What a server that begins too early sends again is passed over; half an event is none.
        stream(f"retry: 0\n\n{event(6)}{event(7)}id: 8\ndata: {{"),
        hang_up,
        problem(503, "server_stopping", retry_after="0"),
        stream(event(8)),
    ) as server:
        taken = client.take(server.url, 4, from_index=5, run="r", plugin="hello", kinds=["RESULT"])
        assert indexes(taken) == [5, 6, 7, 8]
        assert [seen.headers.get("last-event-id") for seen in server.seen] == [None, "6", "7", "7", "7"]
        assert {seen.path for seen in server.seen} == {"/v1/events?run=r&plugin=hello&kind=RESULT&from=5"}


def test_without_an_index_it_begins_where_the_ledger_ends_also_where_it_breaks_early(client: Client) -> None:
    newest = json_answer({"events": [{"index": 41, "event": {}}], "next": None})
    with mock(newest, stream("retry: 0\n\n"), stream(event(42))) as server:
        assert indexes(client.take(server.url, 1)) == [42]
        assert [seen.path for seen in server.seen] == [
            "/v1/ledger/events?order=desc&limit=1",
            "/v1/events?from=42",
            "/v1/events?from=42",
        ]


def test_a_server_that_says_nothing_for_too_long_is_left_and_asked_again(client: Client) -> None:
    with mock(stream(event(0), stays=True), stream(event(1))) as server:
        assert indexes(client.take(server.url, 2, from_index=0, options=FollowOptions(idle_s=0.1))) == [0, 1]
        assert server.seen[1].headers["last-event-id"] == "0"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (problem(403, "scope_denied"), "scope_denied"),
        (problem(410, "events_archived"), "events_archived"),
        (json_answer({}), "answer_unexpected"),
        (stream("data: {}\n\n"), "answer_unexpected"),
        (stream("id: 1\ndata: {\n\n"), "answer_unexpected"),
        (stream("id: 99999999999999999\ndata: {}\n\n"), "answer_unexpected"),
    ],
)
def test_what_no_other_connection_will_mend_is_said_at_once(client: Client, answer: Answer, code: str) -> None:
    with mock(answer) as server:
        with pytest.raises(GatewayError, match=code):
            client.take(server.url, 1, from_index=0)
        assert len(server.seen) == 1


def test_a_server_that_does_not_come_back_is_given_up_after_so_many_tries(client: Client) -> None:
    with mock(hang_up) as server:
        with pytest.raises(GatewayError, match="connection_lost"):
            client.take(server.url, 1, from_index=0, options=FollowOptions(reconnects=2))
        assert len(server.seen) == 3


def test_a_task_that_is_cancelled_ends_the_stream() -> None:
    async def read(url: str) -> None:
        async with AsyncPluginGateway(url, TOKEN) as gateway, aclosing(gateway.events(from_index=0)) as events:
            first = await anext(events)
            assert first["index"] == 0
            waiting = asyncio.ensure_future(anext(events))
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting

    with mock(stream(event(0), stays=True)) as server:
        asyncio.run(read(server.url))
        assert len(server.seen) == 1
