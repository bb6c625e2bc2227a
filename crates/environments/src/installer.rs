//! The tool that installs: pip of the interpreter, else `uv` where it is found.
//!
//! Both are given hashes for everything, and wheels alone unless builds are allowed. A wheel is unpacked, and none of its
//! code runs; a source release is built by its own code, with the rights of whoever runs this gateway.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::fault::EnvironmentFault;
use crate::interpreter::{Interpreter, find_executable, kept_environment};
use crate::process::{Bounds, Cancel, run};

/// How long a tool may take to say its version.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(60);
/// Of the gateway's environment, what leads to the network and says whom to believe there. Nothing else is handed on.
const KEPT: [&str; 9] = [
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "NO_PROXY",
    "no_proxy",
    "ALL_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];
/// Where compilers are found, where builds are allowed.
const TOOLS_PATH: &str = "/usr/local/bin:/usr/bin:/bin";
/// Seconds that the index may be silent, and how often it is asked again.
const SILENCE_SECONDS_MAX: &str = "30";
const RETRIES_MAX: &str = "2";

/// What installs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installer {
    kind: Kind,
    version: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Pip,
    Uv(PathBuf),
}

impl Installer {
    /// The tool that would install for this interpreter.
    ///
    /// # Errors
    /// [`EnvironmentFault::Unbuildable`] where there is none.
    pub fn find(interpreter: &Interpreter) -> Result<Self, EnvironmentFault> {
        let mut pip = Command::new(&interpreter.path);
        pip.args(["-I", "-m", "pip", "--version"]);
        if let Some(version) = version_of(&mut pip, "pip ") {
            return Ok(Self { kind: Kind::Pip, version });
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        if let Some(uv) = find_executable(&path, &["uv"])
            && let Some(version) = version_of(Command::new(&uv).arg("--version"), "uv ")
        {
            return Ok(Self { kind: Kind::Uv(uv), version });
        }
        Err(EnvironmentFault::Unbuildable(format!(
            "{} has no pip, and there is no uv in PATH; install python3-pip, or uv",
            interpreter.path.display()
        )))
    }

    /// Its name and version, `pip 23.2.1` say.
    pub fn name(&self) -> String {
        match self.kind {
            Kind::Pip => format!("pip {}", self.version),
            Kind::Uv(_) => format!("uv {}", self.version),
        }
    }

    /// Installs what `requirements.txt` in `scratch` names into its folder `modules`.
    pub(crate) fn command(&self, interpreter: &Interpreter, scratch: &Path, allow_build: bool) -> Command {
        let mut command = match &self.kind {
            Kind::Pip => {
                let mut command = Command::new(&interpreter.path);
                // `-I` and `--isolated`: nothing of the user's settings or folders; the machine's pip.conf holds.
                command.args(["-I", "-m", "pip", "install", "--isolated", "--disable-pip-version-check", "--no-input"]);
                command.args(["--no-cache-dir", "--no-compile", "--no-warn-conflicts", "--no-warn-script-location"]);
                command.args(["--progress-bar", "off", "--timeout", SILENCE_SECONDS_MAX, "--retries", RETRIES_MAX]);
                command.env("PIP_ROOT_USER_ACTION", "ignore");
                command
            }
            Kind::Uv(uv) => {
                let mut command = Command::new(uv);
                command.args(["pip", "install", "--no-config", "--no-cache", "--no-progress", "--link-mode", "copy"]);
                command.arg("--python").arg(&interpreter.path);
                command.env("UV_HTTP_TIMEOUT", SILENCE_SECONDS_MAX).env("UV_HTTP_RETRIES", RETRIES_MAX);
                command.env("UV_PYTHON_DOWNLOADS", "never");
                command
            }
        };
        command.args(["--require-hashes", "--target", "modules", "-r", "requirements.txt"]);
        if !allow_build {
            command.args(["--only-binary", ":all:"]);
        }
        clean(&mut command, scratch);
        command.current_dir(scratch);
        command
    }
}

/// An environment of its own: a home that is empty, and no variable that changes what is installed.
fn clean(command: &mut Command, scratch: &Path) {
    let own: Vec<_> =
        command.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect();
    command.env_clear().envs(own).envs(kept_environment(&KEPT));
    command.env("PATH", TOOLS_PATH).env("LANG", "C.UTF-8").env("HOME", scratch.join("home"));
    command.env("TMPDIR", scratch.join("temporary"));
}

fn version_of(command: &mut Command, begins: &str) -> Option<String> {
    let cancel = Cancel::default();
    command.env_clear().envs(kept_environment(&["PATH"]));
    let ended = run(command, &Bounds { time_max: ANSWER_TIME_MAX, disk: None, cancel: &cancel }, |_| ()).ok()?;
    let line = ended.lines.iter().find_map(|line| line.strip_prefix(begins)).filter(|_| ended.status.success())?;
    line.split_whitespace().next().map(str::to_owned)
}

/// What an installer's last lines say, for people: bounded, without the folder that it worked in.
pub(crate) fn explain(lines: &[String], interpreter: &Interpreter, scratch: &Path, allow_build: bool) -> String {
    const CHARS_MAX: usize = 1_200;
    let has = |needles: &[&str]| lines.iter().any(|line| needles.iter().any(|needle| line.contains(needle)));
    let from = |needle: &str| lines.iter().skip_while(|line| !line.contains(needle)).cloned().collect::<Vec<_>>();
    let (what, said) = if has(&["DO NOT MATCH THE HASHES", "Hash mismatch"]) {
        let after = lines.iter().skip_while(|line| !line.contains("HASHES") && !line.contains("Hash mismatch")).skip(1);
        ("a file does not have the hash that the lock states".to_owned(), after.take(3).cloned().collect())
    } else if has(&[
        "NewConnectionError",
        "ConnectTimeoutError",
        "ReadTimeoutError",
        "ProxyError",
        "SSLError",
        "NameResolutionError",
        "name resolution",
        "Connection refused",
        "client error (Connect)",
        "Connection reset",
        "Network is unreachable",
    ]) {
        let told = lines.iter().rfind(|line| line.contains("ERROR") || line.contains("error")).cloned();
        ("the package index cannot be reached".to_owned(), told.into_iter().collect())
    } else if has(&["must have their versions pinned", "must have a hash", "missing a hash"]) {
        ("the lock does not hold all that its packages need".to_owned(), from("In --require-hashes"))
    } else if has(&["No matching distribution", "no wheels", "No solution found"]) {
        let hint = if allow_build { "" } else { "; a release that has only sources needs --allow-build" };
        (format!("no file of a release fits {}{hint}", interpreter.tag()), from("ERROR"))
    } else {
        let errors: Vec<_> = lines.iter().filter(|line| line.to_ascii_lowercase().contains("error")).cloned().collect();
        let last = || lines.iter().rev().take(3).rev().cloned().collect();
        ("the installer failed".to_owned(), if errors.is_empty() { last() } else { errors })
    };
    let said = said.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    let said = said.replace(&*scratch.to_string_lossy(), "…");
    let text = if said.is_empty() { what } else { format!("{what}: {said}") };
    text.chars().take(CHARS_MAX).collect()
}
