//! Unix sockets.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use omega_gateway::contract::ErrorCode;
use omega_gateway::{GatewayError, Home};
use rustix::process::geteuid;
use tokio::net::UnixListener;

use super::SOCKET_FILE;

/// A connection.
pub(in crate::local) type Stream = tokio::net::UnixStream;

/// A connection that no runtime knows yet.
pub(in crate::local) type BlockingStream = std::os::unix::net::UnixStream;

/// Hands it to the runtime.
pub(in crate::local) fn adopt(stream: BlockingStream) -> io::Result<Stream> {
    stream.set_nonblocking(true)?;
    Stream::from_std(stream)
}

/// Bytes of a socket's path, with room for the zero that ends it, that every unix takes (`sun_path` of macOS).
const PATH_BYTES_MAX: usize = 103;
/// What the private folder's name begins with, in which a socket is made.
const PRIVATE_FOLDER: &str = ".sock-";

/// A folder under a name that is short enough for a socket in it.
struct Reach {
    folder: PathBuf,
    /// Keeps the short name alive.
    _open: Option<File>,
}

impl Reach {
    /// Long paths are reached through the opened folder, where the system has names for open files (Linux).
    fn into(folder: &Path, name: &str) -> io::Result<Self> {
        if folder.as_os_str().as_bytes().len() + 1 + name.len() <= PATH_BYTES_MAX {
            return Ok(Self { folder: folder.to_owned(), _open: None });
        }
        if !cfg!(target_os = "linux") {
            let why = "the home's path is too long for a socket in it; move the home to a shorter one";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let open = File::open(folder)?;
        Ok(Self { folder: format!("/proc/self/fd/{}", open.as_raw_fd()).into(), _open: Some(open) })
    }

    fn socket(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// Connects to whoever serves this home; none where nobody does. Blocks, for a moment.
///
/// Not with a runtime, so that a command can find out before it makes one.
pub(in crate::local) fn connect(home: &Home) -> io::Result<Option<BlockingStream>> {
    let reach = Reach::into(home.path(), SOCKET_FILE)?;
    match BlockingStream::connect(reach.socket(SOCKET_FILE)) {
        Ok(stream) => Ok(Some(stream)),
        // No socket, or one that a server left behind when it was killed.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The local door of a home: its socket, which goes when this is dropped.
#[derive(Debug)]
pub struct LocalListener {
    listener: UnixListener,
    path: PathBuf,
    /// Device and inode: by these the socket is known again.
    made: (u64, u64),
}

impl LocalListener {
    /// Opens the door. Whoever calls holds the home: a socket that is there is one that nobody serves any more, and is
    /// replaced.
    ///
    /// # Errors
    /// `io`, also where something else has the socket's name.
    pub fn bind(home: &Home) -> Result<Self, GatewayError> {
        let path = home.path().join(SOCKET_FILE);
        Self::make(home.path(), &path)
            .map_err(|error| GatewayError::new(ErrorCode::Io, format!("{}: {error}", path.display())))
    }

    fn make(home: &Path, path: &Path) -> io::Result<Self> {
        match fs::symlink_metadata(path) {
            Ok(there) if !there.file_type().is_socket() => {
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, "this is no socket; move it away"));
            }
            _ => {}
        }
        // Nobody but the owner gets into this folder: before its mode is set, the socket cannot be reached.
        let private = tempfile::Builder::new()
            .prefix(PRIVATE_FOLDER)
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(home)?;
        let made = private.path().join(SOCKET_FILE);
        let reach = Reach::into(private.path(), SOCKET_FILE)?;
        let listener = UnixListener::bind(reach.socket(SOCKET_FILE))?;
        fs::set_permissions(&made, Permissions::from_mode(0o600))?;
        let identity = fs::symlink_metadata(&made)?;
        fs::rename(&made, path)?;
        Ok(Self { listener, path: path.to_owned(), made: (identity.dev(), identity.ino()) })
    }

    /// The next connection of the user that this process works for. Others are closed without a word.
    pub(in crate::local) async fn accept(&self) -> io::Result<Stream> {
        loop {
            let (stream, _) = self.listener.accept().await?;
            if stream.peer_cred().is_ok_and(|peer| peer.uid() == geteuid().as_raw()) {
                return Ok(stream);
            }
        }
    }

    /// Takes the socket away, if it is still this one: nobody finds it any more. Those who had found it can still be
    /// accepted.
    pub(in crate::local) fn close(&self) {
        let is_ours = |there: fs::Metadata| (there.dev(), there.ino()) == self.made;
        if fs::symlink_metadata(&self.path).is_ok_and(is_ours) {
            // Where it cannot be removed, it is a stale one, which everybody ignores.
            let _stale = fs::remove_file(&self.path);
        }
    }
}

impl Drop for LocalListener {
    fn drop(&mut self) {
        self.close();
    }
}
