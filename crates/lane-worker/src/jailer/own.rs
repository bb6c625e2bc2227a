//! The helper's own program as the program of a zygote: what it maps of the machine, and its start in a root that does not hold it.
//!
//! It is started from its open file, so that a gateway whose file was replaced meanwhile goes on with the program that it is. What never
//! happens here: a program that is looked for by a path.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use crate::libraries::{code_file, links, mapped_here, search_path};
use crate::messages::{HostMount, ZygoteSpec};
use crate::sys;

/// Above the descriptors that a zygote begins with.
const DESCRIPTOR_MIN: i32 = 10;

/// What the helper's program needs of the machine.
#[derive(Debug)]
pub(super) struct Needs {
    mounts: Vec<HostMount>,
    links: Vec<(String, String)>,
    search_path: String,
}

impl Needs {
    /// Finds out, from what this process maps.
    pub(super) fn find() -> io::Result<Self> {
        let libraries = mapped_here()?;
        let path = |library: &Path| library.to_string_lossy().into_owned();
        Ok(Self {
            mounts: libraries.iter().map(|library| code_file(library, path(library))).collect(),
            links: links(&libraries, Path::new("/"), ""),
            search_path: search_path(libraries.iter().map(|library| path(library))),
        })
    }

    /// Offers it to a zygote.
    pub(super) fn add_to(&self, spec: &mut ZygoteSpec) {
        spec.mounts.extend_from_slice(&self.mounts);
        spec.links.extend_from_slice(&self.links);
        // A program without libraries asks for none.
        if !self.search_path.is_empty() {
            spec.environment.push(("LD_LIBRARY_PATH".to_owned(), self.search_path.clone()));
        }
    }
}

/// The file of this process's program, whatever stands at its path by now.
pub(super) fn open() -> io::Result<OwnedFd> {
    let file = rustix::fs::open("/proc/self/exe", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    Ok(rustix::io::fcntl_dupfd_cloexec(&file, DESCRIPTOR_MIN)?)
}

/// Becomes that program, or says why not.
pub(super) fn execute(file: &OwnedFd, arguments: &[String], environment: &[(String, String)]) -> io::Error {
    let texts = |texts: &mut dyn Iterator<Item = String>| texts.map(CString::new).collect::<Result<Vec<_>, _>>();
    let arguments = texts(&mut arguments.iter().cloned());
    let environment = texts(&mut environment.iter().map(|(name, value)| format!("{name}={value}")));
    match (arguments, environment) {
        (Ok(arguments), Ok(environment)) => sys::execute(file.as_fd(), &arguments, &environment),
        (Err(error), _) | (_, Err(error)) => error.into(),
    }
}
