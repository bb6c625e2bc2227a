//! Hostile: connects out and listens, which needs an interface that the wasm lane does not have.

use std::net::{TcpListener, TcpStream};

use omega_plugin::{Refusal, Text, plugin};

#[plugin]
fn handle(_: Text) -> Result<Text, Refusal> {
    let out = TcpStream::connect(("127.0.0.1", 80)).is_ok();
    let listening = TcpListener::bind(("127.0.0.1", 0)).is_ok();
    Ok(Text::new(format!("connected: {out}, listening: {listening}")))
}
