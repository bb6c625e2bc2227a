//! Randomness: ChaCha20 in all modes, seeded by the call for a deterministic plugin and by the
//! operating system for any other.
//!
//! What never happens here: two of WASI's three sources share a stream, so reading one tells nothing
//! of another; a generator survives its call.

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use omega_contract::manifest::DeterminismMode;

/// Where a guest's randomness comes from. The generators are made when first asked for.
pub(crate) struct GuestRandom {
    seed: Seed,
    secure: Option<ChaCha20Rng>,
    insecure: Option<ChaCha20Rng>,
}

enum Seed {
    Given([u8; 32]),
    System,
}

/// The nonce that keeps each of WASI's sources apart; part of what makes an output reproducible.
#[derive(Clone, Copy)]
enum Stream {
    Secure = 0,
    Insecure = 1,
    InsecureSeed = 2,
}

impl GuestRandom {
    pub(crate) fn new(determinism: DeterminismMode, seed: [u8; 32]) -> Self {
        let seed = match determinism {
            DeterminismMode::Deterministic => Seed::Given(seed),
            DeterminismMode::Probabilistic => Seed::System,
        };
        Self { seed, secure: None, insecure: None }
    }

    /// `wasi:random/random`.
    ///
    /// # Errors
    /// The operating system gives no entropy.
    pub(crate) fn secure(&mut self) -> Result<&mut ChaCha20Rng, getrandom::Error> {
        if self.secure.is_none() {
            self.secure = Some(self.seed.generator(Stream::Secure)?);
        }
        Ok(self.secure.as_mut().expect("made above"))
    }

    /// `wasi:random/insecure`.
    ///
    /// # Errors
    /// The operating system gives no entropy.
    pub(crate) fn insecure(&mut self) -> Result<&mut ChaCha20Rng, getrandom::Error> {
        if self.insecure.is_none() {
            self.insecure = Some(self.seed.generator(Stream::Insecure)?);
        }
        Ok(self.insecure.as_mut().expect("made above"))
    }

    /// `wasi:random/insecure-seed`: the same in each call to it.
    ///
    /// # Errors
    /// The operating system gives no entropy.
    pub(crate) fn insecure_seed(&mut self) -> Result<(u64, u64), getrandom::Error> {
        let mut generator = self.seed.generator(Stream::InsecureSeed)?;
        Ok((generator.next_u64(), generator.next_u64()))
    }
}

impl Seed {
    fn generator(&mut self, stream: Stream) -> Result<ChaCha20Rng, getrandom::Error> {
        let seed = match self {
            Self::Given(seed) => *seed,
            Self::System => {
                let mut seed = [0; 32];
                getrandom::fill(&mut seed)?;
                *self = Self::Given(seed);
                seed
            }
        };
        let mut generator = ChaCha20Rng::from_seed(seed);
        generator.set_stream(stream as u64);
        Ok(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(random: &mut GuestRandom) -> [u64; 3] {
        [random.secure().unwrap().next_u64(), random.insecure().unwrap().next_u64(), random.insecure_seed().unwrap().0]
    }

    #[test]
    fn a_seed_fixes_every_source_and_keeps_them_apart() {
        let mut first = GuestRandom::new(DeterminismMode::Deterministic, [7; 32]);
        let mut again = GuestRandom::new(DeterminismMode::Deterministic, [7; 32]);
        let mut other = GuestRandom::new(DeterminismMode::Deterministic, [8; 32]);
        let drawn = draw(&mut first);
        assert_eq!(drawn, draw(&mut again));
        assert_ne!(drawn, draw(&mut other));
        assert!(drawn[0] != drawn[1] && drawn[1] != drawn[2] && drawn[0] != drawn[2]);
        assert_ne!(drawn[0], draw(&mut first)[0]);
        assert_eq!(drawn[2], draw(&mut first)[2]);
    }

    #[test]
    fn the_first_bytes_are_those_of_chacha20() {
        // RFC 8439, A.1, test vector 1: key, counter and nonce all zero.
        let mut random = GuestRandom::new(DeterminismMode::Deterministic, [0; 32]);
        let mut bytes = [0; 8];
        random.secure().unwrap().fill_bytes(&mut bytes);
        assert_eq!(bytes, [0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90]);
    }

    #[test]
    fn without_a_seed_no_two_calls_draw_the_same() {
        let mut first = GuestRandom::new(DeterminismMode::Probabilistic, [7; 32]);
        let mut other = GuestRandom::new(DeterminismMode::Probabilistic, [7; 32]);
        assert_ne!(draw(&mut first), draw(&mut other));
    }
}
