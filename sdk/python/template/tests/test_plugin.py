"""`python3 -m pytest` runs the plugin's function here, without a sandbox and without a gateway; and the gate through a real one."""

from pathlib import Path

from omega_plugin.testing import ConformanceGate, Request, run
from plugin import handle

FOLDER = Path(__file__).parent.parent


def test_counts_words() -> None:
    report = run(handle, Request.text("one three two")).json()
    assert report == {"words": 3, "longest_word": "three"}


def test_declines_a_text_without_words() -> None:
    assert run(handle, Request.text(" \n")).refusal().code == "no_words"


def test_answers_its_example() -> None:
    assert run(handle, Request.from_file(FOLDER / "examples/sentence.json")).json()["words"] == 9


class TestConformance(ConformanceGate):
    """The ten checks of `omega plugins certify`, through a real gateway: needs `omega` on PATH, or in $OMEGA_BIN."""

    package = FOLDER
