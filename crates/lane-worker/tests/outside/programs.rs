//! The hostile programs as packages, and the folder with copies for another user.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};

use omega_contract::Sha256Hex;
use omega_contract::manifest::DeterminismMode;
use omega_contract::ports::{LaneLimits, LaneProgram};

/// Where copies are, for a user who cannot see the source's folder.
pub(crate) const FOLDER_VARIABLE: &str = "OMEGA_TEST_FOLDER";

fn handed() -> Option<PathBuf> {
    std::env::var_os(FOLDER_VARIABLE).map(PathBuf::from)
}

/// The folders of the programs, by language.
const PYTHON: &str = "worker";
const JAVASCRIPT: &str = "worker-js";
/// How the names of JavaScript programs begin.
const JAVASCRIPT_MARK: &str = "js/";

fn sources(language: &str) -> PathBuf {
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/hostile");
    handed().unwrap_or_else(own).join(language)
}

/// The helper's program.
pub(crate) fn helper() -> PathBuf {
    handed().map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_omega-worker-helper")), |folder| folder.join("helper"))
}

/// The machine code of `native.c`.
pub(crate) fn native() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let build = || {
        if let Some(folder) = handed() {
            return folder.join("native.so");
        }
        let output = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("native-{}.so", std::process::id()));
        let status = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()))
            .args(["-shared", "-fPIC", "-O1", "-w", "-o"])
            .arg(&output)
            .arg(sources(PYTHON).join("native.c"))
            .status();
        assert!(status.expect("a C compiler is there").success(), "native.c does not compile");
        output
    };
    BUILT.get_or_init(build).clone()
}

/// A folder that everybody can read, with a `tmp` that anybody may write to.
pub(crate) fn handed_out() -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("omega-corpus").tempdir().unwrap();
    let open = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    let copy = |from: &Path, to: &Path| {
        std::fs::copy(from, to).unwrap();
        open(to, 0o755);
    };
    open(folder.path(), 0o755);
    copy(&std::env::current_exe().unwrap(), &folder.path().join("test"));
    copy(&helper(), &folder.path().join("helper"));
    copy(&native(), &folder.path().join("native.so"));
    for (name, mode) in [(PYTHON, 0o755), (JAVASCRIPT, 0o755), ("tmp", 0o1777)] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
        open(&folder.path().join(name), mode);
    }
    for language in [PYTHON, JAVASCRIPT] {
        for entry in std::fs::read_dir(sources(language)).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                copy(&entry.path(), &folder.path().join(language).join(entry.file_name()));
            }
        }
    }
    folder
}

fn read(language: &str, file: &str) -> Vec<u8> {
    std::fs::read(sources(language).join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// A hostile program by the name of its file, as the gateway would hand it over; `how` goes into its package.
pub(crate) fn hostile(name: &str, how: &str, is_native: bool) -> LaneProgram {
    if let Some(name) = name.strip_prefix(JAVASCRIPT_MARK) {
        // One module, as a bundler makes it.
        let how = format!("const HOW = {};\n", serde_json::Value::from(how));
        let parts = [how.into_bytes(), read(JAVASCRIPT, "_attack.js"), read(JAVASCRIPT, &format!("{name}.js"))];
        return javascript(&String::from_utf8(parts.concat()).unwrap());
    }
    let read = |file: String| -> Arc<[u8]> { read(PYTHON, &file).into() };
    let mut files = BTreeMap::from([
        ("program.py".to_owned(), read(format!("{name}.py"))),
        ("_attack.py".to_owned(), read("_attack.py".to_owned())),
        ("how.txt".to_owned(), how.as_bytes().into()),
    ]);
    if is_native {
        files.insert("native.so".to_owned(), std::fs::read(native()).unwrap().into());
    }
    program(files)
}

/// A hostile program of this source.
pub(crate) fn inline(source: &str) -> LaneProgram {
    let shared = read(PYTHON, "_attack.py");
    program(BTreeMap::from([
        ("program.py".to_owned(), Arc::from(source.as_bytes())),
        ("_attack.py".to_owned(), Arc::from(shared)),
    ]))
}

/// A program of these files, the entry being `program.py`.
pub(crate) fn program(files: BTreeMap<String, Arc<[u8]>>) -> LaneProgram {
    program_of("program.py", files)
}

/// A JavaScript program of this source.
pub(crate) fn javascript(source: &str) -> LaneProgram {
    program_of("program.js", BTreeMap::from([("program.js".to_owned(), Arc::from(source.as_bytes()))]))
}

/// A program of these files.
pub(crate) fn program_of(entry: &str, files: BTreeMap<String, Arc<[u8]>>) -> LaneProgram {
    let code = Arc::clone(&files[entry]);
    LaneProgram {
        plugin_id: "test.hostile".parse().unwrap(),
        package_digest: Sha256Hex::of(&code),
        entry: entry.to_owned(),
        files: Arc::new(files),
        code,
        environment: None,
        export: "handle".to_owned(),
        capabilities: [].into(),
        determinism: DeterminismMode::Probabilistic,
        limits: LaneLimits {
            memory_bytes_max: 64 * 1024 * 1024,
            fuel_max: None,
            output_bytes_max: 1024 * 1024,
            log_bytes_max: 64 * 1024,
            host_calls_max: 10_000,
        },
    }
}

/// The names of all hostile programs.
pub(crate) fn names() -> Vec<String> {
    let mut all = Vec::new();
    for (language, mark, ending) in [(PYTHON, "", ".py"), (JAVASCRIPT, JAVASCRIPT_MARK, ".js")] {
        let entries = std::fs::read_dir(sources(language)).unwrap().map(|entry| entry.unwrap().file_name());
        let names = entries.filter_map(|name| name.to_str()?.strip_suffix(ending).map(str::to_owned));
        all.extend(names.filter(|name| !name.starts_with('_')).map(|name| format!("{mark}{name}")));
    }
    all
}
