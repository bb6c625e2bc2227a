//! The router between a scripted plugin and a record that can fail on purpose.
#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test fails by panicking; one binary, many modules")]

mod breaker_model;
mod breaking_record;
mod claims;
mod dropped_calls;
mod fake_services;
mod fakes;
mod gate_model;
mod loading;
mod pipelines;
mod retries;
