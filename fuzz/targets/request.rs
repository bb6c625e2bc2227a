//! A request to a plugin.
#![no_main]

use libfuzzer_sys::fuzz_target;
use omega_contract::PluginRequest;
use omega_fuzz::check_round_trip;

fuzz_target!(|bytes: &[u8]| check_round_trip::<PluginRequest>(bytes));
