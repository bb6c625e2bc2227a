/** The outline of documents as people write them, and of some that they should not. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Request, run } from "@omega/plugin/testing";
import { handle } from "../src/plugin.js";

/**
 * @typedef {{ level: number, text: string, slug: string, line: number, number: string, parent: number | null }} Heading
 * @typedef {{ line: number, code: string, message: string }} Problem
 * @typedef {{ title: string | null, depth: number, headings: Heading[], contents: string, problems: Problem[], problem_count: number }} Outline
 */

/** @param {string} text */
const outline = (text) => /** @type {Outline} */ (/** @type {unknown} */ (run(handle, Request.text(text)).json()));
/** @param {string} text */
const headings = (text) => outline(text).headings.map(({ level, text }) => `${level} ${text}`);
/** @param {string} text */
const problems = (text) => outline(text).problems.map(({ line, code }) => `${line} ${code}`);

test("headings are a tree with anchors and numbers", () => {
    const made = outline("# Guide\n\n## Install\n### Linux\n### macOS\n## Use\n\nText.\n");
    assert.equal(made.title, "Guide");
    assert.equal(made.depth, 3);
    assert.deepEqual(made.headings[2], { level: 3, text: "Linux", slug: "linux", line: 4, number: "1.1.1", parent: 1 });
    assert.deepEqual(
        made.headings.map((heading) => heading.number),
        ["1", "1.1", "1.1.1", "1.1.2", "1.2"],
    );
    assert.equal(
        made.contents,
        "- [Guide](#guide)\n  - [Install](#install)\n    - [Linux](#linux)\n    - [macOS](#macos)\n  - [Use](#use)\n",
    );
    assert.deepEqual([made.problems, made.problem_count], [[], 0]);
});

test("a text without headings has an empty outline", () => {
    const empty = { title: null, depth: 0, headings: [], contents: "", problems: [], problem_count: 0 };
    for (const text of ["", "\n\n", "Just text.", "#no-heading\n\n####### seven\n\n\\# escaped\n"]) {
        assert.deepEqual(outline(text), empty, text);
    }
});

test("both ways to write a heading, with all that may stand around them", () => {
    assert.deepEqual(headings("Title\n=====\n\nPart\n---\n"), ["1 Title", "2 Part"]);
    assert.deepEqual(headings("Two\nlines  \n=\n"), ["1 Two lines"]);
    assert.deepEqual(headings("   # a #\n## b ##   \n### c#\n#\td\n## \\#\n#\n## ##\n"), [
        ...["1 a", "2 b", "3 c#", "1 d", "2 #", "1 ", "2 "],
    ]);
    assert.deepEqual(headings("# a\r\n## b\r## c\n"), ["1 a", "2 b", "2 c"]);
    assert.deepEqual(headings("\ufeff# with a mark\n"), ["1 with a mark"]);
    // A line below a paragraph makes it a heading, a line alone none; and what follows a heading is no paragraph.
    assert.deepEqual(headings("---\n\na\n***\nb\n\n---\n# c\n---\n"), ["1 c"]);
    assert.deepEqual(headings("a\n    more\n==="), ["1 a more"]);
});

test("code is not read", () => {
    assert.deepEqual(headings("```sh\n# a comment\n```\n# b\n"), ["1 b"]);
    assert.deepEqual(headings("~~~~\n# a\n~~~\n```\n~~~~ \n# b\n"), ["1 b"]);
    assert.deepEqual(headings("    # indented\n\n\t# by a tab\n"), []);
    // Marks in one line are code in a text, and a fence of backticks has none behind it.
    assert.deepEqual(headings("``` a`b\n# c\n"), ["1 c"]);
    assert.deepEqual(headings("text\n```\n# a\n```\n# b"), ["1 b"]);
    assert.deepEqual(problems("# a\n\n```\n# never closed\n"), ["3 fence_not_closed"]);
});

test("HTML is not read, and what stands around it is", () => {
    assert.deepEqual(headings("<!-- # a -->\n# b\n<!--\n# c\n\n# d -->\n# e\n"), ["1 b", "1 e"]);
    assert.deepEqual(headings("<div>\n# a\n\n# b\n</div>\n"), ["1 b"]);
    assert.deepEqual(headings("<script>\n\n# a\n</script>\n# b\n"), ["1 b"]);
});

test("lists and quotes keep their headings to themselves", () => {
    assert.deepEqual(headings("> # a\n> b\n> ---\n\n# c\n"), ["1 c"]);
    assert.deepEqual(headings("- item\n  # a\n\n  # b\n1. one\n   # c\n# d\n"), ["1 d"]);
    assert.deepEqual(headings("- item\n  ```\n  # a\n  ```\n# b\n"), ["1 b"]);
    assert.deepEqual(headings("- item\nlazy\n===\n\n# b\n"), ["1 b"]);
    // A number that is not 1 begins no list in a paragraph: so this is one, and a heading.
    assert.deepEqual(headings("In the year\n1984. it was\n---\n"), ["2 In the year 1984. it was"]);
});

test("front matter is no heading", () => {
    assert.deepEqual(headings("---\ntitle: A\n# comment\n---\n# b\n"), ["1 b"]);
    assert.deepEqual(headings("---\n\n# a line before\n\n---\n"), ["1 a line before"]);
    assert.deepEqual(headings("---\ntitle: never closed\n# a\n"), ["1 a"]);
});

test("markup is taken off", () => {
    const cases = {
        "**Bold** and *slanted* and ***both***": "Bold and slanted and both",
        "__init__ and snake_case_name": "init and snake_case_name",
        "`code *as it is*` and \\*stars\\*": "code *as it is* and *stars*",
        "`` a ` b ``": "a ` b",
        "[a link](https://example.org/a_(b)) and [another][ref]": "a link and another",
        "![image](a.png) [![badge](b.svg)](https://example.org)": "image badge",
        "<https://example.org/*> &amp; &lt;b&gt; &#x41;&#66; &nope; &#0;":
            "https://example.org/* & <b> AB &nope; \ufffd",
        '<a name="x"></a>Anchor <br> here': "Anchor here",
        "Custom id {#my-id}": "Custom id",
        "~~old~~ new": "old new",
        "a * b * c": "a * b * c",
        "2 \0 3": "2 \ufffd 3",
    };
    for (const [source, text] of Object.entries(cases)) {
        assert.equal(outline(`# ${source}\n`).headings[0]?.text, text, source);
    }
});

test("anchors are those of GitHub", () => {
    const slugs = outline(
        "# Hello, World!\n# Größe & Maß\n# a-b_c\n# a-b_c\n# a-b_c-1\n# 日本語 見出し\n# C++ / C#\n#  two  spaces\n# 👍\n#\n#\n",
    ).headings.map((heading) => heading.slug);
    assert.deepEqual(slugs, [
        ...["hello-world", "größe--maß", "a-b_c", "a-b_c-1", "a-b_c-1-1", "日本語-見出し", "c--c", "two-spaces"],
        ...["", "-1", "-2"],
    ]);
});

test("what is wrong with the headings is told, and where", () => {
    const text = "## Start\n# Title\n### Deep\n# Title\n##\n## Part\n## part\n";
    assert.deepEqual(problems(text), [
        "3 level_skipped",
        "4 duplicate_heading",
        "4 several_titles",
        "5 empty_heading",
        "7 duplicate_heading",
    ]);
    // The same name under another heading is none.
    assert.deepEqual(problems("# A\n## Example\n# B\n## Example\n"), ["3 several_titles"]);
    const many = outline("# a\n".repeat(200));
    assert.deepEqual([many.problems.length, many.problem_count], [100, 398]);
});

test("a table of contents is Markdown again", () => {
    assert.equal(outline("# a [b] `*c*` \\<d>\n").contents, "- [a \\[b\\] \\*c\\* \\<d\\>](#a-b-c-d)\n");
});

test("more headings than an outline has are declined", () => {
    assert.equal(outline("#\n".repeat(5000)).headings.length, 5000);
    assert.equal(run(handle, Request.text("#\n".repeat(5001))).refusal().code, "too_many_headings");
});

test("texts that are made to take long do not", () => {
    for (const part of ["*a", "[", "![a](", "`", "<a ", "&#1", "_a_", "\\", "[a](((", "{#"]) {
        assert.equal(outline(`# ${part.repeat(200_000)}\n`).headings.length, 1);
        outline(`${part.repeat(1000)}\n===\n`.repeat(50));
    }
    outline(`${"> ".repeat(300_000)}\n${"- ".repeat(300_000)}\n${"-  ".repeat(300_000)}x\n`);
});

test("answers its examples", () => {
    assert.equal(run(handle, Request.fromFile("examples/guide.json")).json()["title"], "Field guide");
    assert.equal(run(handle, Request.fromFile("examples/problems.json")).json()["problem_count"], 5);
});
