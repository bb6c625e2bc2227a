//! Node: a worker thread for each call. It measures itself, in its own process, so it is not interleaved with the others.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::cases::Case;
use crate::figures::Cell;

pub(crate) const NAME: &str = "Node worker + 2 SHA-256";

/// What Node found: its version, a cell for each case, and bytes for each live worker by size.
pub(crate) struct Found {
    pub(crate) version: String,
    pub(crate) cells: Vec<Cell>,
    pub(crate) memory: BTreeMap<String, f64>,
}

/// Measures each case for so many seconds; nothing where there is no Node.
pub(crate) fn measure(cases: &[Case], seconds: f64) -> Option<Found> {
    let inputs = tempfile::tempdir().expect("a folder can be made");
    for case in cases {
        let file = inputs.path().join(format!("{}@{}", case.work.id(), case.size));
        std::fs::write(file, &case.input).expect("the folder can be written");
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("node/peer.js");
    let node =
        Command::new("node").arg(script).arg(inputs.path()).arg(seconds.to_string()).stderr(Stdio::inherit()).output();
    let output = node.ok()?;
    assert!(output.status.success(), "node failed");
    let found: Value = serde_json::from_slice(&output.stdout).expect("node prints JSON");
    for case in cases {
        let answer = &found["answers"][format!("{}@{}", case.work.id(), case.size)];
        case.check(NAME, answer.as_str().unwrap_or_default());
    }
    let number = |value: &Value| value.as_f64().expect("a figure");
    let cells = found["cells"].as_array().into_iter().flatten().map(|cell| Cell {
        way: NAME.to_owned(),
        work: cell["work"].as_str().unwrap_or_default().to_owned(),
        size: cell["size"].as_str().unwrap_or_default().to_owned(),
        calls: number(&cell["calls"]) as usize,
        p50: number(&cell["p50"]),
        p99: number(&cell["p99"]),
        rates: Some([number(&cell["rates"][0]), number(&cell["rates"][1])]),
        rate_many: None,
        cpu: Some(number(&cell["cpu"])),
    });
    let memory = found["memory"].as_object().into_iter().flatten();
    Some(Found {
        version: found["node"].as_str().unwrap_or_default().to_owned(),
        cells: cells.collect(),
        memory: memory.map(|(size, bytes)| (size.clone(), number(bytes))).collect(),
    })
}
