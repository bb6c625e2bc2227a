//! T9, stress: 100 plugins, listed in a stable order; 50 calls one after the other, 20 at once; then 10,000
//! calls of 256 callers, with evidence for each.

use std::collections::BTreeSet;
use std::sync::Arc;

use omega_contract::{EventKind, Payload, PipelinePolicy, PipelineStrategy, Status};
use omega_gateway::{Page, PluginFilter, request};

use crate::harness::{Bench, edit, id, package, run};

const PLUGINS: usize = 100;
const SEQUENTIAL_CALLS: usize = 50;
const FAN_OUT: usize = 20;
const CALLS: usize = 10_000;
const CALLERS: usize = 256;

fn plugin_id(n: usize) -> String {
    format!("plugin-{n:03}")
}

/// A small package of its own id, with the program of `hello`.
fn numbered(n: usize) -> std::collections::BTreeMap<String, Arc<[u8]>> {
    let mut files = package("examples/hello");
    edit(&mut files, |manifest| {
        manifest["plugin_id"] = plugin_id(n).into();
        // Time for 256 callers on a slow machine: this is about evidence, not about speed.
        manifest["limits"]["max_ms"] = 60_000.into();
        for way in ["inputs", "outputs"] {
            manifest["io"][way][0]["schema_ref"] = format!("schemas/{way}.schema.json").into();
        }
    });
    files.retain(|path, _| !path.starts_with("examples/"));
    for way in ["inputs", "outputs"] {
        files.insert(format!("schemas/{way}.schema.json"), Arc::from(br#"{"type":"object"}"#.as_slice()));
    }
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_plugins() {
    let bench = Bench::with_config("durability = 'relaxed'").await;
    // Registered in an order that is not that of their ids.
    for n in (0..PLUGINS).map(|n| n * 37 % PLUGINS) {
        bench.register(&numbered(n)).await.unwrap();
    }
    let expect: Vec<String> = (0..PLUGINS).map(plugin_id).collect();
    let listed = |bench: &Bench, page: &Page| -> Vec<omega_contract::PluginInfo> {
        bench.gateway.list_plugins(&PluginFilter::default(), page).unwrap()
    };
    let ids = |infos: &[omega_contract::PluginInfo]| -> Vec<String> {
        infos.iter().map(|info| info.plugin_id.to_string()).collect()
    };
    assert_eq!(ids(&listed(&bench, &Page::first(1_000))), expect);
    let mut page = Page::first(30);
    let mut paged = Vec::new();
    loop {
        let rows = listed(&bench, &page);
        let Some(last) = rows.last() else { break };
        page.after = Some((last.plugin_id.clone(), last.version.clone(), last.package_digest));
        paged.extend(ids(&rows));
    }
    assert_eq!(paged, expect, "page by page");

    let fan: Vec<_> = (0..FAN_OUT).map(|n| id(&plugin_id(n * 5))).collect();
    for plugin in &fan {
        bench.gateway.enable_plugin(plugin, None).await.unwrap();
    }
    for n in 0..SEQUENTIAL_CALLS {
        let answer = bench.text(&fan[n % FAN_OUT], &format!("caller {n}")).await;
        assert_eq!(answer.response.status, Status::Ok, "{}", answer.response.notes);
    }
    let policy = PipelinePolicy {
        strategy: PipelineStrategy::FanOut,
        plugin_ids: fan,
        timeout_ms: 60_000,
        stop_on_failure: true,
    };
    let asked = request(Payload::text("all at once"));
    let run_id = asked.run_id.clone();
    let answer = bench.gateway.invoke_pipeline(&policy, asked).await.unwrap();
    assert_eq!((answer.response.steps.len(), answer.response.overall_status), (FAN_OUT, Status::Ok));
    bench.assert_evidence_whole(&run_id);
    assert_eq!(bench.kinds(&run_id).len(), 2 * FAN_OUT);

    let bench = bench.reopened().await;
    assert_eq!(ids(&listed(&bench, &Page::first(1_000))), expect, "after a restart");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_calls_of_256_callers() {
    let toml = "durability = 'relaxed'\n[quotas]\nqueue_wait_ms_max = 60000";
    let bench = Bench::with_config(toml).await;
    let mut files = numbered(0);
    edit(&mut files, |manifest| manifest["evidence"]["log_level"] = "summary".into());
    let plugin = bench.install_files(&files).await;
    let next = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let callers = (0..CALLERS).map(|_| {
        let (gateway, plugin, next) = (bench.gateway.clone(), plugin.clone(), Arc::clone(&next));
        tokio::spawn(async move {
            let mut outcomes = Vec::new();
            loop {
                let n = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                if n >= CALLS {
                    return outcomes;
                }
                let mut asked = request(Payload::text(format!("caller {n}")));
                asked.run_id = run("stress");
                let answer = gateway.invoke(&plugin, asked).await.unwrap();
                assert_eq!(answer.response.status, Status::Ok, "{}", answer.response.notes);
                let Some(Payload::Text(text)) = answer.response.result else { panic!("call {n} has no text") };
                assert!(text.content.contains(&format!("caller {n}")), "{}", text.content);
                outcomes.push(answer.event_index);
            }
        })
    });
    let mut indexes = BTreeSet::new();
    for caller in futures_util::future::join_all(callers).await {
        for index in caller.unwrap() {
            assert!(indexes.insert(index), "two answers name event {index}");
        }
    }
    assert_eq!(indexes.len(), CALLS);

    // The evidence: as many INVOKEs as RESULTs, each result where its answer says, the whole chain good.
    let (home, _folder) = bench.closed();
    let segments = std::fs::read_dir(home.ledger_dir()).unwrap().map(|entry| entry.unwrap().path());
    let mut segments: Vec<_> = segments.filter(|path| path.extension().is_some_and(|e| e == "ndjson")).collect();
    segments.sort();
    let text: String = segments.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let of = |kind: EventKind| {
        let kind = format!("\"kind\":\"{kind}\"");
        let lines = (0_u64..).zip(text.lines());
        lines
            .filter(|(_, line)| line.contains(&kind) && line.contains("\"run_id\":\"stress\""))
            .map(|(n, _)| n)
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(of(EventKind::Invoke).len(), CALLS);
    assert!(of(EventKind::Result) == indexes, "each result stands where its answer says");
    let verdict = omega_ledger::verify(
        &home.ledger_dir(),
        &home.log_verifier_key().unwrap(),
        omega_ledger::Strictness::Strict,
        |_| {},
    )
    .unwrap();
    assert_eq!(verdict.events, text.lines().count() as u64);
}
