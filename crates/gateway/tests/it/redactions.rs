//! What of a call is kept: `log_level` and `evidence.redactions` (spec pages 2 and 3).

use std::path::Path;

use omega_contract::{Payload, Sha256Hex, Status, canonical_bytes, hash};
use omega_gateway::request;
use serde_json::{Value, json};

use crate::harness::{Bench, edit, package};

const SECRET: &str = "a secret that nobody may keep";

async fn with_evidence(evidence: &Value) -> Bench {
    let bench = Bench::new().await;
    let mut files = package("examples/hello");
    edit(&mut files, |manifest| manifest["evidence"] = evidence.clone());
    // Rehearsals are calls too: without examples the ledger holds the test's own calls alone.
    files.retain(|path, _| !path.starts_with("examples/"));
    bench.install_files(&files).await;
    bench
}

/// The bytes of every file below, one after the other.
fn all_bytes(folder: &Path) -> Vec<u8> {
    crate::harness::snapshot(folder)
        .keys()
        .filter(|path| !path.is_symlink())
        .flat_map(|path| std::fs::read(path).unwrap())
        .collect()
}

fn holds(haystack: &[u8], needle: &str) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle.as_bytes())
}

/// Neither the text nor its hash is in the ledger or kept as an artifact; the caller has both. What is kept
/// can be recomputed by who has the salt, and by nobody else.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_redacted_is_nowhere() {
    let bench = with_evidence(&json!({"log_level": "full", "redactions": ["/content", "/metadata/absent"]})).await;
    let payload = Payload::text(SECRET);
    let asked = request(payload.clone());
    let (run_id, request_id) = (asked.run_id.clone(), asked.request_id.clone());
    let answer = bench.invoke(&crate::harness::id("hello"), asked).await;
    assert_eq!(answer.response.status, Status::Ok, "{}", answer.response.notes);
    let result = answer.response.result.unwrap();
    let (input_hash, output_hash) = (hash(&payload).unwrap().to_string(), hash(&result).unwrap().to_string());
    assert_eq!(answer.response.evidence_hashes.input_hash, input_hash, "the caller's hashes are those of the truth");
    assert_eq!(answer.response.evidence_hashes.output_hash, output_hash);

    bench.gateway.flush().await.unwrap();
    for folder in [bench.home.ledger_dir(), bench.home.artifacts_dir()] {
        let bytes = all_bytes(&folder);
        assert!(!bytes.is_empty());
        for gone in [SECRET, "nobody may keep", &input_hash, &output_hash] {
            assert!(!holds(&bytes, gone), "{gone} in {}", folder.display());
        }
    }

    let events = bench.events(&run_id);
    let artifact = |key: &str, at: usize| {
        let digest: Sha256Hex = events[at].meta[key].parse().unwrap();
        let mut bytes = Vec::new();
        bench.gateway.admin().artifacts().copy_to(&digest.to_string(), &mut bytes).unwrap();
        (digest, serde_json::from_slice::<Value>(&bytes).unwrap())
    };
    let (digest, kept) = artifact("payload_artifact", 0);
    assert_eq!(digest.to_string(), events[0].input_hash, "the artifact is what the event commits to");
    assert_eq!(artifact("result_artifact", 1).0.to_string(), events[1].output_hash);
    assert_eq!(events[1].meta["redacted"], "true");

    let name = hash(&(run_id.as_str(), request_id.as_str(), 0_u32)).unwrap().to_string();
    let salt: [u8; 32] = std::fs::read(bench.home.salts_dir().join(name)).unwrap().try_into().unwrap();
    let disclosed =
        omega_router::redact(&payload, &["/content".to_owned()], omega_router::Salt(salt)).unwrap().document;
    assert_eq!(kept, disclosed, "who keeps the salt can disclose the value later");

    let again = bench.text(&crate::harness::id("hello"), SECRET).await;
    let other = bench.event(again.event_index).input_hash;
    assert_ne!(other, events[0].input_hash, "another request, another salt: equal secrets are not seen to be equal");
}

/// `full` keeps payload and result so that the call can be replayed: the artifacts are what the events commit to.
#[tokio::test(flavor = "multi_thread")]
async fn full_keeps_what_the_events_commit_to() {
    let bench = with_evidence(&json!({"log_level": "full", "redactions": []})).await;
    let payload = Payload::text("Ada");
    let asked = request(payload.clone());
    let run_id = asked.run_id.clone();
    let answer = bench.invoke(&crate::harness::id("hello"), asked).await;
    let events = bench.events(&run_id);
    assert_eq!(events[0].meta["payload_artifact"], events[0].input_hash);
    assert_eq!(events[1].meta["result_artifact"], events[1].output_hash);
    for (digest, expect) in
        [(&events[0].input_hash, &payload), (&events[1].output_hash, answer.response.result.as_ref().unwrap())]
    {
        let mut bytes = Vec::new();
        bench.gateway.admin().artifacts().copy_to(digest, &mut bytes).unwrap();
        assert_eq!(bytes, canonical_bytes(expect).unwrap());
    }
}

/// `summary` keeps no payload and no result; `minimal` keeps no more than it names.
#[tokio::test(flavor = "multi_thread")]
async fn summary_and_minimal_keep_less() {
    for (level, most) in
        [("summary", None), ("minimal", Some(["attempt", "lane", "manifest_hash", "package_digest", "reason", "step"]))]
    {
        let bench = with_evidence(&json!({"log_level": level, "redactions": []})).await;
        let asked = request(Payload::text(SECRET));
        let run_id = asked.run_id.clone();
        let answer = bench.invoke(&crate::harness::id("hello"), asked).await;
        assert_eq!(answer.response.status, Status::Ok);
        bench.gateway.flush().await.unwrap();
        for event in bench.events(&run_id) {
            assert!(!event.meta.keys().any(|key| key.contains("artifact")), "{level}: {:?}", event.meta);
            if let Some(most) = most {
                assert!(event.meta.keys().all(|key| most.contains(&key.as_ref())), "{level}: {:?}", event.meta);
            } else {
                assert!(event.meta.len() > 6, "{level}: {:?}", event.meta);
            }
        }
        assert!(!holds(&all_bytes(&bench.home.ledger_dir()), "nobody may keep"));
        assert!(!holds(&all_bytes(&bench.home.artifacts_dir()), "nobody may keep"));
    }
}

/// A refusal before the call of a plugin that redacts: the ledger must not learn the hash there either.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_request_does_not_give_the_hash_away() {
    let bench = with_evidence(&json!({"log_level": "summary", "redactions": ["/content"]})).await;
    let payload = Payload::text(SECRET);
    let mut asked = request(payload.clone());
    let first = bench.invoke(&crate::harness::id("hello"), asked.clone()).await;
    assert_eq!(first.response.status, Status::Ok);
    let duplicate = bench.invoke(&crate::harness::id("hello"), asked.clone()).await;
    assert_eq!(duplicate.response.status, Status::Rejected);
    asked.context = (0..=omega_contract::limits::CONTEXT_ENTRIES_MAX).map(|n| (n.to_string(), String::new())).collect();
    let invalid = bench.invoke(&crate::harness::id("hello"), asked).await;
    assert_eq!(invalid.response.status, Status::Rejected);
    bench.gateway.disable_plugin(&crate::harness::id("hello")).await.unwrap();
    let not_enabled = bench.invoke(&crate::harness::id("hello"), request(payload.clone())).await;
    assert_eq!(not_enabled.response.status, Status::Rejected);
    bench.gateway.flush().await.unwrap();
    let input_hash = hash(&payload).unwrap().to_string();
    assert!(!holds(&all_bytes(&bench.home.ledger_dir()), &input_hash), "the hash of a redacted payload");
}
