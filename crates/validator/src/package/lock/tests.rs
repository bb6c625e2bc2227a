use std::sync::Arc;

use super::*;

const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

fn lock(files: &[(&str, &str)]) -> Result<Option<DependencyLock>, LockFault> {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), Arc::from(text.as_bytes())));
    DependencyLock::of_package(&PackageFiles::new(files).unwrap())
}

#[test]
fn what_is_pinned_and_hashed_is_written_anew_line_by_line() {
    let text = format!(
        "# made by pip-compile\n\nsix==1.16.0 \\\n    --hash=sha256:{B} \\\n    --hash sha256:{A}\n    # via dateutil\n\
         Foo_Bar [x, y] == 1!2.0+local ; python_version >= \"3.10\" and sys_platform == 'linux' --hash=sha256:{A} # why\r\n"
    );
    let found = lock(&[(REQUIREMENTS_FILE, &text)]).unwrap().unwrap();
    assert_eq!((found.file, found.sha256), (REQUIREMENTS_FILE, Sha256Hex::of(text.as_bytes())));
    assert_eq!(
        found.requirements_text(),
        format!(
            "\n\nsix==1.16.0 --hash=sha256:{A} --hash=sha256:{B}\n\n\n\n\
             Foo_Bar[x,y]==1!2.0+local ; python_version >= \"3.10\" and sys_platform == 'linux' --hash=sha256:{A}\n"
        )
    );
}

#[test]
fn what_leaves_a_choice_is_refused_with_its_line() {
    let check = |line: &str, expect: &str| {
        let text = format!("ok==1 --hash=sha256:{A}\n{line}\n");
        let fault = lock(&[(REQUIREMENTS_FILE, &text)]).unwrap_err();
        let message = fault.to_string();
        assert!(message.starts_with("requirements.txt line 2: ") && message.contains(expect), "{line}: {message}");
        assert_eq!(fault.code(), ErrorCode::LockInvalid);
    };
    let hash = format!("--hash=sha256:{A}");
    check("six", "not pinned");
    check(&format!("six>=1.0 {hash}"), "not pinned");
    check(&format!("six~=1.0 {hash}"), "not pinned");
    check(&format!("six==1.* {hash}"), "not one version");
    check(&format!("six===1.0 {hash}"), "not one version");
    check(&format!("six==1.0,<2 {hash}"), "not one version");
    check(&format!("six==${{VERSION}} {hash}"), "not one version");
    check("six==1.0", "has no --hash");
    check("six==1.0 --hash=sha512:abc", "no sha256");
    check("six==1.0 --hash=sha256:abc", "64 lower-case hex");
    check("six==1.0 --hash", "no sha256");
    check(&format!("six==1.0 {hash} --global-option=x"), "not taken");
    check(&format!("six==1.0 {hash} --config-settings=a=b"), "not taken");
    for option in ["-r other.txt", "-e .", "--index-url https://x", "--extra-index-url=https://x", "-f .", "-c c.txt"] {
        check(option, "not taken");
    }
    check(&format!("six @ https://x/six.whl {hash}"), "is a place");
    check(&format!("./six==1.whl {hash}"), "is a place");
    check(&format!("git+https://x/y==1 {hash}"), "is a place");
    check(&format!("-six==1 {hash}"), "not taken");
    check(&format!("six==1 ; os_name == '$HOME' {hash}"), "marker");
    check(&format!("six==1 ; {hash}"), "marker");
    check(&format!("ok==2 {hash}"), "pinned twice");
    check(&format!("O.K==1 {hash}\nok==1 ; a == 'b' {hash}").replace("O.K", "OK"), "pinned twice");
    check("six==1.0 \\", "goes on behind the end");
    check(&format!("six==1 \u{b} {hash}"), "control character");
    check(&format!("sıx==1 {hash}"), "not the name");
}

#[test]
fn markers_may_choose_between_two_pins() {
    let text = format!(
        "a==1 ; python_version < '3.11' --hash=sha256:{A}\na==2 ; python_version >= '3.11' --hash=sha256:{A}\n"
    );
    assert_eq!(lock(&[(REQUIREMENTS_FILE, &text)]).unwrap().unwrap().requirements.len(), 2);
}

#[test]
fn a_pylock_is_taken_for_names_versions_markers_and_hashes() {
    let pylock = |package: &str| format!("lock-version = '1.0'\ncreated-by = 'x'\n\n[[packages]]\n{package}\n");
    let wheel = format!("wheels = [{{ name = 'a.whl', url = 'https://x/a.whl', hashes = {{ sha256 = '{A}' }} }}]");
    let text = pylock(&format!(
        "name = 'six'\nversion = '1.0'\nmarker = \"python_version > '3'\"\nsdist = {{ hashes = {{ sha256 = '{B}' }} }}\n{wheel}"
    ));
    let found = lock(&[(PYLOCK_FILE, &text)]).unwrap().unwrap();
    assert_eq!(
        found.requirements_text(),
        format!("\n\n\nsix==1.0 ; python_version > '3' --hash=sha256:{A} --hash=sha256:{B}\n")
    );
    let check = |text: &str, expect: &str| {
        let message = lock(&[(PYLOCK_FILE, text)]).unwrap_err().to_string();
        assert!(message.contains(expect), "{text}: {message}");
    };
    check(&pylock(&format!("name = 'six'\n{wheel}")), "pylock.toml line 4: six is not pinned");
    check(&pylock("name = 'six'\nversion = '1'"), "has no --hash");
    // Written into one line, it would be an option of the installer.
    check(&pylock(&format!("name = 'six'\nversion = '1'\nmarker = \"os_name == 'x' --pre\"\n{wheel}")), "marker");
    check(&pylock(&format!("name = 'six'\nversion = '1'\nmarker = \"os_name == 'x'\\n--pre\"\n{wheel}")), "marker");
    check(&pylock("name = 'six'\nversion = '1'\nwheels = [{ url = 'x' }]"), "no hashes.sha256");
    check(&pylock("name = 'six'\nvcs = { type = 'git' }"), "`vcs`");
    check(&pylock("name = 'six'\nversion = '1'\nwheels = ["), "line 7");
    check("packages = []", "lock-version");
    let both = lock(&[(PYLOCK_FILE, &text), (REQUIREMENTS_FILE, "")]).unwrap_err();
    assert!(both.to_string().contains("too"), "{both}");
}

#[test]
fn no_lock_is_no_dependency_but_a_project_that_names_some_is_refused() {
    assert_eq!(lock(&[]).unwrap(), None);
    assert_eq!(lock(&[(REQUIREMENTS_FILE, "# nothing\n\n")]).unwrap(), None);
    let project = |needs: &str| format!("[project]\nname = 'x'\ndependencies = [{needs}]\n");
    assert_eq!(lock(&[("pyproject.toml", &project(""))]).unwrap(), None);
    assert_eq!(lock(&[("pyproject.toml", &project("'omega_plugin>=0.1'"))]).unwrap(), None);
    let fault = lock(&[("pyproject.toml", &project("'omega-plugin', 'six>1'"))]).unwrap_err();
    assert!(fault.to_string().contains("\"six>1\""), "{fault}");
}

#[test]
fn limits_hold_at_the_limit_and_one_past_it() {
    let many = |count: usize| (0..count).map(|n| format!("p{n}==1 --hash=sha256:{A}\n")).collect::<String>();
    assert!(lock(&[(REQUIREMENTS_FILE, &many(LOCK_REQUIREMENTS_MAX))]).is_ok());
    let fault = lock(&[(REQUIREMENTS_FILE, &many(LOCK_REQUIREMENTS_MAX + 1))]).unwrap_err();
    assert!(fault.to_string().contains("more than 512 requirements"), "{fault}");
    let hashes = |count: usize| {
        let hashes: String = (0..count).map(|n| format!(" --hash=sha256:{n:064x}")).collect();
        format!("p==1{hashes}\n")
    };
    assert!(lock(&[(REQUIREMENTS_FILE, &hashes(LOCK_HASHES_MAX))]).is_ok());
    let fault = lock(&[(REQUIREMENTS_FILE, &hashes(LOCK_HASHES_MAX + 1))]).unwrap_err();
    assert!(fault.to_string().contains("more than 512 hashes"), "{fault}");
    let padded = |bytes: usize| format!("#{}", "x".repeat(bytes - 1));
    assert!(lock(&[(REQUIREMENTS_FILE, &padded(LOCK_BYTES_MAX))]).is_ok());
    assert!(lock(&[(REQUIREMENTS_FILE, &padded(LOCK_BYTES_MAX + 1))]).is_err());
}
