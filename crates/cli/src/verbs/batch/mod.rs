//! `omega batch`: many requests, one a line, answered in their order.
//!
//! Memory is bounded by the concurrency, whatever the files hold. A batch that was cut off goes on where it stopped:
//! what stands in the output is not asked again, and what only the ledger knows is read from there.

mod earlier;
mod lines;
mod request;
mod written;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use clap::Args;
use futures_util::{Stream, StreamExt as _, stream};
use omega_gateway::broker::ArtifactStore;
use omega_gateway::contract::{ErrorCode, PluginId, PluginRef, PluginRequest, RequestId, RunId, Status};
use omega_gateway::{Home, HomeReader};
use omega_server::local::operations::{Hello, Invoke};
use omega_server::local::{Door, Told};
use serde_json::json;
use tokio::sync::mpsc;

use self::earlier::{Earlier, Known};
use self::lines::{Line, Lines};
use self::request::Defaults;
use self::written::{Answered, Written};
use super::invoke::callee;
use crate::fault::{Exit, Fault};
use crate::output::{Cell, Counted, Form, Output, Progress};
use crate::session::Session;
use crate::{input, show};

/// Send many requests to a plugin, one a line, and write the answers in the same order
///
/// A line of the input is a payload (`{"kind":"text",…}`), or an object with `payload` and, if wanted, `request_id`,
/// `run_id`, `context` and `policy`; a whole request is one too. A line of the output is the response with `batch`,
/// `line`, `run_id`, `reason` and `event_index`. The same command again goes on where the last one was cut off.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  omega batch text-stats --input texts.ndjson --output reports.ndjson --concurrency 8"
)]
pub(crate) struct Batch {
    /// The plugin: id, id@version or publisher/id
    #[arg(value_name = "REF")]
    plugin: PluginRef,
    /// The requests (`-`: standard input)
    #[arg(long, short, value_name = "FILE.ndjson")]
    input: PathBuf,
    /// The answers (`-`: standard output)
    #[arg(long, short, value_name = "FILE.ndjson")]
    output: PathBuf,
    /// Calls at the same time, at most as many as the plugin takes [default: the machine's processors]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(CONCURRENCY_MAX)))]
    concurrency: Option<u32>,
    /// The run [default: named after plugin and input, so that the same batch is the same run]
    #[arg(long, value_name = "R")]
    run_id: Option<RunId>,
}

/// Calls of one batch at the same time.
const CONCURRENCY_MAX: u32 = 256;

/// Requests of which it is remembered that they were sent: more than an earlier batch could have under way.
const SENT_FIRST_MAX: usize = 2 * CONCURRENCY_MAX as usize;
/// Time between two looks for the outcome of a call that is under way elsewhere.
const ENDED_PAUSE: Duration = Duration::from_millis(20);

/// How often a call that a crash cut off is sent anew under another id.
const RESENDS_MAX: u32 = 100;

/// What all lines of a batch share.
#[derive(Clone)]
struct Shared {
    door: Door,
    /// Results of an earlier try lie here.
    artifacts: Arc<ArtifactStore>,
    plugin_id: PluginId,
    defaults: Defaults,
    earlier: Arc<Earlier>,
    sent: SentFirst,
    home: Home,
}

/// How a batch went.
#[derive(Debug, Default)]
struct Tally {
    answered: u64,
    by_status: BTreeMap<&'static str, u64>,
}

impl Batch {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        let manifest = callee(&session.reader()?, &self.plugin)?.and_then(|details| details.manifest);
        let (run_id, lines_total) = self.run_and_total()?;
        let mut written = Written::open(&self.output, &run_id)?;
        let lines = Lines::open(&self.input, written.last_line())?;
        let skipped = written.last_line();
        let began = Instant::now();
        let bar = output.progress("answering", Counted::Things, lines_total);
        bar.at(skipped);
        let tally = session.with_door(async |door| {
            let reader = session.reader()?;
            let earlier = Earlier::of(&reader, &run_id)?.into();
            let calls_max = door.ask(Hello {}).await?.calls_max;
            let shared = Shared {
                door: door.clone(),
                artifacts: Arc::clone(reader.brokers().artifacts()),
                plugin_id: self.plugin.plugin_id.clone(),
                defaults: Defaults { run_id: run_id.clone() },
                earlier,
                sent: SentFirst::default(),
                home: reader.home().clone(),
            };
            let places = self.places(manifest.as_ref().map(|manifest| manifest.limits.max_concurrency), calls_max);
            answer_all(shared, lines, places, &mut written, output, &bar).await
        });
        drop(bar);
        let tally = tally?;
        self.summarise(&run_id, skipped, &tally, began.elapsed(), output)?;
        let all_ok = tally.by_status.keys().all(|status| *status == Status::Ok.as_str());
        Ok(if all_ok { Exit::Done } else { Exit::No })
    }

    /// The run, and how many lines there are where the input can be read twice.
    fn run_and_total(&self) -> Result<(RunId, Option<u64>), Fault> {
        if input::is_standard_input(&self.input) {
            let fresh = || omega_gateway::request(omega_gateway::contract::Payload::text("")).run_id;
            return Ok((self.run_id.clone().unwrap_or_else(fresh), None));
        }
        let (digest, lines) = lines::digest(&self.input)?;
        let named = format!("batch-{}-{}", self.plugin.plugin_id, show::short_hash(&digest));
        let named = named.parse().map_err(|_| Fault::new(ErrorCode::RequestInvalid).with("run", &named))?;
        Ok((self.run_id.clone().unwrap_or(named), Some(lines)))
    }

    /// No more calls at once than the plugin and the gateway take: more would only be refused.
    fn places(&self, of_plugin: Option<u32>, calls_max: u32) -> usize {
        let processors = available_parallelism().map_or(1, |count| u32::try_from(count.get()).unwrap_or(1));
        let wanted = self.concurrency.unwrap_or(processors);
        let places = wanted.min(of_plugin.unwrap_or(wanted)).min(calls_max).max(1);
        usize::try_from(places).unwrap_or(1)
    }

    fn summarise(
        &self,
        run_id: &RunId,
        skipped: u64,
        tally: &Tally,
        elapsed: Duration,
        output: &mut Output,
    ) -> Result<(), Fault> {
        let seconds = elapsed.as_secs_f64().max(0.001);
        #[expect(clippy::cast_precision_loss, reason = "lossless below 2^53 lines")]
        let per_second = tally.answered as f64 / seconds;
        let statuses = tally.by_status.iter().map(|(status, count)| format!("{count} {status}"));
        let mut pieces = vec![
            Cell::plain(format!(
                "{} in {seconds:.1} s ({per_second:.0} a second):",
                show::count(tally.answered, "answer")
            )),
            Cell::plain(show::list(statuses, "nothing to do")),
            Cell::faint(format!("run {run_id}")),
        ];
        if skipped > 0 {
            pieces.push(Cell::faint(format!("({} answered before)", show::count(skipped, "line"))));
        }
        output.note(pieces);
        if output.form() == Form::Json && !input::is_standard_input(&self.output) {
            output.document(&json!({
                "run_id": run_id,
                "answered": tally.answered,
                "lines_answered_before": skipped,
                "statuses": tally.by_status,
            }))?;
        }
        Ok(())
    }
}

/// Answers line by line, `places` at a time, and writes the answers in the order of the lines.
async fn answer_all(
    shared: Shared,
    lines: Lines,
    places: usize,
    written: &mut Written,
    output: &mut Output,
    bar: &Progress,
) -> Result<Tally, Fault> {
    let mut tally = Tally::default();
    let batch = shared.defaults.run_id.clone();
    let answers = read_apart(lines).map(|line| answer_apart(shared.clone(), line)).buffered(places);
    let mut answers = std::pin::pin!(answers);
    while let Some(answered) = answers.next().await {
        let mut answered = answered?;
        tally.answered += 1;
        *tally.by_status.entry(answered.status()).or_default() += 1;
        written.write(&mut answered, &batch, output)?;
        bar.step();
    }
    written.finish()?;
    Ok(tally)
}

/// Reads the lines on a thread of their own, one ahead: an answer does not wait for the next line of a slow pipe.
fn read_apart(lines: Lines) -> impl Stream<Item = Result<Line, Fault>> {
    let (sender, receiver) = mpsc::channel(1);
    // Not one of the runtime's threads: it may stay in a read that never ends, and the process may go all the same.
    std::thread::spawn(move || {
        for line in lines {
            if sender.blocking_send(line).is_err() {
                break;
            }
        }
    });
    stream::unfold(receiver, async |mut receiver| receiver.recv().await.map(|line| (line, receiver)))
}

/// A task of its own for each call: they run beside each other.
async fn answer_apart(shared: Shared, line: Result<Line, Fault>) -> Result<Answered, Fault> {
    let line = line?;
    let task = tokio::spawn(answer(shared, line));
    task.await.map_err(|error| Fault::new(ErrorCode::Interrupted).because(error))?
}

async fn answer(shared: Shared, line: Line) -> Result<Answered, Fault> {
    let (number, mut request) = match shared.defaults.request(&line) {
        Ok(request) => (line.number, request),
        Err(fault) => return Ok(Answered::unreadable(line.number, &shared.defaults.run_id, &shared.plugin_id, &fault)),
    };
    let first_id = request.request_id.clone();
    let is_ours = request.run_id == shared.defaults.run_id;
    let sending = if is_ours { shared.sent.begin(&first_id).await } else { None };
    let mut earlier = Arc::clone(&shared.earlier);
    let mut resend = 1;
    loop {
        match earlier.of_request(&request) {
            // What is known of an id that another line has as well is that one's answer.
            _ if sending.is_none() => {}
            Known::Outcome(event) => {
                return Ok(Answered::from_ledger(number, &request, &shared.plugin_id, event, &shared.artifacts));
            }
            // What a crash cut off has an id that cannot be used again.
            Known::Interrupted if resend < RESENDS_MAX => {
                resend += 1;
                request.request_id = resent(&first_id, resend)?;
                continue;
            }
            Known::Interrupted | Known::Nothing => {}
        }
        let run_id = request.run_id.clone();
        let again = sending.is_some().then(|| request.clone());
        let answer =
            shared.door.ask(Invoke { plugin_id: shared.plugin_id.clone(), request, told: Told::default() }).await?;
        match again {
            // A server still had the call of a command that was killed just before: how that ends is the answer.
            Some(same) if answer.reason == Some(ErrorCode::DuplicateRequest) => {
                request = same;
                earlier = ended(&shared, &request).await?;
            }
            _ => return Ok(Answered::of(number, &run_id, &answer)),
        }
    }
}

/// Waits until the ledger knows how a request ended that is under way elsewhere.
async fn ended(shared: &Shared, request: &PluginRequest) -> Result<Arc<Earlier>, Fault> {
    loop {
        let earlier = Earlier::of(&HomeReader::open(&shared.home)?, &shared.defaults.run_id)?;
        if !matches!(earlier.of_request(request), Known::Nothing) {
            return Ok(Arc::new(earlier));
        }
        tokio::time::sleep(ENDED_PAUSE).await;
    }
}

/// The requests that a batch sends first, and whether they have their answers. Among them are those that a command which was
/// killed may have left under way.
#[derive(Debug, Clone, Default)]
struct SentFirst(Arc<Mutex<HashMap<RequestId, bool>>>);

/// One of them, until it has its answer.
struct Sending {
    sent: SentFirst,
    id: RequestId,
}

impl SentFirst {
    /// Notes a request, if it is one of the first. Of two lines with one id the other is none: it waits for the first and
    /// is sent then, so that it is the one that the gateway refuses.
    async fn begin(&self, id: &RequestId) -> Option<Sending> {
        {
            let mut sent = self.lock();
            if !sent.contains_key(id) {
                let is_first = sent.len() < SENT_FIRST_MAX;
                if is_first {
                    sent.insert(id.clone(), false);
                }
                return is_first.then(|| Sending { sent: self.clone(), id: id.clone() });
            }
        }
        while self.lock().get(id) == Some(&false) {
            tokio::time::sleep(ENDED_PAUSE).await;
        }
        None
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RequestId, bool>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.sent.lock().insert(self.id.clone(), true);
    }
}

/// `ID~2`, `ID~3`, …
fn resent(first: &RequestId, resend: u32) -> Result<RequestId, Fault> {
    let id = format!("{first}~{resend}");
    id.parse().map_err(|error| Fault::new(ErrorCode::RequestInvalid).with("request", &id).because(error))
}
