//! What a home must be after its process, its disk or its clock failed: a gateway that is loaded and cut off, and what
//! is held against what it told before.

mod clock;
#[cfg(target_os = "linux")]
mod full_disk;
mod kill;
mod load;
#[cfg(target_os = "linux")]
mod mounts;
pub(crate) mod projection;
#[cfg(target_os = "linux")]
mod read_only;
mod survey;
mod two_processes;
