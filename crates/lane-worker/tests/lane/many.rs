//! Many programs in one lane: what is not used costs nothing, and comes back when it is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use omega_contract::Lane;
use omega_contract::ports::{LaneEnding, ReadyProgram};
use omega_lane_worker::{Counts, WorkerLane, WorkerLaneOptions};

use crate::support::{options, program, run};

const INSTALLED: usize = 1_000;
const IN_USE: usize = 8;
const ZYGOTES_MAX: usize = 3;

fn source(number: usize) -> String {
    format!(
        "from omega_plugin import Text, plugin\n\n@plugin\ndef handle(text: Text) -> Text:\n    return Text('{number}')\n"
    )
}

/// Waits until the lane holds what is wanted; what it held last, if it never did.
fn settles(lane: &WorkerLane, wanted: impl Fn(Counts) -> bool) -> Result<(), Counts> {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let counts = lane.counts();
        if wanted(counts) {
            return Ok(());
        }
        if Instant::now() > until {
            return Err(counts);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

async fn answers(ready: &Arc<dyn ReadyProgram>, number: usize) {
    let report = run(ready, "go").await;
    let LaneEnding::Finished(output) = &report.ending else { panic!("{report:?}") };
    assert!(format!("{:?}", output.payload).contains(&format!("\"{number}\"")), "{report:?}");
}

#[tokio::test]
async fn what_is_not_used_costs_nothing() {
    let options =
        WorkerLaneOptions { zygotes_max: ZYGOTES_MAX, ready_max: 1, idle_max: Duration::from_secs(1), ..options() };
    let lane = WorkerLane::new(&options).unwrap_or_else(|refusal| panic!("{refusal}"));
    for number in 0..INSTALLED {
        lane.inspect(&program(&source(number))).unwrap();
    }
    // The canary's goes, and no other came.
    assert_eq!(settles(&lane, |counts| counts == Counts::default()), Ok(()));

    let mut programs = Vec::new();
    for number in 0..IN_USE {
        let ready = lane.prepare(&program(&source(number))).unwrap();
        answers(&ready, number).await;
        programs.push(ready);
    }
    assert_eq!(settles(&lane, |counts| counts.zygotes <= ZYGOTES_MAX), Ok(()), "more than there may be");
    assert_eq!(settles(&lane, |counts| counts == Counts::default()), Ok(()), "nobody called for a while");
    for (number, ready) in programs.iter().enumerate() {
        answers(ready, number).await;
    }
    drop(programs);
    assert_eq!(settles(&lane, |counts| counts == Counts::default()), Ok(()), "nobody needs them any more");
}
