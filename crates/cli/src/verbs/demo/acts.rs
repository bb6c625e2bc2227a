//! The acts, in their order. Each says what must happen, and compares.

use std::time::Instant;

use omega_gateway::contract::json_tree::JsonNode;
use omega_gateway::contract::{
    ErrorCode, Payload, PipelinePolicy, PipelineStrategy, PluginId, PluginRequest, Status, canonical_bytes, hash,
};
use omega_gateway::{Answer, GatewayError};
use omega_proof::bundle::verify_bundle;
use omega_proof::note::VerifierKey;
use serde_json::Value;

use super::report::{Act, Evidence, Report};
use super::stage::{Stage, Text, package, with_manifest};
use crate::fault::Fault;
use crate::show;
use crate::verbs::verify::{self, Depth};

/// All of them.
pub(super) async fn all(stage: &Stage, texts: &[Text], report: &mut Report) -> Result<(), Fault> {
    report.open(stage, texts.len());
    for text in texts {
        report.play(a_call(stage, text).await?);
    }
    report.play(unsigned(stage).await?);
    report.play(forbidden(stage).await?);
    report.play(trap(stage, texts).await?);
    report.play(endless_loop(stage).await?);
    report.play(twice(stage, texts).await?);
    report.play(pipeline(stage, texts).await?);
    report.play(ledger(stage).await?);
    let (act, proof) = proof(stage).await?;
    report.play(act);
    report.play(changed_proof(&proof, &stage.home.log_verifier_key()?));
    Ok(())
}

fn id(name: &str) -> Result<PluginId, Fault> {
    name.parse().map_err(|_| Fault::new(ErrorCode::PluginUnknown).with("plugin", name))
}

/// A call that succeeds, on a real text.
async fn a_call(stage: &Stage, text: &Text) -> Result<Act, Fault> {
    let payload = Payload::text(&text.content);
    let input_hash = hash(&payload).map_err(|error| Fault::unwritable(&error))?.to_string();
    let answer = stage.call(&id("text-stats")?, payload).await?;
    let hashes = &answer.response.evidence_hashes;
    let result = answer.response.result.as_ref();
    let output_hash = result.and_then(|result| hash(result).ok()).map(|hash| hash.to_string()).unwrap_or_default();
    let held = answer.response.status == Status::Ok
        && figure(&answer, "words") > 0
        && hashes.input_hash == input_hash
        && hashes.output_hash == output_hash;
    let part = if text.cut { ", its beginning" } else { "" };
    Ok(Act {
        title: format!("A signed plugin reads {} ({}{part})", text.name, show::bytes(text.content.len() as u64)),
        expected: "ok, and both hashes recomputed here",
        happened: format!(
            "{}, {} ms: {} words, {} sentences, {} s to read; often: {}",
            answer.response.status,
            answer.response.duration_ms,
            figure(&answer, "words"),
            figure(&answer, "sentences"),
            figure(&answer, "reading_seconds"),
            frequent_words(&answer),
        ),
        held,
        evidence: vec![
            Evidence::of(&answer),
            Evidence::hash("input", &hashes.input_hash),
            Evidence::hash("output", &hashes.output_hash),
        ],
    })
}

fn member_of_report(answer: &Answer, name: &str) -> Option<Value> {
    match &answer.response.result {
        Some(Payload::Json(report)) => report.data.get(name).map(JsonNode::to_value),
        _ => None,
    }
}

fn figure(answer: &Answer, name: &str) -> u64 {
    member_of_report(answer, name).as_ref().and_then(Value::as_u64).unwrap_or_default()
}

fn frequent_words(answer: &Answer) -> String {
    let words = member_of_report(answer, "most_frequent_words");
    let words = words.as_ref().and_then(Value::as_array);
    let word = |entry: &Value| entry.get("word").and_then(Value::as_str).map(ToOwned::to_owned);
    show::list(words.into_iter().flatten().filter_map(word).take(3), "nothing")
}

/// The same package without its signature.
async fn unsigned(stage: &Stage) -> Result<Act, Fault> {
    let refused = stage.gateway.register_plugin(package("examples/hello")?).await.err();
    let title = "An unsigned plugin is refused";
    refusal(stage, title, "signature_missing", ErrorCode::SignatureMissing, refused)
}

/// A plugin that asks for the network.
async fn forbidden(stage: &Stage) -> Result<Act, Fault> {
    let greedy = with_manifest(&package("examples/hello")?, |manifest| {
        if let Some(capabilities) = manifest.get_mut("capabilities").and_then(Value::as_array_mut) {
            capabilities.push("network_access".into());
        }
    })?;
    // Signed by the operator: no signature opens what nobody may have.
    let refused = match stage.signed(&greedy) {
        Ok(signed) => stage.gateway.register_plugin(signed).await.err(),
        Err(_) => stage.gateway.register_plugin(greedy).await.err(),
    };
    let title = "A plugin that asks for `network_access` is refused, signed or not";
    refusal(stage, title, "capability_forbidden", ErrorCode::CapabilityForbidden, refused)
}

fn refusal(
    stage: &Stage,
    title: &str,
    expected: &'static str,
    code: ErrorCode,
    refused: Option<GatewayError>,
) -> Result<Act, Fault> {
    let (happened, evidence) = match &refused {
        Some(error) => (error.code.to_string(), error.event_index),
        None => ("it was admitted".to_owned(), None),
    };
    let evidence = match evidence {
        Some(index) => vec![Evidence::event(index, &stage.event_hash(index)?)],
        None => Vec::new(),
    };
    Ok(Act {
        title: title.to_owned(),
        expected,
        happened,
        held: refused.is_some_and(|error| error.code == code && error.event_index.is_some()),
        evidence,
    })
}

/// A plugin that traps harms nobody else.
async fn trap(stage: &Stage, texts: &[Text]) -> Result<Act, Fault> {
    let answer = stage.call(&id("hostile-trap")?, Payload::text("go")).await?;
    let next = stage.call(&id("text-stats")?, Payload::text(first(texts))).await?;
    Ok(Act {
        title: "A plugin that traps is contained".to_owned(),
        expected: "plugin_trap, and the next call of another plugin is ok",
        happened: format!("{}, then {}", ending(&answer), ending(&next)),
        held: answer.reason == Some(ErrorCode::PluginTrap) && next.response.status == Status::Ok,
        evidence: vec![Evidence::of(&answer), Evidence::of(&next)],
    })
}

/// A plugin that never ends is ended.
async fn endless_loop(stage: &Stage) -> Result<Act, Fault> {
    let began = Instant::now();
    let answer = stage.call(&id("hostile-spin")?, Payload::text("go")).await?;
    let elapsed_ms = began.elapsed().as_millis();
    Ok(Act {
        title: "An endless loop is stopped".to_owned(),
        expected: "timeout, at the manifest's limit of 100 ms",
        happened: format!("{} after {elapsed_ms} ms", ending(&answer)),
        held: answer.response.status == Status::Timeout && answer.reason == Some(ErrorCode::Timeout),
        evidence: vec![Evidence::of(&answer)],
    })
}

/// A request that comes again is seen.
async fn twice(stage: &Stage, texts: &[Text]) -> Result<Act, Fault> {
    let request: PluginRequest = stage.request(Payload::text(first(texts)));
    let plugin = id("text-stats")?;
    let before = stage.gateway.invoke(&plugin, request.clone()).await?;
    let again = stage.gateway.invoke(&plugin, request).await?;
    Ok(Act {
        title: "A request that is sent twice runs once".to_owned(),
        expected: "ok, then duplicate_request",
        happened: format!("{}, then {}", ending(&before), ending(&again)),
        held: before.response.status == Status::Ok && again.reason == Some(ErrorCode::DuplicateRequest),
        evidence: vec![Evidence::of(&before), Evidence::of(&again)],
    })
}

/// What one plugin gives is what the next one gets.
async fn pipeline(stage: &Stage, texts: &[Text]) -> Result<Act, Fault> {
    let policy = PipelinePolicy {
        strategy: PipelineStrategy::Chain,
        plugin_ids: vec![id("headline")?, id("text-stats")?],
        timeout_ms: 10_000,
        stop_on_failure: true,
    };
    let answer = stage.gateway.invoke_pipeline(&policy, stage.request(Payload::text(first(texts)))).await?;
    let steps = &answer.response.steps;
    let passed = match steps.as_slice() {
        [first, second] => first.response.evidence_hashes.output_hash == second.response.evidence_hashes.input_hash,
        _ => false,
    };
    let statuses =
        show::list(steps.iter().map(|step| format!("{} {}", step.plugin_id, step.response.status)), "no step");
    let headline = steps.first().and_then(|step| match step.response.result.as_ref() {
        Some(Payload::Text(text)) => Some(text.content.clone()),
        _ => None,
    });
    let evidence = answer.steps.iter().map(|step| Evidence::event(step.event_index, &step.event_hash));
    Ok(Act {
        title: "A pipeline: headline, then text-stats on what it gave".to_owned(),
        expected: "ok, and the second step's input is the first one's output",
        happened: format!("{statuses}: {:?}", headline.unwrap_or_default()),
        held: answer.response.overall_status == Status::Ok && passed,
        evidence: evidence.collect(),
    })
}

/// Every hash and every link of all that happened here.
async fn ledger(stage: &Stage) -> Result<Act, Fault> {
    stage.gateway.flush().await?;
    let (happened, held, evidence) = match verify::verify(&stage.home, Depth::Strict, &mut |_| {}) {
        Ok(report) => {
            let head = report.head.map(|head| head.to_string()).unwrap_or_default();
            (show::count(report.events, "event"), report.events > 0, vec![Evidence::hash("head", &head)])
        }
        Err(fault) => (fault.sentence().to_owned(), false, Vec::new()),
    };
    Ok(Act {
        title: "The ledger verifies, line by line".to_owned(),
        expected: "every hash, every link, every line canonical",
        happened,
        held,
        evidence,
    })
}

/// Evidence that stands alone.
async fn proof(stage: &Stage) -> Result<(Act, Vec<u8>), Fault> {
    let bundle = stage.gateway.export_proof(&stage.run_id).await?;
    let bytes = canonical_bytes(&bundle).map_err(|error| Fault::unwritable(&error))?;
    let verdict = verify_bundle(&bytes, &[stage.home.log_verifier_key()?], &[]);
    let happened = match &verdict {
        Ok(verdict) => format!(
            "{} in {}: {}, {}, {}",
            show::count(verdict.events, "event"),
            show::bytes(bytes.len() as u64),
            show::count(verdict.results, "result"),
            show::count(verdict.rejects, "refusal"),
            show::count(verdict.errors, "failure"),
        ),
        Err(fault) => fault.to_string(),
    };
    let act = Act {
        title: "A proof of the run, exported and verified without the home".to_owned(),
        expected: "it verifies",
        happened,
        held: verdict.is_ok(),
        evidence: vec![Evidence::hash("head", &bundle.head_event_hash.to_string())],
    };
    Ok((act, bytes))
}

/// The same proof, one byte changed.
fn changed_proof(proof: &[u8], log_key: &VerifierKey) -> Act {
    let changed = change_one_byte(proof);
    let verdict = changed.as_deref().map(|bytes| verify_bundle(bytes, std::slice::from_ref(log_key), &[]));
    let (happened, held) = match verdict {
        Some(Err(fault)) => (fault.to_string(), true),
        Some(Ok(_)) => ("it verified".to_owned(), false),
        None => ("there was no result in it to change".to_owned(), false),
    };
    Act {
        title: "The same proof with one byte changed".to_owned(),
        expected: "it does not verify",
        happened,
        held,
        evidence: Vec::new(),
    }
}

/// Changes the first digit of the first result's hash.
fn change_one_byte(proof: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(proof).ok()?;
    let field = "\"output_hash\":\"";
    let position =
        text.match_indices(field).map(|(at, _)| at + field.len()).find(|at| text.as_bytes().get(*at) != Some(&b'"'))?;
    let mut changed = proof.to_vec();
    let digit = changed.get_mut(position)?;
    *digit = if *digit == b'0' { b'1' } else { b'0' };
    Some(changed)
}

fn first(texts: &[Text]) -> &str {
    texts.first().map_or("OMEGA is the master; a plugin is a subcontractor.", |text| text.content.as_str())
}

/// How a call ended, by its code where it has one.
fn ending(answer: &Answer) -> String {
    answer.reason.map_or_else(|| answer.response.status.to_string(), |reason| reason.to_string())
}
