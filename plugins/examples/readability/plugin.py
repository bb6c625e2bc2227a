"""`readability`: how hard an English text is to read. Text in, JSON report out; standard library only."""

import math
import re
import statistics
from dataclasses import dataclass
from typing import Annotated, Final

from omega_plugin import Json, Refusal, Schema, Text, json_payload, plugin

#: Words a minute of silent reading (Brysbaert 2019, non-fiction).
WORDS_PER_MINUTE: Final = 238
#: Syllables from which a word is hard (Gunning, McLaughlin).
HARD_SYLLABLES: Final = 3
#: Letters above which a word is long (Björnsson).
LONG_ABOVE_LETTERS: Final = 6
#: How many of the longest sentences are named, and how much of each is shown.
LONGEST_SENTENCES: Final = 3
EXCERPT_CHARACTERS: Final = 80

_WORD: Final = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*|\d+(?:[.,]\d+)*")
_PARAGRAPH_END: Final = re.compile(r"\n\s*\n")
#: Where a sentence ends: a mark, closing quotes or brackets, then white space.
_SENTENCE_END: Final = re.compile(r"[.!?…]+[\"'”’»)\]]*(?=\s|$)")
_NO_END: Final = re.compile(
    r"(?:^|[\s(\"'“])(?:mr|mrs|ms|dr|prof|st|jr|sr|vs|etc|e\.g|i\.e|cf|fig|no|approx|[a-z])$", re.IGNORECASE
)
_VOWELS: Final = re.compile(r"[aeiouyáàâäéèêëíìîïóòôöúùûü]+")
_SILENT_END: Final = re.compile(r"(?:[^laeiouy]|[aeiouy]l|ll)e$|[^taeiouyd]ed$|[^aeiouyscgzxh]es$")
_TWO_SYLLABLES: Final = re.compile(r"ia(?!l$|n$)|io(?!u|n)|iu|[^cgst]ian$|eo(?!u|pl)|ua(?!r)|[aeou]ing|ism$|creat")


@dataclass
class Counts:
    """What the indices are made of."""

    words: Annotated[int, Schema(minimum=1)]
    sentences: Annotated[int, Schema(minimum=1)]
    paragraphs: Annotated[int, Schema(minimum=1)]
    letters: Annotated[int, Schema(minimum=0, description="Letters and digits in words.")]
    syllables: Annotated[int, Schema(minimum=1, description="Estimated from the spelling, for English.")]
    hard_words: Annotated[int, Schema(minimum=0, description="Words of three syllables or more.")]
    long_words: Annotated[int, Schema(minimum=0, description="Words of more than six letters.")]


@dataclass
class SentenceLength:
    """Words in a sentence."""

    mean: float
    median: float
    longest: int


@dataclass
class Indices:
    """Eight indices; all but the first and the last two are school grades of the United States."""

    flesch_reading_ease: Annotated[float, Schema(description="100: very easy; 0: very hard.")]
    flesch_kincaid_grade: float
    gunning_fog: float
    smog: Annotated[float, Schema(description="Made for texts of 30 sentences and more.")]
    automated_readability_index: float
    coleman_liau: float
    lix: Annotated[float, Schema(description="For any language: below 30 easy, above 50 hard.")]
    rix: Annotated[float, Schema(description="For any language: long words in a sentence.")]


@dataclass
class Sentence:
    """One of the longest sentences."""

    number: Annotated[int, Schema(minimum=1, description="Which sentence of the text, from 1.")]
    words: Annotated[int, Schema(minimum=1)]
    excerpt: str


@json_payload("omega:readability:output:report:v1.0.0")
@dataclass
class Report:
    """How hard a text is to read."""

    counts: Counts
    sentence_length: SentenceLength
    indices: Indices
    grade: Annotated[float, Schema(description="The median of the five indices that are grades.")]
    reading_seconds: Annotated[int, Schema(minimum=1)]
    longest_sentences: Annotated[list[Sentence], Schema(maxItems=LONGEST_SENTENCES)]


@plugin
def handle(text: Text) -> Json[Report]:
    """Report on the text; declines one without words, of which every quotient would be made up."""
    sentences = [(sentence, words) for sentence in split_sentences(text.content) if (words := _WORD.findall(sentence))]
    if not sentences:
        raise Refusal("no_words", "the text has no words to judge")
    counts = _count(text.content, [words for _, words in sentences])
    indices = _indices(counts)
    lengths = [len(words) for _, words in sentences]
    grades = (
        *(indices.flesch_kincaid_grade, indices.gunning_fog, indices.smog),
        *(indices.automated_readability_index, indices.coleman_liau),
    )
    by_length = sorted(range(len(sentences)), key=lambda number: (-lengths[number], number))
    longest = [Sentence(n + 1, lengths[n], _excerpt(sentences[n][0])) for n in by_length[:LONGEST_SENTENCES]]
    report = Report(
        counts,
        SentenceLength(_rounded(statistics.fmean(lengths)), float(statistics.median(lengths)), max(lengths)),
        indices,
        _rounded(statistics.median(grades)),
        math.ceil(counts.words * 60 / WORDS_PER_MINUTE),
        longest,
    )
    return Json(report)


def split_sentences(text: str) -> list[str]:
    """The sentences of a text; a paragraph ends one, too, and so does a heading without a full stop."""
    sentences = []
    for paragraph in _PARAGRAPH_END.split(text):
        start = 0
        for end in _SENTENCE_END.finditer(paragraph):
            # Short titles and single letters: `Dr. J. Smith` is no end. The few characters before the mark decide.
            before = paragraph[max(start, end.start() - 8) : end.start()]
            if end[0] == "." and _NO_END.search(before) and end.end() < len(paragraph.rstrip()):
                continue
            sentences.append(paragraph[start : end.end()])
            start = end.end()
        sentences.append(paragraph[start:])
    return sentences


def count_syllables(word: str) -> int:
    """The syllables of an English word, estimated from its spelling; a number counts as one."""
    total = 0
    for part in re.split(r"['’-]", word.lower()):
        groups = len(_VOWELS.findall(part)) + len(_TWO_SYLLABLES.findall(part)) - bool(_SILENT_END.search(part))
        total += max(groups, 1) if len(part) > 2 or not total else 0
    return max(total, 1)


def _count(text: str, sentences: list[list[str]]) -> Counts:
    words = [word for sentence in sentences for word in sentence]
    syllables = [count_syllables(word) for word in words]
    letters = [sum(map(str.isalnum, word)) for word in words]
    return Counts(
        words=len(words),
        sentences=len(sentences),
        paragraphs=sum(bool(_WORD.search(paragraph)) for paragraph in _PARAGRAPH_END.split(text)),
        letters=sum(letters),
        syllables=sum(syllables),
        hard_words=sum(count >= HARD_SYLLABLES for count in syllables),
        long_words=sum(count > LONG_ABOVE_LETTERS for count in letters),
    )


def _indices(counts: Counts) -> Indices:
    words_per_sentence = counts.words / counts.sentences
    syllables_per_word = counts.syllables / counts.words
    letters_per_word = counts.letters / counts.words
    return Indices(
        flesch_reading_ease=_rounded(206.835 - 1.015 * words_per_sentence - 84.6 * syllables_per_word),
        flesch_kincaid_grade=_rounded(0.39 * words_per_sentence + 11.8 * syllables_per_word - 15.59),
        gunning_fog=_rounded(0.4 * (words_per_sentence + 100 * counts.hard_words / counts.words)),
        smog=_rounded(1.043 * math.sqrt(30 * counts.hard_words / counts.sentences) + 3.1291),
        automated_readability_index=_rounded(4.71 * letters_per_word + 0.5 * words_per_sentence - 21.43),
        coleman_liau=_rounded(5.88 * letters_per_word - 29.6 / words_per_sentence - 15.8),
        lix=_rounded(words_per_sentence + 100 * counts.long_words / counts.words),
        rix=_rounded(counts.long_words / counts.sentences),
    )


def _rounded(value: float) -> float:
    return round(value, 2)


def _excerpt(sentence: str) -> str:
    plain = " ".join(sentence[: 4 * EXCERPT_CHARACTERS].split())
    return plain if len(plain) <= EXCERPT_CHARACTERS else plain[: EXCERPT_CHARACTERS - 1].rstrip() + "…"
