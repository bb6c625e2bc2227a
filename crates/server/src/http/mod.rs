//! The HTTP door (spec page 9).
