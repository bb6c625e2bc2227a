// The work itself, as the crate `work` of the guests has it.
'use strict';

function echo(text) {
  return text;
}

function countVowels(text) {
  let count = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at) | 32) {
      case 97: case 101: case 105: case 111: case 117: count++;
    }
  }
  return JSON.stringify({ count });
}

function report(text) {
  const { rows } = JSON.parse(text);
  let sum = 0, least = null, greatest = null, characters = 0;
  const kinds = new Set();
  for (const row of rows) {
    kinds.add(row.kind);
    characters += [...row.name].length;
    sum += row.value;
    if (least === null || row.value < least) least = row.value;
    if (greatest === null || row.value > greatest) greatest = row.value;
  }
  return JSON.stringify({ rows: rows.length, kinds: [...kinds].sort(), name_characters: characters, sum, least, greatest });
}

module.exports = { echo, 'count-vowels': countVowels, report };
