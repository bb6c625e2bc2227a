//! Where things stand in the checkout. Nothing is created here.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The folders that the chores work in.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    /// The root of the checkout.
    pub(crate) root: PathBuf,
}

impl Places {
    /// The checkout that this program was built from.
    pub(crate) fn find() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask stands in the root")?;
        Ok(Self { root: root.to_path_buf() })
    }

    /// Where everything goes that is made of the checkout.
    pub(crate) fn target(&self) -> PathBuf {
        self.root.join("target")
    }

    /// The target folder of the guests, apart from the host's, at a place that tests can name.
    pub(crate) fn guests_target(&self) -> PathBuf {
        self.root.join("target/guests")
    }

    /// The assembled guests: `examples/<name>/`, `hostile/<name>/`, and a `.tar` beside each.
    pub(crate) fn guest_packages(&self) -> PathBuf {
        self.guests_target().join("packages")
    }

    /// What `install-tools` puts on this machine goes below here, and nowhere else but for Debian's and rustup's own.
    pub(crate) fn tools(&self) -> PathBuf {
        self.root.join("target/tools")
    }

    /// The folder of programs that `install-tools` built.
    pub(crate) fn tools_bin(&self) -> PathBuf {
        self.tools().join("bin")
    }

    /// The folder of the Node that `install-tools` brought, where the machine's own is too old.
    pub(crate) fn node_bin(&self) -> PathBuf {
        self.tools().join("node/node_modules/.bin")
    }

    /// The manifest of the guests' workspace.
    pub(crate) fn guests_manifest(&self) -> PathBuf {
        self.root.join("plugins/Cargo.toml")
    }

    /// The manifest of the fuzz targets' workspace.
    pub(crate) fn fuzz_manifest(&self) -> PathBuf {
        self.root.join("fuzz/Cargo.toml")
    }
}
