//! What is asked of a helper that is busy is not lost.

use super::*;
use crate::channel::Waiting;
use crate::messages::CgroupChoice;
use crate::supervisor::HelperProgram;

#[tokio::test]
async fn what_a_busy_helper_is_asked_comes_in_order_when_it_has_time() {
    const ASKED: u64 = 5_000;
    let (ours, helper) = channel::pair().unwrap();
    let (commands, _received) = mpsc::unbounded_channel();
    let options = SupervisorOptions {
        helper: HelperProgram::This,
        cgroups: CgroupChoice::None,
        landlock_abi_max: 2,
        layers_off: 0,
        ready_max: 1,
        zygotes_max: 1,
        idle_max: Duration::from_secs(1),
    };
    let (unused, _) = channel::pair().unwrap();
    let mut state = State::new(options, unused, commands.downgrade());
    state.link = Some(open(ours).unwrap());
    for worker in 0..ASKED {
        assert!(state.ask(&Ask::EndWorker { worker }, None), "{worker}");
    }
    assert!(!state.unsent.is_empty(), "the socket holds {ASKED} messages: ask for more");
    for expected in 0..ASKED {
        let mut received = channel::receive(&helper, Waiting::No);
        if received.is_err() {
            tokio::time::timeout(Duration::from_secs(10), writable(state.link.as_ref())).await.unwrap();
            assert!(state.send_unsent());
            received = channel::receive(&helper, Waiting::No);
        }
        let received = received.unwrap();
        let asked: Ask = serde_json::from_slice(&received.bytes).unwrap();
        assert!(matches!(asked, Ask::EndWorker { worker } if worker == expected), "{asked:?} at {expected}");
    }
    assert!(state.unsent.is_empty());
}
