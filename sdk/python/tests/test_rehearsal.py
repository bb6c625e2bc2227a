"""What the warm parent does ahead of its workers, and what it must not leave behind."""

import json
import sys
from pathlib import Path

import pytest
from test_preload import said_by
from worker_process import SOURCES

from omega_plugin import _host, _rehearsal, _worker

STATE = """
from omega_plugin import _host, _preload, _rehearsal
_preload.preload()
def state():
    return sorted(sys.modules), sys.argv, sys.path_importer_cache.keys() - set(sys.path), type(_host.host()).__name__
before = state()
"""


def test_a_rehearsal_succeeds_and_leaves_nothing_but_the_paths(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("raise SystemExit('plugin code ran in the parent')")
    (tmp_path / "sitecustomize.py").write_text("raise SystemExit('plugin code ran in the parent')")
    folders = f"plugin_folder={str(tmp_path)!r}, environment='/none', sdk={str(SOURCES)!r}"
    lines = said_by(
        f"{STATE}done = _rehearsal.rehearse({folders})\nprint(done)\nprint(state() == before)\n"
        "import json; print(json.dumps([sys.path[0], sys.path[-1], list(sys.path_importer_cache)]))"
    )
    assert lines[:2] == ["True", "True"]
    first, last, known = json.loads(lines[2])
    assert (first, last) == (str(tmp_path), str(SOURCES))
    # What is in the plugin's folder has been looked up, and is not looked up by each worker again.
    assert str(tmp_path) in known


def test_a_rehearsal_specialises_what_workers_run() -> None:
    program = """
import dis
def specialised():
    code = dis.get_instructions(_rehearsal._worker.serve, adaptive=True)
    generic = {name for name in (*dis.opmap, *getattr(dis, "_all_opname", ())) if name in dis.opmap or "ADAPTIVE" in name}
    return sum(instruction.opname not in generic for instruction in code)
if sys.version_info < (3, 11):
    # Which specialises nothing.
    specialised = lambda: 0
before = specialised()
_rehearsal.rehearse(plugin_folder="", environment="")
print(before, specialised())
"""
    [said] = said_by(STATE + program)
    before, after = map(int, said.split())
    assert before == 0
    assert (after > 0) == (sys.version_info >= (3, 11))


def test_a_rehearsal_that_fails_is_told_and_changes_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> int:
        raise RuntimeError

    monkeypatch.setattr(_worker, "serve", broken)
    monkeypatch.setattr("sys.path", ["/standard"])
    host = _host.host()
    assert not _rehearsal.rehearse(plugin_folder="/plugin", environment="/none", sdk="/omega")
    assert sys.path == ["/plugin", "/standard", "/omega"]
    assert _host.host() is host


def test_an_entry_that_was_made_ahead_is_the_module_that_an_import_gives(tmp_path: Path) -> None:
    (tmp_path / "entry.py").write_text(
        "# -*- coding: latin-1 -*-\nimport sibling\nruns = sibling.count()\nword = '\xe9'\n", encoding="latin-1"
    )
    (tmp_path / "sibling.py").write_text("def count():\n    import entry\n    return getattr(entry, 'runs', 0) + 1\n")
    (tmp_path / "json.py").write_text("raise SystemExit('it stands in the place of the standard library')")
    (tmp_path / "not-a-name.py").write_text("")
    folders = f"plugin_folder={str(tmp_path)!r}, environment='/none', sdk={str(SOURCES)!r}"
    facts = "[module.__name__, module.__file__, module.__spec__.origin, module.runs, module.word, module.__package__]"
    program = (
        "from omega_plugin import _worker\nimport json\n"
        f"module = _worker._import({str(tmp_path)!r}, 'entry.py')\n"
        f"import entry\nprint(json.dumps([entry is module, module.__builtins__ is not None, *{facts}]))"
    )
    ahead, imported = (
        said_by(
            f"{STATE}_rehearsal.rehearse({folders})\nmade = sorted(_rehearsal._worker._made)\n{program}\nprint(*made)"
        ),
        said_by(f"{STATE}sys.path.insert(0, {str(tmp_path)!r})\n{program}"),
    )
    assert ahead[-1] == "entry sibling"
    assert ahead[0] == imported[0]
    assert json.loads(ahead[0])[:2] == [True, True]
    assert json.loads(ahead[0])[2:] == ["entry", *[str(tmp_path / "entry.py")] * 2, 1, "é", ""]


def test_what_an_entry_puts_in_its_own_place_counts(tmp_path: Path) -> None:
    (tmp_path / "entry.py").write_text("import sys\nclass Other:\n    word = 'other'\nsys.modules[__name__] = Other\n")
    folders = f"plugin_folder={str(tmp_path)!r}, environment='/none', sdk={str(SOURCES)!r}"
    find = f"print(_rehearsal._worker._import({str(tmp_path)!r}, 'entry.py').word)"
    assert said_by(f"{STATE}_rehearsal.rehearse({folders})\n{find}") == ["other"]
