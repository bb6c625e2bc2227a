//! `xtask test api`: schemathesis reads the OpenAPI document of a running server and tries to break what it promises.
//!
//! Requests are made from the document, good and bad ones; each answer must be one that the document names, in its shape,
//! and never a 5xx that it does not. The server has the example plugins and a token of every scope, and must be well
//! afterwards: its ledger verifies.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::places::Places;
use crate::{binary, guests, process, tools};

/// Plugins that the server has.
const PLUGINS: [&str; 2] = ["hello", "text-stats"];
/// Examples of each operation that are made, and from which number on: the same requests each time.
const EXAMPLES: &str = "40";
const SEED: &str = "7";

/// Serves a home and lets schemathesis loose on it.
pub(crate) fn run(places: &Places) -> Result<()> {
    guests::build(places)?;
    let environment = places.tools().join("api-python");
    tools::install_python(places, &environment, places.root.join("tests/api/requirements.txt"))?;
    let omega = binary::build(places)?;
    let work = tempfile::tempdir()?;
    let home = work.path().join("home");
    let token = prepare(places, &omega, &home, work.path())?;
    let server = Server::start(&omega, &home)?;
    let mut schemathesis = Command::new(environment.join("bin/st"));
    let settings = places.root.join("tests/api");
    schemathesis.current_dir(work.path()).env("SCHEMATHESIS_HOOKS", "hooks").env("PYTHONPATH", &settings);
    // What Python compiles stays out of the tree.
    schemathesis.env("PYTHONDONTWRITEBYTECODE", "1").arg("--config-file").arg(settings.join("schemathesis.toml"));
    schemathesis.args(["run", &format!("{}/openapi.json", server.url)]);
    schemathesis.args(["--header", &format!("Authorization: Bearer {token}")]);
    schemathesis.args(["--checks", "all", "--max-examples", EXAMPLES, "--seed", SEED, "--generation-deterministic"]);
    // An endless stream is no answer to wait for: it has tests of its own.
    schemathesis.args(["--exclude-path", "/v1/events", "--request-timeout", "60", "--no-color"]);
    let found = process::run(&mut schemathesis);
    server.stop()?;
    found?;
    process::run(Command::new(&omega).args(["ledger", "verify", "--strict", "--quiet", "--home"]).arg(&home))
}

/// A home with plugins, and the secret of a token that may do everything that a token may.
fn prepare(places: &Places, omega: &Path, home: &Path, work: &Path) -> Result<String> {
    let run = |arguments: &[&str]| {
        let mut command = Command::new(omega);
        process::capture(command.current_dir(work).env("OMEGA_HOME", home).args(arguments))
    };
    run(&["init"])?;
    for plugin in PLUGINS {
        let package = places.root.join("target/guests/packages/examples").join(plugin);
        let copy = work.join(plugin).display().to_string();
        process::run(Command::new("cp").arg("-r").arg(package).arg(&copy))?;
        run(&["plugins", "sign", &copy])?;
        run(&["plugins", "install", &copy, "--enable"])?;
    }
    let made = run(&["tokens", "create", "schemathesis", "--scope", "read,invoke,publish", "--json"])?;
    let made: Value = serde_json::from_str(&made)?;
    made["secret"].as_str().map(ToOwned::to_owned).context("a token has a secret")
}

/// A server on a port that the system chose, killed when it is dropped.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(omega: &Path, home: &Path) -> Result<Self> {
        let mut command = Command::new(omega);
        command.args(["serve", "--json", "--listen", "127.0.0.1:0", "--home"]).arg(home).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let lines = BufReader::new(child.stdout.take().context("its output is a pipe")?).lines();
        for line in lines {
            let said: Value = serde_json::from_str(&line?)?;
            if let Some(url) = said["listening"].as_str() {
                return Ok(Self { child, url: url.to_owned() });
            }
        }
        bail!("`omega serve` ended: {}", child.wait()?)
    }

    fn stop(mut self) -> Result<()> {
        process::run(Command::new("kill").args(["-TERM", &self.child.id().to_string()]))?;
        let status = self.child.wait()?;
        if !status.success() {
            bail!("`omega serve` ended with {status}");
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _gone_already = self.child.wait();
    }
}
