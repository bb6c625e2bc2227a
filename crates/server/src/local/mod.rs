//! The local door: a unix socket in the home, mode 0600, for the user that owns it.

mod operation;

pub use operation::Operation;
