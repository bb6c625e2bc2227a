//! Components that no compiler writes: the boundary broken, everything used up, everything called too often.

use omega_contract::ErrorCode;

use super::Expected::{Ends, NotEnabled};
use super::imports::{CLOCKS, ENVIRONMENT, EXIT, LOG, POLL, PREOPENS, RANDOM, STREAMS};
use super::wat::Guest;
use super::{Expected, Given, MEMORY, OK, PLUGIN_ERROR, Row, TIMEOUT, TOO_LARGE, TRAP};

/// Milliseconds of a guest that never ends.
const ENDLESS_MS: u64 = 200;
/// Milliseconds of a guest that ends otherwise, also on a slow machine.
const ENDING_MS: u64 = 20_000;

const SPIN: &str = "(loop $for_ever (br $for_ever)) unreachable";
const NOTHING: &str = "(call $reply (i32.const 0) (i32.const 0))";

const fn ends(name: &'static str, attack: &'static str, of: fn() -> Vec<u8>, expected: Expected) -> Row {
    Row { name, attack, given: Given::Component(of, ENDING_MS), expected }
}

const fn never_ends(name: &'static str, attack: &'static str, of: fn() -> Vec<u8>) -> Row {
    Row { name, attack, given: Given::Component(of, ENDLESS_MS), expected: Ends(&[TIMEOUT]) }
}

fn body(text: &str) -> Vec<u8> {
    Guest::new(text).build()
}

fn items(text: &str) -> Vec<u8> {
    Guest::echo().items(text).build()
}

/// An echo whose allocator does this.
fn allocator(does: &str) -> Vec<u8> {
    let whole = r#"(func (export "realloc") (param i32 i32 i32 i32) (result i32)"#;
    let text = Guest::echo().text();
    assert!(text.contains(whole));
    parsed(&text.replace(whole, &format!("{whole} {does})\n (func (param i32 i32 i32 i32) (result i32)")))
}

/// An echo that is told that its result was read, and then does this.
fn post_return(does: &str) -> Vec<u8> {
    let guest = Guest::echo().import(LOG).items(&format!(r#"(func (export "post") (param i32) {does})"#));
    let lifted = "(canon lift (core func $handle-core) (memory $memory) (realloc $realloc))";
    let post = r#"(canon lift (core func $handle-core) (memory $memory) (realloc $realloc)
      (post-return (core func $main "post")))"#;
    let text = guest.text();
    assert!(text.contains(lifted));
    parsed(&text.replace(lifted, post))
}

/// A guest that calls its own export, through a table that a module after it fills.
fn calls_itself() -> Vec<u8> {
    let sixteen = "(param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)";
    let again = format!(
        "(call_indirect (type $lowered) {} (i32.const 400) (i32.const 0)) {NOTHING}",
        (0..15).map(|n| format!("(local.get {n})")).collect::<String>()
    );
    let guest =
        Guest::new(&again).items(&format!(r#"(type $lowered (func {sixteen})) (table (export "table") 1 funcref)"#));
    let filled = format!(
        r#"(core func $again (canon lower (func $handle) (memory $memory) (realloc $realloc)))
      (core module $filler (import "m" "table" (table 1 funcref)) (import "h" "again" (func $again {sixteen}))
        (elem (i32.const 0) func $again))
      (core instance $lowered (export "again" (func $again)))
      (core instance (instantiate $filler (with "m" (instance $main)) (with "h" (instance $lowered))))
      (export "handle" "#
    );
    let text = guest.text();
    parsed(&text.replace(r#"(export "handle" (func $handle))"#, &format!("{filled}(func $handle))")))
}

/// This many more modules with this in each, all instantiated.
fn beside(count: usize, each: &str) -> Vec<u8> {
    let modules = format!("(core module $more {each}) {}", "(core instance (instantiate $more))".repeat(count));
    let text = Guest::echo().text();
    parsed(&text.replacen("(core module $libc-module", &format!("{modules} (core module $libc-module"), 1))
}

fn parsed(text: &str) -> Vec<u8> {
    ::wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Does this for ever.
fn again_and_again(what: &str) -> String {
    format!("(loop $again {what} (br $again)) unreachable")
}

/// A reply, with this done to its record before it is handed over.
fn reply_but(change: &str) -> Vec<u8> {
    body(&format!("(drop {NOTHING}) {change} (i32.const 64)"))
}

/// Bounded by the count of host calls, or by time on a slow machine.
const CALLED_TOO_OFTEN: Expected = Ends(&[PLUGIN_ERROR, TIMEOUT]);

pub(super) const ROWS: &[Row] = &[
    // Before and after the call itself.
    never_ends("endless-start", "its module never finishes starting", || {
        items(&format!("(func $start {SPIN}) (start $start)"))
    }),
    ends(
        "trapping-start",
        "its module traps as it starts",
        || items("(func $s unreachable) (start $s)"),
        Ends(&[TRAP]),
    ),
    ends(
        "exit-at-start",
        "exits with success before it is called",
        || Guest::echo().import(EXIT).items("(func $s (call $exit (i32.const 0))) (start $s)").build(),
        Ends(&[PLUGIN_ERROR]),
    ),
    ends(
        "data-past-its-memory",
        "puts data where its memory has no room",
        || items(r#"(data (i32.const 0x7fffffff) "x")"#),
        Ends(&[TRAP]),
    ),
    ends(
        "element-past-its-table",
        "puts elements where its table has no room",
        || items("(table 1 funcref) (elem (i32.const 9) func $reply)"),
        Ends(&[TRAP]),
    ),
    never_ends("endless-allocator", "its allocator never returns", || allocator(SPIN)),
    ends("trapping-allocator", "its allocator traps", || allocator("unreachable"), Ends(&[TRAP])),
    ends(
        "allocator-out-of-bounds",
        "its allocator points past its memory",
        || allocator("(i32.const -16)"),
        Ends(&[TRAP]),
    ),
    ends(
        "allocator-at-the-end",
        "its allocator points at its last byte",
        || allocator("(i32.const 65535)"),
        Ends(&[TRAP]),
    ),
    never_ends("endless-post-return", "never ends once its result was read", || post_return(SPIN)),
    ends("trapping-post-return", "traps once its result was read", || post_return("unreachable"), Ends(&[TRAP])),
    ends(
        "host-call-in-post-return",
        "calls its host when it may not leave",
        || post_return("(call $log (i32.const 0) (i32.const 0) (i32.const 0))"),
        Ends(&[TRAP]),
    ),
    ends("calls-itself", "enters itself again through its own export", calls_itself, Ends(&[TRAP])),
    // The boundary.
    ends("result-out-of-bounds", "its result lies past its memory", || body("(i32.const -4)"), Ends(&[TRAP])),
    ends("result-unaligned", "its result lies between two words", || body("(i32.const 63)"), Ends(&[TRAP])),
    ends(
        "text-out-of-bounds",
        "its text ends past its memory",
        || body("(call $reply (i32.const 65535) (i32.const 2))"),
        Ends(&[TRAP]),
    ),
    ends(
        "text-of-4-gib",
        "its text has four gigabytes",
        || body("(call $reply (i32.const 0) (i32.const -1))"),
        Ends(&[TRAP, TOO_LARGE]),
    ),
    ends(
        "text-not-utf8",
        "its text is not UTF-8",
        || body("(i32.store8 (i32.const 400) (i32.const 0xff)) (call $reply (i32.const 400) (i32.const 1))"),
        Ends(&[TRAP]),
    ),
    ends(
        "unknown-case",
        "its payload is of no kind",
        || reply_but("(i32.store8 (i32.const 68) (i32.const 9))"),
        Ends(&[TRAP]),
    ),
    ends(
        "unknown-result",
        "it neither succeeds nor declines",
        || reply_but("(i32.store8 (i32.const 64) (i32.const 7))"),
        Ends(&[TRAP]),
    ),
    ends(
        "list-of-a-billion",
        "its list has a billion pairs that are not there",
        || reply_but("(i32.store (i32.const 92) (i32.const 1000000000))"),
        Ends(&[TRAP, TOO_LARGE]),
    ),
    ends(
        "one-text-many-times",
        "each of its 4,000 pairs is the same 60 kB",
        || {
            // All pairs lie on each other's memory: key and value are the first 60,000 bytes.
            reply_but(
            "(local.set $a (i32.const 70000)) (drop (memory.grow (i32.const 2)))
             (memory.fill (i32.const 200) (i32.const 0x61) (i32.const 60000))
             (loop $pair
               (i32.store (local.get $a) (i32.const 200)) (i32.store offset=4 (local.get $a) (i32.const 60000))
               (i32.store offset=8 (local.get $a) (i32.const 200)) (i32.store offset=12 (local.get $a) (i32.const 60000))
               (br_if $pair (i32.lt_u (local.tee $a (i32.add (local.get $a) (i32.const 16))) (i32.const 134000))))
             (i32.store (i32.const 88) (i32.const 70000)) (i32.store (i32.const 92) (i32.const 4000))",
        )
        },
        Ends(&[TOO_LARGE]),
    ),
    ends(
        "log-out-of-bounds",
        "logs what lies past its memory",
        || Guest::new("(call $log (i32.const 0) (i32.const -9) (i32.const 100)) unreachable").import(LOG).build(),
        Ends(&[TRAP]),
    ),
    ends(
        "log-not-utf8",
        "logs what is not UTF-8",
        || {
            Guest::new(
                "(i32.store (i32.const 400) (i32.const -1))
          (call $log (i32.const 0) (i32.const 400) (i32.const 4)) unreachable",
            )
            .import(LOG)
            .build()
        },
        Ends(&[TRAP]),
    ),
    ends(
        "log-of-no-level",
        "logs at a level that there is not",
        || Guest::new("(call $log (i32.const 77) (i32.const 0) (i32.const 0)) unreachable").import(LOG).build(),
        Ends(&[TRAP]),
    ),
    ends(
        "forged-handle",
        "uses a handle that it was never given",
        || Guest::new("(call $block (i32.const 12345)) unreachable").import(POLL).build(),
        Ends(&[TRAP]),
    ),
    // Memory, tables, stack.
    ends(
        "memory-growth",
        "grows its memory page by page until it is refused, and traps",
        || body("(loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) unreachable"),
        Ends(&[MEMORY]),
    ),
    ends(
        "memory-at-once",
        "asks for four gigabytes at once, and traps",
        || body("(if (i32.eq (memory.grow (i32.const 65535)) (i32.const -1)) (then unreachable)) (i32.const 0)"),
        Ends(&[MEMORY]),
    ),
    never_ends("memory-growth-for-ever", "asks for memory that it is refused, for ever", || {
        body(&again_and_again("(drop (memory.grow (i32.const 1000)))"))
    }),
    ends(
        "memory-from-the-start",
        "starts with a page more than it may have",
        || Guest::echo().memory("1025").build(),
        NotEnabled(ErrorCode::ComponentInvalid, "memory has a minimum"),
    ),
    ends(
        "table-growth",
        "grows a table until it is refused, and traps",
        || {
            let grows =
                "(loop $more (br_if $more (i32.ne (table.grow (ref.null func) (i32.const 1000)) (i32.const -1))))
          unreachable";
            Guest::new(grows).items("(table 0 funcref)").build()
        },
        Ends(&[MEMORY]),
    ),
    ends(
        "many-tables",
        "has more tables than it may",
        || beside(9, "(table 1 funcref)"),
        NotEnabled(ErrorCode::ComponentInvalid, "table"),
    ),
    ends(
        "many-memories",
        "has more memories than it may",
        || beside(3, "(memory 1)"),
        NotEnabled(ErrorCode::ComponentInvalid, "memor"),
    ),
    ends(
        "large-tables",
        "its eight tables start with more elements than it may have together",
        || beside(4, "(table 60000 funcref)"),
        Ends(&[MEMORY]),
    ),
    ends(
        "wide-recursion",
        "recurses with 2,000 values in each frame",
        || {
            let values = |what: &str| (0..2_000).map(|n| what.replace('N', &n.to_string())).collect::<String>();
            let items = format!(
                "(func $deep (param i64) (result i64) {} (call $deep (i64.add (local.get 0) (i64.const 1))) {})",
                values("(i64.load (i32.const N))"),
                "i64.add ".repeat(2_000)
            );
            Guest::new("(call $reply_i64 (call $deep (i64.const 0)))").items(&items).build()
        },
        Ends(&[TRAP]),
    ),
    ends(
        "indirect-recursion",
        "recurses through a table, by turns",
        || {
            let items = "(type $f (func (param i32) (result i32))) (table funcref (elem $one $other))
          (func $one (type $f) (i32.add (call_indirect (type $f) (local.get 0) (i32.const 1)) (i32.const 1)))
          (func $other (type $f) (i32.add (call_indirect (type $f) (local.get 0) (i32.const 0)) (i32.const 2)))";
            Guest::new("(call $one (i32.const 0))").items(items).build()
        },
        Ends(&[TRAP]),
    ),
    never_ends("tail-calls-for-ever", "calls itself for ever without a stack", || {
        Guest::new("(call $on)").items("(func $on (result i32) (return_call $on))").build()
    }),
    never_ends("bulk-for-ever", "fills 60 MiB over and over, each time in one instruction", || {
        let fills = again_and_again("(memory.fill (i32.const 65536) (i32.const 1) (i32.const 62000000))");
        body(&format!("(drop (memory.grow (i32.const 960))) {fills}"))
    }),
    // The host called too often, or for too much.
    ends(
        "log-calls",
        "logs nothing, for ever",
        || Guest::new(&again_and_again("(call $log (i32.const 0) (i32.const 0) (i32.const 0))")).import(LOG).build(),
        CALLED_TOO_OFTEN,
    ),
    ends(
        "clock-calls",
        "reads both clocks for ever",
        || Guest::new(&again_and_again("(call $wall (i32.const 120)) (drop (call $monotonic))")).import(CLOCKS).build(),
        CALLED_TOO_OFTEN,
    ),
    ends(
        "environment-calls",
        "asks for its environment for ever",
        || {
            Guest::new(&again_and_again("(call $environment (i32.const 120)) (call $cwd (i32.const 136))"))
                .import(ENVIRONMENT)
                .build()
        },
        CALLED_TOO_OFTEN,
    ),
    ends(
        "folder-calls",
        "asks for folders for ever",
        || Guest::new(&again_and_again("(call $preopens (i32.const 120))")).import(PREOPENS).build(),
        CALLED_TOO_OFTEN,
    ),
    ends(
        "random-calls",
        "draws random numbers for ever",
        || Guest::new(&again_and_again("(drop (call $random_u64))")).import(RANDOM).build(),
        CALLED_TOO_OFTEN,
    ),
    ends(
        "random-bytes",
        "draws an exabyte of randomness at once",
        || {
            Guest::new("(call $random_bytes (i64.const 0x1000000000000000) (i32.const 120)) unreachable")
                .import(RANDOM)
                .build()
        },
        Ends(&[PLUGIN_ERROR]),
    ),
    ends(
        "stream-handles",
        "opens its output over and over and closes none",
        || Guest::new(&again_and_again("(drop (call $stdout))")).import(STREAMS).build(),
        Ends(&[TRAP]),
    ),
    ends(
        "timer-handles",
        "sets a timer over and over and waits for none",
        || Guest::new(&again_and_again("(drop (call $after (i64.const -1)))")).import(POLL).build(),
        Ends(&[TRAP]),
    ),
    ends(
        "polls",
        "waits for what is there already, for ever",
        || {
            let poll =
                "(call $poll (i32.const 400) (i32.const 1) (i32.const 120)) (call $block (i32.load (i32.const 400)))";
            let body = format!("(i32.store (i32.const 400) (call $after (i64.const 0))) {}", again_and_again(poll));
            // What the host hands over is dropped at once: the allocator starts anew each time.
            let text = Guest::new(&body).import(POLL).text();
            parsed(&text.replace("(global.set $top (i32.add (local.get $at) (local.get 3)))", ""))
        },
        CALLED_TOO_OFTEN,
    ),
    ends(
        "poll-for-nothing",
        "waits for an empty list",
        || Guest::new("(call $poll (i32.const 400) (i32.const 0) (i32.const 120)) unreachable").import(POLL).build(),
        Ends(&[TRAP]),
    ),
    ends(
        "poll-the-same",
        "waits for one timer 200,000 times at once",
        || {
            let body = "(local.set $b (call $after (i64.const 0))) (drop (memory.grow (i32.const 40)))
          (local.set $a (i32.const 70000))
          (loop $next (i32.store (local.get $a) (local.get $b))
            (br_if $next (i32.lt_u (local.tee $a (i32.add (local.get $a) (i32.const 4))) (i32.const 870000))))
          (call $poll (i32.const 70000) (i32.const 200000) (i32.const 120)) (call $reply (i32.const 0) (i32.const 0))";
            Guest::new(body).import(POLL).build()
        },
        Ends(&[OK, TRAP, TOO_LARGE]),
    ),
    never_ends("sleeps-for-ever", "waits for a moment that never comes", || {
        Guest::new("(call $block (call $after (i64.const -1))) unreachable").import(POLL).build()
    }),
    never_ends("sleeps-in-the-list", "waits for an hour among others", || {
        Guest::new(
            "(i32.store (i32.const 400) (call $after (i64.const -1)))
          (i32.store (i32.const 404) (call $after (i64.const 3600000000000)))
          (call $poll (i32.const 400) (i32.const 2) (i32.const 120)) unreachable",
        )
        .import(POLL)
        .build()
    }),
    ends(
        "stdin-reads",
        "reads its standard input for ever, a gigabyte at a time",
        || {
            let read = "(call $input (local.get $a) (i64.const 1000000000) (i32.const 120))";
            let body = format!("(local.set $a (call $stdin)) {}", again_and_again(read));
            Guest::new(&body).import(STREAMS).build()
        },
        CALLED_TOO_OFTEN,
    ),
    ends(
        "write-too-much",
        "writes more at once than a stream takes",
        || {
            Guest::new("(call $write (call $stdout) (i32.const 0) (i32.const 65536) (i32.const 120)) unreachable")
                .import(STREAMS)
                .build()
        },
        Ends(&[TRAP]),
    ),
];
