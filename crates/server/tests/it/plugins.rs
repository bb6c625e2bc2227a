//! The list of plugins, one of them, and whether it takes calls.

use serde_json::{Value, json};

use crate::harness::{World, package};

fn ids(page: &Value) -> Vec<String> {
    let plugins = page["plugins"].as_array().unwrap();
    plugins.iter().map(|plugin| plugin["plugin_id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_paged_by_where_the_page_before_ended() {
    let world = World::with_plugins().await;
    world.register(package("examples/headline")).await;
    world.register(package("examples/csv-profile")).await;
    let all = ids(&world.get("/v1/plugins").send().await.assert_ok());
    assert_eq!(all, ["csv-profile", "headline", "hello", "text-stats"]);
    for limit in [1, 2, 3, 4] {
        let (mut found, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let page = world.get(&format!("/v1/plugins?limit={limit}{cursor}")).send().await.assert_ok();
            found.extend(ids(&page));
            pages += 1;
            assert!(pages < 9);
            let Some(next) = page["next"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(found, all, "{limit}");
    }
    let narrow = world.token("narrow", &[omega_gateway::contract::Scope::Read], &["text-*"]).await;
    let page = world.get("/v1/plugins?limit=1").token(&narrow).send().await.assert_ok();
    assert_eq!(ids(&page), ["text-stats"], "found beyond rows that are not shown");
    world.post("/v1/plugins/hello:disable").send().await.assert_ok();
    let listed = async |query: &str| ids(&world.get(&format!("/v1/plugins?{query}")).send().await.assert_ok());
    assert_eq!(listed("status=disabled").await, ["hello"]);
    assert_eq!(listed("status=registered&lane=wasm").await, ["csv-profile", "headline"]);
    assert_eq!(listed("lane=worker").await, Vec::<String>::new());
    assert_eq!(listed("plugin=hello").await, ["hello"]);
    for query in [
        "limit=0",
        "limit=1001",
        "limit=a",
        "offset=1",
        "status=Enabled",
        "lane=",
        "plugin=A",
        "cursor=",
        "cursor=x",
        "cursor=hello@1.0.0@00",
        "limit=1&limit=1",
        "%ff=1",
        "limit",
    ] {
        world.get(&format!("/v1/plugins?{query}")).send().await.assert_problem(400, "request_invalid");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_is_told_with_what_it_may() {
    let world = World::with_plugins().await;
    let details = world.get("/v1/plugins/hello").send().await.assert_ok();
    assert_eq!(details["plugin"]["status"], "enabled");
    assert_eq!(details["manifest"]["plugin_id"], "hello");
    assert_eq!(details["effective_capabilities"], details["manifest"]["capabilities"]);
    let version = details["plugin"]["version"].as_str().unwrap();
    assert_eq!(details["versions"], json!([{ "version": version, "status": "enabled" }]));
    world.get(&format!("/v1/plugins/hello?version={version}")).send().await.assert_ok();
    world.get("/v1/plugins/hello?version=9.9.9").send().await.assert_problem(404, "plugin_unknown");
    world.get("/v1/plugins/nobody").send().await.assert_problem(404, "plugin_unknown");
    world.get("/v1/plugins/hello?version=9").send().await.assert_problem(400, "request_invalid");
    world.get("/v1/plugins/No").send().await.assert_problem(400, "request_invalid");
    // What a grant is bounded by is the host's own.
    let admin = world.gateway.admin();
    let params = json!({ "folder": world.folder().join("data") });
    let grant = json!({ "plugin_id": "hello", "major_version": 1, "capability": "fs_read", "params": params });
    admin.grant(serde_json::from_value(grant).unwrap()).await.unwrap();
    let told = world.get("/v1/plugins/hello").send().await;
    assert_eq!(told.assert_ok()["grants"][0]["capability"], "fs_read");
    assert!(!String::from_utf8_lossy(&told.bytes).contains(world.folder().to_str().unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn enabling_and_disabling_are_decisions_of_the_tokens_holder() {
    let world = World::with_plugins().await;
    let publisher = world.token("publisher", &[omega_gateway::contract::Scope::Publish], &[]).await;
    let before = world.event_count();
    let change = |path: &'static str| world.post(path).token(&publisher);
    assert_eq!(change("/v1/plugins/hello:disable").send().await.assert_ok()["status"], "disabled");
    assert_eq!(change("/v1/plugins/hello:disable").send().await.assert_ok()["status"], "disabled");
    assert_eq!(change("/v1/plugins/hello:enable").json(&json!({})).send().await.assert_ok()["status"], "enabled");
    assert_eq!(change("/v1/plugins/hello:enable").send().await.assert_ok()["status"], "enabled");
    let decided: Vec<_> = world.events().split_off(before);
    let of_lifecycle: Vec<&str> =
        decided.iter().filter(|event| event.run_id == "system").map(|event| event.kind.as_str()).collect();
    assert_eq!(of_lifecycle, ["DISABLE", "ENABLE"], "each once");
    // An outcome names nobody: its intent does.
    let named = decided.iter().filter(|event| matches!(event.kind.as_str(), "INVOKE" | "ENABLE" | "DISABLE"));
    assert!(named.clone().count() > 2 && named.clone().all(|event| event.meta["actor"] == "publisher"));
    change("/v1/plugins/nobody:enable").send().await.assert_problem(404, "plugin_unknown");
    change("/v1/plugins/nobody:disable").send().await.assert_problem(404, "plugin_unknown");
    change("/v1/plugins/hello:enable")
        .json(&json!({ "version": "9.9.9" }))
        .send()
        .await
        .assert_problem(404, "plugin_unknown");
    let before = world.event_count();
    for body in
        [json!({ "version": null }), json!({ "version": "1" }), json!({ "force": true }), json!([]), json!(null)]
    {
        change("/v1/plugins/hello:enable").json(&body).send().await.assert_problem(400, "request_invalid");
    }
    change("/v1/plugins/hello:disable")
        .json(&json!({ "version": "1.0.0" }))
        .send()
        .await
        .assert_problem(400, "request_invalid");
    change("/v1/plugins/hello:enable").body("text/plain", "{}").send().await.assert_problem(415, "request_invalid");
    change("/v1/plugins/hello:enable?force=1").send().await.assert_problem(400, "request_invalid");
    assert_eq!(world.event_count(), before, "nothing was decided");
}
