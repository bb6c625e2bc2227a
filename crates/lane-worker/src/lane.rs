//! The lane: takes a verified program, makes it ready, says what is enforced.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use omega_contract::ports::{LaneDescription, LaneProgram, LaneRefusal, ReadyProgram};
use omega_contract::{ErrorCode, Lane};
use sha2::{Digest, Sha256};

use crate::call::hex;
use crate::canary;
use crate::describe::{describe, describe_all, unavailable};
use crate::frames::{self, Load, LoadKind, LoadLimits};
use crate::javascript::JavaScript;
use crate::language::{Language, Languages};
use crate::limits::LANDLOCK_ABI_MIN;
use crate::messages::{CgroupChoice, Failure};
use crate::policy::Profile;
use crate::program::{Content, Program, WorkerProgram};
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

/// Runs Python and JavaScript programs in locked-down single-use processes.
pub struct WorkerLane {
    supervisor: Arc<Supervisor>,
    languages: Languages,
    native: NativeCode,
    description: LaneDescription,
}

impl WorkerLane {
    /// Starts the helper, resolves the interpreters, and lets a canary of each language attack its sandbox. A machine without
    /// Python has a lane for JavaScript all the same.
    ///
    /// # Errors
    /// `lane_unavailable`, naming the layer that is missing or that an attack went through.
    pub fn new(options: &WorkerLaneOptions) -> Result<Self, LaneRefusal> {
        let python = Interpreter::resolve(options.python.as_deref(), options.cache_dir.as_deref())
            .map_err(|error| Failure::new("interpreter", error));
        let languages = Languages { python, javascript: JavaScript };
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
        let description = describe_all(begun, &languages);
        let lane = Self { supervisor, languages, native: options.native, description };
        #[cfg(omega_layer_switches)]
        if is_off(options.layers_off, stage::CANARY) {
            return Ok(lane);
        }
        // At the same time: whoever calls first waits for both.
        std::thread::scope(|scope| {
            let lane = &lane;
            let attack = |language| scope.spawn(move || canary::run(lane, language));
            let canaries: Vec<_> = lane.languages.present().into_iter().map(attack).collect();
            canaries
                .into_iter()
                .try_for_each(|canary| canary.join().unwrap_or_else(|_| Err(Failure::new("canary", "it ended early"))))
        })
        .map_err(|failure| unavailable(&failure))?;
        Ok(lane)
    }

    /// What the lane holds now.
    pub fn counts(&self) -> Counts {
        self.supervisor.counts()
    }

    /// The interpreter of Python programs, where there is one.
    pub fn python(&self) -> Option<&Interpreter> {
        self.languages.python.as_ref().ok()
    }

    pub(crate) fn supervisor(&self) -> Arc<Supervisor> {
        Arc::clone(&self.supervisor)
    }

    pub(crate) fn program(&self, program: &LaneProgram) -> Result<Arc<Program>, LaneRefusal> {
        let (language, profile) = self.check(program)?;
        self.assemble(program, profile, language.content(program))
    }

    /// A program of this content.
    pub(crate) fn assemble(
        &self,
        program: &LaneProgram,
        profile: Profile,
        content: Content,
    ) -> Result<Arc<Program>, LaneRefusal> {
        let environment = program.environment.as_ref();
        let load = Load {
            kind: LoadKind::Load,
            plugin_id: program.plugin_id.as_str().to_owned(),
            package_digest: program.package_digest.to_string(),
            entry: program.entry.clone(),
            export: program.export.clone(),
            determinism: program.determinism.as_str().to_owned(),
            capabilities: program.capabilities.iter().map(|capability| capability.as_str().into()).collect(),
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

    /// What can be said without running anything; its language and profile.
    fn check(&self, program: &LaneProgram) -> Result<(&dyn Language, Profile), LaneRefusal> {
        let language = self.languages.of(&program.entry)?;
        if std::str::from_utf8(&program.code).is_err() {
            return Err(invalid(format!("{} is not UTF-8 text", program.entry)));
        }
        language.check(program).map_err(invalid)?;
        let is_code = |bytes: &Arc<[u8]>| bytes.starts_with(b"\x7fELF");
        let has_code = language.takes_machine_code()
            && (program.files.values().any(is_code)
                || program.environment.as_ref().is_some_and(|environment| environment.has_native_code));
        match (has_code, self.native) {
            (false, _) => Ok((language, Profile::Pure)),
            (true, NativeCode::Allowed) => Ok((language, Profile::Native)),
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

    fn describe_for(&self, program: &LaneProgram) -> LaneDescription {
        let language = self.languages.of(&program.entry);
        language.map_or_else(|_| self.describe(), |language| describe(self.supervisor.begun(), language))
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
