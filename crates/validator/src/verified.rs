//! The two states of a thing from outside. What never happens here: a way from one to the other.

use std::ops::Deref;

/// Something from outside that nobody has checked.
#[derive(Debug, Clone)]
pub struct Unverified<T>(pub T);

/// Something that this crate checked. Only this crate makes one.
///
/// ```compile_fail
/// let forged = omega_validator::Verified(1);
/// ```
#[derive(Debug, Clone)]
pub struct Verified<T>(T);

impl<T> Verified<T> {
    pub(crate) const fn new(checked: T) -> Self {
        Self(checked)
    }

    /// Gives up the proof and hands out the thing.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}
