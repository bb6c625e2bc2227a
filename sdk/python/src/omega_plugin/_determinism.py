"""What a plugin declared ``deterministic`` sees in place of the clock and of chance.

Python code then sees the same in each run: clocks stand at zero, and randomness follows from a seed. Native code can
still read the machine's clock, so the gateway compares runs as well; this module is a help to authors, no wall.
In a component, which has no clock of its own, they stand at the time of the request.
What never happens here: a change that outlives the process.

``threading``, ``queue`` and ``asyncio`` keep the true clock, which they hold already: with one that stands still their
timeouts would never pass. ``time.sleep`` sleeps.
"""

from __future__ import annotations

import datetime as _datetime
import os
import random
import sys
import time
import uuid
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType, SimpleNamespace
from typing import Any, Final

_TrueDatetime = _datetime.datetime
_gmtime, _localtime, _asctime, _ctime, _strftime = time.gmtime, time.localtime, time.asctime, time.ctime, time.strftime
_true_monotonic = time.monotonic
_REALTIME: Final = getattr(time, "CLOCK_REALTIME", 0)
_seed_random = random.Random.seed


class _LikeTheTrueOne(type):
    """Takes the datetimes that C code makes for instances, too."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _TrueDatetime) if cls is _Datetime else type.__instancecheck__(cls, instance)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, _TrueDatetime) if cls is _Datetime else type.__subclasscheck__(cls, subclass)


class _Datetime(_TrueDatetime, metaclass=_LikeTheTrueOne):
    """``datetime.datetime``, whose C code asks the system for the time itself."""

    __slots__ = ()

    @classmethod
    def now(cls, tz: _datetime.tzinfo | None = None) -> Any:
        return cls.fromtimestamp(_now(), tz)

    @classmethod
    def utcnow(cls) -> Any:
        return cls.fromtimestamp(_now(), _datetime.timezone.utc).replace(tzinfo=None)

    def __repr__(self) -> str:
        shown = super().__repr__()
        return f"datetime.{shown}" if type(self) is _Datetime else shown


# Pickled, and shown, as what they stand for.
_Datetime.__name__ = _Datetime.__qualname__ = "datetime"
_Datetime.__module__ = "datetime"


class _DatetimeModule(ModuleType):
    """``datetime``, which shows extension modules the true class.

    What inherits from it there (as pandas does) would hang with one that is made of Python.
    """

    @property
    def datetime(self) -> Any:
        # While an extension module is initialised, importlib's frame is the last of Python.
        asks = sys._getframe(1).f_code.co_filename  # noqa: SLF001 - no other way to know
        return _TrueDatetime if asks.startswith("<frozen importlib") else _Datetime


# Constant on purpose.
_bytes = random.Random(0)  # noqa: S311
_seeds = random.Random(0)  # noqa: S311
#: Where the clocks of the calendar stand, in nanoseconds since 1970.
_now_ns = 0


def apply(seed: bytes) -> None:
    """Make what Python code can see constant, before the program is imported."""
    _keep_the_true_clock()
    _datetime.__class__ = _DatetimeModule
    for module, names in _replacements():
        for name, replacement in names.items():
            if hasattr(module, name):
                setattr(module, name, replacement)
    reseed(seed)


def stand_at(now_ns: int) -> None:
    """Set the clocks of the calendar; those that measure stay at zero."""
    global _now_ns
    _now_ns = now_ns


def _now() -> float:
    return _now_ns / 1e9


def reseed(seed: bytes) -> None:
    """Start all randomness anew."""
    number = int.from_bytes(seed, "big")
    _seed_random(_bytes, number)
    _seed_random(_seeds, number ^ 1)
    random.seed(number ^ 2)


class _KeepsTheTrueClock:
    """Event loops reckon with ``time.monotonic`` of their module's ``time``: they get one that passes.

    A finder, because the warm parent leaves asyncio out: it costs 3 MB, and few plugins wait for anything.
    """

    MODULE: Final = "asyncio.base_events"

    def find_spec(self, name: str, path: Sequence[str] | None, _target: object = None) -> ModuleSpec | None:
        if name != self.MODULE:
            return None
        spec = PathFinder.find_spec(name, path)
        if spec is not None and spec.loader is not None:
            loader, execute = spec.loader, spec.loader.exec_module

            def executed(module: ModuleType) -> None:
                execute(module)
                self.give(module)

            loader.exec_module = executed  # type: ignore[method-assign]
        return spec

    @staticmethod
    def give(module: ModuleType) -> None:
        module.__dict__["time"] = SimpleNamespace(monotonic=_true_monotonic, get_clock_info=time.get_clock_info)


def _keep_the_true_clock() -> None:
    loops = sys.modules.get(_KeepsTheTrueClock.MODULE)
    if loops is not None:
        _KeepsTheTrueClock.give(loops)
    else:
        sys.meta_path.insert(0, _KeepsTheTrueClock())


def _replacements() -> list[tuple[object, dict[str, object]]]:
    clocks: dict[str, object] = dict.fromkeys(("monotonic", "perf_counter", "process_time", "thread_time"), lambda: 0.0)
    clocks |= {f"{name}_ns": (lambda: 0) for name in clocks}
    clocks |= {
        "time": _now,
        "time_ns": lambda: _now_ns,
        "clock_gettime": lambda clock: _now() if clock == _REALTIME else 0.0,
        "clock_gettime_ns": lambda clock: _now_ns if clock == _REALTIME else 0,
        "gmtime": lambda seconds=None: _gmtime(_now() if seconds is None else seconds),
        "localtime": lambda seconds=None: _localtime(_now() if seconds is None else seconds),
        "ctime": lambda seconds=None: _ctime(_now() if seconds is None else seconds),
        "asctime": lambda when=None: _asctime(_localtime(_now()) if when is None else when),
        "strftime": lambda form, when=None: _strftime(form, _localtime(_now()) if when is None else when),
    }
    chance: dict[str, object] = {"urandom": _urandom, "getrandom": lambda size, _flags=0: _urandom(size)}
    return [
        (time, clocks),
        (os, chance),
        (sys.modules.get("posix"), chance),
        (random.Random, {"seed": _seed}),
        # What `random` took from elsewhere when it was imported, and its own instance's method.
        (random, {"_urandom": _urandom, "seed": _seed_shared}),
        # No library call that reads the clock or the network card.
        (uuid, {"_generate_time_safe": None, "_UuidCreate": None, "_node": 0x02_00_00_00_00_01}),
    ]


def _urandom(size: int, /) -> bytes:
    return _bytes.randbytes(size)


def _seed_shared(a: Any = None, version: int = 2) -> None:
    """``random.seed``: of the instance that the module's functions share."""
    _seed(random.random.__self__, a, version)  # type: ignore[attr-defined]


def _seed(self: random.Random, a: Any = None, version: int = 2) -> None:
    """``random.Random.seed``: without a seed of the plugin's own, one of ours."""
    _seed_random(self, _seeds.getrandbits(256) if a is None else a, version)
