//! Runs the rows: an attack, the check of the host, the same program once more, another program.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use omega_contract::ports::{
    GuestLogLevel, GuestPayload, Host as Brokers, LaneEnding, LaneLimits, LaneReport, ProgramExit, ReadyProgram,
};
use omega_contract::{Lane, Payload};
use omega_lane_worker::{WorkerLane, WorkerLaneOptions};
use serde_json::Value;

use crate::outside::host::{Host, cgroup_folders, helper_of, nested, own_pid, patience, until};
use crate::outside::{self, THREADS_MAX, programs};
use crate::rows::{Expected, IN_FLIGHT, Row, rows};

const BYSTANDER: &str = "
from omega_plugin import Text, plugin

@plugin
def handle(text: Text) -> Text:
    return Text(text.content.upper())
";

/// Runs these rows in a lane of their own.
pub(crate) fn run_all(options: &WorkerLaneOptions, table: &[Row]) {
    let all = [rows(), crate::javascript::rows()].concat();
    let named: BTreeSet<String> = all.iter().map(|row| row.program.to_owned()).collect();
    let there: BTreeSet<String> = programs::names().into_iter().collect();
    assert_eq!(named, there, "each program has a row, each row a program");
    let lane = WorkerLane::new(options).unwrap_or_else(|refusal| panic!("{refusal}"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let files = BTreeMap::from([("program.py".to_owned(), Arc::from(BYSTANDER.as_bytes()))]);
    let bystander = lane.prepare(&programs::program(files)).unwrap_or_else(|refusal| panic!("{refusal}"));
    let mut host = Host::new(&lane);
    let only = std::env::var("OMEGA_TEST_ROW").ok();
    let (mut failures, mut count) = (Vec::new(), 0);
    for row in table.iter().filter(|row| only.as_ref().is_none_or(|only| row.name.contains(only.as_str()))) {
        count += 1;
        let began = Instant::now();
        if let Err(why) = runtime.block_on(attack(&lane, row, &host)) {
            failures.push(format!("{}: {why}", row.name));
        }
        let check = || host.check(&lane, row.name);
        if let Err(why) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(check)) {
            failures.push(format!("{}: {:?}", row.name, why.downcast_ref::<String>()));
        }
        println!("{:>6} ms  {}", began.elapsed().as_millis(), row.name);
        let report = runtime.block_on(call(&bystander, "others".to_owned(), Duration::from_secs(20)));
        if text_of(&report) != Some("OTHERS") {
            failures.push(format!("{}: another program is not served: {:?}", row.name, report.ending));
        }
    }
    println!("{count} attacks, {} failures", failures.len());
    assert!(failures.is_empty(), "{} rows failed:\n  {}", failures.len(), failures.join("\n  "));
    let helper = helper_of(own_pid()).unwrap();
    drop(bystander);
    drop(lane);
    until("the lane is gone", || {
        let left: Vec<_> = nested().into_iter().filter(|process| process.helper == Some(helper)).collect();
        let folders = cgroup_folders(helper);
        if left.is_empty() && folders.is_empty() { Ok(()) } else { Err(format!("{left:?} {folders:?}")) }
    });
}

async fn attack(lane: &WorkerLane, row: &Row, host: &Host) -> Result<(), String> {
    let mut program = programs::hostile(row.program, row.how, row.is_native);
    program.determinism = row.determinism;
    program.limits =
        LaneLimits { memory_bytes_max: row.memory_bytes_max, host_calls_max: row.host_calls_max, ..program.limits };
    program.limits.output_bytes_max = 1024 * 1024;
    let prepared = lane.prepare(&program);
    let ready = match (prepared, &row.expected) {
        (Err(refusal), Expected::NotLoaded(words)) => {
            let is_told = refusal.detail.contains(words);
            return if is_told { Ok(()) } else { Err(format!("refused with {}", refusal.detail)) };
        }
        (Ok(_), Expected::NotLoaded(_)) => return Err("it was loaded".to_owned()),
        (Err(refusal), _) => return Err(format!("it cannot be loaded: {}", refusal.detail)),
        (Ok(ready), _) => ready,
    };
    let mut input = row.input.clone();
    input["how"] = row.how.into();
    input["profile"] = (if row.is_native { "native" } else { "pure" }).into();
    let has_cgroups =
        lane.describe().layers.iter().any(|layer| layer.name == "cgroup" && format!("{layer:?}").contains("cgroup v"));
    input["threads_max"] = (if has_cgroups { THREADS_MAX } else { 1_100 }).into();
    // Where the program waits for its call something may happen, too.
    tokio::time::sleep(row.pause).await;
    if !row.pause.is_zero() {
        host.check_waiting()?;
    }
    let mut first = None;
    for attempt in ["the first call", "the next call"] {
        let report = match row.name {
            IN_FLIGHT => beside(lane, &ready, host.facts(&input))?,
            _ => call(&ready, host.facts(&input), row.time * patience()).await,
        };
        for secret in host.secrets() {
            if format!("{report:?}").contains(&secret) {
                return Err(format!("{attempt}: it told a secret: {secret}"));
            }
        }
        judge(row, &report).map_err(|why| format!("{attempt}: {why}"))?;
        let answer = text_of(&report).map(str::to_owned);
        if row.is_same && first.get_or_insert_with(|| answer.clone()) != &answer {
            return Err(format!("the next call saw something of the first: {first:?}, {answer:?}"));
        }
    }
    Ok(())
}

/// A call, and while it lasts the first worker of another program.
fn beside(lane: &WorkerLane, ready: &Arc<dyn ReadyProgram>, content: String) -> Result<LaneReport, String> {
    let other = || {
        // By now the attack stands.
        std::thread::sleep(Duration::from_millis(700));
        let files = BTreeMap::from([("program.py".to_owned(), Arc::from(BYSTANDER.as_bytes()))]);
        lane.prepare(&programs::program(files)).map(drop).map_err(|refusal| format!("another program: {refusal}"))
    };
    let attacking = call(ready, content, Duration::from_secs(5));
    std::thread::scope(|scope| {
        let other = scope.spawn(other);
        let report = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(attacking));
        other.join().map_err(|_| "another program: it panicked".to_owned())?.map(|()| report)
    })
}

fn judge(row: &Row, report: &LaneReport) -> Result<(), String> {
    let unexpected = || Err(format!("{:?} {:?} {:.400}", report.ending, report.facts, report.output_text));
    match (&row.expected, &report.ending) {
        (Expected::NeverMade, LaneEnding::Failed { exit: ProgramExit::RefusedSystemCall, .. }) => Ok(()),
        (Expected::Held | Expected::NeverMade, LaneEnding::Finished(_)) => {
            let Some(answer) = text_of(report) else { return unexpected() };
            let answer: Value = serde_json::from_str(answer).map_err(|error| format!("{error}: {answer}"))?;
            let attempts = answer.as_object().cloned().unwrap_or_default();
            let through: Vec<_> = attempts.iter().filter(|(_, how)| how.to_string().contains("GOT")).collect();
            if attempts.is_empty() {
                return Err("it attempted nothing".to_owned());
            }
            if through.is_empty() { Ok(()) } else { Err(format!("went through: {through:?}")) }
        }
        (Expected::Answers(text), LaneEnding::Finished(_)) if text_of(report) == Some(text) => Ok(()),
        (Expected::Ends(endings), LaneEnding::Failed { reason, exit, .. }) if endings.contains(&(*exit, *reason)) => {
            Ok(())
        }
        (Expected::Refused(call), LaneEnding::Failed { exit: ProgramExit::RefusedSystemCall, .. })
            if report.facts.get("syscall").is_some_and(|name| name == call) =>
        {
            Ok(())
        }
        (Expected::Killed(signal), LaneEnding::Failed { exit: ProgramExit::Signal, .. })
            if report.facts.get("signal").is_some_and(|number| number == signal) =>
        {
            Ok(())
        }
        _ => unexpected(),
    }
}

fn text_of(report: &LaneReport) -> Option<&str> {
    match &report.ending {
        LaneEnding::Finished(output) => match &output.payload {
            GuestPayload::Text { content, .. } => Some(content),
            _ => None,
        },
        _ => None,
    }
}

async fn call(ready: &Arc<dyn ReadyProgram>, content: String, time: Duration) -> LaneReport {
    ready.run(outside::call(Payload::text(content), time, Arc::new(Nothing::default()))).await
}

/// Offers nothing, and keeps no more than a bounded part of what is logged.
#[derive(Default)]
struct Nothing {
    logged: Mutex<u64>,
}

impl Brokers for Nothing {
    fn log(&self, _: GuestLogLevel, message: &str) {
        *self.logged.lock().unwrap() += message.len() as u64;
    }
}
