//! Arrivals at a rate, made by a thread of their own.
//!
//! Making arrivals costs processor time of the machine that is measured. So that it is the same at every load, the
//! machinery makes as many arrivals for a measurement of the peak as for one of twice the peak: what is not meant for
//! the gateway is a blank, a task with a request of its own that is dropped where the others call.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use omega_contract::{ErrorCode, Payload, PluginId, RequestPolicy, Status};
use omega_gateway::{Gateway, request};

use crate::{Quantiles, resident_bytes};

/// How often the thread looks for arrivals that are due.
const PACE: Duration = Duration::from_micros(250);
/// How often it looks at the memory.
const LOOK: Duration = Duration::from_millis(50);

/// What is called, and with what.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) gateway: Gateway,
    pub(crate) plugin: PluginId,
    pub(crate) text: Arc<str>,
}

impl Asked {
    /// Whether it was served; refused for want of a place is the only other way.
    pub(crate) async fn call(&self) -> bool {
        let answer = self.gateway.invoke(&self.plugin, self.request()).await.unwrap();
        match (answer.response.status, answer.reason) {
            (Status::Ok, _) => true,
            (Status::Rejected, Some(ErrorCode::Overloaded)) => false,
            other => panic!("{other:?}: {}", answer.response.notes),
        }
    }

    fn request(&self) -> omega_contract::PluginRequest {
        let mut asked = request(Payload::text(&*self.text));
        asked.policy = Some(RequestPolicy { deterministic_only: false, timeout_ms: 10_000, max_retries: 0 });
        asked
    }
}

/// What came of arrivals at a rate.
#[derive(Default)]
pub(crate) struct Load {
    seconds: f64,
    calls: u64,
    /// Before the end alone.
    served_in_time: u64,
    /// From when the call was handed to the runtime to its answer.
    pub(crate) served: Quantiles,
    pub(crate) refused: Quantiles,
    /// By how much an arrival was handed over later than it was due, for want of a processor.
    pub(crate) late: Quantiles,
    /// The most that was resident while it lasted, less what was at its beginning.
    pub(crate) growth_bytes: f64,
}

impl Load {
    pub(crate) fn offered_rate(&self) -> f64 {
        self.calls as f64 / self.seconds
    }

    pub(crate) fn served_rate(&self) -> f64 {
        self.served_in_time as f64 / self.seconds
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.seconds += other.seconds;
        self.calls += other.calls;
        self.served_in_time += other.served_in_time;
        self.served.extend(&other.served);
        self.refused.extend(&other.refused);
        self.late.extend(&other.late);
        self.growth_bytes = self.growth_bytes.max(other.growth_bytes);
    }
}

#[derive(Default)]
struct Answers {
    served: Quantiles,
    refused: Quantiles,
    served_in_time: u64,
}

/// Calls that come at this rate, whether or not the earlier ones were answered, among blanks that come as often as is
/// said.
pub(crate) async fn offer(asked: &Asked, (calls_rate, blanks_rate): (f64, f64), seconds: f64) -> Load {
    let answers = Arc::new(Mutex::new(Answers::default()));
    let (asked, told) = (asked.clone(), Arc::clone(&answers));
    let runtime = tokio::runtime::Handle::current();
    let generator = std::thread::spawn(move || {
        come_before_the_gateway();
        let rate = calls_rate + blanks_rate;
        let (mut arrivals, mut calls, mut late) = (0_u64, 0_u64, Quantiles::default());
        let before = resident_bytes();
        let (mut peak, mut looks) = (before, 0);
        let started = Instant::now();
        while started.elapsed().as_secs_f64() < seconds {
            while Duration::from_secs_f64(arrivals as f64 / rate) <= started.elapsed() {
                let handed = Instant::now();
                late.add((handed - started).saturating_sub(Duration::from_secs_f64(arrivals as f64 / rate)));
                let (asked, told) = (asked.clone(), Arc::clone(&told));
                arrivals += 1;
                // Spread evenly among the blanks.
                let is_blank = calls as f64 >= arrivals as f64 * calls_rate / rate;
                calls += u64::from(!is_blank);
                runtime.spawn(async move {
                    if is_blank {
                        drop(std::hint::black_box(asked.request()));
                        return;
                    }
                    let is_served = asked.call().await;
                    let ended = Instant::now();
                    let in_time = ended.duration_since(started).as_secs_f64() < seconds;
                    // A thread that were told of each would be woken for each, and take as much as the calls.
                    let mut told = told.lock().unwrap();
                    let times = if is_served { &mut told.served } else { &mut told.refused };
                    times.add(ended - handed);
                    told.served_in_time += u64::from(is_served && in_time);
                });
            }
            if started.elapsed() > LOOK * looks {
                peak = peak.max(resident_bytes());
                looks += 1;
            }
            std::thread::sleep(PACE);
        }
        (calls, late, peak - before)
    });
    let (calls, late, growth_bytes) = tokio::task::spawn_blocking(move || generator.join().unwrap()).await.unwrap();
    while Arc::strong_count(&answers) > 1 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let Answers { served, refused, served_in_time } = std::mem::take(&mut *answers.lock().unwrap());
    Load { seconds, calls, served_in_time, served, refused, late, growth_bytes }
}

/// What comes from outside comes when it comes, as a network card's interrupt does: where the system lets it, this
/// thread is not kept waiting for a processor by the gateway's. Where not, the table's column `late` says so.
fn come_before_the_gateway() {
    let Ok(thread) = std::fs::read_link("/proc/thread-self") else { return };
    let Some(id) = thread.file_name().and_then(|id| id.to_str()) else { return };
    let raised = std::process::Command::new("chrt").args(["--fifo", "--pid", "50", id]).output();
    drop(raised);
}
