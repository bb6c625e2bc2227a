/** `{{plugin_id}}`: counts the words of a text. Replace it by what your plugin does. */

import { Json, jsonPayload, plugin, Refusal, Text } from "@omega/plugin";
import * as Type from "@omega/plugin/type";

const Report = jsonPayload(
    "omega:{{plugin_id}}:output:report:v1.0.0",
    Type.Object(
        { words: Type.Integer({ minimum: 1 }), longest_word: Type.String({ minLength: 1 }) },
        { title: "Report", description: "The words of a text." },
    ),
);

/** What stands between white space, which is what Unicode says it is. */
const WORD = /\P{White_Space}+/gu;

/** The declared input says what the plugin takes, the output what it answers; a Refusal declines the input. */
export const handle = plugin({ input: Text, output: Report }, (text) => {
    const words = text.content.match(WORD) ?? [];
    if (words.length === 0) {
        throw new Refusal("no_words", "there are no words to count");
    }
    const longest = { word: "", characters: 0 };
    for (const word of words) {
        const characters = [...word].length;
        if (characters > longest.characters) {
            Object.assign(longest, { word, characters });
        }
    }
    return new Json({ words: words.length, longest_word: longest.word });
});
