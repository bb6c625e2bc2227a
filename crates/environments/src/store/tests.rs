use super::*;

fn built(store: &EnvironmentStore, files: &[(&str, &str)]) -> Built {
    let scratch = store.scratch().unwrap();
    let modules = scratch.path().join("modules");
    for (path, text) in files {
        let path = modules.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let inventory = Inventory::of(&modules).unwrap();
    Built::new(scratch, modules, inventory).unwrap()
}

fn names(root: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(root).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn an_environment_is_named_by_what_it_holds_and_shared() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = tempfile::tempdir().unwrap();
    let store = EnvironmentStore::open(&home.path().join("environments"));
    let files = [("six.py", "1"), ("pkg/__init__.py", "2")];
    let one = built(&store, &files);
    let digest = one.env_digest();
    assert!(matches!(store.check(&digest), Err(EnvironmentFault::Missing(_))), "not before it is adopted");
    store.adopt(one).unwrap();
    store.adopt(built(&store, &files)).unwrap();
    assert_eq!(names(&home.path().join("environments")), [digest.to_string(), format!("{digest}.json")]);
    assert_eq!(store.check(&digest).unwrap().files.len(), 2);
    let mode = |path: &str| fs::metadata(store.folder(&digest).join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(""), mode("pkg"), mode("pkg/__init__.py")), (0o555, 0o555, 0o444));
}

#[test]
fn whatever_was_changed_is_named() {
    let home = tempfile::tempdir().unwrap();
    let store = EnvironmentStore::open(home.path());
    let files = [("six.py", "1"), ("pkg/__init__.py", "2")];
    let digest = built(&store, &files).env_digest();
    let check = |change: &dyn Fn(&Path), expect: &str| {
        store.adopt(built(&store, &files)).unwrap();
        let folder = store.folder(&digest);
        for path in ["", "pkg"] {
            set_mode(&folder.join(path), 0o755).unwrap();
        }
        set_mode(&folder.join("six.py"), 0o644).unwrap();
        change(&folder);
        let error = store.check(&digest).unwrap_err();
        assert!(matches!(error, EnvironmentFault::Changed { .. }) && error.to_string().contains(expect), "{error}");
        assert_eq!(error.code(), omega_contract::ErrorCode::EnvironmentChanged);
    };
    check(&|at| fs::write(at.join("six.py"), "3").unwrap(), "six.py is not as it was installed");
    check(&|at| fs::write(at.join("seven.py"), "3").unwrap(), "seven.py was not installed");
    check(&|at| fs::remove_file(at.join("six.py")).unwrap(), "six.py is missing");
    check(&|at| fs::create_dir(at.join("empty")).unwrap(), "empty is an empty folder");
    check(
        &|at| {
            fs::remove_file(at.join("six.py")).unwrap();
            std::os::unix::fs::symlink("pkg/__init__.py", at.join("six.py")).unwrap();
        },
        "six.py is a link",
    );
    check(
        &|at| {
            fs::rename(at, at.with_extension("moved")).unwrap();
            std::os::unix::fs::symlink(at.with_extension("moved"), at).unwrap();
        },
        "no folder",
    );
    store.adopt(built(&store, &files)).unwrap();
    assert!(store.check(&digest).is_ok(), "adopting it again mends it");
}

#[test]
fn what_a_build_left_goes_when_the_store_is_opened_and_what_is_unused_when_it_is_said() {
    let home = tempfile::tempdir().unwrap();
    let store = EnvironmentStore::open(home.path());
    let left = built(&store, &[("a/b.py", "1")]);
    std::mem::forget(left);
    let (one, two) = (built(&store, &[("one.py", "1")]), built(&store, &[("two.py", "2")]));
    let (first, second) = (one.env_digest(), two.env_digest());
    store.adopt(one).unwrap();
    store.adopt(two).unwrap();
    assert_eq!(names(home.path()).len(), 5);
    let store = EnvironmentStore::open(home.path());
    assert_eq!(names(home.path()).len(), 4, "the build is gone");
    fs::write(home.path().join("note"), "").unwrap();
    assert_eq!(store.keep_only(&[second].into()), 1);
    assert!(store.check(&first).is_err() && store.check(&second).is_ok());
    assert_eq!(names(home.path()), {
        let mut names = vec![second.to_string(), format!("{second}.json"), "note".to_owned()];
        names.sort();
        names
    });
}

#[test]
fn what_is_held_stays_though_no_version_has_it_any_more() {
    let home = tempfile::tempdir().unwrap();
    let store = EnvironmentStore::open(home.path());
    let one = built(&store, &[("six.py", "1")]);
    let digest = one.env_digest();
    store.adopt(one).unwrap();
    let (first, second) = (store.hold(&digest), store.clone().hold(&digest));
    drop(first);
    assert_eq!(store.keep_only(&BTreeSet::new()), 0);
    store.check(&digest).unwrap();
    drop(second);
    assert_eq!(store.keep_only(&BTreeSet::new()), 1);
    assert_eq!(names(home.path()), [] as [&str; 0]);
}
