//! The wasm lane (spec page 4): runs a WebAssembly component in wasmtime, each call in a fresh store.
//!
//! | module | its job |
//! |---|---|
//! | [`options`] | the lane's bounds, each with its unit |
//! | [`inspect`] | reads a component without compiling it: its form, its size, what it imports |
//! | `compile` | compiles in bounded time, on threads of its own |
//! | `machine` | one wasmtime engine, its ticker and its sandboxes |
//! | `ticker` | advances the epoch while a call runs, sleeps otherwise |
//! | `program` | a program that is ready, and its calls |
//! | `guest` | what one call holds: memory budget, clocks, randomness, text, host calls |
//! | `host` | what a guest may import: the contract's interfaces and inert WASI 0.2 |
//! | `exchange` | payloads in, results out |
//! | `ending` | how a call ended, told apart |
//! | `describe` | the layers in force |
//!
//! Without the feature `run` (on by default) there is only `inspect`, which needs no wasmtime: for fuzzing, and for tools
//! that only look.
//!
//! What never happens here: a file, a socket, a process or an environment variable is opened for a
//! guest; compiled code is taken from a package; a store serves two calls.

#[cfg(feature = "run")]
mod bindings;
#[cfg(feature = "run")]
mod compile;
#[cfg(feature = "run")]
mod describe;
#[cfg(feature = "run")]
mod ending;
#[cfg(feature = "run")]
mod exchange;
#[cfg(feature = "run")]
mod guest;
#[cfg(feature = "run")]
mod host;
pub mod inspect;
#[cfg(feature = "run")]
mod lane;
#[cfg(feature = "run")]
mod machine;
pub mod options;
#[cfg(feature = "run")]
mod program;
#[cfg(feature = "run")]
mod ticker;

#[cfg(feature = "run")]
pub use lane::WasmLane;
pub use options::WasmLaneOptions;
