//! Calls that go well, and what a program hears from its host.

use std::sync::Arc;
use std::time::Duration;

use omega_contract::ports::{GuestPayload, LaneCall, LaneEnding};

use crate::support::{Heard, call, prepare, run, text};

const UPPER: &str = "
from omega_plugin import Text, plugin

@plugin
def handle(text: Text) -> Text:
    return Text(text.content.upper())
";

const TALKS: &str = "
from omega_plugin import BinaryRef, BrokerError, Text, log, plugin, progress

@plugin
def handle(text: Text) -> Text:
    log.info('begins')
    progress(0.5, 'half way')
    print('to standard output')
    try:
        return Text(str(BinaryRef('a', '0' * 64, 'text/plain').size()))
    except BrokerError as error:
        return Text(f'{error.code}: {error.message}')
";

#[tokio::test]
async fn a_program_answers() {
    let ready = prepare(UPPER);
    for content in ["one", "two", "three"] {
        let report = run(&ready, content).await;
        let LaneEnding::Finished(output) = report.ending else { panic!("{report:?}") };
        assert!(matches!(output.payload, GuestPayload::Text { content: got, .. } if got == content.to_uppercase()));
    }
}

#[tokio::test]
async fn a_program_is_heard_and_answered() {
    let ready = prepare(TALKS);
    let host = Arc::new(Heard::default());
    let call = LaneCall { host: Arc::clone(&host) as _, ..call(text("go"), Duration::from_secs(10)) };
    let report = ready.run(call).await;
    let LaneEnding::Finished(output) = report.ending else { panic!("{report:?}") };
    let GuestPayload::Text { content, .. } = output.payload else { panic!("{output:?}") };
    assert!(content.contains("denied") && content.contains("none"), "{content}");
    assert_eq!(*host.lines.lock().unwrap(), ["Info begins", "0.5 half way"]);
    assert!(report.output_text.contains("to standard output"), "{}", report.output_text);
}

/// A worker is a copy of its zygote that Python was told of in part: what it is told wrong would be found by an author's logs.
const WHO: &str = "
import os, random, sys, threading
from omega_plugin import Text, plugin

DRAWN = random.random()

@plugin
def handle(text: Text) -> Text:
    main = threading.main_thread()
    told = [main is threading.current_thread(), main.native_id == threading.get_native_id() == os.getpid()]
    told += [os.register_at_fork.__module__ == 'posix', __name__ == 'program', sys.modules['program'].DRAWN == DRAWN]
    answers = []
    thread = threading.Thread(target=lambda: answers.append(threading.active_count()))
    thread.start()
    thread.join()
    return Text(f'{all(told)} {answers} {DRAWN}')
";

#[tokio::test]
async fn a_worker_knows_which_process_and_thread_it_is() {
    let ready = prepare(WHO);
    let mut drawn = Vec::new();
    for _ in 0..3 {
        let report = run(&ready, "").await;
        let LaneEnding::Finished(output) = report.ending else { panic!("{report:?}") };
        let GuestPayload::Text { content, .. } = output.payload else { panic!("{output:?}") };
        let number = content.strip_prefix("True [2] ").unwrap_or_else(|| panic!("{content}"));
        drawn.push(number.to_owned());
    }
    drawn.sort();
    drawn.dedup();
    assert_eq!(drawn.len(), 3, "workers drew the same numbers: {drawn:?}");
}
