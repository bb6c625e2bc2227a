//! The lane's processes end with what they belong to: the helper with the gateway, everything with the helper.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use omega_contract::ports::{LaneEnding, ProgramExit};
use omega_contract::{ErrorCode, Lane};
use omega_lane_worker::WorkerLane;

use crate::outside::host::{Nested, cgroup_folders, helper_of, nested, own_pid, until};
use crate::support::{call, options, program, text};

const AT_WORK: &str = "
import time
from omega_plugin import Text, plugin

@plugin
def handle(text: Text) -> Text:
    if text.content == 'work':
        while True:
            pass
    if text.content == 'sleep':
        time.sleep(3600)
    return text
";
const CHILD: &str = "OMEGA_TEST_CHILD";

/// Not a test by itself: a gateway with one plugin busy and one asleep, which another test kills.
#[tokio::test]
async fn a_gateway_to_be_killed() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let lane = WorkerLane::new(&options()).unwrap();
    let ready = lane.prepare(&program(AT_WORK)).unwrap();
    for what in ["work", "sleep"] {
        let ready = Arc::clone(&ready);
        tokio::spawn(async move { ready.run(call(text(what), Duration::from_secs(60))).await });
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    println!("\nat work");
    std::io::stdout().flush().unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    drop(lane);
}

fn gateway() -> (Child, i32) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["ends::a_gateway_to_be_killed", "--exact", "--nocapture"])
        .env(CHILD, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line == "at work"), "it works");
    let helper = helper_of(i32::try_from(child.id()).unwrap()).expect("it has a helper");
    let own = of(helper);
    assert!(own.len() >= 5, "a zygote, two inits, two programs: {own:?}");
    (child, helper)
}

fn of(helper: i32) -> Vec<Nested> {
    nested().into_iter().filter(|process| process.helper == Some(helper)).collect()
}

/// Nothing of these is there any more, whoever they belong to by now.
fn gone(pids: &[i32]) {
    until("what a killed lane leaves", || {
        let left: Vec<Nested> =
            nested().into_iter().filter(|process| pids.contains(&process.pid) && process.state != 'Z').collect();
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    });
}

#[test]
fn nothing_is_left_of_a_gateway_that_is_killed() {
    let (mut gateway, helper) = gateway();
    let pids: Vec<i32> = of(helper).iter().map(|process| process.pid).collect();
    gateway.kill().unwrap();
    gateway.wait().unwrap();
    gone(&pids);
    until("control groups", || {
        let left = cgroup_folders(helper);
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    });
}

#[test]
fn nothing_is_left_of_a_helper_that_is_killed() {
    let (mut gateway, helper) = gateway();
    let pids: Vec<i32> = of(helper).iter().map(|process| process.pid).collect();
    rustix::process::kill_process(rustix::process::Pid::from_raw(helper).unwrap(), rustix::process::Signal::KILL)
        .unwrap();
    gone(&pids);
    gateway.kill().unwrap();
    gateway.wait().unwrap();
}

/// The next call is served by another helper, which clears away what the first left.
#[tokio::test]
async fn a_lane_outlives_its_helper() {
    let lane = WorkerLane::new(&options()).unwrap();
    let ready = lane.prepare(&program(AT_WORK)).unwrap();
    let helper = {
        let own = own_pid();
        // Other tests of this process have lanes of their own.
        let before = helper_of(own).unwrap();
        rustix::process::kill_process(rustix::process::Pid::from_raw(before).unwrap(), rustix::process::Signal::KILL)
            .unwrap();
        before
    };
    // One helper a second is started at most.
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let report = ready.run(call(text("again"), Duration::from_secs(20))).await;
    assert!(matches!(report.ending, LaneEnding::Finished(_)), "{report:?}");
    assert!(cgroup_folders(helper).is_empty(), "the first one's control groups");
}

/// A call that is under way when the helper is killed says that it was the lane's end, not the program's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_not_blamed_for_the_helpers_end() {
    let lane = WorkerLane::new(&options()).unwrap();
    let ready = lane.prepare(&program(AT_WORK)).unwrap();
    let calling = tokio::spawn(async move { ready.run(call(text("sleep"), Duration::from_secs(20))).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let helper = helper_of(own_pid()).unwrap();
    rustix::process::kill_process(rustix::process::Pid::from_raw(helper).unwrap(), rustix::process::Signal::KILL)
        .unwrap();
    let report = calling.await.unwrap();
    assert!(matches!(report.ending, LaneEnding::Failed { reason: ErrorCode::LaneUnavailable, .. }), "{report:?}");
}

#[test]
fn a_lane_that_is_dropped_ends_its_helper() {
    let lane = WorkerLane::new(&options()).unwrap();
    let own = own_pid();
    let helper = helper_of(own).unwrap();
    drop(lane);
    until("the helper ends", || if helper_of(own) == Some(helper) { Err(format!("{helper} lives")) } else { Ok(()) });
}

const CRASHES: &str = "
import os
from omega_plugin import Text, plugin

@plugin
def handle(text: Text) -> Text:
    os._exit(3)
";

/// Calls that end badly leave nothing, however many there are: no descriptor, no process, no control group.
#[tokio::test]
async fn hundreds_of_crashes_leave_nothing() {
    let lane = WorkerLane::new(&options()).unwrap();
    let ready = lane.prepare(&program(CRASHES)).unwrap();
    let helper = helper_of(own_pid()).unwrap();
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let mut before = None;
    for round in 0..3 {
        for _ in 0..100 {
            let report = ready.run(call(text("again"), Duration::from_secs(20))).await;
            assert!(
                matches!(report.ending, LaneEnding::Failed { exit: ProgramExit::PluginError, .. }),
                "round {round}: {report:?}"
            );
        }
        until("the lane is at rest", || {
            let counts = lane.counts();
            let ready = counts.ready;
            // A zygote; of each worker an init and a program; five descriptors.
            let processes = of(helper).len();
            let descriptors = open() - ready * 5;
            let is_at_rest = counts.workers == ready && ready > 0 && processes == 1 + 2 * ready;
            if is_at_rest && *before.get_or_insert(descriptors) == descriptors {
                Ok(())
            } else {
                Err(format!("{counts:?}, {processes} processes, {descriptors} descriptors, before {before:?}"))
            }
        });
        let places = cgroup_folders(helper).iter().map(|folder| std::fs::read_dir(folder).unwrap().count()).max();
        assert!(places.is_none_or(|places| places < 40), "round {round}: {places:?} control groups' files");
    }
}

/// One program hangs while it is imported; another is served meanwhile, and the first is told to its operator.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_hangs_holds_nobody_up() {
    let lane = Arc::new(WorkerLane::new(&options()).unwrap());
    let hanging = Arc::clone(&lane);
    let hanging = std::thread::spawn(move || hanging.prepare(&program("import time\ntime.sleep(3600)\n")).map(drop));
    let ready = lane.prepare(&program(AT_WORK)).unwrap();
    for _ in 0..50 {
        let report = ready.run(call(text("meanwhile"), Duration::from_secs(20))).await;
        assert!(matches!(report.ending, LaneEnding::Finished(_)), "{report:?}");
    }
    let refusal = tokio::task::spawn_blocking(move || hanging.join().unwrap()).await.unwrap().unwrap_err();
    assert!(refusal.detail.contains("not imported in 60 s"), "{refusal}");
}

/// A zygote that is killed takes its workers with it; the next call has others, and nothing of the first is kept in mind.
#[tokio::test]
async fn a_program_outlives_its_zygote() {
    let lane = WorkerLane::new(&options()).unwrap();
    let ready = lane.prepare(&program(AT_WORK)).unwrap();
    let helper = helper_of(own_pid()).unwrap();
    for round in 0..3 {
        let report = ready.run(call(text("round"), Duration::from_secs(20))).await;
        assert!(matches!(report.ending, LaneEnding::Finished(_)), "{round}: {report:?}");
        until("workers that wait", || {
            let counts = lane.counts();
            if counts.ready > 0 && counts.workers == counts.ready { Ok(()) } else { Err(format!("{counts:?}")) }
        });
        let zygote = of(helper).first().expect("a zygote").zygote;
        rustix::process::kill_process(rustix::process::Pid::from_raw(zygote).unwrap(), rustix::process::Signal::KILL)
            .unwrap();
        until("nothing is kept in mind", || {
            let counts = lane.counts();
            if counts.workers == 0 && counts.zygotes == 0 { Ok(()) } else { Err(format!("{counts:?}")) }
        });
    }
}
