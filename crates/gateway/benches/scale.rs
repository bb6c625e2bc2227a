//! What a home of 100,000 registered plugins costs: to fill, to open, to list, to look into, to make a first call.
//!
//! `cargo xtask guests && cargo bench -p omega-gateway --bench scale`. Without `--bench` (as `cargo test` runs it) the
//! home is small, to show that it works. `-- 10000` makes it of another size; `-- home=DIR` keeps the home there, and
//! measures the one that an earlier run left.
//!
//! A plugin's id stands in its signed manifest, so that each registered plugin is a package of its own, with a digest
//! and a signature of its own. "1,000 distinct packages" is here 1,000 distinct programs: plugin `n` has the code of
//! program `n mod 1,000` (no two programs share a byte of compiled code), and one plugin of each program is enabled.
//!
//! What is measured is measured in processes of their own, begun for it: nothing is warm in them but what the
//! operating system keeps of the files.

#![allow(clippy::unwrap_used, missing_docs, reason = "a bench that cannot go on fails")]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures for people"
)]

#[path = "scale/home.rs"]
mod home;
#[path = "scale/parts.rs"]
mod parts;

use std::path::{Path, PathBuf};
use std::process::Command;

use home::Size;

/// What a figure has to stay under.
struct Bar {
    name: &'static str,
    unit: &'static str,
    max: f64,
}

/// The bars of the issue that asked for this scale.
const BARS: [Bar; 8] = [
    Bar { name: "open", unit: "ms", max: 200.0 },
    Bar { name: "idle after opening", unit: "MB", max: 64.0 },
    Bar { name: "page of 100, first", unit: "ms", max: 20.0 },
    Bar { name: "page of 100, middle", unit: "ms", max: 20.0 },
    Bar { name: "page of 100, last", unit: "ms", max: 20.0 },
    Bar { name: "page of 100, enabled, last", unit: "ms", max: 20.0 },
    Bar { name: "first call in this process", unit: "ms", max: 50.0 },
    Bar { name: "first call of another plugin", unit: "ms", max: 50.0 },
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let valued = |name: &str| arguments.iter().find_map(|argument| argument.strip_prefix(name).map(str::to_owned));
    if let (Some(part), Some(home)) = (valued("--part="), valued("--of=")) {
        return parts::measure(&part, Path::new(&home));
    }
    let measured = arguments.iter().any(|argument| argument == "--bench");
    let plugins = arguments.iter().find_map(|argument| argument.parse().ok());
    let size = Size::of(plugins.unwrap_or(if measured { 100_000 } else { 200 }));
    let temporary = tempfile::tempdir().unwrap();
    let home = valued("home=").map_or_else(|| temporary.path().join("home"), PathBuf::from);

    println!("{} plugins of {} programs, one of each enabled", size.plugins, size.programs);
    if home.join("home.json").exists() {
        println!("(the home that was left in {})", home.display());
    } else {
        home::fill(&home, size);
    }
    home::print_disk_use(&home);
    println!("{:<36} {:>10} {:<3} {:>8}", "", "", "", "bar");
    for part in parts::NAMES {
        for (name, value, unit) in in_own_process(part, &home) {
            print_figure(&name, value, &unit);
        }
    }
}

fn print_figure(name: &str, value: f64, unit: &str) {
    let bar = BARS.iter().find(|bar| bar.name == name);
    let verdict = bar.map_or_else(String::new, |bar| {
        assert_eq!(bar.unit, unit, "{name}");
        format!("{:>8} {}", bar.max, if value < bar.max { "held" } else { "MISSED" })
    });
    println!("{name:<36} {value:>10.2} {unit:<3} {verdict}");
}

/// Runs a part in a process begun for it; gives what it printed.
fn in_own_process(part: &str, home: &Path) -> Vec<(String, f64, String)> {
    let this = std::env::current_exe().unwrap();
    let output = Command::new(this)
        .args([format!("--part={part}"), format!("--of={}", home.display())])
        .stderr(std::process::Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "{part}: {}", output.status);
    let text = String::from_utf8(output.stdout).unwrap();
    let figure = |line: &str| {
        let mut words = line.split('\t').map(str::to_owned);
        let mut word = || words.next().unwrap();
        (word(), word().parse().unwrap(), word())
    };
    text.lines().map(figure).collect()
}
