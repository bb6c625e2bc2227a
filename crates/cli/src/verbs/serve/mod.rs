//! `omega serve`: one process that holds the home, for all who ask.

mod demo;

use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use omega_gateway::Gateway;
use omega_gateway::contract::ErrorCode;
use omega_server::{ServeOptions, Server, TlsFiles};
use sd_notify::NotifyState;
use serde_json::json;

use self::demo::DemoHome;
use crate::fault::{Exit, Fault};
use crate::output::{Cell, Form, Output, Tone};
use crate::session::{self, Session};
use crate::show;
use crate::verbs::signals::Signals;

/// Hold the home and work for every command and over HTTP, until SIGTERM or Ctrl-C
///
/// Commands on this home are sent to it over a socket in the home, which only you can open. They are then faster: nothing
/// is opened or compiled anew. With --listen, programs that have a token reach it over HTTP (see docs/serve.md); other
/// machines only over TLS.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega serve --listen 127.0.0.1:7077")]
pub(crate) struct Serve {
    /// Where to listen for HTTP; may be given several times [default: serve.listen in omega.toml]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Vec<SocketAddr>,
    /// The certificate chain (PEM); read again when it changes
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// How long calls may still take once it is to stop [default: serve.grace_ms in omega.toml]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(..=GRACE_SECONDS_MAX))]
    grace: Option<u64>,
    /// Serve the example plugins from a temporary home, and print a line to try
    #[arg(long)]
    demo: bool,
}

/// Seconds that calls may still take at most: one hour.
const GRACE_SECONDS_MAX: u64 = 3_600;

impl Serve {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        session::runtime()?.block_on(async {
            let signals = Signals::listen()?;
            if !self.demo {
                let gateway = session.open().await?;
                return self.serve(gateway, None, signals, output).await;
            }
            if session.explicit_home().is_some() {
                return Err(Fault::usage("The demonstration has a home of its own.")
                    .hint("Leave out `--home`, or serve that home without `--demo`."));
            }
            let demo = DemoHome::new(session, output).await?;
            self.serve(demo.gateway.clone(), Some(demo), signals, output).await
        })
    }

    async fn serve(
        self,
        gateway: Gateway,
        demo: Option<DemoHome>,
        signals: Signals,
        output: &mut Output,
    ) -> Result<Exit, Fault> {
        let home = gateway.home().path().display().to_string();
        let options = self.options(&gateway, output)?;
        let scheme = if options.tls.is_some() { "https" } else { "http" };
        let server = Server::bind(gateway, options).await?;
        let urls: Vec<String> = server.addresses().iter().map(|address| format!("{scheme}://{address}")).collect();
        announce(&home, &urls, output)?;
        if let (Some(demo), Some(url)) = (&demo, urls.first()) {
            demo.tell(url, output)?;
        }
        // Without a service manager there is nobody to tell.
        let _untold = sd_notify::notify(&[NotifyState::Ready]).is_err();
        let (mut first, mut second) = signals.split();
        let stopping = async {
            first.came().await;
            let _untold = sd_notify::notify(&[NotifyState::Stopping]).is_err();
        };
        let report = server.run(stopping, second.came()).await?;
        let mut last = vec![Cell::new(Tone::Good, "Stopped:"), Cell::plain(show::count(report.events, "event"))];
        if report.cut_off {
            last.push(Cell::new(Tone::Warning, "what was still under way was cut off, see `omega ledger tail`"));
        }
        output.note(last);
        Ok(Exit::Done)
    }

    /// `omega.toml`, with the flags over it.
    fn options(&self, gateway: &Gateway, output: &Output) -> Result<ServeOptions, Fault> {
        let notes = output.notes();
        let tell = Arc::new(move |text: String| notes.note([Cell::new(Tone::Warning, "serve:"), Cell::plain(text)]));
        let mut options = ServeOptions::of(gateway.config(), tell);
        if !self.listen.is_empty() {
            options.listen = self.listen.clone();
        } else if self.demo {
            options.listen = vec![demo::ADDRESS];
        }
        if let (Some(cert), Some(key)) = (&self.tls_cert, &self.tls_key) {
            // What is wrong with files that the command line names is not omega.toml's fault.
            for file in [cert, key] {
                File::open(file).map_err(|error| Fault::file(file, &error))?;
            }
            options.tls = Some(TlsFiles { cert: cert.clone(), key: key.clone() });
        }
        if let Some(seconds) = self.grace {
            options.grace = Duration::from_secs(seconds);
        }
        let given = |error: std::io::Error| Fault::new(ErrorCode::Io).with("socket", "handed over").because(error);
        let mut inherited = listenfd::ListenFd::from_env();
        for place in 0..inherited.len() {
            options.inherited.extend(inherited.take_tcp_listener(place).map_err(given)?);
        }
        Ok(options)
    }
}

/// Says that it is ready, and where; a program waits for these lines.
fn announce(home: &str, urls: &[String], output: &mut Output) -> Result<(), Fault> {
    if output.form() == Form::Json {
        output.json_line(&json!({"serving": home}))?;
        return urls.iter().try_for_each(|url| output.json_line(&json!({"listening": url})));
    }
    output.line([Cell::new(Tone::Good, "Serving:"), Cell::new(Tone::Strong, home)])?;
    urls.iter().try_for_each(|url| output.line([Cell::plain("listening on"), Cell::new(Tone::Name, url)]))
}
