//! pip's format, of which a lock needs little: `NAME[EXTRAS]==VERSION ; MARKER --hash=sha256:…`, comments and
//! continued lines. All else (options, addresses, files, editable installs) is refused, because it is either a choice that
//! the operator makes or no pin.

use super::{LOCK_REQUIREMENTS_MAX, LockFault, LockedRequirement, REQUIREMENTS_FILE};
use crate::field_path::shown;

const HASH: &str = "--hash";
const SHA256: &str = "sha256:";

pub(super) fn read(text: &str) -> Result<Vec<LockedRequirement>, LockFault> {
    let mut requirements = Vec::new();
    let mut logical = String::new();
    let mut begins_at = None;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (number, line) in (1..).zip(text.lines()) {
        if let Some(c) = line.chars().find(|c| c.is_control() && *c != '\t') {
            return Err(LockFault::of(REQUIREMENTS_FILE, number, format!("holds the control character {c:?}")));
        }
        let is_comment = line.trim_start().starts_with('#');
        let (part, goes_on) = match line.strip_suffix('\\') {
            Some(part) if !is_comment => (part, true),
            _ => (without_comment(line), false),
        };
        // A comment between continued lines ends nothing: pip-compile writes such.
        if is_comment && begins_at.is_some() {
            continue;
        }
        if begins_at.is_none() && !part.trim().is_empty() {
            begins_at = Some(number);
        }
        logical.push_str(part);
        logical.push(' ');
        if goes_on {
            continue;
        }
        if let Some(begins_at) = begins_at.take() {
            requirements.push(requirement(&logical, begins_at)?);
            if requirements.len() > LOCK_REQUIREMENTS_MAX {
                let what = format!("more than {LOCK_REQUIREMENTS_MAX} requirements");
                return Err(LockFault::of(REQUIREMENTS_FILE, number, what));
            }
        }
        logical.clear();
    }
    match begins_at {
        Some(begins_at) => Err(LockFault::of(REQUIREMENTS_FILE, begins_at, "goes on behind the end of the file")),
        None => Ok(requirements),
    }
}

/// A comment begins at the line's start or behind a space.
fn without_comment(line: &str) -> &str {
    let begins = |(at, _): &(usize, &str)| line[..*at].chars().next_back().is_none_or(char::is_whitespace);
    let comment = line.match_indices('#').find(begins);
    comment.map_or(line, |(at, _)| &line[..at])
}

fn requirement(text: &str, line: usize) -> Result<LockedRequirement, LockFault> {
    let fault = |what: String| LockFault::of(REQUIREMENTS_FILE, line, what);
    let words: Vec<&str> = text.split_whitespace().collect();
    let options_at = words.iter().position(|word| word.starts_with('-')).unwrap_or(words.len());
    let (what, options) = words.split_at(options_at);
    if what.is_empty() {
        let option = shown(options.first().copied().unwrap_or_default());
        return Err(fault(format!(
            "the option {option} is not taken: where packages come from is the operator's to say"
        )));
    }
    let what = what.join(" ");
    let (pinned, marker) = match what.split_once(';') {
        Some((pinned, marker)) => (pinned.trim(), Some(marker.trim().to_owned())),
        None => (what.as_str(), None),
    };
    if pinned.contains('@') || pinned.contains("://") || pinned.contains('/') {
        return Err(fault(format!("{:?} is a place and no name and version; write NAME==VERSION", shown(pinned))));
    }
    let not_pinned = || fault(format!("{:?} is not pinned; write NAME==VERSION --hash=sha256:…", shown(pinned)));
    let (name, version) = pinned.split_once("==").ok_or_else(not_pinned)?;
    let (name, extras) = match name.trim().split_once('[') {
        Some((name, extras)) => {
            let extras = extras.strip_suffix(']').ok_or_else(not_pinned)?;
            (name.trim(), extras.split(',').map(|extra| extra.trim().to_owned()).collect())
        }
        None => (name.trim(), Vec::new()),
    };
    LockedRequirement {
        line,
        name: name.to_owned(),
        extras,
        version: version.trim().to_owned(),
        marker,
        sha256: hashes(options, line)?,
    }
    .checked(REQUIREMENTS_FILE)
}

fn hashes(options: &[&str], line: usize) -> Result<std::collections::BTreeSet<omega_contract::Sha256Hex>, LockFault> {
    let fault = |what: String| LockFault::of(REQUIREMENTS_FILE, line, what);
    let mut found = std::collections::BTreeSet::new();
    let mut words = options.iter().copied();
    while let Some(word) = words.next() {
        let value = match word.strip_prefix(HASH) {
            Some("") => words.next().unwrap_or_default(),
            Some(rest) if rest.starts_with('=') => &rest[1..],
            _ => return Err(fault(format!("the option {} is not taken; only --hash is", shown(word)))),
        };
        let Some(digits) = value.strip_prefix(SHA256) else {
            return Err(fault(format!("{:?} is no sha256: hash", shown(value))));
        };
        let hash = digits.parse().map_err(|_| fault(format!("{:?} is not 64 lower-case hex digits", shown(digits))))?;
        found.insert(hash);
    }
    Ok(found)
}
