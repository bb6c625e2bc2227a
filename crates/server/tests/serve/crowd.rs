//! Too many clients, and clients that speak something else.

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;

use crate::world::{World, whole};

/// Connections of the crowd.
const CROWD: usize = 10_000;

/// As many descriptors as this process may have: it holds the crowd, and the server.
fn raise_descriptors() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
    let room = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    assert!(room > CROWD as u64 + 2_000, "this test needs descriptors: `ulimit -Hn` is {room}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_connections() {
    raise_descriptors();
    let world = World::with(|options, _| options.connections_max = 500).await;
    let before = open_descriptors();
    let mut crowd = Vec::with_capacity(CROWD);
    for _ in 0..CROWD {
        crowd.push(world.connect().await);
    }
    // Whoever comes now is told so at once, and does not wait until the crowd has gone.
    let told = tokio::time::timeout(Duration::from_secs(5), world.healthz()).await.unwrap();
    assert!(told.starts_with("HTTP/1.1 503") && told.contains("\"code\":\"overloaded\""), "{told}");
    assert!(open_descriptors() < before + CROWD + 600, "the server holds no more than its places");
    drop(crowd);
    let mut answer = String::new();
    for _ in 0..200 {
        answer = world.healthz().await;
        if answer.starts_with("HTTP/1.1 200") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(open_descriptors() < before + 50, "every connection was given back");
    assert!(!world.stop().await.cut_off);
}

fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[tokio::test]
async fn garbage_ends_its_own_connection() {
    let world = World::new().await;
    let before = world.gateway.activity().events;
    let mut random = fastrand::Rng::with_seed(7);
    let mut tries: Vec<Vec<u8>> =
        (0..200).map(|_| (0..random.usize(1..4_000)).map(|_| random.u8(..)).collect()).collect();
    let host = format!("host: {}\r\n", world.address);
    for text in [
        "\r\n\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "GET  /  HTTP/1.1\r\n\r\n",
        "GET /\0 HTTP/1.1\r\nHOST\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHOSTtransfer-encoding: chunked\r\n\r\nzz\r\n",
        "POST /v1/plugins HTTP/1.1\r\nHOSTcontent-length: 5\r\ncontent-length: 6\r\n\r\nabcdef",
        "POST /v1/plugins HTTP/1.1\r\nHOSTcontent-length: -1\r\n\r\n",
        "POST /v1/plugins HTTP/1.1\r\nHOSTcontent-length: 99999999999999999999999\r\n\r\n",
        "POST /v1/plugins HTTP/1.1\r\nHOSTtransfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        // A good request, and then something else on the same connection.
        "GET /healthz HTTP/1.1\r\nHOST\r\n\u{1}\u{2}\u{3} not http at all\r\n\r\nGET /healthz HTTP/1.1\r\nHOST\r\n",
    ] {
        tries.push(text.replace("HOST", &host).into_bytes());
    }
    for bytes in tries {
        let mut stream = world.connect().await;
        let _closed = stream.write_all(&bytes).await.is_err();
        let _closed = stream.shutdown().await.is_err();
        let answer = tokio::time::timeout(Duration::from_secs(20), whole(&mut stream)).await.unwrap();
        assert!(!answer.contains("HTTP/1.1 5"), "{answer}\n{}", String::from_utf8_lossy(&bytes));
    }
    assert!(world.healthz().await.starts_with("HTTP/1.1 200"));
    assert_eq!(world.gateway.activity().events, before);
}

#[tokio::test]
async fn a_head_past_its_limit() {
    let world = World::new().await;
    let ask = async |extra: String| {
        let mut stream = world.connect().await;
        let request = format!("GET /healthz HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{extra}\r\n", world.address);
        let _closed = stream.write_all(request.as_bytes()).await.is_err();
        whole(&mut stream).await
    };
    let headers = |count: usize| (0..count).map(|n| format!("x-{n}: 1\r\n")).collect::<String>();
    // Two are there already.
    assert!(ask(headers(62)).await.starts_with("HTTP/1.1 200"));
    assert!(ask(headers(63)).await.starts_with("HTTP/1.1 431"));
    assert!(ask(format!("x-long: {}\r\n", "x".repeat(30 * 1024))).await.starts_with("HTTP/1.1 200"));
    assert!(ask(format!("x-long: {}\r\n", "x".repeat(33 * 1024))).await.starts_with("HTTP/1.1 431"));
}
