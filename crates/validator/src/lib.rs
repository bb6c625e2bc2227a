//! Turns what is claimed into what is verified: manifests, packages, schemas, requests, results.
//!
//! Everything that comes in is [`Unverified`]; the functions here are the only makers of [`Verified`],
//! so that a room which takes a `Verified<Package>` cannot be handed anything else.
//!
//! What never happens here: I/O of any kind, running anything of a plugin, and panicking on outside bytes.

pub mod api_version;
pub mod call;
pub mod capabilities;
mod field_path;
pub mod manifest;
mod npm_range;
pub mod package;
pub mod refusal;
pub mod schema;
mod verified;

pub use api_version::{ApiVersionError, choose_api_version};
pub use call::Ceilings;
pub use call::output::{HeldData, Output, check_output};
pub use call::request::{Call, HashedRequest, check_bounds, check_request, parse_request};
pub use capabilities::{Grants, effective_capabilities};
pub use manifest::{ManifestCheck, ManifestIssue, check_manifest, validate_manifest};
pub use package::archive::{ArchiveError, Gathered, read_tar};
pub use package::files::{PackageFiles, PackageFilesError};
pub use package::lock::{DependencyLock, LockFault, LockedRequirement};
pub use package::{
    EXAMPLES_MAX, Package, PackageRejection, check_package_unsigned, examples, inspect_package, keys_that_cover,
    verify_package,
};
pub use refusal::Refusal;
pub use schema::{CompiledSchema, SchemaError, SchemaMismatch};
pub use verified::{Unverified, Verified};
