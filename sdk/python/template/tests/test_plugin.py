"""`python3 -m pytest` runs the plugin's function here, without a sandbox and without a gateway."""

from pathlib import Path

from omega_plugin.testing import Request, run
from plugin import handle

FOLDER = Path(__file__).parent.parent


def test_counts_words() -> None:
    report = run(handle, Request.text("one three two")).json()
    assert report == {"words": 3, "longest_word": "three"}


def test_declines_a_text_without_words() -> None:
    assert run(handle, Request.text(" \n")).refusal().code == "no_words"


def test_answers_its_example() -> None:
    assert run(handle, Request.from_file(FOLDER / "examples/sentence.json")).json()["words"] == 9
