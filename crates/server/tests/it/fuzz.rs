//! Arbitrary requests: never a fault of the server's own, never an answer that the document does not name.

use std::sync::Arc;

use axum::http::Method;
use omega_server::http::ROUTES;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::harness::{World, hello};

fn with_world(cases: u32, each: impl Fn(&World, &mut TestRunner, &tokio::runtime::Runtime)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let world = runtime.block_on(World::with_plugins());
    let config = Config { failure_persistence: None, ..Config::with_cases(cases) };
    each(&world, &mut TestRunner::new(config), &runtime);
    drop(world);
}

/// Bytes that are nothing, and bytes that are almost something.
fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let call = hello("Ada").to_string().into_bytes();
    let almost =
        (Just(call), any::<prop::sample::Index>(), any::<u8>(), any::<bool>()).prop_map(|(mut call, at, byte, cut)| {
            let at = at.index(call.len());
            if cut {
                call.truncate(at);
            } else {
                call[at] = byte;
            }
            call
        });
    let json_like = r#"[\[\]{}",:0-9eE+\-.\\unta ]{0,64}"#.prop_map(String::into_bytes);
    let known = prop::sample::select(vec![
        "{}",
        "null",
        "[]",
        r#"{"version":"1.0.0"}"#,
        r#"{"payload":{}}"#,
        r#"{"policy":{},"request":{}}"#,
    ]);
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..512),
        almost,
        json_like,
        known.prop_map(|text| text.as_bytes().to_vec()),
    ]
}

#[test]
fn arbitrary_bodies_are_refused_or_served() {
    with_world(200, |world, runner, runtime| {
        let paths: Vec<(Method, String)> = ROUTES
            .iter()
            .filter(|route| route.method == Method::POST || route.method == Method::PUT)
            .map(|route| {
                let path = route.path.replace("{plugin_id}", "text-stats").replace("{run_id}", "run");
                (route.method.clone(), path.replace("{sha256}", &"0".repeat(64)))
            })
            .collect();
        let types = prop::sample::select(vec![
            "application/json",
            "application/x-tar",
            "application/octet-stream",
            "text/plain",
            "",
        ]);
        let strategy = (prop::sample::select(paths), types, bodies());
        let outcome = runner.run(&strategy, |((method, path), media_type, body)| {
            let answered = runtime.block_on(world.ask(method, &path).body(media_type, body).send());
            prop_assert!(!answered.status.is_server_error(), "{path}: {answered:?}");
            Ok(())
        });
        outcome.unwrap();
    });
}

#[test]
fn arbitrary_paths_and_queries_lead_nowhere_else() {
    with_world(400, |world, runner, runtime| {
        let world = Arc::new(world);
        let files = std::fs::read_to_string(world.home.path().join("home.json")).unwrap();
        let segment = r"(v1|plugins|runs|ledger|tile|events|artifacts|\.\.|\.|%2e%2e|%00|%2f|entries|000|0|hello|hello:invoke|[!-~]{0,6})";
        let path = prop::collection::vec(segment, 1..6).prop_map(|segments| format!("/{}", segments.join("/")));
        let known = prop::sample::select(ROUTES.iter().map(|route| route.path.to_owned()).collect::<Vec<_>>());
        let known = (known, "[!-~]{1,12}").prop_map(|(path, value)| {
            path.split('{')
                .map(|part| part.split_once('}').map_or_else(|| part.to_owned(), |(_, rest)| value.clone() + rest))
                .collect::<String>()
        });
        let query = r"(\?[a-z=&0-9%+\-]{0,24})?";
        let methods = prop::sample::select(vec![Method::GET, Method::POST, Method::HEAD, Method::PUT, Method::OPTIONS]);
        let outcome = runner.run(&(methods, prop_oneof![path, known], query), |(method, path, query)| {
            let Ok(uri) = format!("{path}{query}").parse::<axum::http::Uri>() else { return Ok(()) };
            let answered = runtime.block_on(world.ask(method, &uri.to_string()).send());
            prop_assert!(!answered.status.is_server_error(), "{uri}: {answered:?}");
            prop_assert!(!answered.bytes.windows(files.len()).any(|window| window == files.as_bytes()));
            Ok(())
        });
        outcome.unwrap();
    });
}
