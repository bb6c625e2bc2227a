//! JavaScript programs: what they are given, what becomes of what they give.

use std::sync::Arc;
use std::time::Duration;

use omega_contract::manifest::DeterminismMode;
use omega_contract::ports::{
    BoxFuture, BrokerError, GuestLogLevel, GuestPayload, Host, LaneCall, LaneEnding, LaneReport, ProgramExit,
    ReadyProgram,
};
use omega_contract::{ErrorCode, Lane};
use omega_lane_worker::{HelperProgram, WorkerLane, WorkerLaneOptions};

use crate::outside::programs;
use crate::support::{Heard, call, lane, options, run, text};

fn prepare(source: &str) -> Arc<dyn ReadyProgram> {
    lane().prepare(&programs::javascript(source)).unwrap_or_else(|refusal| panic!("{refusal}"))
}

fn refused(source: &str) -> String {
    match lane().prepare(&programs::javascript(source)) {
        Ok(_) => panic!("it is loaded: {source}"),
        Err(refusal) => refusal.detail,
    }
}

/// A module whose answer is the text that these statements return.
fn answering(statements: &str) -> String {
    format!(
        "export async function handle(request, host) {{
            const content = String(await (async () => {{ {statements} }})());
            return {{payload: {{kind: 'text', content, encoding: 'utf-8', metadata: {{}}}}}};
        }}"
    )
}

fn said(report: &LaneReport) -> &str {
    match &report.ending {
        LaneEnding::Finished(output) => match &output.payload {
            GuestPayload::Text { content, .. } => content,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?} {}", report.output_text),
    }
}

async fn answer_of(source: &str) -> String {
    said(&run(&prepare(source), "go").await).to_owned()
}

/// How a module fails that gives what this expression has.
async fn failure_of(expression: &str) -> (ProgramExit, ErrorCode, String) {
    failure(&format!("export function handle() {{ return {expression}; }}")).await
}

async fn failure(source: &str) -> (ProgramExit, ErrorCode, String) {
    match run(&prepare(source), "go").await.ending {
        LaneEnding::Failed { exit, reason, detail } => (exit, reason, detail),
        other => panic!("{source}: {other:?}"),
    }
}

#[tokio::test]
async fn a_program_answers() {
    let ready = prepare(&answering("return request.payload.content.toUpperCase()"));
    for content in ["one", "zwei, drei", "vier 🎉"] {
        assert_eq!(said(&run(&ready, content).await), content.to_uppercase());
    }
    let report = run(&ready, "facts").await;
    assert_eq!(report.facts.get("profile").map(String::as_str), Some("pure"));
}

#[tokio::test]
async fn a_request_is_what_the_protocol_says() {
    let keys = answer_of(&answering("return JSON.stringify(request)")).await;
    let request: serde_json::Value = serde_json::from_str(&keys).unwrap();
    let expected = serde_json::json!({
        "request_id": "request", "run_id": "run", "timestamp": "2026-01-01T00:00:00.000000Z", "context": {},
        "payload": {"kind": "text", "content": "go", "encoding": "utf-8", "metadata": {}},
    });
    assert_eq!(request, expected);
}

/// Offers one artifact and three rows.
#[derive(Default)]
struct Brokers(Heard);

impl Host for Brokers {
    fn artifact_size<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<u64, BrokerError>> {
        Box::pin(async move { if id == "a" { Ok(5) } else { Err(BrokerError::Unknown(format!("no {id}"))) } })
    }
    fn artifact_read<'a>(
        &'a self,
        _: &'a str,
        offset: u64,
        length: u32,
    ) -> BoxFuture<'a, Result<Vec<u8>, BrokerError>> {
        Box::pin(async move {
            Ok(b"\x00\xffabc"[usize::try_from(offset).unwrap()..].iter().take(length as usize).copied().collect())
        })
    }
    fn dataset_count(&self) -> BoxFuture<'_, Result<u64, BrokerError>> {
        Box::pin(async { Ok(3) })
    }
    fn dataset_read(&self, first: u64, rows_max: u32) -> BoxFuture<'_, Result<Vec<String>, BrokerError>> {
        Box::pin(
            async move { Ok((first..3).take(rows_max as usize).map(|row| format!("{{\"row\":{row}}}")).collect()) },
        )
    }
    fn log(&self, level: GuestLogLevel, message: &str) {
        self.0.log(level, message);
    }
    fn progress(&self, progress: &omega_contract::ports::Progress) {
        self.0.progress(progress);
    }
}

#[tokio::test]
async fn a_program_is_heard_and_answered() {
    let source = answering(
        "host.log('warn', 'begins \\ud800');
         host.progress(0.5, 'half way');
         host.progress(7);
         console.log('a', 1, {b: [2]}, null, undefined, Symbol('s'), 3n);
         console.error(new TypeError('wrong'));
         const told = [];
         for (const attempt of [
            () => host.artifactSize('a'),
            () => [...host.artifactRead('a', 1, 3)].join(),
            () => host.artifactRead('a', 0, 1) instanceof Uint8Array,
            () => host.datasetCount(),
            () => host.datasetRead(1, 5).map((row) => JSON.parse(row).row).join(),
            () => host.artifactSize('b'),
            () => host.artifactSize(1),
            () => host.artifactRead('a', -1, 1),
            () => host.artifactRead('a', 0.5, 1),
            () => host.datasetRead(0),
            () => host.log('shout', 'm'),
            () => { host.log = null; },
            () => { host.more = 1; },
         ]) {
            try { told.push(attempt()); }
            catch (error) { told.push(`${error.name}/${error.kind}/${error instanceof Error}`); }
         }
         return told.join('; ')",
    );
    let host = Arc::new(Brokers::default());
    let call = LaneCall { host: Arc::clone(&host) as _, ..call(text("go"), Duration::from_secs(10)) };
    let report = prepare(&source).run(call).await;
    let type_error = "TypeError/undefined/true";
    let expected = format!("5; 255,97,98; true; 3; 1,2; BrokerError/unknown/true; {}", [type_error; 7].join("; "));
    assert_eq!(said(&report), expected);
    let lines = host.0.lines.lock().unwrap();
    assert_eq!(
        lines[..4],
        ["Warn begins \\ud800", "0.5 half way", "1 ", "Info a 1 {\"b\":[2]} null undefined Symbol(s) 3"]
    );
    assert!(lines[4].starts_with("Error TypeError: wrong\n    at "), "{lines:?}");
}

#[tokio::test]
async fn there_is_the_language_and_nothing_of_a_host() {
    const OF_THE_LANGUAGE: &str = "AggregateError Array ArrayBuffer AsyncDisposableStack Atomics BigInt BigInt64Array \
         BigUint64Array Boolean DataView Date DisposableStack Error EvalError FinalizationRegistry Float16Array \
         Float32Array Float64Array Function Infinity Int16Array Int32Array Int8Array InternalError Iterator JSON Map Math \
         NaN Number Object Promise Proxy RangeError ReferenceError Reflect RegExp Set SharedArrayBuffer String \
         SuppressedError Symbol SyntaxError TextDecoder TextEncoder TypeError URIError Uint16Array Uint32Array Uint8Array \
         Uint8ClampedArray WeakMap WeakRef WeakSet console decodeURI decodeURIComponent encodeURI encodeURIComponent \
         escape eval globalThis isFinite isNaN parseFloat parseInt undefined unescape";
    let found = answer_of(&answering("return Reflect.ownKeys(globalThis).map(String).sort().join(' ')")).await;
    let found: Vec<&str> = found.split(' ').filter(|name| !name.starts_with("Symbol(")).collect();
    assert_eq!(found.join(" "), OF_THE_LANGUAGE.split_whitespace().collect::<Vec<_>>().join(" "));
}

#[tokio::test]
async fn text_is_coded_as_on_the_web() {
    let source = answering(
        "const coded = (text) => [...new TextEncoder().encode(text)].join();
         const decoded = (bytes, ...options) => new TextDecoder('UTF8', ...options).decode(new Uint8Array(bytes));
         const into = new Uint8Array(4);
         const {read, written} = new TextEncoder().encodeInto('aé🎉', into);
         const parts = new TextDecoder();
         const inParts = [[0xef, 0xbb], [0xbf, 0xf0, 0x9f], [0x8e, 0x89, 0xf0]].map(
            (part) => parts.decode(new Uint8Array(part), {stream: true}));
         inParts.push(parts.decode());
         const thrown = (attempt) => { try { attempt(); return 'nothing'; } catch (error) { return error.name; } };
         return [coded('é'), coded('\\ud800'), coded(undefined), read, written, [...into].join(),
            decoded([0xef, 0xbb, 0xbf, 97]), decoded([0xef, 0xbb, 0xbf, 97], {ignoreBOM: true}).length,
            decoded([97, 0xf0, 0x9f, 98]), inParts.join('|'),
            thrown(() => decoded([0xff], {fatal: true})), thrown(() => new TextDecoder('latin1')),
            new TextDecoder().decode(new DataView(new Uint8Array([1, 98, 1]).buffer, 1, 1)),
            new TextDecoder().decode(new Uint8Array([99]).buffer)].join(' ')",
    );
    let expected = "195,169 239,191,189  3 3 97,195,169,0 a 2 a\u{fffd}b ||🎉|\u{fffd} TypeError RangeError b c";
    assert_eq!(answer_of(&source).await, expected.replace("3 3 97", "2 3 97"));
}

#[tokio::test]
async fn what_a_program_gives_is_a_result_a_refusal_or_a_fault_of_its_own() {
    let declined = "export const handle = () => ({refusal: {code: 'not_mine', message: 'no'}});";
    let ending = run(&prepare(declined), "go").await.ending;
    assert!(
        matches!(&ending, LaneEnding::Declined { code, message } if code == "not_mine" && message == "no"),
        "{ending:?}"
    );
    let json = "export const handle = async () => ({payload: {kind: 'json', data: {at: new Date(0), n: [1.5, -0]}, schema_ref: 's'}, notes: 'n'});";
    let ending = run(&prepare(json), "go").await.ending;
    let LaneEnding::Finished(output) = ending else { panic!("{ending:?}") };
    assert_eq!(output.notes, "n");
    let GuestPayload::Json { data, .. } = output.payload else { panic!("{:?}", output.payload) };
    assert_eq!(data, r#"{"at":"1970-01-01T00:00:00.000Z","n":[1.5,0]}"#);
    for (given, word) in [
        ("undefined", "TypeError: a plugin gives"),
        ("null", "TypeError: a plugin gives"),
        ("'text'", "TypeError: a plugin gives"),
        ("Symbol('s')", "TypeError: a plugin gives"),
        ("{}", "TypeError: a plugin gives"),
        ("{then: 1}", "TypeError: a plugin gives"),
        ("{refusal: 'no'}", "TypeError: a plugin gives"),
        ("{refusal: {code: 1, message: 'm'}}", "`code` is no string"),
        ("{payload: () => 1}", "nothing that JSON has"),
        ("{payload: 1}", "no payload's form"),
        ("{payload: {kind: 'text', content: 'c'}}", "`encoding` is missing"),
        ("{payload: {kind: 'text', content: 'c', encoding: 'utf-8', metadata: {}, more: 1}}", "unknown field"),
        ("{payload: {kind: 'text', content: '\\ud800', encoding: 'utf-8', metadata: {}}}", "lone surrogate"),
        ("{payload: {kind: 'json', data: {'\\udfff': 1}, schema_ref: 's'}}", "lone surrogate"),
        ("{payload: {kind: 'json', data: {n: NaN}, schema_ref: 's'}}", "holds NaN at \"n\""),
        ("{payload: {kind: 'json', data: [-1 / 0], schema_ref: 's'}}", "holds -Infinity at \"0\""),
        ("{payload: {kind: 'json', data: {n: 1n}, schema_ref: 's'}}", "TypeError"),
        ("{payload: {kind: 'json', data: {}, schema_ref: 's'}, notes: 1}", "`notes` is no string"),
        ("{payload: {kind: 'json', data: {}, schema_ref: 's'}, notes: '\\ud800'}", "lone surrogate"),
        ("new Promise(() => {})", "Error: its answer is a promise that can never settle"),
        ("Promise.reject(new RangeError('far'))", "RangeError: far\n    at handle (program.js:1:"),
        ("(() => { throw 'words' })()", "Error: it threw no error, but words"),
        ("(() => { throw null })()", "a value of type null"),
        ("(() => { throw {get message() { throw 1 }, name: 'Odd'} })()", "Odd: "),
        ("import('std')", "TypeError: cannot import `std`: a plugin is one module"),
        ("import('/etc/passwd')", "cannot import `/etc/passwd`"),
        ("import('program.js')", "cannot import `program.js`"),
        ("import('data:text/javascript,1')", "cannot import"),
    ] {
        let (exit, reason, detail) = failure_of(given).await;
        assert_eq!((exit, reason), (ProgramExit::PluginError, ErrorCode::PluginError), "{given}: {detail}");
        assert!(detail.contains(word), "{given}: `{word}` is not in: {detail}");
    }
}

#[tokio::test]
async fn what_cannot_be_imported_says_why() {
    for (source, word) in [
        ("import fs from 'fs'; export const handle = fs;", "cannot import `fs`: a plugin is one module"),
        ("export {handle} from './other.js';", "cannot import `./other.js`"),
        ("export const handle = ;", "SyntaxError"),
        ("export function other() {}", "exports no `handle`"),
        ("export const handle = 1;", "`handle` in program.js is no function"),
        ("await new Promise(() => {}); export function handle() {}", "its module is a promise that can never settle"),
        (
            "throw new Error('at import'); export function handle() {}",
            "Error: at import\n    at <anonymous> (program.js:1:",
        ),
        ("await import('x'); export function handle() {}", "cannot import `x`"),
        ("module.exports = {}; export function handle() {}", "ReferenceError"),
    ] {
        let detail = refused(source);
        assert!(detail.contains(word), "{source}: `{word}` is not in: {detail}");
    }
    let mut program = programs::javascript("export function handle() {}");
    program.export = "no name".to_owned();
    assert_eq!(lane().prepare(&program).map(drop).unwrap_err().code, ErrorCode::ProgramInvalid);
}

#[tokio::test]
async fn a_top_level_await_and_other_names_of_exports_work() {
    for (source, export) in [
        ("const word = await Promise.resolve('w'); export default () => answer(word);", "default"),
        ("export const $handle = async () => { await null; return answer('w'); };", "$handle"),
        ("async function inner() { return answer('w'); } export {inner as handle};", "handle"),
    ] {
        let answer =
            "const answer = (content) => ({payload: {kind: 'text', content, encoding: 'utf-8', metadata: {}}});";
        let mut program = programs::javascript(&format!("{answer}{source}"));
        program.export = export.to_owned();
        let ready = lane().prepare(&program).unwrap_or_else(|refusal| panic!("{refusal}"));
        assert_eq!(said(&run(&ready, "go").await), "w");
    }
}

const CHANGES: &str = "
    const drawn = [Math.random(), Math.random()];
    const dates = [Date.now(), new Date().getTime(), Date(), new Date(2020, 0, 1).toISOString(), new Date(5).getTime()];
    class Own extends Date {}
    const ways = [new Own().getTime(), new (new Date().constructor)().getTime(), new Own() instanceof Date,
        Reflect.construct(Date, [], Own).getTime(), Date.prototype.constructor === Date, Date.length, Date.name,
        typeof Date, new Date(0).getTimezoneOffset(), eval('new Date().getTime()'), Function('return Date.now()')()];
    return JSON.stringify([atImport, drawn, dates, ways])";

#[tokio::test]
async fn a_deterministic_program_sees_nothing_that_changes() {
    let source = format!("const atImport = [Math.random(), Date.now()];\n{}", answering(CHANGES));
    let mut program = programs::javascript(&source);
    program.determinism = DeterminismMode::Deterministic;
    let ready = lane().prepare(&program).unwrap_or_else(|refusal| panic!("{refusal}"));
    let first = said(&run(&ready, "go").await).to_owned();
    assert_eq!(said(&run(&ready, "go").await), first);
    let other = LaneCall { seed: [8; 32], ..call(text("go"), Duration::from_secs(10)) };
    let other = ready.run(other).await;
    let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let (first, other) = (read(&first), read(said(&other)));
    assert_eq!(first[0], other[0], "an import knows no input");
    assert_ne!(first[1], other[1], "a call's seed is heeded");
    assert_eq!(first[2], serde_json::json!([0, 0, "Thu Jan 01 1970 00:00:00 GMT+0000", "2020-01-01T00:00:00.000Z", 5]));
    assert_eq!(first[3], serde_json::json!([0, 0, true, 0, true, 7, "Date", "function", 0, 0, 0]));
}

#[tokio::test]
async fn another_program_has_the_time_and_numbers_of_its_own() {
    let source = answering("return JSON.stringify([Math.random(), Date.now()])");
    let ready = prepare(&source);
    let mut drawn = Vec::new();
    for _ in 0..3 {
        let told: (f64, f64) = serde_json::from_str(said(&run(&ready, "go").await)).unwrap();
        assert!((0.0..1.0).contains(&told.0) && told.1 > 1.7e12, "{told:?}");
        drawn.push(told.0.to_bits());
    }
    drawn.sort_unstable();
    drawn.dedup();
    assert_eq!(drawn.len(), 3, "each worker draws its own");
}

/// Nothing of a call is there at the next one, however often.
#[tokio::test]
async fn a_thousand_calls_leave_nothing_behind() {
    let source = format!(
        "let calls = 0;\n{}",
        answering(
            "calls += 1;
             globalThis.marks = (globalThis.marks ?? 0) + 1;
             Object.prototype.mark = (Object.prototype.mark ?? 0) + 1;
             JSON.marks = (JSON.marks ?? 0) + 1;
             Math.marks = (Math.marks ?? 0) + 1;
             Symbol.for('mark').description;
             request.context.mark = 1;
             host.progress(0.5);
             return [calls, globalThis.marks, ({}).mark, JSON.marks, Math.marks].join()",
        )
    );
    let ready = prepare(&source);
    for round in 0..1_000 {
        assert_eq!(said(&run(&ready, "go").await), "1,1,1,1,1", "call {round}");
    }
}

/// An upgrade replaces the program's file while the gateway runs: new zygotes are still of the program that it is.
#[tokio::test]
async fn a_program_whose_file_was_replaced_goes_on() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let file = folder.path().join("helper");
    std::fs::copy(programs::helper(), &file).unwrap();
    let lane = WorkerLane::new(&WorkerLaneOptions { helper: HelperProgram::At(file.clone()), ..options() })
        .unwrap_or_else(|refusal| panic!("{refusal}"));
    std::fs::remove_file(&file).unwrap();
    std::fs::write(&file, "another program").unwrap();
    let source = answering("return 'as before'");
    let ready = lane.prepare(&programs::javascript(&source)).unwrap_or_else(|refusal| panic!("{refusal}"));
    assert_eq!(said(&run(&ready, "go").await), "as before");
}
