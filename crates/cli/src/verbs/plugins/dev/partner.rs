//! Whoever started the command through pipes: with their end, this ends.

use tokio::sync::mpsc;

/// Said where standard output was closed.
pub(super) const OUTPUT_CLOSED: &str = "output closed";
#[cfg(unix)]
const INPUT_CLOSED: &str = "input closed";

/// The other ends of standard input and output.
pub(super) struct Partner {
    /// Kept, so that a partner who cannot go is waited for without end.
    _sender: mpsc::UnboundedSender<&'static str>,
    gone: mpsc::UnboundedReceiver<&'static str>,
}

impl Partner {
    /// Begins to listen. A terminal, a file or nothing at all is no partner: those tell of their end otherwise, or never.
    pub(super) fn listen() -> Self {
        let (sender, gone) = mpsc::unbounded_channel();
        #[cfg(unix)]
        ends::listen(&sender);
        Self { _sender: sender, gone }
    }

    /// Until one of them is gone.
    pub(super) async fn gone(&mut self) -> &'static str {
        match self.gone.recv().await {
            Some(why) => why,
            None => std::future::pending().await,
        }
    }
}

#[cfg(unix)]
mod ends {
    use std::fs::File;
    use std::io::{self, Read as _};
    use std::os::fd::{AsFd, OwnedFd};
    use std::os::unix::fs::FileTypeExt as _;

    use rustix::event::{PollFd, PollFlags, poll};
    use tokio::sync::mpsc::UnboundedSender;

    use super::{INPUT_CLOSED, OUTPUT_CLOSED};

    /// Threads of their own, which nobody waits for: they end with the process.
    pub(super) fn listen(sender: &UnboundedSender<&'static str>) {
        if let Some(mut input) = pipe(io::stdin()) {
            let sender = sender.clone();
            std::thread::spawn(move || {
                // What is written there means nothing.
                let mut ignored = [0; 256];
                while input.read(&mut ignored).is_ok_and(|read| read > 0) {}
                let _ended_already = sender.send(INPUT_CLOSED);
            });
        }
        if let Some(output) = pipe(io::stdout()) {
            let sender = sender.clone();
            std::thread::spawn(move || {
                let mut watched = [PollFd::new(&output, PollFlags::empty())];
                while poll(&mut watched, None) == Err(rustix::io::Errno::INTR) {}
                let _ended_already = sender.send(OUTPUT_CLOSED);
            });
        }
    }

    /// The stream, where it is a pipe or a socket.
    fn pipe(stream: impl AsFd) -> Option<File> {
        let owned: OwnedFd = stream.as_fd().try_clone_to_owned().ok()?;
        let file = File::from(owned);
        let kind = file.metadata().ok()?.file_type();
        (kind.is_fifo() || kind.is_socket()).then_some(file)
    }
}
