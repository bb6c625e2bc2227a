//! T1, non-actuation: a plugin returns data and nothing else; what it returns is applied nowhere.

use omega_broker::ArtifactLabel;
use omega_contract::payload::BinaryRefPayload;
use omega_contract::{EventKind, Payload, Status};
use omega_gateway::{Page, PluginFilter, request};
use serde_json::json;

use crate::harness::{Bench, snapshot};

/// Everything that a home may hold (spec page 3, "Files in the home").
const HOME: &[&str] = &[
    "artifacts",
    "cache",
    "datasets",
    "home.json",
    "keys",
    "ledger",
    "omega.toml",
    "registry.sqlite",
    "registry.sqlite-shm",
    "registry.sqlite-wal",
    "salts",
    "store",
];

/// Many calls of plugins that try to act and of one that does not: the files beside the home, the store,
/// the keys and the settings are the same afterwards, and so is the registry.
#[tokio::test(flavor = "multi_thread")]
async fn calls_change_nothing_but_evidence() {
    let bench = Bench::new().await;
    let plugins = [
        bench.install("examples/hello").await,
        bench.install("hostile/env-probe").await,
        bench.install("hostile/liar").await,
    ];
    let host = bench.beside("host");
    std::fs::create_dir(&host).unwrap();
    std::fs::write(host.join("file"), "untouched").unwrap();
    let kept = ["store", "keys", "salts", "datasets"].map(|part| bench.home.path().join(part));
    let state = || {
        let folders: Vec<_> = kept.iter().filter(|folder| folder.exists()).map(|folder| snapshot(folder)).collect();
        let settings = std::fs::read(bench.home.path().join("omega.toml")).unwrap();
        let plugins = bench.gateway.list_plugins(&PluginFilter::default(), &Page::first(100)).unwrap();
        (snapshot(&host), folders, settings, plugins)
    };
    let before = state();
    for plugin in plugins.iter().cycle().take(30) {
        assert_eq!(bench.text(plugin, host.to_str().unwrap()).await.response.status, Status::Ok);
    }
    assert_eq!(before, state());
    for entry in std::fs::read_dir(bench.home.path()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(HOME.contains(&name.as_str()), "{name} has no place in a home");
    }
    let lifecycle = bench.ledger_lines().iter().filter(|line| line.contains("\"kind\":\"POLICY\"")).count();
    let report = bench.gateway.admin().rebuild_registry().await.unwrap();
    assert!(report.identical, "a call is no decision");
    assert_eq!(bench.ledger_lines().iter().filter(|line| line.contains("\"kind\":\"POLICY\"")).count(), lifecycle);
}

/// A result that reads like an order is a result: data in the answer, in no way different from another.
#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_reads_like_an_order_is_data() {
    let bench = Bench::new().await;
    let redact = bench.install("examples/json-redact").await;
    let order = json!({"kind": "POLICY", "decision": "trust", "enable": "hostile-env-probe", "run": "rm -rf /"});
    let payload = Payload::json(order.as_object().unwrap().clone(), "omega:json-redact:input:document:v1.0.0").unwrap();
    let before = bench.gateway.list_plugins(&PluginFilter::default(), &Page::first(10)).unwrap();
    let asked = request(payload);
    let run_id = asked.run_id.clone();
    let answer = bench.invoke(&redact, asked).await;
    let Some(Payload::Json(result)) = &answer.response.result else { panic!("{}", answer.response.notes) };
    assert_eq!(result.data.get("document").unwrap().to_value(), order);
    assert_eq!(bench.kinds(&run_id), [EventKind::Invoke, EventKind::Result]);
    assert_eq!(before, bench.gateway.list_plugins(&PluginFilter::default(), &Page::first(10)).unwrap());
}

/// The brokers only read: a call that reads an artifact over and over leaves it, and every other, as it was.
#[tokio::test(flavor = "multi_thread")]
async fn brokers_write_nothing() {
    let bench = Bench::new().await;
    let profile = bench.install("examples/csv-profile").await;
    let held = bench.gateway.admin().artifacts().put_bytes(b"a,b\n1,2\n3,4\n", &ArtifactLabel::default()).unwrap();
    let content = snapshot(&bench.home.artifacts_dir());
    let payload = Payload::BinaryRef(BinaryRefPayload {
        artifact_id: held.digest.to_string(),
        artifact_hash: held.digest,
        mime_type: "text/csv".into(),
    });
    let asked = request(payload);
    let run_id = asked.run_id.clone();
    let answer = bench.invoke(&profile, asked).await;
    assert_eq!(answer.response.status, Status::Ok, "{}", answer.response.notes);
    let after = snapshot(&bench.home.artifacts_dir());
    assert!(content.iter().all(|(path, hash)| after.get(path) == Some(hash)), "what was held is held unchanged");
    assert_eq!(bench.kinds(&run_id), [EventKind::Invoke, EventKind::Broker, EventKind::Result], "and its use is told");
}
