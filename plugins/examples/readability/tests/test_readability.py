"""The plugin's function, in this process; and the gate, through a real gateway."""

import json
import math
from pathlib import Path

import pytest

from omega_plugin import __main__ as command
from omega_plugin.testing import ConformanceGate, Request, run
from plugin import count_syllables, handle, split_sentences

FOLDER = Path(__file__).parent.parent


def test_a_text_that_can_be_reckoned_by_hand() -> None:
    report = run(handle, Request.text("The cat sat on the mat.")).json()
    assert report["counts"] == {
        "words": 6,
        "sentences": 1,
        "paragraphs": 1,
        "letters": 17,
        "syllables": 6,
        "hard_words": 0,
        "long_words": 0,
    }
    assert report["indices"] == {
        "flesch_reading_ease": round(206.835 - 1.015 * 6 - 84.6, 2),
        "flesch_kincaid_grade": round(0.39 * 6 + 11.8 - 15.59, 2),
        "gunning_fog": 2.4,
        "smog": 3.13,
        "automated_readability_index": round(4.71 * 17 / 6 + 3 - 21.43, 2),
        "coleman_liau": round(0.0588 * 1700 / 6 - 0.296 * 100 / 6 - 15.8, 2),
        "lix": 6.0,
        "rix": 0.0,
    }
    assert report["longest_sentences"] == [{"number": 1, "words": 6, "excerpt": "The cat sat on the mat."}]
    assert report["reading_seconds"] == 2


def test_hard_and_long_words_count() -> None:
    report = run(handle, Request.text("An institution has its conventions.\n\nThis one does, too.")).json()
    counts = {"words": 9, "sentences": 2, "paragraphs": 2, "hard_words": 2, "long_words": 2}
    assert {name: report["counts"][name] for name in counts} == counts
    assert report["indices"]["gunning_fog"] == round(0.4 * (4.5 + 200 / 9), 2)
    assert report["indices"]["smog"] == round(1.043 * math.sqrt(30) + 3.1291, 2)
    assert report["indices"]["lix"] == round(4.5 + 200 / 9, 2)
    assert report["indices"]["rix"] == 1.0
    assert report["sentence_length"] == {"mean": 4.5, "median": 4.5, "longest": 5}


@pytest.mark.parametrize(
    ("word", "syllables"),
    [
        *[(word, 1) for word in ("cat", "the", "time", "made", "walked", "it's", "strength", "7")],
        *[(word, 2) for word in ("table", "wanted", "reading", "being", "people", "seeing", "houses", "well-known")],
        *[(word, 3) for word in ("syllable", "radio", "example", "however", "together")],
        *[(word, 4) for word in ("education", "information", "television")],
        *[(word, 5) for word in ("organization", "communication")],
    ],
)
def test_syllables(word: str, syllables: int) -> None:
    assert count_syllables(word) == syllables


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three? Four…", 4),
        ("Dr. J. Smith met Mrs. Jones. They talked.", 2),
        ("It costs 3.50 dollars, e.g. here. Cheap.", 2),
        ("“Really?” he asked. “Yes.”", 3),
        ("A heading\n\nA sentence without an end", 2),
        ("No end at all", 1),
    ],
)
def test_sentences(text: str, sentences: int) -> None:
    assert sum(bool(sentence.strip()) for sentence in split_sentences(text)) == sentences


@pytest.mark.parametrize("text", ["", " \n\n ", "... !?", "— – —"])
def test_a_text_without_words_is_declined(text: str) -> None:
    assert run(handle, Request.text(text)).refusal().code == "no_words"


@pytest.mark.parametrize(
    "text", ["a" * 1_000_000, "a. " * 300_000, "." * 1_000_000, "I " * 400_000, "\n" * 1_000_000 + "a"]
)
def test_texts_made_to_be_slow_are_not(text: str) -> None:
    # Ends at all: with a backtracking expression this takes hours.
    assert run(handle, Request.text(text)).answer


def test_excerpts_are_bounded() -> None:
    report = run(handle, Request.text("word " * 10_000)).json()
    assert len(report["longest_sentences"][0]["excerpt"]) == 80


@pytest.mark.parametrize("example", sorted(FOLDER.glob("examples/*.json")), ids=lambda file: file.stem)
def test_examples_are_answered_alike_each_time(example: Path) -> None:
    first, again = (run(handle, Request.from_file(example)).json() for _ in range(2))
    assert json.dumps(first) == json.dumps(again)
    assert first["counts"]["sentences"] > 3


def test_the_schemas_are_the_types() -> None:
    assert command.main(["schemas", str(FOLDER), "--check"]) == 0


class TestConformance(ConformanceGate):
    """The ten checks of `omega plugins certify`."""

    package = FOLDER
