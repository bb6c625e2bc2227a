//! A worker as the gateway holds it: its stream, its reports, its output, and the way to kill it.
//!
//! What never happens here: a second call, or a wait that is not bounded by a deadline.

use std::fmt::Write as _;
use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::net::{UnixDatagram, UnixStream};
use tokio::time::timeout_at;

use crate::frames::{Incoming, Said, TooLong, decode};
use crate::messages::Number;
use crate::sys;
use crate::sys::inside::plan::{Report, tag};

/// Bytes that one reading of output takes.
const OUTPUT_READ_BYTES: usize = 16 * 1024;
/// Bytes by which the buffer of the stream grows.
const STREAM_READ_BYTES: usize = 64 * 1024;

/// A worker: locked down, checked from outside, its program imported.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) number: Number,
    descriptors: Descriptors,
    output: Output,
    stands_still: bool,
    /// What came of its stream and is no whole frame yet.
    incoming: Incoming,
}

#[derive(Debug)]
struct Descriptors {
    stream: OwnedFd,
    status: OwnedFd,
    stdout: OwnedFd,
    stderr: OwnedFd,
    /// Process 1 of its namespace: ends with all that is in it.
    init: OwnedFd,
    /// The plugin's own process: what is stopped and goes on.
    program: OwnedFd,
}

/// What a program wrote to standard output and error.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    pub(crate) stdout: Captured,
    pub(crate) stderr: Captured,
}

/// Bytes that were written, up to a bound.
#[derive(Debug, Clone)]
pub(crate) struct Captured {
    bytes: Vec<u8>,
    bytes_max: usize,
    dropped: u64,
}

impl Captured {
    fn new(bytes_max: u64) -> Self {
        Self { bytes: Vec::new(), bytes_max: usize::try_from(bytes_max).unwrap_or(usize::MAX), dropped: 0 }
    }

    fn take(&mut self, bytes: &[u8]) {
        let kept = bytes.len().min(self.bytes_max - self.bytes.len());
        self.bytes.extend_from_slice(&bytes[..kept]);
        self.dropped += (bytes.len() - kept) as u64;
    }

    /// What was kept, as text, the cut marked.
    pub(crate) fn text(&self) -> String {
        let mut text = String::from_utf8_lossy(&self.bytes).into_owned();
        if self.dropped > 0 {
            let _ = write!(text, "\n[{} more bytes were not kept]", self.dropped);
        }
        text
    }

    /// Bytes that were not kept.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }
}

/// How a program ended by itself, or was ended by its sandbox, as its init tells.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Exit {
    Code(i32),
    Signal(i32),
    Refused {
        syscall: u64,
    },
    /// Its init was killed too.
    Unknown,
}

/// What its init tells beside that.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    pub(crate) exit: Exit,
    pub(crate) cpu_us: u64,
    pub(crate) memory_kib_peak: u64,
}

/// What happened while a frame was waited for.
#[derive(Debug)]
pub(crate) enum Event {
    Said(Said),
    /// It broke the protocol.
    Broken(String),
    /// A frame was longer than it may be.
    TooLong(u64),
    /// Its process is gone.
    Ended {
        ended: Ended,
        is_cut: bool,
    },
    Deadline,
}

impl Worker {
    /// Takes what the helper handed over.
    pub(crate) fn new(number: Number, descriptors: Vec<OwnedFd>, log_bytes_max: u64) -> io::Result<Self> {
        let Ok([stream, status, stdout, stderr, init, program]) = <[OwnedFd; 6]>::try_from(descriptors) else {
            return Err(io::Error::other("a worker comes with six descriptors"));
        };
        for descriptor in [&stream, &status, &stdout, &stderr] {
            rustix::io::ioctl_fionbio(descriptor, true)?;
        }
        let output = Output { stdout: Captured::new(log_bytes_max), stderr: Captured::new(log_bytes_max) };
        let descriptors = Descriptors { stream, status, stdout, stderr, init, program };
        Ok(Self { number, descriptors, output, stands_still: false, incoming: Incoming::default() })
    }

    /// Has it stand still while it waits for a call: no deadline holds for it by then. One that is gone is seen by whoever takes it.
    pub(crate) fn stand_still(&mut self) {
        self.stands_still = true;
        self.signal_program(Signal::STOP);
    }

    /// Has it run again. One that is gone is seen by whoever waits for its answer.
    pub(crate) fn go_on(&mut self) {
        if std::mem::take(&mut self.stands_still) {
            self.signal_program(Signal::CONT);
        }
    }

    /// What is gone already needs no signal.
    fn signal_program(&self, signal: Signal) {
        let _ = rustix::process::pidfd_send_signal(&self.descriptors.program, signal);
    }

    /// Ends everything in its pid namespace. What is gone already needs no signal.
    pub(crate) fn kill(&self) {
        // Its init's end is its own, too; but there is more of it to take apart, which so begins at once.
        self.signal_program(Signal::KILL);
        let _ = rustix::process::pidfd_send_signal(&self.descriptors.init, Signal::KILL);
    }

    /// Whether it is still there.
    pub(crate) fn lives(&self) -> bool {
        let mut poll = [rustix::event::PollFd::new(&self.descriptors.init, rustix::event::PollFlags::IN)];
        let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
        matches!(rustix::event::poll(&mut poll, Some(&now)), Ok(0))
    }

    /// Opens it for talk on the runtime of the caller.
    pub(crate) fn open(&mut self, deadline: Instant) -> io::Result<Talk<'_>> {
        let stream = std::os::unix::net::UnixStream::from(self.descriptors.stream.try_clone()?);
        Ok(Talk {
            stream: UnixStream::from_std(stream)?,
            // It keeps messages apart as datagrams do; tokio has no name for such a socket.
            status: UnixDatagram::from_std(self.descriptors.status.try_clone()?.into())?,
            stdout: pipe::Receiver::from_owned_fd(self.descriptors.stdout.try_clone()?)?,
            stderr: pipe::Receiver::from_owned_fd(self.descriptors.stderr.try_clone()?)?,
            alarm: alarm(deadline)?,
            output: &mut self.output,
            incoming: &mut self.incoming,
            ended: None,
            open: Open { stream: true, stdout: true, stderr: true },
        })
    }

    /// What it wrote.
    pub(crate) fn output(&self) -> &Output {
        &self.output
    }
}

/// An exchange of frames with a worker.
#[derive(Debug)]
pub(crate) struct Talk<'a> {
    stream: UnixStream,
    status: UnixDatagram,
    stdout: pipe::Receiver,
    stderr: pipe::Receiver,
    /// Becomes readable at the deadline.
    alarm: pipe::Receiver,
    output: &'a mut Output,
    incoming: &'a mut Incoming,
    ended: Option<Ended>,
    open: Open,
}

#[derive(Debug)]
struct Open {
    stream: bool,
    stdout: bool,
    stderr: bool,
}

impl Talk<'_> {
    /// Sends a frame that was encoded before. Nothing: sent, or the worker is gone, which the next event tells.
    pub(crate) async fn send(&mut self, frame: &[u8], deadline: Instant) -> Result<(), Event> {
        match timeout_at(deadline.into(), self.stream.write_all(frame)).await {
            Err(_) => Err(Event::Deadline),
            Ok(_) => Ok(()),
        }
    }

    /// What it said before it was asked, of what is there now; nothing: no more than log lines.
    pub(crate) fn early(&mut self, frame_bytes_max: u64) -> Result<(), String> {
        loop {
            match self.incoming.next(frame_bytes_max) {
                Ok(Some(body)) => match decode(&body)? {
                    Said::Log { .. } => continue,
                    _ => return Err("it spoke before it was asked".to_owned()),
                },
                Ok(None) => {}
                Err(TooLong { length }) => return Err(format!("a frame of {length} bytes before it was asked")),
            }
            // A socket holds little, and the worker stood still.
            self.incoming.buffer().reserve(HEADROOM);
            if !matches!(self.stream.try_read_buf(self.incoming.buffer()), Ok(length) if length > 0) {
                return Ok(());
            }
        }
    }

    /// The next thing that happens. Output is taken meanwhile.
    pub(crate) async fn next(&mut self, frame_bytes_max: u64, deadline: Instant) -> Event {
        let (mut out, mut err) = (vec![0_u8; OUTPUT_READ_BYTES], vec![0_u8; OUTPUT_READ_BYTES]);
        loop {
            match self.incoming.next(frame_bytes_max) {
                Ok(Some(body)) => {
                    return match decode(&body) {
                        Ok(said) => Event::Said(said),
                        Err(why) => Event::Broken(why),
                    };
                }
                Ok(None) => {}
                Err(TooLong { length }) => return Event::TooLong(length),
            }
            if let (Some(ended), false) = (self.ended, self.open.stream || self.open.stdout || self.open.stderr) {
                return Event::Ended { ended, is_cut: self.incoming.is_cut() };
            }
            if Instant::now() >= deadline {
                return Event::Deadline;
            }
            self.incoming.buffer().reserve(STREAM_READ_BYTES.min(HEADROOM));
            tokio::select! {
                read = self.stream.read_buf(self.incoming.buffer()), if self.open.stream => {
                    self.open.stream = matches!(read, Ok(length) if length > 0);
                }
                ended = reported(&self.status), if self.ended.is_none() => self.ended = Some(ended),
                read = self.stdout.read(&mut out), if self.open.stdout => {
                    let length = read.unwrap_or(0);
                    self.open.stdout = length > 0;
                    self.output.stdout.take(&out[..length]);
                }
                read = self.stderr.read(&mut err), if self.open.stderr => {
                    let length = read.unwrap_or(0);
                    self.open.stderr = length > 0;
                    self.output.stderr.take(&err[..length]);
                }
                _ = self.alarm.readable() => return Event::Deadline,
            }
        }
    }

    /// Takes what is in the output pipes now, without waiting.
    pub(crate) fn drain_output(&mut self) {
        let mut part = [0_u8; OUTPUT_READ_BYTES];
        for (pipe, captured) in [(&self.stdout, &mut self.output.stdout), (&self.stderr, &mut self.output.stderr)] {
            // A pipe holds 64 KiB; a plugin that goes on writing is not read for ever.
            for _ in 0..8 {
                match pipe.try_read(&mut part) {
                    Ok(length) if length > 0 => captured.take(&part[..length]),
                    _ => break,
                }
            }
        }
    }
}

/// A timer of the kernel: the runtime's own is up to two milliseconds late, and a plugin is stopped when it was told to be. tokio has no name
/// for such a descriptor; that it becomes readable is all that is asked of it.
fn alarm(deadline: Instant) -> io::Result<pipe::Receiver> {
    let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
    // Zero would switch it off.
    let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_nanos(1));
    let at =
        Timespec { tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX), tv_nsec: left.subsec_nanos().into() };
    let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: at };
    timerfd_settime(&timer, TimerfdTimerFlags::empty(), &once)?;
    pipe::Receiver::from_owned_fd_unchecked(timer)
}

/// Room in the stream's buffer before each reading.
const HEADROOM: usize = 8 * 1024;

/// The report of its init. Without one the init was killed.
async fn reported(status: &UnixDatagram) -> Ended {
    let mut bytes = [0_u8; sys::REPORT_BYTES];
    let length = match status.recv(&mut bytes).await {
        Ok(length) => length,
        // An init that ended before it read all that it was told: the kernel says so first, and then gives the report.
        Err(_) => status.recv(&mut bytes).await.unwrap_or(0),
    };
    let Some(report) = bytes.get(..length).and_then(sys::report) else {
        return Ended { exit: Exit::Unknown, cpu_us: 0, memory_kib_peak: 0 };
    };
    let Report { code, syscall, cpu_us, memory_kib_peak, .. } = report;
    let exit = match report.tag {
        tag::EXITED => Exit::Code(code),
        tag::SIGNALLED => Exit::Signal(code),
        tag::REFUSED => Exit::Refused { syscall },
        _ => Exit::Unknown,
    };
    Ended { exit, cpu_us, memory_kib_peak }
}
