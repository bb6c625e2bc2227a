//! wasmtime alone, set as the lane sets it, with nothing linked that does anything.
#![allow(unsafe_code, reason = "emitted by wasmtime's bindgen!, unused here")]
#![allow(
    dead_code,
    unreachable_pub,
    clippy::pedantic,
    elided_lifetimes_in_paths,
    reason = "emitted by wasmtime's bindgen!"
)]

use std::path::Path;

use omega_contract::ports::LaneProgram;
use omega_lane_wasm::options::SPARSE_IMAGE_BYTES_MAX;
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker};
use wasmtime::{
    Cache, CacheConfig, Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store,
};

wasmtime::component::bindgen!({
    path: "../contract/wit",
    world: "plugin",
    ownership: Borrowing { duplicate_if_necessary: true },
});

use omega::plugin::types::{PayloadParam, TextParam};

type Returned = (Result<Outcome, Refusal>,);

pub struct Raw {
    engine: Engine,
    instance: InstancePre<()>,
    export: ComponentExportIndex,
}

impl Raw {
    pub fn new(program: &LaneProgram) -> Self {
        Self::with_cache(program, None)
    }

    /// As [`Raw::new`], compiled code kept in this folder.
    pub fn with_cache(program: &LaneProgram, cache_dir: Option<&Path>) -> Self {
        let mut pool = PoolingAllocationConfig::new();
        pool.total_memories(256)
            .max_memory_size(1 << 30)
            .table_elements(65_536)
            .max_tables_per_module(8)
            .max_unused_warm_slots(16)
            .linear_memory_keep_resident(512 * 1024)
            .table_keep_resident(32 * 1024)
            .pagemap_scan(Enabled::Auto);
        let cache = cache_dir.map(|folder| {
            let mut cache = CacheConfig::new();
            cache.with_directory(folder);
            Cache::new(cache).unwrap()
        });
        let mut config = Config::new();
        config
            .cache(cache)
            .memory_guaranteed_dense_image_size(SPARSE_IMAGE_BYTES_MAX)
            .epoch_interruption(true)
            .cranelift_nan_canonicalization(true)
            .relaxed_simd_deterministic(true)
            .concurrency_support(false)
            .generate_address_map(false)
            .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        let engine = Engine::new(&config).unwrap();
        let component = Component::from_binary(&engine, &program.code).unwrap();
        let mut linker = Linker::new(&engine);
        linker.define_unknown_imports_as_traps(&component).unwrap();
        // SpiderMonkey looks at a clock in each call.
        linker.allow_shadowing(true);
        let mut clock = linker.instance("wasi:clocks/monotonic-clock@0.2.10").unwrap();
        clock.func_wrap("now", |_, (): ()| Ok((0_u64,))).unwrap();
        let instance = linker.instantiate_pre(&component).unwrap();
        let export = component.get_export_index(None, &program.export).unwrap();
        Self { engine, instance, export }
    }

    fn store(&self) -> Store<()> {
        let mut store = Store::new(&self.engine, ());
        store.set_epoch_deadline(u64::MAX / 2);
        store
    }

    pub fn call(&self, content: &str) {
        let mut store = self.store();
        let instance = self.instance.instantiate(&mut store).unwrap();
        let handle = instance.get_typed_func::<(Request<'_>,), Returned>(&mut store, &self.export).unwrap();
        drop(handle.call(&mut store, (request(content),)).unwrap());
    }

    pub async fn call_async(&self, content: &str) {
        let mut store = self.store();
        let instance = self.instance.instantiate_async(&mut store).await.unwrap();
        let handle = instance.get_typed_func::<(Request<'_>,), Returned>(&mut store, &self.export).unwrap();
        drop(handle.call_async(&mut store, (request(content),)).await.unwrap());
    }
}

fn request(content: &str) -> Request<'_> {
    Request {
        request_id: "",
        run_id: "",
        timestamp: "1970-01-01T00:00:00.000000Z",
        payload: PayloadParam::Text(TextParam { content, encoding: "utf-8", metadata: &[] }),
        context: &[],
    }
}
