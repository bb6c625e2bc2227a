//! Runs, events, proofs, the checkpoint and the tree.

use omega_gateway::contract::{ProofBundle, Sha256Hex};
use omega_gateway::proof::bundle::verify_bundle;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::harness::{World, hello};

async fn call(world: &World, run: &str) {
    let mut body = hello("Ada");
    body["run_id"] = run.into();
    world.post("/v1/plugins/hello:invoke").json(&body).send().await.assert_ok();
}

fn indexes(page: &Value) -> Vec<u64> {
    page["events"].as_array().unwrap().iter().map(|placed| placed["index"].as_u64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_found_and_paged() {
    let world = World::with_plugins().await;
    for _ in 0..3 {
        call(&world, "one").await;
    }
    call(&world, "a/b:c d").await;
    let total = world.event_count() as u64;
    let get = async |query: &str| world.get(&format!("/v1/ledger/events?{query}")).send().await.assert_ok();
    let all: Vec<u64> = (0..total).collect();
    assert_eq!(indexes(&get("limit=1000").await), all);
    assert_eq!(indexes(&get("order=desc&limit=2").await), [total - 1, total - 2]);
    assert_eq!(indexes(&get("from=2&to=4").await), [2, 3]);
    assert_eq!(indexes(&get("from=4&to=2").await), Vec::<u64>::new());
    assert_eq!(indexes(&get(&format!("from={}", u64::MAX >> 11)).await), Vec::<u64>::new());
    for order in ["asc", "desc"] {
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = get(&format!("limit=3&order={order}{cursor}")).await;
            found.extend(indexes(&page));
            let Some(next) = page["next"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        found.sort_unstable();
        assert_eq!(found, all, "{order}");
    }
    let kinds = get("kind=INVOKE&kind=RESULT&run=one&plugin=hello").await;
    let kinds: Vec<&str> =
        kinds["events"].as_array().unwrap().iter().map(|placed| placed["event"]["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["INVOKE", "RESULT", "INVOKE", "RESULT", "INVOKE", "RESULT"]);
    for query in [
        "kind=invoke",
        "kind=INVOKE&kind=INVOKE",
        "kind=",
        "from=-1",
        "from=1.5",
        "to=x",
        "order=up",
        "cursor=1",
        "cursor=-",
        "cursor=1-x",
        "since=1",
        "run=",
        "plugin=%2e%2e",
        "limit=0",
    ] {
        world.get(&format!("/v1/ledger/events?{query}")).send().await.assert_problem(400, "request_invalid");
    }

    let run = world.get("/v1/runs/a%2Fb%3Ac%20d").send().await.assert_ok();
    assert_eq!(run["events"].as_array().unwrap().len(), 2);
    let first = world.get("/v1/runs/one?limit=4").send().await.assert_ok();
    let rest =
        world.get(&format!("/v1/runs/one?limit=4&cursor={}", first["next"].as_str().unwrap())).send().await.assert_ok();
    assert_eq!((first["events"].as_array().unwrap().len(), rest["events"].as_array().unwrap().len()), (4, 2));
    world.get("/v1/runs/none").send().await.assert_problem(404, "run_unknown");
    for odd in ["%00", "..%2F..%2Fetc%2Fpasswd", "%2e%2e", "'%20OR%201=1--"] {
        world.get(&format!("/v1/runs/{odd}")).send().await.assert_problem(404, "run_unknown");
    }
    world.get("/v1/runs/%ff").send().await.assert_problem(400, "request_invalid");
    world.get(&format!("/v1/runs/{}", "x".repeat(129))).send().await.assert_problem(400, "request_invalid");
    world.get("/v1/runs/a:b").send().await.assert_problem(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_verifies_as_it_was_sent() {
    let world = World::with_plugins().await;
    call(&world, "one").await;
    let answered = world.post("/v1/runs/one:export-proof").send().await;
    answered.assert_ok();
    let bundle: ProofBundle = serde_json::from_slice(&answered.bytes).unwrap();
    let key = world.home.log_verifier_key().unwrap();
    verify_bundle(&answered.bytes, &[key], &[]).unwrap();
    assert_eq!(bundle.events.last().unwrap().meta["actor"], "all");
    let before = world.event_count();
    world.post("/v1/runs/none:export-proof").send().await.assert_problem(404, "run_unknown");
    world.post("/v1/runs/one:export-proof?x=1").send().await.assert_problem(400, "request_invalid");
    world.post("/v1/runs/one:export").send().await.assert_problem(404, "not_found");
    assert_eq!(world.event_count(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tree_leads_to_the_checkpoint() {
    let world = World::with_plugins().await;
    call(&world, "one").await;
    world.gateway.admin().checkpoint().await.unwrap();
    let note = world.get("/v1/ledger/checkpoint").send().await;
    assert_eq!(note.header("content-type"), "text/plain; charset=utf-8");
    let text = String::from_utf8(note.bytes.to_vec()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let size: u64 = lines[1].parse().unwrap();
    assert_eq!(size, world.event_count() as u64);
    let tile = world.get(&format!("/v1/ledger/tile/0/000.p/{size}")).send().await;
    assert_eq!((tile.status.as_u16(), tile.header("content-type")), (200, "application/octet-stream"));
    assert_eq!(tile.header("cache-control"), "no-store", "it will grow");
    let entries = world.get(&format!("/v1/ledger/tile/entries/000.p/{size}")).send().await;
    let hashes: Vec<Sha256Hex> = world.events().iter().map(|event| event.event_hash).collect();
    let expect: Vec<u8> = hashes.iter().flat_map(|hash| [&[0, 32][..], hash.as_bytes()].concat()).collect();
    assert!(entries.bytes == expect);
    let leaves: Vec<[u8; 32]> = hashes
        .iter()
        .map(|hash| Sha256::new().chain_update([0]).chain_update(hash.as_bytes()).finalize().into())
        .collect();
    assert!(tile.bytes == leaves.concat());

    // A prefix is a tile as well; what the tree does not have is none.
    assert_eq!(world.get("/v1/ledger/tile/0/000.p/1").send().await.bytes.len(), 32);
    for path in [
        format!("0/000.p/{}", size + 1),
        "0/000".into(),
        "0/001.p/1".into(),
        "1/000.p/1".into(),
        "7/000".into(),
        "0/x001/000".into(),
        "63/000".into(),
        "entries/000".into(),
        format!("entries/000.p/{}", size + 1),
        "0/x999/x999/x999/x999/x999/x999/x999/999".into(),
        "00/000".into(),
        "0/000.p/01".into(),
        "0/x000/000".into(),
    ] {
        world.get(&format!("/v1/ledger/tile/{path}")).send().await.assert_problem(404, "not_found");
    }
    for path in [
        "0/000.p/256",
        "64/000",
        "-1/000",
        "0%2F000/000",
        "data/000",
        "0/000.p/0x1",
        "..%2f..%2f/000",
        "%2e%2e/000",
        "0%00/000",
    ] {
        let answered = world.get(&format!("/v1/ledger/tile/{path}")).send().await;
        assert!(matches!(answered.status.as_u16(), 400 | 404), "{path}: {answered:?}");
    }
    for path in [
        "0/../../checkpoint",
        "0/0",
        "0/0000",
        "0//000",
        "0/000/",
        "0/000.p/",
        "0/000.p",
        "/000",
        "../synced",
        "0/000.p/1/2",
        "0/%30%30%30",
    ] {
        world.get(&format!("/v1/ledger/tile/{path}")).send().await.assert_problem(404, "not_found");
    }
    world.get("/v1/ledger/checkpoint?x").send().await.assert_problem(400, "request_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_tile_never_changes_and_is_kept() {
    let world = World::with_plugins().await;
    let refused = (0..256).map(|_| world.post("/v1/plugins/nobody:invoke").json(&hello("Ada")).send());
    for refused in futures_util::future::join_all(refused).await {
        refused.assert_problem(404, "plugin_unknown");
    }
    world.gateway.admin().checkpoint().await.unwrap();
    let tile = world.get("/v1/ledger/tile/0/000").send().await;
    assert_eq!((tile.bytes.len(), tile.header("cache-control")), (8_192, "private, max-age=31536000, immutable"));
    assert_eq!(world.get("/v1/ledger/tile/entries/000").send().await.bytes.len(), 256 * 34);
    assert_eq!(world.get("/v1/ledger/tile/1/000.p/1").send().await.bytes.len(), 32);
    world.get("/v1/ledger/tile/1/001.p/1").send().await.assert_problem(404, "not_found");
    let exported = world.folder().join("static");
    omega_gateway::ledger::export_static(&world.home.ledger_dir(), &world.home.log_verifier_key().unwrap(), &exported)
        .unwrap();
    for path in ["tile/0/000", "tile/entries/000", "tile/1/000.p/1"] {
        let served = world.get(&format!("/v1/ledger/{path}")).send().await;
        assert!(served.bytes == std::fs::read(exported.join(path)).unwrap(), "{path}");
    }
}
