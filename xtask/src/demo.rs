//! `xtask demo`: from a fresh clone to the demonstration, in one command.

use std::process::Command;

use anyhow::Result;

use crate::places::Places;
use crate::{binary, guests, process};

/// Text files that every checkout has.
const FILES: [&str; 3] = ["README.md", "LICENSE", "docs/ARCHITECTURE.md"];

/// Builds what is missing and runs `omega demo` on files of this repository.
pub(crate) fn run(places: &Places) -> Result<()> {
    guests::build(places)?;
    let omega = binary::build(places)?;
    process::run(Command::new(omega).current_dir(&places.root).arg("demo").args(FILES))
}
