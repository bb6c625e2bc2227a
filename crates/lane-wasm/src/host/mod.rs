//! What a guest may import, and the linking of it.
//!
//! What never happens here: an interface linked for a program that may not import it; anything that
//! opens a file, a socket, a process or an environment variable.

mod omega;
mod wasi_cli;
mod wasi_clocks;
mod wasi_random;

use omega_contract::{Capability, CapabilitySet};
use wasmtime::component::{HasData, HasSelf, Linker, ResourceTable};
use wasmtime::{Engine, Result};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemCtxView};
use wasmtime_wasi::p2::bindings::{cli, clocks, filesystem, random};
use wasmtime_wasi_io::bindings::wasi::io;

use crate::bindings::omega::plugin::{artifacts, broker, datasets, log, types};
use crate::guest::Guest;

/// Links what a program with these capabilities may import, and nothing else.
///
/// # Errors
/// None that a program can cause: a name linked twice.
pub(crate) fn linker(engine: &Engine, capabilities: &CapabilitySet) -> Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    link_wasi(&mut linker)?;
    types::add_to_linker::<Guest, Own>(&mut linker, Guest::entered)?;
    broker::add_to_linker::<Guest, Own>(&mut linker, Guest::entered)?;
    log::add_to_linker::<Guest, Own>(&mut linker, Guest::entered)?;
    if capabilities.contains(&Capability::ReadBinaryRef) {
        artifacts::add_to_linker::<Guest, Own>(&mut linker, Guest::entered)?;
    }
    if capabilities.contains(&Capability::ReadDatasetSlice) {
        datasets::add_to_linker::<Guest, Own>(&mut linker, Guest::entered)?;
    }
    Ok(linker)
}

/// The interfaces of WASI 0.2 that a standard library needs to start. Sockets and HTTP are not among them.
fn link_wasi(linker: &mut Linker<Guest>) -> Result<()> {
    cli::environment::add_to_linker::<Guest, Own>(linker, Guest::entered)?;
    cli::exit::add_to_linker::<Guest, Own>(linker, Guest::entered)?;
    cli::stdin::add_to_linker::<Guest, Own>(linker, Guest::entered)?;
    cli::stdout::add_to_linker::<Guest, Own>(linker, Guest::entered)?;
    cli::stderr::add_to_linker::<Guest, Own>(linker, Guest::entered)?;
    cli::terminal_input::add_to_linker::<Guest, Own>(linker, Guest::entered)?;
    cli::terminal_output::add_to_linker::<Guest, Own>(linker, Guest::entered)?;
    cli::terminal_stdin::add_to_linker::<Guest, Own>(linker, Guest::entered)?;
    cli::terminal_stdout::add_to_linker::<Guest, Own>(linker, Guest::entered)?;
    cli::terminal_stderr::add_to_linker::<Guest, Own>(linker, Guest::entered)?;
    clocks::monotonic_clock::add_to_linker::<Guest, Own>(linker, Guest::entered)?;
    clocks::wall_clock::add_to_linker::<Guest, Own>(linker, Guest::entered)?;
    random::insecure::add_to_linker::<Guest, Own>(linker, Guest::entered)?;
    random::insecure_seed::add_to_linker::<Guest, Own>(linker, Guest::entered)?;
    random::random::add_to_linker::<Guest, Own>(linker, Guest::entered)?;
    filesystem::preopens::add_to_linker::<Guest, WasiFilesystem>(linker, no_filesystem)?;
    filesystem::types::add_to_linker::<Guest, WasiFilesystem>(linker, no_filesystem)?;
    io::error::add_to_linker::<Guest, Io>(linker, resources)?;
    io::poll::add_to_linker::<Guest, Io>(linker, resources)?;
    io::streams::add_to_linker::<Guest, Io>(linker, resources)?;
    Ok(())
}

/// The lane's own implementations are methods of [`Guest`].
type Own = HasSelf<Guest>;

/// wasmtime-wasi's streams and pollables work on the table of resources alone.
struct Io;

impl HasData for Io {
    type Data<'a> = &'a mut ResourceTable;
}

fn resources(guest: &mut Guest) -> &mut ResourceTable {
    &mut guest.entered().table
}

/// wasmtime-wasi's filesystem over no folder at all: every function of it needs a descriptor, and a
/// descriptor only ever comes from a folder that was given.
fn no_filesystem(guest: &mut Guest) -> WasiFilesystemCtxView<'_> {
    let guest = guest.entered();
    WasiFilesystemCtxView { ctx: &mut guest.filesystem, table: &mut guest.table }
}
