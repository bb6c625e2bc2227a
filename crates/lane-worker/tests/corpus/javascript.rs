//! The table's JavaScript part. Its programs have no system calls of their own: they attack the engine, the loop, and whoever reads them.

use std::time::Duration;

use omega_contract::ErrorCode;
use omega_contract::manifest::DeterminismMode;
use omega_contract::ports::ProgramExit;

use crate::rows::Expected::{Answers, Ends, Held, NotLoaded};
use crate::rows::{DEADLINE, Expected, FAILS, NO_MEMORY, Row, TOO_LARGE, VIOLATION, row};

/// Whichever comes first.
const NO_MEMORY_OR_FAILS: &[(ProgramExit, ErrorCode)] =
    &[(ProgramExit::OutOfMemory, ErrorCode::MemoryLimit), (ProgramExit::PluginError, ErrorCode::PluginError)];
const NO_MEMORY_OR_DEADLINE: &[(ProgramExit, ErrorCode)] =
    &[(ProgramExit::OutOfMemory, ErrorCode::MemoryLimit), (ProgramExit::Deadline, ErrorCode::Timeout)];

/// A row whose program has little time.
fn brief(name: &'static str, program: &'static str, how: &'static str, expected: Expected) -> Row {
    Row { time: Duration::from_millis(150), ..row(name, program, how, expected) }
}

/// A row for each of these ways of one program.
fn each(program: &'static str, ways: &[(&'static str, &'static str)], expected: impl Fn() -> Expected) -> Vec<Row> {
    ways.iter().map(|(how, name)| row(name, program, how, expected())).collect()
}

/// All attacks.
pub(crate) fn rows() -> Vec<Row> {
    let mut all = memory();
    all.extend(time());
    all.extend(stack());
    all.extend(builtins());
    all.extend(results());
    all.extend(throws());
    all.extend(host());
    all.extend(imports());
    all.extend(next_calls());
    // Enough for each program, and soon used up.
    let small = |row| Row { memory_bytes_max: 24 * 1024 * 1024, host_calls_max: 500, ..row };
    all.into_iter().map(small).collect()
}

fn memory() -> Vec<Row> {
    let shapes = [
        ("arrays", "js: memory in arrays"),
        ("objects", "js: memory in cycles of objects"),
        ("strings", "js: memory in texts that double"),
        ("ropes", "js: memory in texts that grow"),
        ("bytes", "js: memory in typed arrays"),
        ("buffers", "js: memory in buffers that are resized"),
        ("maps", "js: memory in maps"),
        ("closures", "js: memory in closures"),
        ("promises", "js: memory in promises that wait"),
        ("symbols", "js: memory in symbols that are registered"),
        ("programs", "js: memory in programs that are made"),
        ("encoded", "js: memory in encoded texts"),
        ("in jobs", "js: memory taken job by job"),
        ("holds", "js: memory that is held while the end is told"),
    ];
    let mut all = each("js/memory", &shapes, || Ends(NO_MEMORY));
    all.extend([
        // One number is longer than the engine makes any.
        row("js: memory in integers", "js/memory", "integers", Ends(NO_MEMORY_OR_FAILS)),
        brief("js: memory in regular expressions", "js/memory", "expressions", Ends(NO_MEMORY_OR_DEADLINE)),
        brief("js: asks for memory again and again", "js/memory", "goes on", Ends(NO_MEMORY_OR_DEADLINE)),
        row("js: gives memory back", "js/memory", "recovers", Answers("recovered")),
        row("js: leaves work to the collector", "js/collected", "", Answers("collected")),
    ]);
    all
}

fn time() -> Vec<Row> {
    let ways = [
        ("spin", "js: spins"),
        ("spin and catch", "js: spins and catches whatever stops it"),
        ("expression", "js: catastrophic regular expression"),
        ("expression of many", "js: regular expression at every place of a long text"),
        ("looks behind", "js: regular expression that looks behind"),
        ("microtasks", "js: awaits for ever"),
        ("generator", "js: an async generator that never ends"),
        ("thenable that goes on", "js: a thenable that resolves with itself"),
        ("sort", "js: spins where it compares"),
        ("integers", "js: integers without end"),
        ("iterator", "js: an iterator that never ends"),
    ];
    let mut all: Vec<Row> = ways.iter().map(|(how, name)| brief(name, "js/never-ends", how, Ends(DEADLINE))).collect();
    all.extend([
        // Each promise waits for the next: which bound it meets first depends on the machine.
        brief("js: chains promises for ever", "js/never-ends", "promises", Ends(NO_MEMORY_OR_DEADLINE)),
        brief("js: joins an array of nothing", "js/never-ends", "join", Ends(NO_MEMORY_OR_DEADLINE)),
        row("js: shared memory and waits", "js/shared-memory", "", Held),
    ]);
    all
}

fn stack() -> Vec<Row> {
    let ways = [
        ("calls", "js: calls itself"),
        ("methods", "js: reads itself"),
        ("parse", "js: nested text to parse"),
        ("stringify", "js: nested value to write"),
        ("flat", "js: nested array to flatten"),
        ("program", "js: nested program"),
        ("arrows", "js: a chain of arrows"),
        ("templates", "js: nested templates"),
        ("expression", "js: nested regular expression"),
        ("proxies", "js: proxies of proxies"),
        ("prototypes", "js: a chain of prototypes"),
        ("bound", "js: a chain of bound functions"),
        ("spread", "js: two million arguments"),
        ("sort", "js: sorts where it compares"),
        ("text", "js: a text of itself"),
        ("primitive", "js: a number of itself"),
        ("replace", "js: replaces where it replaces"),
        ("iterate", "js: iterates over itself"),
        ("errors", "js: errors of errors"),
        ("result", "js: nested result"),
        ("ropes", "js: a text of millions of parts"),
        ("lists", "js: frees a long list"),
    ];
    let mut all = each("js/stack", &ways, || Ends(NO_MEMORY_OR_FAILS));
    all.push(row(
        "js: nested expression that matches",
        "js/stack",
        "expression that matches",
        Ends(NO_MEMORY_OR_FAILS),
    ));
    all
}

fn builtins() -> Vec<Row> {
    vec![
        Row { is_same: true, ..row("js: poisons what results are made with", "js/poison", "", Answers("whole")) },
        row("js: poisons what errors are made with", "js/poison", "throws", Ends(FAILS)),
        row("js: poisons what refusals are made with", "js/poison", "broker", Answers("denied")),
        row("js: looks for a host in globals", "js/globals", "", Held),
        row("js: changes bytes under a reader", "js/coded", "", Held),
        Row {
            is_same: true,
            determinism: DeterminismMode::Deterministic,
            ..row("js: looks for clocks and chance", "js/clocks", "", Held)
        },
    ]
}

fn results() -> Vec<Row> {
    let faults = [
        ("symbol", "js: a symbol as result"),
        ("symbol inside", "js: a symbol in a result"),
        ("cyclic", "js: a result that holds itself"),
        ("big integer", "js: an integer that JSON does not have"),
        ("revoked proxy", "js: a revoked proxy as result"),
        ("proxy that throws", "js: a proxy that throws as result"),
        ("getter that throws", "js: a getter that throws in a result"),
        ("toJSON without end", "js: a result that is made for ever"),
        ("lone surrogate", "js: a lone surrogate in a result"),
        ("lone surrogate in a key", "js: a lone surrogate in a key"),
        ("not a number", "js: a number that JSON does not have"),
        ("generator", "js: a generator as result"),
        ("typed array", "js: bytes as result"),
    ];
    let mut all = each("js/results", &faults, || Ends(FAILS));
    let results = |name, how, expected| row(name, "js/results", how, expected);
    let spins = |name, how| brief(name, "js/results", how, Ends(DEADLINE));
    all.extend([
        spins("js: a getter that spins in a result", "getter that spins"),
        spins("js: a result that spins where it is written", "toJSON that spins"),
        results("js: a result that writes itself", "toJSON that lies", Answers("lied")),
        results("js: a result that changes", "getter that counts", Answers("1")),
        results("js: a result of five million keys", "proxy of keys without end", Ends(NO_MEMORY_OR_FAILS)),
        brief("js: a result whose length lies", "js/results", "lying length", Ends(NO_MEMORY_OR_DEADLINE)),
        brief("js: a sparse result", "js/results", "sparse", Ends(NO_MEMORY_OR_DEADLINE)),
        results("js: a thenable as result", "thenable", Answers("thenable")),
        results("js: a promise of a class of its own", "promise of a subclass", Ends(FAILS)),
        results("js: a result that is inherited", "prototype of the result", Answers("inherited")),
        results("js: a frozen result", "frozen", Answers("frozen")),
        results("js: a result that is too large", "too large", Ends(TOO_LARGE)),
        results("js: notes that are too large", "too large notes", Ends(TOO_LARGE)),
        results("js: a frame in a result", "a forged frame", Answers("\0\0\0\x11{\"type\":\"loaded\"}")),
    ]);
    all
}

fn throws() -> Vec<Row> {
    let ways = [
        ("nothing", "js: throws nothing"),
        ("symbol", "js: throws a symbol"),
        ("big integer", "js: throws an integer"),
        ("proxy", "js: throws a proxy"),
        ("revoked", "js: throws a revoked proxy"),
        ("getter that throws", "js: throws what throws when it is read"),
        ("getter that nests", "js: throws what nests when it is read"),
        ("long", "js: throws a long error"),
        ("lone surrogates", "js: throws what is no text"),
        ("control characters", "js: throws what forges lines"),
        ("stack that is prepared", "js: a stack that throws"),
        ("stack that is prepared by errors", "js: a stack that makes errors"),
        ("stack that is an object", "js: a stack that is no text"),
        ("stack without limit", "js: a stack without limit"),
        ("error that is none", "js: throws an error that is none"),
        ("aggregate of many", "js: throws a hundred thousand errors"),
    ];
    let mut all = each("js/throws", &ways, || Ends(FAILS));
    let throws = |name, how, expected| row(name, "js/throws", how, expected);
    all.extend([
        brief("js: throws what spins when it is read", "js/throws", "getter that spins", Ends(DEADLINE)),
        brief("js: a stack that is made for ever", "js/throws", "stack that is prepared for ever", Ends(DEADLINE)),
        throws("js: rejections without end", "rejections without end", Answers("went on")),
        throws("js: a rejection that is handled late", "rejections that are handled late", Answers("handled")),
        throws("js: a rejection beside the answer", "a rejection beside the answer", Answers("answered")),
        // It fails either way, and harms its own name.
        throws("js: pretends to be out of memory", "pretends to be out of memory", Ends(NO_MEMORY)),
    ]);
    all
}

fn host() -> Vec<Row> {
    vec![
        row("js: changes its host", "js/host", "", Held),
        row("js: log lines without end", "js/flood", "log", Ends(VIOLATION)),
        row("js: console lines without end", "js/flood", "console", Ends(VIOLATION)),
        row("js: progress without end", "js/flood", "progress", Ends(VIOLATION)),
        row("js: questions without end", "js/flood", "questions", Ends(VIOLATION)),
        brief("js: large questions without end", "js/flood", "large questions", Ends(DEADLINE)),
        row("js: long lines", "js/flood", "long lines", Answers("said")),
    ]
}

fn imports() -> Vec<Row> {
    let import = |name, how, expected| row(name, "js/at-import", how, expected);
    vec![
        row("js: imports files, addresses and modules of engines", "js/imports", "", Held),
        import("js: throws at import", "throws", NotLoaded("Error: at import")),
        import("js: takes memory at import", "memory", NotLoaded("MemoryError")),
        import("js: nests at import", "nests", NotLoaded("RangeError")),
        import("js: floods at import", "flood", NotLoaded("broke the protocol")),
        import("js: never settles at import", "never settles", NotLoaded("can never settle")),
        import("js: throws what is no error at import", "throws what is none", NotLoaded("Error: ")),
        import("js: poisons at import", "poisons", Answers("poisoned and went on")),
    ]
}

fn next_calls() -> Vec<Row> {
    vec![
        Row { is_same: true, ..row("js: leaves marks", "js/leaves-marks", "", Held) },
        row("js: goes on after its answer", "js/goes-on", "before", Answers("first")),
        row("js: answers three times", "js/goes-on", "after", Answers("first")),
    ]
}
