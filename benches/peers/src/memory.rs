//! How much memory a call holds while it lives: the growth of the process's resident memory by sixteen of them.
//!
//! Each figure comes from a process of its own, so that nothing freed earlier is taken up again.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::cases::{Case, SIZES, Work};
use crate::extism_peer::{self, ExtismPeer, Use};
use crate::ours::Ours;

/// The flag that makes this program such a process: `--memory <way> <index of the size>`.
pub(crate) const FLAG: &str = "--memory";
const LIVE: usize = 16;
const WAYS: [(&str, &str); 3] =
    [("gateway", "gateway, relaxed"), ("fresh", "Extism fresh"), ("pooled", "Extism fresh, pooled, bounded")];

/// Bytes for each live call: by way, then by size.
pub(crate) fn measure() -> Vec<(&'static str, [f64; 4])> {
    let program = std::env::current_exe().expect("this program has a path");
    let one = |way: &str, size: usize| {
        let output = Command::new(&program).args([FLAG, way, &size.to_string()]).output().expect("it starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().parse::<f64>().expect("it prints a figure")
    };
    WAYS.map(|(way, name)| (name, std::array::from_fn(|size| one(way, size)))).into()
}

/// In the process of its own: prints the bytes.
pub(crate) fn one(way: &str, size: usize) {
    let case = Case::new(Work::Echo, SIZES[size].0, SIZES[size].1);
    let grown = match way {
        "gateway" => gateway(&case),
        "fresh" => extism(&case, Use::Fresh),
        _ => extism(&case, Use::FreshPooled),
    };
    println!("{}", grown / LIVE as f64);
}

fn gateway(case: &Case) -> f64 {
    let gateway = Ours::open("relaxed", 2);
    gateway.once(case);
    let (mut before, mut most) = (0.0, 0.0_f64);
    gateway.hold(
        &case.input,
        LIVE,
        || before = resident(),
        || {
            let until = Instant::now() + Duration::from_millis(800);
            while Instant::now() < until {
                most = most.max(resident());
                std::thread::sleep(Duration::from_millis(10));
            }
        },
    );
    most - before
}

fn extism(case: &Case, used: Use) -> f64 {
    let extism = ExtismPeer::new(used);
    extism.once(case, None);
    let before = resident();
    let live: Vec<_> = (0..LIVE)
        .map(|_| {
            let mut plugin = extism.plugin(case.work);
            let answer = extism_peer::call(&mut plugin, case);
            (plugin, answer)
        })
        .collect();
    let grown = resident() - before;
    drop(live);
    grown
}

/// Bytes of this process that are in memory.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux says");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().expect("a number of kB");
    kib * 1024.0
}
