"""What Python code sees of clocks and of chance in a plugin declared deterministic."""

import ast

import pytest
from conftest import Start
from test_worker import program
from worker_process import OTHER_SEED, SEED, text

CHANCE = [
    "random.random()",
    "random.randbytes(8)",
    "random.Random().random()",
    "random.SystemRandom().random()",
    "os.urandom(8)",
    "os.getrandom(8)",
    "__import__('posix').urandom(8)",
    "secrets.token_hex(8)",
    "secrets.randbelow(10 ** 9)",
    "str(uuid.uuid4())",
    "str(uuid.uuid1())",
    "tempfile._get_candidate_names().__next__()",
    "(random.seed(), random.random())",
]
CLOCKS = {
    "time.time()": 0.0,
    "time.time_ns()": 0,
    "time.monotonic()": 0.0,
    "time.monotonic_ns()": 0,
    "time.perf_counter()": 0.0,
    "time.process_time_ns()": 0,
    "time.thread_time()": 0.0,
    "time.clock_gettime(time.CLOCK_REALTIME)": 0.0,
    "time.clock_gettime_ns(time.CLOCK_MONOTONIC)": 0,
    "time.gmtime()[:6]": (1970, 1, 1, 0, 0, 0),
    "time.strftime('%Y', time.gmtime())": "1970",
    "time.gmtime(86400)[:3]": (1970, 1, 2),
    "time.strftime('%Y-%m-%dT', time.gmtime(951782400))": "2000-02-29T",
    "datetime.datetime.now(datetime.timezone.utc).isoformat()": "1970-01-01T00:00:00+00:00",
    "datetime.datetime.utcnow().isoformat()": "1970-01-01T00:00:00",
    "datetime.datetime.now() == datetime.datetime.today()": True,
    "datetime.date.today() == datetime.datetime.now().date()": True,
    "hash('a') == hash(str(b'a', 'ascii'))": True,
}
USES = "import datetime, os, random, secrets, tempfile, time, uuid"


def seen(start: Start, expressions: list[str], seed: str = SEED, determinism: str = "deterministic") -> list[object]:
    worker = start(program(f"{USES}\nreturn Text(repr([{', '.join(expressions)}]))"))
    worker.load(determinism=determinism)
    frame = worker.call(text("x"), seed)
    assert frame["type"] == "result", frame
    values: list[object] = ast.literal_eval(frame["payload"]["content"])
    return values


def test_chance_follows_from_the_seed(start: Start) -> None:
    first, again, other = seen(start, CHANCE), seen(start, CHANCE), seen(start, CHANCE, OTHER_SEED)
    assert first == again
    assert [expression for expression, a, b in zip(CHANCE, first, other, strict=True) if a == b] == []


def test_clocks_stand_still(start: Start) -> None:
    assert dict(zip(CLOCKS, seen(start, list(CLOCKS)), strict=True)) == CLOCKS


def test_the_hash_seed_is_constant(start: Start) -> None:
    # CPython's for PYTHONHASHSEED=0 is the same in each run of one build: two interpreters agree.
    expressions = ["hash('omega')", "list({'one', 'two', 'three', 'four'})"]
    assert seen(start, expressions) == seen(start, expressions)


def test_what_is_drawn_while_importing_follows_from_the_first_seed(start: Start) -> None:
    source = f"""
        {USES}
        from omega_plugin import *
        DRAWN = [{", ".join(CHANCE)}, time.time(), datetime.datetime.now().timestamp()]
        @plugin
        def handle(text: Text) -> Text: return Text(repr(DRAWN))
    """

    def drawn(seed: str, of_call: str) -> str:
        worker = start(source)
        worker.load(determinism="deterministic", seed=seed)
        content = worker.call(text("x"), of_call)["payload"]["content"]
        assert isinstance(content, str)
        return content

    assert drawn(SEED, SEED) == drawn(SEED, OTHER_SEED)
    assert drawn(SEED, SEED) != drawn(OTHER_SEED, SEED)


def test_names_imported_from_the_modules_are_constant_too(start: Start) -> None:
    source = """
        from datetime import datetime
        from os import urandom
        from random import random
        from time import time
        from uuid import uuid4
        from omega_plugin import *
        @plugin
        def handle(text: Text) -> Text: return Text(repr((datetime.now().year, urandom(4), random(), time(), str(uuid4()))))
    """

    def once() -> object:
        worker = start(source)
        worker.load(determinism="deterministic")
        return worker.call(text("x"))

    assert once() == once()


@pytest.mark.parametrize(
    "expression",
    [
        "isinstance(datetime.datetime.now(), datetime.datetime)",
        "isinstance(datetime.datetime.now(), datetime.date)",
        "isinstance(datetime.datetime.fromisoformat('2020-01-01'), datetime.datetime)",
        "not isinstance(datetime.date.today(), datetime.datetime)",
        "issubclass(datetime.datetime, datetime.date)",
        "type(datetime.datetime.now() + datetime.timedelta(1)) is datetime.datetime",
        "type(datetime.datetime.strptime('2020', '%Y')) is datetime.datetime",
        "repr(datetime.datetime(2020, 1, 2)) == 'datetime.datetime(2020, 1, 2, 0, 0)'",
        "pickle.loads(pickle.dumps(datetime.datetime(2020, 1, 2))) == datetime.datetime(2020, 1, 2)",
        "copy.deepcopy(datetime.datetime(2020, 1, 2)) == datetime.datetime(2020, 1, 2)",
        "datetime.datetime.now(zoneinfo.ZoneInfo('UTC')).utcoffset() == datetime.timedelta(0)",
        "type('D', (datetime.datetime,), {})(2020, 1, 1).__class__.__name__ == 'D'",
        "not isinstance(datetime.datetime(2020, 1, 1), type('D', (datetime.datetime,), {}))",
    ],
)
def test_datetime_is_as_it_always_is(start: Start, expression: str) -> None:
    worker = start(program(f"import copy, datetime, pickle, zoneinfo\nreturn Text(str({expression}))"))
    worker.load(determinism="deterministic")
    assert worker.call(text("x"))["payload"]["content"] == "True"


@pytest.mark.parametrize(
    "wait",
    [
        "asyncio.run(asyncio.sleep(0.01))",
        "threading.Event().wait(0.01)",
        "with contextlib.suppress(queue.Empty): queue.Queue().get(timeout=0.01)",
        "with contextlib.suppress(asyncio.TimeoutError): asyncio.run(asyncio.wait_for(asyncio.sleep(1000), 0.01))",
    ],
)
def test_what_waits_comes_to_an_end(start: Start, wait: str) -> None:
    worker = start("import asyncio, contextlib, queue, threading\n" + program(f"{wait}\nreturn text"))
    worker.load(determinism="deterministic")
    assert worker.call(text("x"))["type"] == "result"


def test_a_probabilistic_plugin_has_chance_and_time(start: Start) -> None:
    chance = [expression for expression in CHANCE if "_node" not in expression]
    first, again = (seen(start, chance, determinism="probabilistic") for _ in range(2))
    assert [expression for expression, a, b in zip(chance, first, again, strict=True) if a == b] == []
    assert seen(
        start, ["time.time() > 1_700_000_000", "datetime.datetime.now().year > 2020"], determinism="probabilistic"
    ) == [True, True]


def test_an_extension_module_inherits_from_the_true_datetime(start: Start) -> None:
    """As pandas does, whose import never ended with the other one; here its initialisation is played by a name of a file."""
    asked = "eval(compile('datetime.datetime', '<frozen importlib._bootstrap>', 'eval'))"
    values = seen(
        start, [f"{asked} is datetime.datetime", f"{asked}.__mro__[1].__name__", "datetime.datetime.now().year"]
    )
    assert values == [False, "date", 1970]
