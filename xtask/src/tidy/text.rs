//! Rules on the text of single files: length, unfinished work, lints switched off, paths of a machine, empty names.

use super::Finding;
use super::rules::{
    BUILT, EMPTY_NAMES, FILE_LINES_MAX, FILE_LINES_WARN, GENERATED, MACHINE_PATHS, SKIPPED, UNFINISHED, UNSAFE_PLACES,
};
use super::tree::Tree;

/// Endings of the files in which people write programs.
const PROGRAMS: [&str; 8] = [".rs", ".py", ".js", ".mjs", ".ts", ".sh", ".wit", "/run"];

/// Endings of what package managers write.
const LOCKS: [&str; 2] = [".lock", "package-lock.json"];

/// How many lines above an `unsafe` block its SAFETY comment may begin.
const SAFETY_COMMENT_LINES_MAX: usize = 6;

/// Every rule of this file.
pub(super) fn all(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files() {
        built(&file.path, &mut findings);
        names(&file.path, &mut findings);
    }
    for (path, text) in tree.texts().filter(|(path, _)| !is_lock(path)) {
        machine_paths(path, text, &mut findings);
        if is_program(path) && !GENERATED.contains(&path) {
            unfinished(path, text, &mut findings);
        }
    }
    for (path, text) in tree.rust().filter(|(path, _)| !GENERATED.contains(path)) {
        length(path, text, &mut findings);
        lints_off(path, text, &mut findings);
        unsafe_code(path, text, &mut findings);
        module_doc(path, text, &mut findings);
    }
    findings
}

fn is_lock(path: &str) -> bool {
    LOCKS.iter().any(|ending| path.ends_with(ending))
}

fn is_program(path: &str) -> bool {
    PROGRAMS.iter().any(|ending| path.ends_with(ending))
}

fn is_test_source(path: &str) -> bool {
    path.split('/').any(|part| matches!(part, "tests" | "tests.rs" | "benches"))
}

/// The source up to its unit tests, which stand last.
pub(super) fn without_tests(source: &str) -> &str {
    source.find("\n#[cfg(test)]\nmod ").map_or(source, |at| &source[..=at])
}

/// Numbered lines that are not comments, trailing comments cut off.
pub(super) fn code_lines(source: &str) -> impl Iterator<Item = (usize, &str)> {
    numbered(source).filter(|(_, line)| !line.trim_start().starts_with("//")).map(|(number, line)| {
        let code = line.find(" // ").map_or(line, |at| &line[..at]);
        (number, code)
    })
}

fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line))
}

fn built(path: &str, findings: &mut Vec<Finding>) {
    let in_built_folder = path.split('/').any(|part| matches!(part, "target" | "node_modules" | "__pycache__"));
    if in_built_folder || BUILT.iter().any(|ending| path.ends_with(ending)) {
        findings.push(Finding::fail(path, "is built or generated, not written: remove it and let .gitignore name it"));
    }
}

fn names(path: &str, findings: &mut Vec<Finding>) {
    let ours = ["crates/", "sdk/", "xtask/", "fuzz/", "benches/"].iter().any(|folder| path.starts_with(folder));
    let parts = path.split('/').map(|part| part.split_once('.').map_or(part, |(stem, _)| stem));
    if let Some(name) = parts.into_iter().find(|part| ours && EMPTY_NAMES.contains(part)) {
        findings.push(Finding::fail(path, format!("`{name}` says nothing: name it for its one job")));
    }
}

fn machine_paths(path: &str, text: &str, findings: &mut Vec<Finding>) {
    for (number, line) in numbered(text) {
        if let Some(start) = MACHINE_PATHS.iter().find(|start| line.contains(**start)) {
            findings.push(Finding::fail(format!("{path}:{number}"), format!("`{start}…` is a path of one machine")));
        }
    }
}

fn unfinished(path: &str, text: &str, findings: &mut Vec<Finding>) {
    for (number, line) in numbered(text) {
        if let Some(word) = UNFINISHED.iter().find(|word| line.contains(**word)) {
            findings.push(Finding::fail(format!("{path}:{number}"), format!("`{word}`: finish it, or leave it out")));
        }
        if let Some(word) = SKIPPED.iter().find(|word| line.contains(**word)) {
            findings.push(Finding::fail(format!("{path}:{number}"), format!("`{word}`: a test runs or is not there")));
        }
    }
}

fn length(path: &str, text: &str, findings: &mut Vec<Finding>) {
    let lines = text.lines().count();
    if is_test_source(path) {
        return;
    }
    if lines > FILE_LINES_MAX {
        findings.push(Finding::fail(
            path,
            format!("{lines} lines, at most {FILE_LINES_MAX}: a room that wants to be two?"),
        ));
    } else if lines > FILE_LINES_WARN {
        findings
            .push(Finding::warn(path, format!("{lines} lines; files are around 200, rarely over {FILE_LINES_WARN}")));
    }
}

fn lints_off(path: &str, text: &str, findings: &mut Vec<Finding>) {
    let lines: Vec<&str> = text.lines().collect();
    for (number, line) in code_lines(text) {
        let code = line.trim_start();
        let whole_file = code.starts_with("#![allow(") || code.starts_with("#![expect(");
        if !whole_file && !code.starts_with("#[allow(") {
            continue;
        }
        let end = lines[number - 1..].iter().position(|line| line.contains(")]")).unwrap_or(0);
        let reasoned = lines[number - 1..=number - 1 + end].iter().any(|line| line.contains("reason ="));
        if whole_file && !is_test_source(path) {
            findings.push(Finding::fail(
                format!("{path}:{number}"),
                "switches a lint off for a whole file: name the place, with `#[expect(…, reason = \"…\")]`",
            ));
        } else if !reasoned {
            findings.push(Finding::fail(
                format!("{path}:{number}"),
                "switches a lint off without a reason: add `reason = \"…\"`",
            ));
        }
    }
}

fn unsafe_code(path: &str, text: &str, findings: &mut Vec<Finding>) {
    let permitted = UNSAFE_PLACES.iter().any(|(place, _)| path.starts_with(place));
    let lines: Vec<&str> = text.lines().collect();
    for (number, line) in code_lines(text) {
        let code = line.trim_start();
        let lifts = code.starts_with('#') && code.contains("(unsafe_code") && !permitted;
        let opens = !code.contains('"')
            && ["unsafe {", "unsafe fn ", "unsafe impl ", "unsafe extern "].iter().any(|word| {
                code.starts_with(word) || code.contains(&format!(" {word}")) || code.contains(&format!("({word}"))
            });
        if lifts || (opens && !permitted) {
            findings.push(Finding::fail(
                format!("{path}:{number}"),
                "`unsafe` has no place here (spec page 8); the places are in xtask/src/tidy/rules.rs",
            ));
        } else if opens {
            let above = &lines[number.saturating_sub(1 + SAFETY_COMMENT_LINES_MAX)..number];
            if !above.iter().any(|line| line.contains("SAFETY") || line.contains("# Safety")) {
                findings.push(Finding::fail(format!("{path}:{number}"), "`unsafe` without a SAFETY comment above it"));
            }
        }
    }
}

fn module_doc(path: &str, text: &str, findings: &mut Vec<Finding>) {
    let ours = (path.starts_with("crates/") || path.starts_with("xtask/")) && path.contains("/src/");
    if ours && !is_test_source(path) && !text.lines().take(5).any(|line| line.starts_with("//!")) {
        findings.push(Finding::fail(path, "does not begin with `//!`: say its job and what never happens in it"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::Weight;

    fn check(path: &str, text: &str, expect: &str) {
        let found = all(&Tree::of(&[(path, text)]));
        let messages: Vec<_> = found.iter().map(|finding| finding.message.as_str()).collect();
        if expect.is_empty() {
            assert!(found.is_empty(), "{path}: {text:?}: {messages:?}");
        } else {
            assert!(messages.len() == 1 && messages[0].contains(expect), "{path}: {text:?}: {messages:?}");
        }
    }

    #[test]
    fn unfinished_work_and_skipped_tests_fail() {
        for word in UNFINISHED {
            check("crates/a/tests/b.rs", &format!("    {word} later\n"), "finish it");
        }
        for word in SKIPPED {
            check("sdk/python/tests/b.py", &format!("{word}\n"), "a test runs");
        }
        check("docs/a.md", &format!("{}\n", UNFINISHED[0]), "");
    }

    #[test]
    fn the_length_is_checked_at_the_limit_and_one_past_it() {
        let lines = |count: usize| format!("//! Doc.\n{}", "\n".repeat(count - 1));
        check("crates/a/src/b.rs", &lines(FILE_LINES_WARN), "");
        check("crates/a/src/b.rs", &lines(FILE_LINES_WARN + 1), "rarely over");
        check("crates/a/src/b.rs", &lines(FILE_LINES_MAX), "rarely over");
        check("crates/a/src/b.rs", &lines(FILE_LINES_MAX + 1), "wants to be two");
        check("crates/a/tests/b.rs", &lines(FILE_LINES_MAX + 1), "");
        check("sdk/rust/src/bindings.rs", &lines(FILE_LINES_MAX + 1), "");
        let warned = all(&Tree::of(&[("crates/a/src/b.rs", &lines(FILE_LINES_MAX))]));
        assert_eq!(warned[0].weight, Weight::Warn);
    }

    #[test]
    fn lints_are_switched_off_by_name_place_and_reason_only() {
        check("crates/a/src/b.rs", "//! Doc.\n#![allow(dead_code)]\n", "whole file");
        check("crates/a/src/b.rs", "//! Doc.\n#[allow(dead_code)]\n", "without a reason");
        check("crates/a/src/b.rs", "//! Doc.\n#[expect(dead_code, reason = \"shown\")]\n", "");
        check("crates/a/src/b.rs", "//! Doc.\n#[allow(\n    dead_code,\n    reason = \"shown\"\n)]\n", "");
        check("crates/a/src/b.rs", "//! Doc.\n#[allow(\n    dead_code\n)]\n// reason = \n", "without a reason");
        check("crates/a/tests/b.rs", "#![allow(dead_code, reason = \"shared\")]\n", "");
        check("crates/a/tests/b.rs", "#![allow(dead_code)]\n", "without a reason");
    }

    #[test]
    fn unsafe_stands_in_its_places_with_a_comment() {
        let block = "//! Doc.\nfn f() {\n    let x = unsafe { g() };\n}\n";
        check("crates/ledger/src/a.rs", block, "no place here");
        check("crates/ledger/src/a.rs", "//! Doc.\n#[expect(unsafe_code, reason = \"fast\")]\n", "no place here");
        check("crates/lane-worker/src/sys/a.rs", block, "without a SAFETY");
        let said = "//! Doc.\nfn f() {\n    // SAFETY: g takes nothing.\n    let x = unsafe { g() };\n}\n";
        check("crates/lane-worker/src/sys/a.rs", said, "");
        check("crates/ledger/src/a.rs", "//! Doc.\n// no unsafe { } here\n", "");
    }

    #[test]
    fn paths_of_a_machine_fail_everywhere_but_in_lock_files() {
        for start in MACHINE_PATHS {
            check("docs/a.md", &format!("see {start}x\n"), "path of one machine");
            check("Cargo.lock", &format!("see {start}x\n"), "");
        }
    }

    #[test]
    fn built_files_and_empty_names_fail() {
        check("plugins/examples/hello/plugin.wasm", "", "built or generated");
        check("sdk/js/node_modules/a/b.json", "", "built or generated");
        check("crates/a/tests/common/mod.rs", "", "says nothing");
        check("crates/a/src/utils.rs", "//! Doc.\n", "says nothing");
        check("crates/a/src/communal.rs", "//! Doc.\n", "");
    }

    #[test]
    fn a_module_says_its_job() {
        check("crates/a/src/b.rs", "use std::fmt;\n", "does not begin");
        check("crates/a/src/b.rs", "//! Doc.\n", "");
        check("crates/a/src/tests/b.rs", "use std::fmt;\n", "");
    }

    #[test]
    fn unit_tests_are_told_apart() {
        assert_eq!(without_tests("a\n\n#[cfg(test)]\nmod tests {}\n"), "a\n\n");
        assert_eq!(without_tests("a\n"), "a\n");
        let lines: Vec<_> = code_lines("a // b\n// c\nd\n").collect();
        assert_eq!(lines, [(1, "a"), (3, "d")]);
    }
}
