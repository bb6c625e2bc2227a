//! Requests that are not meant for this server, or that a web page of somebody else's sent.

use axum::http::Method;

use crate::harness::{HOST, World, hello};

const LISTED: &str = "https://console.example";

async fn world() -> World {
    let world = World::with(|options| options.origins = vec![LISTED.to_owned()]).await;
    world.install("examples/hello").await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn only_its_own_names_are_answered() {
    let world = world().await;
    let before = world.event_count();
    for host in [
        "evil.example",
        "evil.example:7077",
        "127.0.0.1",
        "127.0.0.1:80",
        "127.0.0.1:7077.evil.example",
        "localhost",
        "localhost.:7077",
        "user@127.0.0.1:7077",
        "[::1]:7077",
        "2130706433:7077",
        "0.0.0.0:7077",
        "",
    ] {
        let call = world.post("/v1/plugins/hello:invoke").header("host", host).json(&hello("Ada"));
        call.send().await.assert_problem(403, "host_refused");
        world.get("/healthz").header("host", host).send().await.assert_problem(403, "host_refused");
    }
    world.get("/v1/plugins").header("host", "\u{e9}").send().await.assert_problem(400, "request_invalid");
    world
        .get("/v1/plugins")
        .header("host", HOST)
        .header("host", "evil.example")
        .send()
        .await
        .assert_problem(400, "request_invalid");
    // A proxy's form of the request line.
    world.get("http://evil.example/v1/plugins").send().await.assert_problem(403, "host_refused");
    assert_eq!(world.event_count(), before, "nothing was called");
    for host in [HOST, "LOCALHOST:7077"] {
        world.get("/v1/plugins").header("host", host).send().await.assert_ok();
    }
    world.get("http://127.0.0.1:7077/v1/plugins").send().await.assert_ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_origin_gets_nothing() {
    let world = world().await;
    let before = world.event_count();
    let call = || world.post("/v1/plugins/hello:invoke").json(&hello("Ada"));
    for origin in [
        "https://evil.example",
        "null",
        "http://127.0.0.1:7078",
        "https://127.0.0.1:7077",
        "http://127.0.0.1:7077.evil.example",
        "https://console.example.evil.example",
        "http://console.example",
        "https://console.example:444",
        "",
        "*",
    ] {
        let answered = call().header("origin", origin).send().await;
        answered.assert_problem(403, "origin_refused");
        assert!(!answered.headers.contains_key("access-control-allow-origin"), "{origin}");
    }
    for site in ["cross-site", "same-site", "what-may-come"] {
        call().header("sec-fetch-site", site).send().await.assert_problem(403, "origin_refused");
        world.get("/healthz").header("sec-fetch-site", site).send().await.assert_problem(403, "origin_refused");
    }
    let preflight = world.ask(Method::OPTIONS, "/v1/plugins/hello:invoke").no_token();
    let preflight = preflight.header("origin", "https://evil.example").header("access-control-request-method", "POST");
    preflight.send().await.assert_problem(403, "origin_refused");
    assert_eq!(world.event_count(), before, "nothing was called");
    call().header("origin", "http://127.0.0.1:7077").header("sec-fetch-site", "same-origin").send().await.assert_ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listed_origin_may_ask_with_a_token() {
    let world = world().await;
    let preflight = world.ask(Method::OPTIONS, "/v1/plugins/hello:invoke").no_token().header("origin", LISTED);
    let answered = preflight.header("access-control-request-method", "POST").send().await;
    assert_eq!(answered.status.as_u16(), 204);
    assert_eq!(answered.header("access-control-allow-origin"), LISTED);
    assert!(answered.header("access-control-allow-headers").contains("authorization"));
    assert!(!answered.headers.contains_key("access-control-allow-credentials"));
    assert_eq!(answered.header("vary"), "origin");
    let call = || {
        let call = world.post("/v1/plugins/hello:invoke").header("origin", LISTED);
        call.header("sec-fetch-site", "cross-site").json(&hello("Ada"))
    };
    let answered = call().send().await;
    answered.assert_ok();
    assert_eq!(answered.header("access-control-allow-origin"), LISTED);
    call().no_token().send().await.assert_problem(401, "token_missing");
    // No preflight: nobody asked by which method.
    world
        .ask(Method::OPTIONS, "/v1/plugins")
        .header("origin", LISTED)
        .send()
        .await
        .assert_problem(405, "request_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_of_http_is_a_problem() {
    let world = world().await;
    let other = world.ask(Method::DELETE, "/v1/plugins").send().await;
    other.assert_problem(405, "request_invalid");
    assert_eq!(other.header("allow"), "POST, GET");
    let other = world.get("/v1/plugins/hello:invoke").send().await;
    other.assert_problem(405, "request_invalid");
    assert_eq!(other.header("allow"), "POST");
    assert_eq!(world.post("/v1/plugins/hello").send().await.header("allow"), "GET");
    for path in [
        "/",
        "/v1",
        "/v1/",
        "/v2/plugins",
        "/V1/plugins",
        "/v1/plugins/",
        "//v1/plugins",
        "/v1//plugins",
        "/v1/./plugins",
        "/v1/x/../plugins",
        "/v1/%70lugins",
        "/v1/plugins/hello/x",
        "/index.html",
        "/favicon.ico",
        "/.git/config",
    ] {
        world.get(path).send().await.assert_problem(404, "not_found");
    }
    let long = format!("/v1/plugins?plugin={}", "a".repeat(9_000));
    world.get(&long).send().await.assert_problem(414, "request_invalid");
    world.get("/v1/plugins").header("x-more", &"a".repeat(40_000)).send().await.assert_problem(431, "request_invalid");
    for media_type in
        ["", "text/plain", "application/json2", "application/x-www-form-urlencoded", "multipart/form-data"]
    {
        let call = world.post("/v1/plugins/hello:invoke").body(media_type, hello("Ada").to_string());
        call.send().await.assert_problem(415, "request_invalid");
    }
    let call = world.post("/v1/plugins/hello:invoke").body("application/json; charset=utf-8", hello("Ada").to_string());
    call.send().await.assert_ok();
    world.post("/v1/plugins/hello:invoke").send().await.assert_problem(400, "request_invalid");
    let huge = vec![b' '; 300 * 1024];
    let answered = world.post("/v1/manifests:validate").body("application/json", huge).send().await;
    answered.assert_problem(413, "payload_too_large");
    let stated = world.post("/v1/plugins/hello:invoke").header("content-length", "100000000").json(&hello("Ada"));
    stated.send().await.assert_problem(413, "payload_too_large");
}
