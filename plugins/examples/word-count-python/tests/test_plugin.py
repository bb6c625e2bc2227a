"""The plugin's function, in this process."""

from pathlib import Path

from omega_plugin import __main__ as command
from omega_plugin.testing import Request, run
from plugin import handle

FOLDER = Path(__file__).parent.parent


def test_counts_words() -> None:
    report = run(handle, Request.text("b a b\u2003ccc a\ufeff\x1cd 東京都庁 b")).json()
    assert report == {
        "words": 7,
        "distinct": 5,
        "longest": "a\ufeff\x1cd",
        "frequent": [
            {"word": "b", "count": 3},
            *({"word": word, "count": 1} for word in ("a", "ccc", "a\ufeff\x1cd", "東京都庁")),
        ],
    }


def test_lists_five() -> None:
    report = run(handle, Request.text("a b c d e f f")).json()
    assert [each["word"] for each in report["frequent"]] == ["f", "a", "b", "c", "d"]


def test_declines_a_text_without_words() -> None:
    assert run(handle, Request.text(" \n\u3000")).refusal().code == "no_words"


def test_answers_its_example() -> None:
    assert run(handle, Request.from_file(FOLDER / "examples/sentence.json")).json()["words"] == 9


def test_the_schemas_are_those_of_the_types() -> None:
    assert command.main(["schemas", str(FOLDER), "--check"]) == 0
