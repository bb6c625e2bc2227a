//! The registry: packages, and what plugins may do.

use std::collections::VecDeque;
use std::io::{self, Cursor, Read};
use std::sync::Arc;

use omega_gateway::contract::limits::{PACKAGE_BYTES_MAX, PACKAGE_FILES_MAX};
use omega_gateway::contract::{Capability, ErrorCode, Grant, PluginId, PluginInfo};
use omega_gateway::{BoundEnvironment, BuildProgress, Gateway, GatewayError, PackageFiles, RebuildReport};
use semver::Version;
use serde::{Deserialize, Serialize};

use crate::local::operation::{Attachment, Operation, apart, operation};

/// Admits a package.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterPlugin {
    /// Each file's path and length in bytes, in the order in which their contents come.
    files: Vec<(String, u64)>,
    #[serde(skip)]
    contents: Attachment,
}

impl RegisterPlugin {
    /// Admits these files.
    pub fn new(package: &PackageFiles) -> Self {
        let all = || package.iter_with_conformance();
        let files = all().map(|(path, bytes)| (path.to_owned(), bytes.len() as u64)).collect();
        let contents = Contents(all().map(|(_, bytes)| Cursor::new(Arc::clone(bytes))).collect());
        Self { files, contents: Attachment::new(contents) }
    }

    /// The files, of which the host holds one copy.
    fn read(self) -> Result<PackageFiles, GatewayError> {
        let invalid = |why: String| GatewayError::new(ErrorCode::PackageInvalid, why);
        let mut bytes_left = PACKAGE_BYTES_MAX;
        if self.files.len() > PACKAGE_FILES_MAX {
            return Err(invalid(format!("more than {PACKAGE_FILES_MAX} files")));
        }
        let mut contents = self.contents;
        let mut files: Vec<(String, Arc<[u8]>)> = Vec::with_capacity(self.files.len());
        for (path, length) in self.files {
            // Before a byte is read: what is announced takes no memory.
            bytes_left = bytes_left
                .checked_sub(length)
                .ok_or_else(|| invalid(format!("more than {PACKAGE_BYTES_MAX} bytes")))?;
            let mut bytes = Vec::new();
            let read = contents.by_ref().take(length).read_to_end(&mut bytes);
            if read.map_err(|error| GatewayError::new(ErrorCode::Io, error.to_string()))? as u64 != length {
                return Err(invalid(format!("{path:.64}: it ends too early")));
            }
            files.push((path, bytes.into()));
        }
        PackageFiles::new(files).map_err(|error| invalid(error.to_string()))
    }
}

impl Operation for RegisterPlugin {
    type Reply = PluginInfo;
    const NAME: &'static str = "register_plugin";

    async fn perform(self, gateway: &Gateway) -> Result<PluginInfo, GatewayError> {
        let files = apart(|| self.read()).await?;
        gateway.register_plugin(files).await
    }

    fn attachment(&mut self) -> Option<&mut Attachment> {
        Some(&mut self.contents)
    }
}

/// The contents of files, one after the other, without a copy of them.
struct Contents(VecDeque<Cursor<Arc<[u8]>>>);

impl Read for Contents {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(file) = self.0.front_mut() {
            let count = file.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            self.0.pop_front();
        }
        Ok(0)
    }
}

operation! {
    /// Builds the environment of a version's locked dependencies; nothing comes of it where the package locks none.
    BuildEnvironment "build_environment" {
        /// Of which plugin.
        plugin_id: PluginId,
        /// Of which version; without one, of the highest.
        version: Option<Version>,
        /// Whether source releases may be built, by their own code.
        allow_build: bool,
    } -> Option<BoundEnvironment>,
    |self, gateway| {
        let Self { plugin_id, version, allow_build, mut told } = self;
        gateway.build_environment(&plugin_id, version.as_ref(), allow_build, move |progress| told.say(progress)).await
    },
    /// Who hears how it goes on.
    told: BuildProgress
}

operation! {
    /// Lets a version take calls.
    EnablePlugin "enable_plugin" {
        /// Which plugin.
        plugin_id: PluginId,
        /// Which version; without one, the highest.
        version: Option<Version>,
    } -> PluginInfo,
    |self, gateway| gateway.enable_plugin(&self.plugin_id, self.version.as_ref()).await
}

operation! {
    /// Stops a plugin from taking calls.
    DisablePlugin "disable_plugin" {
        /// Which.
        plugin_id: PluginId,
    } -> PluginInfo,
    |self, gateway| gateway.disable_plugin(&self.plugin_id).await
}

operation! {
    /// Forgets a version.
    RemovePlugin "remove_plugin" {
        /// Which plugin.
        plugin_id: PluginId,
        /// Which version; without one, the highest.
        version: Option<Version>,
    } -> PluginInfo,
    |self, gateway| gateway.admin().remove_plugin(&self.plugin_id, self.version.as_ref()).await
}

operation! {
    /// Grants a capability.
    GrantCapability "grant" {
        /// What, to whom.
        grant: Grant,
    } -> (),
    |self, gateway| gateway.admin().grant(self.grant).await
}

operation! {
    /// Takes a capability back.
    RevokeGrant "revoke_grant" {
        /// From which plugin.
        plugin_id: PluginId,
        /// From which of its versions.
        major_version: u64,
        /// Which.
        capability: Capability,
    } -> (),
    |self, gateway| gateway.admin().revoke_grant(&self.plugin_id, self.major_version, self.capability).await
}

operation! {
    /// Makes the registry's database anew from the ledger.
    RebuildRegistry "rebuild_registry" {} -> RebuildReport,
    |self, gateway| {
        let Self {} = self;
        gateway.admin().rebuild_registry().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(files: &[(&str, &[u8])]) -> PackageFiles {
        PackageFiles::new(files.iter().map(|(path, bytes)| ((*path).to_owned(), Arc::from(*bytes)))).unwrap()
    }

    #[test]
    fn a_package_comes_out_as_it_went_in() {
        let files = package(&[("a", b""), ("b/c", b"x"), ("d", &[7; 9_000]), ("e", b"")]);
        let read = RegisterPlugin::new(&files).read().unwrap();
        assert_eq!(read.digests(), files.digests());
        assert_eq!(read.len(), 4);
    }

    #[test]
    fn what_is_announced_and_does_not_come_is_no_package() {
        let check = |files: Vec<(String, u64)>, code: ErrorCode| {
            let operation = RegisterPlugin { files, contents: Attachment::new(&b"12345"[..]) };
            assert_eq!(operation.read().unwrap_err().code, code);
        };
        check(vec![("a".into(), 6)], ErrorCode::PackageInvalid);
        check(vec![("a".into(), 3), ("b".into(), 3)], ErrorCode::PackageInvalid);
        check(vec![("a".into(), u64::MAX)], ErrorCode::PackageInvalid);
        check(vec![("a".into(), PACKAGE_BYTES_MAX + 1)], ErrorCode::PackageInvalid);
        check(vec![("../a".into(), 1)], ErrorCode::PackageInvalid);
        check(vec![("a".into(), 1), ("a".into(), 1)], ErrorCode::PackageInvalid);
        check((0..=PACKAGE_FILES_MAX).map(|n| (format!("f{n}"), 0)).collect(), ErrorCode::PackageInvalid);
    }
}
