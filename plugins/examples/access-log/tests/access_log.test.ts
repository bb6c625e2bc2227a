/** What is read of a log's lines, and what is said about them. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Request, run } from "@omega/plugin/testing";
import { parseEntry, parseTime } from "../src/entry.js";
import { networkOf } from "../src/network.js";
import { handle } from "../src/plugin.js";

const LINE =
    '203.0.113.7 - ada [10/Oct/2026:13:55:36 -0700] "GET /a/b?c=d HTTP/1.1" 200 2326 "https://example.org/" "Mozilla/5.0"';
const line = (
    request: string,
    status = 200,
    bytes: number | "-" = 10,
    client = "192.0.2.1",
    time = "10/Oct/2026:13:55:36 +0000",
) => `${client} - - [${time}] "${request}" ${status} ${bytes}`;

test("a line is read in both formats, and what is none is not", () => {
    assert.deepEqual(parseEntry(LINE), {
        client: "203.0.113.7",
        time: Date.UTC(2026, 9, 10, 20, 55, 36),
        method: "GET",
        path: "/a/b",
        status: 200,
        bytes: 2326,
    });
    assert.equal(parseEntry(line("GET / HTTP/2.0", 304, "-"))?.bytes, 0);
    assert.equal(parseEntry(line("GET /"))?.path, "/", "HTTP/0.9");
    assert.equal(parseEntry(line(String.raw`GET /\"quoted\" HTTP/1.1`))?.path, String.raw`/\"quoted\"`);
    assert.equal(parseEntry(line("GET https://example.org HTTP/1.1"))?.path, "/", "through a proxy");
    assert.equal(parseEntry(line("OPTIONS * HTTP/1.1"))?.path, "*");
    assert.equal(parseEntry(line("CONNECT example.org:443 HTTP/1.1"))?.method, "CONNECT");
    // What a scanner sends is a request all the same.
    for (const request of [String.raw`\x16\x03\x01`, "", "-", "get / HTTP/1.1", "GET /a b HTTP/1.1"]) {
        const entry = parseEntry(line(request, 400));
        assert.deepEqual([entry?.method, entry?.path, entry?.status], ["-", "-", 400], request);
    }
    for (const wrong of [
        "text",
        LINE.replace("200", "99"),
        LINE.replace("2326", "many"),
        LINE.replace("[10", "(10"),
        LINE.replace(" 200 2326", ""),
        // The quote that ends the request is escaped.
        LINE.replace('1.1"', String.raw`1.1\"`).split(' "https')[0] ?? "",
        line("GET / HTTP/1.1").replace(" 10", " 10x"),
    ]) {
        assert.equal(parseEntry(wrong), undefined, wrong);
    }
});

test("times are those that there are, in UTC", () => {
    assert.equal(parseTime("01/Jan/2026:00:30:00 +0530"), Date.UTC(2025, 11, 31, 19, 0, 0));
    assert.equal(parseTime("29/Feb/2028:12:00:00 +0000"), Date.UTC(2028, 1, 29, 12));
    assert.equal(parseTime("31/Dec/2016:23:59:60 +0000"), Date.UTC(2017, 0, 1), "a leap second");
    for (const wrong of ["29/Feb/2026:12:00:00 +0000", "31/Apr/2026:12:00:00 +0000", "01/jan/2026:12:00:00 +0000"]) {
        assert.equal(parseTime(wrong), undefined, wrong);
    }
    for (const wrong of [
        "01/Jan/2026:24:00:00 +0000",
        "01/Jan/2026:12:60:00 +0000",
        "00/Jan/2026:12:00:00 +0000",
        "",
    ]) {
        assert.equal(parseTime(wrong), undefined, wrong);
    }
});

test("of an address its network is told, and nothing more", () => {
    const cases = {
        "203.0.113.7": "203.0.113.0/24",
        "2001:db8:1:2:3:4:5:6": "2001:db8:1::/48",
        "2001:DB8::1": "2001:db8:0::/48",
        "::1": "0:0:0::/48",
        "fe80::1%eth0": "fe80:0:0::/48",
        "::ffff:192.0.2.9": "192.0.2.0/24",
        "::ffff:c000:209": "192.0.2.0/24",
        "64:ff9b::192.0.2.9": "64:ff9b:0::/48",
        "example.org": "example.org",
        "1.2.3.256": "1.2.3.256",
        "1:2:3:4:5:6:7": "1:2:3:4:5:6:7",
        "1::2::3": "1::2::3",
        "1:2:3:4:5:6:7::8": "1:2:3:4:5:6:7::8",
        "g::1": "g::1",
    };
    for (const [client, network] of Object.entries(cases)) {
        assert.equal(networkOf(client), network);
    }
});

test("a log is summed up", () => {
    const log = [
        line("GET /a?x=1 HTTP/1.1", 200, 100, "192.0.2.1"),
        line("GET /a?x=2 HTTP/1.1", 404, 50, "192.0.2.250"),
        "",
        line("POST /b HTTP/1.1", 503, "-", "2001:db8::1", "10/Oct/2026:13:54:59 +0000"),
        "not a line",
    ].join("\n");
    assert.deepEqual(run(handle, Request.text(log)).json(), {
        lines: 5,
        requests: 3,
        malformed: { count: 1, first_lines: [5] },
        from: "2026-10-10T13:54:59Z",
        to: "2026-10-10T13:55:36Z",
        bytes: 150,
        client_errors: 1,
        server_errors: 1,
        server_error_rate: 0.3333,
        busiest_minute: { minute: "2026-10-10T13:55Z", requests: 2 },
        statuses: [
            { name: "200", requests: 1, bytes: 100, errors: 0 },
            { name: "404", requests: 1, bytes: 50, errors: 1 },
            { name: "503", requests: 1, bytes: 0, errors: 1 },
        ],
        methods: [
            { name: "GET", requests: 2, bytes: 150, errors: 1 },
            { name: "POST", requests: 1, bytes: 0, errors: 1 },
        ],
        paths: [
            { name: "/a", requests: 2, bytes: 150, errors: 1 },
            { name: "/b", requests: 1, bytes: 0, errors: 1 },
        ],
        networks: [
            { name: "192.0.2.0/24", requests: 2, bytes: 150, errors: 1 },
            { name: "2001:db8:0::/48", requests: 1, bytes: 0, errors: 1 },
        ],
    });
});

test("the same log says the same as text and as a file, whatever its lines end with", () => {
    const lines = Array.from({ length: 3000 }, (_, index) => line(`GET /p/${index % 7} HTTP/1.1`, 200 + (index % 3)));
    const text = run(handle, Request.text(lines.join("\n"))).json();
    for (const end of ["\n", "\r\n"]) {
        assert.deepEqual(run(handle, Request.artifact(lines.join(end))).json(), text);
    }
    // An end after the last line is one more line of a text, and none of a file.
    assert.equal(run(handle, Request.text(`${lines.join("\n")}\n`)).json()["lines"], 3001);
});

test("the order of the lines does not matter", () => {
    const lines = ["/b", "/a", "/c", "/a"].map((path) => line(`GET ${path} HTTP/1.1`));
    const names = (log: readonly string[]): unknown => run(handle, Request.text(log.join("\n"))).json()["paths"];
    assert.deepEqual(names(lines), names(lines.toReversed()));
});

test("a log that names more paths than there is room for is summed up all the same", () => {
    const lines = Array.from({ length: 20_500 }, (_, index) => line(`GET /${index} HTTP/1.1`));
    const answer = run(handle, Request.artifact(lines.join("\n")));
    assert.equal(answer.json()["requests"], 20_500);
    assert.match(answer.notes(), /the first 20000 were counted/);
    const long = run(handle, Request.text(line(`GET /${"é".repeat(500)} HTTP/1.1`))).json();
    assert.deepEqual(long["paths"], [{ name: `/${"é".repeat(199)}…`, requests: 1, bytes: 10, errors: 0 }]);
});

test("progress is told of long logs", () => {
    const log = `${line("GET / HTTP/1.1")}\n`.repeat(100_000);
    const { progress } = run(handle, Request.artifact(log));
    assert.deepEqual(
        progress.map(({ message }) => message),
        ["50000 lines", "100000 lines"],
    );
    assert.ok(progress.every(({ done }) => done > 0 && done <= 1));
});

test("what is no log is declined", () => {
    for (const text of ["", "\n\n", "a text\nof two lines\n", '{"json": true}']) {
        assert.equal(run(handle, Request.text(text)).refusal().code, "no_requests");
    }
    assert.equal(run(handle, Request.artifact(new Uint8Array([0xff, 0x0a]))).refusal().code, "unreadable");
    assert.equal(run(handle, Request.artifact("x".repeat(65_537))).refusal().code, "artifact_too_large");
});

test("lines that are made to take long do not", () => {
    for (const part of ["\\", '\\"', "- ", '" 200 ', "[", "a "]) {
        assert.equal(
            run(handle, Request.text(`${line("GET / HTTP/1.1")}\n1.2.3.4 - - ${part.repeat(200_000)}`)).json()[
                "requests"
            ],
            1,
        );
    }
});

test("answers its example", () => {
    const summary = run(handle, Request.fromFile("examples/day.json")).json();
    assert.deepEqual([summary["requests"], summary["server_errors"]], [6, 1]);
});
