//! From install to removal.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use omega_contract::{ErrorCode, PluginRef, Sha256Hex};
use omega_gateway::HomeReader;
use serde_json::json;

use super::index::Index;
use super::{CLICK, SIX, is_no_environment_code, plugin};
use crate::harness::{Bench, id, package};

#[tokio::test(flavor = "multi_thread")]
async fn dependencies_come_from_pypi_and_are_bound_journalled_and_shown() {
    let bench = Bench::new().await;
    let tool = id("with-click");
    bench.register(&plugin("with-click", &format!("{SIX}{CLICK}"))).await.unwrap();
    let (error, _) = bench.not_enabled(&tool).await;
    assert_eq!(error.code, ErrorCode::EnvironmentMissing, "registered, not built: {}", error.message);

    let heard = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let hear = {
        let heard = std::sync::Arc::clone(&heard);
        move |how_far| heard.lock().unwrap().push(how_far)
    };
    let bound = bench.gateway.build_environment(&tool, None, false, hear).await.unwrap().unwrap();
    let last = *heard.lock().unwrap().last().unwrap();
    assert_eq!((last.requirements_found, last.requirements), (2, 2));

    let folder = bench.environment_dir(&bound);
    assert!(folder.join("six.py").is_file() && folder.join("click/core.py").is_file());
    assert!(folder.join("click/__pycache__").is_dir(), "compiled ahead: no worker could keep it");
    assert!(!bound.has_native_code && !bound.builds_allowed && bound.tool.starts_with("pip "), "{bound:?}");
    let record: std::collections::BTreeMap<String, Sha256Hex> =
        serde_json::from_slice(&fs::read(folder.with_extension("json")).unwrap()).unwrap();
    assert_eq!(omega_contract::hash(&record).unwrap(), bound.env_digest);
    assert_eq!(record.len() as u64, bound.files);

    let journalled = bench.ledger_lines().pop().unwrap();
    for part in ["bind_environment", &bound.env_digest.to_string(), &bound.lock_sha256.to_string(), &bound.tool] {
        assert!(journalled.contains(part), "{part}: {journalled}");
    }
    let reference = PluginRef { plugin_id: tool.clone(), version: None };
    let shown = HomeReader::open(&bench.home).unwrap().plugin_details(&reference).unwrap().dependencies.unwrap();
    assert_eq!((shown.lock.requirements.len(), shown.environment.as_ref()), (2, Some(&bound)));

    let events = bench.ledger_lines().len();
    assert_eq!(bench.build("with-click", true).await.unwrap().as_ref(), Some(&bound), "it is there");
    assert_eq!(bench.ledger_lines().len(), events, "and nothing was decided");
    let (error, _) = bench.not_enabled(&tool).await;
    assert!(is_no_environment_code(error.code), "{}", error.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_missing_or_extra_file_keeps_the_plugin_from_being_loaded_until_it_is_installed_again() {
    let index = Index::new(json!({"small": {"small.py": "x = 1\n", "data/a.txt": "a", "data/b.txt": "b"}}), json!({}));
    let bench = Bench::with_config(&index.config()).await;
    let bound = bench.built("tampered", &index.pin("small")).await.unwrap();
    let folder = bench.environment_dir(&bound);
    let writable = |path: &Path| {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    };
    let changes: [(&dyn Fn(), &str); 4] = [
        (
            &|| {
                writable(&folder.join("small.py"));
                fs::write(folder.join("small.py"), "x = 2\n").unwrap();
            },
            "small.py is not as it was installed",
        ),
        (&|| fs::remove_file(folder.join("data/a.txt")).unwrap(), "data/a.txt is missing"),
        (&|| fs::write(folder.join("json.py"), "").unwrap(), "json.py was not installed"),
        (&|| std::os::unix::fs::symlink("/etc", folder.join("etc")).unwrap(), "etc is a link"),
    ];
    for (change, expect) in changes {
        writable(&folder);
        writable(&folder.join("data"));
        change();
        let (error, _) = bench.not_enabled(&id("tampered")).await;
        assert_eq!(error.code, ErrorCode::EnvironmentChanged, "{}", error.message);
        assert!(error.message.contains(expect), "{}", error.message);
        assert_eq!(bench.build("tampered", false).await.unwrap(), Some(bound.clone()), "installed again");
        let (error, _) = bench.not_enabled(&id("tampered")).await;
        assert!(is_no_environment_code(error.code), "{}", error.message);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_shared_survives_a_rebuild_of_the_registry_and_goes_with_its_last_version() {
    let index = Index::new(json!({"small": {"small.py": ""}, "other": {"other.py": ""}}), json!({}));
    let bench = Bench::with_config(&index.config()).await;
    let first = bench.built("first", &index.pin("small")).await.unwrap();
    let second = bench.built("second", &format!("# another text\n{}", index.pin("small"))).await.unwrap();
    assert_ne!(first.lock_sha256, second.lock_sha256);
    assert_eq!(first.env_digest, second.env_digest);
    let other = bench.built("third", &index.pin("other")).await.unwrap();
    let held =
        |bench: &Bench| bench.environments().into_iter().filter(|name| !name.contains('.')).collect::<BTreeSet<_>>();
    let both: BTreeSet<_> = [first.env_digest.to_string(), other.env_digest.to_string()].into();
    assert_eq!(held(&bench), both);

    assert!(bench.gateway.admin().rebuild_registry().await.unwrap().identical);
    let database = bench.home.registry_file();
    let (home, folder) = bench.closed();
    fs::remove_file(&database).unwrap();
    let bench = Bench::of(home, folder).await;
    assert_eq!(held(&bench), both, "what the ledger names is kept");
    let (error, _) = bench.not_enabled(&id("first")).await;
    assert!(is_no_environment_code(error.code), "{}", error.message);

    let admin = bench.gateway.admin();
    admin.remove_plugin(&id("first"), None).await.unwrap();
    admin.remove_plugin(&id("third"), None).await.unwrap();
    assert_eq!(held(&bench), [first.env_digest.to_string()].into(), "the second one still has it");
    admin.remove_plugin(&id("second"), None).await.unwrap();
    assert_eq!(bench.environments(), [] as [&str; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_for_one_interpreter() {
    let index = Index::new(json!({"small": {"small.py": ""}}), json!({}));
    let bench = Bench::with_config(&index.config()).await;
    let bound = bench.built("bound", &index.pin("small")).await.unwrap();
    assert!(bound.interpreter.starts_with("cpython 3."), "{}", bound.interpreter);
    let database = bench.home.registry_file();
    let (home, folder) = bench.closed();
    // As if it had been built before the machine got another Python.
    let earlier = rusqlite::Connection::open(&database).unwrap();
    let changed =
        earlier.execute("UPDATE environments SET content = replace(content, 'cpython 3.', 'cpython 2.')", []).unwrap();
    assert_eq!(changed, 1);
    drop(earlier);
    let bench = Bench::of(home, folder).await;
    let (error, _) = bench.not_enabled(&id("bound")).await;
    assert_eq!(error.code, ErrorCode::EnvironmentMissing);
    assert!(error.message.contains("was installed for cpython 2."), "{}", error.message);
    let again = bench.build("bound", false).await.unwrap().unwrap();
    assert_eq!((again.env_digest, again.interpreter), (bound.env_digest, bound.interpreter), "installed again");
    let (error, _) = bench.not_enabled(&id("bound")).await;
    assert!(is_no_environment_code(error.code), "{}", error.message);
}

/// Other decisions go on beside a build that hangs; broken off, nothing of it is left, and no process.
#[tokio::test(flavor = "multi_thread")]
async fn a_build_holds_nobody_up_and_leaves_nothing_when_it_is_broken_off() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let bench = Bench::with_config(&format!("[lanes.worker]\nindex_url = 'http://127.0.0.1:{port}/simple'")).await;
    bench.register(&plugin("waiting", SIX)).await.unwrap();
    let gateway = bench.gateway.clone();
    let build = tokio::spawn(async move { gateway.build_environment(&id("waiting"), None, false, |_| ()).await });
    // The installer asks, and is never answered.
    let (_asked, _) = tokio::task::spawn_blocking(move || silent.accept().unwrap()).await.unwrap();
    assert_eq!(bench.environments().len(), 1, "{:?}", bench.environments());
    assert!(!working_in(&bench.home.environments_dir()).is_empty());
    bench.register(&package("examples/hello")).await.unwrap();

    build.abort();
    let began = Instant::now();
    while !(bench.environments().is_empty() && working_in(&bench.home.environments_dir()).is_empty()) {
        assert!(began.elapsed() < Duration::from_secs(60), "{:?}", bench.environments());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(bench.not_enabled(&id("waiting")).await.0.code, ErrorCode::EnvironmentMissing);
}

/// The processes whose working folder is below this one.
fn working_in(folder: &Path) -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter(|process| fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder)))
        .map(|process| process.file_name().to_string_lossy().into_owned())
        .collect()
}
