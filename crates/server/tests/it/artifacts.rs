//! Bytes by their SHA-256.

use axum::http::Method;
use omega_gateway::contract::{Scope, Sha256Hex};

use crate::harness::{Answered, World};

async fn put(world: &World, digest: &str, bytes: &[u8]) -> Answered {
    let request = world.ask(Method::PUT, &format!("/v1/artifacts/{digest}"));
    request.body("application/octet-stream", bytes.to_vec()).send().await
}

fn stored(world: &World) -> Vec<String> {
    let names = |folder: &str| {
        let entries = std::fs::read_dir(world.home.path().join("artifacts").join(folder)).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>()
    };
    let mut all = names("sha256");
    all.extend(names("incoming"));
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_are_put_and_got() {
    let world = World::new().await;
    // More than one chunk of anything on the way.
    let bytes: Vec<u8> = (0..700_001_u32).map(|number| u8::try_from(number % 251).unwrap()).collect();
    let digest = Sha256Hex::of(&bytes).to_string();
    let path = format!("/v1/artifacts/{digest}");
    world.get(&path).send().await.assert_problem(404, "artifact_unknown");
    assert_eq!(world.ask(Method::HEAD, &path).send().await.status.as_u16(), 404);
    let first = put(&world, &digest, &bytes).await;
    assert_eq!(first.status.as_u16(), 201);
    assert_eq!((first.json()["sha256"].as_str(), first.json()["size_bytes"].as_u64()), (Some(&*digest), Some(700_001)));
    assert_eq!(put(&world, &digest, &bytes).await.status.as_u16(), 200);
    let got = world.get(&path).send().await;
    assert!(got.status.as_u16() == 200 && got.bytes == bytes);
    assert_eq!(
        (got.header("content-type"), got.header("content-disposition")),
        ("application/octet-stream", "attachment")
    );
    let head = world.ask(Method::HEAD, &path).send().await;
    assert_eq!((head.status.as_u16(), head.header("content-length"), head.bytes.len()), (200, "700001", 0));
    assert_eq!(put(&world, &Sha256Hex::of(b"").to_string(), b"").await.status.as_u16(), 201, "no bytes are bytes too");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_kept_under_a_hash_that_it_does_not_have() {
    let world = World::new().await;
    let digest = Sha256Hex::of(b"one").to_string();
    put(&world, &digest, b"other").await.assert_problem(422, "artifact_hash_mismatch");
    let upper = digest.to_uppercase();
    for odd in [
        &upper,
        "x",
        "..",
        "%2e%2e",
        "..%2f..%2fhome.json",
        "..%5c..%5cx",
        "%00",
        &digest[..63],
        &format!("{digest}0"),
        &format!("{digest}%00"),
        "sha256",
    ] {
        let answered = put(&world, odd, b"one").await;
        answered.assert_problem(400, "request_invalid");
        world.get(&format!("/v1/artifacts/{odd}")).send().await.assert_problem(400, "request_invalid");
    }
    for odd in ["../home.json", "", "a/b", &format!("{digest}/"), &format!("/{digest}")] {
        world.get(&format!("/v1/artifacts/{odd}")).send().await.assert_problem(404, "not_found");
    }
    let request = world.ask(Method::PUT, &format!("/v1/artifacts/{digest}"));
    request.body("text/html", "one").send().await.assert_problem(415, "request_invalid");
    let request = world.ask(Method::PUT, &format!("/v1/artifacts/{digest}")).header("content-length", "99999999999");
    request.body("application/octet-stream", "one").send().await.assert_problem(413, "payload_too_large");
    assert_eq!(stored(&world), Vec::<String>::new());
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_link_in_the_store_is_not_followed_and_a_changed_byte_not_served() {
    let world = World::new().await;
    let outside = world.folder().join("outside");
    std::fs::write(&outside, b"secret").unwrap();
    let folder = world.home.path().join("artifacts/sha256");
    let linked = Sha256Hex::of(b"secret").to_string();
    std::os::unix::fs::symlink(&outside, folder.join(&linked)).unwrap();
    let answered = world.get(&format!("/v1/artifacts/{linked}")).send().await;
    assert!(
        !answered.status.is_success() && !String::from_utf8_lossy(&answered.bytes).contains("\"secret\""),
        "{answered:?}"
    );
    let digest = Sha256Hex::of(b"whole").to_string();
    assert_eq!(put(&world, &digest, b"whole").await.status.as_u16(), 201);
    let stored = folder.join(&digest);
    let mut permissions = std::fs::metadata(&stored).unwrap().permissions();
    #[expect(clippy::permissions_set_readonly_false, reason = "a test's own file")]
    permissions.set_readonly(false);
    std::fs::set_permissions(&stored, permissions).unwrap();
    std::fs::write(&stored, b"wrong").unwrap();
    // The stream may have begun: then it breaks off, and nothing of it was sent.
    let response = {
        use tower::ServiceExt as _;
        world.api.clone().oneshot(world.get(&format!("/v1/artifacts/{digest}")).build()).await.unwrap()
    };
    let is_refused = !response.status().is_success();
    let body = http_body_util::BodyExt::collect(response.into_body()).await;
    assert!(is_refused || body.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_put_may_not_get() {
    let world = World::new().await;
    let digest = Sha256Hex::of(b"one").to_string();
    assert_eq!(put(&world, &digest, b"one").await.status.as_u16(), 201);
    let path = format!("/v1/artifacts/{digest}");
    let caller = world.token("caller", &[Scope::Invoke], &["hello"]).await;
    world.get(&path).token(&caller).send().await.assert_problem(403, "scope_denied");
    let other = Sha256Hex::of(b"two").to_string();
    let request = world.ask(Method::PUT, &format!("/v1/artifacts/{other}")).token(&caller);
    assert_eq!(request.body("application/octet-stream", "two").send().await.status.as_u16(), 201);
    let narrow = world.token("narrow", &[Scope::Read], &["hello"]).await;
    world.get(&path).token(&narrow).send().await.assert_problem(403, "scope_denied");
    assert_eq!(world.ask(Method::HEAD, &path).token(&narrow).send().await.status.as_u16(), 403);
}
