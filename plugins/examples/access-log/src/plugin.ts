/** `access-log`: what a web server's access log says, as counts. Reads a log as text, or piece by piece as an artifact. */

import { BinaryRef, type DataOf, Json, jsonPayload, plugin, progress, Refusal, Reply, Text } from "@omega/plugin";
import * as Type from "@omega/plugin/type";
import { parseEntry } from "./entry.js";
import { networkOf } from "./network.js";
import { Tally } from "./tally.js";

/** How many of the most frequent are named. */
const TOP = 20;
/** Numbers of malformed lines that are told. */
const MALFORMED_TOLD = 10;
/** Different names that are counted apart; a scanner can ask for any number of paths. */
const NAMES_MAX = 20_000;
/** Characters of a name that are shown. */
const NAME_CHARACTERS_MAX = 200;
/** Lines between two reports of progress. */
const PROGRESS_LINES = 50_000;

const Count = Type.Integer({ minimum: 0 });
const Counted = Type.Object({ name: Type.String(), requests: Count, bytes: Count, errors: Count });
const Top = Type.Array(Counted, { maxItems: TOP });

const Summary = jsonPayload(
    "omega:access-log:output:summary:v1.0.0",
    Type.Object(
        {
            lines: Count,
            requests: Count,
            malformed: Type.Object({
                count: Count,
                first_lines: Type.Array(Type.Integer({ minimum: 1 }), { maxItems: MALFORMED_TOLD }),
            }),
            from: Type.String({ description: "The earliest request, in UTC." }),
            to: Type.String({ description: "The latest request, in UTC." }),
            bytes: Count,
            client_errors: Type.Integer({ minimum: 0, description: "Status 400 to 499." }),
            server_errors: Type.Integer({ minimum: 0, description: "Status 500 to 599." }),
            server_error_rate: Type.Number({ minimum: 0, maximum: 1, description: "Of all requests; four decimals." }),
            busiest_minute: Type.Object({ minute: Type.String(), requests: Count }),
            statuses: Top,
            methods: Top,
            paths: Type.Array(Counted, { maxItems: TOP, description: "Without their queries." }),
            networks: Type.Array(Counted, {
                maxItems: TOP,
                description: "The first 24 bits of IPv4 addresses, the first 48 of IPv6; other clients by their name.",
            }),
        },
        { title: "Summary", description: "What an access log says. `errors` are requests with status 400 or more." },
    ),
);

export const handle = plugin({ input: [Text, BinaryRef], output: Summary }, (log) => {
    const summary = new Summing();
    if (log.kind === "text") {
        for (const line of log.content.split(/\r?\n/)) {
            summary.add(line);
        }
    } else {
        readArtifact(log, summary);
    }
    return summary.reply();
});

function readArtifact(log: BinaryRef, summary: Summing): void {
    const size = log.size();
    let read = 0;
    for (const line of log.lines(64 * 1024)) {
        summary.add(line);
        read += line.length + 1;
        if (summary.lines % PROGRESS_LINES === 0) {
            progress(Math.min(read / size, 1), `${summary.lines} lines`);
        }
    }
}

class Summing {
    lines = 0;
    #requests = 0;
    #bytes = 0;
    #clientErrors = 0;
    #serverErrors = 0;
    #from = Number.POSITIVE_INFINITY;
    #to = Number.NEGATIVE_INFINITY;
    #malformed = 0;
    readonly #malformedLines: number[] = [];
    readonly #statuses = new Tally(NAMES_MAX);
    readonly #methods = new Tally(NAMES_MAX);
    readonly #paths = new Tally(NAMES_MAX);
    readonly #networks = new Tally(NAMES_MAX);
    readonly #minutes = new Tally(NAMES_MAX);

    add(line: string): void {
        this.lines += 1;
        if (line.trim() === "") {
            return;
        }
        const entry = parseEntry(line);
        if (entry === undefined) {
            this.#malformed += 1;
            if (this.#malformedLines.length < MALFORMED_TOLD) {
                this.#malformedLines.push(this.lines);
            }
            return;
        }
        const { client, time, method, path, status, bytes } = entry;
        this.#requests += 1;
        this.#bytes += bytes;
        this.#clientErrors += Number(status >= 400 && status < 500);
        this.#serverErrors += Number(status >= 500);
        this.#from = Math.min(this.#from, time);
        this.#to = Math.max(this.#to, time);
        const what = { bytes, isError: status >= 400 };
        this.#statuses.add(String(status), what);
        this.#methods.add(method, what);
        this.#paths.add(cut(path), what);
        this.#networks.add(cut(networkOf(client)), what);
        this.#minutes.add(utc(time).slice(0, "2026-01-01T00:00".length), what);
    }

    reply(): Reply<Json<DataOf<typeof Summary>>> {
        if (this.#requests === 0) {
            throw new Refusal("no_requests", "no line is one of the common or the combined log format");
        }
        const [busiest] = this.#minutes.top(1);
        const tallies = [this.#paths, this.#networks, this.#minutes];
        const left = tallies.some((tally) => tally.left > 0);
        const summary = new Json({
            lines: this.lines,
            requests: this.#requests,
            malformed: { count: this.#malformed, first_lines: this.#malformedLines },
            from: utc(this.#from),
            to: utc(this.#to),
            bytes: this.#bytes,
            client_errors: this.#clientErrors,
            server_errors: this.#serverErrors,
            server_error_rate: Math.round((this.#serverErrors / this.#requests) * 10_000) / 10_000,
            busiest_minute: { minute: `${busiest?.name ?? ""}Z`, requests: busiest?.requests ?? 0 },
            statuses: this.#statuses.top(TOP),
            methods: this.#methods.top(TOP),
            paths: this.#paths.top(TOP),
            networks: this.#networks.top(TOP),
        });
        return new Reply(summary, left ? `Of paths, networks and minutes the first ${NAMES_MAX} were counted.` : "");
    }
}

function cut(name: string): string {
    const characters = Array.from(name.slice(0, 2 * NAME_CHARACTERS_MAX + 2));
    return characters.length > NAME_CHARACTERS_MAX ? `${characters.slice(0, NAME_CHARACTERS_MAX).join("")}…` : name;
}

function utc(time: number): string {
    return new Date(time).toISOString().replace(".000Z", "Z");
}
