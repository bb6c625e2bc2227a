//! Pipelines through the gateway, with real plugins and the real ledger (the rest: `crates/router/tests`).

use omega_contract::{ErrorCode, EventKind, Payload, PipelinePolicy, PipelineStrategy, Status};
use omega_gateway::{PipelineAnswer, request};
use serde_json::json;

use crate::harness::{Bench, id};

const DOCUMENT: &str = "omega:json-redact:input:document:v1.0.0";

fn policy(strategy: PipelineStrategy, plugins: &[&str], stop_on_failure: bool) -> PipelinePolicy {
    let plugin_ids = plugins.iter().map(|plugin| id(plugin)).collect();
    PipelinePolicy { strategy, plugin_ids, timeout_ms: 30_000, stop_on_failure }
}

fn statuses(answer: &PipelineAnswer) -> Vec<Status> {
    answer.response.steps.iter().map(|step| step.response.status).collect()
}

/// Sequential and fan-out: each step is a call with its own evidence, in the order of the policy.
#[tokio::test(flavor = "multi_thread")]
async fn each_step_is_a_call_with_its_own_evidence() {
    let bench = Bench::new().await;
    for name in ["examples/hello", "examples/text-stats", "hostile/trap"] {
        bench.install(name).await;
    }
    let plugins = ["hello", "hostile-trap", "text-stats"];
    let cases = [
        (PipelineStrategy::Sequential, true, vec![Status::Ok, Status::Error]),
        (PipelineStrategy::Sequential, false, vec![Status::Ok, Status::Error, Status::Ok]),
        (PipelineStrategy::FanOut, true, vec![Status::Ok, Status::Error, Status::Ok]),
    ];
    for (strategy, stop, expect) in cases {
        let asked = request(Payload::text("Ada"));
        let run_id = asked.run_id.clone();
        let answer = bench.gateway.invoke_pipeline(&policy(strategy, &plugins, stop), asked).await.unwrap();
        assert_eq!((statuses(&answer), answer.response.overall_status), (expect.clone(), Status::Error));
        bench.assert_evidence_whole(&run_id);
        for (at, (step, evidence)) in answer.response.steps.iter().zip(&answer.steps).enumerate() {
            assert_eq!((step.plugin_id.as_str(), step.step_index as usize), (plugins[at], at));
            let event = bench.event(evidence.event_index);
            assert_eq!((event.event_hash, event.meta["step"].as_str()), (evidence.event_hash, at.to_string().as_str()));
            assert_eq!((event.plugin_id.as_str(), event.run_id.as_str()), (plugins[at], run_id.as_str()));
        }
        assert_eq!(bench.kinds(&run_id).iter().filter(|kind| **kind == EventKind::Invoke).count(), expect.len());
    }
}

/// The same plugin twice: its result is addressed anew, to the schema that the next step takes.
#[tokio::test(flavor = "multi_thread")]
async fn a_chain_readdresses_json_between_schemas() {
    let bench = Bench::new().await;
    bench.install("examples/json-redact").await;
    let data = json!({"mail": "ada@example.org"});
    let asked = request(Payload::json(data.as_object().unwrap().clone(), DOCUMENT).unwrap());
    let run_id = asked.run_id.clone();
    let chain = policy(PipelineStrategy::Chain, &["json-redact", "json-redact"], true);
    let answer = bench.gateway.invoke_pipeline(&chain, asked).await.unwrap();
    assert_eq!(statuses(&answer), [Status::Ok; 2], "{:?}", answer.steps);
    let result = |step: usize| match &answer.response.steps[step].response.result {
        Some(Payload::Json(json)) => json.data.to_map(),
        other => panic!("{other:?}"),
    };
    assert_eq!(result(0)["document"], json!({"mail": "[email]"}));
    assert_eq!(result(1)["document"]["document"], result(0)["document"], "the second step got the first one's report");
    bench.assert_evidence_whole(&run_id);
}

/// Kinds that do not fit are told before anything runs, and journalled; text plugins fit each other.
#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_cannot_fit_does_not_begin() {
    let bench = Bench::new().await;
    for name in ["examples/hello", "examples/text-stats", "examples/headline"] {
        bench.install(name).await;
    }
    let asked = request(Payload::text("Ada. Grace. Margaret."));
    let run_id = asked.run_id.clone();
    let chain = policy(PipelineStrategy::Chain, &["text-stats", "hello"], true);
    let error = bench.gateway.invoke_pipeline(&chain, asked).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::PipelineInvalid);
    assert!(error.message.contains("step 1, hello, takes text"), "{}", error.message);
    assert_eq!(bench.kinds(&run_id), [EventKind::Reject]);
    assert_eq!(bench.event(error.event_index.unwrap()).meta["reason"], "pipeline_invalid");

    let chain = policy(PipelineStrategy::Chain, &["headline", "hello", "text-stats"], true);
    let article =
        "Rivers rose after the storm in the north. Two bridges were closed by noon. Schools opened late again.";
    let answer = bench.gateway.invoke_pipeline(&chain, request(Payload::text(article))).await.unwrap();
    assert_eq!(answer.response.overall_status, Status::Ok, "{:?}", answer.steps);
}

/// A payload that the next step's schema does not take is that step's `rejected`.
#[tokio::test(flavor = "multi_thread")]
async fn a_mismatch_in_passing_is_that_steps_rejection() {
    let bench = Bench::new().await;
    bench.install("examples/json-redact").await;
    let mut picky = crate::harness::package("examples/json-redact");
    crate::harness::edit(&mut picky, |manifest| {
        manifest["plugin_id"] = "picky".into();
        manifest["io"]["inputs"][0]["schema_ref"] = "schemas/inputs/picky.schema.json".into();
        manifest["io"]["outputs"][0]["schema_ref"] = "schemas/outputs/redacted.schema.json".into();
    });
    let schema = br#"{"properties":{"data":{"type":"object","required":["nobody_has_this"]}}}"#;
    picky.insert("schemas/inputs/picky.schema.json".into(), std::sync::Arc::from(schema.as_slice()));
    picky.retain(|path, _| !path.starts_with("examples/"));
    bench.install_files(&picky).await;
    let asked = request(Payload::json(serde_json::Map::new(), DOCUMENT).unwrap());
    let chain = policy(PipelineStrategy::Chain, &["json-redact", "picky"], false);
    let answer = bench.gateway.invoke_pipeline(&chain, asked).await.unwrap();
    assert_eq!(statuses(&answer), [Status::Ok, Status::Rejected]);
    assert_eq!(answer.steps[1].reason, Some(ErrorCode::PayloadSchemaMismatch));
}

/// The whole has one end: what did not begin by then is `timeout`, with evidence of its own.
#[tokio::test(flavor = "multi_thread")]
async fn steps_after_the_end_are_timeouts() {
    let bench = Bench::new().await;
    for name in ["hostile/sleeper", "examples/hello"] {
        bench.install(name).await;
    }
    bench.text(&id("hostile-sleeper"), "go").await;
    let mut policy = policy(PipelineStrategy::Sequential, &["hostile-sleeper", "hello", "hello"], false);
    policy.timeout_ms = 100;
    let asked = request(Payload::text("go"));
    let run_id = asked.run_id.clone();
    let answer = bench.gateway.invoke_pipeline(&policy, asked).await.unwrap();
    assert_eq!((statuses(&answer), answer.response.overall_status), (vec![Status::Timeout; 3], Status::Timeout));
    let expect = [EventKind::Invoke, EventKind::Error, EventKind::Reject, EventKind::Reject];
    assert_eq!(bench.kinds(&run_id), expect);
    assert!(bench.events(&run_id)[1..].iter().all(|event| event.meta["reason"] == "timeout"));
}

/// (run, request, step) is unique, also across a restart and between a pipeline and a single call.
#[tokio::test(flavor = "multi_thread")]
async fn a_step_is_run_once() {
    let bench = Bench::new().await;
    bench.install("examples/hello").await;
    let asked = request(Payload::text("Ada"));
    let twice = policy(PipelineStrategy::Sequential, &["hello", "hello"], false);
    let answer = bench.gateway.invoke_pipeline(&twice, asked.clone()).await.unwrap();
    assert_eq!(statuses(&answer), [Status::Ok; 2]);
    let bench = bench.reopened().await;
    let three = policy(PipelineStrategy::Sequential, &["hello", "hello", "hello"], false);
    let answer = bench.gateway.invoke_pipeline(&three, asked.clone()).await.unwrap();
    assert_eq!(statuses(&answer), [Status::Rejected, Status::Rejected, Status::Ok], "the third is new");
    assert_eq!(answer.steps[0].reason, Some(ErrorCode::DuplicateRequest));
    assert_eq!(bench.invoke(&id("hello"), asked).await.reason, Some(ErrorCode::DuplicateRequest));
}
