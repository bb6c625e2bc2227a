//! The ledger against the bare machine: the same bytes, in the same run, on the same disk.
//!
//! `cargo bench -p omega-ledger [-- append|verify|strict|tree|pairs|large|ten|callers]` prints one line per figure with the ratio that the specification sets a bar for.
//! Nothing is asserted: figures of a busy machine prove nothing.
#![allow(clippy::cast_precision_loss, reason = "figures for people")]

use std::hint::black_box;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use omega_contract::ports::CallKey;
use omega_contract::proof_bundle::Durability;
use omega_contract::{Clock, EventDraft, EventKind, Recorder, Sha256Hex, Timestamp};
use omega_ledger::{BATCH_EVENTS_MAX, ExportRequest, Ledger, LedgerOptions, LedgerReader, Strictness, verify};
use omega_proof::checkpoint::LogSigner;
use omega_proof::key::SecretKey;
use sha2::{Digest, Sha256};

struct WallClock(Instant);

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_unix_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}

const BATCHES: usize = 60;
const PAIRS: usize = 100_000;
const ROUNDS: usize = 5;
const VERIFY_ROUNDS: usize = 15;

fn main() {
    let only: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |name: &str| only.is_empty() || only.iter().any(|only| only == name);
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the target folder can be written");
    // Without `--bench` (as `cargo test` runs it) a few pairs show that it works.
    if !std::env::args().any(|argument| argument == "--bench") {
        pairs(dir.path(), Durability::Relaxed, 1_000);
        return;
    }
    if wanted("append") {
        append(dir.path());
    }
    if wanted("verify") {
        verification(dir.path(), Strictness::Standard, "standard (bar: 60 %)");
    }
    if wanted("strict") {
        verification(dir.path(), Strictness::Strict, "strict");
    }
    if wanted("pairs") {
        pairs(dir.path(), Durability::Relaxed, PAIRS);
        pairs(dir.path(), Durability::Batch, 2_000);
    }
    if wanted("large") {
        large(dir.path());
    }
    if wanted("tree") {
        tree(dir.path());
    }
    if wanted("ten") {
        // Where TMPDIR says: five gigabytes.
        ten_million(tempfile::tempdir().expect("a folder").path());
    }
    if wanted("callers") {
        callers(dir.path(), Durability::Relaxed);
        callers(dir.path(), Durability::Batch);
    }
}

fn signer() -> Arc<LogSigner> {
    let origin = "example.com/bench".parse().expect("an origin");
    Arc::new(LogSigner::new(origin, SecretKey::from_seed([7; 32])))
}

fn open(dir: &Path, durability: Durability) -> Ledger {
    let options = LedgerOptions { durability, ..LedgerOptions::new(Arc::new(WallClock(Instant::now())), signer()) };
    Ledger::open(dir, options).expect("a new ledger opens")
}

fn draft(kind: EventKind, number: usize) -> EventDraft {
    let digest = Sha256Hex::of(b"digest");
    let mut draft = EventDraft::of_run(kind, "01KAGXYZ0123456789ABCDEFGH".parse().expect("a run id"))
        .with("attempt", "1")
        .with("lane", "wasm")
        .with("manifest_hash", digest.to_string())
        .with("package_digest", digest.to_string())
        .with("step", "0");
    draft.plugin_id = Some("text-stats".parse().expect("a plugin id"));
    draft.request_id = Some(format!("01KAGXYZ0123456789{number:08}").parse().expect("a request id"));
    draft.input_hash = Some(digest);
    if kind == EventKind::Result {
        draft = draft.with("duration_us", "123");
        draft.output_hash = Some(digest);
    }
    draft
}

/// Appends with callers enough to keep batches full while one is being synced, against one write and one
/// fdatasync per 4,096 of the same events. Rounds alternate, so that a slow moment of the disk hits both.
fn append(dir: &Path) {
    let (mut ratios, mut chains) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let home = dir.join(format!("append-{round}"));
        let ledger = open(&home, Durability::Batch);
        let ours = record_with_callers(&ledger);
        ledger.close().expect("closed");
        let bytes = std::fs::read(home.join("00000000000000000000.ndjson")).expect("the segment");
        // Into a file of its own: one that is overwritten finds its memory and its blocks in place, which no log does.
        let raw_file = dir.join(format!("raw-{round}"));
        let raw = raw_append(&raw_file, &bytes);
        let begin = Instant::now();
        black_box(Sha256::digest(&bytes));
        let chain = begin.elapsed();
        chains.push((raw.as_secs_f64() / raw.max(chain).as_secs_f64(), ours.as_secs_f64() / chain.as_secs_f64()));
        std::fs::remove_dir_all(&home).expect("removed");
        std::fs::remove_file(&raw_file).expect("removed");
        let events = (BATCHES * BATCH_EVENTS_MAX) as f64;
        ratios.push(raw.as_secs_f64() / ours.as_secs_f64());
        println!(
            "append round {round}: ledger {:>9.0} events/s, {:>6.1} MB/s; raw {:>9.0} events/s",
            events / ours.as_secs_f64(),
            bytes.len() as f64 / 1e6 / ours.as_secs_f64(),
            events / raw.as_secs_f64(),
        );
    }
    ratios.sort_by(f64::total_cmp);
    println!(
        "append in batches of {BATCH_EVENTS_MAX}: median {:.0} % of raw append + fdatasync (bar: 80 %)",
        100.0 * ratios[ROUNDS / 2]
    );
    // One event's hash needs the one before: the chain is one core's work, however many there are.
    chains.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (best, times) = chains[ROUNDS / 2];
    println!(
        "with the chain's SHA-256 on one core and nothing else, beside the disk: {:.0} % at best; ours takes {times:.2} times that SHA-256\n",
        100.0 * best,
    );
}

fn record_batches(ledger: &Ledger, batches: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let draft = draft(EventKind::Result, 1);
    for _ in 0..batches {
        let recorded = (0..BATCH_EVENTS_MAX).map(|_| ledger.record(draft.clone()).expect("recorded")).last();
        runtime.block_on(ledger.durable(recorded.expect("a batch has events"))).expect("durable");
    }
}

fn raw_append(path: &Path, bytes: &[u8]) -> Duration {
    let mut file = std::fs::File::create(path).expect("a file");
    let begin = Instant::now();
    for batch in bytes.chunks(bytes.len().div_ceil(BATCHES)) {
        file.write_all(batch).expect("written");
        file.sync_data().expect("synced");
    }
    begin.elapsed()
}

/// Verifies against plain SHA-256 of the same file, read on as many cores.
fn verification(dir: &Path, strictness: Strictness, name: &str) {
    let home = dir.join(format!("verify-{name}"));
    let ledger = open(&home, Durability::Batch);
    record_with_callers(&ledger);
    ledger.close().expect("closed");
    let segment = home.join("00000000000000000000.ndjson");
    let bytes = std::fs::metadata(&segment).expect("the segment").len();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut ratios = Vec::new();
    for _ in 0..VERIFY_ROUNDS {
        let begin = Instant::now();
        std::thread::scope(|scope| {
            let part = bytes.div_ceil(cores as u64);
            for core in 0..cores as u64 {
                let segment = &segment;
                // Named, so that a profile tells it from ours.
                let thread = std::thread::Builder::new().name("raw".into());
                let digest = move || black_box(raw_digest(segment, core * part, part));
                thread.spawn_scoped(scope, digest).expect("a thread");
            }
        });
        let raw = begin.elapsed();
        let begin = Instant::now();
        let verdict = verify(&home, &signer().verifier_key(), strictness, |_| ()).expect("it verifies");
        let ours = begin.elapsed();
        ratios.push((raw.as_secs_f64() / ours.as_secs_f64(), verdict.events as f64 / ours.as_secs_f64()));
    }
    ratios.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (ratio, rate) = ratios[VERIFY_ROUNDS / 2];
    println!("verify {name}: median {:.0} % of plain SHA-256 on {cores} cores, {rate:.0} events/s\n", 100.0 * ratio);
}

fn raw_digest(path: &Path, from: u64, length: u64) -> Sha256Hex {
    let mut file = std::fs::File::open(path).expect("the segment");
    file.seek(SeekFrom::Start(from)).expect("a place in it");
    let (mut digest, mut block) = (Sha256::new(), vec![0; 1024 * 1024]);
    let mut file = file.take(length);
    loop {
        match file.read(&mut block).expect("read") {
            0 => return Sha256Hex::from_bytes(digest.finalize().into()),
            got => digest.update(&block[..got]),
        }
    }
}

/// INVOKE and RESULT of one call after the other.
fn pairs(dir: &Path, durability: Durability, count: usize) {
    let ledger = open(&dir.join(format!("pairs-{}", durability.as_str())), durability);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut micros: Vec<f64> = (0..count)
        .map(|number| {
            let (invoke, result) = (draft(EventKind::Invoke, number), draft(EventKind::Result, number));
            let begin = Instant::now();
            ledger.record(invoke).expect("recorded");
            let recorded = ledger.record(result).expect("recorded");
            runtime.block_on(ledger.durable(recorded)).expect("durable");
            begin.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    micros.sort_by(f64::total_cmp);
    println!(
        "INVOKE + RESULT recorded and acknowledged, {}: p50 {:.1} µs, p99 {:.1} µs{}",
        durability.as_str(),
        micros[count / 2],
        micros[count * 99 / 100],
        if durability == Durability::Relaxed { " (aim: 8 µs)" } else { "" },
    );
}

/// A ledger of a million events: what opening it, finding things in it, and new calls beside its history cost.
fn large(dir: &Path) {
    const RUNS: usize = 1_000;
    const CALLS: usize = 500;
    let home = dir.join("large");
    let ledger = open(&home, Durability::Relaxed);
    let of_run = |kind, run: usize, call: usize| EventDraft {
        run_id: format!("run-{run}").parse().expect("a run id"),
        ..draft(kind, call)
    };
    for run in 0..RUNS {
        for call in 0..CALLS {
            ledger.record(of_run(EventKind::Invoke, run, call)).expect("recorded");
            ledger.record(of_run(EventKind::Result, run, call)).expect("recorded");
        }
    }
    ledger.close().expect("closed");
    let begin = Instant::now();
    let ledger = open(&home, Durability::Relaxed);
    let opened = begin.elapsed();
    let begin = Instant::now();
    while ledger.stats().expect("stats").indexed_events < (2 * RUNS * CALLS) as u64 {
        std::thread::yield_now();
    }
    println!("1 M events: opened in {:.1} ms, indexed in {:.1} s", millis(opened), begin.elapsed().as_secs_f64());
    let begin = Instant::now();
    let events = ledger.run_events(&"run-500".parse().expect("a run id")).expect("found").len();
    println!("a run of {events} events found in {:.1} ms", millis(begin.elapsed()));
    let key = |run: usize, call: usize| CallKey {
        run_id: format!("run-{run}").parse().expect("a run id"),
        request_id: format!("new-{call}").parse().expect("a request id"),
        step: 0,
    };
    for (name, run) in [("an old run", 7), ("a new run", RUNS)] {
        let begin = Instant::now();
        (0..1_000).for_each(|call| ledger.claim(&key(run, call)).expect("a new key"));
        println!("a claim in {name}: {:.1} µs", begin.elapsed().as_secs_f64() * 1e3);
    }
    println!();
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// What the tree and its checkpoints cost an append: their thread's part of all the processor time that a busy ledger
/// takes, several checkpoints long. Where every core is busy with appends, as here, that is what appends lose.
fn tree(dir: &Path) {
    const TIMES: usize = 5;
    let mut costs = Vec::new();
    for round in 0..ROUNDS {
        let home = dir.join(format!("tree-{round}"));
        let ledger = open(&home, Durability::Batch);
        let (_, done) = processor_ticks("");
        let mut spent = Duration::ZERO;
        for _ in 0..TIMES {
            spent += record_with_callers(&ledger);
        }
        let rate = (TIMES * BATCHES * BATCH_EVENTS_MAX) as f64 / spent.as_secs_f64();
        let before = ledger.newest_checkpoint().head().size;
        let begin = Instant::now();
        let size = ledger.checkpoint().expect("a checkpoint").head().size;
        let micros = begin.elapsed().as_secs_f64() * 1e6 / (size - before).max(1) as f64;
        let (tree, all) = processor_ticks("omega-ledger-tr");
        costs.push(tree as f64 / (all - done).max(1) as f64);
        println!(
            "tree round {round}: {rate:.0} events/s with {before} covered meanwhile; {micros:.2} µs an event alone; {:.1} % of the processor time",
            100.0 * costs[round],
        );
        ledger.close().expect("closed");
        std::fs::remove_dir_all(&home).expect("removed");
    }
    costs.sort_by(f64::total_cmp);
    println!("tree and checkpoints cost an append: median {:.1} % (bar: 10 %)\n", 100.0 * costs[ROUNDS / 2]);
}

/// Processor time, in the system's ticks, of this process's threads of one name, and of the process; where it tells.
fn processor_ticks(name: &str) -> (u64, u64) {
    let ticks = |stat: &str| -> u64 {
        let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
        fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum()
    };
    let read = |path: &Path| std::fs::read_to_string(path).unwrap_or_default();
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().filter_map(Result::ok);
    let stats = tasks.map(|task| read(&task.path().join("stat")));
    let of_name = stats.filter(|stat| stat.contains(&format!("({name})"))).map(|stat| ticks(&stat)).sum();
    (of_name, ticks(&read(Path::new("/proc/self/stat"))))
}

/// Appends [`BATCHES`] with callers enough to keep batches full.
fn record_with_callers(ledger: &Ledger) -> Duration {
    const CALLERS: usize = 4;
    std::thread::scope(|scope| {
        let begin = Instant::now();
        let callers: Vec<_> = (0..CALLERS).map(|_| scope.spawn(|| record_batches(ledger, BATCHES / CALLERS))).collect();
        for caller in callers {
            caller.join().expect("the caller ended");
        }
        begin.elapsed()
    })
}

/// Ten million events: opening, verification, proofs. A run of 1,000 events is spread over all of them.
fn ten_million(dir: &Path) {
    const EVENTS: u64 = 10_000_000;
    const RUN_EVENTS: u64 = 1_000;
    let home = dir.join("ten");
    let ledger = open(&home, Durability::Relaxed);
    let begin = Instant::now();
    // Lines of some 500 bytes: of this many, longer ones fill a small disk.
    let draft = EventDraft { input_hash: None, ..draft(EventKind::Invoke, 1) };
    let far_apart = EVENTS / RUN_EVENTS;
    let spread: omega_contract::RunId = "spread".parse().expect("a run id");
    admit(&ledger);
    for number in 0..EVENTS {
        if number % far_apart == 0 {
            // The calls of one run, each event far from the next.
            let (call, kind) = (number / far_apart / 2, number / far_apart % 2);
            let kind = if kind == 0 { EventKind::Invoke } else { EventKind::Result };
            let of_run = self::draft(kind, usize::try_from(call).expect("a small number"));
            ledger.record(EventDraft { run_id: spread.clone(), ..of_run }).expect("recorded");
        } else {
            ledger.record(draft.clone()).expect("recorded");
        }
    }
    ledger.close().expect("closed");
    println!("10 M events written, covered and closed in {:.1} s", begin.elapsed().as_secs_f64());
    let mut opened: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let begin = Instant::now();
            drop(open(&home, Durability::Relaxed));
            millis(begin.elapsed())
        })
        .collect();
    opened.sort_by(f64::total_cmp);
    println!("10 M events: opened and closed in {:.1} ms (bar: 100 ms)", opened[ROUNDS / 2]);
    let reader = LedgerReader::open(&home).expect("a reader");
    let head = *reader.newest_checkpoint(&signer().verifier_key()).expect("a checkpoint").head();
    let indexes: Vec<u64> = (0..RUN_EVENTS).map(|number| number * (EVENTS / RUN_EVENTS) + number).collect();
    let mut proved: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let begin = Instant::now();
            black_box(reader.inclusion(&indexes, &head).expect("proofs"));
            millis(begin.elapsed())
        })
        .collect();
    proved.sort_by(f64::total_cmp);
    println!("10 M events: {RUN_EVENTS} inclusion proofs, far apart, in {:.1} ms (bar: 100 ms)", proved[ROUNDS / 2]);
    export_of_a_run(&home, &spread);
    let begin = Instant::now();
    let verdict = verify(&home, &signer().verifier_key(), Strictness::Standard, |_| ()).expect("it verifies");
    let rate = verdict.events as f64 / begin.elapsed().as_secs_f64();
    println!(
        "10 M events: verified at {:.2} M events/s, tree and {} checkpoints included (bar: 1.5 M/s); {} MB resident\n",
        rate / 1e6,
        verdict.tree.checkpoints,
        resident_bytes() / 1_000_000,
    );
}

/// The decisions without which no proof of a run says who was let in, and by whom.
fn admit(ledger: &Ledger) {
    let digest = Sha256Hex::of(b"digest").to_string();
    let decide = |kind, plugin: Option<&str>, meta: &[(&'static str, &str)]| {
        let mut draft = EventDraft::system(kind);
        draft.plugin_id = plugin.map(|id| id.parse().expect("a plugin id"));
        let draft = meta.iter().fold(draft, |draft, (key, value)| draft.with(key, *value));
        ledger.record(draft).expect("recorded");
    };
    let plugin = Some("text-stats");
    decide(EventKind::Policy, None, &[("action", "trust"), ("key_id", "k")]);
    decide(EventKind::Register, plugin, &[("package_digest", &digest), ("version", "1.0.0"), ("key_id", "k")]);
    decide(EventKind::Enable, plugin, &[("version", "1.0.0")]);
}

/// A run's proof out of the large ledger. Events were written faster than the index takes them, and what it has not come to
/// is read through; so it is given time first.
fn export_of_a_run(home: &Path, run_id: &omega_contract::RunId) {
    let ledger = open(home, Durability::Batch);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let export = |round: usize| {
        let request = ExportRequest {
            run_id: run_id.clone(),
            proof_id: format!("01KAGXYZ0123456789ABCD{round:04}"),
            created_at: Timestamp::EPOCH,
            caller: omega_contract::Caller::default(),
        };
        let begin = Instant::now();
        let bundle = runtime.block_on(ledger.export_run(request, |_| Vec::new())).expect("a bundle");
        black_box(bundle);
        millis(begin.elapsed())
    };
    let begin = Instant::now();
    let mut tries = 0;
    while export(tries) > 100.0 && begin.elapsed() < Duration::from_mins(6) {
        tries += 1;
        std::thread::sleep(Duration::from_secs(2));
    }
    let indexed = begin.elapsed().as_secs_f64();
    let mut exported: Vec<f64> = (0..ROUNDS).map(|round| export(1_000 + round)).collect();
    exported.sort_by(f64::total_cmp);
    println!(
        "10 M events: proof of a run of 1,000 in {:.1} ms, its verification included (bar: 100 ms), once the index had caught up after {indexed:.0} s",
        exported[ROUNDS / 2],
    );
}

/// The process's memory at its most, where the system tells.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    peak.unwrap_or(0) * 1024
}

/// 256 callers at once on a multi-thread runtime.
fn callers(dir: &Path, durability: Durability) {
    const CALLERS: usize = 256;
    const CALLS: usize = 400;
    let ledger = Arc::new(open(&dir.join(format!("callers-{}", durability.as_str())), durability));
    let runtime = tokio::runtime::Builder::new_multi_thread().build().expect("a runtime");
    let begin = Instant::now();
    runtime.block_on(async {
        let tasks: Vec<_> = (0..CALLERS)
            .map(|caller| {
                let ledger = Arc::clone(&ledger);
                tokio::spawn(async move {
                    for call in 0..CALLS {
                        let number = caller * CALLS + call;
                        ledger.record(draft(EventKind::Invoke, number)).expect("recorded");
                        let recorded = ledger.record(draft(EventKind::Result, number)).expect("recorded");
                        ledger.durable(recorded).await.expect("durable");
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("the caller ended");
        }
    });
    let rate = (CALLERS * CALLS) as f64 / begin.elapsed().as_secs_f64();
    println!("{CALLERS} callers, {}: {rate:.0} calls/s", durability.as_str());
}
