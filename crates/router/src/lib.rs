//! Whether, when and how often a call runs.
//!
//! The router takes a request through the steps of spec page 1 ("What `invoke` does"), writes intent
//! and outcome through the [`Recorder`](omega_contract::Recorder) and gives an answer only once its
//! outcome is durable. Pipelines are made of the same calls.
//!
//! What never happens here: a call without an INVOKE before it and exactly one outcome after it, also
//! when the caller goes away; an answer that the record does not hold.

mod asked;
mod attempt;
mod breaker;
mod call;
mod evidence;
mod passing;
mod pipeline;
mod quota;
mod redaction;
mod replay;
mod services;
mod target;
mod turns;

pub use asked::{Asked, Asker, ProgressListener};
pub use breaker::{Breaker, BreakerPolicy, Health, Open, Passage};
pub use call::{Answer, CallStages, Router, RouterPolicy};
pub use omega_contract::commitment::Salt;
pub use pipeline::{PipelineAnswer, PipelineError, StepEvidence};
pub use quota::{Gate, Overloaded, Place, QuotaPolicy};
pub use redaction::{Redacted, RedactedField, redact};
pub use replay::ReplayOf;
pub use services::{CallBrokers, Refused, Services};
pub use target::{LaneFacts, Target};
