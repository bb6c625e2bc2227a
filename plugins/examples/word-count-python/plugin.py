"""`word-count`: text to a JSON report of its words. `word-count` in Rust and `word-count-js` give the same bytes.

The manifest names a component, which is made of this file; with `"file": "plugin.py"` it is a worker's.
"""

import re
from collections import Counter
from dataclasses import dataclass
from typing import Annotated, Final

from omega_plugin import Json, Refusal, Schema, Text, json_payload, plugin

#: How many words are listed as frequent.
FREQUENT_MAX: Final = 5
#: What stands between white space as Unicode has it; Python's own knows four control characters more.
_WORD: Final = re.compile("[^\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")


@dataclass
class Frequency:
    """A word and how often it comes."""

    word: str
    count: Annotated[int, Schema(minimum=1)]


@json_payload("omega:word-count:output:report:v1.0.0")
@dataclass
class Report:
    """The words of a text."""

    words: Annotated[int, Schema(minimum=1)]
    distinct: Annotated[int, Schema(minimum=1)]
    longest: Annotated[str, Schema(description="The first of the longest, in characters.")]
    frequent: Annotated[
        list[Frequency],
        Schema(maxItems=FREQUENT_MAX, description="The most frequent; of equals the one that comes first."),
    ]


@plugin
def handle(text: Text) -> Json[Report]:
    """Count the words; declines a text without any."""
    counts = Counter(_WORD.findall(text.content))
    if not counts:
        raise Refusal("no_words", "there are no words to count")
    frequent = [Frequency(word, count) for word, count in counts.most_common(FREQUENT_MAX)]
    return Json(Report(counts.total(), len(counts), max(counts, key=len), frequent))
