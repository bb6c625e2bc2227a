//! One run of a function, and what a test asks about it.

use serde_json::Value;

use super::{Request, host};
use crate::{Handler, Outcome, Payload, Refusal, log::Level};

/// A line that the function logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// How much it matters.
    pub level: Level,
    /// What it says.
    pub message: String,
}

/// What became of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// What the function answered.
    pub answer: Result<Outcome, Refusal>,
    /// What it logged, in order.
    pub logs: Vec<LogLine>,
}

/// Calls the function with the request, as the gateway would.
///
/// # Panics
/// Where the function panics; in the gateway that is a trap, and an error of the plugin.
pub fn run<Arguments>(function: impl Handler<Arguments>, request: Request) -> Run {
    let (payload, call, named, refuses) = request.into_parts();
    let host = host::Host { named, refuses, logs: Vec::new() };
    let (answer, host) = host::during(host, || function.handle(payload, &call));
    Run { answer, logs: host.logs }
}

impl Run {
    /// The outcome.
    ///
    /// # Panics
    /// Where the function declined.
    #[track_caller]
    pub fn outcome(&self) -> &Outcome {
        match &self.answer {
            Ok(outcome) => outcome,
            Err(refusal) => panic!("the plugin declined: {refusal}"),
        }
    }

    /// The refusal.
    ///
    /// # Panics
    /// Where the function did not decline.
    #[track_caller]
    pub fn refusal(&self) -> &Refusal {
        match &self.answer {
            Err(refusal) => refusal,
            Ok(outcome) => panic!("the plugin did not decline: {outcome:?}"),
        }
    }

    /// The content of a `text` result.
    ///
    /// # Panics
    /// Where the answer is anything else.
    #[track_caller]
    pub fn text(&self) -> &str {
        match &self.outcome().payload {
            Payload::Text(text) => &text.content,
            other => panic!("the result is {}, not text", other.kind()),
        }
    }

    /// The data of a `json` result.
    ///
    /// # Panics
    /// Where the answer is anything else, or its data is not JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        match &self.outcome().payload {
            Payload::Json(json) => match serde_json::from_str(&json.data) {
                Ok(data) => data,
                Err(error) => panic!("the result's data is not JSON: {error}: {}", json.data),
            },
            other => panic!("the result is {}, not json", other.kind()),
        }
    }

    /// The notes beside the result.
    ///
    /// # Panics
    /// Where the function declined.
    #[track_caller]
    pub fn notes(&self) -> &str {
        &self.outcome().notes
    }
}
