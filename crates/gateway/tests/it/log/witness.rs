//! A witness as C2SP tlog-witness has it, on a port of this machine: it cosigns a checkpoint that extends what it saw before.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use omega_contract::{Sha256Hex, Witness};
use omega_proof::checkpoint::{WitnessSigner, verify_checkpoint};
use omega_proof::key::SecretKey;
use omega_proof::note::VerifierKey;
use omega_proof::tree::{TreeHead, check_consistency};

/// How it behaves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    Honest,
    /// It answers with a line by another key.
    SignsByAnother,
    /// It says that it saw far more.
    ClaimsMore,
}

pub(crate) struct LocalWitness {
    pub(crate) url: String,
    pub(crate) signer: Arc<WitnessSigner>,
    seen: Arc<Mutex<TreeHead>>,
}

impl LocalWitness {
    pub(crate) fn start(log: VerifierKey, manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let signer = Arc::new(WitnessSigner::new("witness.example/1".parse().unwrap(), SecretKey::from_seed([9; 32])));
        let seen = Arc::new(Mutex::new(TreeHead::EMPTY));
        let (cosigner, known) = (Arc::clone(&signer), Arc::clone(&seen));
        // It ends with the process.
        thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap(), &log, &cosigner, &known, manner);
            }
        });
        Self { url, signer, seen }
    }

    pub(crate) fn entry(&self, name: &str) -> Witness {
        let verifier_key = self.signer.witness_key().to_string();
        Witness { name: name.to_owned(), verifier_key, url: Some(self.url.clone()) }
    }

    pub(crate) fn seen(&self) -> TreeHead {
        *self.seen.lock().unwrap()
    }
}

fn answer(stream: TcpStream, log: &VerifierKey, signer: &WitnessSigner, seen: &Mutex<TreeHead>, manner: Manner) {
    let body = read_body(&stream);
    let (status, text) = judge(&body, log, signer, seen, manner);
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", text.len());
    (&stream).write_all(format!("{head}{text}").as_bytes()).unwrap();
}

fn read_body(stream: &TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    let mut line = String::new();
    while reader.read_line(&mut line).unwrap() > 2 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    String::from_utf8(body).unwrap()
}

fn judge(
    body: &str,
    log: &VerifierKey,
    signer: &WitnessSigner,
    seen: &Mutex<TreeHead>,
    manner: Manner,
) -> (&'static str, String) {
    let (head, note) = body.split_once("\n\n").unwrap();
    let mut lines = head.lines();
    let old_size: u64 = lines.next().unwrap().strip_prefix("old ").unwrap().parse().unwrap();
    let hash = |line: &str| Sha256Hex::from_bytes(STANDARD.decode(line).unwrap().try_into().unwrap());
    let proof: Vec<Sha256Hex> = lines.map(hash).collect();
    let Ok(checkpoint) = verify_checkpoint(note.as_bytes(), log) else {
        return ("403 Forbidden", String::new());
    };
    let mut seen = seen.lock().unwrap();
    if manner == Manner::ClaimsMore {
        return ("409 Conflict", "1000000\n".to_owned());
    }
    if old_size != seen.size {
        return ("409 Conflict", format!("{}\n", seen.size));
    }
    if check_consistency(&seen, &checkpoint.head, &proof).is_err() {
        return ("422 Unprocessable Entity", String::new());
    }
    *seen = checkpoint.head;
    let other = WitnessSigner::new("witness.example/1".parse().unwrap(), SecretKey::from_seed([10; 32]));
    let by = if manner == Manner::SignsByAnother { &other } else { signer };
    ("200 OK", by.cosign(note.as_bytes(), log, 1_700_000_000).unwrap().1)
}
