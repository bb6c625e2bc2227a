//! The files of the checkout, in memory. Reads only what git tracks or would add; writes nothing.

use anyhow::Result;

use crate::places::Places;
use crate::process;

/// The ending of Rust sources.
pub(super) const RUST: &str = ".rs";

/// One file.
#[derive(Debug, Clone)]
pub(super) struct File {
    /// From the root, with `/`.
    pub(super) path: String,
    /// `None` where it is not UTF-8.
    pub(super) text: Option<String>,
}

/// Every file of the checkout.
#[derive(Debug, Clone, Default)]
pub(super) struct Tree {
    files: Vec<File>,
}

impl Tree {
    /// What `git ls-files` names: tracked files and new ones that are not ignored.
    pub(super) fn of_checkout(places: &Places) -> Result<Self> {
        let mut git = process::program(places, "git");
        git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
        let mut files = Vec::new();
        for path in process::capture(&mut git)?.split('\0').filter(|path| !path.is_empty()) {
            // A file that was just removed is still in the index; a symlink is judged by its own name.
            if let Ok(bytes) = std::fs::read(places.root.join(path)) {
                files.push(File { path: path.to_owned(), text: String::from_utf8(bytes).ok() });
            }
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self { files })
    }

    /// A tree for a test.
    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let file = |(path, text): &(&str, &str)| File { path: (*path).to_owned(), text: Some((*text).to_owned()) };
        Self { files: files.iter().map(file).collect() }
    }

    /// How many files.
    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    /// Every file.
    pub(super) fn files(&self) -> impl Iterator<Item = &File> {
        self.files.iter()
    }

    /// Every text with its path.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().filter_map(|file| Some((file.path.as_str(), file.text.as_deref()?)))
    }

    /// Every Rust source.
    pub(super) fn rust(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts().filter(|(path, _)| path.ends_with(RUST))
    }

    /// Every file of a test tree: `crates/<room>/tests/**`, `tests/**`.
    pub(super) fn tests(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts().filter(|(path, _)| is_test(path))
    }

    /// One file's text.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.files.iter().find(|file| file.path == path)?.text.as_deref()
    }

    /// Every file's path.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.path.as_str())
    }

    /// The folders right below `parent` that hold files, sorted.
    pub(super) fn folders(&self, parent: &str) -> Vec<&str> {
        let below = self.files.iter().filter_map(|file| file.path.strip_prefix(parent)?.strip_prefix('/'));
        let mut folders: Vec<_> = below.filter_map(|rest| Some(rest.split_once('/')?.0)).collect();
        folders.dedup();
        folders
    }
}

/// True for what stands in a test tree of the gateway (the guests' and the SDKs' own tests are not meant).
fn is_test(path: &str) -> bool {
    let mut parts = path.split('/');
    match parts.next() {
        Some("tests") => true,
        Some("crates") => parts.nth(1) == Some("tests"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_test_tree_is_that_of_the_rooms() {
        for (path, expect) in [
            ("crates/cli/tests/t1.rs", true),
            ("tests/interop/check.py", true),
            ("crates/cli/src/tests/t1.rs", false),
            ("plugins/examples/hello/tests/hello.rs", false),
            ("sdk/rust/tests/a.rs", false),
        ] {
            assert_eq!(is_test(path), expect, "{path}");
        }
    }

    #[test]
    fn folders_are_those_with_files() {
        let tree =
            Tree::of(&[("plugins/hostile/a/x", ""), ("plugins/hostile/b/y/z", ""), ("plugins/hostile/file", "")]);
        assert_eq!(tree.folders("plugins/hostile"), ["a", "b"]);
    }
}
