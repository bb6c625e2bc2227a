"""Questions to the gateway's brokers, log lines and progress, as they travel."""

import base64
from typing import Any

import pytest
from conftest import Start
from test_worker import program
from worker_process import Frame, Worker, call_frame, text

from omega_plugin import _worker

ARTIFACT = {"kind": "binary_ref", "artifact_id": "a-1", "artifact_hash": "0" * 64, "mime_type": "text/plain"}
SLICE = {"kind": "dataset_slice", "slice_ids": ["k"], "source": "prices", "filters": {}}


def served(worker: Worker, payload: Frame, answers: dict[str, Any]) -> tuple[Frame, list[Frame]]:
    """The call's last frame, and the questions; each is answered by its op."""
    worker.load()
    worker.send(call_frame(payload))
    asked: list[Frame] = []
    while (frame := worker.receive())["type"] == "ask":
        asked.append(frame)
        answer = answers[frame["op"]]
        value = answer(frame) if callable(answer) else answer
        worker.send({"type": "answer", "id": frame["id"], "value": value})
    return frame, asked


def test_an_artifact_is_read_piece_by_piece(start: Start) -> None:
    content = bytes(range(256)) * 4096 + b"end"

    def read(frame: Frame) -> str:
        return base64.b64encode(content[frame["offset"] :][: frame["length"]]).decode()

    body = "import hashlib\nreturn Text(hashlib.sha256(artifact.read_all(2_000_000)).hexdigest())"
    worker = start(program(body, "artifact: BinaryRef"))
    last, asked = served(worker, ARTIFACT, {"artifact_size": len(content), "artifact_read": read})
    import hashlib

    assert last["payload"]["content"] == hashlib.sha256(content).hexdigest()
    assert [frame["id"] for frame in asked] == list(range(1, len(asked) + 1))
    assert asked[0] == {"type": "ask", "id": 1, "op": "artifact_size", "artifact_id": "a-1"}
    assert asked[1].keys() == {"type", "id", "op", "artifact_id", "offset", "length"}


def test_a_question_about_more_than_a_mebibyte_is_made_smaller(start: Start) -> None:
    worker = start(program("return Text(str(len(artifact.read_at(5, 1 << 40))))", "artifact: BinaryRef"))
    last, asked = served(worker, ARTIFACT, {"artifact_read": ""})
    assert last["payload"]["content"] == "0"
    assert asked[0]["length"] == _worker.READ_BYTES_MAX


def test_an_artifact_that_is_too_long_is_declined_unread(start: Start) -> None:
    worker = start(program("return Text(artifact.read_text(10))", "artifact: BinaryRef"))
    last, asked = served(worker, ARTIFACT, {"artifact_size": 11})
    assert last == {
        "type": "declined",
        "code": "artifact_too_large",
        "message": "the artifact has 11 bytes, this plugin reads at most 10",
    }
    assert len(asked) == 1


def test_rows_come_page_by_page(start: Start) -> None:
    rows = [f'{{"n": {n}}}' for n in range(600)]

    def read(frame: Frame) -> list[str]:
        return rows[frame["first"] :][: frame["rows_max"]]

    body = "return Text(f'{slice.count()} {sum(row[\"n\"] for row in slice.rows())}')"
    last, asked = served(
        start(program(body, "slice: DatasetSlice")), SLICE, {"dataset_count": 600, "dataset_read": read}
    )
    assert last["payload"]["content"] == f"600 {sum(range(600))}"
    assert [frame.get("first") for frame in asked] == [None, 0, 256, 512, 600]


@pytest.mark.parametrize("kind", ["denied", "unknown", "hash_mismatch", "limit_exceeded", "failed"])
def test_a_brokers_no_declines_with_its_code_unless_it_is_caught(start: Start, kind: str) -> None:
    for body, expected in (
        ("return Text(str(artifact.size()))", ("declined", f"broker_{kind}")),
        ("try: artifact.size()\nexcept BrokerError as error: return Text(error.kind)", ("result", None)),
    ):
        worker = start(program(body, "artifact: BinaryRef"))
        worker.load()
        worker.send(call_frame(ARTIFACT))
        worker.send({"type": "refusal", "id": worker.receive()["id"], "kind": kind, "message": "no"})
        last = worker.receive()
        assert (last["type"], last.get("code")) == expected


@pytest.mark.parametrize(
    "answer",
    [
        {"type": "answer", "id": 2, "value": 1},
        {"type": "answer", "id": 1},
        {"type": "answer", "id": 1, "value": 1, "more": 1},
        {"type": "refusal", "id": 1, "kind": "denied"},
        {"type": "call", "id": 1},
        [],
    ],
)
def test_nonsense_instead_of_an_answer_ends_the_worker(start: Start, answer: object) -> None:
    worker = start(
        program("try: artifact.size()\nexcept BaseException: pass\nreturn Text('went on')", "artifact: BinaryRef")
    )
    worker.load()
    worker.send(call_frame(ARTIFACT))
    worker.receive()
    worker.send(answer)
    assert worker.receive_bytes() is None
    assert worker.exit_status() == _worker.EXIT_PROTOCOL


def test_a_gateway_that_goes_during_a_question_ends_the_worker(start: Start) -> None:
    worker = start(program("try: artifact.size()\nexcept BaseException: pass\nwhile True: pass", "artifact: BinaryRef"))
    worker.load()
    worker.send(call_frame(ARTIFACT))
    worker.receive()
    worker.stream.close()
    assert worker.exit_status() == _worker.EXIT_STREAM


def test_threads_ask_one_after_the_other(start: Start) -> None:
    body = """
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor(8) as pool: sizes = list(pool.map(lambda n: artifact.read_at(n, 1), range(200)))
        return Text(str(sizes == [b"%d" % n for n in range(200)]))
    """

    def read(frame: Frame) -> str:
        return base64.b64encode(b"%d" % frame["offset"]).decode()

    last, asked = served(start(program(body, "artifact: BinaryRef")), ARTIFACT, {"artifact_read": read})
    assert last["payload"]["content"] == "True"
    assert [frame["id"] for frame in asked] == list(range(1, 201))


def test_while_the_program_is_imported_no_broker_answers(start: Start) -> None:
    source = """
        from omega_plugin import *
        log.info("dropped")
        try: BinaryRef("a", "0" * 64, "text/plain").size()
        except BrokerError as error: said = error.message
        @plugin
        def handle(text: Text) -> Text: return Text(said)
    """
    worker = start(source)
    worker.load()
    assert "a broker answers during a call" in worker.call(text("x"))["payload"]["content"]


def test_log_lines_travel_in_order_and_are_cut(start: Start) -> None:
    body = "log.debug('a')\nlog.info(7)\nlog.warn('é' * 10_000)\nlog.error(chr(0xd800))\nreturn text"
    worker = start(program(body))
    worker.load()
    worker.send(call_frame(text("x")))
    lines = [worker.receive() for _ in range(4)]
    assert [line["level"] for line in lines] == ["debug", "info", "warn", "error"]
    assert lines[0] == {"type": "log", "level": "debug", "message": "a"}
    assert lines[1]["message"] == "7"
    assert lines[2]["message"] == "é" * 4096
    assert lines[3]["message"] == "\\ud800"
    assert worker.receive()["type"] == "result"


def test_progress_is_between_nothing_and_all(start: Start) -> None:
    body = "for done in (0.25, -1, 7, float('nan'), 1): progress(done, 'x' * 2000)\nreturn text"
    worker = start(program(body))
    worker.load()
    worker.send(call_frame(text("x")))
    frames = [worker.receive() for _ in range(5)]
    assert [frame["done"] for frame in frames] == [0.25, 0.0, 1.0, 0.0, 1.0]
    assert {len(frame["message"]) for frame in frames} == {_worker.PROGRESS_BYTES_MAX}
