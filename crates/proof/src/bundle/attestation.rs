//! The attestation: what a bundle says, as an in-toto Statement v1 in a DSSE envelope that the log's key signed.
//!
//! It is for whoever has in-toto tools and no verifier of bundles. What never happens here: a statement that says anything
//! which the bundle does not show. It is a function of the rest, and a verifier makes it again and compares.

use base64::Engine as _;
use omega_contract::proof_bundle::{
    Attestation, AttestationSignature, Durability, Link, LinkedDecision, ProofBundle, RunExtent,
};
use omega_contract::{RunId, Sha256Hex, Timestamp, canonical_bytes};
use serde::Serialize;
use serde_json::Value;

use super::calls::{CallFact, Calls};
use super::links::{PluginInForce, content};
use super::{BundleFault, LinkFault};
use crate::base64_exact::STANDARD;
use crate::dsse::{DsseError, Envelope, IN_TOTO_PAYLOAD_TYPE, STATEMENT_TYPE, pae};
use crate::key::{PublicKey, SecretKey};

/// What our statements say of a run.
pub const RUN_PREDICATE_TYPE: &str = "https://omega-project.github.io/attestation/plugin-run/v1";

/// An in-toto Statement v1, borrowed.
#[derive(Serialize)]
struct RunStatement<'b> {
    #[serde(rename = "_type")]
    statement_type: &'static str,
    subject: Vec<RunSubject<'b>>,
    #[serde(rename = "predicateType")]
    predicate_type: &'static str,
    predicate: RunPredicate<'b>,
}

#[derive(Serialize)]
struct RunSubject<'b> {
    name: String,
    digest: RunDigest<'b>,
}

#[derive(Serialize)]
struct RunDigest<'b> {
    sha256: &'b str,
}

/// What the statement says of its subjects.
#[derive(Serialize)]
struct RunPredicate<'b> {
    calls: &'b [CallFact<'b>],
    created_at: Timestamp,
    durability: Durability,
    origin: &'b str,
    plugins: &'b [PluginInForce],
    policy: Vec<PolicyFact>,
    proof_id: &'b str,
    run: RunExtent,
    run_id: &'b RunId,
}

/// A decision in force.
#[derive(Serialize)]
struct PolicyFact {
    /// Its content; `None` where it is withheld.
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Value>,
    event_hash: Sha256Hex,
    index: u64,
}

/// The bytes of the statement that follows from `bundle`, whose own attestation is not looked at.
pub(super) fn statement(
    bundle: &ProofBundle,
    calls: &Calls<'_>,
    plugins: &[PluginInForce],
) -> Result<Vec<u8>, BundleFault> {
    // The run itself is the first subject: a run without results has one too, as in-toto demands.
    let head = bundle.head_event_hash.to_hex();
    let run = RunSubject { name: format!("run/{}", bundle.run_id), digest: RunDigest { sha256: head.as_str() } };
    let results = calls.facts.iter().filter_map(CallFact::result);
    let results = results.map(|(name, sha256)| RunSubject { name, digest: RunDigest { sha256 } });
    let statement = RunStatement {
        statement_type: STATEMENT_TYPE,
        subject: [run].into_iter().chain(results).collect(),
        predicate_type: RUN_PREDICATE_TYPE,
        predicate: RunPredicate {
            calls: &calls.facts,
            created_at: bundle.created_at,
            durability: bundle.durability,
            origin: &bundle.origin,
            plugins,
            policy: bundle.links.iter().map(policy_fact).collect::<Result<_, _>>()?,
            proof_id: &bundle.proof_id,
            run: bundle.run,
            run_id: &bundle.run_id,
        },
    };
    canonical_bytes(&statement).map_err(|_| BundleFault::OtherStatement)
}

fn policy_fact(link: &Link) -> Result<PolicyFact, BundleFault> {
    let content = match &link.decision {
        LinkedDecision::Event(event) => Some(content(event).map_err(|error| LinkFault::Content(error).at(link.index))?),
        LinkedDecision::Withheld(_) => None,
    };
    Ok(PolicyFact { content, event_hash: link.decision.event_hash(), index: link.index })
}

/// Signs a statement.
pub(super) fn sign(statement: &[u8], key: &SecretKey) -> Attestation {
    let envelope = Envelope::sign(IN_TOTO_PAYLOAD_TYPE, statement, &[key]);
    let signature = |it: crate::dsse::EnvelopeSignature| AttestationSignature { keyid: it.keyid, sig: it.sig };
    Attestation {
        payload: envelope.payload,
        payload_type: envelope.payload_type,
        signatures: envelope.signatures.into_iter().map(signature).collect(),
    }
}

/// Verifies that `attestation` is exactly `statement` with one signature, by `key`, in its one form.
pub(super) fn check(attestation: &Attestation, statement: &[u8], key: &PublicKey) -> Result<(), BundleFault> {
    if attestation.payload_type != IN_TOTO_PAYLOAD_TYPE || attestation.payload != STANDARD.encode(statement) {
        return Err(BundleFault::OtherStatement);
    }
    let [signature] = attestation.signatures.as_slice() else {
        return Err(match attestation.signatures.len() {
            0 => DsseError::Unsigned,
            count => DsseError::TooManySignatures { count },
        }
        .into());
    };
    let key_id = key.key_id();
    if signature.keyid != key_id.to_string() {
        let named = signature.keyid.chars().take(64).collect();
        return Err(DsseError::UnknownKey { named }.into());
    }
    let raw = STANDARD.decode(&signature.sig).map_err(|_| DsseError::Base64 { field: "sig" })?;
    let verified = key.verify(&pae(IN_TOTO_PAYLOAD_TYPE, statement), &raw);
    verified.map_err(|_| DsseError::Mismatch { key_id }.into())
}
