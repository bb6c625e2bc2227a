//! Tests that must exist: one per invariant, per hostile guest, per error code, and the ten campaigns.
//!
//! Only that they are there and bear the name is judged here, not whether they are good.

use super::Finding;
use super::rules::{CAMPAIGNS, INVARIANTS, NOT_YET_PROVOKED};
use super::tree::{RUST, Tree};

/// The list of error codes.
const ERROR_CODES: &str = "crates/contract/src/error_code.rs";

/// The room that lists the codes: naming one there provokes nothing.
const CODES_OWN_TESTS: &str = "crates/contract/";

/// Every rule of this file.
pub(super) fn all(tree: &Tree) -> Vec<Finding> {
    let mut findings = hostile_guests(tree);
    findings.extend(error_codes(tree, NOT_YET_PROVOKED));
    findings.extend(invariants(tree));
    findings.extend(campaigns(tree));
    findings
}

/// Each guest in `plugins/hostile`, and each program of the worker lane's there, is named, in quotes, by a test.
fn hostile_guests(tree: &Tree) -> Vec<Finding> {
    // Folders of programs, how those end, and how tests name them.
    const OF_WORKER: [(&str, &str, &str); 2] = [("worker", ".py", ""), ("worker-js", ".js", "js/")];
    let programs = OF_WORKER.into_iter().flat_map(|(folder, ending, mark)| {
        tree.paths().filter_map(move |path| {
            let name = path.strip_prefix("plugins/hostile/")?.strip_prefix(folder)?.strip_prefix('/')?;
            // What begins so is shared by the others.
            let name = name.strip_suffix(ending).filter(|name| !name.starts_with('_'))?;
            Some((format!("{folder}/{name}"), format!("{mark}{name}")))
        })
    });
    let folders = tree.folders("plugins/hostile").into_iter();
    let folders = folders.filter(|folder| !OF_WORKER.iter().any(|(own, ..)| own == folder));
    let guests = folders.map(|guest| (guest.to_owned(), guest.to_owned())).chain(programs);
    let unpaired = guests.filter(|(_, guest)| {
        let names = [format!("\"{guest}\""), format!("hostile/{guest}\"")];
        !rust_tests(tree).any(|(_, text)| names.iter().any(|name| text.contains(name)))
    });
    let finding =
        |(place, _)| Finding::fail(format!("plugins/hostile/{place}"), "no test under crates/*/tests names this guest");
    unpaired.map(finding).collect()
}

/// Each error code is named by a test, as `ErrorCode::X`, as `"x"` or as `error[x]`.
fn error_codes(tree: &Tree, not_yet: &[(&str, &str)]) -> Vec<Finding> {
    let Some(source) = tree.text(ERROR_CODES) else {
        return vec![Finding::fail(ERROR_CODES, "is not there: where are the error codes?")];
    };
    let codes = listed_codes(source);
    if codes.is_empty() {
        return vec![Finding::fail(ERROR_CODES, "no lines of the form `Variant \"code\"`: mend this check")];
    }
    let mut findings = Vec::new();
    for (variant, code) in &codes {
        let provoked = tests_of_codes(tree).any(|text| names_code(text, variant, code));
        let waits = not_yet.iter().find(|(waiting, _)| waiting == variant);
        match (provoked, waits) {
            (false, None) => findings.push(Finding::fail(
                format!("error code `{code}`"),
                format!(
                    "no test under crates/*/tests provokes it (as ErrorCode::{variant}, \"{code}\" or error[{code}])"
                ),
            )),
            (true, Some(_)) => findings.push(Finding::fail(
                format!("error code `{code}`"),
                "has a test now: take it out of NOT_YET_PROVOKED in xtask/src/tidy/rules.rs",
            )),
            _ => {}
        }
    }
    for (variant, _) in not_yet.iter().filter(|(variant, _)| !codes.iter().any(|(listed, _)| listed == variant)) {
        findings.push(Finding::fail(
            "xtask/src/tidy/rules.rs",
            format!("NOT_YET_PROVOKED names `{variant}`, which is no error code"),
        ));
    }
    findings
}

/// The `Variant "code"` lines of the list.
fn listed_codes(source: &str) -> Vec<(&str, &str)> {
    let lines = source.lines().filter_map(|line| {
        let (variant, code) = line.trim().split_once(' ')?;
        let code = code.strip_prefix('"')?.strip_suffix('"')?;
        let is_variant =
            variant.starts_with(|c: char| c.is_ascii_uppercase()) && variant.chars().all(char::is_alphanumeric);
        let is_code = code.chars().all(|c| c.is_ascii_lowercase() || c == '_') && !code.is_empty();
        (is_variant && is_code).then_some((variant, code))
    });
    lines.collect()
}

fn tests_of_codes(tree: &Tree) -> impl Iterator<Item = &str> {
    tree.tests().filter(|(path, _)| !path.starts_with(CODES_OWN_TESTS)).map(|(_, text)| text)
}

fn names_code(text: &str, variant: &str, code: &str) -> bool {
    let path = format!("ErrorCode::{variant}");
    let by_variant = text.match_indices(&path).any(|(at, _)| {
        // `ErrorCode::Io` is not named by `ErrorCode::IoBroken`.
        !text[at + path.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_')
    });
    by_variant || text.contains(&format!("\"{code}\"")) || text.contains(&format!("error[{code}]"))
}

/// Each invariant has a test function named after it.
fn invariants(tree: &Tree) -> Vec<Finding> {
    let missing = INVARIANTS.filter(|number| {
        let start = format!("fn inv_pnp_{number:02}_");
        !tree.rust().filter(|(path, _)| path.starts_with("crates/")).any(|(_, text)| has_test_fn(text, &start))
    });
    missing
        .map(|number| {
            Finding::fail(format!("INV-PNP-{number:02}"), format!("no test function `inv_pnp_{number:02}_…`"))
        })
        .collect()
}

/// True where a function that begins with `start` is marked as a test.
fn has_test_fn(text: &str, start: &str) -> bool {
    let lines: Vec<&str> = text.lines().collect();
    lines.iter().enumerate().any(|(index, line)| {
        let code = line.trim_start();
        let begins = code.starts_with(start) || code.strip_prefix("async ").is_some_and(|code| code.starts_with(start));
        let attributes = lines[..index].iter().rev().map(|line| line.trim()).take_while(|line| line.starts_with("#["));
        begins && attributes.into_iter().any(|line| line.contains("test"))
    })
}

/// Each campaign has a file `tN_….rs` (or a folder `tN_…/`) in the test tree.
fn campaigns(tree: &Tree) -> Vec<Finding> {
    let missing = CAMPAIGNS.filter(|number| {
        let start = format!("t{number}_");
        !rust_tests(tree).any(|(path, _)| path.split('/').any(|part| part.starts_with(&start)))
    });
    missing
        .map(|number| {
            Finding::fail(format!("campaign T{number}"), format!("no file `t{number}_….rs` in crates/*/tests"))
        })
        .collect()
}

fn rust_tests(tree: &Tree) -> impl Iterator<Item = (&str, &str)> {
    tree.tests().filter(|(path, _)| path.ends_with(RUST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(findings: Vec<Finding>) -> Vec<String> {
        findings.into_iter().map(|finding| finding.place).collect()
    }

    #[test]
    fn an_unpaired_hostile_guest_fails() {
        let guest = ("plugins/hostile/loop-forever/src/lib.rs", "");
        let test = |text| Tree::of(&[guest, ("crates/gateway/tests/hostile.rs", text)]);
        assert!(hostile_guests(&test("run(\"loop-forever\")")).is_empty());
        assert!(hostile_guests(&test("packages(\"hostile/loop-forever\")")).is_empty());
        assert_eq!(hostile_guests(&test("// loop-forever")).len(), 1);
        let elsewhere = Tree::of(&[guest, ("crates/gateway/src/a.rs", "\"loop-forever\"")]);
        assert_eq!(hostile_guests(&elsewhere).len(), 1);
        let programs = ["plugins/hostile/worker/_attack.py", "plugins/hostile/worker/spins.py"].map(|path| (path, ""));
        let with = |text| Tree::of(&[programs[0], programs[1], ("crates/lane-worker/tests/corpus/rows.rs", text)]);
        assert!(hostile_guests(&with("row(\"spins\")")).is_empty());
        assert_eq!(places(hostile_guests(&with(""))), ["plugins/hostile/worker/spins"]);
    }

    #[test]
    fn an_error_code_without_a_test_fails() {
        let list = (ERROR_CODES, "error_codes! {\n    Io \"io\"\n        \"A sentence.\"\n        \"A hint.\"\n}\n");
        for (path, test, expect) in [
            ("crates/cli/tests/a.rs", "ErrorCode::Io)", 0),
            ("crates/cli/tests/a.rs", "\"io\"", 0),
            ("crates/cli/tests/a.snap", "error[io]: x", 0),
            ("crates/cli/tests/a.rs", "ErrorCode::IoBroken", 1),
            ("crates/cli/tests/a.rs", "io", 1),
            ("crates/cli/src/a.rs", "\"io\"", 1),
            ("crates/contract/tests/a.rs", "\"io\"", 1),
        ] {
            assert_eq!(error_codes(&Tree::of(&[list, (path, test)]), &[]).len(), expect, "{path}: {test}");
        }
        let provoked = Tree::of(&[list, ("crates/cli/tests/a.rs", "ErrorCode::Io")]);
        assert_eq!(error_codes(&provoked, &[("Io", "later")]).len(), 1, "a stale exemption");
        assert_eq!(error_codes(&Tree::of(&[list]), &[("Io", "later")]).len(), 0);
        assert_eq!(error_codes(&provoked, &[("Gone", "later")]).len(), 1, "an exemption for nothing");
        assert_eq!(error_codes(&Tree::of(&[(ERROR_CODES, "enum E {}")]), &[]).len(), 1);
        assert_eq!(error_codes(&Tree::of(&[]), &[]).len(), 1);
    }

    #[test]
    fn the_real_list_of_codes_is_understood() {
        let source = include_str!("../../../crates/contract/src/error_code.rs");
        let codes = listed_codes(source);
        assert!(codes.contains(&("ManifestInvalid", "manifest_invalid")) && codes.contains(&("Io", "io")));
        assert_eq!(codes.len(), source.matches("\"\n        \"").count() / 2);
    }

    #[test]
    fn an_invariant_needs_a_test_not_just_a_function() {
        let tree = |text: &str| Tree::of(&[("crates/gateway/tests/a.rs", text)]);
        let missing = |text: &str| places(invariants(&tree(text))).len();
        assert_eq!(missing(""), 10);
        assert_eq!(missing("#[test]\nfn inv_pnp_01_single_gateway() {}\n"), 9);
        assert_eq!(missing("#[tokio::test]\n#[cfg(unix)]\nasync fn inv_pnp_10_fail_closed() {}\n"), 9);
        assert_eq!(missing("fn inv_pnp_01_single_gateway() {}\n"), 10);
        assert_eq!(missing("#[test]\nfn inv_pnp_1_single_gateway() {}\n"), 10);
    }

    #[test]
    fn a_campaign_needs_its_file() {
        let missing = |path: &str| places(campaigns(&Tree::of(&[(path, "")]))).len();
        assert_eq!(missing("crates/gateway/tests/t1_non_actuation.rs"), 9);
        assert_eq!(missing("crates/gateway/tests/t10_poison_pill/main.rs"), 9);
        assert_eq!(missing("crates/gateway/src/t1_non_actuation.rs"), 10);
        assert_eq!(missing("crates/gateway/tests/t11_more.rs"), 10);
    }
}
