/** One line of an access log, in the common or the combined format (Apache's and nginx's default). */

/** What a line says of a request. */
export interface Entry {
    /** An address or a name. */
    readonly client: string;
    /** Milliseconds since 1970, UTC. */
    readonly time: number;
    /** `-` where the request was none of HTTP. */
    readonly method: string;
    /** Without the query; `-` where the request was none of HTTP. */
    readonly path: string;
    readonly status: number;
    /** Of the answer; 0 where the log says `-`. */
    readonly bytes: number;
}

/** `client ident user [time] "request" status bytes`, then anything. A quote in a request is escaped by a backslash. */
const LINE = /^(\S{1,255}) \S+ (?:[^[]{1,255}) \[([^\]]{20,30})\] "((?:[^"\\]|\\.)*)" ([1-5]\d\d) (\d{1,15}|-)(?= |$)/;
const REQUEST = /^([A-Z][A-Z-]{0,19}) (\S+)(?: HTTP\/\d(?:\.\d)?)?$/;
const TIME = /^(\d\d)\/([A-Z][a-z]{2})\/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)$/;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const MINUTE_MS = 60_000;

/** The request that a line tells of; `undefined` where it is none. */
export function parseEntry(line: string): Entry | undefined {
    const [, client = "", written = "", request = "", status = "", bytes = ""] = LINE.exec(line) ?? [];
    const time = parseTime(written);
    if (time === undefined) {
        return undefined;
    }
    const [, method = "-", target = "-"] = REQUEST.exec(request) ?? [];
    return {
        client,
        time,
        method,
        path: pathOf(target),
        status: Number(status),
        bytes: bytes === "-" ? 0 : Number(bytes),
    };
}

/** `10/Oct/2026:13:55:36 -0700`; `undefined` where there is no such moment. */
export function parseTime(written: string): number | undefined {
    const [, day, month = "", year, hour, minute, second, sign, zoneHours, zoneMinutes] = TIME.exec(written) ?? [];
    const index = MONTHS.indexOf(month);
    const [hours, minutes, seconds] = [Number(hour), Number(minute), Number(second)];
    const time = Date.UTC(Number(year), index, Number(day), hours, minutes, seconds);
    // `Date.UTC` would make the 2nd of March of the 30th of February. A leap second is the next minute's first.
    const isDay = new Date(Date.UTC(Number(year), index, Number(day))).getUTCDate() === Number(day);
    if (index < 0 || !isDay || hours > 23 || minutes > 59 || seconds > 60) {
        return undefined;
    }
    const offset = (Number(zoneHours) * 60 + Number(zoneMinutes)) * MINUTE_MS;
    return sign === "-" ? time + offset : time - offset;
}

/** Without query and fragment; of a whole address (as proxies write it) the path. */
function pathOf(target: string): string {
    const path = target.replace(/^https?:\/\/[^/?#]*/i, "").replace(/[?#].*$/s, "");
    return path === "" && target !== "" ? "/" : path;
}
