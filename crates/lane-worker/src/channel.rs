//! Messages between the gateway, its helper and what the helper started: bounded, whole, with descriptors.
//!
//! What never happens here: a message that is cut and taken for a whole one.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, UCred,
};

/// Bytes of a message.
pub(crate) const MESSAGE_BYTES_MAX: usize = 16 * 1024;
/// Descriptors that come with a message.
const DESCRIPTORS_MAX: usize = 8;

/// What came.
#[derive(Debug)]
pub(crate) struct Received {
    /// The message; empty: the other side is gone.
    pub(crate) bytes: Vec<u8>,
    /// What came with it.
    pub(crate) descriptors: Vec<OwnedFd>,
    /// Who sent it, as the kernel says; only where the socket was told to ask.
    pub(crate) sender: Option<UCred>,
}

/// Two ends of a socket that keeps messages apart.
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?)
}

/// Two ends of a stream.
pub(crate) fn stream_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::net::socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?)
}

/// Sends one message.
pub(crate) fn send(socket: impl AsFd, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::Error::other("too many descriptors for one message"));
    }
    let sent = rustix::io::retry_on_intr(|| {
        rustix::net::sendmsg(&socket, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL)
    })?;
    if sent == bytes.len() { Ok(()) } else { Err(io::Error::other("a message was cut")) }
}

/// Receives one message. With `WouldBlock` there is none yet.
pub(crate) fn receive(socket: impl AsFd, is_waiting: Waiting) -> io::Result<Received> {
    let mut bytes = vec![0_u8; MESSAGE_BYTES_MAX];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX), ScmCredentials(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = match is_waiting {
        Waiting::Yes => RecvFlags::CMSG_CLOEXEC,
        Waiting::No => RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT,
    };
    let received = rustix::io::retry_on_intr(|| {
        rustix::net::recvmsg(&socket, &mut [IoSliceMut::new(&mut bytes)], &mut control, flags)
    })?;
    let (mut descriptors, mut sender) = (Vec::new(), None);
    for message in control.drain() {
        match message {
            RecvAncillaryMessage::ScmRights(rights) => descriptors.extend(rights),
            RecvAncillaryMessage::ScmCredentials(credentials) => sender = Some(credentials),
            _ => {}
        }
    }
    if received.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC) {
        return Err(io::Error::other("a message is too long"));
    }
    bytes.truncate(received.bytes);
    Ok(Received { bytes, descriptors, sender })
}

/// Whether to wait for a message.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Waiting {
    /// Until one comes.
    Yes,
    /// Not at all.
    No,
}
