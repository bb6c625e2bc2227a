//! The gateway from outside: real homes, real guests, real ledger. One binary, so that wasmtime is
//! linked once.
#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test fails by panicking; one binary, many modules")]

mod conformance;
mod crash;
mod disclosure;
mod embedding;
#[cfg(target_os = "linux")]
mod environments;
mod error_codes;
mod harness;
mod hostile;
mod invariants;
mod loading;
mod log;
mod pipelines;
mod redactions;
mod replay;
mod scale;
mod t10_poison_pill;
mod t1_non_actuation;
mod t2_determinism;
mod t3_compatibility;
mod t4_schemas;
mod t5_capabilities;
mod t6_isolation;
mod t7_ledger_integrity;
mod t8_fail_closed;
mod t9_stress;
mod tokens;
