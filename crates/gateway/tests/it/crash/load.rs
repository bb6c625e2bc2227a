//! The gateway under load, in a process that is there to be killed. It tells each thing only after it was acknowledged.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use omega_contract::{Payload, Sha256Hex, Status};
use omega_gateway::{Gateway, Home, OpenOptions, request};
use serde_json::json;

use crate::harness::{edit, id, package, signed};

/// The home of the process that is killed.
pub const HOME: &str = "OMEGA_TEST_CRASH_HOME";
/// The plugin that is registered, enabled and disabled all the time.
pub const CHANGING: &str = "changing";
/// The plugin whose payloads and results are kept as artifacts.
pub const KEEPER: &str = "keeper";

const CALLERS: usize = 12;

/// What the process told before it was cut off.
#[derive(Debug, Default)]
pub struct Told {
    /// The index and hash of each answer's event.
    pub answered: BTreeMap<u64, Sha256Hex>,
    /// Operations on [`CHANGING`] with the version.
    pub decided: Vec<(String, String)>,
    /// Artifacts that were put.
    pub artifacts: Vec<String>,
    /// Whether it came as far as to take calls.
    pub was_ready: bool,
}

impl Told {
    /// Takes note of one whole line.
    pub fn hear(&mut self, line: &str) {
        match line.split(' ').collect::<Vec<_>>().as_slice() {
            ["ready"] => self.was_ready = true,
            ["answered", index, hash] => {
                self.answered.insert(index.parse().unwrap(), hash.parse().unwrap());
            }
            ["decided", operation, version] => self.decided.push(((*operation).to_owned(), (*version).to_owned())),
            ["artifact", digest] => self.artifacts.push((*digest).to_owned()),
            _ => {}
        }
    }
}

/// One write for each line, so that none is half told.
pub fn tell(line: &str) {
    std::io::stdout().lock().write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// Starts this test program again to run one of its tests alone, on a home.
pub fn spawn(test: &str, home: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=2"])
        .env(HOME, home)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The home that this process was started for.
pub fn home_of_child() -> Option<PathBuf> {
    std::env::var_os(HOME).map(PathBuf::from)
}

/// A package that keeps what goes in and out.
pub fn keeper() -> BTreeMap<String, Arc<[u8]>> {
    let mut files = hello_as(KEEPER);
    edit(&mut files, |manifest| {
        manifest["evidence"] = json!({"log_level": "full", "redactions": ["/metadata/secret"]});
    });
    files.retain(|path, _| !path.starts_with("examples/"));
    files
}

/// The package of [`CHANGING`] in this version.
pub fn changing(version: &str) -> BTreeMap<String, Arc<[u8]>> {
    let mut files = hello_as(CHANGING);
    edit(&mut files, |manifest| manifest["version"] = version.into());
    files
}

/// The example under another name.
fn hello_as(plugin_id: &str) -> BTreeMap<String, Arc<[u8]>> {
    let mut files = package("examples/hello");
    edit(&mut files, |manifest| {
        let named = manifest.to_string().replace("omega:hello", &format!("omega:{plugin_id}"));
        *manifest = serde_json::from_str(&named).unwrap();
        manifest["plugin_id"] = plugin_id.into();
    });
    files
}

/// Opens the home and loads the gateway until it is killed.
pub async fn run_until_killed(home: &Path) {
    let home = Home::open(home).unwrap();
    let options = OpenOptions { wait: std::time::Duration::from_secs(30), ..OpenOptions::default() };
    let gateway = Gateway::open(&home, options).await.unwrap();
    tell("\nready");
    for caller in 0..CALLERS {
        let plugin_id = id(if caller % 3 == 0 { KEEPER } else { "hello" });
        let gateway = gateway.clone();
        tokio::spawn(async move {
            loop {
                let answer = gateway.invoke(&plugin_id, request(Payload::text("Ada"))).await.unwrap();
                assert_eq!(answer.response.status, Status::Ok, "{}", answer.response.notes);
                tell(&format!("answered {} {}", answer.event_index, answer.event_hash));
            }
        });
    }
    let keeping = gateway.clone();
    tokio::task::spawn_blocking(move || {
        for length in (0..200_000).step_by(7_777).cycle() {
            let bytes = [ulid_like().as_bytes(), &vec![7; length]].concat();
            let put = keeping.admin().artifacts().put_bytes(&bytes, &omega_broker::ArtifactLabel::default());
            tell(&format!("artifact {}", put.unwrap().digest));
        }
    });
    change_until_killed(&gateway, &home).await;
}

/// A text that was never there before.
fn ulid_like() -> String {
    request(Payload::text("")).request_id.to_string()
}

async fn change_until_killed(gateway: &Gateway, home: &Home) {
    let key = home.operator_key().unwrap();
    let first = gateway.admin().opening().events;
    for number in 0.. {
        let version = format!("1.{first}.{number}");
        gateway.register_plugin(signed(&changing(&version), &key)).await.unwrap();
        tell(&format!("decided REGISTER {version}"));
        gateway.enable_plugin(&id(CHANGING), Some(&version.parse().unwrap())).await.unwrap();
        tell(&format!("decided ENABLE {version}"));
        if number % 3 == 0 {
            gateway.disable_plugin(&id(CHANGING)).await.unwrap();
            tell(&format!("decided DISABLE {version}"));
        }
    }
}
