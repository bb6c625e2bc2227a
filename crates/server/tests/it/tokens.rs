//! Who may do what.

use axum::http::Method;
use omega_gateway::contract::{Clock as _, Scope, Timestamp};
use omega_gateway::{Home, SystemClock};
use omega_server::http::{Access, Operation, ROUTES, Route};

use crate::harness::{Asking, World, hello, package, signed, tar_of};

const SHA256: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

/// A request to a route that is well-formed as far as the path goes.
fn to<'w>(world: &'w World, route: &Route) -> Asking<'w> {
    let path = route
        .path
        .replace("{plugin_id}", "hello")
        .replace("{run_id}", "some-run")
        .replace("{level}", "0")
        .replace("{index}", "000")
        .replace("{width}", "1")
        .replace("{sha256}", SHA256);
    world.ask(route.method.clone(), &path)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_no_access() {
    let world = World::with_plugins().await;
    let before = world.event_count();
    let unknown = format!("omega_{}", "a".repeat(43));
    for route in ROUTES.iter().filter(|route| route.access != Access::Open) {
        let is_head = route.method == Method::HEAD;
        let missing = to(&world, route).no_token().send().await;
        let invalid = to(&world, route).token(&unknown).send().await;
        let (missing_challenge, invalid_challenge) =
            (missing.header("www-authenticate"), invalid.header("www-authenticate"));
        assert_eq!(missing_challenge, r#"Bearer realm="omega""#, "{}", route.id);
        assert_eq!(invalid_challenge, r#"Bearer realm="omega", error="invalid_token""#, "{}", route.id);
        if is_head {
            assert_eq!((missing.status.as_u16(), invalid.status.as_u16()), (401, 401));
        } else {
            missing.assert_problem(401, "token_missing");
            invalid.assert_problem(401, "token_invalid");
        }
    }
    for route in ROUTES.iter().filter(|route| route.access == Access::Open) {
        assert!(to(&world, route).no_token().send().await.status.is_success(), "{}", route.id);
    }
    assert_eq!(world.event_count(), before, "nothing happened");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_taken_from_one_place_in_one_form() {
    let world = World::with_plugins().await;
    let listed = |header: Option<String>, path: &str| {
        let asking = world.get(path).no_token();
        header.iter().fold(asking, |asking, value| asking.header("authorization", value)).send()
    };
    let secret = world.token.clone();
    listed(Some(format!("Bearer {secret}")), "/v1/plugins").await.assert_ok();
    listed(Some(format!("bearer {secret}")), "/v1/plugins").await.assert_ok();
    for refused in [
        format!("Basic {secret}"),
        format!("Bearer{secret}"),
        secret.clone(),
        format!("Bearer {secret} "),
        format!("Bearer {secret}x"),
        format!("Bearer {}", &secret[..secret.len() - 1]),
        format!("Bearer {}", secret.to_uppercase()),
        "Bearer ".to_owned(),
    ] {
        listed(Some(refused), "/v1/plugins").await.assert_problem(401, "token_invalid");
    }
    listed(None, &format!("/v1/plugins?token={secret}")).await.assert_problem(401, "token_missing");
    listed(None, &format!("/v1/plugins?access_token={secret}")).await.assert_problem(401, "token_missing");
    let twice = world.get("/v1/plugins").header("authorization", &format!("Bearer {secret}")).send().await;
    twice.assert_problem(401, "token_invalid");
    world
        .get("/v1/plugins")
        .no_token()
        .header("cookie", &format!("token={secret}"))
        .send()
        .await
        .assert_problem(401, "token_missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_route_takes_its_scope_and_no_other() {
    let world = World::with_plugins().await;
    let before = world.event_count() + 3;
    for scope in Scope::ALL {
        let others: Vec<Scope> = Scope::ALL.into_iter().filter(|other| *other != scope).collect();
        let without = world.token(&format!("without-{scope}"), &others, &[]).await;
        for route in ROUTES {
            let (Access::Scope(needed) | Access::WholeScope(needed)) = route.access else { continue };
            if needed != scope {
                continue;
            }
            let refused = to(&world, route).token(&without).send().await;
            assert_eq!(refused.status.as_u16(), 403, "{}", route.id);
            if route.method != Method::HEAD {
                refused.assert_problem(403, "scope_denied");
            }
        }
    }
    assert_eq!(world.event_count(), before, "three tokens were made, and nothing else happened");
    for scope in Scope::ALL {
        let with = world.token(&format!("with-{scope}"), &[scope], &[]).await;
        for route in ROUTES {
            let (Access::Scope(needed) | Access::WholeScope(needed)) = route.access else { continue };
            if needed == scope {
                let status = to(&world, route).token(&with).send().await.status.as_u16();
                assert!(status != 401 && status != 403, "{} {status}", route.id);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_or_revoked_token_is_none() {
    let world = World::with_plugins().await;
    let now = SystemClock::default().now();
    let soon = Timestamp::from_unix_micros(now.unix_micros() + 300_000);
    let admin = world.gateway.admin();
    let name = "short".parse().unwrap();
    let (_, secret) = admin.create_token(name, Scope::ALL.to_vec(), vec![], Some(soon)).await.unwrap();
    let secret = secret.reveal().to_owned();
    while SystemClock::default().now() <= soon {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let revoked = world.token("revoked", &Scope::ALL, &[]).await;
    world.get("/v1/plugins").token(&revoked).send().await.assert_ok();
    admin.revoke_token(&"revoked".parse().unwrap()).await.unwrap();
    let before = world.event_count();
    let mut told = Vec::new();
    for secret in [&secret, &revoked] {
        let answered = world.post("/v1/plugins/hello:invoke").token(secret).json(&hello("Ada")).send().await;
        told.push(answered.assert_problem(401, "token_invalid"));
    }
    assert_eq!(told[0], told[1], "nothing tells them apart");
    assert_eq!(world.event_count(), before, "nothing was called");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_some_plugins_sees_and_uses_those() {
    let world = World::with_plugins().await;
    let token = world.token("narrow", &Scope::ALL, &["hel*"]).await;
    let whole = world.token.clone();
    let call = |plugin: &str, run: &str, token: &str| {
        let mut body = hello("Ada");
        body["run_id"] = run.into();
        world.post(&format!("/v1/plugins/{plugin}:invoke")).token(token).json(&body).send()
    };
    call("hello", "own", &token).await.assert_ok();
    call("hello", "mixed", &token).await.assert_ok();
    call("text-stats", "mixed", &whole).await;
    call("text-stats", "other", &whole).await;

    // Lists and details.
    let listed = world.get("/v1/plugins").token(&token).send().await.assert_ok();
    let ids: Vec<&str> =
        listed["plugins"].as_array().unwrap().iter().map(|plugin| plugin["plugin_id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["hello"]);
    assert_eq!(world.get("/v1/plugins").send().await.assert_ok()["plugins"].as_array().unwrap().len(), 2);
    world.get("/v1/plugins/hello").token(&token).send().await.assert_ok();
    let before = world.event_count();
    for asking in [
        world.get("/v1/plugins/text-stats"),
        world.post("/v1/plugins/text-stats:invoke").json(&hello("Ada")),
        world.post("/v1/plugins/text-stats:enable"),
        world.post("/v1/plugins/text-stats:disable"),
        world.get("/v1/ledger/events?plugin=text-stats"),
        world.get("/v1/events?plugin=text-stats"),
        world.get(&format!("/v1/artifacts/{SHA256}")),
        world.get("/metrics"),
        world.post("/v1/runs/mixed:export-proof"),
        world.post("/v1/runs/other:export-proof"),
        world.post("/v1/runs/system:export-proof"),
        world.post("/v1/pipelines:invoke").json(&serde_json::json!({
            "policy": { "strategy": "sequential", "plugin_ids": ["hello", "text-stats"], "timeout_ms": 1000, "stop_on_failure": false },
            "request": hello("Ada"),
        })),
    ] {
        asking.token(&token).send().await.assert_problem(403, "scope_denied");
    }
    assert_eq!(world.event_count(), before, "nothing happened, no export either");

    // Runs and events.
    let seen = |page: serde_json::Value| -> Vec<String> {
        let events = page["events"].as_array().unwrap().clone();
        events.iter().map(|placed| placed["event"]["plugin_id"].as_str().unwrap().to_owned()).collect()
    };
    let run = world.get("/v1/runs/mixed").token(&token).send().await.assert_ok();
    assert_eq!(seen(run), ["hello", "hello"]);
    world.get("/v1/runs/other").token(&token).send().await.assert_problem(404, "run_unknown");
    world.get("/v1/runs/none").token(&token).send().await.assert_problem(404, "run_unknown");
    let events = seen(world.get("/v1/ledger/events?limit=1000").token(&token).send().await.assert_ok());
    assert!(!events.is_empty() && events.iter().all(|plugin| plugin == "hello"), "{events:?}");
    assert_eq!(
        seen(world.get("/v1/ledger/events?kind=POLICY").token(&token).send().await.assert_ok()),
        Vec::<String>::new()
    );
    let proof = world.post("/v1/runs/own:export-proof").token(&token).send().await.assert_ok();
    assert_eq!(proof["run_id"], "own");

    // The whole log, in hashes.
    assert!(world.get("/v1/ledger/checkpoint").token(&token).send().await.status.is_success());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_widens_trust_or_grants() {
    let world = World::with_plugins().await;
    let decided = |world: &World| -> Vec<String> {
        let policies = world.events().into_iter().filter(|event| event.kind.as_str() == "POLICY");
        policies.map(|event| event.meta.get("action").cloned().unwrap_or_default()).collect()
    };
    let before = (decided(&world), world.event_count());
    let words =
        ["trust", "key", "grant", "ceiling", "token", "remov", "archiv", "config", "rebuild", "witness", "rotate"];
    for route in ROUTES {
        assert!(!words.iter().any(|word| route.path.contains(word)), "{}", route.path);
        assert!(route.method != Method::DELETE && route.method != Method::PATCH, "{}", route.path);
    }
    // What somebody may try.
    for path in [
        "/v1/keys",
        "/v1/trust",
        "/v1/keys:trust",
        "/v1/grants",
        "/v1/plugins/hello/grants",
        "/v1/tokens",
        "/v1/config",
        "/v1/ceilings",
        "/v1/ledger/archive",
        "/v1/registry:rebuild",
        "/v1/witnesses",
    ] {
        for method in [Method::POST, Method::PUT, Method::GET, Method::DELETE, Method::PATCH] {
            world.ask(method, path).json(&serde_json::json!({})).send().await.assert_problem(404, "not_found");
        }
    }
    for verb in ["grant", "revoke", "trust", "remove", "delete", "archive"] {
        world.post(&format!("/v1/plugins/hello:{verb}")).send().await.assert_problem(404, "not_found");
    }
    world.ask(Method::DELETE, "/v1/plugins/hello").send().await.assert_problem(405, "request_invalid");
    assert_eq!((decided(&world), world.event_count()), before, "nothing was decided");

    // A package that nobody here trusts is refused, and recorded as such.
    let stranger = Home::init(&world.folder().join("stranger"), Timestamp::EPOCH).unwrap().operator_key().unwrap();
    let tar = tar_of(&signed(package("examples/headline"), &stranger));
    let problem =
        world.post("/v1/plugins").body("application/x-tar", tar).send().await.assert_problem(422, "key_untrusted");
    let index = usize::try_from(problem["event_index"].as_u64().unwrap()).unwrap();
    let event = &world.events()[index];
    assert_eq!((event.kind.as_str(), event.meta["actor"].as_str()), ("REJECT", "all"));
    world.post("/v1/plugins/headline:enable").send().await.assert_problem(422, "plugin_rejected");
    assert_eq!(decided(&world), before.0, "nobody was trusted on the way");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_the_actor_of_what_it_does() {
    let world = World::with_plugins().await;
    let token = world.token("ci", &[Scope::Invoke], &[]).await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let called = |trace: &str| {
        world.post("/v1/plugins/hello:invoke").token(&token).header("traceparent", trace).json(&hello("Ada")).send()
    };
    let of = async |trace: &str| {
        let answer = called(trace).await.assert_ok();
        // The outcome names nobody: its intent does.
        let is_intent = |event: &omega_gateway::contract::Event| {
            answer["run_id"] == event.run_id.as_str() && event.kind.as_str() == "INVOKE"
        };
        let event = world.events().into_iter().find(is_intent).unwrap();
        (event.meta["actor"].clone(), event.meta.get("traceparent").cloned())
    };
    assert_eq!(of(trace).await, ("ci".to_owned(), Some(trace.to_owned())));
    assert_eq!(of("00-0-0-0").await, ("ci".to_owned(), None), "as none");
}

#[test]
fn every_operation_but_three_needs_a_token() {
    let open: Vec<Operation> =
        ROUTES.iter().filter(|route| route.access == Access::Open).map(|route| route.operation).collect();
    assert_eq!(open, [Operation::GetOpenApi, Operation::GetHealth, Operation::GetReadiness]);
}
