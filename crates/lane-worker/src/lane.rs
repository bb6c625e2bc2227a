//! The lane: takes a verified program, makes it ready, says what is enforced.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use omega_contract::manifest::DeterminismMode;
use omega_contract::ports::{LaneDescription, LaneProgram, LaneRefusal, ReadyProgram};
use omega_contract::{ErrorCode, Lane};
use sha2::{Digest, Sha256};

use crate::call::hex;
use crate::canary;
use crate::describe::{describe, remedy};
use crate::frames::{self, Load, LoadLimits};
use crate::limits::LANDLOCK_ABI_MIN;
use crate::messages::{CgroupChoice, Failure};
use crate::policy::Profile;
use crate::program::{Program, WorkerProgram};
use crate::python::Interpreter;
use crate::supervisor::{Counts, HelperProgram, NoWorker, Supervisor, SupervisorOptions};
#[cfg(omega_layer_switches)]
use crate::sys::inside::plan::{is_off, stage};

/// A program whose first worker is not ready by then is refused.
const PREPARE_MAX: Duration = Duration::from_secs(90);

/// How a lane is set up.
#[derive(Debug, Clone)]
pub struct WorkerLaneOptions {
    /// The program that is started as the helper.
    pub helper: HelperProgram,
    /// The Python interpreter; none: the first `python3` on the PATH.
    pub python: Option<PathBuf>,
    /// Where what was found out about the interpreter is kept, a folder of the gateway's own.
    pub cache_dir: Option<PathBuf>,
    /// Which cgroups to use.
    pub cgroups: CgroupChoice,
    /// The newest Landlock ABI to use.
    pub landlock_abi_max: u32,
    /// Workers of a program that wait ahead of calls, at most.
    pub ready_max: usize,
    /// Zygotes at the same time.
    pub zygotes_max: usize,
    /// For so long after its last call a program keeps its zygote and what waits.
    pub idle_max: Duration,
    /// Whether programs may bring machine code.
    pub native: NativeCode,
    /// Layers to leave out, a bit for each stage: there for the layer tests, which are built with `--cfg omega_layer_switches`.
    #[cfg(omega_layer_switches)]
    pub layers_off: u32,
}

/// Whether programs and their environments may bring machine code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NativeCode {
    /// In the `native` profile.
    Allowed,
    /// Such programs are refused.
    Refused,
}

impl Default for WorkerLaneOptions {
    fn default() -> Self {
        Self {
            helper: HelperProgram::This,
            python: None,
            cache_dir: None,
            cgroups: CgroupChoice::Best,
            landlock_abi_max: crate::limits::LANDLOCK_ABI_MAX,
            ready_max: 4,
            zygotes_max: 32,
            idle_max: Duration::from_secs(60),
            native: NativeCode::Allowed,
            #[cfg(omega_layer_switches)]
            layers_off: 0,
        }
    }
}

/// Runs Python programs in locked-down single-use processes.
pub struct WorkerLane {
    supervisor: Arc<Supervisor>,
    interpreter: Interpreter,
    native: NativeCode,
    description: LaneDescription,
}

impl WorkerLane {
    /// Starts the helper, resolves the interpreter, and lets a canary attack its sandbox.
    ///
    /// # Errors
    /// `lane_unavailable`, naming the layer that is missing or that an attack went through.
    pub fn new(options: &WorkerLaneOptions) -> Result<Self, LaneRefusal> {
        let interpreter = Interpreter::resolve(options.python.as_deref(), options.cache_dir.as_deref())
            .map_err(|error| unavailable(&Failure::new("interpreter", error)))?;
        let supervisor = Supervisor::start(SupervisorOptions {
            helper: options.helper.clone(),
            cgroups: options.cgroups,
            landlock_abi_max: options.landlock_abi_max,
            #[cfg(omega_layer_switches)]
            layers_off: options.layers_off,
            #[cfg(not(omega_layer_switches))]
            layers_off: 0,
            ready_max: options.ready_max.max(1),
            zygotes_max: options.zygotes_max.max(1),
            idle_max: options.idle_max,
        })
        .map_err(|error| unavailable(&Failure::new("helper process", error)))?;
        let begun = supervisor.begun();
        if begun.landlock_abi < LANDLOCK_ABI_MIN {
            let detail = format!("the kernel's ABI is {}, at least {LANDLOCK_ABI_MIN} is needed", begun.landlock_abi);
            return Err(unavailable(&Failure::new("Landlock", detail)));
        }
        let description = describe(begun, &interpreter);
        let lane = Self { supervisor, interpreter, native: options.native, description };
        #[cfg(omega_layer_switches)]
        if is_off(options.layers_off, stage::CANARY) {
            return Ok(lane);
        }
        canary::run(&lane).map_err(|failure| unavailable(&failure))?;
        Ok(lane)
    }

    /// What the lane holds now.
    pub fn counts(&self) -> Counts {
        self.supervisor.counts()
    }

    /// The interpreter of Python programs.
    pub fn interpreter(&self) -> &Interpreter {
        &self.interpreter
    }

    pub(crate) fn supervisor(&self) -> Arc<Supervisor> {
        Arc::clone(&self.supervisor)
    }

    pub(crate) fn program(&self, program: &LaneProgram) -> Result<Arc<Program>, LaneRefusal> {
        let profile = self.check(program)?;
        let is_deterministic = program.determinism == DeterminismMode::Deterministic;
        let environment = program.environment.as_ref();
        let mut content =
            self.interpreter.content(is_deterministic, environment.map(|environment| environment.folder.as_path()));
        let files = program.files.iter().map(|(path, bytes)| (format!("/plugin/{path}"), Arc::clone(bytes)));
        content.files.extend(files);
        let load = Load {
            plugin_id: program.plugin_id.as_str(),
            package_digest: program.package_digest.to_string(),
            entry: &program.entry,
            export: &program.export,
            determinism: program.determinism.as_str(),
            capabilities: program.capabilities.iter().map(|capability| capability.as_str()).collect(),
            has_environment: environment.is_some(),
            limits: LoadLimits {
                memory_bytes: program.limits.memory_bytes_max,
                output_bytes: program.limits.output_bytes_max,
                log_bytes: program.limits.log_bytes_max,
            },
            // Of the package alone: an import knows no input.
            seed: hex(&Sha256::digest(program.package_digest.to_string())),
        };
        let load = frames::encode(&load).map_err(|error| invalid(format!("its load frame: {error}")))?;
        Ok(Arc::new(Program {
            number: self.supervisor.number(),
            content,
            profile,
            env_digest: environment.map(|environment| environment.env_digest),
            limits: program.limits.clone(),
            load,
            ready: Mutex::new(VecDeque::new()),
        }))
    }

    /// What can be said without running anything; its profile.
    fn check(&self, program: &LaneProgram) -> Result<Profile, LaneRefusal> {
        if Path::new(&program.entry).extension().is_none_or(|ending| ending != "py") {
            return Err(LaneRefusal {
                code: ErrorCode::LaneUnavailable,
                detail: format!("{}: this version of the worker lane runs Python (`.py`)", program.entry),
            });
        }
        if std::str::from_utf8(&program.code).is_err() {
            return Err(invalid(format!("{} is not UTF-8 text", program.entry)));
        }
        if !program.export.chars().all(|c| c.is_alphanumeric() || c == '_') || program.export.is_empty() {
            return Err(invalid(format!("`{:.64}` is no name of Python's", program.export)));
        }
        let is_code = |bytes: &Arc<[u8]>| bytes.starts_with(b"\x7fELF");
        let has_code = program.files.values().any(is_code)
            || program.environment.as_ref().is_some_and(|environment| environment.has_native_code);
        match (has_code, self.native) {
            (false, _) => Ok(Profile::Pure),
            (true, NativeCode::Allowed) => Ok(Profile::Native),
            (true, NativeCode::Refused) => Err(LaneRefusal {
                code: ErrorCode::ProgramInvalid,
                detail: "it brings machine code, which this gateway's configuration refuses ([lanes.worker] native)"
                    .to_owned(),
            }),
        }
    }
}

impl Lane for WorkerLane {
    fn describe(&self) -> LaneDescription {
        self.description.clone()
    }

    fn inspect(&self, program: &LaneProgram) -> Result<(), LaneRefusal> {
        self.check(program).map(drop)
    }

    /// Starts the program's zygote and has a first worker import it, in its sandbox: what cannot be imported is refused here.
    fn prepare(&self, program: &LaneProgram) -> Result<Arc<dyn ReadyProgram>, LaneRefusal> {
        let ready = WorkerProgram { program: self.program(program)?, supervisor: Arc::clone(&self.supervisor) };
        match self.supervisor.warm(&ready.program, PREPARE_MAX) {
            Ok(()) => Ok(Arc::new(ready)),
            Err(NoWorker::InTime) => Err(invalid(format!("it was not imported in {} s", PREPARE_MAX.as_secs()))),
            Err(NoWorker::Failure(failure)) => Err(unavailable(&failure)),
            Err(NoWorker::LoadFailed { detail, output }) => {
                let detail = if output.is_empty() { detail } else { format!("{detail}\n{output}") };
                Err(invalid(detail))
            }
        }
    }
}

fn invalid(detail: String) -> LaneRefusal {
    LaneRefusal { code: ErrorCode::ProgramInvalid, detail }
}

fn unavailable(failure: &Failure) -> LaneRefusal {
    let Failure { layer, detail } = failure;
    let remedy = remedy(layer);
    LaneRefusal {
        code: ErrorCode::LaneUnavailable,
        detail: format!("the worker lane lacks {layer}: {detail}; {remedy}"),
    }
}
