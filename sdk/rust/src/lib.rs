//! Write a plugin for the OMEGA Plugin Gateway: one function from a typed payload to a typed payload.
//!
//! ```
//! use omega_plugin::{Json, JsonPayload, Refusal, Text, plugin};
//!
//! #[derive(serde::Serialize)]
//! struct Report {
//!     words: usize,
//! }
//!
//! impl JsonPayload for Report {
//!     const SCHEMA_REF: &'static str = "omega:word-count:output:report:v1.0.0";
//! }
//!
//! #[plugin]
//! fn handle(text: Text) -> Result<Json<Report>, Refusal> {
//!     if text.content.trim().is_empty() {
//!         return Err(Refusal::new("empty", "there are no words to count"));
//!     }
//!     Ok(Json::new(Report { words: text.content.split_whitespace().count() }))
//! }
//! # use omega_plugin::testing::{Request, run};
//! # assert_eq!(run(handle, Request::text("two words")).json()["words"], 2);
//! ```
//!
//! The argument's type says what the plugin takes: [`Text`], [`Json`], [`BinaryRef`], [`DatasetSlice`], or [`Payload`] for
//! a plugin with inputs of several kinds. Another kind, or JSON that does not fit the type, is declined before the
//! function is called. What it returns is [`Text`], [`Json`], [`BinaryRef`], or a [`Reply`] of these with notes; `Err` of
//! a [`Refusal`] declines the input. A panic is neither: it is a fault of the plugin, its message goes to stderr, and the
//! gateway journals an error.
//!
//! Built for `wasm32-wasip2` the crate is a component of the world in `wit/plugin.wit`. On every other target the same
//! function runs under [`testing`], without a gateway.
//!
//! What never happens here: no state outlives a call, and nothing is read but what the request names.

#[cfg(target_family = "wasm")]
#[allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    reason = "written by wit-bindgen; checked by tests/bindings.rs"
)]
#[rustfmt::skip]
#[doc(hidden)]
pub mod bindings;
mod binary_ref;
mod broker;
mod call;
mod dataset_slice;
mod handler;
mod json;
pub mod log;
mod payload;
mod reply;
#[cfg(target_family = "wasm")]
mod serve;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
mod text;

pub use binary_ref::{ArtifactReader, BinaryRef};
pub use broker::BrokerError;
pub use call::Call;
pub use dataset_slice::{DatasetSlice, Rows};
pub use handler::Handler;
pub use json::{Json, JsonPayload, RawJson};
/// ```
/// use omega_plugin::{Call, Refusal, Text, plugin};
///
/// #[plugin]
/// fn shout(text: Text, _call: &Call) -> Result<Text, Refusal> {
///     Ok(Text::new(text.content.to_uppercase()))
/// }
/// ```
///
/// What cannot be a plugin does not compile, on any target:
///
/// ```compile_fail
/// use omega_plugin::{Call, Refusal, Text, plugin};
///
/// #[plugin]
/// fn shout(number: u64, _call: &Call) -> Result<Text, Refusal> {
///     Ok(Text::new(number.to_string()))
/// }
/// ```
pub use omega_plugin_macros::plugin;
pub use payload::{FromPayload, IntoPayload, Payload, PayloadKind};
pub use reply::{IntoOutcome, Outcome, Refusal, Reply};

pub use text::Text;

/// What `#[plugin]` expands to. Not for use by hand; it changes without notice.
#[doc(hidden)]
pub mod __private {
    #[cfg(target_family = "wasm")]
    pub use crate::bindings;
    pub use crate::handler::fits;
    #[cfg(target_family = "wasm")]
    pub use crate::serve::serve;
}
