//! Helps to read a type whose members depend on a tag.

/// A member that was there or not, and belongs to what the tag says or not.
pub(crate) struct Found<T> {
    name: &'static str,
    value: Option<T>,
}

impl<T> Found<T> {
    pub(crate) const fn new(name: &'static str, value: Option<T>) -> Self {
        Self { name, value }
    }

    /// A member that must be there, once.
    ///
    /// # Errors
    /// It is missing.
    pub(crate) fn take(&mut self) -> Result<T, String> {
        self.value.take().ok_or_else(|| format!("missing field `{}`", self.name))
    }

    /// Its name, where it was there and nobody took it.
    pub(crate) fn left(&self) -> Option<&'static str> {
        self.value.as_ref().map(|_| self.name)
    }
}
