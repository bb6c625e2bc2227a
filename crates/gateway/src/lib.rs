//! The OMEGA Plugin Gateway as a library.
//!
//! [`Gateway`] has the eight operations of the contract and is the only type that runs plugins;
//! [`Admin`] holds what a person decides and maintains; [`HomeReader`] looks at a home without holding it.
//!
//! What never happens here: plugin code running outside a lane, a lane reached around the router, or a
//! change of the registry that the ledger does not hold first.

mod admin;
mod clock;
mod conformance;
mod directory;
mod durable_file;
mod enable;
mod environment;
mod error;
mod evidence;
mod export;
mod gateway;
pub mod home;
mod journal;
mod lanes;
mod loads;
mod log_keeping;
mod observer;
mod open;
pub mod package_source;
mod reader;
mod register;
mod replay;
mod request;
mod run_facts;
mod salts;
mod services;
mod sign;
mod tokens;
pub mod trial;
mod witness;

pub use admin::{Admin, RebuildReport};
pub use clock::SystemClock;
pub use directory::{READY_BYTES_MAX, READY_PLUGINS_MAX};
pub use environment::{LockedDependencies, environment_tool};
pub use error::GatewayError;
pub use evidence::{Alleged, Committed, ForgetReport, SaltState};
pub use gateway::Gateway;
pub use home::{Config, ConfigError, Home, HomeError, NewLog, OperatorKey, Origin, Setting};
pub use lanes::{become_helper_if_asked, lanes};
pub use log_keeping::{Collected, Consistency, Inconsistency, WitnessState};
pub use observer::{Activity, CallObserver, ObservedCall};
pub use omega_environments::{BuildProgress, Interpreter};
pub use omega_registry::{
    BoundEnvironment, GrantRow, GrantState, Page, PluginFilter, PluginRow, RegisteredPackage, RejectedPackage,
    TakenConformance, TokenRow, TrustRow,
};
pub use omega_router::{Answer, CallStages, PipelineAnswer, ProgressListener, StepEvidence};
pub use omega_validator::PackageFiles;
pub use open::OpenOptions;
pub use reader::{HomeReader, PluginDetails};
pub use register::check_package;
pub use replay::{Assurance, ChangedLimit, Difference, ReplayReport, ReplayVerdict, ReplayedCall, WhyNot};
pub use request::request;
pub use run_facts::{GrantInForce, RanPackage, RunFacts, SigningKey};
pub use sign::{sign_package, signed_package};
pub use tokens::{TOKEN_PREFIX, TokenSecret};

/// The rooms whose types this library's own speak of.
pub use {
    omega_broker as broker, omega_contract as contract, omega_gate as gate, omega_ledger as ledger,
    omega_proof as proof,
};
