//! The artifact store on a real folder: what it keeps, refuses, mends and survives.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod home;

use std::fs;
use std::io::{self, Read};
use std::sync::Barrier;

use home::{Home, pattern};
use omega_broker::{
    ARTIFACT_NAMES_MAX, ArtifactInfo, ArtifactLabel, Brokers, CHUNK_BYTES, StoreError, StoreLimits, StoreName,
};
use omega_contract::{ErrorCode, Sha256Hex};

fn label(name: &str, media_type: &str) -> ArtifactLabel {
    ArtifactLabel {
        name: (!name.is_empty()).then(|| name.parse().unwrap()),
        media_type: (!media_type.is_empty()).then(|| media_type.parse().unwrap()),
    }
}

fn put(brokers: &Brokers, bytes: &[u8], label: &ArtifactLabel) -> Result<ArtifactInfo, StoreError> {
    brokers.artifacts().put(&mut &*bytes, label)
}

fn get(brokers: &Brokers, id: &str) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::new();
    brokers.artifacts().copy_to(id, &mut bytes).map(|_| bytes)
}

fn code<T: std::fmt::Debug>(outcome: Result<T, StoreError>) -> ErrorCode {
    outcome.unwrap_err().code()
}

fn names(info: &ArtifactInfo) -> Vec<&str> {
    info.names.iter().map(StoreName::as_str).collect()
}

#[test]
fn what_was_put_is_got_by_digest_and_by_name_also_by_the_next_process() {
    for length in [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, 1_000_000] {
        let home = Home::new();
        let bytes = pattern(length);
        let info = put(&home.brokers, &bytes, &label("data.bin", "application/octet-stream")).unwrap();
        assert_eq!((info.digest, info.size_bytes), (Sha256Hex::of(&bytes), length as u64));
        for brokers in [&home.brokers, &home.reopen()] {
            assert!(get(brokers, "data.bin").unwrap() == bytes);
            assert!(get(brokers, &info.digest.to_string()).unwrap() == bytes);
            assert_eq!(brokers.artifacts().describe("data.bin").unwrap(), info);
        }
        assert!(fs::read(home.content_path(&info.digest)).unwrap() == bytes);
        let again = home.brokers.artifacts().put_bytes(&bytes, &ArtifactLabel::default()).unwrap();
        assert_eq!(again, info);
        assert_eq!(home.count("incoming"), 0);
    }
}

#[test]
fn names_never_change_their_meaning() {
    let home = Home::new();
    let first = put(&home.brokers, b"one", &label("n", "text/plain")).unwrap();
    assert_eq!(put(&home.brokers, b"one", &label("n", "")).unwrap(), first);
    assert_eq!(code(put(&home.brokers, b"two", &label("n", ""))), ErrorCode::VersionConflict);
    assert_eq!(code(home.brokers.artifacts().put_bytes(b"two", &label("n", ""))), ErrorCode::VersionConflict);
    assert_eq!(get(&home.reopen(), "n").unwrap(), b"one");
    assert_eq!((home.count("sha256"), home.count("incoming")), (1, 0), "nothing of the refused one is kept");

    let more = put(&home.brokers, b"one", &label("m", "text/csv")).unwrap();
    assert_eq!((names(&more), more.media_type.as_ref().unwrap().as_str()), (vec!["m", "n"], "text/csv"));
}

#[test]
fn one_artifact_has_a_bounded_number_of_names() {
    let home = Home::new();
    for i in 0..ARTIFACT_NAMES_MAX {
        put(&home.brokers, b"x", &label(&format!("n{i}"), "")).unwrap();
    }
    let past = put(&home.brokers, b"x", &label("one-more", ""));
    assert!(matches!(past, Err(StoreError::TooManyNames { .. })), "{past:?}");
    assert_eq!(code(home.brokers.artifacts().describe("one-more")), ErrorCode::ArtifactUnknown);
}

#[test]
fn the_size_limit_holds_at_the_limit_and_one_past_it() {
    let folder = tempfile::tempdir().unwrap();
    let limits = StoreLimits { artifact_bytes_max: 300_000, ..StoreLimits::default() };
    let brokers = Brokers::open(folder.path(), limits).unwrap();
    assert_eq!(put(&brokers, &pattern(300_000), &label("", "")).unwrap().size_bytes, 300_000);
    assert_eq!(code(put(&brokers, &pattern(300_001), &label("", ""))), ErrorCode::PayloadTooLarge);
    assert_eq!(code(brokers.artifacts().put(&mut io::repeat(0), &label("", ""))), ErrorCode::PayloadTooLarge);
    assert_eq!(fs::read_dir(folder.path().join("artifacts/incoming")).unwrap().count(), 0);
    assert_eq!(brokers.artifacts().list(None, 9).unwrap().artifacts.len(), 1);
}

#[test]
fn a_source_that_fails_leaves_nothing() {
    struct Fails;
    impl Read for Fails {
        fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("gone"))
        }
    }
    let home = Home::new();
    let got = home.brokers.artifacts().put(&mut (&*pattern(200_000)).chain(Fails), &label("n", ""));
    assert_eq!(code(got), ErrorCode::Io);
    assert_eq!((home.count("sha256"), home.count("incoming"), home.count("names")), (0, 0, 0));
}

#[test]
fn no_error_names_a_path() {
    let home = Home::new();
    for folder in ["incoming", "sha256", "names", "about"] {
        fs::remove_dir_all(home.path(folder)).unwrap();
        fs::write(home.path(folder), b"in the way").unwrap();
        for error in [
            put(&home.brokers, b"x", &label("n", "text/plain")).unwrap_err(),
            home.brokers.artifacts().put_bytes(b"y", &label("m", "")).unwrap_err(),
            Brokers::open(home.folder.path(), StoreLimits::default()).unwrap_err(),
        ] {
            let text = error.to_string();
            assert!(!text.contains('/') && error.code() == ErrorCode::Io, "{folder}: {text}");
        }
        fs::remove_file(home.path(folder)).unwrap();
        fs::create_dir(home.path(folder)).unwrap();
    }
}

#[test]
fn ids_reach_nothing_outside_the_store() {
    let home = Home::new();
    fs::write(home.folder.path().join("secret"), b"secret").unwrap();
    let absolute = home.folder.path().join("secret").to_str().unwrap().to_owned();
    let long = "a".repeat(100_000);
    let upper = Sha256Hex::of(b"secret").to_string().to_uppercase();
    for id in [
        "",
        ".",
        "..",
        "../../secret",
        "../secret",
        &absolute,
        "sha256/../../secret",
        "a\0b",
        "NUL",
        &long,
        &upper,
        "ä",
    ] {
        assert_eq!(code(home.brokers.artifacts().resolve(id)), ErrorCode::ArtifactUnknown, "{id:?}");
        assert_eq!(code(get(&home.brokers, id)), ErrorCode::ArtifactUnknown, "{id:?}");
        let text = home.brokers.artifacts().describe(id).unwrap_err().to_string();
        assert!(text.len() < 1000, "{} bytes", text.len());
    }
}

#[test]
fn changed_content_is_refused_and_putting_it_again_mends_it() {
    let home = Home::new();
    let bytes = pattern(3 * CHUNK_BYTES);
    let digest = put(&home.brokers, &bytes, &label("n", "")).unwrap().digest;
    let changes: [fn(&mut Vec<u8>); 5] = [
        |content| content[0] ^= 1,
        |content| content[3 * CHUNK_BYTES - 1] ^= 1,
        |content| content.truncate(3 * CHUNK_BYTES - 1),
        |content| content.push(0),
        Vec::clear,
    ];
    for (case, change) in changes.into_iter().enumerate() {
        home.change_content(&digest, change);
        for brokers in [&home.brokers, &home.reopen()] {
            let mut served = Vec::new();
            let outcome = brokers.artifacts().copy_to("n", &mut served);
            assert_eq!(code(outcome), ErrorCode::ArtifactHashMismatch, "{case}");
            assert!(bytes.starts_with(&served), "{case}: a changed byte was served");
        }
        put(&home.brokers, &bytes, &label("", "")).unwrap();
        assert!(get(&home.reopen(), "n").unwrap() == bytes, "{case}");
    }
    home.change_content(&digest, |content| content[0] ^= 1);
    home.brokers.artifacts().put_bytes(&bytes, &label("", "")).unwrap();
    assert!(get(&home.brokers, "n").unwrap() == bytes);
    fs::remove_file(home.content_path(&digest)).unwrap();
    assert_eq!(code(get(&home.brokers, "n")), ErrorCode::ArtifactUnknown);
}

#[cfg(unix)]
#[test]
fn planted_links_are_not_followed() {
    use std::os::unix::fs::symlink;
    let home = Home::new();
    let outside = home.folder.path().join("outside");
    fs::write(&outside, b"outside").unwrap();
    let digest = Sha256Hex::of(b"outside");

    // The content behind the link even has the right hash.
    symlink(&outside, home.content_path(&digest)).unwrap();
    assert_eq!(code(get(&home.brokers, &digest.to_string())), ErrorCode::Io);
    assert_eq!(code(home.brokers.artifacts().describe(&digest.to_string())), ErrorCode::Io);
    assert_eq!(home.brokers.artifacts().list(None, 10).unwrap().artifacts, []);
    put(&home.brokers, b"outside", &label("", "")).unwrap();
    assert!(fs::symlink_metadata(home.content_path(&digest)).unwrap().is_file(), "the link was replaced");
    assert_eq!(fs::read(&outside).unwrap(), b"outside");

    // A record behind a link, and a link among what is being written.
    put(&home.brokers, b"x", &label("n", "")).unwrap();
    let record = home.only_file("names");
    fs::rename(&record, home.folder.path().join("moved")).unwrap();
    symlink(home.folder.path().join("moved"), &record).unwrap();
    assert_eq!(code(get(&home.brokers, "n")), ErrorCode::HomeInvalid);
    assert_eq!(code(put(&home.brokers, b"y", &label("n", ""))), ErrorCode::HomeInvalid);
    symlink(&outside, home.path("incoming").join("link")).unwrap();
    home.reopen();
    assert_eq!((home.count("incoming"), fs::read(&outside).unwrap()), (0, b"outside".to_vec()));

    // A folder of the store that is a link.
    for folder in ["incoming", "names", ""] {
        let (path, moved) = (home.path(folder), home.folder.path().join("moved-folder"));
        fs::rename(&path, &moved).unwrap();
        symlink(&moved, &path).unwrap();
        assert_eq!(code(Brokers::open(home.folder.path(), StoreLimits::default())), ErrorCode::Io, "{folder:?}");
        fs::remove_file(&path).unwrap();
        fs::rename(&moved, &path).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    let digest = put(&home.brokers, b"x", &label("n", "text/plain")).unwrap().digest;
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&home.content_path(&digest)), 0o600);
    assert_eq!(mode(&home.only_file("names")), 0o600);
    for folder in ["", "sha256", "names", "about", "datasets", "incoming"] {
        assert_eq!(mode(&home.path(folder)), 0o700, "{folder}");
    }
}

#[test]
fn damaged_records_are_refused() {
    let home = Home::new();
    let digest = put(&home.brokers, b"x", &label("n", "text/plain")).unwrap().digest;
    let (record, about) = (home.only_file("names"), home.only_file("about"));
    let good = fs::read_to_string(&record).unwrap();
    let other = Sha256Hex::of(b"y");
    for bad in [
        String::new(),
        "{".into(),
        good.replace('}', ",\"x\":1}"),
        good.replace('}', ",\"name\":\"n\"}"),
        good.replace("\"n\"", "\"m\""),
        good.replace("\"n\"", "\"../n\""),
        good.replace(&digest.to_string()[..8], "nothexxx"),
        format!("{good}{}", " ".repeat(100_000)),
    ] {
        fs::write(&record, &bad).unwrap();
        assert_eq!(code(get(&home.brokers, "n")), ErrorCode::HomeInvalid, "{bad:.100}");
    }
    fs::write(&record, b"\xff\xfe").unwrap();
    assert_eq!(code(get(&home.brokers, "n")), ErrorCode::HomeInvalid);
    fs::write(&record, &good).unwrap();

    let good = fs::read_to_string(&about).unwrap();
    for bad in
        ["", "[]", &good.replace("text/plain", "text\\n"), &good.replace(&digest.to_string(), &other.to_string())]
    {
        fs::write(&about, bad).unwrap();
        assert_eq!(code(home.brokers.artifacts().describe("n")), ErrorCode::HomeInvalid, "{bad}");
        let text = home.brokers.artifacts().list(None, 10).unwrap_err().to_string();
        assert!(text.contains(&digest.to_string()) && !text.contains('/'), "{text}");
    }
    put(&home.brokers, b"x", &label("n", "text/csv")).unwrap();
    let mended = home.brokers.artifacts().describe("n").unwrap();
    assert_eq!((names(&mended), mended.media_type.as_ref().unwrap().as_str()), (vec!["n"], "text/csv"));
}

#[test]
fn what_a_crash_leaves_does_no_harm() {
    let home = Home::new();
    let digest = put(&home.brokers, b"x", &label("n", "")).unwrap().digest;
    // Killed while writing.
    fs::write(home.path("incoming").join(".tmpAbC123"), pattern(1000)).unwrap();
    // Killed between the record that lists a name and the one that gives it its meaning.
    fs::remove_file(home.only_file("names")).unwrap();
    let brokers = home.reopen();
    assert_eq!(home.count("incoming"), 0);
    assert_eq!(names(&brokers.artifacts().describe(&digest.to_string()).unwrap()), [""; 0]);
    assert_eq!(code(get(&brokers, "n")), ErrorCode::ArtifactUnknown);
    // The name is still free, for this content or another.
    let other = put(&brokers, b"y", &label("n", "")).unwrap();
    assert_eq!(names(&other), ["n"]);
    assert_eq!(names(&brokers.artifacts().describe(&digest.to_string()).unwrap()), [""; 0]);
}

#[test]
fn many_put_the_same_content_at_once() {
    let home = Home::new();
    let bytes = pattern(500_000);
    let start = Barrier::new(8);
    std::thread::scope(|scope| {
        for i in 0..8 {
            let (home, bytes, start) = (&home, &bytes, &start);
            scope.spawn(move || {
                start.wait();
                let info = put(&home.brokers, bytes, &label(&format!("n{i}"), "")).unwrap();
                assert_eq!(info.digest, Sha256Hex::of(bytes));
                assert!(get(&home.brokers, &format!("n{i}")).unwrap() == *bytes);
            });
        }
    });
    let listed = home.brokers.artifacts().list(None, 10).unwrap().artifacts;
    assert_eq!((listed.len(), listed[0].names.len(), home.count("incoming")), (1, 8, 0));
}

#[test]
fn of_many_that_want_one_name_one_gets_it() {
    let home = Home::new();
    let start = Barrier::new(8);
    let won: Vec<bool> = std::thread::scope(|scope| {
        let racers: Vec<_> = (0..8)
            .map(|i| {
                let (home, start) = (&home, &start);
                scope.spawn(move || {
                    start.wait();
                    match put(&home.brokers, format!("content {i}").as_bytes(), &label("n", "")) {
                        Ok(_) => true,
                        Err(StoreError::NameTaken { .. }) => false,
                        Err(e) => panic!("{e}"),
                    }
                })
            })
            .collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    assert_eq!(won.iter().filter(|won| **won).count(), 1, "{won:?}");
    let winner = won.iter().position(|won| *won).unwrap();
    assert_eq!(get(&home.brokers, "n").unwrap(), format!("content {winner}").as_bytes());
}

#[test]
fn the_list_is_paged_in_a_stable_order() {
    let home = Home::new();
    let mut expect: Vec<_> = (0..25).map(|i| Sha256Hex::of(format!("{i}").as_bytes())).collect();
    expect.sort();
    for i in 0..25 {
        put(&home.brokers, format!("{i}").as_bytes(), &label("", "")).unwrap();
    }
    fs::write(home.path("sha256").join("README"), b"not ours").unwrap();
    fs::create_dir(home.content_path(&Sha256Hex::of(b"a folder"))).unwrap();
    for page_size in [0, 1, 7, 24, 25, 26, usize::MAX] {
        let (mut got, mut after, mut pages) = (Vec::new(), None, 0);
        loop {
            let page = home.brokers.artifacts().list(after.as_ref(), page_size).unwrap();
            assert!(page.artifacts.len() <= page_size.max(1));
            got.extend(page.artifacts.into_iter().map(|info| info.digest));
            pages += 1;
            match page.next_after {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        assert_eq!(got, expect, "{page_size}");
        assert!(pages <= 26);
    }
}
