//! Rules on what surrounds the code: documents that must mention things, manifests that must inherit.

use super::Finding;
use super::rules::{OWN_LINTS, TEMPLATES};
use super::tree::Tree;

const ARCHITECTURE: &str = "docs/ARCHITECTURE.md";
const CHANGELOG: &str = "CHANGELOG.md";

/// Documents that every checkout has.
const DOCUMENTS: [&str; 5] = ["README.md", "LICENSE", CHANGELOG, ARCHITECTURE, "docs/SECURITY.md"];

/// Every rule of this file.
pub(super) fn all(tree: &Tree) -> Vec<Finding> {
    let missing = DOCUMENTS.iter().filter(|path| tree.text(path).is_none());
    let mut findings: Vec<_> = missing.map(|path| Finding::fail(*path, "is not there")).collect();
    findings.extend(architecture(tree));
    findings.extend(changelog(tree));
    findings.extend(lints(tree));
    findings.extend(locks(tree));
    findings
}

/// The architecture page names every room that exists.
fn architecture(tree: &Tree) -> Vec<Finding> {
    let Some(page) = tree.text(ARCHITECTURE) else { return Vec::new() };
    let rooms = tree.folders("crates").into_iter();
    let unnamed =
        rooms.filter(|room| !page.contains(&format!("`{room}`")) && !page.contains(&format!("`crates/{room}`")));
    unnamed.map(|room| Finding::fail(ARCHITECTURE, format!("does not mention the room `{room}`"))).collect()
}

fn changelog(tree: &Tree) -> Vec<Finding> {
    let Some(page) = tree.text(CHANGELOG) else { return Vec::new() };
    let unreleased = |line: &str| matches!(line.trim_end(), "## Unreleased" | "## [Unreleased]");
    if page.lines().any(unreleased) {
        Vec::new()
    } else {
        vec![Finding::fail(CHANGELOG, "has no section `## Unreleased`")]
    }
}

/// Every package inherits the workspace's lints, or is listed with a reason and spells out its own.
fn lints(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.texts().filter(|(path, _)| path.ends_with("Cargo.toml") && !is_template(path)) {
        let manifest: toml::Table = match text.parse() {
            Ok(manifest) => manifest,
            Err(error) => {
                findings.push(Finding::fail(path, format!("is not TOML: {error}")));
                continue;
            }
        };
        if !manifest.contains_key("package") {
            continue;
        }
        let lints = manifest.get("lints").and_then(toml::Value::as_table);
        let inherits = lints.is_some_and(|lints| lints.get("workspace").and_then(toml::Value::as_bool) == Some(true));
        let own = OWN_LINTS.iter().any(|(listed, _)| *listed == path) && lints.is_some_and(|lints| !lints.is_empty());
        if !inherits && !own {
            findings.push(Finding::fail(path, "does not inherit the lints: add `[lints] workspace = true`"));
        }
    }
    findings
}

fn is_template(path: &str) -> bool {
    TEMPLATES.iter().any(|folder| path.starts_with(folder))
}

/// Every workspace is committed with its lock file.
fn locks(tree: &Tree) -> Vec<Finding> {
    let ours = tree.texts().filter(|(path, _)| !is_template(path));
    let workspaces = ours.filter_map(|(path, text)| {
        let folder = path.strip_suffix("Cargo.toml")?;
        text.lines().any(|line| line == "[workspace]").then_some(folder)
    });
    let unlocked = workspaces.filter(|folder| tree.text(&format!("{folder}Cargo.lock")).is_none());
    unlocked.map(|folder| Finding::fail(format!("{folder}Cargo.lock"), "is not there: commit the lock file")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_architecture_page_names_every_room() {
        let of = |page| architecture(&Tree::of(&[("crates/router/src/lib.rs", ""), (ARCHITECTURE, page)])).len();
        assert_eq!(of("| `router` | order |"), 0);
        assert_eq!(of("the router"), 1);
    }

    #[test]
    fn the_changelog_has_a_place_for_what_comes_next() {
        let of = |page| changelog(&Tree::of(&[(CHANGELOG, page)])).len();
        assert_eq!(of("# Changes\n\n## Unreleased\n"), 0);
        assert_eq!(of("# Changes\n\n## [Unreleased]\n"), 0);
        assert_eq!(of("# Changes\n\n## 1.0.0\n"), 1);
    }

    #[test]
    fn every_package_inherits_the_lints() {
        let of = |path, text| lints(&Tree::of(&[(path, text)])).len();
        assert_eq!(of("crates/a/Cargo.toml", "[package]\nname = 'a'\n[lints]\nworkspace = true\n"), 0);
        assert_eq!(of("crates/a/Cargo.toml", "[package]\nname = 'a'\n"), 1);
        assert_eq!(of("crates/a/Cargo.toml", "[package]\nname = 'a'\n[lints]\nworkspace = false\n"), 1);
        assert_eq!(of("crates/a/Cargo.toml", "[package]\nname = 'a'\n[lints.rust]\nunsafe_code = 'deny'\n"), 1);
        assert_eq!(of("sdk/rust/Cargo.toml", "[package]\nname = 'a'\n[lints.rust]\nunsafe_code = 'deny'\n"), 0);
        assert_eq!(of("sdk/rust/Cargo.toml", "[package]\nname = 'a'\n"), 1);
        assert_eq!(of("Cargo.toml", "[workspace]\nmembers = []\n"), 0);
        assert_eq!(of("crates/a/Cargo.toml", "[package\n"), 1);
        assert_eq!(of("sdk/rust/template/Cargo.toml", "[package]\nname = 'NAME'\n"), 0);
    }

    #[test]
    fn missing_documents_and_locks_are_named() {
        let findings = all(&Tree::of(&[("Cargo.toml", "[workspace]\n")]));
        let places: Vec<_> = findings.iter().map(|finding| finding.place.as_str()).collect();
        assert_eq!(places, ["README.md", "LICENSE", CHANGELOG, ARCHITECTURE, "docs/SECURITY.md", "Cargo.lock"]);
    }
}
