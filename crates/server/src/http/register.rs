//! What comes in to be admitted: manifests to be checked, packages to be registered.
//!
//! What never happens here: a package that is stored or judged before its manifest names a plugin that the token is for.

use axum::body::Body;
use axum::response::Response;
use omega_gateway::contract::limits::MANIFEST_BYTES_MAX;
use omega_gateway::contract::manifest::MANIFEST_FILE;
use omega_gateway::contract::{PluginId, strict_json};
use omega_gateway::package_source::{ARCHIVE_BYTES_MAX, read_tar_stream};
use omega_gateway::{PackageFiles, contract::ErrorCode};

use super::auth::denied;
use super::body::{busy, check_media_type};
use super::problem::Problem;
use super::serve::{Asked, json};
use super::views;

pub(super) async fn validate(asked: Asked<'_>, body: Body) -> Result<Response, Problem> {
    asked.query.refuse_rest()?;
    check_media_type(asked.headers, &body, "application/json")?;
    let held = asked.read(body, MANIFEST_BYTES_MAX).await?;
    if held.bytes.is_empty() {
        return Err(Problem::malformed("there is no body"));
    }
    let gateway = asked.principal.gateway().clone();
    let report = tokio::task::spawn_blocking(move || gateway.validate_manifest(&held.bytes)).await;
    let report = report.map_err(|_| Problem::new(ErrorCode::Io, "a worker ended early"))?;
    json(&views::Report::from(report))
}

pub(super) async fn register(asked: Asked<'_>, body: Body) -> Result<Response, Problem> {
    asked.query.refuse_rest()?;
    check_media_type(asked.headers, &body, "application/x-tar")?;
    let _place = asked.served.packages.try_acquire().map_err(|_| busy())?;
    let incoming = asked.incoming(body, ARCHIVE_BYTES_MAX)?;
    let files = incoming.stream_to(read_tar_stream).await??;
    if !asked.principal.token().covers_all() {
        let plugin_id = named(&files)
            .ok_or_else(|| denied("the token is for some plugins, and the package's manifest names none"))?;
        asked.principal.require(&plugin_id)?;
    }
    let info = asked.principal.gateway().register_plugin(files).await?;
    json(&views::Plugin::from(info))
}

/// The plugin that a package's manifest names, whatever else is wrong with it.
fn named(files: &PackageFiles) -> Option<PluginId> {
    let manifest = strict_json::parse(files.get(MANIFEST_FILE)?, MANIFEST_BYTES_MAX).ok()?;
    manifest.get("plugin_id")?.as_str()?.parse().ok()
}
