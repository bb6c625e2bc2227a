//! Landlock: what files, ports, signals and abstract sockets there are for the program (kernel documentation, "Landlock:
//! unprivileged access control", `linux/landlock.h`).
//!
//! What never happens here: a right that is granted because the kernel does not know it.

use crate::sys::inside::kernel::{self, Errno, call, nr, nr_any};

const READ_FILE: u64 = 1 << 2;
const READ_DIR: u64 = 1 << 3;
const WRITE_FILE: u64 = 1 << 1;
const REMOVE_DIR: u64 = 1 << 4;
const REMOVE_FILE: u64 = 1 << 5;
const MAKE_DIR: u64 = 1 << 7;
const MAKE_REG: u64 = 1 << 8;
/// From ABI 2.
const REFER: u64 = 1 << 13;
/// From ABI 3.
const TRUNCATE: u64 = 1 << 14;
/// From ABI 5.
const IOCTL_DEV: u64 = 1 << 15;
/// From ABI 4: bind and connect of TCP.
const TCP: u64 = 3;
/// From ABI 6: abstract sockets and signals.
const SCOPES: u64 = 3;
/// All rights of ABI 1.
const RIGHTS_1: u64 = (1 << 13) - 1;

const RULE_PATH_BENEATH: u64 = 1;
const AT_FDCWD: i64 = -100;
const O_PATH_CLOEXEC: u64 = 0o12_000_000;

/// `struct landlock_ruleset_attr`.
#[repr(C)]
struct Ruleset {
    files: u64,
    ports: u64,
    scopes: u64,
}

/// `struct landlock_path_beneath_attr`, which is packed.
#[repr(C, packed)]
struct PathBeneath {
    rights: u64,
    parent: i32,
}

/// The rights that a kernel of this ABI can take away.
pub(crate) const fn rights(abi: u32) -> u64 {
    let mut rights = RIGHTS_1;
    if abi >= 2 {
        rights |= REFER;
    }
    if abi >= 3 {
        rights |= TRUNCATE;
    }
    if abi >= 5 {
        rights |= IOCTL_DEV;
    }
    rights
}

/// Leaves the program reading below `/` and working in `/tmp`; no port, and nobody to send a signal to.
pub(crate) fn restrict(abi: u32) -> Result<i64, Errno> {
    let handled = rights(abi);
    let ruleset =
        Ruleset { files: handled, ports: if abi >= 4 { TCP } else { 0 }, scopes: if abi >= 6 { SCOPES } else { 0 } };
    let size: u64 = match abi {
        0 => return Err(kernel::EINVAL),
        1..=3 => 8,
        4..=5 => 16,
        _ => 24,
    };
    let rules = call!(nr_any::LANDLOCK_CREATE_RULESET, &raw const ruleset, size, 0_u64)? as i32;
    allow(rules, c"/", READ_FILE | READ_DIR)?;
    // No links: nobody needs them there, and nothing else denies them, so that the canary sees by them that this layer holds.
    let working = READ_FILE | READ_DIR | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG;
    allow(rules, c"/tmp", (working | REFER | TRUNCATE) & handled)?;
    call!(nr_any::LANDLOCK_RESTRICT_SELF, rules, 0_u64)?;
    kernel::close(rules);
    Ok(0)
}

fn allow(rules: i32, path: &core::ffi::CStr, rights: u64) -> Result<i64, Errno> {
    let parent = call!(nr::OPENAT, AT_FDCWD, path.as_ptr(), O_PATH_CLOEXEC, 0_u64)? as i32;
    let rule = PathBeneath { rights, parent };
    let added = call!(nr_any::LANDLOCK_ADD_RULE, rules, RULE_PATH_BENEATH, &raw const rule, 0_u64);
    kernel::close(parent);
    added
}
