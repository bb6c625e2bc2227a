//! Has a worker import its program, ahead of any call.
//!
//! What never happens here: a request, or a word of the program that is taken for an answer.

use std::time::Instant;

use super::NoWorker;
use crate::call::{output_text, shown};
use crate::frames::Said;
use crate::limits::{FRAME_BYTES_MARGIN, IMPORT_MAX};
use crate::messages::Failure;
use crate::program::Program;
use crate::worker::{Event, Exit, Worker};

/// An import may log so many lines: they are read on the thread that serves all programs.
const IMPORT_LINES_MAX: u32 = 1_000;

/// Has a worker import its program.
pub(super) async fn import(mut worker: Worker, program: &Program) -> Result<Worker, NoWorker> {
    let deadline = Instant::now() + IMPORT_MAX;
    let event = {
        let mut talk = worker.open(deadline).map_err(|error| NoWorker::Failure(Failure::new("worker", error)))?;
        let sent = talk.send(&program.load, deadline).await;
        let mut lines = 0;
        let event = loop {
            match talk.next(FRAME_BYTES_MARGIN, deadline).await {
                // Nobody called it yet: there is nobody to log for.
                Event::Said(Said::Log { .. }) if lines < IMPORT_LINES_MAX => lines += 1,
                event => break event,
            }
        };
        talk.drain_output();
        sent.err().unwrap_or(event)
    };
    let why = match event {
        Event::Said(Said::Loaded) => return Ok(worker),
        Event::Said(Said::LoadFailed(error)) => shown(&error),
        Event::Said(_) => "it broke the protocol before it was loaded".to_owned(),
        Event::Broken(why) => format!("it broke the protocol: {why}"),
        Event::TooLong(length) => format!("it broke the protocol with a frame of {length} bytes"),
        Event::Ended { ended, .. } => match ended.exit {
            Exit::Code(code) => format!("its program ended the process with code {code} while it was imported"),
            Exit::Signal(signal) => format!("its process died of signal {signal} while its program was imported"),
            Exit::Refused { syscall } => {
                format!(
                    "its program asked the kernel for {} while it was imported, and was killed",
                    crate::policy::call_name(syscall)
                )
            }
            Exit::Unknown => "its sandbox was killed while its program was imported".to_owned(),
        },
        Event::Deadline => format!("its program was not imported in {} s", IMPORT_MAX.as_secs()),
    };
    let output = output_text(worker.output());
    worker.kill();
    Err(NoWorker::LoadFailed { detail: format!("the program cannot be loaded: {why}"), output })
}
