//! The stable machine-readable error codes (spec page 1, "Errors").

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! error_codes {
    ($($variant:ident $code:literal $sentence:literal $hint:literal)*) => {
        /// One stable code for each way in which the gateway says no.
        ///
        /// They appear in an event's `meta.reason`, in HTTP problem bodies (RFC 9457) and on the command line.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $(#[doc = $sentence] $variant,)*
        }

        impl ErrorCode {
            /// Every code, in the order of the list.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code as it is written everywhere.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// What the code means, in one sentence.
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $sentence,)* }
            }

            /// What a person can do about it, in one sentence.
            pub const fn hint(self) -> &'static str {
                match self { $(Self::$variant => $hint,)* }
            }
        }
    };
}

error_codes! {
    ManifestInvalid "manifest_invalid"
        "The manifest breaks the contract."
        "Run `omega plugins check DIR` and mend each field that it names."
    PackageInvalid "package_invalid"
        "The package is not a set of plain files within the limits."
        "Remove symlinks, device files, odd paths and oversized files from the package."
    SchemaInvalid "schema_invalid"
        "A JSON Schema of the package is not usable."
        "Use draft 2020-12 or draft-07, local references only, and linear-time patterns."
    LockInvalid "lock_invalid"
        "The package's dependency lock does not pin everything."
        "Mend the line that the message names: NAME==VERSION with at least one --hash=sha256, as `pip-compile --generate-hashes` writes."
    EnvironmentMissing "environment_missing"
        "The plugin's dependencies are not installed for this gateway's interpreter."
        "Install the package again with `omega plugins install DIR`: it builds their environment."
    EnvironmentUnbuildable "environment_unbuildable"
        "The environment of the plugin's dependencies could not be built."
        "Read the message; nothing was installed, and it can be tried again."
    EnvironmentChanged "environment_changed"
        "The installed dependencies are not the ones that were journalled."
        "Install the package again with `omega plugins install DIR`, and find out who changed the home."
    SignatureMissing "signature_missing"
        "The package has no signature."
        "Sign it with `omega plugins sign DIR`, or ask its publisher for a signed package."
    SignatureInvalid "signature_invalid"
        "The package's signature does not verify."
        "Do not use this package; get it again from its publisher, or sign it anew if it is yours."
    KeyUntrusted "key_untrusted"
        "The package is signed by a key that nobody here has approved for it."
        "If you trust the publisher, approve the key with `omega keys trust KEY`."
    PackageDigestMismatch "package_digest_mismatch"
        "A file of the package is not the one that was signed."
        "Get the package again, or sign it anew if the change is yours."
    ApiVersionIncompatible "api_version_incompatible"
        "The plugin and this gateway have no API version in common."
        "Set `api_version` and `supported_omega_api_versions` to what `omega doctor` lists."
    CapabilityForbidden "capability_forbidden"
        "The manifest asks for something that no plugin may have."
        "Remove the capability from the manifest; use a brokered one instead."
    CapabilityDenied "capability_denied"
        "The plugin does not hold the capability that this needs."
        "Grant it with `omega plugins grant REF CAPABILITY`, if the ceiling in omega.toml permits it."
    PluginUnknown "plugin_unknown"
        "No plugin of this id or version is registered."
        "See `omega plugins list`; install it with `omega plugins install DIR`."
    PluginNotEnabled "plugin_not_enabled"
        "The plugin is registered but not enabled."
        "Enable it with `omega plugins enable REF`."
    PluginRejected "plugin_rejected"
        "The plugin was rejected when it was registered and can never be enabled."
        "See why with `omega plugins info REF`; mend and register it anew."
    RequestInvalid "request_invalid"
        "The request breaks the contract."
        "Mend the field that the message names; the request's schema is in spec page 2."
    PayloadKindRefused "payload_kind_refused"
        "The plugin's manifest does not list this kind of payload."
        "See the kinds it takes with `omega plugins info REF`."
    PayloadSchemaMismatch "payload_schema_mismatch"
        "The payload does not match the plugin's input schema."
        "Mend the field that the message names."
    PayloadTooLarge "payload_too_large"
        "The payload is larger than the plugin or this gateway takes."
        "Send less, or raise the limit in the manifest or in omega.toml."
    DuplicateRequest "duplicate_request"
        "A request with this run id, request id and step was run before."
        "Use a new request id; what the earlier one gave is in `omega runs show RUN`."
    DeterminismRequired "determinism_required"
        "The request takes deterministic plugins only and this one is declared probabilistic."
        "Drop `deterministic_only`, or choose a deterministic plugin."
    PipelineInvalid "pipeline_invalid"
        "The pipeline cannot run as it is written."
        "Mend the step that the message names."
    Overloaded "overloaded"
        "All places and the whole waiting queue are taken."
        "Try again a little later, or raise the quotas in omega.toml."
    CircuitOpen "circuit_open"
        "The plugin failed too often in a row and is being left alone for a while."
        "Wait for the cool-down; see its failures with `omega runs list`."
    Timeout "timeout"
        "The call did not end within its time."
        "Give it more time with `timeout_ms`, up to the manifest's `max_ms`."
    MemoryLimit "memory_limit"
        "The plugin needed more memory than it may have."
        "Send less, or raise `memory_bytes_max` in omega.toml."
    CpuLimit "cpu_limit"
        "The plugin used up its share of computation."
        "Send less, or raise `fuel_max` in omega.toml."
    PluginTrap "plugin_trap"
        "The plugin stopped with a trap."
        "This is a fault of the plugin; tell its author, with the event's index."
    PluginCrash "plugin_crash"
        "The plugin's process died."
        "This is a fault of the plugin; tell its author, with the event's index."
    PluginError "plugin_error"
        "The plugin reported a failure."
        "Read its message; it is the plugin's own."
    PluginDeclined "plugin_declined"
        "The plugin declined the input."
        "Read its message; it is the plugin's own."
    Nondeterministic "nondeterministic"
        "The plugin is declared deterministic and gave different outputs for the same input."
        "Mend the plugin, or declare it probabilistic."
    ConformanceMissing "conformance_missing"
        "This home enables only what has a passing conformance report, and the package has none."
        "Run `omega plugins certify DIR`, which signs with the operator's key, and install the folder again."
    ConformanceInvalid "conformance_invalid"
        "The conformance report beside the package is not taken."
        "Make it anew with `omega plugins certify DIR`, or trust the key that signed it."
    Interrupted "interrupted"
        "The call was cut off before it had an outcome."
        "Send it again with a new request id."
    VersionConflict "version_conflict"
        "This id and version exist already with other content."
        "Give the changed content a new version."
    ImportForbidden "import_forbidden"
        "The component imports something that its capabilities do not open."
        "Build the plugin without that import, or ask for the capability in the manifest."
    ComponentInvalid "component_invalid"
        "The plugin's file is not a usable WebAssembly component."
        "Build it for wasm32-wasip2 with the SDK (`omega plugins build DIR`)."
    ProgramInvalid "program_invalid"
        "The plugin's program cannot be loaded."
        "Read what its import raised, mend it, and run the plugin's own tests before signing it anew."
    ArtifactUnknown "artifact_unknown"
        "OMEGA holds no artifact or dataset of this name."
        "Put it with `omega artifacts put FILE`, or add the dataset with `omega artifacts dataset add`."
    ArtifactHashMismatch "artifact_hash_mismatch"
        "The artifact does not have the hash that was stated."
        "State the artifact's true SHA-256, or put the artifact again."
    DatasetInvalid "dataset_invalid"
        "The file cannot be a dataset."
        "Mend the line that the message names: every row needs its own key, a string or an integer."
    RunUnknown "run_unknown"
        "The ledger has no run of this id."
        "See `omega runs list`."
    ProofInvalid "proof_invalid"
        "The proof does not verify."
        "Do not rely on it; export it again from the gateway's home."
    EventsArchived "events_archived"
        "What is asked for was moved to an archive."
        "Ask the archive, or put its segments and tiles back into the ledger's folder and remove `ledger/archived`."
    WitnessUnknown "witness_unknown"
        "This home has no witness of this name."
        "See `omega ledger witness list`."
    WitnessUnavailable "witness_unavailable"
        "A witness did not cosign."
        "Read the message; the checkpoint stands without it, and it can be asked again."
    DisclosureInvalid "disclosure_invalid"
        "What is said to have been redacted is not what was committed to."
        "Do not rely on it; ask for the value as it was sent or given."
    EvidenceForgotten "evidence_forgotten"
        "The salt of this request's redactions was deleted."
        "What it hid cannot be disclosed any more, by anybody."
    KeyInvalid "key_invalid"
        "The key is not a usable Ed25519 key."
        "Make one with `omega keys generate`, or with `openssl genpkey -algorithm ed25519`."
    HomeMissing "home_missing"
        "There is no gateway home here."
        "Make one with `omega init`, or name one with `--home`."
    HomeLocked "home_locked"
        "Another process holds this home."
        "Wait for it to end, or give the command more time with `--wait`."
    HomeInvalid "home_invalid"
        "The home is not usable by this version of the gateway."
        "Read the message; `omega init` makes a new home beside it."
    ConfigInvalid "config_invalid"
        "The configuration cannot be used."
        "Mend the line that the message names in omega.toml."
    OutputNotJson "output_not_json"
        "The plugin's result is not JSON that the contract takes."
        "This is a fault of the plugin; tell its author, with the event's index."
    OutputSchemaMismatch "output_schema_mismatch"
        "The plugin's result does not match its own output schema."
        "This is a fault of the plugin; tell its author, with the event's index."
    OutputTooLarge "output_too_large"
        "The plugin's result is larger than it may be."
        "Send less, or raise the output's `max_bytes` in the manifest."
    LaneUnavailable "lane_unavailable"
        "This gateway cannot run plugins of this kind here."
        "See what is missing with `omega doctor`."
    LedgerUnavailable "ledger_unavailable"
        "The ledger cannot be written, so nothing may run."
        "Mend the disk or the permissions, then start the gateway again."
    LedgerCorrupt "ledger_corrupt"
        "The ledger was damaged or changed after it was written."
        "Keep the files as they are and see `omega ledger verify`; restore the home from a backup."
    TokenMissing "token_missing"
        "The request has no API token."
        "Send `Authorization: Bearer TOKEN`; make a token with `omega tokens create`."
    TokenInvalid "token_invalid"
        "The API token is unknown, expired or revoked."
        "Make another with `omega tokens create`; see them with `omega tokens list`."
    TokenUnknown "token_unknown"
        "This home has no API token of this name."
        "See `omega tokens list`."
    ScopeDenied "scope_denied"
        "The API token does not permit this."
        "Use a token with the scope and the plugins that the message names."
    HostRefused "host_refused"
        "The request is addressed to a name that this server does not go by."
        "Use the address that the server listens on, or list the name under `serve.hosts` in omega.toml."
    OriginRefused "origin_refused"
        "The request comes from a web page of another origin."
        "List the origin under `serve.origins` in omega.toml, if that page may use this gateway."
    ListenUnsafe "listen_unsafe"
        "The server would be reachable from other machines without TLS."
        "Listen on 127.0.0.1 or [::1], or give `--tls-cert` and `--tls-key`."
    ServerStopping "server_stopping"
        "The server is stopping and takes no new work."
        "Try again when it is back."
    ServerMismatch "server_mismatch"
        "The server that holds this home is of another version than this command."
        "Use the `omega` of the server's version, or restart the server with this one."
    ServerUnreachable "server_unreachable"
        "The server that holds this home did not answer."
        "See whether it still runs; what was asked may have been done, see `omega ledger tail`."
    NotFound "not_found"
        "What was named does not exist."
        "Check the name."
    Io "io"
        "A file could not be read or written."
        "Check the path and its permissions."
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not one of the codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an error code of this gateway")]
pub struct UnknownErrorCode;

impl FromStr for ErrorCode {
    type Err = UnknownErrorCode;

    fn from_str(text: &str) -> Result<Self, UnknownErrorCode> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text).ok_or(UnknownErrorCode)
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ErrorCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_unique_and_written_in_snake_case() {
        let texts: BTreeSet<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), ErrorCode::ALL.len());
        for code in ErrorCode::ALL {
            assert!(code.as_str().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{code}");
            assert_eq!(code.as_str().parse(), Ok(*code));
            assert!(code.sentence().ends_with('.') && code.hint().ends_with('.'), "{code}");
        }
    }
}
