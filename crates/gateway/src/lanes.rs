//! The lanes of this gateway.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use omega_contract::plugin_info::LaneKind;
use omega_contract::ports::{LaneDescription, LaneRefusal};
use omega_contract::{ErrorCode, Lane};
use omega_environments::{EnvironmentFault, Interpreter};
use omega_lane_wasm::{WasmLane, WasmLaneOptions};
use omega_router::Refused;

use crate::home::{Config, Home};

/// What each lane enforces on this machine, or why it cannot run, without opening the home (`omega doctor`).
pub fn lanes(home: &Home, config: &Config) -> Vec<Result<LaneDescription, LaneRefusal>> {
    Lanes::new(home.wasm_cache_dir(), config).describe()
}

/// Every lane that this build has. They are not reachable but through the gateway (INV-PNP-01).
pub(crate) struct Lanes {
    options: WasmLaneOptions,
    wasm: OnceLock<Result<Arc<WasmLane>, LaneRefusal>>,
    python: Option<PathBuf>,
    interpreter: OnceLock<Interpreter>,
}

impl Lanes {
    /// Lanes that start when they are first needed: listing plugins costs no engine. One that cannot
    /// start is kept as its refusal; other lanes go on working.
    pub(crate) fn new(cache_dir: PathBuf, config: &Config) -> Self {
        let options = WasmLaneOptions {
            cache_dir: Some(cache_dir),
            concurrent_calls_max: config.quotas.calls_max,
            memory_bytes_ceiling: config.ceilings.memory_bytes_max,
            ..WasmLaneOptions::default()
        };
        let python = config.lanes.worker.python_file().map(Path::to_owned);
        Self { options, wasm: OnceLock::new(), python, interpreter: OnceLock::new() }
    }

    /// The interpreter of the worker lane, for which dependencies are built: found once, so that both are the same.
    pub(crate) fn interpreter(&self) -> Result<Interpreter, EnvironmentFault> {
        if let Some(found) = self.interpreter.get() {
            return Ok(found.clone());
        }
        let found = Interpreter::resolve(self.python.as_deref())?;
        Ok(self.interpreter.get_or_init(|| found).clone())
    }

    fn wasm(&self) -> &Result<Arc<WasmLane>, LaneRefusal> {
        self.wasm.get_or_init(|| WasmLane::new(self.options.clone()).map(Arc::new))
    }

    /// The lane of this kind.
    pub(crate) fn get(&self, kind: LaneKind) -> Result<Arc<dyn Lane>, Refused> {
        if kind != LaneKind::Wasm {
            let message = format!("this version of the gateway has no {kind} lane");
            return Err(Refused::new(ErrorCode::LaneUnavailable, message));
        }
        let lane = self.wasm().as_ref().map_err(|refusal| Refused::new(refusal.code, refusal.detail.clone()))?;
        match lane.describe().missing() {
            None => Ok(Arc::clone(lane) as Arc<dyn Lane>),
            Some(layer) => Err(Refused::new(
                ErrorCode::LaneUnavailable,
                format!("the wasm lane lacks a mandatory layer: {}", layer.name),
            )),
        }
    }

    /// What each lane enforces here, or why it cannot run.
    pub(crate) fn describe(&self) -> Vec<Result<LaneDescription, LaneRefusal>> {
        vec![self.wasm().as_ref().map(|lane| lane.describe()).map_err(Clone::clone)]
    }
}
