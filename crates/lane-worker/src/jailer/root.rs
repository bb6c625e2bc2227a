//! The private root of a zygote: an empty file system with what the program needs, read-only, and nothing of the host beside it.
//!
//! This runs in the zygote's process before it becomes the zygote. What never happens here: a path of the plugin's choice that is
//! followed; what is written lies in an empty file system of this process.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags};
use rustix::mount::{MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags};

use crate::limits::INSIDE_ID;
use crate::messages::{Failure, HostMount, ZygoteSpec};
use crate::policy::Profile;
use crate::sys::inside::plan::{is_off, stage};
use crate::sys::{self, MountRules};

/// Where the new root is put before it becomes the root: a folder that each Linux has, of which nothing is needed any more by then.
const PLACE: &str = "/proc";
/// Bytes and files of the root: what the package may have, and the SDK.
const ROOT_OPTIONS: &str = "size=300m,nr_inodes=8192,mode=0755";

/// Descriptors of what the host offers, opened before this process gave up its user.
pub(super) struct Sources(Vec<(HostMount, OwnedFd)>);

impl Sources {
    /// Opens them, in the mount namespace that this process has now for itself.
    pub(super) fn open(spec: &ZygoteSpec) -> Result<Self, Failure> {
        let open = |mount: &HostMount| {
            let opened = rustix::fs::open(mount.host.as_str(), OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
            let opened = opened.map_err(|error| Failure::new("private root", format!("{}: {error}", mount.host)))?;
            Ok((mount.clone(), opened))
        };
        spec.mounts.iter().map(open).collect::<Result<_, _>>().map(Self)
    }
}

/// Makes the root and moves into it. `content` holds the bytes of the files, from `content_start`.
pub(super) fn enter(
    spec: &ZygoteSpec,
    sources: &Sources,
    content: &File,
    content_start: u64,
    layers_off: u32,
) -> Result<(), Failure> {
    let step = |what: &'static str| move |error: io::Error| Failure::new("private root", format!("{what}: {error}"));
    let errno = |what: &'static str| move |error: rustix::io::Errno| step(what)(error.into());
    rustix::mount::mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .map_err(errno("private"))?;
    let options = format!("{ROOT_OPTIONS},uid={INSIDE_ID},gid={INSIDE_ID}");
    let options = std::ffi::CString::new(options).map_err(|error| Failure::new("private root", error))?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    rustix::mount::mount("tmpfs", PLACE, "tmpfs", flags, options.as_c_str()).map_err(errno("tmpfs"))?;
    rustix::process::chdir(PLACE).map_err(errno("enter"))?;
    for folder in ["tmp", "plugin"] {
        fs::create_dir(folder).map_err(step("folders"))?;
    }
    for (inside, offset, length) in &spec.files {
        write(inside, content, content_start + offset, *length).map_err(step("files"))?;
    }
    if spec.profile == Profile::Pure {
        no_code("plugin").map_err(step("no code in the package"))?;
    }
    for (mount, source) in &sources.0 {
        bind(mount, source).map_err(|error| Failure::new("private root", format!("{}: {error}", mount.inside)))?;
    }
    for inside in &spec.emptied {
        let place = relative(inside).map_err(step("emptied"))?;
        let empty = c"size=4k,nr_inodes=1,mode=0555";
        let rules = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC | MountFlags::RDONLY;
        if place.is_dir() {
            rustix::mount::mount("tmpfs", &place, "tmpfs", rules, empty).map_err(errno("emptied"))?;
        }
    }
    for (inside, target) in &spec.links {
        let place = relative(inside).map_err(step("links"))?;
        if fs::symlink_metadata(&place).is_err() {
            make_parents(&place).map_err(step("links"))?;
            std::os::unix::fs::symlink(target, &place).map_err(step("links"))?;
        }
    }
    if is_off(layers_off, stage::PRIVATE_ROOT) {
        fs::create_dir("mnt").map_err(step("folders"))?;
        rustix::mount::mount_bind_recursive("/", "mnt").map_err(errno("the host's root"))?;
    }
    let root = rustix::fs::open(".", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .map_err(errno("open"))?;
    rustix::process::pivot_root(".", ".").map_err(errno("pivot_root"))?;
    rustix::mount::unmount(".", UnmountFlags::DETACH).map_err(errno("detach the old root"))?;
    rustix::process::chdir("/").map_err(errno("enter"))?;
    if is_off(layers_off, stage::READ_ONLY) {
        return Ok(());
    }
    sys::restrict_mount(root.as_fd(), MountRules { read_only: true, no_code: false }).map_err(step("read-only"))
}

/// A path inside, relative to the new root.
fn relative(inside: &str) -> io::Result<PathBuf> {
    let path: PathBuf = Path::new(inside).strip_prefix("/").unwrap_or(Path::new(inside)).into();
    if path.as_os_str().is_empty() || !path.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(io::Error::other(format!("{inside}: no plain path")));
    }
    Ok(path)
}

fn make_parents(place: &Path) -> io::Result<()> {
    place.parent().map_or(Ok(()), fs::create_dir_all)
}

fn write(inside: &str, content: &File, offset: u64, length: u64) -> io::Result<()> {
    let place = relative(inside)?;
    make_parents(&place)?;
    let mut file = File::create_new(&place)?;
    let mut chunk = vec![0_u8; 256 * 1024];
    let mut done = 0;
    while done < length {
        let size = usize::try_from(length - done).unwrap_or(usize::MAX).min(chunk.len());
        let part = &mut chunk[..size];
        content.read_exact_at(part, offset + done)?;
        file.write_all(part)?;
        done += size as u64;
    }
    Ok(())
}

/// A mount of its own for a folder, from which no code is mapped.
fn no_code(folder: &str) -> io::Result<()> {
    rustix::mount::mount_bind(folder, folder)?;
    let mount = rustix::fs::open(folder, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    sys::restrict_mount(mount.as_fd(), MountRules { read_only: true, no_code: true })
}

fn bind(mount: &HostMount, source: &OwnedFd) -> io::Result<()> {
    let place = relative(&mount.inside)?;
    if mount.is_folder {
        fs::create_dir_all(&place)?;
    } else if fs::symlink_metadata(&place).is_err() {
        make_parents(&place)?;
        File::create_new(&place)?;
    }
    let mut flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
    if mount.is_folder {
        flags |= OpenTreeFlags::AT_RECURSIVE;
    }
    let tree = rustix::mount::open_tree(source, "", flags)?;
    sys::restrict_mount(tree.as_fd(), MountRules { read_only: true, no_code: !mount.has_code })?;
    rustix::mount::move_mount(&tree, "", CWD, &place, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?;
    Ok(())
}
