//! Clients that take their time. Each is cut; nobody else notices.
//!
//! The limits are the real ones, so these tests take as long as a slow client may.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::world::{World, whole};

/// No slow client is borne with for longer than this.
const PATIENCE: Duration = Duration::from_secs(50);

#[tokio::test]
async fn a_head_that_never_ends() {
    let world = World::new().await;
    let mut stream = world.connect().await;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n").await.unwrap();
    let began = Instant::now();
    let mut byte = [0];
    // A header a second: something always comes, and it is never enough.
    while began.elapsed() < PATIENCE {
        let _gone = stream.write_all(b"x-more: 1\r\n").await.is_err();
        let read = tokio::time::timeout(Duration::from_secs(1), stream.read(&mut byte)).await;
        if let Ok(Ok(0) | Err(_)) = read {
            break;
        }
    }
    assert!(began.elapsed() < PATIENCE, "still connected");
    assert!(world.healthz().await.starts_with("HTTP/1.1 200"));
    assert!(!world.stop().await.cut_off);
}

#[tokio::test]
async fn a_connection_that_says_nothing() {
    let world = World::new().await;
    let mut stream = world.connect().await;
    let ended = tokio::time::timeout(PATIENCE, whole(&mut stream)).await;
    assert_eq!(ended.as_deref(), Ok(""), "cut without a word");
}

#[tokio::test]
async fn a_body_that_comes_a_byte_at_a_time() {
    let world = World::new().await;
    let token = world.token().await;
    let before = world.gateway.activity().events;
    let mut stream = world.connect().await;
    let head = format!(
        "POST /v1/plugins/hello:invoke HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: 5000\r\n\r\n",
        world.address
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut reading, mut writing) = stream.into_split();
    let sender = tokio::spawn(async move {
        while writing.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    });
    let mut answer = Vec::new();
    let ended = tokio::time::timeout(PATIENCE, reading.read_to_end(&mut answer)).await;
    assert!(ended.is_ok(), "still connected");
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    sender.abort();
    assert_eq!(world.gateway.activity().events, before, "nothing was called");
}

#[tokio::test]
async fn an_answer_that_nobody_reads() {
    let world = World::new().await;
    let token = world.token().await;
    let mut stream = world.connect().await;
    let head =
        format!("GET /openapi.json HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\n\r\n", world.address);
    // Asks on and on and reads nothing: in the end both sides' buffers are full.
    let began = Instant::now();
    let asking = async {
        loop {
            if stream.write_all(head.as_bytes()).await.is_err() {
                return;
            }
        }
    };
    assert!(tokio::time::timeout(PATIENCE, asking).await.is_ok(), "still connected after {:?}", began.elapsed());
    assert!(world.healthz().await.starts_with("HTTP/1.1 200"));
    assert!(!world.stop().await.cut_off);
}
