//! The lane as a whole: what it says of itself, and its cache of compiled code.

use std::path::Path;

use omega_contract::ErrorCode;
use omega_contract::plugin_info::LaneKind;
use omega_contract::ports::{Enforcement, Lane};
use omega_lane_wasm::{WasmLane, WasmLaneOptions};

use crate::support::wat::Guest;
use crate::support::{call, lane, program, refusal, run, text};

#[test]
fn it_describes_its_layers() {
    let description = lane().describe();
    assert_eq!((description.kind, description.determinism), (LaneKind::Wasm, Enforcement::Enforced));
    assert!(description.engine.starts_with("wasmtime 48."), "{}", description.engine);
    assert_eq!(description.missing(), None);
    let names: Vec<_> = description.layers.iter().map(|layer| layer.name).collect();
    for name in [
        "fresh store per call",
        "linear memory isolation",
        "linear memory limit",
        "table limit",
        "stack limit",
        "epoch deadline",
        "fuel",
        "imports by capability",
        "inert WASI 0.2",
        "deterministic arithmetic",
        "compile limits",
    ] {
        assert!(names.contains(&name), "{name} is not in {names:?}");
    }
}

fn with_cache(dir: &Path) -> WasmLaneOptions {
    WasmLaneOptions { cache_dir: Some(dir.to_owned()), concurrent_calls_max: 2, ..WasmLaneOptions::default() }
}

fn files(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found
}

#[tokio::test]
async fn compiled_code_is_kept_in_the_folder_that_is_given() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("cache").join("wasm");
    let program = program(Guest::echo().build());
    for _ in 0..2 {
        let lane = WasmLane::new(with_cache(&dir)).unwrap();
        assert_eq!(text(&run(&lane, &program, call("x")).await), "x");
        assert!(!files(&dir).is_empty());
    }
}

#[tokio::test]
async fn what_is_in_the_cache_is_not_trusted_to_be_whole() {
    let home = tempfile::tempdir().unwrap();
    let program = program(Guest::echo().build());
    WasmLane::new(with_cache(home.path())).unwrap().prepare(&program).unwrap();
    for file in files(home.path()) {
        std::fs::write(file, b"not what was compiled").unwrap();
    }
    let lane = WasmLane::new(with_cache(home.path())).unwrap();
    assert_eq!(text(&run(&lane, &program, call("x")).await), "x");
}

#[cfg(unix)]
#[test]
fn a_cache_folder_that_others_can_write_to_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    let mode_of = |dir: &Path| std::fs::metadata(dir).unwrap().permissions().mode() & 0o777;
    for (mode, taken) in [(0o700, true), (0o750, true), (0o720, false), (0o702, false), (0o777, false)] {
        let dir = home.path().join(format!("{mode:o}"));
        std::fs::create_dir(&dir).unwrap();
        std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(mode)).unwrap();
        match WasmLane::new(with_cache(&dir)) {
            Ok(_) => assert!(taken, "{mode:o}"),
            Err(refusal) => {
                assert!(!taken, "{mode:o}: {refusal}");
                assert_eq!(refusal.code, ErrorCode::LaneUnavailable);
            }
        }
        assert_eq!(mode_of(&dir), mode);
    }
    let made = home.path().join("made");
    WasmLane::new(with_cache(&made)).unwrap();
    assert_eq!(mode_of(&made), 0o700);
}

#[test]
fn a_cache_folder_that_cannot_be_made_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    std::fs::write(&file, b"").unwrap();
    let (code, detail) = refusal(WasmLane::new(with_cache(&file.join("cache"))));
    assert_eq!(code, ErrorCode::LaneUnavailable);
    assert!(detail.contains("compile cache"), "{detail}");
}

#[test]
fn options_that_no_machine_can_give_are_refused() {
    let options = WasmLaneOptions { concurrent_calls_max: u32::MAX, ..WasmLaneOptions::default() };
    assert_eq!(refusal(WasmLane::new(options)).0, ErrorCode::LaneUnavailable);
    let options = WasmLaneOptions { memory_bytes_ceiling: u64::MAX, ..WasmLaneOptions::default() };
    assert_eq!(refusal(WasmLane::new(options)).0, ErrorCode::LaneUnavailable);
}
