//! `omega plugins`: from a folder of source to a version that takes calls.

mod build;
mod bundle;
mod certify;
mod check;
mod dev;
mod grants;
mod install;
mod list;
mod new;
mod sign;
mod status;
mod trial;
mod try_out;

use std::path::Path;

use clap::Subcommand;
use omega_gateway::contract::{Capability, ErrorCode, PluginRef};
use omega_gateway::{HomeReader, PackageFiles, PluginDetails, package_source};

use crate::fault::{Exit, Fault};
use crate::output::Output;
use crate::session::Session;

/// Make, check, sign, install and manage plugins
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  omega plugins list")]
pub(crate) enum Plugins {
    New(new::New),
    Build(build::Build),
    Check(check::Check),
    Dev(dev::Dev),
    #[command(name = "try")]
    Try(try_out::TryOut),
    Certify(certify::Certify),
    Sign(sign::Sign),
    Install(install::Install),
    List(list::List),
    Info(list::Info),
    Enable(status::Enable),
    Disable(status::Disable),
    Remove(status::Remove),
    Grant(grants::Grant),
    Revoke(grants::Revoke),
}

impl Plugins {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        match self {
            Self::New(new) => new.run(session, output),
            Self::Build(build) => build.run(output),
            Self::Check(check) => check.run(output),
            Self::Dev(dev) => dev.run(session, output),
            Self::Try(try_out) => try_out.run(session, output),
            Self::Certify(certify) => certify.run(session, output),
            Self::Sign(sign) => sign.run(session, output),
            Self::Install(install) => install.run(session, output),
            Self::List(list) => list.run(session, output),
            Self::Info(info) => info.run(session, output),
            Self::Enable(enable) => enable.run(session, output),
            Self::Disable(disable) => disable.run(session, output),
            Self::Remove(remove) => remove.run(session, output),
            Self::Grant(grant) => grant.run(session, output),
            Self::Revoke(revoke) => revoke.run(session, output),
        }
    }
}

/// The files of a package that the command line names.
pub(super) fn read_package(path: &Path) -> Result<PackageFiles, Fault> {
    if let Err(error) = path.metadata() {
        return Err(Fault::file(path, &error));
    }
    package_source::read(path).map_err(|error| {
        let unreadable = error.code == ErrorCode::Io;
        let fault = Fault::from(error).with("package", path.display());
        if unreadable { fault.exit(Exit::Usage) } else { fault }
    })
}

/// What the home knows of a plugin.
pub(super) fn details(reader: &HomeReader, reference: &PluginRef) -> Result<PluginDetails, Fault> {
    Ok(reader.plugin_details(reference)?)
}

/// A capability by its name, for clap: the error lists what there is.
pub(super) fn capability(name: &str) -> Result<Capability, String> {
    name.parse().map_err(|_| {
        let known: Vec<&str> = Capability::ALL.iter().map(|capability| capability.as_str()).collect();
        format!("the capabilities are {}", known.join(", "))
    })
}
