//! Environments of locked dependencies: built once, named by what they hold, checked whenever they are used.
//!
//! ```text
//! <root>/<env_digest>/            the modules: plain files and folders, read-only
//! <root>/<env_digest>.json        canonical {path: sha256}; its own SHA-256 is the env_digest
//! <root>/.building-*/             a build under way; whatever a crash leaves is swept when the store is opened
//! ```
//!
//! What never happens here: code of a dependency running, but for builds that the operator allowed; an environment that is
//! used while it is built; a decision.

mod build;
mod fault;
mod installer;
mod interpreter;
mod inventory;
mod process;
mod store;

pub use build::{BUILD_TIME_MAX, BuildOrder, BuildProgress, SCRATCH_BYTES_MAX, Sources, build};
pub use fault::EnvironmentFault;
pub use installer::Installer;
pub use interpreter::{Interpreter, PYTHON_VERSION_MIN};
pub use inventory::{ENVIRONMENT_BYTES_MAX, ENVIRONMENT_FILES_MAX, Inventory};
pub use process::Cancel;
pub use store::{Built, EnvironmentStore, HeldEnvironment};
