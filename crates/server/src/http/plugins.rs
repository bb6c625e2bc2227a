//! Plugins: the list, one of them, and whether it takes calls.

use axum::body::Body;
use axum::response::Response;
use hyper::body::Body as _;
use omega_gateway::contract::plugin_info::LaneKind;
use omega_gateway::contract::{PluginId, PluginInfo, PluginRef, PluginStatus, Sha256Hex};
use omega_gateway::{GatewayError, Page, PluginFilter};
use semver::Version;
use serde::Deserialize;

use super::auth::Principal;
use super::body::{check_media_type, json as read_json};
use super::problem::Problem;
use super::query::{path_name, read};
use super::serve::{Asked, blocking, json};
use super::views;

/// Rows that are read for one page at most, however few of them the token may see.
const ROWS_READ_MAX: usize = 10_000;
/// Bytes of the small bodies here.
const BODY_BYTES_MAX: u64 = 4 * 1024;

/// Where a page goes on: the last row that was looked at.
type After = (PluginId, Version, Sha256Hex);

impl Asked<'_> {
    /// The plugin that the path names, if the token is for it.
    pub(super) fn plugin_id(&self) -> Result<PluginId, Problem> {
        let plugin_id = path_name("plugin_id", self.parameter(0))?;
        self.principal.require(&plugin_id)?;
        Ok(plugin_id)
    }
}

pub(super) async fn list(asked: Asked<'_>) -> Result<Response, Problem> {
    let Asked { principal, mut query, .. } = asked;
    let status = [PluginStatus::Registered, PluginStatus::Enabled, PluginStatus::Disabled, PluginStatus::Rejected];
    let lanes = [LaneKind::Wasm, LaneKind::Worker, LaneKind::Container];
    let filter = PluginFilter {
        plugin_id: query.take("plugin")?,
        status: query.word("status", &status.map(|status| (status.as_str(), status)))?,
        lane: query.word("lane", &lanes.map(|lane| (lane.as_str(), lane)))?,
    };
    let limit = query.limit()?;
    let after = query.text("cursor")?.map(|cursor| read_cursor(&cursor)).transpose()?;
    query.refuse_rest()?;
    json(&blocking(move || page(&principal, &filter, after, limit)).await?)
}

/// Rows of the registry are read until the page is full; a token sees its plugins only.
fn page(
    principal: &Principal,
    filter: &PluginFilter,
    mut after: Option<After>,
    limit: usize,
) -> Result<views::PluginPage, GatewayError> {
    let mut plugins = Vec::new();
    let mut rows_read = 0;
    let rows_max = u32::try_from(limit).unwrap_or(u32::MAX);
    loop {
        let rows = principal.gateway().list_plugins(filter, &Page { after: after.clone(), rows_max })?;
        let is_last = rows.len() < limit;
        for info in rows {
            rows_read += 1;
            after = Some((info.plugin_id.clone(), info.version.clone(), info.package_digest));
            if principal.token().covers(&info.plugin_id) {
                plugins.push(info.into());
            }
            if plugins.len() == limit {
                return Ok(views::PluginPage { plugins, next: after.as_ref().map(cursor) });
            }
        }
        if is_last {
            return Ok(views::PluginPage { plugins, next: None });
        }
        if rows_read >= ROWS_READ_MAX {
            return Ok(views::PluginPage { plugins, next: after.as_ref().map(cursor) });
        }
    }
}

fn cursor((plugin_id, version, digest): &After) -> String {
    format!("{plugin_id}@{version}@{digest}")
}

fn read_cursor(text: &str) -> Result<After, Problem> {
    let mut parts = text.split('@');
    let (Some(plugin_id), Some(version), Some(digest), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Problem::malformed("`cursor` is not one that this server gave"));
    };
    Ok((read("cursor", plugin_id)?, read("cursor", version)?, read("cursor", digest)?))
}

pub(super) async fn details(mut asked: Asked<'_>) -> Result<Response, Problem> {
    let plugin_id = asked.plugin_id()?;
    let version = asked.query.take("version")?;
    asked.query.refuse_rest()?;
    let gateway = asked.principal.gateway().clone();
    let reference = PluginRef { plugin_id, version };
    let details = blocking(move || gateway.plugin_details(&reference)).await?;
    json(&views::PluginDetails::from(details))
}

/// What to enable.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Enable {
    /// Left out: the highest version.
    #[serde(default, deserialize_with = "present")]
    version: Option<Version>,
}

/// A field that may be left out but is not null where it is there.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Version>, D::Error> {
    Version::deserialize(deserializer).map(Some)
}

/// Nothing may be said here.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Disable {}

pub(super) async fn enable(asked: Asked<'_>, body: Body) -> Result<Response, Problem> {
    let plugin_id = asked.plugin_id()?;
    asked.query.refuse_rest()?;
    let Enable { version } = optional(&asked, body).await?;
    shown(asked.principal.gateway().enable_plugin(&plugin_id, version.as_ref()).await)
}

pub(super) async fn disable(asked: Asked<'_>, body: Body) -> Result<Response, Problem> {
    let plugin_id = asked.plugin_id()?;
    asked.query.refuse_rest()?;
    let Disable {} = optional(&asked, body).await?;
    shown(asked.principal.gateway().disable_plugin(&plugin_id).await)
}

fn shown(info: Result<PluginInfo, GatewayError>) -> Result<Response, Problem> {
    json(&views::Plugin::from(info?))
}

/// A small JSON body, which may be left out.
async fn optional<T: serde::de::DeserializeOwned + Default>(asked: &Asked<'_>, body: Body) -> Result<T, Problem> {
    if body.is_end_stream() {
        return Ok(T::default());
    }
    check_media_type(asked.headers, &body, "application/json")?;
    let held = asked.read(body, BODY_BYTES_MAX).await?;
    if held.bytes.is_empty() {
        return Ok(T::default());
    }
    read_json(&held.bytes, BODY_BYTES_MAX)
}
