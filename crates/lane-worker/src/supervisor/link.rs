//! The helper process and the socket to it.
//!
//! What never happens here: a helper that is another program than this one, or than the one that the operator's code names.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::Interest;
use tokio::net::UnixDatagram;

use crate::channel::{self, Waiting};
use crate::messages::{Ask, Begin, Begun, Tell};

/// What the helper is called: by this name the program knows that it is one.
pub(crate) const HELPER_NAME: &str = "omega-worker-helper";
/// A helper that has not answered by then never will.
const BEGIN_MAX: Duration = Duration::from_secs(20);

/// Whether this program would become the helper if it were started as one.
static CAN_BE_HELPER: AtomicBool = AtomicBool::new(false);

/// The program that is started as the helper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HelperProgram {
    /// This one; its `main` calls [`become_helper_if_asked`](crate::become_helper_if_asked) first.
    This,
    /// Another one whose `main` does.
    At(PathBuf),
}

/// Becomes the helper, or a zygote of this program's, where this process was started as one, and then never returns.
pub(crate) fn become_helper_if_asked() {
    let name = std::env::args_os().next().unwrap_or_default();
    crate::javascript::become_zygote_if_asked(&name);
    if name != HELPER_NAME {
        CAN_BE_HELPER.store(true, Ordering::Release);
        return;
    }
    let socket = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3);
    if let Ok(socket) = socket {
        // Whatever else the gateway was started with is not for helpers, and not for zygotes.
        crate::sys::close_above(socket.as_fd());
        crate::jailer::run(socket);
    }
    std::process::exit(0);
}

/// Starts a helper and waits for its answer.
pub(super) fn start(program: &HelperProgram, begin: &Begin) -> io::Result<(OwnedFd, Begun)> {
    let mut command = match program {
        HelperProgram::This if CAN_BE_HELPER.load(Ordering::Acquire) => Command::new("/proc/self/exe"),
        HelperProgram::This => {
            return Err(io::Error::other("this program does not call `become_helper_if_asked` first in its `main`"));
        }
        HelperProgram::At(path) => Command::new(path),
    };
    let (ours, theirs) = channel::pair()?;
    let mut child = command
        .arg0(HELPER_NAME)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::from(theirs))
        .stdout(Stdio::null())
        .spawn()?;
    // With the helper's end of the socket in it: one that ends at once is seen to end.
    drop(command);
    // Only its end tells of it; whoever waits for that is not in anybody's way.
    std::thread::Builder::new()
        .name("omega-helper-end".to_owned())
        .stack_size(64 * 1024)
        .spawn(move || drop(child.wait()))?;
    rustix::net::sockopt::set_socket_timeout(&ours, rustix::net::sockopt::Timeout::Recv, Some(BEGIN_MAX))?;
    channel::send(&ours, &serde_json::to_vec(&Ask::Begin(begin.clone()))?, &[])?;
    let received = channel::receive(&ours, Waiting::Yes)?;
    match serde_json::from_slice(&received.bytes) {
        Ok(Tell::Begun(begun)) => Ok((ours, begun)),
        _ => Err(io::Error::other("the helper process does not answer")),
    }
}

/// The socket to the helper on this runtime. It keeps messages apart as datagrams do; tokio has no name for such a socket.
pub(super) fn open(link: OwnedFd) -> io::Result<UnixDatagram> {
    rustix::io::ioctl_fionbio(&link, true)?;
    UnixDatagram::from_std(link.into())
}

/// Waits until the helper's socket has room; never, without one.
pub(super) async fn writable(link: Option<&UnixDatagram>) {
    let Some(link) = link else { return std::future::pending().await };
    // `send_unsent` finds out what is the matter with it.
    let _ = link.writable().await;
}

/// The next message of the helper; never, without one.
pub(super) async fn receive(link: Option<&UnixDatagram>) -> io::Result<channel::Received> {
    let Some(link) = link else { return std::future::pending().await };
    link.async_io(Interest::READABLE, || channel::receive(link, Waiting::No)).await
}
