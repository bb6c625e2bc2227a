//! `omega serve --demo`: the example plugins in a temporary home, and a line that calls one of them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use omega_gateway::contract::{ErrorCode, Scope};
use omega_gateway::{Gateway, Home, HomeError, TokenSecret, signed_package};
use serde_json::json;
use tempfile::TempDir;

use crate::embedded::DEMO_PACKAGES;
use crate::fault::Fault;
use crate::output::{Cell, Counted, Form, Output, Tone};
use crate::session::{self, Session};
use crate::verbs::demo::{no_packages, package, temporary_folder};

/// Where it listens, unless told otherwise.
pub(super) const ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7077);
/// What the line to try sends, and to whom.
const PLUGIN: &str = "hello";
const BODY: &str = r#"{"payload":{"kind":"text","content":"Ada","encoding":"utf-8","metadata":{}}}"#;

/// A home that goes away with the server.
pub(super) struct DemoHome {
    pub(super) gateway: Gateway,
    secret: TokenSecret,
    _folder: TempDir,
}

impl DemoHome {
    /// Every example enabled, and a token that may look and call.
    pub(super) async fn new(session: &Session, output: &Output) -> Result<Self, Fault> {
        let examples = || DEMO_PACKAGES.iter().map(|(name, _)| *name).filter(|name| name.starts_with("examples/"));
        if examples().next().is_none() {
            return Err(no_packages());
        }
        let folder = temporary_folder()?;
        let home = Home::init(&folder.path().join("home"), session::now())?;
        let gateway = Gateway::open(&home, session.open_options()).await?;
        let key = home.operator_key().map_err(HomeError::from)?;
        let progress = output.progress("enabling the examples", Counted::Things, Some(examples().count() as u64));
        for name in examples() {
            let info = gateway.register_plugin(signed_package(package(name)?, &key)?).await?;
            gateway.enable_plugin(&info.plugin_id, Some(&info.version)).await?;
            progress.step();
        }
        drop(progress);
        let name = "demo".parse().map_err(|error| Fault::new(ErrorCode::Io).because(error))?;
        let scopes = vec![Scope::Read, Scope::Invoke];
        let (_, secret) = gateway.admin().create_token(name, scopes, Vec::new(), None).await?;
        Ok(Self { gateway, secret, _folder: folder })
    }

    /// What to try.
    pub(super) fn tell(&self, url: &str, output: &mut Output) -> Result<(), Fault> {
        let secret = self.secret.reveal();
        if output.form() == Form::Json {
            return output.json_line(&json!({"token": secret}));
        }
        output.line([Cell::plain("The home goes away with the server. To try it:")])?;
        let line = format!(
            "curl -s {url}/v1/plugins/{PLUGIN}:invoke -H 'authorization: Bearer {secret}' \
             -H 'content-type: application/json' -d '{BODY}'"
        );
        output.line([Cell::new(Tone::Name, line)])
    }
}
