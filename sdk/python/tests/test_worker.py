"""The loop in a worker: loading, answering, failing, and what it makes of a gateway that says nonsense."""

import json
from pathlib import Path

import pytest
from conftest import Start
from worker_process import call_frame, load_frame, text

from omega_plugin import _worker

SHOUT = """
    from omega_plugin import Text, plugin

    @plugin
    def handle(text: Text) -> Text:
        return Text(text.content.upper(), text.metadata)
"""


def program(body: str, takes: str = "text: Text", gives: str = "Text") -> str:
    """A plugin with this body."""
    lines = "\n".join(f"    {line.strip()}" if line.strip() else "" for line in body.strip().splitlines())
    return f"from omega_plugin import *\n\n@plugin\ndef handle({takes}) -> {gives}:\n{lines}\n"


def failing(start: Start, body: str) -> dict[str, str]:
    """How a plugin with this body fails."""
    worker = start(program(body))
    worker.load()
    frame = worker.call(text("x"))
    assert frame["type"] == "failed", frame
    assert frame.keys() == {"type", "error"}
    assert frame["error"].keys() == {"kind", "message", "traceback"}
    assert worker.exit_status() == 0
    error: dict[str, str] = frame["error"]
    return error


def test_a_call_is_answered_and_the_process_ends(start: Start) -> None:
    worker = start(SHOUT)
    worker.load()
    assert worker.call(text("café")) == {"type": "result", "payload": text("CAFÉ"), "notes": ""}
    assert worker.receive_bytes() is None
    assert worker.exit_status() == 0


def test_the_answer_travels_compactly_and_as_utf_8(start: Start) -> None:
    worker = start(SHOUT)
    worker.load()
    worker.send(call_frame(text("é\U0001f600")))
    expected = '{"type":"result","payload":{"kind":"text","content":"É\U0001f600","encoding":"utf-8","metadata":{}},"notes":""}'
    assert worker.receive_bytes() == expected.encode()


def test_a_frame_of_megabytes_passes_in_both_directions(start: Start) -> None:
    worker = start(SHOUT)
    worker.load()
    frame = worker.call(text("ab" * 4_000_000))
    assert frame["payload"]["content"] == "AB" * 4_000_000


def test_the_call_shows_its_circumstances(start: Start) -> None:
    takes = "text: Text, call: Call"
    worker = start(
        program(
            "return Reply(text, f'{call.request_id} {call.run_id} {call.timestamp} {call.context}')",
            takes,
            "Reply[Text]",
        )
    )
    worker.load()
    assert worker.call(text("x"))["notes"] == "r-1 run-1 2026-01-01T00:00:00Z {'tone': 'dry'}"


def test_a_program_sees_its_package_the_sdk_and_its_environment_in_this_order(start: Start, tmp_path: Path) -> None:
    environment = tmp_path / "env"
    environment.mkdir()
    for name in ("helper", "dependency"):
        (environment / f"{name}.py").write_text(f"WHERE = '{name} of the environment'")
    body = "import dependency, helper, sys\nreturn Text(dependency.WHERE + ', ' + helper.WHERE + ' ' + str(sys.path))"
    worker = start(program(body), environment, helper="WHERE = 'helper of the package'")
    worker.load(has_environment=True)
    content = worker.call(text("x"))["payload"]["content"]
    assert content.startswith("dependency of the environment, helper of the package ")
    paths = eval(content[content.index("[") :])  # noqa: S307 - a list of strings
    assert paths[0] == str(tmp_path / "package")
    assert paths[-2:] == [str(Path(_worker.__file__).parent.parent), str(environment)]


def test_without_an_environment_none_is_looked_at(start: Start, tmp_path: Path) -> None:
    environment = tmp_path / "env"
    environment.mkdir()
    (environment / "dependency.py").write_text("")
    worker = start("import dependency", environment)
    worker.send(load_frame(has_environment=False))
    assert worker.receive()["error"]["kind"] == "ModuleNotFoundError"


@pytest.mark.parametrize("entry", ["plugin.py", "code/main.py", "json.py", "my-plugin.py", "omega_plugin.py"])
def test_an_entry_may_have_any_name(start: Start, tmp_path: Path, entry: str) -> None:
    worker = start("")
    file = tmp_path / "package" / entry
    file.parent.mkdir(exist_ok=True)
    file.write_text("import json\n" + program("return Text(json.dumps([__name__ in globals()]))"))
    worker.load(entry=entry)
    assert worker.call(text("x"))["type"] == "result"


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        ("raise ValueError('no table')", "ValueError", "no table"),
        ("import no_such_module", "ModuleNotFoundError", "No module named 'no_such_module'"),
        ("def handle(:", "SyntaxError", "invalid syntax"),
        ("import sys; sys.exit(3)", "SystemExit", "the plugin ended the interpreter with code 3"),
        ("other = 1", "AttributeError", "plugin.py has no 'handle'"),
        ("def handle(text): return text", "TypeError", "write `@plugin` above the function"),
        (
            "from omega_plugin import *\n@plugin\ndef handle(number: int) -> Text: ...",
            "TypeError",
            "<class 'int'> is not a payload",
        ),
        ("from omega_plugin import *\n@plugin\ndef handle(text): ...", "TypeError", "say what handle takes"),
        ("from omega_plugin import *\n@plugin\ndef handle(text: Txt): ...", "NameError", "name 'Txt' is not defined"),
        (
            "from omega_plugin import *\n@plugin\ndef handle(data: Json[set[str]]) -> Text: ...",
            "TypeError",
            "set[str] has no JSON",
        ),
    ],
)
def test_what_cannot_be_loaded_says_why(start: Start, source: str, kind: str, message: str) -> None:
    worker = start(source)
    worker.send(load_frame())
    frame = worker.receive()
    assert frame["type"] == "load_failed"
    assert frame["error"]["kind"] == kind
    assert message in frame["error"]["message"]
    assert worker.receive_bytes() is None
    assert worker.exit_status() == 0


def test_a_refusal_declines(start: Start) -> None:
    worker = start(program("raise Refusal('empty', 'there are no words')"))
    worker.load()
    assert worker.call(text("")) == {"type": "declined", "code": "empty", "message": "there are no words"}
    assert worker.exit_status() == 0


def test_another_kind_of_payload_is_declined(start: Start) -> None:
    worker = start(SHOUT)
    worker.load()
    frame = worker.call({"kind": "json", "data": {}, "schema_ref": "omega:a:input:b:v1.0.0"})
    assert frame == {"type": "declined", "code": "wrong_payload_kind", "message": "this plugin reads text, not json"}


def test_an_exception_names_its_type_its_message_and_the_authors_lines(start: Start) -> None:
    error = failing(start, "words = text.content.split()\nreturn Text(words[7])")
    assert (error["kind"], error["message"]) == ("IndexError", "list index out of range")
    assert "return Text(words[7])" in error["traceback"]
    # Nothing about the SDK between the author and the fault.
    assert "omega_plugin" not in error["traceback"].replace("from omega_plugin import", "")


def test_an_exception_of_the_plugins_own_is_named_with_its_module(start: Start) -> None:
    worker = start(
        "from omega_plugin import *\nclass Odd(Exception): ...\n@plugin\ndef handle(t: Text) -> Text: raise Odd('x')"
    )
    worker.load()
    assert worker.call(text("x"))["error"]["kind"] == "plugin.Odd"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("raise SystemExit(0)", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise GeneratorExit", "GeneratorExit"),
        ("def down(): down()\ndown()", "RecursionError"),
        ("return 7", "TypeError"),
        ("return None", "TypeError"),
        ("return Reply(text, 7)", "TypeError"),
        ("return Json({'a': 1})", "ValueError"),
        ("return Json({'a': float('nan')}, 's')", "ValueError"),
        ("return Json({'a': {1, 2}}, 's')", "TypeError"),
        ("a = {}\na['a'] = a\nreturn Json(a, 's')", "ValueError"),
        ("a = []\nfor _ in range(100_000): a = [a]\nreturn Json({'a': a}, 's')", "RecursionError"),
        ("return Text(chr(0xd800))", "UnicodeEncodeError"),
        ("return Reply(text, chr(0xdfff))", "UnicodeEncodeError"),
        ("raise MemoryError", "MemoryError"),
        ("raise Refusal(7, 'x')", "TypeError"),
        ("error = Refusal('a', 'b')\ndel error.code\nraise error", "AttributeError"),
    ],
)
def test_whatever_a_plugin_does_wrong_is_told(start: Start, body: str, kind: str) -> None:
    assert failing(start, body)["kind"] == kind


def test_a_lone_surrogate_is_named(start: Start) -> None:
    assert failing(start, "return Text(chr(0xd83d))")["message"] == (
        "the answer is not text: it holds the lone surrogate '\\ud83d'"
    )


def test_what_an_exception_says_is_bounded_and_text(start: Start) -> None:
    error = failing(start, "raise ValueError(chr(0xd800) + 'é' * 10_000_000)")
    assert error["message"].startswith("\\ud800é")
    assert 2_000 < len(error["message"].encode()) <= _worker.MESSAGE_BYTES_MAX
    assert len(error["traceback"].encode()) <= _worker.TRACEBACK_BYTES_MAX


def test_an_exception_that_cannot_be_shown_is_told_all_the_same(start: Start) -> None:
    body = """
        def down(self): raise SystemExit
        raise type("Odd" + "\xe9" * 10_000, (Exception,), {"__str__": down, "__repr__": down})
    """
    error = failing(start, body)
    assert error["kind"].startswith("plugin.Oddééé")
    assert len(error["kind"].encode()) <= _worker.NAME_BYTES_MAX
    assert error["message"] == "its message cannot be shown: SystemExit"


def test_exceptions_made_up_to_confuse_the_loop_are_told(start: Start) -> None:
    assert failing(start, "raise UnicodeEncodeError('x', 'ab', 7, 8, 'surrogates not allowed')")["message"] == (
        "its message cannot be shown: IndexError"
    )
    body = """
        class Meta(type): __getattribute__ = lambda cls, name: 1 / 0
        raise Meta("Odd", (Exception,), {})()
    """
    assert failing(start, body)["message"] == "it cannot be described"


@pytest.mark.parametrize("scope", ["", "global hoard"])
def test_memory_that_is_used_up_is_told(start: Start, scope: str) -> None:
    body = f"""
        {scope}
        import resource
        used = resource.getpagesize() * int(open("/proc/self/statm").read().split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (used + (32 << 20), used + (32 << 20)))
        hoard = []
        while True: hoard.append("x" * 4096 + str(len(hoard)))
    """
    error = failing(start, body)
    assert error["kind"] == "MemoryError"
    # Even where the plugin keeps all that it has: there is a reserve to tell it from.
    assert "while True: hoard.append" in error["traceback"]


def test_what_a_plugin_prints_is_there_when_the_answer_is(start: Start) -> None:
    worker = start(program("import sys\nprint('out', end='')\nsys.stderr.write('err')\nreturn text"))
    worker.load()
    assert worker.call(text("x"))["type"] == "result"
    assert worker.stdout() == "out"
    assert worker.stderr() == "err"


def test_prints_before_a_crash_are_there(start: Start) -> None:
    worker = start(program("import os, signal\nprint('so far')\nos.kill(os.getpid(), signal.SIGKILL)\nreturn text"))
    worker.load()
    worker.send(call_frame(text("x")))
    assert worker.receive_bytes() is None
    assert worker.stdout() == "so far\n"
    assert worker.exit_status() == -9


@pytest.mark.parametrize("stand_in", ["None", "object()", "__import__('types').SimpleNamespace(flush=lambda: 1 / 0)"])
def test_an_output_of_the_plugins_own_does_not_keep_the_answer_back(start: Start, stand_in: str) -> None:
    worker = start(program(f"import sys\nsys.stdout = sys.stderr = {stand_in}\nreturn text"))
    worker.load()
    assert worker.call(text("x"))["type"] == "result"


def test_threads_that_still_run_do_not_matter(start: Start) -> None:
    body = """
        import atexit, threading, time
        atexit.register(print, "too late")
        threading.Thread(target=lambda: [log.info("more") for _ in iter(int, 1)]).start()
        threading.Thread(target=time.sleep, args=(1000,)).start()
        return text
    """
    worker = start(program(body))
    worker.load()
    assert worker.call(text("x"))["type"] == "result"
    assert worker.receive_bytes() is None
    assert worker.exit_status() == 0
    assert worker.stdout() == ""


def test_a_plugin_may_end_its_process_itself(start: Start) -> None:
    worker = start(program("import os\nos._exit(7)\nreturn text"))
    worker.load()
    worker.send(call_frame(text("x")))
    assert worker.receive_bytes() is None
    assert worker.exit_status() == 7


def test_a_gateway_that_goes_before_the_call_is_no_fault(start: Start) -> None:
    for is_loaded in (False, True):
        worker = start(SHOUT)
        if is_loaded:
            worker.load()
        worker.stream.close()
        assert worker.exit_status() == _worker.EXIT_DONE


@pytest.mark.parametrize(
    "said",
    [
        b"\0",
        b"\0\0\0\0",
        b"\xff\xff\xff\xff",
        (80 * 1024 * 1024 + 1).to_bytes(4, "big"),
        b"\0\0\0\x05[]",
        b"\0\0\0\x02[]",
        b"\0\0\0\x02{]",
        b"\0\0\0\x01\xff",
        b"\0\0\x40\0" + b"[" * 0x4000,
        *(
            len(body).to_bytes(4, "big") + body
            for body in (
                json.dumps(frame).encode()
                for frame in (
                    {},
                    {"type": "load"},
                    {**load_frame(), "more": 1},
                    load_frame(type="call"),
                    {name: value for name, value in load_frame().items() if name != "seed"},
                    call_frame(text("x")),
                )
            )
        ),
    ],
)
def test_nonsense_ends_the_worker_before_anything_is_imported(start: Start, said: bytes) -> None:
    worker = start("print('imported')")
    worker.send_bytes(said)
    worker.stream.shutdown(1)
    assert worker.receive_bytes() is None
    assert worker.exit_status() == _worker.EXIT_PROTOCOL
    assert worker.stdout() == ""
    assert worker.stderr() == ""


@pytest.mark.parametrize("length", [0, 80 * 1024 * 1024 + 1, 0xFFFF_FFFF])
def test_a_length_that_no_frame_has_ends_the_worker_at_once(start: Start, length: int) -> None:
    worker = start(SHOUT)
    worker.send_bytes(length.to_bytes(4, "big"))
    # The stream stays open: a worker that waited for so many bytes would wait for ever.
    assert worker.exit_status() == _worker.EXIT_PROTOCOL


def test_an_announced_length_costs_no_memory(start: Start) -> None:
    # All that is announced but the last byte never comes: the worker waits with what it has, and its memory is small.
    worker = start(SHOUT)
    worker.send_bytes((80 * 1024 * 1024).to_bytes(4, "big") + b"x")
    worker.stream.close()
    assert worker.exit_status() == _worker.EXIT_PROTOCOL


@pytest.mark.parametrize(
    "frame",
    [
        load_frame(),
        {"type": "call"},
        {**call_frame(text("x")), "more": 1},
        call_frame(text("x"), more="x"),
        {**call_frame(text("x")), "request": []},
    ],
)
def test_another_frame_than_a_call_ends_the_worker_without_one(start: Start, frame: object) -> None:
    worker = start(program("print('called')\nreturn text"))
    worker.load()
    worker.send(frame)
    assert worker.receive_bytes() is None
    assert worker.exit_status() == _worker.EXIT_PROTOCOL
    assert worker.stdout() == ""
