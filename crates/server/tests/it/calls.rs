//! Calls of one plugin and of several.

use serde_json::{Value, json};

use crate::harness::{World, hello};

fn event(world: &World, answer: &Value) -> omega_gateway::contract::Event {
    let index = usize::try_from(answer["event_index"].as_u64().unwrap()).unwrap();
    world.events().swap_remove(index)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_answers_with_its_evidence() {
    let world = World::with_plugins().await;
    let answer = world.post("/v1/plugins/hello:invoke").json(&hello("Ada")).send().await.assert_ok();
    assert_eq!((&answer["status"], &answer["reason"]), (&json!("ok"), &Value::Null));
    assert!(answer["result"]["content"].as_str().unwrap().contains("Ada"), "{answer}");
    let event = event(&world, &answer);
    assert_eq!(event.kind.as_str(), "RESULT");
    assert_eq!(answer["event_hash"], event.event_hash.to_string());
    assert_eq!(
        (answer["run_id"].as_str(), answer["request_id"].as_str()),
        (Some(&*event.run_id), Some(&*event.request_id))
    );
    assert_eq!((event.run_id.len(), event.request_id.len()), (26, 26), "ULIDs");

    // Everything said by the caller itself.
    let mut whole = hello("Ada");
    whole["request_id"] = "r 1/é".into();
    whole["run_id"] = "u:1".into();
    whole["timestamp"] = "2026-01-01T00:00:00+01:00".into();
    whole["context"] = json!({ "tenant": "blue" });
    whole["policy"] = json!({ "deterministic_only": true, "timeout_ms": 5000, "max_retries": 0 });
    let answer = world.post("/v1/plugins/hello:invoke").json(&whole).send().await.assert_ok();
    assert_eq!((&answer["request_id"], &answer["run_id"]), (&whole["request_id"], &whole["run_id"]));
    let again = world.post("/v1/plugins/hello:invoke").json(&whole).send().await;
    let problem = again.assert_problem(409, "duplicate_request");
    assert_eq!(event_kind(&world, &problem), "REJECT");
    assert_eq!(problem["response"]["status"], "rejected");
    assert_eq!(problem["response"]["reason"], "duplicate_request");
}

fn event_kind(world: &World, problem: &Value) -> String {
    event(world, problem).kind.as_str().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_of_the_plugin_is_an_answer_and_a_refusal_is_a_problem() {
    let world = World::with_plugins().await;
    let mut outcomes = Vec::new();
    for guest in ["hostile/trap", "hostile/decliner", "hostile/not-json"] {
        let plugin_id = world.install(guest).await;
        let manifest = world.get(&format!("/v1/plugins/{plugin_id}")).send().await.assert_ok()["manifest"].clone();
        let input = &manifest["io"]["inputs"][0];
        let payload = if input["kind"] == "json" {
            json!({ "kind": "json", "data": {}, "schema_ref": input["schema_ref"] })
        } else {
            hello("Ada")["payload"].clone()
        };
        let call = world.post(&format!("/v1/plugins/{plugin_id}:invoke")).json(&json!({ "payload": payload }));
        let answer = call.send().await.assert_ok();
        outcomes.push(format!("{} {}", answer["status"].as_str().unwrap(), answer["reason"].as_str().unwrap()));
    }
    assert_eq!(outcomes, ["error plugin_trap", "rejected plugin_declined", "rejected output_not_json"]);

    let call = |plugin: &str, body: &Value| world.post(&format!("/v1/plugins/{plugin}:invoke")).json(body).send();
    let before = world.event_count();
    let unknown = call("nobody", &hello("Ada")).await.assert_problem(404, "plugin_unknown");
    assert_eq!(event_kind(&world, &unknown), "REJECT");
    let json_to_text = json!({ "payload": { "kind": "json", "data": {}, "schema_ref": "x" } });
    call("hello", &json_to_text).await.assert_problem(422, "payload_kind_refused");
    let mut few = hello("Ada");
    few["policy"] = json!({ "deterministic_only": false, "timeout_ms": 1, "max_retries": 0 });
    call("hello", &few).await.assert_problem(400, "request_invalid");
    world.post("/v1/plugins/hello:disable").send().await.assert_ok();
    call("hello", &hello("Ada")).await.assert_problem(422, "plugin_not_enabled");
    assert_eq!(world.event_count(), before + 5, "each refusal is recorded, and so is the decision");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_runs_out_of_time_is_a_problem_with_its_outcome() {
    let world = World::new().await;
    let plugin_id = world.install("hostile/spin").await;
    let mut body = hello("Ada");
    body["policy"] = json!({ "deterministic_only": false, "timeout_ms": 200, "max_retries": 0 });
    let answered = world.post(&format!("/v1/plugins/{plugin_id}:invoke")).json(&body).send().await;
    let problem = answered.assert_problem(504, "timeout");
    assert_eq!(problem["response"]["status"], "timeout");
    assert_eq!(event_kind(&world, &problem), "ERROR");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_is_left_alone_says_for_how_long() {
    let world = World::new().await;
    let plugin_id = world.install("hostile/trap").await;
    let path = format!("/v1/plugins/{plugin_id}:invoke");
    let mut refused = None;
    for _ in 0..10 {
        let answered = world.post(&path).json(&hello("Ada")).send().await;
        if answered.status.as_u16() != 200 {
            refused = Some(answered);
            break;
        }
    }
    let refused = refused.unwrap();
    refused.assert_problem(429, "circuit_open");
    let seconds: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=30).contains(&seconds), "{seconds}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_malformed_reaches_no_plugin() {
    let world = World::with_plugins().await;
    let before = world.event_count();
    let good = hello("Ada").to_string();
    let bodies = [
        String::new(),
        "{".to_owned(),
        "[]".to_owned(),
        "null".to_owned(),
        "{}".to_owned(),
        good.replace("\"payload\"", "\"payloads\""),
        format!("{}{good}", '\u{feff}'),
        good.replacen('{', "{\"more\":1,", 1),
        good.replacen('{', "{\"request_id\":null,", 1),
        good.replacen('{', "{\"request_id\":\"\",", 1),
        good.replacen('{', &format!("{{\"run_id\":\"{}\",", "x".repeat(129)), 1),
        good.replacen('{', "{\"timestamp\":\"2026-02-30T00:00:00Z\",", 1),
        good.replacen('{', "{\"context\":{\"a\":1},", 1),
        good.replacen('{', "{\"policy\":null,", 1),
        good.replacen('{', "{\"context\":{\"a\":\"1\",\"a\":\"2\"},", 1),
        format!(
            "{{\"payload\":{{\"kind\":\"json\",\"schema_ref\":\"r\",\"data\":{}1{}}}}}",
            "{\"a\":".repeat(70),
            "}".repeat(70)
        ),
        "{\"payload\":{\"kind\":\"json\",\"schema_ref\":\"r\",\"data\":{\"a\":9007199254740993}}}".to_owned(),
        format!("{good}{good}"),
        // Fields in their order, without their names.
        "{\"payload\":[\"text\",\"Ada\",\"utf-8\",{}]}".to_owned(),
        good.replacen('{', "{\"policy\":[false,1000,0],", 1),
    ];
    for body in bodies {
        let call = world.post("/v1/plugins/hello:invoke").body("application/json", body.clone());
        let answered = call.send().await;
        assert_eq!(answered.status.as_u16(), 400, "{body}");
    }
    let latin = world.post("/v1/plugins/hello:invoke").body("application/json", b"{\"payload\":\"\xe9\"}".to_vec());
    latin.send().await.assert_problem(400, "request_invalid");
    for path in [
        "/v1/plugins/Hello:invoke",
        "/v1/plugins/a:invoke",
        "/v1/plugins/hello%00:invoke",
        "/v1/plugins/..%2Fhello:invoke",
        "/v1/plugins/%zz:invoke",
        "/v1/plugins/hello:invoke?x=1",
    ] {
        world.post(path).json(&hello("Ada")).send().await.assert_problem(400, "request_invalid");
    }
    assert_eq!(world.event_count(), before, "nothing was called");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_answers_with_the_evidence_of_each_step() {
    let world = World::with_plugins().await;
    let pipeline = |plugins: &[&str], strategy: &str| {
        let policy =
            json!({ "strategy": strategy, "plugin_ids": plugins, "timeout_ms": 5000, "stop_on_failure": true });
        world.post("/v1/pipelines:invoke").json(&json!({ "policy": policy, "request": hello("Ada") })).send()
    };
    let answer = pipeline(&["hello", "hello"], "chain").await.assert_ok();
    assert_eq!((&answer["overall_status"], &answer["strategy"]), (&json!("ok"), &json!("chain")));
    let steps = answer["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 2);
    for step in steps {
        let event = event(&world, step);
        assert_eq!(
            (event.kind.as_str(), step["event_hash"].as_str()),
            ("RESULT", Some(&*event.event_hash.to_string()))
        );
        assert_eq!(Some(&*event.run_id), answer["run_id"].as_str());
    }
    // It begins, and a step of it is refused.
    let answer = pipeline(&["hello", "nobody"], "sequential").await.assert_ok();
    assert_eq!(
        (&answer["overall_status"], &answer["steps"][1]["reason"]),
        (&json!("rejected"), &json!("plugin_unknown"))
    );
    // It does not begin.
    let problem = pipeline(&[], "sequential").await.assert_problem(422, "pipeline_invalid");
    assert_eq!(event_kind(&world, &problem), "REJECT");
    pipeline(&["hello", "nobody"], "chain").await.assert_problem(404, "plugin_unknown");
    let before = world.event_count();
    for broken in [
        json!({ "policy": {}, "request": hello("Ada") }),
        json!({ "policy": ["sequential", ["hello"], 5000, true], "request": hello("Ada") }),
        json!([{ "strategy": "sequential", "plugin_ids": ["hello"], "timeout_ms": 5000, "stop_on_failure": true }, hello("Ada")]),
    ] {
        world.post("/v1/pipelines:invoke").json(&broken).send().await.assert_problem(400, "request_invalid");
    }
    assert_eq!(world.event_count(), before);
}
