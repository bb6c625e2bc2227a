//! The event stream: every event once, in order, from wherever a reader begins, and to those who may see it.

use std::time::Duration;

use omega_gateway::contract::{Event, Scope};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::world::World;

/// Longer than any event takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// One event as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    id: u64,
    kind: String,
    data: String,
}

struct Reader {
    stream: TcpStream,
    text: String,
}

impl Reader {
    async fn new(world: &World, token: &str, query: &str, headers: &str) -> Self {
        let mut stream = world.connect().await;
        let request = format!(
            "GET /v1/events{query} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\n{headers}\r\n",
            world.address
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut reader = Self { stream, text: String::new() };
        while !reader.text.contains("retry: ") {
            assert!(reader.more().await, "{}", reader.text);
        }
        assert!(reader.text.starts_with("HTTP/1.1 200"), "{}", reader.text);
        assert!(reader.text.contains("content-type: text/event-stream"), "{}", reader.text);
        reader
    }

    /// False at the end.
    async fn more(&mut self) -> bool {
        let mut bytes = vec![0; 64 * 1024];
        let read = tokio::time::timeout(PATIENCE, self.stream.read(&mut bytes)).await.expect("nothing came");
        let count = read.unwrap_or(0);
        self.text.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
        count > 0
    }

    /// The first so many events.
    async fn events(&mut self, count: usize) -> Vec<Seen> {
        let began = std::time::Instant::now();
        loop {
            // A heartbeat comes for ever.
            assert!(began.elapsed() < PATIENCE, "{} of {count} came", self.seen().len());
            let seen = self.seen();
            if seen.len() >= count {
                return seen;
            }
            assert!(self.more().await, "it ended after {} of {count}", seen.len());
        }
    }

    /// What came, without the sizes that chunked bodies have between.
    fn seen(&self) -> Vec<Seen> {
        let is_size = |line: &str| !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_hexdigit());
        let lines: Vec<&str> = self.text.lines().filter(|line| !is_size(line)).collect();
        let field = |line: &str, name: &str| line.strip_prefix(name).map(ToOwned::to_owned);
        let events = lines.windows(3).filter_map(|lines| {
            let id = field(lines[0], "id: ")?.parse().ok()?;
            Some(Seen { id, kind: field(lines[1], "event: ")?, data: field(lines[2], "data: ")? })
        });
        events.collect()
    }
}

/// So many decisions, each an event.
async fn decide(world: &World, count: usize) {
    for number in 0..count {
        let name = format!("made-{number}").parse().unwrap();
        world.gateway.admin().create_token(name, vec![Scope::Read], vec![], None).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_once_and_in_order_also_after_a_broken_connection() {
    let world = World::new().await;
    let token = world.token().await;
    decide(&world, 40).await;
    let mut first = Reader::new(&world, &token, "?from=0", "").await;
    let before = first.events(30).await;
    drop(first);
    let last = before.last().unwrap().id;
    // Events come while the reader is away, while it catches up, and after that.
    decide(&world, 20).await;
    let mut second = Reader::new(&world, &token, "", &format!("last-event-id: {last}\r\n")).await;
    let ((), after) = tokio::join!(decide(&world, 60), second.events(40));
    let rest = second.events(usize::try_from(world.gateway.activity().events - last - 1).unwrap()).await;
    assert!(rest.len() >= after.len());
    let all: Vec<Seen> = before.into_iter().chain(rest).collect();
    let ids: Vec<u64> = all.iter().map(|seen| seen.id).collect();
    assert_eq!(ids, (0..world.gateway.activity().events).collect::<Vec<u64>>(), "a gap or a repeat");
    for seen in all {
        let event = world.gateway.admin().event(seen.id).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&seen.data).unwrap(), event);
        assert_eq!(seen.kind, event.kind.as_str());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_wants_only_what_is_new_gets_only_that_and_many_get_the_same() {
    let world = World::new().await;
    let token = world.token().await;
    let mut readers = Vec::new();
    for _ in 0..50 {
        readers.push(Reader::new(&world, &token, "?kind=POLICY", "").await);
    }
    let from = world.gateway.activity().events;
    decide(&world, 30).await;
    for reader in &mut readers {
        let ids: Vec<u64> = reader.events(30).await.iter().map(|seen| seen.id).collect();
        assert_eq!(ids, (from..from + 30).collect::<Vec<u64>>());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filters_and_narrow_tokens_leave_out_the_rest() {
    let world = World::new().await;
    let token = world.token().await;
    let admin = world.gateway.admin();
    let made = admin.create_token("narrow".parse().unwrap(), vec![Scope::Read], vec!["other*".into()], None);
    let narrow = made.await.unwrap().1.reveal().to_owned();
    drop(admin);
    let ask = async |plugin: &str| {
        let asked = omega_gateway::request(omega_gateway::contract::Payload::text("x"));
        let answer = world.gateway.invoke(&plugin.parse().unwrap(), asked).await.unwrap();
        answer.event_index
    };
    let mut all = Reader::new(&world, &token, "", "").await;
    let mut of_one = Reader::new(&world, &token, "?plugin=one&from=0", "").await;
    let mut of_other = Reader::new(&world, &narrow, "?from=0", "").await;
    let mut no_such_kind = Reader::new(&world, &token, "?kind=ENABLE", "").await;
    decide(&world, 3).await;
    let (one, other) = (ask("one").await, ask("other-thing").await);
    let again = ask("one").await;
    let ids = |seen: Vec<Seen>| seen.iter().map(|seen| seen.id).collect::<Vec<u64>>();
    assert_eq!(ids(of_one.events(2).await), [one, again]);
    assert_eq!(ids(of_other.events(1).await), [other]);
    assert_eq!(ids(all.events(6).await).len(), 6);
    // The end of the server ends them all, at once.
    let began = std::time::Instant::now();
    assert!(!world.stop().await.cut_off);
    assert!(began.elapsed() < PATIENCE);
    while no_such_kind.more().await {}
    while of_other.more().await {}
    assert_eq!((no_such_kind.seen().len(), of_other.seen().len()), (0, 1));
}
