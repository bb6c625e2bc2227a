//! Hostile: declared deterministic, it answers with everything that could differ between two calls: clocks, randomness,
//! ids, context, addresses, the size of its memory. All of it must be the same each time.

use std::{
    env,
    hash::{BuildHasher as _, RandomState},
    thread,
    time::{Duration, Instant, SystemTime},
};

use omega_plugin::{Call, Refusal, Text, plugin};

#[plugin]
fn handle(text: Text, call: &Call) -> Result<Text, Refusal> {
    let since = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).map(|age| age.as_nanos());
    let started = Instant::now();
    let first = since(SystemTime::now());
    let busy: u64 = (0..1_000_000_u64).map(std::hint::black_box).sum();
    let elapsed = started.elapsed();
    thread::sleep(Duration::from_millis(1));
    let slept = started.elapsed();

    let heap = Box::new(busy);
    let addresses = (&raw const *heap as usize, &raw const busy as usize, text.content.as_ptr() as usize);
    let random = (RandomState::new().hash_one(1), RandomState::new().hash_one(1));
    let variables: Vec<(String, String)> = env::vars().collect();
    Ok(Text::new(format!(
        "{call:?}\n{first:?} {:?} {elapsed:?} {slept:?}\n{random:?}\n{addresses:x?}\n{variables:?} {:?}",
        since(SystemTime::now()),
        thread::current().id(),
    )))
}
