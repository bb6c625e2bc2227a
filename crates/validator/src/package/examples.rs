//! The example requests of a package (spec page 10): `examples/*.json`.

use omega_contract::PluginRequest;

use super::files::PackageFiles;
use crate::call::request::parse_request;
use crate::refusal::Refusal;

/// Folder of the examples.
const FOLDER: &str = "examples/";
/// Examples that are looked at.
pub const EXAMPLES_MAX: usize = 32;

/// Each example by its path, or why it is no request; in the order of their paths, at most [`EXAMPLES_MAX`].
pub fn examples(files: &PackageFiles) -> Vec<(String, Result<PluginRequest, Refusal>)> {
    let is_example = |path: &str| {
        path.strip_prefix(FOLDER).and_then(|name| name.rsplit_once('.')).is_some_and(|(_, ending)| ending == "json")
    };
    let found = files.iter().filter(|(path, _)| is_example(path)).take(EXAMPLES_MAX);
    found.map(|(path, bytes)| (path.to_owned(), parse_request(bytes))).collect()
}
