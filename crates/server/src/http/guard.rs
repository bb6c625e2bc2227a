//! Whether a request is meant for this server, and whether a web page of somebody else's sent it.
//!
//! A page may make its own name mean this server's address (DNS rebinding): then `Host` is the page's. It may send
//! requests across origins: then `Origin` is the page's, or `Sec-Fetch-Site` says so. Neither gets further than here.
//!
//! What never happens here: an answer that a page of another origin may read, unless the operator listed it.

use axum::body::Body;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, CACHE_CONTROL,
    CONTENT_SECURITY_POLICY, HOST, ORIGIN, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use omega_gateway::contract::ErrorCode;

use super::options::HttpOptions;
use super::problem::Problem;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// What a listed origin's page may send and read.
const ALLOWED_HEADERS: &str = "authorization, content-type, last-event-id, traceparent";
const ALLOWED_METHODS: &str = "GET, HEAD, POST, PUT";
const EXPOSED_HEADERS: &str = "retry-after, www-authenticate, content-length";
/// Seconds for which a browser need not ask again.
const PREFLIGHT_SECONDS: &str = "600";

/// A request that was let through.
#[derive(Debug)]
pub(super) struct Passed {
    /// The listed origin whose page sent it.
    pub(super) origin: Option<HeaderValue>,
    /// It only asks what such a page may do.
    pub(super) is_preflight: bool,
}

/// Looks at everything but what the request asks for.
pub(super) fn check(request: &Request<Body>, options: &HttpOptions) -> Result<Passed, Problem> {
    check_sizes(request, options)?;
    let host = check_host(request, options)?;
    let origin = check_origin(request.headers(), host, options)?;
    let asks = request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let is_preflight = request.method() == Method::OPTIONS && asks && origin.is_some();
    Ok(Passed { origin, is_preflight })
}

fn check_sizes(request: &Request<Body>, options: &HttpOptions) -> Result<(), Problem> {
    let uri_bytes = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
    if uri_bytes > options.uri_bytes_max {
        return Err(Problem::of_request(StatusCode::URI_TOO_LONG, "the path and query are longer than is taken"));
    }
    let header_bytes: usize =
        request.headers().iter().map(|(name, value)| name.as_str().len() + value.as_bytes().len()).sum();
    if header_bytes > options.header_bytes_max {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return Err(Problem::of_request(status, "the headers are larger than is taken"));
    }
    Ok(())
}

/// The only value of a header; none where it is missing.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h HeaderValue>, Problem> {
    let mut values = headers.get_all(name).iter();
    let value = values.next();
    if values.next().is_some() {
        return Err(Problem::malformed(format!("more than one `{name}`")));
    }
    Ok(value)
}

fn check_host<'r>(request: &'r Request<Body>, options: &HttpOptions) -> Result<&'r str, Problem> {
    let host = only(request.headers(), &HOST)?.ok_or_else(|| Problem::malformed("there is no `Host`"))?;
    let host = host.to_str().map_err(|_| Problem::malformed("`Host` is not ASCII"))?;
    // A request line may name the server too, as to a proxy; it then counts (RFC 9112, section 3.2.2).
    let named = request.uri().authority().map(axum::http::uri::Authority::as_str);
    let is_ours = |name: &str| options.hosts.iter().any(|ours| ours.eq_ignore_ascii_case(name));
    if is_ours(host) && named.is_none_or(is_ours) {
        return Ok(host);
    }
    Err(Problem::new(ErrorCode::HostRefused, "this server does not go by the name that `Host` says"))
}

fn check_origin(headers: &HeaderMap, host: &str, options: &HttpOptions) -> Result<Option<HeaderValue>, Problem> {
    let refused = |why| Err(Problem::new(ErrorCode::OriginRefused, why));
    if let Some(origin) = only(headers, &ORIGIN)? {
        let text = origin.to_str().unwrap_or_default();
        let scheme = if options.tls { "https" } else { "http" };
        let own = text.strip_prefix(scheme).and_then(|text| text.strip_prefix("://"));
        if own.is_some_and(|own| own.eq_ignore_ascii_case(host)) {
            return Ok(None);
        }
        if options.origins.iter().any(|listed| listed == text) {
            return Ok(Some(origin.clone()));
        }
        return refused("a page of this origin may not use this server");
    }
    // What a browser sends without `Origin` (a picture, a link): `same-site` is another port of this machine, say.
    match only(headers, &SEC_FETCH_SITE)?.map(HeaderValue::as_bytes) {
        None | Some(b"same-origin" | b"none") => Ok(None),
        Some(_) => refused("a page of another origin may not use this server"),
    }
}

/// The answer to a preflight request of a listed origin.
pub(super) fn preflight() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(ALLOWED_METHODS));
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(ALLOWED_HEADERS));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(PREFLIGHT_SECONDS));
    response
}

/// What every answer says to a browser.
pub(super) fn seal(headers: &mut HeaderMap, origin: Option<HeaderValue>, options: &HttpOptions) {
    let fixed = HeaderValue::from_static;
    headers.insert(X_CONTENT_TYPE_OPTIONS, fixed("nosniff"));
    headers.insert(CONTENT_SECURITY_POLICY, fixed("default-src 'none'; frame-ancestors 'none'; sandbox"));
    headers.insert(REFERRER_POLICY, fixed("no-referrer"));
    headers.insert(RESOURCE_POLICY, fixed("same-origin"));
    headers.entry(CACHE_CONTROL).or_insert(fixed("no-store"));
    if !options.origins.is_empty() {
        headers.append(VARY, fixed("origin"));
    }
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, fixed(EXPOSED_HEADERS));
    }
}
