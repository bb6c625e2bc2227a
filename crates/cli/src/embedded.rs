//! What the binary carries with it; found by `build.rs`.

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));
