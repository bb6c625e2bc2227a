//! Running an installer: bounded in time, bytes on disk and output, stopped as a whole.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use crate::fault::{EnvironmentFault, io_error};

/// How often it is seen whether a process has ended or must be stopped.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// How often the bytes on disk are counted: a walk of all files.
const COUNT_INTERVAL: Duration = Duration::from_millis(500);
/// Lines of output that are kept, the last ones.
const LINES_KEPT_MAX: usize = 200;
/// Bytes of one line.
const LINE_BYTES_MAX: u64 = 4_096;

/// Lets somebody break a build off.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Breaks it off, soon.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// How a process is bounded.
pub(crate) struct Bounds<'a> {
    pub(crate) time_max: Duration,
    /// The folder that it fills, and how far.
    pub(crate) disk: Option<(&'a Path, u64)>,
    pub(crate) cancel: &'a Cancel,
}

/// Starts what it is given, and ends with it; where nobody holds its standard input any more, because the gateway was
/// killed, it ends its whole group at once.
const WATCHER: &str = "\
import os, subprocess, sys, threading
def watch():
    os.read(0, 1)
    os.killpg(0, 9)
threading.Thread(target=watch, daemon=True).start()
sys.exit(subprocess.call(sys.argv[1:], stdin=subprocess.DEVNULL))";

/// The same command, run by this interpreter such that it does not outlive the process that started it. (A Rust program
/// could ask the system for that only between `fork` and `exec`, which takes unsafe code.)
pub(crate) fn watched(python: &Path, command: &Command) -> Command {
    let mut watched = Command::new(python);
    watched.args(["-I", "-S", "-c", WATCHER]).arg(command.get_program()).args(command.get_args()).env_clear();
    watched.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = command.get_current_dir() {
        watched.current_dir(folder);
    }
    watched
}

/// How a process ended, and the last lines that it wrote, of both streams.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) lines: VecDeque<String>,
}

/// Runs a command to its end; `hear` is told each line that it writes.
pub(crate) fn run(
    command: &mut Command,
    bounds: &Bounds<'_>,
    mut hear: impl FnMut(&str),
) -> Result<Ended, EnvironmentFault> {
    // Held open: where this process dies, its end is seen at the other side.
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A group of its own, so that what it starts is stopped with it.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    let mut running = Running(command.spawn().map_err(io_error("start the installer"))?);
    let (sender, lines) = mpsc::sync_channel(LINES_KEPT_MAX);
    read_lines(running.0.stdout.take(), sender.clone());
    read_lines(running.0.stderr.take(), sender);
    let began = Instant::now();
    let mut counted = began;
    let mut kept = VecDeque::new();
    loop {
        let mut take = |line: String| {
            hear(&line);
            kept.push_back(line);
            if kept.len() > LINES_KEPT_MAX {
                kept.pop_front();
            }
        };
        while let Ok(line) = lines.try_recv() {
            take(line);
        }
        if let Some(status) = running.0.try_wait().map_err(io_error("wait for the installer"))? {
            running.stop();
            // What it wrote last; a grandchild that kept the pipe was stopped just now.
            while let Ok(line) = lines.recv_timeout(LOOK_INTERVAL * 10) {
                take(line);
            }
            return Ok(Ended { status, lines: kept });
        }
        if bounds.cancel.is_cancelled() {
            return Err(EnvironmentFault::Cancelled);
        }
        if began.elapsed() > bounds.time_max {
            return Err(EnvironmentFault::Limit(format!("it took more than {} s", bounds.time_max.as_secs())));
        }
        if let Some((folder, bytes_max)) = bounds.disk
            && counted.elapsed() > COUNT_INTERVAL
        {
            if bytes_below(folder) > bytes_max {
                return Err(EnvironmentFault::Limit(format!("it wrote more than {bytes_max} bytes")));
            }
            counted = Instant::now();
        }
        if let Ok(line) = lines.recv_timeout(LOOK_INTERVAL) {
            take(line);
        }
    }
}

/// A process that does not outlive its owner, nor does what it started in its group.
struct Running(Child);

impl Running {
    fn stop(&mut self) {
        #[cfg(unix)]
        if let Some(group) = i32::try_from(self.0.id()).ok().and_then(rustix::process::Pid::from_raw) {
            let _gone = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

fn read_lines(stream: Option<impl Read + Send + 'static>, sender: mpsc::SyncSender<String>) {
    let Some(stream) = stream else { return };
    std::thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        loop {
            line.clear();
            match stream.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            if sender.send(String::from_utf8_lossy(&line).trim_end().to_owned()).is_err() {
                return;
            }
        }
    });
}

/// Bytes of all files below a folder, as far as they can be seen: it changes while it is looked at.
fn bytes_below(folder: &Path) -> u64 {
    let mut pending = vec![folder.to_owned()];
    let mut bytes = 0_u64;
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_dir() {
                pending.push(entry.path());
            } else {
                bytes = bytes.saturating_add(metadata.len());
            }
        }
    }
    bytes
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, bounds: &Bounds<'_>) -> Result<Ended, EnvironmentFault> {
        run(Command::new("/bin/sh").args(["-c", script]), bounds, |_| ())
    }

    fn bounds(cancel: &Cancel) -> Bounds<'_> {
        Bounds { time_max: Duration::from_secs(60), disk: None, cancel }
    }

    #[test]
    fn both_streams_are_heard_and_the_ending_is_told() {
        let ended = shell("echo one; echo two >&2; exit 3", &bounds(&Cancel::default())).unwrap();
        assert_eq!(ended.status.code(), Some(3));
        let mut lines: Vec<_> = ended.lines.into();
        lines.sort();
        assert_eq!(lines, ["one", "two"]);
    }

    /// Ends before the sixty seconds of its children: they are gone, not waited for.
    #[test]
    fn what_it_started_ends_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let note = folder.path().join("pid");
        let script = format!("sleep 60 & echo $! > {}; sleep 60", note.display());
        let cancel = Cancel::default();
        let short = Bounds { time_max: Duration::from_millis(300), ..bounds(&cancel) };
        assert!(matches!(shell(&script, &short), Err(EnvironmentFault::Limit(_))));
        let pid: i32 = std::fs::read_to_string(&note).unwrap().trim().parse().unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        let gone = || rustix::process::test_kill_process(pid).is_err() || is_zombie(pid);
        let began = Instant::now();
        while !gone() && began.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(LOOK_INTERVAL);
        }
        assert!(gone(), "the child of the stopped process still runs");
    }

    /// Nobody has reaped it yet, where nobody is there to do so.
    fn is_zombie(pid: rustix::process::Pid) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
        stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('Z'))
    }

    #[test]
    fn it_is_stopped_when_cancelled_and_when_it_fills_the_disk() {
        let cancel = Cancel::default();
        cancel.cancel();
        assert!(matches!(shell("sleep 60", &bounds(&cancel)), Err(EnvironmentFault::Cancelled)));
        let folder = tempfile::tempdir().unwrap();
        let cancel = Cancel::default();
        let full = Bounds { disk: Some((folder.path(), 4_096)), ..bounds(&cancel) };
        let script = format!("head -c 8192 /dev/zero > {}/file; sleep 60", folder.path().display());
        assert!(matches!(shell(&script, &full), Err(EnvironmentFault::Limit(_))));
    }
}
