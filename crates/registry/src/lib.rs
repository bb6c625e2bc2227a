//! What is registered, who is trusted, what is granted.
//!
//! Everything here is a projection of [`Decision`]s that stand in the ledger: a decision is journalled
//! first and applied here after, and [`Registry::apply`] over the ledger's lifecycle events re-creates
//! the same database from nothing.
//!
//! What never happens here: a decision. Nothing changes but by applying one that was journalled.

mod conformance;
mod database;
mod decision;
mod environment;
mod error;
mod list;
mod projection;
mod query;
mod store;
mod version_key;

pub use conformance::TakenConformance;
pub use database::discard;
pub use decision::{Decision, FORGET_EVIDENCE, GrantState, RegisteredPackage, RejectedPackage};
pub use environment::{AllowedBuild, BoundEnvironment};
pub use error::RegistryError;
pub use list::{Page, PluginFilter};
pub use projection::{Applied, REJECTED_PACKAGES_MAX, Registry};
pub use query::{GrantRow, PluginRow, TokenRow, TrustRow};
pub use store::{PackageStore, StoreError};
