//! Real connections: what a client can do that a request alone cannot.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use omega_gateway::contract::Event;
use omega_gateway::contract::manifest::MANIFEST_FILE;
use omega_server::{ServeOptions, Server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::harness::{World, hello};

/// The API of a world behind a listener.
struct Wire {
    world: World,
    address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

impl Wire {
    async fn new(plugins: &[&str]) -> Self {
        let world = World::new().await;
        for plugin in plugins {
            world.install(plugin).await;
        }
        let mut options = ServeOptions::of(world.gateway.config(), Arc::new(|_| ()));
        options.listen = vec!["127.0.0.1:0".parse().unwrap()];
        let server = Server::bind(world.gateway.clone(), options).await.unwrap();
        let address = server.addresses()[0];
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(server.run(async move { drop(stopped.await) }, std::future::pending()));
        Self { world, address, _stop: stop }
    }

    fn head(&self, first: &str, length: usize) -> String {
        format!(
            "{first} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n",
            self.address, self.world.token
        )
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Until there is such an event.
    async fn wait_for(&self, wanted: impl Fn(&Event) -> bool) -> Event {
        for _ in 0..600 {
            if let Some(event) = self.world.events().into_iter().find(&wanted) {
                return event;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("it never came: {:?}", self.world.events().last());
    }
}

async fn whole(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let _reset = stream.read_to_end(&mut bytes).await.is_err();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn is_outcome(event: &Event) -> bool {
    matches!(event.kind.as_str(), "RESULT" | "ERROR" | "REJECT")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_ends_its_call() {
    let wire = Wire::new(&[]).await;
    // One that runs until it is stopped, and may.
    let mut files = crate::harness::package("hostile/spin");
    let mut manifest: serde_json::Value = serde_json::from_slice(&files[MANIFEST_FILE]).unwrap();
    manifest["limits"]["max_ms"] = 3_600_000.into();
    files.insert(MANIFEST_FILE.to_owned(), Arc::from(manifest.to_string().into_bytes()));
    wire.world.install_files(files).await;
    let body = {
        let mut body = hello("Ada");
        body["run_id"] = "left".into();
        body["policy"] = serde_json::json!({ "deterministic_only": false, "timeout_ms": 3_600_000, "max_retries": 0 });
        body.to_string()
    };
    let mut stream = wire.connect().await;
    let request = wire.head("POST /v1/plugins/hostile-spin:invoke", body.len()) + &body;
    stream.write_all(request.as_bytes()).await.unwrap();
    wire.wait_for(|event| event.run_id == "left" && event.kind.as_str() == "INVOKE").await;
    drop(stream);
    let outcome = wire.wait_for(|event| event.run_id == "left" && is_outcome(event)).await;
    assert_eq!((outcome.kind.as_str(), outcome.meta["reason"].as_str()), ("ERROR", "interrupted"));
    let of_run = wire.world.events().into_iter().filter(|event| event.run_id == "left").count();
    assert_eq!(of_run, 2, "one intent, one outcome");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_is_not_read() {
    let wire: Wire = Wire::new(&["examples/hello"]).await;
    let before = wire.world.event_count();
    let mut stream = wire.connect().await;
    // Says so itself.
    stream.write_all(wire.head("POST /v1/plugins/hello:invoke", 100_000_000).as_bytes()).await.unwrap();
    assert!(whole(&mut stream).await.starts_with("HTTP/1.1 413"));
    // Does not say how much comes.
    let (mut reading, mut writing) = wire.connect().await.into_split();
    let head = wire.head("POST /v1/manifests:validate", 0).replace("content-length: 0", "transfer-encoding: chunked");
    let sent = tokio::spawn(async move {
        if writing.write_all(head.as_bytes()).await.is_err() {
            return 0;
        }
        let chunk = [&b"100000\r\n"[..], &vec![b' '; 0x10_0000], b"\r\n"].concat();
        let mut sent = 0;
        for _ in 0..100 {
            if writing.write_all(&chunk).await.is_err() {
                break;
            }
            sent += 1;
        }
        sent
    });
    let mut answer = Vec::new();
    let _reset = reading.read_to_end(&mut answer).await.is_err();
    assert!(answer.starts_with(b"HTTP/1.1 413"), "{}", String::from_utf8_lossy(&answer));
    assert!(sent.await.unwrap() < 100, "the client was cut off");
    assert_eq!(wire.world.event_count(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_off_is_none() {
    let wire = Wire::new(&[]).await;
    let digest = omega_gateway::contract::Sha256Hex::of(b"half").to_string();
    let before = wire.world.event_count();
    let mut stream = wire.connect().await;
    let head =
        wire.head(&format!("PUT /v1/artifacts/{digest}"), 8).replace("application/json", "application/octet-stream");
    stream.write_all((head + "half").as_bytes()).await.unwrap();
    drop(stream);
    let package = crate::harness::package("examples/hello");
    let tar = crate::harness::tar_of(&crate::harness::signed(package, &wire.world.home.operator_key().unwrap()));
    let mut stream = wire.connect().await;
    let head = wire.head("POST /v1/plugins", tar.len() + 1).replace("application/json", "application/x-tar");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&tar).await.unwrap();
    drop(stream);
    // Both were answered with nobody there; the next request comes after them.
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(wire.world.event_count(), before, "nothing was registered");
    let folder = |name: &str| std::fs::read_dir(wire.world.home.path().join("artifacts").join(name)).unwrap().count();
    assert_eq!((folder("sha256"), folder("incoming")), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_on_a_connection_is_the_end_of_it_alone() {
    let wire = Wire::new(&["examples/hello"]).await;
    let before = wire.world.event_count();
    for garbage in [
        "\0\0\0\0\r\n\r\n",
        "GET /healthz HTTP/9.9\r\n\r\n",
        "GET  /healthz HTTP/1.1\r\n\r\n",
        "\x16\x03\x01\x02\0\x01\0",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nhost : x\r\n\r\n",
        "POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
    ] {
        let mut stream = wire.connect().await;
        stream.write_all(garbage.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let answer = whole(&mut stream).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{garbage:?}: {answer}");
    }
    // A good call with garbage behind it: the call is answered, and the rest is not a call.
    let body = hello("Ada").to_string();
    let mut stream = wire.connect().await;
    let request = wire.head("POST /v1/plugins/hello:invoke", body.len())
        + &body
        + "POST /v1/plugins/hello:invoke garbage\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let answer = whole(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(wire.world.event_count(), before + 2, "one call");
    // Smuggling: two lengths that disagree are refused as a whole.
    let mut stream = wire.connect().await;
    let head = wire
        .head("POST /v1/plugins/hello:invoke", body.len())
        .replace("\r\n\r\n", "\r\ntransfer-encoding: chunked\r\n\r\n");
    stream.write_all((head + "0\r\n\r\n" + &body).as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    assert!(!whole(&mut stream).await.contains("HTTP/1.1 200"));
    assert_eq!(wire.world.event_count(), before + 2, "no call");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_metrics_and_readiness_come_from_the_rest_of_the_server() {
    let wire = Wire::new(&["examples/hello"]).await;
    let mut stream = wire.connect().await;
    stream.write_all(wire.head("GET /v1/events?from=0&kind=REGISTER", 0).as_bytes()).await.unwrap();
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while !text.contains("event: REGISTER") {
        let count = tokio::time::timeout(Duration::from_secs(20), stream.read(&mut buffer)).await.unwrap().unwrap();
        assert!(count > 0, "{text}");
        text.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
    assert!(text.contains("content-type: text/event-stream"), "{text}");
    let ask = async |path: &str| {
        let mut stream = wire.connect().await;
        let head = wire.head(&format!("GET {path}"), 0).replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        whole(&mut stream).await
    };
    let metrics = ask("/metrics").await;
    assert!(metrics.contains("application/openmetrics-text") && metrics.contains("omega_http_requests"), "{metrics}");
    assert!(ask("/readyz").await.starts_with("HTTP/1.1 200"));
    assert!(ask("/v1/events?from=x").await.starts_with("HTTP/1.1 400"));
    assert!(ask("/v1/events?since=1").await.starts_with("HTTP/1.1 400"));
}
