//! What can be found, and how often it was.

use serde::Serialize;

/// A kind of thing that is redacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finding {
    Email,
    Phone,
    Card,
    Iban,
    Secret,
}

impl Finding {
    /// What stands in its place.
    pub(crate) fn mark(self) -> &'static str {
        match self {
            Self::Email => "[email]",
            Self::Phone => "[phone]",
            Self::Card => "[card]",
            Self::Iban => "[iban]",
            Self::Secret => "[secret]",
        }
    }
}

/// How many of each kind were redacted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    email: u64,
    phone: u64,
    card: u64,
    iban: u64,
    secret: u64,
}

impl Counts {
    pub(crate) fn add(&mut self, finding: Finding) {
        let count = match finding {
            Finding::Email => &mut self.email,
            Finding::Phone => &mut self.phone,
            Finding::Card => &mut self.card,
            Finding::Iban => &mut self.iban,
            Finding::Secret => &mut self.secret,
        };
        *count += 1;
    }

    pub(crate) fn total(&self) -> u64 {
        self.email + self.phone + self.card + self.iban + self.secret
    }
}
