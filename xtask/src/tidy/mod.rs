//! `xtask tidy`: the house rules that no compiler knows.
//!
//! Each check is a function from the [`Tree`] to findings, so that its own tests can show it a tree that breaks the rule.
//! What never happens here: a change to a file. `docs/ARCHITECTURE.md` and spec page 8 say why the rules are what they are.

mod evidence;
mod imports;
mod papers;
mod rules;
mod text;
mod tree;

use anyhow::{Result, bail};

use crate::binary;
use crate::places::Places;
use tree::Tree;

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    /// Does it fail the build?
    weight: Weight,
    /// The file, or the file and line, or what is missing.
    place: String,
    /// What is wrong and what to do about it.
    message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weight {
    Fail,
    Warn,
}

impl Finding {
    fn fail(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { weight: Weight::Fail, place: place.into(), message: message.into() }
    }

    fn warn(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { weight: Weight::Warn, place: place.into(), message: message.into() }
    }
}

/// Runs every check on the files that git knows or would add.
pub(crate) fn run(places: &Places) -> Result<()> {
    let tree = Tree::of_checkout(places)?;
    let members = imports::members(&binary::metadata(places)?, places)?;
    let mut findings = Vec::new();
    findings.extend(imports::rooms(&members));
    findings.extend(imports::linux_only(&members));
    findings.extend(imports::pure_rooms(&tree));
    findings.extend(text::all(&tree));
    findings.extend(evidence::all(&tree));
    findings.extend(papers::all(&tree));
    findings.sort_by(|a, b| a.place.cmp(&b.place));
    let failed = findings.iter().filter(|finding| finding.weight == Weight::Fail).count();
    for Finding { weight, place, message } in &findings {
        let word = if *weight == Weight::Fail { "error" } else { "warning" };
        println!("{word}: {place}: {message}");
    }
    println!("tidy: {} files, {} rooms, {failed} broken rules", tree.len(), members.len());
    if failed > 0 {
        bail!("{failed} house rules are broken");
    }
    Ok(())
}
