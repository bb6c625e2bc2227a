//! `cargo xtask CHORE`: the repository's chores.
//!
//! Two of them are all that a newcomer needs: `demo` and `test`. What never happens here: product code. The
//! gateway does not know that this program exists.

mod api;
mod authors;
mod bench;
mod binary;
mod clients;
mod components;
mod crash;
mod debian_kernel;
mod demo;
mod fuzz;
mod guests;
mod interop;
mod package;
mod places;
mod process;
mod readme;
mod release;
mod sdk_js;
mod sdk_python;
mod stages;
mod tidy;
mod tools;

use std::process::ExitCode;

use anyhow::{Result, bail};
use places::Places;

const USAGE: &str = "\
The repository's chores.

Usage: cargo xtask CHORE

  demo               build the guests and the binary, then run `omega demo` on files of this repository
  test [STAGE…]      install what the tests need, then run all of them, or only the stages named
  test --list        name the stages
  guests             build the example and hostile guests into target/guests/packages
  components         compile the examples that hold an interpreter, into the same folder
  tidy               check the house rules: imports, texts, tests that must exist
  readme             run the commands of the README and of docs/authoring
  clients            run the tests of the TypeScript and the Python client against a real server
  sdk-python         run the tests of the Python SDK, its scaffold and the Python examples
  sdk-js             run the tests of the JavaScript SDK, its scaffold and the JavaScript examples
  authors            from nothing to an answer in every language: scaffold, its tests, certify, install, invoke
  interop            let programs of others recompute a ledger's hashes and check a proof from it
  fuzz [S [TARGET…]] fuzz each target for S seconds (default 60)
  crash [KILLS]      kill a loaded gateway so often (default 500) and check its home
  kernel             run the worker lane's hostile corpus on Debian 12's own kernel, in qemu
  model [SCHEDULES]  try so many interleavings of the group commit (default 5000)
  bench [NAME…]      run the benches in release and print their tables
  release --key FILE [--twice]
                     build, pack and sign a release into target/dist; twice: and show that two builds agree
  install-tools      install what `test` needs
";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(words: &[String]) -> Result<()> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let places = Places::find()?;
    match words.as_slice() {
        ["demo"] => demo::run(&places),
        ["test", "--list"] => {
            stages::list();
            Ok(())
        }
        ["test", names @ ..] => stages::run(&places, names),
        ["guests"] => guests::build(&places),
        ["components"] => components::run(&places),
        ["tidy"] => tidy::run(&places),
        ["readme"] => readme::run(&places),
        ["clients"] => clients::run(&places),
        ["sdk-python"] => sdk_python::run(&places),
        ["sdk-js"] => sdk_js::run(&places),
        ["authors"] => authors::run(&places),
        ["interop"] => interop::run(&places),
        ["fuzz"] => fuzz::run(&places, fuzz::SECONDS_PER_TARGET_DEFAULT, &[]),
        ["fuzz", seconds, targets @ ..] => fuzz::run(&places, seconds.parse()?, targets),
        ["crash"] => crash::run(&places, crash::KILLS_DEFAULT),
        ["crash", kills] => crash::run(&places, kills.parse()?),
        ["kernel"] => debian_kernel::run(&places),
        ["model"] => crash::model(&places, crash::SCHEDULES_DEFAULT),
        ["model", schedules] => crash::model(&places, schedules.parse()?),
        ["bench", names @ ..] => bench::run(&places, names),
        ["release", words @ ..] => release::run(&places, words),
        ["install-tools"] => tools::install(&places),
        [] | ["help" | "-h" | "--help"] => {
            print!("{USAGE}");
            Ok(())
        }
        _ => bail!("no such chore: {}\n\n{USAGE}", words.join(" ")),
    }
}
