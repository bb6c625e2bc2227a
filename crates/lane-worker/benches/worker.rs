//! What a call costs, beside what it is made of: `cargo bench -p omega-lane-worker --bench worker [python] [javascript] [baselines] [call] [rate]
//! [first] [kill] [neighbours] [memory]`.
//!
//! Without `--bench` (as `cargo test` runs it) a few calls of each are made, to show that it works.
//!
//! Baselines of the same run: `python3 -I -S -c pass`, a fork of a warm interpreter, one that is killed, `bwrap` with an interpreter in it; a fork of a native
//! process, a Node worker thread for each call.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use omega_contract::manifest::DeterminismMode;
use omega_contract::ports::{
    GuestLogLevel, Host, LaneCall, LaneEnding, LaneLimits, LaneProgram, LaneRequest, ReadyProgram,
};
use omega_contract::{Lane, Payload, Sha256Hex};
use omega_lane_worker::{HelperProgram, Interpreter, WorkerLane, WorkerLaneOptions};

/// What is measured of a language.
struct Language {
    name: &'static str,
    entry: &'static str,
    echo: &'static str,
    spin: &'static str,
    /// Waits without work, where the language can.
    sleep: Option<&'static str>,
    crash: &'static str,
    /// What the command line of its zygote has.
    zygote: &'static str,
    call_ms_bar: f64,
}

const PYTHON: Language = Language {
    name: "Python",
    entry: "program.py",
    echo: "
from omega_plugin import Text, plugin

@plugin
def handle(text: Text) -> Text:
    return Text(text.content)
",
    spin: "
from omega_plugin import Text, plugin

@plugin
def handle(text: Text) -> Text:
    while True:
        pass
",
    sleep: Some(
        "
import time
from omega_plugin import Text, plugin

@plugin
def handle(text: Text) -> Text:
    time.sleep(60)
    return text
",
    ),
    crash: "
import os
from omega_plugin import Text, plugin

@plugin
def handle(text: Text) -> Text:
    os.abort()
",
    zygote: "/omega/zygote.py",
    call_ms_bar: 1.5,
};

const JAVASCRIPT: Language = Language {
    name: "JavaScript",
    entry: "program.js",
    echo: "export const handle = ({payload}) => ({payload});\n",
    spin: "export const handle = () => { for (;;); };\n",
    sleep: None,
    crash: "export const handle = () => { throw new Error('crash'); };\n",
    zygote: "omega-javascript-zygote",
    call_ms_bar: 0.8,
};

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let is_asked = |name: &str| asked.is_empty() || asked.iter().any(|word| word == name);
    let options = WorkerLaneOptions {
        helper: HelperProgram::At(PathBuf::from(env!("CARGO_BIN_EXE_omega-worker-helper"))),
        cache_dir: Some(std::env::temp_dir().join("omega-bench-worker")),
        ..WorkerLaneOptions::default()
    };
    let began = Instant::now();
    let lane = WorkerLane::new(&options).unwrap_or_else(|refusal| panic!("{refusal}"));
    println!(
        "lane: {} started in {:.0} ms",
        lane.python().map_or_else(|| "no Python".to_owned(), Interpreter::version),
        ms(began.elapsed())
    );
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    if is_asked("baselines") {
        baselines(&lane);
        native_fork();
        node_worker();
    }
    // Without a language's name: all of them.
    let is_named = |language: &Language| asked.contains(&language.name.to_lowercase());
    let is_any_named = is_named(&PYTHON) || is_named(&JAVASCRIPT);
    for language in [PYTHON, JAVASCRIPT] {
        if !is_any_named || is_named(&language) {
            println!("== {}", language.name);
            measure(&lane, &runtime, &language, |name| {
                is_asked(name) || (is_any_named && asked.iter().all(|word| word == "python" || word == "javascript"))
            });
        }
    }
}

fn measure(lane: &WorkerLane, runtime: &tokio::runtime::Runtime, language: &Language, is_asked: impl Fn(&str) -> bool) {
    type Measure = fn(&WorkerLane, &tokio::runtime::Runtime, &Language);
    let all: [(&str, Measure); 6] = [
        ("first", first),
        ("call", call),
        ("rate", rate),
        ("kill", kill),
        ("neighbours", neighbours),
        ("memory", memory),
    ];
    for (_, measure) in all.into_iter().filter(|(name, _)| is_asked(name)) {
        measure(lane, runtime, language);
    }
}

/// So many where it is measured; a few where it is only shown that it works.
fn times(measured: u32) -> u32 {
    let is_measured = std::env::args().any(|argument| argument == "--bench");
    if is_measured { measured } else { measured.div_ceil(100) }
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// p50 and p99, in milliseconds: the smallest time that so many in a hundred do not exceed.
fn quantiles(mut times: Vec<Duration>) -> (f64, f64) {
    times.sort();
    let at = |share: usize| ms(times[(times.len() * share).div_ceil(100).saturating_sub(1)]);
    (at(50), at(99))
}

fn timed(count: u32, mut work: impl FnMut()) -> (f64, f64) {
    let times = (0..count)
        .map(|_| {
            let began = Instant::now();
            work();
            began.elapsed()
        })
        .collect();
    quantiles(times)
}

fn baselines(lane: &WorkerLane) {
    let python = lane.python().expect("Python is there").path().to_owned();
    let quiet = |command: &mut Command| {
        let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(status.is_ok_and(|status| status.success()), "{command:?}");
    };
    let (p50, p99) = timed(times(50), || quiet(Command::new(&python).args(["-I", "-S", "-c", "pass"])));
    println!("python3 -I -S -c pass: p50 {p50:.2} ms, p99 {p99:.2} ms");
    let fork = "import os,time\nt=[]\nfor _ in range(200):\n a=time.perf_counter()\n p=os.fork()\n if p==0: os._exit(0)\n os.waitpid(p,0)\n t.append(time.perf_counter()-a)\nt.sort()\nprint(t[100]*1e3)";
    let output = Command::new(&python).args(["-I", "-S", "-c", fork]).output().expect("python");
    println!("fork of a warm interpreter, and its end: p50 {} ms", String::from_utf8_lossy(&output.stdout).trim());
    bare_kill(&python);
    if Command::new("bwrap").arg("--version").stdout(Stdio::null()).status().is_ok() {
        let (p50, p99) = timed(times(50), || {
            quiet(
                Command::new("bwrap")
                    .args([
                        "--ro-bind",
                        "/",
                        "/",
                        "--tmpfs",
                        "/tmp",
                        "--unshare-all",
                        "--die-with-parent",
                        "--new-session",
                    ])
                    .arg(&python)
                    .args(["-I", "-S", "-c", "import json"]),
            );
        });
        println!("bwrap + interpreter: p50 {p50:.2} ms, p99 {p99:.2} ms");
    } else {
        println!("bwrap + interpreter: bwrap is not installed (Debian package bubblewrap)");
    }
}

/// A fork of an interpreter without a sandbox, killed at 100 ms by whoever waits for it: what no kill can be quicker than.
fn bare_kill(python: &std::path::Path) {
    const SCRIPT: &str = "
import os, sys, time
count = int(sys.argv[1])
for how in ('busy', 'sleeping'):
    times = []
    for _ in range(count):
        time.sleep(0.02)
        began = time.perf_counter()
        child = os.fork()
        if child == 0:
            while how == 'busy':
                pass
            time.sleep(60)
        time.sleep(max(0, began + 0.1 - time.perf_counter()))
        os.kill(child, 9)
        os.waitpid(child, 0)
        times.append((time.perf_counter() - began) * 1e3)
    times.sort()
    at = lambda share: times[-(-count * share // 100) - 1]
    print(f'{how} fork of an interpreter, killed at 100 ms without a sandbox: p50 {at(50):.1f} ms, p99 {at(99):.1f} ms')
";
    let output =
        Command::new(python).args(["-I", "-S", "-c", SCRIPT, &times(300).to_string()]).output().expect("python");
    print!("{}", String::from_utf8_lossy(&output.stdout));
}

/// A fork of a small native process, and its end: what a worker cannot be cheaper than.
fn native_fork() {
    const SOURCE: &str = r#"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static int order(const void *a, const void *b) { double x = *(double *)a, y = *(double *)b; return (x > y) - (x < y); }
int main(void) {
    /* As much as an idle zygote has of its own. */
    char *warm = malloc(4 << 20);
    memset(warm, 1, 4 << 20);
    double times[1000];
    for (int at = 0; at < 1000; at++) {
        struct timespec begin, end;
        clock_gettime(CLOCK_MONOTONIC, &begin);
        pid_t child = fork();
        if (child == 0) _exit(warm[at] - 1);
        waitpid(child, NULL, 0);
        clock_gettime(CLOCK_MONOTONIC, &end);
        times[at] = (end.tv_sec - begin.tv_sec) * 1e3 + (end.tv_nsec - begin.tv_nsec) / 1e6;
    }
    qsort(times, 1000, sizeof times[0], order);
    printf("%.3f", times[500]);
    return 0;
}
"#;
    let program = std::env::temp_dir().join(format!("omega-bench-fork-{}", std::process::id()));
    let mut compiler = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
    compiler.args(["-x", "c", "-O2", "-o"]).arg(&program).arg("-").stdin(Stdio::piped());
    let mut compiler = compiler.spawn().expect("a C compiler, as for the engine");
    let source = compiler.stdin.take().expect("piped above");
    std::io::Write::write_all(&mut { source }, SOURCE.as_bytes()).expect("the compiler reads");
    assert!(compiler.wait().is_ok_and(|status| status.success()), "it compiles");
    let output = Command::new(&program).output().expect("it runs");
    let _ = std::fs::remove_file(&program);
    println!("fork of a native process with 4 MiB, and its end: p50 {} ms", String::from_utf8_lossy(&output.stdout));
}

/// A Node worker thread for each call, until it has answered and ended.
fn node_worker() {
    const SCRIPT: &str = r#"
const { Worker } = require("node:worker_threads");
const work = `const { parentPort, workerData } = require("node:worker_threads"); parentPort.postMessage(workerData);`;
const call = (workerData) => new Promise((resolve, reject) => {
  const worker = new Worker(work, { eval: true, workerData });
  let answer;
  worker.once("message", (message) => { answer = message; });
  worker.once("error", reject);
  worker.once("exit", () => resolve(answer));
});
(async () => {
  const times = [];
  for (let at = 0; at < 110; at += 1) {
    const began = performance.now();
    if ((await call("x".repeat(4096))).length !== 4096) throw new Error("another answer");
    if (at >= 10) times.push(performance.now() - began);
  }
  times.sort((a, b) => a - b);
  console.log(`${times[50].toFixed(2)} ms, p99 ${times[98].toFixed(2)}`);
})();
"#;
    match Command::new("node").args(["-e", SCRIPT]).output() {
        Ok(output) if output.status.success() => {
            println!(
                "Node worker thread for each call, 4 KiB: p50 {} ms",
                String::from_utf8_lossy(&output.stdout).trim()
            );
        }
        _ => println!("Node worker thread for each call: node is not installed"),
    }
}

fn program(language: &Language, source: &str) -> LaneProgram {
    let code: Arc<[u8]> = source.as_bytes().into();
    LaneProgram {
        plugin_id: "bench.program".parse().expect("a plugin id"),
        package_digest: Sha256Hex::of(source.as_bytes()),
        entry: language.entry.to_owned(),
        files: Arc::new([(language.entry.to_owned(), Arc::clone(&code))].into()),
        code,
        environment: None,
        export: "handle".to_owned(),
        capabilities: [].into(),
        determinism: DeterminismMode::Probabilistic,
        limits: LaneLimits {
            memory_bytes_max: 256 << 20,
            fuel_max: None,
            output_bytes_max: 1 << 20,
            log_bytes_max: 64 << 10,
            host_calls_max: 10_000,
        },
    }
}

fn request(payload: &Payload, time: Duration) -> LaneCall {
    let request = LaneRequest {
        request_id: "r".into(),
        run_id: "r".into(),
        timestamp: "2026-01-01T00:00:00.000000Z".into(),
        payload: payload.clone(),
        context: BTreeMap::new(),
    };
    LaneCall { request: Arc::new(request), seed: [0; 32], deadline: Instant::now() + time, host: Arc::new(Nobody) }
}

async fn answered(ready: &Arc<dyn ReadyProgram>, payload: &Payload) -> Duration {
    let began = Instant::now();
    let report = ready.run(request(payload, Duration::from_secs(20))).await;
    let took = began.elapsed();
    assert!(matches!(report.ending, LaneEnding::Finished(_)), "{report:?}");
    took
}

fn prepare(lane: &WorkerLane, language: &Language, source: &str) -> Arc<dyn ReadyProgram> {
    lane.prepare(&program(language, source)).unwrap_or_else(|refusal| panic!("{refusal}"))
}

fn first(lane: &WorkerLane, runtime: &tokio::runtime::Runtime, language: &Language) {
    let payload = Payload::text("x".repeat(4096));
    let times = (0..times(10))
        .map(|number| {
            let began = Instant::now();
            let ready = prepare(
                lane,
                language,
                &format!("{}\n{}{number}", language.echo, if language.entry.ends_with("py") { "# " } else { "// " }),
            );
            runtime.block_on(answered(&ready, &payload));
            began.elapsed()
        })
        .collect();
    let (p50, p99) = quantiles(times);
    println!(
        "first call of a plugin, zygote and import included: p50 {p50:.0} ms, worst of ten {p99:.0} ms (bar: 300)"
    );
}

fn call(lane: &WorkerLane, runtime: &tokio::runtime::Runtime, language: &Language) {
    let payload = Payload::text("x".repeat(4096));
    let ready = prepare(lane, language, language.echo);
    let count = times(300);
    let times = runtime.block_on(async {
        let mut times = Vec::new();
        for _ in 0..count {
            // The pool is warm: whoever calls finds a worker.
            tokio::time::sleep(Duration::from_millis(25)).await;
            times.push(answered(&ready, &payload).await);
        }
        times
    });
    let (p50, p99) = quantiles(times);
    println!("call, pool warm, 4 KiB: p50 {p50:.3} ms, p99 {p99:.3} ms (bar: p50 {})", language.call_ms_bar);
}

/// Jiffies that all processors were busy.
fn busy() -> u64 {
    let text = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = text.lines().next().unwrap_or_default();
    let fields: Vec<u64> = line.split_whitespace().skip(1).filter_map(|field| field.parse().ok()).collect();
    // All but idle and waiting for disks.
    fields.iter().sum::<u64>() - fields.get(3).unwrap_or(&0) - fields.get(4).unwrap_or(&0)
}

fn rate(lane: &WorkerLane, runtime: &tokio::runtime::Runtime, language: &Language) {
    const CALLERS: usize = 4;
    let payload = Payload::text("x".repeat(4096));
    let ready = prepare(lane, language, language.echo);
    let (began, before) = (Instant::now(), busy());
    let time = Duration::from_millis(times(10_000).into());
    let calls: u64 = runtime.block_on(async {
        let callers = (0..CALLERS).map(|_| {
            let (ready, payload) = (Arc::clone(&ready), payload.clone());
            tokio::spawn(async move {
                let mut calls = 0;
                while began.elapsed() < time {
                    answered(&ready, &payload).await;
                    calls += 1;
                }
                calls
            })
        });
        let mut sum = 0;
        for caller in callers.collect::<Vec<_>>() {
            sum += caller.await.expect("a caller");
        }
        sum
    });
    // A jiffy is a hundredth of a second.
    let busy_ms = f64::from(u32::try_from(busy() - before).expect("ten seconds of two processors")) * 10.0;
    let calls = f64::from(u32::try_from(calls).expect("ten seconds"));
    let per_second = calls / began.elapsed().as_secs_f64();
    println!(
        "calls sustained, {CALLERS} callers: {per_second:.0} a second (bar: 250); {:.2} ms of processor time each, everything included (bar: 5)",
        busy_ms / calls
    );
}

fn kill(lane: &WorkerLane, runtime: &tokio::runtime::Runtime, language: &Language) {
    let payload = Payload::text("x");
    let sleep = language.sleep.map(|source| ("sleeping", source));
    for (name, source) in [("busy", language.spin)].into_iter().chain(sleep) {
        let ready = prepare(lane, language, source);
        let count = times(300);
        let times = runtime.block_on(async {
            let mut times = Vec::new();
            for _ in 0..count {
                tokio::time::sleep(Duration::from_millis(20)).await;
                let began = Instant::now();
                let report = ready.run(request(&payload, Duration::from_millis(100))).await;
                times.push(began.elapsed());
                assert!(matches!(report.ending, LaneEnding::Failed { .. }), "{report:?}");
            }
            times
        });
        let (p50, p99) = quantiles(times);
        println!(
            "{name} plugin with a limit of 100 ms, until nothing is left: p50 {p50:.1} ms, p99 {p99:.1} ms (bar: p99 105)"
        );
    }
}

/// What a good plugin's callers feel of a bad one that is called all the time.
fn neighbours(lane: &WorkerLane, runtime: &tokio::runtime::Runtime, language: &Language) {
    let calls = times(1_000);
    let payload = Payload::text("x".repeat(4096));
    let good = prepare(lane, language, language.echo);
    let measure = |good: &Arc<dyn ReadyProgram>| {
        let times = runtime.block_on(async {
            let mut times = Vec::new();
            for _ in 0..calls {
                tokio::time::sleep(Duration::from_millis(10)).await;
                times.push(answered(good, &payload).await);
            }
            times
        });
        quantiles(times)
    };
    for (name, source) in [("crashes", language.crash), ("hangs, limit 100 ms", language.spin)] {
        let (alone_50, alone_99) = measure(&good);
        let bad = prepare(lane, language, source);
        let (stop, stopped) = tokio::sync::watch::channel(());
        let neighbour = runtime.spawn(async move {
            let mut calls = 0;
            while stopped.has_changed().is_ok() {
                bad.run(request(&Payload::text("x"), Duration::from_millis(100))).await;
                calls += 1;
            }
            calls
        });
        let (beside_50, beside_99) = measure(&good);
        drop(stop);
        let theirs: u64 = runtime.block_on(neighbour).expect("the neighbour");
        println!(
            "{calls} calls beside a plugin that {name} ({theirs} of its calls): p50 {alone_50:.2} -> {beside_50:.2} ms, p99 {alone_99:.2} -> {beside_99:.2} ms, \
             ratio of p99 {:.2} (bar: 1.20)",
            beside_99 / alone_99
        );
    }
}

fn memory(lane: &WorkerLane, runtime: &tokio::runtime::Runtime, language: &Language) {
    let payload = Payload::text("x");
    let ready = prepare(lane, language, language.echo);
    runtime.block_on(answered(&ready, &payload));
    let zygotes = std::fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| {
        let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
        let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let is_first = status.lines().any(|line| line.starts_with("NSpid:") && line.split_whitespace().count() == 3);
        let is_zygote = String::from_utf8_lossy(&arguments).contains(language.zygote);
        (is_zygote && is_first).then_some(pid)
    });
    for pid in zygotes {
        let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        let of = |name: &str| {
            text.lines()
                .find(|line| line.starts_with(name))
                .map(|line| line.split_whitespace().nth(1).unwrap_or("?").to_owned())
        };
        println!(
            "idle zygote {pid}: private dirty {} kB, private clean {} kB, Pss {} kB (bar: 15 MB unshared)",
            of("Private_Dirty").unwrap_or_default(),
            of("Private_Clean").unwrap_or_default(),
            of("Pss:").unwrap_or_default()
        );
    }
}

/// Offers nothing.
struct Nobody;

impl Host for Nobody {
    fn log(&self, _: GuestLogLevel, _: &str) {}
}
