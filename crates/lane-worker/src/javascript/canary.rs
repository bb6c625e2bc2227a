//! The canary of JavaScript's workers: what a plugin that had broken out of its engine would try, from the process that it would be in.
//!
//! What never happens here: a word of a plugin. A zygote is a canary's from its start, by its name, and has no module.

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::fs::{CWD, FileType, FlockOperation, MemfdFlags, Mode};
use rustix::net::{AddressFamily, SocketType};
use rustix::process::{Resource, Rlimit};
use serde::Deserialize;
use serde_json::json;

use super::engine::Engine;
use super::stream::{Broken, Stream, read};
use crate::frames::{Call, Load, Says};
use crate::sys::attempts;

/// Of each Linux; nothing that an engine needs is in them.
const HOST_FOLDERS: [&str; 9] = ["/boot", "/etc", "/home", "/media", "/mnt", "/root", "/run", "/srv", "/var"];
const MEBIBYTE: usize = 1024 * 1024;

#[derive(Deserialize)]
struct Request {
    payload: Payload,
}

#[derive(Deserialize)]
struct Payload {
    data: Asked,
}

#[derive(Deserialize)]
struct Asked {
    attack: String,
    secret: String,
}

/// Serves one call.
pub(super) fn serve(engine: &Engine, _: &Path) -> Result<(), Broken> {
    let wire = &engine.wire;
    let load = wire.with_stream(Stream::receive)?.ok_or(Broken::Stream)?;
    read::<Load>(&load)?;
    wire.with_stream(|stream| stream.send(&Says::Loaded))?;
    let Some(call) = wire.with_stream(Stream::receive)? else { return Ok(()) };
    let call: Call<Request> = read(&call)?;
    let Asked { attack, secret } = call.request.payload.data;
    let attacks = if attack == "forbidden" {
        attempts::trace_me();
        BTreeMap::from([("ptrace", "went through")])
    } else {
        let said = |(name, held)| (name, if held { "held" } else { "went through" });
        attacks(&secret).into_iter().map(said).collect()
    };
    let payload = json!({"kind": "json", "data": {"attacks": attacks}, "schema_ref": "canary"}).to_string();
    wire.with_stream(|stream| stream.send(&Says::Result { payload: read(payload.as_bytes())?, notes: "" }))
}

/// What was tried, and whether it held.
fn attacks(secret: &str) -> Vec<(&'static str, bool)> {
    // Closed at once: what is open is looked for, too.
    let opens = |path: &str| File::open(path).is_ok();
    let makes = |path: &str| File::create(path).is_ok();
    let is_there = |path: &&str| fs::symlink_metadata(path).is_ok();
    vec![
        ("read a file of the host", !opens(secret) && !opens("/etc/passwd")),
        ("see processes", !is_there(&"/proc/1") && !is_there(&"/sys/kernel")),
        ("see the host's folders", !HOST_FOLDERS.iter().any(is_there)),
        ("find its own program", !is_there(&"/omega") && !is_there(&"/proc/self/exe")),
        ("write to the root", !makes("/planted") && !makes("/plugin/planted")),
        ("change modes", fs::set_permissions("/", Permissions::from_mode(0o777)).is_err()),
        ("do without a /tmp of its own", makes("/tmp/own")),
        ("escape by a descriptor", (4..256).all(|number| !attempts::is_open(number))),
        ("find the environment", std::env::vars_os().count() == 0),
        ("open a socket", sockets().all(|result| result.is_err())),
        ("fork", attempts::fork().is_err()),
        ("map executable memory", attempts::map_code(None).is_err()),
        (
            "map a file as code",
            File::open("/plugin/canary.js").is_ok_and(|file| attempts::map_code(Some(&file)).is_err()),
        ),
        ("make a memory file", rustix::fs::memfd_create("x", MemfdFlags::CLOEXEC).is_err()),
        (
            "raise a limit",
            rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(1), maximum: Some(1) }).is_err(),
        ),
        ("be root", attempts::become_root().is_err() && !rustix::process::getuid().is_root()),
        ("lock a file that others read", lock().is_err()),
        (
            "make a device",
            rustix::fs::mknodat(CWD, "/tmp/device", FileType::CharacterDevice, Mode::RWXU, 0x0103).is_err(),
        ),
        // Landlock alone denies it, and is not seen from outside.
        ("make a symbolic link", std::os::unix::fs::symlink("/", "/tmp/link").is_err()),
        ("fill the disk", fill().is_err()),
    ]
}

fn sockets() -> impl Iterator<Item = rustix::io::Result<std::os::fd::OwnedFd>> {
    let families = [AddressFamily::UNIX, AddressFamily::INET, AddressFamily::INET6, AddressFamily::NETLINK];
    let kinds = [SocketType::STREAM, SocketType::DGRAM, SocketType::RAW];
    families.into_iter().flat_map(move |family| kinds.map(|kind| rustix::net::socket(family, kind, None)))
}

fn lock() -> io::Result<()> {
    Ok(rustix::fs::flock(File::open("/plugin/canary.js")?, FlockOperation::LockExclusive)?)
}

/// More than `/tmp` holds, in several files, since one is bounded too.
fn fill() -> io::Result<()> {
    let part = vec![1; MEBIBYTE];
    for number in 0..8 {
        let mut file = File::create(format!("/tmp/full{number}"))?;
        for _ in 0..16 {
            io::Write::write_all(&mut file, &part)?;
        }
    }
    Ok(())
}
