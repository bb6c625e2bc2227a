//! `omega serve` as a process: how it begins, what it survives, how it ends.

mod http;

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use self::http::Http;
use crate::world::World;

/// A server on its way, killed where a test fails.
struct Serving {
    child: Child,
    stdout: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl Serving {
    fn new(world: &World, more: &[&str]) -> Self {
        let mut command = world.command();
        command.args(["serve", "--json"]).args(more);
        Self::of(command)
    }

    /// Waits until it says where it listens.
    #[expect(clippy::zombie_processes, reason = "waited for when it is dropped")]
    fn of(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        loop {
            let mut line = String::new();
            if stdout.read_line(&mut line).unwrap() == 0 {
                let mut said = String::new();
                child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
                panic!("it ended: {said}");
            }
            let said: Value = serde_json::from_str(&line).unwrap();
            if let Some(url) = said["listening"].as_str() {
                let address = url.rsplit("//").next().unwrap().parse().unwrap();
                return Self { child, stdout, address };
            }
        }
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Until it has ended; gives how, and what it said at the end.
    fn ended(mut self, within: Duration) -> (ExitStatus, String) {
        let began = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < within, "still there after {within:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        let _rest = self.stdout.read_to_string(&mut String::new());
        (self.child.wait().unwrap(), said)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _gone_already = self.child.wait();
    }
}

/// A home with these plugins that nobody holds.
fn alone(plugins: &[&str]) -> World {
    let world = World::with(plugins);
    world.stop_serving();
    world
}

fn token(world: &World) -> String {
    let made = world.json(["tokens", "create", "tester", "--scope", "read,invoke,publish"]);
    made["secret"].as_str().unwrap().to_owned()
}

/// Calls from several connections until they are cut; gives the ids of the calls that were answered.
fn load(address: SocketAddr, token: &str, time: Duration) -> Vec<std::thread::JoinHandle<BTreeSet<String>>> {
    (0..4)
        .map(|client| {
            let token = token.to_owned();
            std::thread::spawn(move || {
                let mut answered = BTreeSet::new();
                let (began, mut count) = (Instant::now(), 0);
                let Ok(mut http) = Http::to(address, &token) else { return answered };
                while began.elapsed() < time {
                    count += 1;
                    let id = format!("{client}-{count}");
                    match http.invoke("hello", &id, "load") {
                        Ok((200, answer)) => {
                            assert_eq!(answer["status"], "ok", "{answer}");
                            answered.insert(id);
                        }
                        // It is stopping, or has gone.
                        _ => break,
                    }
                }
                answered
            })
        })
        .collect()
}

/// The ledger verifies, each answered call has its RESULT in it, and no call is left open.
fn assert_evidence(world: &World, answered: &BTreeSet<String>) {
    world.ok(["ledger", "verify", "--strict"]);
    let run = world.json(["runs", "show", "load"]);
    let events = run["events"].as_array().unwrap();
    let ids = |kinds: &[&str]| -> Vec<String> {
        let of_kind = events.iter().filter(|event| kinds.contains(&event["event"]["kind"].as_str().unwrap()));
        of_kind.map(|event| event["event"]["request_id"].as_str().unwrap().to_owned()).collect()
    };
    let results: BTreeSet<String> = ids(&["RESULT"]).into_iter().collect();
    let lost: Vec<_> = answered.difference(&results).collect();
    assert!(lost.is_empty(), "answered, and not in the ledger: {lost:?}");
    let (invokes, outcomes) = (ids(&["INVOKE"]).len(), ids(&["RESULT", "ERROR"]).len());
    assert_eq!(invokes, outcomes, "every call has its outcome");
}

#[test]
fn sigterm_under_load_loses_no_answered_call() {
    let world = alone(&["examples/hello"]);
    let token = token(&world);
    let serving = Serving::new(&world, &["--listen", "127.0.0.1:0"]);
    let clients = load(serving.address, &token, Duration::from_secs(30));
    std::thread::sleep(Duration::from_millis(700));
    serving.signal("-TERM");
    let (status, said) = serving.ended(Duration::from_secs(20));
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(said.contains("Stopped:") && !said.contains("cut off"), "{said}");
    let answered: BTreeSet<String> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
    assert!(answered.len() > 20, "{} calls only", answered.len());
    assert!(!world.home().join("omega.sock").exists(), "the socket is gone");
    // The last checkpoint covers everything: nothing was left for the next start.
    let checkpoint = std::fs::read_to_string(world.home().join("ledger/checkpoint")).unwrap();
    let size: u64 = checkpoint.lines().nth(1).unwrap().parse().unwrap();
    assert_eq!(world.json(["ledger", "stats"])["events"], size);
    assert_evidence(&world, &answered);
}

#[test]
fn kill_9_under_load_loses_no_answered_call() {
    let world = alone(&["examples/hello"]);
    let token = token(&world);
    let serving = Serving::new(&world, &["--listen", "127.0.0.1:0"]);
    let clients = load(serving.address, &token, Duration::from_secs(30));
    std::thread::sleep(Duration::from_millis(700));
    serving.signal("-KILL");
    let (status, _) = serving.ended(Duration::from_secs(20));
    assert_eq!(status.code(), None);
    let answered: BTreeSet<String> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
    assert!(answered.len() > 20, "{} calls only", answered.len());
    // The socket that it left behind stops nobody: the next command opens the home itself.
    assert!(world.home().join("omega.sock").exists());
    world.ok(["invoke", "hello", "--text", "Ada"]);
    assert_evidence(&world, &answered);
}

#[test]
fn a_second_signal_ends_the_time_of_grace() {
    let world = alone(&["hostile/spin"]);
    let token = token(&world);
    let serving = Serving::new(&world, &["--listen", "127.0.0.1:0", "--grace", "600"]);
    let address = serving.address;
    let call = std::thread::spawn(move || {
        let mut http = Http::to(address, &token).unwrap();
        let body = serde_json::json!({
            "request_id": "q", "run_id": "load",
            "payload": {"kind": "text", "content": "go", "encoding": "utf-8", "metadata": {}},
            "policy": {"timeout_ms": 60_000, "max_retries": 5, "deterministic_only": false},
        });
        http.ask("POST", "/v1/plugins/hostile-spin:invoke", &body.to_string()).is_ok()
    });
    let begun = || world.json(["runs", "list"]).as_array().unwrap().iter().any(|run| run["run_id"] == "load");
    while !begun() {
        std::thread::sleep(Duration::from_millis(20));
    }
    serving.signal("-TERM");
    std::thread::sleep(Duration::from_millis(100));
    serving.signal("-TERM");
    let (status, said) = serving.ended(Duration::from_secs(20));
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(said.contains("cut off"), "{said}");
    assert!(!call.join().unwrap(), "there is no answer");
    let run = world.json(["runs", "show", "load"]);
    let last = &run["events"].as_array().unwrap().last().unwrap()["event"];
    assert_eq!((&last["kind"], &last["meta"]["reason"]), (&"ERROR".into(), &"interrupted".into()));
    world.ok(["ledger", "verify", "--strict"]);
}

/// What systemd does: descriptor 3 is a socket, and the environment says so.
#[test]
fn a_socket_that_is_handed_over_is_used() {
    let world = alone(&["examples/hello"]);
    let token = token(&world);
    let hand_over = |listener: TcpListener| {
        let mut command = Command::new("sh");
        command.current_dir(world.path()).env("OMEGA_HOME", world.home()).stdin(Stdio::from(OwnedFd::from(listener)));
        command.args(["-c", "exec 3<&0 0</dev/null; export LISTEN_FDS=1 LISTEN_PID=$$; exec \"$0\" serve --json"]);
        command.arg(env!("CARGO_BIN_EXE_omega"));
        command
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serving = Serving::of(hand_over(listener));
    assert_eq!(serving.address, address);
    let (status, _) = Http::to(address, &token).unwrap().invoke("hello", "q", "r").unwrap();
    assert_eq!(status, 200);
    serving.signal("-INT");
    assert_eq!(serving.ended(Duration::from_secs(20)).0.code(), Some(0));
    // It is no way around TLS.
    let open = TcpListener::bind("0.0.0.0:0").unwrap();
    let refused = hand_over(open).output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.starts_with("error[listen_unsafe]"), "{said}");
}

#[test]
fn what_cannot_be_served_is_refused() {
    let world = alone(&[]);
    let check = |arguments: &[&str], code: i32, expect: &str| {
        let ran = world.omega([&["serve"], arguments].concat());
        assert_eq!(ran.code, code, "{arguments:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(expect), "{arguments:?}: {}", ran.stderr);
        assert!(!world.home().join("omega.sock").exists(), "{arguments:?} left its socket");
    };
    check(&["--listen", "0.0.0.0:0"], 1, "error[listen_unsafe]");
    check(&["--listen", "localhost"], 2, "invalid socket address");
    let with_pair = |cert, key| ["--listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key];
    world.file("there.pem", "no certificate");
    check(&with_pair("nowhere.pem", "there.pem"), 2, "file: nowhere.pem");
    check(&with_pair("there.pem", "nowhere.pem"), 2, "names a file that does not exist");
    check(&with_pair("there.pem", "there.pem"), 3, "error[config_invalid]");
    check(&["--tls-cert", "a.pem"], 2, "--tls-key");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    check(&["--listen", &taken.local_addr().unwrap().to_string()], 3, "cannot listen on");
    let serving = Serving::new(&world, &["--listen", "127.0.0.1:0"]);
    let second = world.omega(["serve", "--wait", "0"]);
    assert_eq!(second.code, 3, "{}", second.stderr);
    assert!(second.stderr.starts_with("error[home_locked]"), "{}", second.stderr);
    assert!(world.home().join("omega.sock").exists(), "the first one's socket stays");
    drop(serving);
}

#[test]
fn the_demonstration_prints_a_line_that_works() {
    let world = World::empty();
    let mut command = world.command();
    command.env_remove("OMEGA_HOME").args(["serve", "--demo", "--listen", "127.0.0.1:0"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let line = loop {
        let mut line = String::new();
        assert_ne!(stdout.read_line(&mut line).unwrap(), 0, "it ended");
        if line.starts_with("curl ") {
            break line;
        }
    };
    let ran = Command::new("sh").args(["-c", &line]).output().unwrap();
    let answer: Value = serde_json::from_slice(&ran.stdout).unwrap_or_default();
    let _sent = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(
        answer["status"],
        "ok",
        "{}{}",
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr)
    );
    assert_eq!(answer["result"]["content"], "Hello, Ada!");
}
