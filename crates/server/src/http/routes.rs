//! Every route of the HTTP API: its path, who may use it, and what it is called. The only table of them.
//!
//! What never happens here: a route without an entry about who may use it; a path that means two operations; a path
//! whose meaning depends on decoding. Paths are compared as they were sent, so `%2e%2e`, `//` and `%2f` lead nowhere.

use axum::http::Method;
use omega_gateway::contract::Scope;

/// What a caller must show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    Open,
    /// Any token that is in force.
    Token,
    /// A token with this scope.
    Scope(Scope),
    /// A token with this scope that covers every plugin: what is asked for is no single plugin's.
    WholeScope(Scope),
}

/// One route.
#[derive(Debug)]
pub struct Route {
    /// What it does.
    pub operation: Operation,
    /// By which method.
    pub method: Method,
    /// Its path, with `{parameter}`s.
    pub path: &'static str,
    /// Who may.
    pub access: Access,
    /// Its name in the OpenAPI document.
    pub id: &'static str,
}

macro_rules! routes {
    ($($(#[$doc:meta])* $operation:ident $method:ident $path:literal $access:expr, $id:literal;)*) => {
        /// What can be asked for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Operation { $($(#[$doc])* $operation,)* }

        /// Every route.
        pub static ROUTES: &[Route] = &[$(Route {
            operation: Operation::$operation,
            method: Method::$method,
            path: $path,
            access: $access,
            id: $id,
        },)*];
    };
}

use Access::{Open, Scope as Needs, Token, WholeScope as NeedsWhole};
use Scope::{Invoke, Publish, Read};

routes! {
    /// Checks a manifest's bytes.
    ValidateManifest POST "/v1/manifests:validate" Token, "validateManifest";
    /// Admits a package.
    RegisterPlugin POST "/v1/plugins" Needs(Publish), "registerPlugin";
    /// Lists plugins.
    ListPlugins GET "/v1/plugins" Needs(Read), "listPlugins";
    /// All that is known of one plugin.
    GetPlugin GET "/v1/plugins/{plugin_id}" Needs(Read), "getPlugin";
    /// Lets a version take calls.
    EnablePlugin POST "/v1/plugins/{plugin_id}:enable" Needs(Publish), "enablePlugin";
    /// Stops a plugin from taking calls.
    DisablePlugin POST "/v1/plugins/{plugin_id}:disable" Needs(Publish), "disablePlugin";
    /// Calls a plugin.
    InvokePlugin POST "/v1/plugins/{plugin_id}:invoke" Needs(Invoke), "invoke";
    /// Calls several plugins.
    InvokePipeline POST "/v1/pipelines:invoke" Needs(Invoke), "invokePipeline";
    /// The events of a run.
    GetRun GET "/v1/runs/{run_id}" Needs(Read), "getRun";
    /// The proof of a run.
    ExportProof POST "/v1/runs/{run_id}:export-proof" Needs(Read), "exportProof";
    /// Events of the ledger.
    QueryEvents GET "/v1/ledger/events" Needs(Read), "queryEvents";
    /// The newest checkpoint.
    GetCheckpoint GET "/v1/ledger/checkpoint" Needs(Read), "getCheckpoint";
    /// A full tile of the tree.
    GetTile GET "/v1/ledger/tile/{level}/{index}" Needs(Read), "getTile";
    /// A tile that is not full yet.
    GetPartialTile GET "/v1/ledger/tile/{level}/{index}.p/{width}" Needs(Read), "getPartialTile";
    /// Stores bytes.
    PutArtifact PUT "/v1/artifacts/{sha256}" Needs(Invoke), "putArtifact";
    /// Bytes that are stored.
    GetArtifact GET "/v1/artifacts/{sha256}" NeedsWhole(Read), "getArtifact";
    /// Whether bytes are stored, and how many.
    HeadArtifact HEAD "/v1/artifacts/{sha256}" NeedsWhole(Read), "headArtifact";
    /// Events as they happen.
    StreamEvents GET "/v1/events" Needs(Read), "streamEvents";
    /// Figures for Prometheus.
    GetMetrics GET "/metrics" NeedsWhole(Read), "getMetrics";
    /// The OpenAPI document.
    GetOpenApi GET "/openapi.json" Open, "getOpenApi";
    /// Whether the process lives.
    GetHealth GET "/healthz" Open, "getHealth";
    /// Whether it takes work.
    GetReadiness GET "/readyz" Open, "getReadiness";
}

impl Operation {
    /// Its entry in the table.
    pub fn route(self) -> &'static Route {
        ROUTES.iter().find(|route| route.operation == self).unwrap_or(&ROUTES[0])
    }

    /// Its name in the OpenAPI document, for metrics and logs.
    pub fn id(self) -> &'static str {
        self.route().id
    }
}

/// What a path and a method mean.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'p> {
    /// This operation, with the parameters of its path as they were sent.
    Route(Operation, Parameters<'p>),
    /// Nothing has this path.
    NoSuchPath,
    /// Something has it, by other methods.
    OtherMethods(Vec<&'static Method>),
}

/// Parameters of a path, undecoded, in the path's order. The index of a tile, which may be of several segments, is one.
pub(super) type Parameters<'p> = Vec<&'p str>;

/// Finds what is meant.
pub(super) fn find<'p>(method: &Method, path: &'p str) -> Found<'p> {
    let mut others = Vec::new();
    for route in ROUTES {
        let Some(parameters) = parameters(route.path, path) else { continue };
        if route.method == *method {
            return Found::Route(route.operation, parameters);
        }
        if !others.contains(&&route.method) {
            others.push(&route.method);
        }
    }
    if others.is_empty() { Found::NoSuchPath } else { Found::OtherMethods(others) }
}

/// The parameters of `path` where it has the form of `template`.
///
/// A parameter is a part of one segment, is never empty, and holds no `:`; in a name, that is written `%3A`. So no
/// name ends like a verb. The index of a tile alone may go over several segments, by the grammar of C2SP tlog-tiles.
fn parameters<'p>(template: &str, path: &'p str) -> Option<Parameters<'p>> {
    let (mut template, mut path, mut found) = (template, path, Vec::new());
    while let Some((literal, rest)) = template.split_once('{') {
        path = path.strip_prefix(literal)?;
        let (name, behind) = rest.split_once('}')?;
        let length = if name == "index" { index_length(path) } else { segment_length(path) };
        let (value, remaining) = path.split_at_checked(length)?;
        if value.is_empty() {
            return None;
        }
        found.push(value);
        (template, path) = (behind, remaining);
    }
    (template == path).then_some(found)
}

fn segment_length(path: &str) -> usize {
    path.find(['/', ':']).unwrap_or(path.len())
}

/// `x001/x234/067`: groups of three digits, all but the last after an `x`.
fn index_length(path: &str) -> usize {
    let digits = |text: &str| text.len() >= 3 && text.bytes().take(3).all(|byte| byte.is_ascii_digit());
    let mut at = 0;
    while let Some(group) = path.get(at..) {
        let is_more = group.strip_prefix('x').is_some_and(digits) && group.as_bytes().get(4) == Some(&b'/');
        if !is_more {
            return if digits(group) { at + 3 } else { 0 };
        }
        at += 5;
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(method: &Method, path: &str) -> Option<(Operation, Vec<String>)> {
        match find(method, path) {
            Found::Route(operation, parameters) => {
                Some((operation, parameters.into_iter().map(str::to_owned).collect()))
            }
            _ => None,
        }
    }

    #[test]
    fn paths_mean_what_they_say() {
        let check = |method: Method, path: &str, expect: Option<(Operation, &[&str])>| {
            let expect =
                expect.map(|(operation, values)| (operation, values.iter().map(ToString::to_string).collect()));
            assert_eq!(operation(&method, path), expect, "{method} {path}");
        };
        check(Method::GET, "/v1/plugins", Some((Operation::ListPlugins, &[])));
        check(Method::GET, "/v1/plugins/hello", Some((Operation::GetPlugin, &["hello"])));
        check(Method::POST, "/v1/plugins/hello:invoke", Some((Operation::InvokePlugin, &["hello"])));
        check(Method::POST, "/v1/plugins/hello:invoke:invoke", None);
        check(Method::POST, "/v1/plugins/:invoke", None);
        check(Method::POST, "/v1/plugins/hello%3Ainvoke", None);
        check(Method::POST, "/v1/plugins/a/b:invoke", None);
        check(Method::GET, "/v1/plugins/", None);
        check(Method::GET, "/v1//plugins", None);
        check(Method::GET, "/v1/plugins/a/", None);
        check(Method::GET, "/v1/../v1/plugins", None);
        check(Method::GET, "/v1/%70lugins", None);
        check(Method::GET, "/v1/runs/a%2Fb", Some((Operation::GetRun, &["a%2Fb"])));
        check(Method::GET, "/v1/runs/a:b", None);
        check(Method::POST, "/v1/runs/a:export-proof", Some((Operation::ExportProof, &["a"])));
        check(Method::GET, "/v1/ledger/tile/0/067", Some((Operation::GetTile, &["0", "067"])));
        check(Method::GET, "/v1/ledger/tile/0/x001/x234/067", Some((Operation::GetTile, &["0", "x001/x234/067"])));
        check(
            Method::GET,
            "/v1/ledger/tile/entries/x001/067.p/9",
            Some((Operation::GetPartialTile, &["entries", "x001/067", "9"])),
        );
        check(Method::GET, "/v1/ledger/tile/0/67", None);
        check(Method::GET, "/v1/ledger/tile/0/001/067", None);
        check(Method::GET, "/v1/ledger/tile/0/x001", None);
        check(Method::GET, "/v1/ledger/tile/0/x00é/067", None);
        check(Method::GET, "/v1/ledger/tile/../checkpoint", None);
    }

    #[test]
    fn what_goes_by_another_method_says_by_which() {
        assert_eq!(find(&Method::POST, "/v1/plugins/hello"), Found::OtherMethods(vec![&Method::GET]));
        assert_eq!(find(&Method::GET, "/v1/plugins/hello:invoke"), Found::OtherMethods(vec![&Method::POST]));
        let artifact = vec![&Method::PUT, &Method::GET, &Method::HEAD];
        assert_eq!(find(&Method::DELETE, "/v1/artifacts/x"), Found::OtherMethods(artifact));
        assert_eq!(find(&Method::GET, "/v1/trust"), Found::NoSuchPath);
    }

    #[test]
    fn each_operation_has_one_route() {
        for (number, route) in ROUTES.iter().enumerate() {
            let twin = ROUTES.iter().position(|other| other.operation == route.operation);
            assert_eq!(twin, Some(number), "{:?}", route.operation);
        }
    }
}
