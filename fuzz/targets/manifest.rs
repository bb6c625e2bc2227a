//! A plugin's manifest, as the contract's type.
#![no_main]

use libfuzzer_sys::fuzz_target;
use omega_contract::Manifest;
use omega_fuzz::check_round_trip;

fuzz_target!(|bytes: &[u8]| check_round_trip::<Manifest>(bytes));
