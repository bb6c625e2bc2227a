//! `pylock.toml` (PEP 751), of which a name, a version, a marker and hashes are taken. Addresses in it are not followed:
//! where packages come from is the operator's to say, and the hashes hold wherever that is.

use std::collections::BTreeSet;

use omega_contract::Sha256Hex;
use toml::{Table, Value};

use super::{LOCK_REQUIREMENTS_MAX, LockFault, LockedRequirement, PYLOCK_FILE, PYPROJECT_FILE};
use crate::field_path::shown;

/// The SDK is not a dependency: a worker finds it beside the plugin.
const SDK: &str = "omega-plugin";

pub(super) fn read(text: &str) -> Result<Vec<LockedRequirement>, LockFault> {
    let fault = |what: String| LockFault::of(PYLOCK_FILE, None, what);
    let lock = table(text, PYLOCK_FILE)?;
    match lock.get("lock-version").and_then(Value::as_str) {
        Some(version) if version == "1.0" || version.starts_with("1.") => {}
        _ => return Err(fault("`lock-version` is not 1.x".into())),
    }
    let packages = match lock.get("packages") {
        None => return Ok(Vec::new()),
        Some(packages) => packages.as_array().ok_or_else(|| fault("`packages` is not an array of tables".into()))?,
    };
    if packages.len() > LOCK_REQUIREMENTS_MAX {
        return Err(fault(format!("more than {LOCK_REQUIREMENTS_MAX} packages")));
    }
    // TOML that was read names no lines; the heads of the tables do.
    let heads: Vec<usize> = (1..)
        .zip(text.lines())
        .filter(|(_, line)| line.trim_start().starts_with("[[packages]]"))
        .map(|(number, _)| number)
        .collect();
    let line_of = |index: usize| if heads.len() == packages.len() { heads[index] } else { index + 1 };
    packages.iter().enumerate().map(|(index, package)| one(package, line_of(index))).collect()
}

fn one(package: &Value, line: usize) -> Result<LockedRequirement, LockFault> {
    let fault = |what: String| LockFault::of(PYLOCK_FILE, line, what);
    let text = |key: &str| package.get(key).and_then(Value::as_str).map(str::to_owned);
    let name = text("name").ok_or_else(|| fault("a package has no name".into()))?;
    if let Some(place) = ["vcs", "directory", "archive"].into_iter().find(|key| package.get(key).is_some()) {
        return Err(fault(format!("{} comes from a `{place}`; only released files are taken", shown(&name))));
    }
    let version = text("version").ok_or_else(|| fault(format!("{} is not pinned: it has no version", shown(&name))))?;
    let wheels = package.get("wheels").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let sha256 = wheels
        .iter()
        .chain(package.get("sdist"))
        .map(|file| {
            let digits = file.get("hashes").and_then(|hashes| hashes.get("sha256")).and_then(Value::as_str);
            let digits = digits.ok_or_else(|| fault(format!("a file of {} has no hashes.sha256", shown(&name))))?;
            digits.parse().map_err(|_| fault(format!("{:?} is not 64 lower-case hex digits", shown(digits))))
        })
        .collect::<Result<BTreeSet<Sha256Hex>, _>>()?;
    LockedRequirement { line, name, extras: Vec::new(), version, marker: text("marker"), sha256 }.checked(PYLOCK_FILE)
}

/// A project that names what it needs, in a package that pins nothing.
pub(super) fn refuse_unlocked(text: &str) -> Result<(), LockFault> {
    let project = table(text, PYPROJECT_FILE)?;
    let needs = project.get("project").and_then(|project| project.get("dependencies")).and_then(Value::as_array);
    let names = needs.into_iter().flatten().filter_map(Value::as_str);
    let other = names.into_iter().find(|need| {
        let name: String = need.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect();
        super::normalized(&name) != SDK
    });
    match other {
        None => Ok(()),
        Some(need) => Err(LockFault::of(
            PYPROJECT_FILE,
            None,
            format!(
                "`project.dependencies` names {:?}, and no {} or {PYLOCK_FILE} pins it",
                shown(need),
                super::REQUIREMENTS_FILE
            ),
        )),
    }
}

fn table(text: &str, file: &'static str) -> Result<Table, LockFault> {
    text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        LockFault::of(file, line, error.message().to_owned())
    })
}
