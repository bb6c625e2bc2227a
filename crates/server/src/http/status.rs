//! Which HTTP status each error code has: the only table of it.

use axum::http::StatusCode;
use omega_gateway::contract::ErrorCode;

/// The status of a problem with this code. A code that is not listed is the server's fault; a test lists every one.
pub(super) fn status_of(code: ErrorCode) -> StatusCode {
    listed(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn listed(code: ErrorCode) -> Option<StatusCode> {
    use ErrorCode as E;
    let status = match code {
        E::RequestInvalid => StatusCode::BAD_REQUEST,
        E::TokenMissing | E::TokenInvalid => StatusCode::UNAUTHORIZED,
        E::ScopeDenied | E::HostRefused | E::OriginRefused => StatusCode::FORBIDDEN,
        E::PluginUnknown
        | E::ArtifactUnknown
        | E::RunUnknown
        | E::WitnessUnknown
        | E::TokenUnknown
        | E::NotFound => StatusCode::NOT_FOUND,
        // A proof that cannot be made is one of a run that is still going on.
        E::DuplicateRequest | E::VersionConflict | E::ProofInvalid => StatusCode::CONFLICT,
        E::EventsArchived | E::EvidenceForgotten => StatusCode::GONE,
        E::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        E::ManifestInvalid
        | E::PackageInvalid
        | E::SchemaInvalid
        | E::LockInvalid
        | E::EnvironmentMissing
        | E::EnvironmentUnbuildable
        | E::SignatureMissing
        | E::SignatureInvalid
        | E::KeyUntrusted
        | E::PackageDigestMismatch
        | E::ApiVersionIncompatible
        | E::CapabilityForbidden
        | E::CapabilityDenied
        | E::PluginNotEnabled
        | E::PluginRejected
        | E::PayloadKindRefused
        | E::PayloadSchemaMismatch
        | E::DeterminismRequired
        | E::PipelineInvalid
        | E::Nondeterministic
        | E::ConformanceMissing
        | E::ConformanceInvalid
        | E::ImportForbidden
        | E::ComponentInvalid
        | E::ProgramInvalid
        | E::ArtifactHashMismatch
        | E::DatasetInvalid
        | E::DisclosureInvalid
        | E::KeyInvalid
        // A plugin's own faults: a problem only where they keep it from being enabled, say. What came of a call is no
        // problem, whatever it was.
        | E::PluginTrap
        | E::PluginCrash
        | E::PluginError
        | E::PluginDeclined
        | E::MemoryLimit
        | E::CpuLimit
        | E::OutputNotJson
        | E::OutputSchemaMismatch
        | E::OutputTooLarge => StatusCode::UNPROCESSABLE_ENTITY,
        E::Overloaded | E::CircuitOpen => StatusCode::TOO_MANY_REQUESTS,
        E::HomeMissing | E::HomeInvalid | E::ConfigInvalid | E::ListenUnsafe | E::ServerMismatch | E::EnvironmentChanged | E::Io => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
        E::LaneUnavailable
        | E::LedgerUnavailable
        | E::LedgerCorrupt
        | E::HomeLocked
        | E::Interrupted
        | E::ServerStopping
        | E::ServerUnreachable
        | E::WitnessUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        E::Timeout => StatusCode::GATEWAY_TIMEOUT,
        _ => return None,
    };
    Some(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_status() {
        for code in ErrorCode::ALL {
            assert!(listed(*code).is_some(), "{code} has no HTTP status");
            assert!(status_of(*code).as_u16() >= 400, "{code}");
        }
    }
}
