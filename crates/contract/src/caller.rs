//! On whose behalf something is asked of the gateway: it stands in the evidence, and decides nothing by itself.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::limits::ID_CHARS_MAX;

/// Who asks, and which trace the question belongs to.
///
/// Both stand in the events' `meta`, as `actor` and `traceparent`. The default asks on nobody's behalf: the gateway's
/// own checks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    actor: Option<Arc<str>>,
    trace: Option<TraceParent>,
}

impl Caller {
    /// `actor` is the user of the operating system, or the name of an API token. Longer names are cut to 128
    /// characters; control characters are left out.
    pub fn new(actor: &str) -> Self {
        let actor: String = actor.chars().filter(|c| !c.is_control()).take(ID_CHARS_MAX).collect();
        Self { actor: Some(actor.into()), trace: None }
    }

    /// The same caller, as part of a trace.
    #[must_use]
    pub fn traced(mut self, trace: Option<TraceParent>) -> Self {
        self.trace = trace;
        self
    }

    /// Who asks; none for the gateway's own checks.
    pub fn actor(&self) -> Option<&str> {
        self.actor.as_deref()
    }

    /// The trace that the question belongs to.
    pub const fn trace(&self) -> Option<TraceParent> {
        self.trace
    }
}

/// The `traceparent` header of W3C Trace Context, version 00.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceParent {
    /// The whole trace.
    pub trace_id: u128,
    /// The span that asks.
    pub parent_id: u64,
    /// Bit 0: whoever asks records its part.
    pub flags: u8,
}

/// The text is no `traceparent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a traceparent: `00-` 32 hex digits `-` 16 hex digits `-` 2 hex digits, and neither id zero")]
pub struct NotATraceParent;

impl FromStr for TraceParent {
    type Err = NotATraceParent;

    /// By W3C Trace Context, section 3.2: a later version may have more after the flags, which is not read.
    fn from_str(text: &str) -> Result<Self, NotATraceParent> {
        let mut parts = text.split('-');
        let mut hex = |digits: usize| {
            let lower = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            let part = parts.next().filter(|part| part.len() == digits && part.bytes().all(lower));
            part.and_then(|part| u128::from_str_radix(part, 16).ok()).ok_or(NotATraceParent)
        };
        let (version, trace_id, parent_id, flags) = (hex(2)?, hex(32)?, hex(16)?, hex(2)?);
        let ends = parts.next().is_none();
        if version == 0xff || (version == 0 && !ends) || trace_id == 0 || parent_id == 0 {
            return Err(NotATraceParent);
        }
        let narrow = (u64::try_from(parent_id), u8::try_from(flags));
        let (Ok(parent_id), Ok(flags)) = narrow else { return Err(NotATraceParent) };
        Ok(Self { trace_id, parent_id, flags })
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.parent_id, self.flags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_is_read_as_the_recommendation_says() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let check = |text: &str, expect: Option<&str>| {
            let read = text.parse::<TraceParent>().ok().map(|trace| trace.to_string());
            assert_eq!(read.as_deref(), expect, "{text}");
        };
        check(good, Some(good));
        check("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-may-come", Some(good));
        check("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", None);
        check("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", None);
        check("00-00000000000000000000000000000000-00f067aa0ba902b7-01", None);
        check("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", None);
        check("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", None);
        check("00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", None);
        check("", None);
    }

    #[test]
    fn an_actor_is_bounded_text() {
        assert_eq!(Caller::new("a\nb").actor(), Some("ab"));
        assert_eq!(Caller::new(&"x".repeat(ID_CHARS_MAX + 1)).actor().map(str::len), Some(ID_CHARS_MAX));
    }
}
