//! Hostile: counts its calls wherever something could survive one: a static, a thread local, leaked memory and a file.
//! The answer says how often it was called by each: always 1, and no file.

use std::{
    cell::Cell,
    fs,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use omega_plugin::{Refusal, Text, plugin};

static CALLS: AtomicU64 = AtomicU64::new(0);
static LEAKED: OnceLock<&'static AtomicU64> = OnceLock::new();

thread_local! {
    static LOCAL: Cell<u64> = const { Cell::new(0) };
}

#[plugin]
fn handle(text: Text) -> Result<Text, Refusal> {
    let by_static = CALLS.fetch_add(1, Ordering::Relaxed) + 1;
    let leaked = LEAKED.get_or_init(|| Box::leak(Box::new(AtomicU64::new(0))));
    let by_leak = leaked.fetch_add(1, Ordering::Relaxed) + 1;
    LOCAL.set(LOCAL.get() + 1);
    let by_local = LOCAL.get();

    let earlier = fs::read_to_string("calls").ok();
    let by_file = if fs::write("calls", &text.content).is_err() { "no file" } else { "a file" };
    Ok(Text::new(format!("{by_static} {by_leak} {by_local} {by_file} {earlier:?}")))
}
