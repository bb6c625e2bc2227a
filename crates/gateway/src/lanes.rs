//! The lanes of this gateway.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use omega_contract::plugin_info::LaneKind;
use omega_contract::ports::{LaneDescription, LaneRefusal};
use omega_contract::{ErrorCode, Lane};
use omega_environments::{EnvironmentFault, Interpreter};
use omega_lane_wasm::{WasmLane, WasmLaneOptions};
#[cfg(target_os = "linux")]
use omega_lane_worker::{HelperProgram, NativeCode as LaneNativeCode, WorkerLane, WorkerLaneOptions};
use omega_router::Refused;

use crate::home::{Config, Home, NativeCode};

/// What each lane enforces on this machine, or why it cannot run, without opening the home (`omega doctor`).
pub fn lanes(home: &Home, config: &Config) -> Vec<(LaneKind, Result<LaneDescription, LaneRefusal>)> {
    Lanes::new(home, config, None).describe()
}

/// Becomes the helper of the worker lane where this process was started as one, and then never returns.
///
/// A program that runs plugins calls this first in its `main`, before any thread is started; without it there is no worker lane.
pub fn become_helper_if_asked() {
    #[cfg(target_os = "linux")]
    omega_lane_worker::become_helper_if_asked();
}

/// Every lane that this build has. They are not reachable but through the gateway (INV-PNP-01).
pub(crate) struct Lanes {
    options: WasmLaneOptions,
    wasm: OnceLock<Result<Arc<WasmLane>, LaneRefusal>>,
    #[cfg(target_os = "linux")]
    worker_options: WorkerLaneOptions,
    #[cfg(target_os = "linux")]
    worker: OnceLock<Result<Arc<WorkerLane>, LaneRefusal>>,
    #[cfg(not(target_os = "linux"))]
    python: Option<PathBuf>,
    interpreter: OnceLock<Interpreter>,
}

impl Lanes {
    /// Lanes that start when they are first needed: listing plugins costs no engine. One that cannot
    /// start is kept as its refusal; other lanes go on working. `worker_helper` is the program that the worker lane starts as its helper;
    /// none: this one.
    pub(crate) fn new(home: &Home, config: &Config, worker_helper: Option<PathBuf>) -> Self {
        let options = WasmLaneOptions {
            cache_dir: Some(home.wasm_cache_dir()),
            concurrent_calls_max: config.quotas.calls_max,
            memory_bytes_ceiling: config.ceilings.memory_bytes_max,
            ..WasmLaneOptions::default()
        };
        let worker = &config.lanes.worker;
        let python = worker.python_file().map(Path::to_owned);
        #[cfg(not(target_os = "linux"))]
        let _ = worker_helper;
        Self {
            options,
            wasm: OnceLock::new(),
            #[cfg(target_os = "linux")]
            worker_options: WorkerLaneOptions {
                helper: worker_helper.map_or(HelperProgram::This, HelperProgram::At),
                python,
                cache_dir: Some(home.worker_cache_dir()),
                ready_max: worker.ready_max as usize,
                zygotes_max: worker.zygotes_max as usize,
                idle_max: std::time::Duration::from_millis(worker.idle_ms),
                native: match worker.native {
                    NativeCode::Allow => LaneNativeCode::Allowed,
                    NativeCode::Refuse => LaneNativeCode::Refused,
                },
                ..WorkerLaneOptions::default()
            },
            #[cfg(target_os = "linux")]
            worker: OnceLock::new(),
            #[cfg(not(target_os = "linux"))]
            python,
            interpreter: OnceLock::new(),
        }
    }

    /// The interpreter of the worker lane, for which dependencies are built: that lane says which file it is, launchers
    /// resolved, and it is asked what packages must fit.
    pub(crate) fn interpreter(&self) -> Result<Interpreter, EnvironmentFault> {
        if let Some(found) = self.interpreter.get() {
            return Ok(found.clone());
        }
        let found = Interpreter::resolve(self.python_file()?.as_deref())?;
        Ok(self.interpreter.get_or_init(|| found).clone())
    }

    #[cfg(target_os = "linux")]
    fn python_file(&self) -> Result<Option<PathBuf>, EnvironmentFault> {
        let options = &self.worker_options;
        let found = omega_lane_worker::Interpreter::resolve(options.python.as_deref(), options.cache_dir.as_deref());
        found
            .map(|found| Some(found.path().to_owned()))
            .map_err(|error| EnvironmentFault::Interpreter(error.to_string()))
    }

    #[cfg(not(target_os = "linux"))]
    fn python_file(&self) -> Result<Option<PathBuf>, EnvironmentFault> {
        Ok(self.python.clone())
    }

    fn wasm(&self) -> Result<Arc<dyn Lane>, LaneRefusal> {
        let lane = self.wasm.get_or_init(|| WasmLane::new(self.options.clone()).map(Arc::new));
        lane.as_ref().map(|lane| Arc::clone(lane) as Arc<dyn Lane>).map_err(Clone::clone)
    }

    #[cfg(target_os = "linux")]
    fn worker(&self) -> Result<Arc<dyn Lane>, LaneRefusal> {
        let lane = self.worker.get_or_init(|| WorkerLane::new(&self.worker_options).map(Arc::new));
        lane.as_ref().map(|lane| Arc::clone(lane) as Arc<dyn Lane>).map_err(Clone::clone)
    }

    #[cfg(not(target_os = "linux"))]
    fn worker(&self) -> Result<Arc<dyn Lane>, LaneRefusal> {
        let detail = "the worker lane is made of what only Linux has; compile the plugin to WebAssembly, or run the gateway on Linux";
        Err(LaneRefusal { code: ErrorCode::LaneUnavailable, detail: detail.to_owned() })
    }

    fn start(&self, kind: LaneKind) -> Result<Arc<dyn Lane>, LaneRefusal> {
        match kind {
            LaneKind::Wasm => self.wasm(),
            LaneKind::Worker => self.worker(),
            LaneKind::Container => {
                let detail = format!("this version of the gateway has no {kind} lane");
                Err(LaneRefusal { code: ErrorCode::LaneUnavailable, detail })
            }
        }
    }

    /// The lane of this kind.
    pub(crate) fn get(&self, kind: LaneKind) -> Result<Arc<dyn Lane>, Refused> {
        let lane = self.start(kind).map_err(|refusal| Refused::new(refusal.code, refusal.detail))?;
        match lane.describe().missing() {
            None => Ok(lane),
            Some(layer) => Err(Refused::new(
                ErrorCode::LaneUnavailable,
                format!("the {kind} lane lacks a mandatory layer: {}", layer.name),
            )),
        }
    }

    /// What each lane enforces here, or why it cannot run.
    pub(crate) fn describe(&self) -> Vec<(LaneKind, Result<LaneDescription, LaneRefusal>)> {
        [LaneKind::Wasm, LaneKind::Worker].map(|kind| (kind, self.start(kind).map(|lane| lane.describe()))).into()
    }
}
