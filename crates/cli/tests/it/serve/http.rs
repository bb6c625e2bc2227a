//! A client that says what it means to say, and no more.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// One keep-alive connection with a token.
pub(crate) struct Http {
    address: SocketAddr,
    token: String,
    stream: BufReader<TcpStream>,
}

/// Longer than any answer here takes.
const PATIENCE: Duration = Duration::from_secs(60);

impl Http {
    pub(crate) fn to(address: SocketAddr, token: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { address, token: token.to_owned(), stream: BufReader::new(stream) })
    }

    /// A call of a plugin with a text.
    pub(crate) fn invoke(&mut self, plugin: &str, request_id: &str, run_id: &str) -> io::Result<(u16, Value)> {
        let body = serde_json::json!({
            "request_id": request_id,
            "run_id": run_id,
            "payload": {"kind": "text", "content": "Ada", "encoding": "utf-8", "metadata": {}},
        });
        self.ask("POST", &format!("/v1/plugins/{plugin}:invoke"), &body.to_string())
    }

    pub(crate) fn ask(&mut self, method: &str, path: &str, body: &str) -> io::Result<(u16, Value)> {
        write!(
            self.stream.get_mut(),
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            self.address,
            self.token,
            body.len()
        )?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status =
            line.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut length = 0;
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            if line.trim().is_empty() {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
    }
}
