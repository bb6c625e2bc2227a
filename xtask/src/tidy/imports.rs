//! The import table: which room may import which, where Linux may show, which rooms do no I/O.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::rules::{IMPURE, LINUX_CRATES, LINUX_ROOMS, PURE_ROOMS, ROOMS};
use super::text::without_tests;
use super::tree::Tree;
use super::{Finding, text};
use crate::places::Places;

/// A member of the workspace.
#[derive(Debug, Clone, Default)]
pub(super) struct Member {
    package: String,
    folder: String,
    imports: Vec<Import>,
}

/// One normal or build dependency.
#[derive(Debug, Clone)]
struct Import {
    package: String,
    /// Inside this workspace?
    origin: Origin,
    /// The `cfg(…)` or triple that it is tied to.
    target: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Workspace,
    Registry,
}

/// Reads `cargo metadata --no-deps`.
pub(super) fn members(metadata: &Value, places: &Places) -> Result<Vec<Member>> {
    let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    packages.iter().map(|package| member(package, places)).collect()
}

fn member(package: &Value, places: &Places) -> Result<Member> {
    let name = package["name"].as_str().context("a package has a name")?.to_owned();
    let manifest = Path::new(package["manifest_path"].as_str().context("a package has a manifest")?);
    let folder = manifest.parent().and_then(|folder| folder.strip_prefix(&places.root).ok());
    let folder = folder.with_context(|| format!("{name} stands outside the checkout"))?.display().to_string();
    let dependencies = package["dependencies"].as_array().into_iter().flatten();
    let imports = dependencies.filter(|dependency| dependency["kind"] != "dev").map(|dependency| Import {
        package: dependency["name"].as_str().unwrap_or_default().to_owned(),
        origin: if dependency["path"].is_string() { Origin::Workspace } else { Origin::Registry },
        target: dependency["target"].as_str().map(str::to_owned),
    });
    Ok(Member { package: name, folder, imports: imports.collect() })
}

/// Every import inside the workspace stands in the table.
pub(super) fn rooms(members: &[Member]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in members {
        let Some(room) = ROOMS.iter().find(|room| room.package == member.package) else {
            findings.push(Finding::fail(
                &member.folder,
                format!(
                    "`{}` is not a room of the house: add it to ROOMS in xtask/src/tidy/rules.rs and to \
                     docs/ARCHITECTURE.md",
                    member.package
                ),
            ));
            continue;
        };
        if room.folder != member.folder {
            findings.push(Finding::fail(&member.folder, format!("`{}` belongs in {}", member.package, room.folder)));
        }
        let inside = member.imports.iter().filter(|import| import.origin == Origin::Workspace);
        for import in inside.filter(|import| !room.imports.contains(&import.package.as_str())) {
            findings.push(Finding::fail(
                format!("{}/Cargo.toml", member.folder),
                format!(
                    "imports `{}`; by the table (spec page 8) it may import: {}",
                    import.package,
                    if room.imports.is_empty() { "none".to_owned() } else { room.imports.join(", ") }
                ),
            ));
        }
    }
    findings
}

/// Only two rooms may need Linux; the others may name `cfg(unix)` things beside something for Windows.
pub(super) fn linux_only(members: &[Member]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in members.iter().filter(|member| !LINUX_ROOMS.contains(&member.package.as_str())) {
        for import in &member.imports {
            let linux_target = import.target.as_deref().is_some_and(|target| target.contains("linux"));
            // Such a room is imported where it can be, and only there.
            let is_linux_room = LINUX_ROOMS.contains(&import.package.as_str());
            if is_linux_room && linux_target {
                continue;
            }
            if linux_target || is_linux_room || LINUX_CRATES.contains(&import.package.as_str()) {
                findings.push(Finding::fail(
                    format!("{}/Cargo.toml", member.folder),
                    format!(
                        "`{}` is for Linux alone; only {} may need that (spec page 8)",
                        import.package,
                        LINUX_ROOMS.join(" and ")
                    ),
                ));
            }
        }
    }
    findings
}

/// The pure rooms name no file, clock, socket, process or environment outside their tests.
pub(super) fn pure_rooms(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let of_pure = |path: &str| PURE_ROOMS.iter().any(|room| path.starts_with(&format!("{room}/src/")));
    for (path, source) in tree.rust().filter(|(path, _)| of_pure(path)) {
        for (number, line) in text::code_lines(without_tests(source)) {
            if let Some(word) = IMPURE.iter().find(|word| line.contains(**word)) {
                findings.push(Finding::fail(
                    format!("{path}:{number}"),
                    format!("`{word}` in a room without I/O; take it as an argument or move it to another room"),
                ));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn import(package: &str, origin: Origin, target: Option<&str>) -> Import {
        Import { package: package.into(), origin, target: target.map(str::to_owned) }
    }

    fn check_rooms(package: &str, folder: &str, imports: &[&str]) -> Vec<String> {
        let imports = imports.iter().map(|name| import(name, Origin::Workspace, None)).collect();
        let member = Member { package: package.into(), folder: folder.into(), imports };
        rooms(&[member]).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn the_table_refuses_what_it_does_not_list() {
        assert!(check_rooms("omega-router", "crates/router", &["omega-contract", "omega-registry"]).is_empty());
        for (package, folder, imports, expect) in [
            ("omega-contract", "crates/contract", &["omega-proof"][..], "it may import: none"),
            ("omega-cli", "crates/cli", &["omega-lane-wasm"], "imports `omega-lane-wasm`"),
            ("omega-server", "crates/server", &["omega-ledger"], "imports `omega-ledger`"),
            ("omega-odd", "crates/odd", &[], "not a room"),
            ("omega-proof", "crates/evidence", &[], "belongs in crates/proof"),
        ] {
            let found = check_rooms(package, folder, imports);
            assert!(found.len() == 1 && found[0].contains(expect), "{package}: {found:?}");
        }
    }

    #[test]
    fn linux_shows_in_two_rooms_only() {
        let of = |package: &str, import: Import| {
            linux_only(&[Member { package: package.into(), folder: String::new(), imports: vec![import] }]).len()
        };
        let landlock = || import("landlock", Origin::Registry, None);
        let tied = |target| import("rustix", Origin::Registry, Some(target));
        assert_eq!(of("omega-ledger", landlock()), 1);
        assert_eq!(of("omega-lane-worker", landlock()), 0);
        assert_eq!(of("omega-ledger", tied("cfg(target_os = \"linux\")")), 1);
        assert_eq!(of("omega-lane-container", tied("cfg(target_os = \"linux\")")), 0);
        assert_eq!(of("omega-ledger", tied("cfg(unix)")), 0);
        let room = |target| import("omega-lane-worker", Origin::Workspace, target);
        assert_eq!(of("omega-gateway", room(Some("cfg(target_os = \"linux\")"))), 0);
        assert_eq!(of("omega-gateway", room(None)), 1);
    }

    #[test]
    fn a_pure_room_does_no_io_outside_its_tests() {
        let of = |path, source| pure_rooms(&Tree::of(&[(path, source)])).len();
        assert_eq!(of("crates/proof/src/a.rs", "use std::fs;\n"), 1);
        assert_eq!(of("crates/proof/src/a.rs", "let now = SystemTime::now();\n"), 1);
        assert_eq!(
            of("crates/proof/src/a.rs", "// std::fs is not used here\n#[cfg(test)]\nmod t { use std::fs; }\n"),
            0
        );
        assert_eq!(of("crates/ledger/src/a.rs", "use std::fs;\n"), 0);
    }

    #[test]
    fn metadata_gives_members_without_their_tests_imports() {
        let places = Places { root: "/r".into() };
        let metadata = serde_json::json!({"packages": [{
            "name": "omega-proof", "manifest_path": "/r/crates/proof/Cargo.toml",
            "dependencies": [
                {"name": "omega-contract", "kind": null, "path": "/r/crates/contract", "target": null},
                {"name": "omega-gateway", "kind": "dev", "path": "/r/crates/gateway", "target": null},
                {"name": "libc", "kind": null, "target": "cfg(unix)"}
            ]
        }]});
        let members = members(&metadata, &places).unwrap();
        assert_eq!(members[0].folder, "crates/proof");
        let imports: Vec<_> =
            members[0].imports.iter().map(|i| (i.package.as_str(), i.origin, i.target.as_deref())).collect();
        let expect = [("omega-contract", Origin::Workspace, None), ("libc", Origin::Registry, Some("cfg(unix)"))];
        assert_eq!(imports, expect);
    }
}
