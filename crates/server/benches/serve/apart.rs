//! A client in a process of its own, as clients are: threads of one process disturb each other in ways that two processes
//! do not (a sandbox that is given back interrupts every core that runs the same memory).

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::client;

/// The first argument of such a process.
const AS_CLIENT: &str = "--as-client";

/// Asks one after the other over one connection, when it is told to.
pub(crate) struct Asker {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Asker {
    pub(crate) fn new(address: SocketAddr, request: &[u8]) -> Self {
        let mut child = begin(&["ask", &address.to_string()]);
        let mut orders = child.stdin.take().unwrap();
        orders.write_all(&(request.len() as u64).to_le_bytes()).unwrap();
        orders.write_all(request).unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Self { child, orders, answers }
    }

    /// So many times to become warm, and as many that count.
    pub(crate) fn ask(&mut self, calls: usize) -> Vec<Duration> {
        self.orders.write_all(&(calls as u64).to_le_bytes()).unwrap();
        self.orders.flush().unwrap();
        (0..calls).map(|_| Duration::from_nanos(number(&mut self.answers).unwrap())).collect()
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// Another process that answers at once: whoever asks it has slept, as a server has that waits for a request.
pub(crate) struct Ping {
    child: Child,
    to: ChildStdin,
    from: ChildStdout,
}

impl Ping {
    pub(crate) fn new() -> Self {
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (to, from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, to, from }
    }

    pub(crate) fn once(&mut self) {
        let mut byte = [1];
        self.to.write_all(&byte).unwrap();
        self.from.read_exact(&mut byte).unwrap();
    }
}

impl Drop for Ping {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// So many calls over so many connections; gives calls a second, and how long each took.
pub(crate) fn drive(address: SocketAddr, request: &[u8], connections: usize, calls: usize) -> (f64, Vec<Duration>) {
    let mut child = begin(&["drive", &address.to_string(), &connections.to_string(), &calls.to_string()]);
    let mut orders = child.stdin.take().unwrap();
    orders.write_all(&(request.len() as u64).to_le_bytes()).unwrap();
    orders.write_all(request).unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap());
    let whole = Duration::from_nanos(number(&mut answers).expect("the client failed"));
    let took = (0..calls).map(|_| Duration::from_nanos(number(&mut answers).unwrap())).collect();
    assert!(child.wait().unwrap().success());
    (calls as f64 / whole.as_secs_f64(), took)
}

fn begin(arguments: &[&str]) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg(AS_CLIENT).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    command.spawn().unwrap()
}

fn number(source: &mut impl std::io::Read) -> Option<u64> {
    let mut bytes = [0; 8];
    source.read_exact(&mut bytes).ok().map(|()| u64::from_le_bytes(bytes))
}

/// What such a process does instead of the bench; false in any other.
pub(crate) fn main() -> bool {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [first, what, address, more @ ..] = &arguments[..] else { return false };
    if first != AS_CLIENT {
        return false;
    }
    let mut orders = std::io::stdin().lock();
    let mut request = vec![0; number(&mut orders).unwrap() as usize];
    orders.read_exact(&mut request).unwrap();
    let address: SocketAddr = address.parse().unwrap();
    match (what.as_str(), more) {
        ("ask", []) => ask(address, &request, &mut orders),
        ("drive", [connections, calls]) => {
            drive_here(address, request.into(), connections.parse().unwrap(), calls.parse().unwrap());
        }
        _ => panic!("{arguments:?}"),
    }
    true
}

fn ask(address: SocketAddr, request: &[u8], orders: &mut impl std::io::Read) {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut stream = BufReader::with_capacity(256 * 1024, stream);
    while let Some(calls) = number(orders) {
        let mut took = Vec::with_capacity(calls as usize);
        for call in 0..2 * calls {
            let began = Instant::now();
            once(&mut stream, request);
            if call >= calls {
                took.push(u64::try_from(began.elapsed().as_nanos()).unwrap());
            }
        }
        tell(&took);
    }
}

/// One request and its whole answer, which must be a good one.
fn once(stream: &mut BufReader<TcpStream>, request: &[u8]) {
    stream.get_mut().write_all(request).unwrap();
    let (mut line, mut length) = (String::new(), 0);
    stream.read_line(&mut line).unwrap();
    assert!(line.starts_with("HTTP/1.1 200"), "{line}");
    loop {
        line.clear();
        assert_ne!(stream.read_line(&mut line).unwrap(), 0, "the server closed the connection");
        if line == "\r\n" {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.trim_end().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
}

fn drive_here(address: SocketAddr, request: Arc<[u8]>, connections: usize, calls: usize) {
    let (rate, took) = crate::runtime().block_on(client::drive(address, request, connections, calls));
    let whole = Duration::from_secs_f64(calls as f64 / rate);
    let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap();
    let all: Vec<u64> = std::iter::once(whole).chain(took).map(nanos).collect();
    tell(&all);
}

fn tell(numbers: &[u64]) {
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(&bytes).unwrap();
    stdout.flush().unwrap();
}
