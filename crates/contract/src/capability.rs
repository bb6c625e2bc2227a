//! What a plugin may ask for: the contract's capabilities, and the ones that do not exist.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::payload::PayloadKind;

macro_rules! capabilities {
    ($($variant:ident $name:literal $since:ident $doc:literal)*) => {
        /// A capability of spec page 2. Held only where the manifest asks for it, a grant gives it and
        /// the gateway's ceiling permits it (INV-PNP-06).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Capability {
            $(#[doc = $doc] $variant,)*
        }

        impl Capability {
            /// Every capability, in the order of the contract.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name in manifests and grants.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The API version that brought it.
            pub const fn since(self) -> CapabilityApi {
                match self { $(Self::$variant => CapabilityApi::$since,)* }
            }
        }
    };
}

/// Which API version brought a capability.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CapabilityApi {
    /// 1.0: typed data in and out of the call itself; part of the gateway's default grants.
    V1_0,
    /// 1.1: brokered or mounted; always needs an explicit grant, and no `deterministic` plugin has one.
    V1_1,
}

capabilities! {
    ReadText "read_text" V1_0 "Take text payloads."
    ReadJson "read_json" V1_0 "Take JSON payloads."
    ReadBinaryRef "read_binary_ref" V1_0 "Take references to artifacts and read their bytes."
    ReadDatasetSlice "read_dataset_slice" V1_0 "Take references to dataset rows and read them."
    WriteSuggestion "write_suggestion" V1_0 "Return text."
    WriteReport "write_report" V1_0 "Return JSON, artifact references and dataset slices."
    HttpFetch "http_fetch" V1_1 "Fetch from allowed hosts through the HTTP broker."
    FsRead "fs_read" V1_1 "Read the folders that a grant names."
    FsWrite "fs_write" V1_1 "Write to the folders that a grant names."
    ProcessRun "process_run" V1_1 "Run the programs that a grant names."
    SystemInfo "system_info" V1_1 "Read facts about the machine."
    Tasks "tasks" V1_1 "Keep jobs on the gateway's scheduler."
    Llm "llm" V1_1 "Ask the language model that the operator configured."
    ReadDataset "read_dataset" V1_1 "Read a dataset folder, mounted read-only."
    WriteOutputs "write_outputs" V1_1 "Write to the run's own output folder."
}

/// Named in the contract and never given: asking for one is `capability_forbidden` (spec page 2).
pub const FORBIDDEN_CAPABILITIES: [&str; 4] = ["filesystem_access", "network_access", "process_spawn", "env_access"];

/// A set of capabilities in the order of the contract.
pub type CapabilitySet = BTreeSet<Capability>;

impl Capability {
    /// The capability that an input of this kind needs: `read_K` (spec page 2).
    pub const fn to_read(kind: PayloadKind) -> Self {
        match kind {
            PayloadKind::Text => Self::ReadText,
            PayloadKind::Json => Self::ReadJson,
            PayloadKind::BinaryRef => Self::ReadBinaryRef,
            PayloadKind::DatasetSlice => Self::ReadDatasetSlice,
        }
    }

    /// The capability that a result of this kind needs (spec page 1, step 8).
    pub const fn to_write(kind: PayloadKind) -> Self {
        match kind {
            PayloadKind::Text => Self::WriteSuggestion,
            PayloadKind::Json | PayloadKind::BinaryRef | PayloadKind::DatasetSlice => Self::WriteReport,
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no capability of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a capability of the contract")]
pub struct UnknownCapability;

impl FromStr for Capability {
    type Err = UnknownCapability;

    fn from_str(text: &str) -> Result<Self, UnknownCapability> {
        Self::ALL.iter().copied().find(|capability| capability.as_str() == text).ok_or(UnknownCapability)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_serialised_ones() {
        for capability in Capability::ALL {
            assert_eq!(serde_json::to_value(capability).unwrap(), capability.as_str());
            assert_eq!(capability.as_str().parse(), Ok(*capability));
        }
        for forbidden in FORBIDDEN_CAPABILITIES {
            assert_eq!(forbidden.parse::<Capability>(), Err(UnknownCapability));
        }
    }
}
