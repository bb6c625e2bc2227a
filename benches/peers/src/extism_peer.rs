//! Extism: an instance for each call, and one instance for all.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use extism::{CompiledPlugin, Manifest, Plugin, PluginBuilder, Wasm};
use sha2::{Digest, Sha256};
use wasmtime_of_extism::{Config, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::cases::{Case, Work};
use crate::figures::{Begun, Rate};
use crate::guests;

/// How Extism is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// As its documentation has it: compiled once, an instance for each call. No bound on time or memory.
    Fresh,
    /// The same with the gateway's bounds (2 s, 64 MiB) and with wasmtime's pool, set as the gateway sets its own.
    FreshPooled,
    /// One instance for every call: state of a call is there in the next.
    Warm,
}

/// Extism in one of its uses.
pub(crate) struct ExtismPeer {
    used: Use,
    compiled: [CompiledPlugin; 3],
}

impl ExtismPeer {
    pub(crate) fn new(used: Use) -> Self {
        Self { used, compiled: Work::ALL.map(|work| compile(used, work)) }
    }

    pub(crate) fn name(&self) -> &'static str {
        Self::name_of(self.used)
    }

    pub(crate) fn name_of(used: Use) -> &'static str {
        match used {
            Use::Fresh => "Extism fresh + 2 SHA-256",
            Use::FreshPooled => "Extism fresh, pooled, bounded + 2 SHA-256",
            Use::Warm => "Extism warm (stateful)",
        }
    }

    /// A fresh instance of the work.
    pub(crate) fn plugin(&self, work: Work) -> Plugin {
        Plugin::new_from_compiled(&self.compiled[work as usize]).expect("the plugin links")
    }

    /// One after the other for so long; each call's time.
    pub(crate) fn block(&self, case: &Case, time: Duration, took: &mut Vec<Duration>) {
        let mut warm = (self.used == Use::Warm).then(|| self.plugin(case.work));
        if let Some(plugin) = &mut warm {
            call(plugin, case);
        }
        let until = Instant::now() + time;
        while Instant::now() < until {
            let started = Instant::now();
            self.once(case, warm.as_mut());
            took.push(started.elapsed());
        }
    }

    /// One call, the instance's end included.
    pub(crate) fn once(&self, case: &Case, warm: Option<&mut Plugin>) -> String {
        if let Some(plugin) = warm {
            return call(plugin, case);
        }
        let mut plugin = self.plugin(case.work);
        let answer = call(&mut plugin, case);
        std::hint::black_box((Sha256::digest(&case.input), Sha256::digest(&answer)));
        answer
    }

    /// So many threads for so long, each with its own instances.
    pub(crate) fn rate(&self, case: &Case, threads: usize, time: Duration) -> Rate {
        let (until, made) = (Instant::now() + time, AtomicU64::new(0));
        let one = || {
            let mut warm = (self.used == Use::Warm).then(|| self.plugin(case.work));
            while Instant::now() < until {
                self.once(case, warm.as_mut());
                made.fetch_add(1, Ordering::Relaxed);
            }
        };
        let begun = Begun::now();
        // The last of them is this thread, so that one caller's processor time is all counted.
        std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(one);
            }
            one();
        });
        begun.ended_after(made.load(Ordering::Relaxed))
    }
}

fn compile(used: Use, work: Work) -> CompiledPlugin {
    let mut manifest = Manifest::new([Wasm::data(guests::extism(work))]);
    if used == Use::FreshPooled {
        manifest = manifest.with_timeout(Duration::from_secs(2)).with_memory_max(1_024);
    }
    let mut builder = PluginBuilder::new(manifest).with_cache_disabled();
    if used == Use::FreshPooled {
        let mut pool = PoolingAllocationConfig::new();
        pool.total_core_instances(512)
            .total_memories(512)
            .total_tables(512)
            .total_gc_heaps(512)
            .max_memory_size(1 << 30)
            .table_elements(65_536)
            .max_unused_warm_slots(16)
            .linear_memory_keep_resident(512 * 1024)
            .table_keep_resident(32 * 1024);
        let mut config = Config::new();
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        builder = builder.with_wasmtime_config(config);
    }
    CompiledPlugin::new(builder).expect("Extism takes its guest")
}

pub(crate) fn call(plugin: &mut Plugin, case: &Case) -> String {
    plugin.call::<&str, String>("handle", &case.input).expect("the guest answers")
}
