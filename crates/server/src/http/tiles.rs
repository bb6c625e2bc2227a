//! The log as others check it: its newest checkpoint, and its tree in tiles (C2SP tlog-tiles).
//!
//! Whoever may read gets hashes only, of the whole log: they say nothing of what they are hashes of.

use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::response::Response;
use omega_gateway::contract::ErrorCode;

use super::problem::Problem;
use super::query::whole_number;
use super::serve::{Asked, blocking, with_type};

/// Hashes of a full tile.
const TILE_WIDTH: u64 = 256;
/// A full tile never changes. Private: it is given for a token.
const NEVER_CHANGES: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");

pub(super) fn checkpoint(asked: Asked<'_>) -> Result<Response, Problem> {
    asked.query.refuse_rest()?;
    let note = asked.principal.gateway().newest_checkpoint();
    Ok(with_type(note.as_str().to_owned(), "text/plain; charset=utf-8"))
}

pub(super) async fn tile(asked: Asked<'_>) -> Result<Response, Problem> {
    asked.query.refuse_rest()?;
    let no_such = || Problem::new(ErrorCode::NotFound, "the tree has no such tile");
    let number = tile_number(asked.parameter(1)).ok_or_else(no_such)?;
    let width = match asked.parameters.get(2) {
        Some(width) if width.starts_with('0') => return Err(no_such()),
        Some(width) => whole_number("width", width, 1, TILE_WIDTH - 1)?,
        None => TILE_WIDTH,
    };
    let level = match asked.parameter(0) {
        "entries" => None,
        level => Some(whole_number("level", level, 0, 63)?),
    };
    if asked.parameter(0).len() > 1 && asked.parameter(0).starts_with('0') {
        return Err(no_such());
    }
    let gateway = asked.principal.gateway().clone();
    let bytes = blocking(move || match level {
        Some(level) => gateway.tile(u32::try_from(level).unwrap_or(u32::MAX), number, width),
        None => gateway.entries_tile(number, width),
    });
    let mut response = with_type(bytes.await?.ok_or_else(no_such)?, "application/octet-stream");
    if width == TILE_WIDTH {
        response.headers_mut().insert(CACHE_CONTROL, NEVER_CHANGES);
    }
    Ok(response)
}

/// `x001/x234/067` is 1,234,067; the only form of each number, without groups of zeros before it.
fn tile_number(path: &str) -> Option<u64> {
    let mut number = 0_u64;
    for (place, group) in path.split('/').enumerate() {
        let group: u64 = group.strip_prefix('x').unwrap_or(group).parse().ok()?;
        if place == 0 && group == 0 && path.len() > 3 {
            return None;
        }
        number = number.checked_mul(1_000)?.checked_add(group)?;
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_has_one_path() {
        assert_eq!(tile_number("067"), Some(67));
        assert_eq!(tile_number("000"), Some(0));
        assert_eq!(tile_number("x001/x234/067"), Some(1_234_067));
        assert_eq!(tile_number("x001/000"), Some(1_000));
        assert_eq!(tile_number("x000/067"), None);
        assert_eq!(tile_number(&format!("{}067", "x999/".repeat(8))), None);
    }
}
