//! The lane itself: the port of the contract.
//!
//! What never happens here: a program prepared that was not inspected.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use omega_contract::ErrorCode;
use omega_contract::ports::{Lane, LaneDescription, LaneProgram, LaneRefusal, ReadyProgram};
use wasmtime::Cache;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{ComponentExportIndex, InstancePre};

use crate::bindings::omega::plugin::types as wit;
use crate::compile::{Compiler, one_line};
use crate::ending::Returned;
use crate::guest::Guest;
use crate::machine::{Counting, Machine, open_cache};
use crate::options::WasmLaneOptions;
use crate::program::WasmProgram;
use crate::{describe, host, inspect};

/// Runs WebAssembly components (spec page 4, "wasm"). Needs a tokio runtime with its timer on.
pub struct WasmLane {
    options: WasmLaneOptions,
    cache: Option<Cache>,
    compiler: Compiler,
    by_time: Arc<Machine>,
    /// Made when a program with a fuel limit first comes.
    by_fuel: Mutex<Option<Arc<Machine>>>,
}

impl WasmLane {
    /// Makes the engine, its pool of sandboxes (address space, not memory) and its epoch thread.
    ///
    /// # Errors
    /// `lane_unavailable`, naming the layer that this machine does not give, or the option that is wrong.
    pub fn new(options: WasmLaneOptions) -> Result<Self, LaneRefusal> {
        let cache = options.cache_dir.as_deref().map(open_cache).transpose()?;
        let by_time = Arc::new(Machine::new(&options, cache.clone(), Counting::Time)?);
        let compiler = Compiler::new(options.concurrent_compiles_max, Duration::from_millis(options.prepare_ms_max));
        Ok(Self { options, cache, compiler, by_time, by_fuel: Mutex::new(None) })
    }

    fn machine(&self, fuel_max: Option<u64>) -> Result<Arc<Machine>, LaneRefusal> {
        if fuel_max.is_none() {
            return Ok(Arc::clone(&self.by_time));
        }
        let mut by_fuel = self.by_fuel.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(machine) = &*by_fuel {
            return Ok(Arc::clone(machine));
        }
        let machine = Arc::new(Machine::new(&self.options, self.cache.clone(), Counting::Fuel)?);
        *by_fuel = Some(Arc::clone(&machine));
        Ok(machine)
    }
}

impl Lane for WasmLane {
    fn describe(&self) -> LaneDescription {
        describe::describe(&self.options)
    }

    fn inspect(&self, program: &LaneProgram) -> Result<(), LaneRefusal> {
        inspect::inspect(&program.code, &program.export, &program.capabilities)
    }

    fn prepare(&self, program: &LaneProgram) -> Result<Arc<dyn ReadyProgram>, LaneRefusal> {
        self.inspect(program)?;
        let machine = self.machine(program.limits.fuel_max)?;
        let component = self.compiler.compile(&machine.engine, Arc::clone(&program.code))?;
        let linker = host::linker(&machine.engine, &program.capabilities).map_err(|error| invalid(&error))?;
        let instance = linker.instantiate_pre(&component).map_err(|error| invalid(&error))?;
        let export = check_export(&instance, &program.export)?;
        let mut limits = program.limits.clone();
        limits.memory_bytes_max = limits.memory_bytes_max.min(self.options.memory_bytes_ceiling);
        Ok(Arc::new(WasmProgram { machine, instance, export, determinism: program.determinism, limits }))
    }
}

/// Finds the export and checks its type, before any call.
fn check_export(instance: &InstancePre<Guest>, export: &str) -> Result<ComponentExportIndex, LaneRefusal> {
    let (item, index) = instance
        .component()
        .get_export(None, export)
        .ok_or_else(|| refusal(format!("it exports no function {export:?}")))?;
    let ComponentItem::ComponentFunc(function) = item else {
        return Err(refusal(format!("its export {export:?} is not a function")));
    };
    function
        .typecheck::<(wit::Request<'_>,), (Returned,)>(&instance.instance_type())
        .map_err(|error| refusal(format!("its export {export:?} has another type: {}", one_line(&error))))?;
    Ok(index)
}

fn invalid(error: &wasmtime::Error) -> LaneRefusal {
    refusal(format!("it does not fit the WIT world omega:plugin@1.0.0: {}", one_line(error)))
}

fn refusal(detail: String) -> LaneRefusal {
    LaneRefusal { code: ErrorCode::ComponentInvalid, detail }
}
