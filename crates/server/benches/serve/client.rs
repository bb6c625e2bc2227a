//! A client that costs as little as one can: it sends the same bytes again and again, and counts those of the answers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// One keep-alive connection.
pub(crate) struct Connection {
    stream: TcpStream,
    request: Arc<[u8]>,
    answer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn to(address: SocketAddr, request: Arc<[u8]>) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, request, answer: Vec::with_capacity(64 * 1024) }
    }

    /// Asks once; the answer must be a good one.
    pub(crate) async fn ask(&mut self) {
        let status = self.status().await;
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&self.answer));
    }

    /// Asks once; gives the answer's status.
    pub(crate) async fn status(&mut self) -> u16 {
        self.stream.write_all(&self.request).await.unwrap();
        self.answer.clear();
        loop {
            assert_ne!(self.stream.read_buf(&mut self.answer).await.unwrap(), 0, "the server closed the connection");
            let Some(head) = self.answer.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
            let text = std::str::from_utf8(&self.answer[..head]).unwrap();
            let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            let end = head + 4 + length.parse::<usize>().unwrap();
            let status = text[9..12].parse().unwrap();
            while self.answer.len() < end {
                assert_ne!(self.stream.read_buf(&mut self.answer).await.unwrap(), 0, "a cut answer");
            }
            return status;
        }
    }
}

/// So many calls over so many connections; gives calls a second, and how long each took.
pub(crate) async fn drive(
    address: SocketAddr,
    request: Arc<[u8]>,
    connections: usize,
    calls: usize,
) -> (f64, Vec<Duration>) {
    let left = Arc::new(AtomicUsize::new(calls));
    let started = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..connections {
        let (left, mut connection) = (Arc::clone(&left), Connection::to(address, Arc::clone(&request)).await);
        tasks.push(tokio::spawn(async move {
            let mut took = Vec::new();
            let take = |left: usize| left.checked_sub(1);
            while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
                let asked = Instant::now();
                connection.ask().await;
                took.push(asked.elapsed());
            }
            took
        }));
    }
    let mut took = Vec::with_capacity(calls);
    for task in tasks {
        took.extend(task.await.unwrap());
    }
    (calls as f64 / started.elapsed().as_secs_f64(), took)
}
