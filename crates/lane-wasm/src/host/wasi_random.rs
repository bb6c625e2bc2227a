//! `wasi:random` over the call's own generators.
//!
//! What never happens here: an answer shorter than asked for, or one without bound.

use chacha20::rand_core::Rng;
use wasmtime::Result;
use wasmtime_wasi::p2::bindings::random::{insecure, insecure_seed, random};

use crate::guest::{Guest, GuestStop};
use crate::options::RANDOM_BYTES_MAX;

impl random::Host for Guest {
    fn get_random_bytes(&mut self, len: u64) -> Result<Vec<u8>> {
        let mut bytes = zeros(len)?;
        self.random.secure()?.fill_bytes(&mut bytes);
        Ok(bytes)
    }

    fn get_random_u64(&mut self) -> Result<u64> {
        Ok(self.random.secure()?.next_u64())
    }
}

impl insecure::Host for Guest {
    fn get_insecure_random_bytes(&mut self, len: u64) -> Result<Vec<u8>> {
        let mut bytes = zeros(len)?;
        self.random.insecure()?.fill_bytes(&mut bytes);
        Ok(bytes)
    }

    fn get_insecure_random_u64(&mut self) -> Result<u64> {
        Ok(self.random.insecure()?.next_u64())
    }
}

impl insecure_seed::Host for Guest {
    fn insecure_seed(&mut self) -> Result<(u64, u64)> {
        Ok(self.random.insecure_seed()?)
    }
}

fn zeros(len: u64) -> Result<Vec<u8>, GuestStop> {
    let too_many = GuestStop::RandomBytes { asked: len, max: RANDOM_BYTES_MAX };
    match usize::try_from(len) {
        Ok(length) if len <= RANDOM_BYTES_MAX => Ok(vec![0; length]),
        _ => Err(too_many),
    }
}
