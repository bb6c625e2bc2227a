/** `markdown-outline`: the headings of a Markdown document, as a tree, as a table of contents, and what is wrong with them. */

import { Json, jsonPayload, plugin, Refusal, Text } from "@omega/plugin";
import * as Type from "@omega/plugin/type";
import { readHeadings } from "./blocks.js";
import { plainText } from "./inline.js";
import { Slugs } from "./slugs.js";

/** Headings of a document that is still one: more would be an answer larger than the gateway takes. */
const HEADINGS_MAX = 5000;
/** Problems that are told one by one. */
const PROBLEMS_MAX = 100;

const Heading = Type.Object({
    level: Type.Integer({ minimum: 1, maximum: 6 }),
    text: Type.String({ description: "Without markup." }),
    slug: Type.String({ description: "The anchor that GitHub gives it." }),
    line: Type.Integer({ minimum: 1 }),
    number: Type.String({ description: "Its place in the tree, such as 2.1.3." }),
    parent: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()], {
        description: "Which heading it is under, as an index into this list.",
    }),
});

const Problem = Type.Object({
    line: Type.Integer({ minimum: 1 }),
    code: Type.Enum(["level_skipped", "empty_heading", "duplicate_heading", "several_titles", "fence_not_closed"]),
    message: Type.String(),
});

const Outline = jsonPayload(
    "omega:markdown-outline:output:outline:v1.0.0",
    Type.Object(
        {
            title: Type.Union([Type.String(), Type.Null()], { description: "The first heading of level 1." }),
            depth: Type.Integer({ minimum: 0, description: "How deep the tree is." }),
            headings: Type.Array(Heading, { maxItems: HEADINGS_MAX }),
            contents: Type.String({ description: "A table of contents, in Markdown." }),
            problems: Type.Array(Problem, { maxItems: PROBLEMS_MAX }),
            problem_count: Type.Integer({ minimum: 0 }),
        },
        { title: "Outline", description: "The headings of a Markdown document." },
    ),
);

/** @typedef {import("@omega/plugin/type").Static<typeof Heading>} HeadingData */
/** @typedef {import("@omega/plugin/type").Static<typeof Problem>} ProblemData */

export const handle = plugin({ input: Text, output: Outline }, (text) => {
    const document = readHeadings(text.content);
    if (document.headings.length > HEADINGS_MAX) {
        throw new Refusal(
            "too_many_headings",
            `the text has ${document.headings.length} headings; an outline is made of at most ${HEADINGS_MAX}`,
        );
    }
    const headings = tree(document.headings);
    const problems = problemsOf(headings);
    if (document.openFence !== undefined) {
        const message = "the code block is not closed, so the rest of the text is code";
        problems.push({ line: document.openFence, code: "fence_not_closed", message });
    }
    problems.sort((one, other) => one.line - other.line);
    return new Json({
        title: headings.find((heading) => heading.level === 1)?.text ?? null,
        depth: Math.max(0, ...headings.map(depthOf)),
        headings,
        contents: headings.map(contentsLine).join(""),
        problems: problems.slice(0, PROBLEMS_MAX),
        problem_count: problems.length,
    });
});

/**
 * The headings, each with its place.
 * @param {readonly import("./blocks.js").RawHeading[]} raw
 * @returns {HeadingData[]}
 */
function tree(raw) {
    const slugs = new Slugs();
    /** @type {HeadingData[]} */
    const headings = [];
    /** The headings that the next one may be under, outermost first; each with how many it has so far. */
    const open = [{ index: -1, level: 0, children: 0, number: "" }];
    for (const { level, source, line } of raw) {
        while (open.length > 1 && (open.at(-1)?.level ?? 0) >= level) {
            open.pop();
        }
        const above = /** @type {(typeof open)[number]} */ (open.at(-1));
        above.children += 1;
        const number = above.number === "" ? `${above.children}` : `${above.number}.${above.children}`;
        const text = plainText(source);
        open.push({ index: headings.length, level, children: 0, number });
        headings.push({
            level,
            text,
            slug: slugs.next(text),
            line,
            number,
            parent: above.index < 0 ? null : above.index,
        });
    }
    return headings;
}

/** @param {HeadingData} heading */
function depthOf(heading) {
    return heading.number.split(".").length;
}

/** @param {HeadingData} heading */
function contentsLine(heading) {
    const text = heading.text.replace(/[\\[\]*_`<>]/g, String.raw`\$&`);
    return `${"  ".repeat(depthOf(heading) - 1)}- [${text}](#${heading.slug})\n`;
}

/**
 * What a reader, or a program that reads to people, stumbles over.
 * @param {readonly HeadingData[]} headings
 * @returns {ProblemData[]}
 */
function problemsOf(headings) {
    /** @type {ProblemData[]} */
    const problems = [];
    /** @type {Map<string, number>} */
    const seen = new Map();
    let titleLine = 0;
    let before = 0;
    for (const { level, text, line, parent } of headings) {
        /** @type {(code: ProblemData["code"], message: string) => void} */
        const say = (code, message) => void problems.push({ line, code, message });
        if (level > before + 1 && before > 0) {
            say("level_skipped", `a heading of level ${level} follows one of level ${before}`);
        }
        before = level;
        if (text === "") {
            say("empty_heading", "the heading has no text");
        }
        // Of the same name under the same heading: nobody can tell them apart in a table of contents.
        const place = `${parent ?? ""}/${text.toLowerCase()}`;
        const first = seen.get(place);
        if (first !== undefined && text !== "") {
            say("duplicate_heading", `line ${first} has the same heading in the same place`);
        }
        seen.set(place, first ?? line);
        if (level === 1) {
            if (titleLine > 0) {
                say("several_titles", `line ${titleLine} has a heading of level 1 already`);
            }
            titleLine ||= line;
        }
    }
    return problems;
}
