"""`{{plugin_id}}`: counts the words of a text. Replace it by what your plugin does."""

import re
from dataclasses import dataclass
from typing import Annotated

from omega_plugin import Json, Refusal, Schema, Text, json_payload, plugin

#: What stands between white space, which is what Unicode says it is; Python's ``\s`` is four control characters more.
WORD = re.compile(r"[\S\x1c-\x1f]+")


@json_payload("omega:{{plugin_id}}:output:report:v1.0.0")
@dataclass
class Report:
    """The words of a text."""

    words: Annotated[int, Schema(minimum=1)]
    longest_word: Annotated[str, Schema(minLength=1)]


@plugin
def handle(text: Text) -> Json[Report]:
    """Its argument's type says what the plugin takes, its result's what it answers; a Refusal declines the input."""
    words = WORD.findall(text.content)
    if not words:
        raise Refusal("no_words", "there are no words to count")
    return Json(Report(words=len(words), longest_word=max(words, key=len)))
