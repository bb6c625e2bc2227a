//! Asking a witness for its cosignature (C2SP tlog-witness, `add-checkpoint`).
//!
//! What never happens here: a redirect followed, an answer believed. What comes back is bytes until its signature verified.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use omega_contract::{ErrorCode, Sha256Hex};
use ureq::Agent;
use ureq::http::StatusCode;

use crate::error::GatewayError;

/// How long a witness may take to answer, everything included.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);
/// Bytes of an answer: a few signature lines.
const ANSWER_BYTES_MAX: u64 = 16 * 1024;
/// Bytes of a witness's URL.
pub(crate) const URL_BYTES_MAX: usize = 1_024;

/// What a witness said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Signature lines, not verified.
    Cosigned(String),
    /// It has seen a tree of this size last, and wants the proof from there.
    Knows(u64),
}

/// Says whether witnesses can be reached under this URL: plain `http`, since this build speaks no TLS.
pub(crate) fn check_url(url: &str) -> Result<(), GatewayError> {
    let rest = url.strip_prefix("http://").filter(|rest| !rest.is_empty() && !rest.starts_with('/'));
    let plain = url.len() <= URL_BYTES_MAX && url.bytes().all(|byte| byte.is_ascii_graphic());
    if rest.is_some() && plain && !url.contains(['?', '#', '@']) && !url.ends_with('/') {
        return Ok(());
    }
    let wanted = "a witness is reached under `http://host[:port][/path]`, without a slash at the end; for one that is only \
                  reached by TLS, collect its cosignature from a file";
    Err(GatewayError::new(ErrorCode::RequestInvalid, wanted))
}

/// Shows a checkpoint to the witness at `url`, with the proof that it extends the tree of `old_size` hashes.
pub(crate) fn add_checkpoint(
    url: &str,
    old_size: u64,
    proof: &[Sha256Hex],
    checkpoint: &[u8],
) -> Result<Answer, GatewayError> {
    let config = Agent::config_builder()
        .timeout_global(Some(ANSWER_TIME_MAX))
        .http_status_as_error(false)
        .max_redirects(0)
        // The environment must not choose who is asked.
        .proxy(None);
    let agent: Agent = config.build().into();
    let failed = |why: String| GatewayError::new(ErrorCode::WitnessUnavailable, format!("{url}: {why}"));
    let mut response = agent
        .post(format!("{url}/add-checkpoint"))
        .content_type("text/plain; charset=utf-8")
        .send(body(old_size, proof, checkpoint).as_slice())
        .map_err(|error| failed(error.to_string()))?;
    let status = response.status();
    let text = response
        .body_mut()
        .with_config()
        .limit(ANSWER_BYTES_MAX)
        .read_to_string()
        .map_err(|error| failed(error.to_string()))?;
    match status {
        StatusCode::OK => Ok(Answer::Cosigned(text)),
        StatusCode::CONFLICT => {
            let size = text.strip_suffix('\n').unwrap_or(&text).parse();
            size.map(Answer::Knows).map_err(|_| failed("it knows another tree, and does not say of which size".into()))
        }
        StatusCode::FORBIDDEN => Err(failed("it does not trust this log's key".into())),
        StatusCode::NOT_FOUND => Err(failed("it does not know this log".into())),
        StatusCode::UNPROCESSABLE_ENTITY => Err(failed("it does not take the consistency proof".into())),
        other => Err(failed(format!("it answered {other}"))),
    }
}

/// The request: the size that the proof starts at, the proof's hashes, an empty line, the checkpoint.
fn body(old_size: u64, proof: &[Sha256Hex], checkpoint: &[u8]) -> Vec<u8> {
    let mut body = format!("old {old_size}\n").into_bytes();
    for hash in proof {
        body.extend_from_slice(STANDARD.encode(hash.as_bytes()).as_bytes());
        body.push(b'\n');
    }
    body.push(b'\n');
    body.extend_from_slice(checkpoint);
    body
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// A witness that says `answer` to whoever comes first, and gives what it was sent.
    fn witness(answer: &'static str) -> (String, thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/omega", listener.local_addr().unwrap());
        let heard = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut heard = Vec::new();
            let mut block = [0; 1_024];
            while !heard.ends_with(b"the checkpoint\n") {
                let got = stream.read(&mut block).unwrap();
                assert_ne!(got, 0, "the request ended early");
                heard.extend_from_slice(&block[..got]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8(heard).unwrap()
        });
        (url, heard)
    }

    fn ask(answer: &'static str) -> (Result<Answer, GatewayError>, String) {
        let (url, heard) = witness(answer);
        let said = add_checkpoint(&url, 7, &[Sha256Hex::of(b"x")], b"the checkpoint\n");
        (said, heard.join().unwrap())
    }

    #[test]
    fn the_request_is_that_of_the_specification_and_each_answer_is_told_apart() {
        let ok = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n\u{2014} w eA==";
        let (said, heard) = ask(ok);
        assert_eq!(said.unwrap(), Answer::Cosigned("\u{2014} w eA=".into()));
        assert!(heard.starts_with("POST /omega/add-checkpoint HTTP/1.1\r\n"), "{heard}");
        let proof = STANDARD.encode(Sha256Hex::of(b"x").as_bytes());
        assert!(heard.ends_with(&format!("\r\n\r\nold 7\n{proof}\n\nthe checkpoint\n")), "{heard}");
        assert_eq!(ask("HTTP/1.1 409 Conflict\r\ncontent-length: 3\r\n\r\n12\n").0.unwrap(), Answer::Knows(12));
        let refused = |answer| {
            let error = ask(answer).0.unwrap_err();
            assert_eq!(error.code, ErrorCode::WitnessUnavailable);
            error.message
        };
        assert!(refused("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").contains("does not know this log"));
        assert!(refused("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").contains("does not trust"));
        assert!(refused("HTTP/1.1 422 No\r\ncontent-length: 0\r\n\r\n").contains("consistency"));
        assert!(refused("HTTP/1.1 409 Conflict\r\ncontent-length: 1\r\n\r\nx").contains("another tree"));
        let elsewhere = "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
        assert!(!refused(elsewhere).contains("127.0.0.1:1/"), "a redirect is followed");
        assert!(!refused("nonsense\r\n\r\n").is_empty());
    }

    #[test]
    fn an_answer_without_an_end_is_cut_off() {
        let long: &'static str = Box::leak(format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(20_000)).into_boxed_str());
        assert_eq!(ask(long).0.unwrap_err().code, ErrorCode::WitnessUnavailable);
    }

    #[test]
    fn only_plain_urls_are_taken() {
        for url in ["http://127.0.0.1:8080", "http://witness.example/omega"] {
            check_url(url).unwrap();
        }
        let long = format!("http://{}", "x".repeat(URL_BYTES_MAX));
        for url in [
            "",
            "http://",
            "http:///x",
            "https://w",
            "ftp://w",
            "http://w/",
            "http://w?x",
            "http://u@w",
            "http://w x",
            &long,
        ] {
            assert_eq!(check_url(url).unwrap_err().code, ErrorCode::RequestInvalid, "{url}");
        }
    }
}
