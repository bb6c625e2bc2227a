//! Everything that can be asked through the local door.

mod calls;
mod evidence;
mod home;
mod keys;
mod log;
mod plugins;
mod stores;

use hyper::Response;

pub use self::calls::{CallProgress, Invoke, InvokePipeline};
pub use self::evidence::{ExportProof, ForgetEvidence, Replay};
pub use self::home::{Facts, Flush, Hello};
pub use self::keys::{CreateToken, NewToken, RevokeKey, RevokeToken, TrustKey};
pub use self::log::{
    AddWitness, ArchiveLedger, AskWitness, Checkpoint, CheckpointNote, CollectedNote, RemoveWitness, RotateLogKey,
    TakeCosignature,
};
pub use self::plugins::{
    BuildEnvironment, DisablePlugin, EnablePlugin, GrantCapability, RebuildRegistry, RegisterPlugin, RemovePlugin,
    RevokeGrant,
};
pub use self::stores::{AddDataset, PutArtifact};
use super::operation::Operation;
use super::serve::{Question, ReplyBody};

/// The operations by their names; the server knows no other.
macro_rules! operations {
    ($($operation:ident),* $(,)?) => {
        /// The names of all operations.
        pub const NAMES: &[&str] = &[$(<$operation as Operation>::NAME),*];

        /// Has the operation of this name done.
        pub(super) async fn answer(name: &str, question: Question) -> Response<ReplyBody> {
            match name {
                $(<$operation as Operation>::NAME => question.answered_by::<$operation>().await,)*
                _ => question.unknown(name),
            }
        }
    };
}

operations!(
    AddDataset,
    AddWitness,
    ArchiveLedger,
    AskWitness,
    BuildEnvironment,
    Checkpoint,
    CreateToken,
    DisablePlugin,
    EnablePlugin,
    ExportProof,
    Flush,
    ForgetEvidence,
    GrantCapability,
    Hello,
    Invoke,
    InvokePipeline,
    PutArtifact,
    RebuildRegistry,
    RegisterPlugin,
    RemovePlugin,
    RemoveWitness,
    Replay,
    RevokeGrant,
    RevokeKey,
    RevokeToken,
    RotateLogKey,
    TakeCosignature,
    TrustKey,
);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// A name that stood twice would hide an operation behind another one.
    #[test]
    fn every_operation_has_a_name_of_its_own() {
        assert_eq!(NAMES.iter().collect::<BTreeSet<_>>().len(), NAMES.len());
        assert!(NAMES.iter().all(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')));
    }
}
