//! From a payload to an answer: take the payload as the function's type, call it, and write down what it says.

use crate::{Call, FromPayload, IntoOutcome, Outcome, Payload, Refusal};

/// A function that can be a plugin: `Fn(input) -> Result<output, refusal>`, or with a second argument `&Call`.
///
/// `Arguments` tells the two shapes apart and is inferred.
#[diagnostic::on_unimplemented(
    message = "this function cannot be a plugin",
    note = "a plugin is fn(input) -> Result<output, Refusal> or fn(input, &Call) -> Result<output, Refusal>",
    note = "input is Text, Json<T>, RawJson, BinaryRef, DatasetSlice or Payload",
    note = "output is one of these or a Reply of one; T: Deserialize to be read, Serialize to be returned"
)]
pub trait Handler<Arguments> {
    /// Answers one call.
    ///
    /// # Errors
    /// The function's own refusal, or one about a payload that it does not take.
    fn handle(&self, payload: Payload, call: &Call) -> Result<Outcome, Refusal>;
}

impl<F, I, R, E> Handler<(I,)> for F
where
    F: Fn(I) -> Result<R, E>,
    I: FromPayload,
    R: IntoOutcome,
    E: Into<Refusal>,
{
    fn handle(&self, payload: Payload, _call: &Call) -> Result<Outcome, Refusal> {
        answer(self(I::from_payload(payload)?))
    }
}

impl<F, I, R, E> Handler<(I, &Call)> for F
where
    F: Fn(I, &Call) -> Result<R, E>,
    I: FromPayload,
    R: IntoOutcome,
    E: Into<Refusal>,
{
    fn handle(&self, payload: Payload, call: &Call) -> Result<Outcome, Refusal> {
        answer(self(I::from_payload(payload)?, call))
    }
}

fn answer<R: IntoOutcome, E: Into<Refusal>>(said: Result<R, E>) -> Result<Outcome, Refusal> {
    match said {
        Ok(result) => Ok(result.into_outcome()),
        Err(refusal) => Err(refusal.into()),
    }
}

/// Compiles where the function can be a plugin. `#[plugin]` uses it for its error message.
#[doc(hidden)]
pub fn fits<Arguments>(_function: impl Handler<Arguments>) {}
