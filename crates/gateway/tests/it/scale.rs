//! A home of many plugins: what opening, listing and registering many at once must hold, whatever their number.
//! Their figures come from `cargo bench -p omega-gateway --bench scale`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;

use omega_contract::{ErrorCode, EventKind, PluginInfo, Status};
use omega_gateway::{Gateway, GatewayError, OpenOptions, OperatorKey, Page, PluginFilter};
use omega_validator::PackageFiles;

use crate::harness::{Bench, edit, package, run, signed};

type Files = BTreeMap<String, Arc<[u8]>>;

/// The program of `hello` under another id and version.
fn named(plugin_id: &str, version: &str, description: &str) -> Files {
    let mut files = package("examples/hello");
    edit(&mut files, |manifest| {
        manifest["plugin_id"] = plugin_id.into();
        manifest["version"] = version.into();
        manifest["description"] = description.into();
        for (way, name) in [("inputs", "input:name"), ("outputs", "output:greeting")] {
            manifest["io"][way][0]["schema_ref"] = format!("omega:{plugin_id}:{name}:v1.0.0").into();
        }
    });
    files
}

async fn at_once(gateway: &Gateway, packages: Vec<PackageFiles>) -> Vec<Result<PluginInfo, GatewayError>> {
    let tasks: Vec<_> = packages
        .into_iter()
        .map(|files| {
            let gateway = gateway.clone();
            tokio::spawn(async move { gateway.register_plugin(files).await })
        })
        .collect();
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.push(task.await.unwrap());
    }
    outcomes
}

fn listed(bench: &Bench) -> Vec<PluginInfo> {
    bench.gateway.list_plugins(&PluginFilter::default(), &Page::first(1_000)).unwrap()
}

fn kinds_of_system(bench: &Bench, kind: EventKind) -> usize {
    bench.kinds(&run("system")).into_iter().filter(|found| *found == kind).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn opening_and_listing_touch_no_package() {
    let bench = Bench::new().await;
    let plugin = bench.install("examples/hello").await;
    let (home, _folder) = bench.closed();
    for part in ["blobs", "packages", "signatures"] {
        fs::remove_dir_all(home.store_dir().join(part)).unwrap();
    }
    fs::remove_file(home.path().join("cache")).unwrap();
    let gateway = Gateway::open(&home, OpenOptions::default()).await.unwrap();
    let plugins = gateway.list_plugins(&PluginFilter::default(), &Page::first(10)).unwrap();
    assert_eq!(plugins.iter().map(|info| &info.plugin_id).collect::<Vec<_>>(), [&plugin]);
    assert!(!home.wasm_cache_dir().exists(), "no engine was started for that");
    // What is missing is found by the call that needs it, and it fails closed.
    let request = omega_gateway::request(omega_contract::Payload::text("Ada"));
    let run_id = request.run_id.clone();
    let answer = gateway.invoke(&plugin, request).await.unwrap();
    assert_eq!((answer.response.status, answer.reason), (Status::Rejected, Some(ErrorCode::PackageDigestMismatch)));
    let query = omega_ledger::Query { run_id: Some(run_id), ..omega_ledger::Query::default() };
    let events = gateway.admin().events(&query).unwrap().events;
    assert_eq!(events.iter().map(|placed| placed.event.kind).collect::<Vec<_>>(), [EventKind::Reject]);
}

#[tokio::test(flavor = "multi_thread")]
async fn registrations_at_once_are_each_journalled_once() {
    let bench = Bench::new().await;
    let key = bench.key();
    let packages: Vec<PackageFiles> =
        (0..24).map(|n| signed(&named(&format!("plugin-{n:02}"), "1.0.0", ""), &key)).collect();
    // Each of them three times over.
    let thrice = packages.iter().chain(&packages).chain(&packages).cloned().collect();
    for outcome in at_once(&bench.gateway, thrice).await {
        outcome.unwrap();
    }
    assert_eq!(listed(&bench).len(), packages.len());
    assert_eq!(kinds_of_system(&bench, EventKind::Register), packages.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_claim_one_version_at_once_one_is_admitted() {
    let bench = Bench::new().await;
    let key = bench.key();
    for round in 0..8 {
        let plugin_id = format!("plugin-{round}");
        let packages = ["one", "other"].map(|text| signed(&named(&plugin_id, "1.0.0", text), &key)).to_vec();
        let outcomes = at_once(&bench.gateway, packages).await;
        let codes: BTreeSet<_> = outcomes.iter().map(|outcome| outcome.as_ref().err().map(|e| e.code)).collect();
        assert_eq!(codes, [None, Some(ErrorCode::VersionConflict)].into());
    }
}

/// What is checked before its turn must still hold when it is journalled.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_registered_after_its_key_was_revoked() {
    let bench = Bench::new().await;
    let key = OperatorKey::generate().unwrap();
    let admin = bench.gateway.admin();
    let trusted = admin.trust_key(&key.public().to_pem(), "publisher", Vec::new(), None).await.unwrap();
    let packages = (0..40).map(|n| signed(&named(&format!("plugin-{n:02}"), "1.0.0", ""), &key)).collect();
    let revoking = async {
        // Some are registered by then, and others are under way.
        while listed(&bench).is_empty() {
            tokio::task::yield_now().await;
        }
        admin.revoke_key(&trusted.key_id).await.unwrap();
    };
    let (outcomes, ()) = tokio::join!(at_once(&bench.gateway, packages), revoking);
    let events = bench.events(&run("system"));
    let revoked = events.iter().position(|event| event.meta.get("action").is_some_and(|action| action == "revoke_key"));
    let (_, after) = events.split_at(revoked.unwrap());
    assert!(after.iter().all(|event| event.kind != EventKind::Register), "registered with a revoked key");
    let refused = outcomes.iter().filter(|outcome| outcome.is_err()).count();
    assert!(refused > 0, "all were registered before the key was revoked: this shows nothing");
    assert_eq!(listed(&bench).iter().filter(|info| info.signature_valid).count(), outcomes.len() - refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn builds_of_one_version_do_not_lock_the_home() {
    let bench = Bench::new().await;
    for version in ["1.0.0+a", "1.0.0+b"] {
        bench.register(&named("hello", version, version)).await.unwrap();
    }
    let bench = bench.reopened().await;
    let versions: Vec<String> = listed(&bench).iter().map(|info| info.version.to_string()).collect();
    assert_eq!(versions, ["1.0.0+a", "1.0.0+b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_registry_is_made_anew_from_the_ledger() {
    let bench = Bench::new().await;
    bench.install("examples/hello").await;
    bench.register(&named("other", "1.0.0", "")).await.unwrap();
    let before = listed(&bench);
    let (home, _folder) = bench.closed();
    let damage = |from: usize| {
        let mut bytes = fs::read(home.registry_file()).unwrap();
        bytes[from..].fill(0xa5);
        fs::write(home.registry_file(), bytes).unwrap();
    };
    let list = |gateway: &Gateway| gateway.list_plugins(&PluginFilter::default(), &Page::first(10));
    // All of it, and all but the first page, which alone still says that this is a database.
    for from in [0, 4_096] {
        damage(from);
        let gateway = Gateway::open(&home, OpenOptions::default()).await.unwrap();
        assert_eq!(list(&gateway).unwrap(), before, "damaged from byte {from}");
        assert!(gateway.admin().rebuild_registry().await.unwrap().identical);
    }
}
