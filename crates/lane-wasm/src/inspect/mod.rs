//! Reads a component without compiling it.
mod imports;
pub(crate) use imports::inspect;
