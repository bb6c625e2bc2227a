//! The brokers of one call: what a guest reaches, what it is denied, and what is counted.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod home;

use std::time::{Duration, Instant};

use home::{Home, capabilities, slice_of};
use omega_broker::{ARTIFACT_READ_BYTES_MAX, BrokerName, BrokerUse, CallLimits, DatasetForm};
use omega_contract::ports::{BrokerError, GuestLogLevel};
use omega_contract::{Capability, Host as _, Payload, Sha256Hex};

const LIMITS: CallLimits = CallLimits { read_bytes_max: 1 << 20, uses_max: 100, log_bytes_max: 1000 };
const ROWS: &str = "id,kind,note\n1,a,one\n2,b,two\n3,a,three\n";

fn soon() -> Instant {
    Instant::now() + Duration::from_mins(10)
}

fn only_use(host: &omega_broker::CallHost) -> BrokerUse {
    let uses = host.uses();
    assert_eq!(uses.len(), 1, "{uses:?}");
    uses.into_iter().next().unwrap()
}

#[tokio::test]
async fn a_guest_reads_the_artifact_that_its_payload_names() {
    let home = Home::new();
    let bytes = home::pattern(300_000);
    let by_digest = home.put(&bytes, None);
    let by_name = home.put(&bytes, Some("picture.png"));
    for payload in [by_digest, by_name] {
        let host = home.brokers.for_call(&payload, &capabilities(&[Capability::ReadBinaryRef]), LIMITS, soon());
        let Payload::BinaryRef(named) = &payload else { unreachable!("put gives binary_ref") };
        let id = named.artifact_id.as_str();
        assert_eq!(host.artifact_size(id).await, Ok(300_000));
        let mut read = Vec::new();
        loop {
            let part = host.artifact_read(id, read.len() as u64, 100_000).await.unwrap();
            if part.is_empty() {
                break;
            }
            read.extend(part);
        }
        assert!(read == bytes);
        let used = only_use(&host);
        assert_eq!((used.broker, used.uses, used.bytes, used.denied), (BrokerName::Artifacts, 5, 300_000, 0));
        assert_eq!((used.content_digest, used.failed), (Some(Sha256Hex::of(&bytes)), 0));
    }
}

#[tokio::test]
async fn what_the_payload_does_not_name_is_denied_and_counted() {
    let home = Home::new();
    let secret = home.put(b"secret", Some("secret"));
    let named = home.put(b"named", Some("named"));
    home.add("rows", ROWS, DatasetForm::Csv, "id");
    let all = capabilities(&[Capability::ReadBinaryRef, Capability::ReadDatasetSlice]);
    let host = home.brokers.for_call(&named, &all, LIMITS, soon());
    let digest_of_secret = Sha256Hex::of(b"secret").to_string();
    let same_by_digest = Sha256Hex::of(b"named").to_string();
    for id in ["secret", &digest_of_secret, &same_by_digest, "", "../named", "named\0", "NAMED"] {
        assert!(matches!(host.artifact_read(id, 0, 10).await, Err(BrokerError::Denied(_))), "{id:?}");
        assert!(matches!(host.artifact_size(id).await, Err(BrokerError::Denied(_))), "{id:?}");
    }
    assert!(matches!(host.dataset_count().await, Err(BrokerError::Denied(_))));
    assert!(matches!(host.dataset_read(0, 1).await, Err(BrokerError::Denied(_))));
    let uses = host.uses();
    assert_eq!(
        uses.iter().map(|used| (used.uses, used.denied, used.bytes)).collect::<Vec<_>>(),
        [(14, 14, 0), (2, 2, 0)]
    );
    assert_eq!(uses[0].content_digest, None);

    for payload in [Payload::text("x"), slice_of("rows", &["1"]), secret] {
        let nothing = capabilities(&[Capability::ReadText]);
        let host = home.brokers.for_call(&payload, &nothing, LIMITS, soon());
        assert!(host.uses().is_empty());
        assert!(matches!(host.artifact_read("secret", 0, 1).await, Err(BrokerError::Denied(_))));
        assert!(matches!(host.dataset_read(0, 1).await, Err(BrokerError::Denied(_))));
        assert!(host.uses().iter().all(|used| used.denied == 1 && used.bytes == 0));
    }
}

#[tokio::test]
async fn a_guest_reads_the_rows_of_its_slice_in_order() {
    let home = Home::new();
    home.add("rows", ROWS, DatasetForm::Csv, "id");
    let read = capabilities(&[Capability::ReadDatasetSlice]);
    let host = home.brokers.for_call(&slice_of("rows", &["3", "1", "3"]), &read, LIMITS, soon());
    let (one, three) = (r#"{"id":"1","kind":"a","note":"one"}"#, r#"{"id":"3","kind":"a","note":"three"}"#);
    assert_eq!(host.dataset_count().await, Ok(3));
    assert_eq!(host.dataset_read(0, 10).await.unwrap(), [three, one, three]);
    assert_eq!(host.dataset_read(1, 1).await.unwrap(), [one]);
    assert_eq!(host.dataset_read(3, 1).await.unwrap(), [""; 0]);
    assert_eq!(host.dataset_read(u64::MAX, u32::MAX).await.unwrap(), [""; 0]);
    let used = only_use(&host);
    let digest = home.brokers.datasets().describe("rows").unwrap().digest;
    assert_eq!((used.broker, used.uses, used.content_digest), (BrokerName::Datasets, 5, Some(digest)));
    assert_eq!(used.bytes, (3 * one.len() + 2 * (three.len() - one.len()) + one.len()) as u64);

    let host = home.brokers.for_call(&slice_of("rows", &["1", "9 private"]), &read, LIMITS, soon());
    assert_eq!(host.dataset_count().await, Err(BrokerError::Unknown("the dataset has no row \"9 private\"".into())));
    assert_eq!(only_use(&host).to_meta()["fault"], "The dataset has no such row.", "payloads stay out of events");
    let host = home.brokers.for_call(&slice_of("nothing", &["1"]), &read, LIMITS, soon());
    assert!(matches!(host.dataset_read(0, 1).await, Err(BrokerError::Unknown(_))));
}

#[tokio::test]
async fn limits_hold_at_the_limit_and_one_past_it() {
    let home = Home::new();
    let payload = home.put(&home::pattern(100), Some("a"));
    let read = capabilities(&[Capability::ReadBinaryRef, Capability::ReadDatasetSlice]);
    let host = home.brokers.for_call(&payload, &read, CallLimits { read_bytes_max: 150, ..LIMITS }, soon());
    let exceeded = |outcome: Result<_, BrokerError>| matches!(outcome, Err(BrokerError::LimitExceeded(_)));
    assert_eq!(host.artifact_read("a", 0, 100).await.map(|bytes| bytes.len()), Ok(100));
    assert!(exceeded(host.artifact_read("a", 0, 51).await.map(drop)));
    assert_eq!(host.artifact_read("a", 50, u32::from(u16::MAX)).await.map(|bytes| bytes.len()), Ok(50));
    assert!(exceeded(host.artifact_read("a", 99, 1).await.map(drop)));
    assert_eq!(host.artifact_read("a", 100, 1).await, Ok(vec![]));
    assert_eq!(only_use(&host).bytes, 150);
    assert_eq!(only_use(&host).failed, 2);

    let host = home.brokers.for_call(&payload, &read, LIMITS, soon());
    assert!(host.artifact_read("a", 0, ARTIFACT_READ_BYTES_MAX).await.is_ok());
    assert!(exceeded(host.artifact_read("a", 0, ARTIFACT_READ_BYTES_MAX + 1).await.map(drop)));

    let host = home.brokers.for_call(&payload, &read, CallLimits { uses_max: 2, ..LIMITS }, soon());
    assert!(host.artifact_size("a").await.is_ok());
    assert!(matches!(host.artifact_size("b").await, Err(BrokerError::Denied(_))));
    assert!(exceeded(host.artifact_size("a").await.map(drop)));
    assert!(exceeded(host.dataset_count().await.map(drop)));

    let host = home.brokers.for_call(&payload, &read, LIMITS, Instant::now());
    assert!(exceeded(host.artifact_size("a").await.map(drop)));

    home.add("rows", ROWS, DatasetForm::Csv, "id");
    let row_bytes = r#"{"id":"1","kind":"a","note":"one"}"#.len() as u64;
    for (read_bytes_max, fits) in [(row_bytes, true), (row_bytes - 1, false)] {
        let limits = CallLimits { read_bytes_max, ..LIMITS };
        let host = home.brokers.for_call(&slice_of("rows", &["1", "2"]), &read, limits, soon());
        assert_eq!(host.dataset_read(0, 2).await.map(|rows| rows.len()).ok(), fits.then_some(1));
        assert!(exceeded(host.dataset_read(1, 1).await.map(drop)), "{read_bytes_max}");
    }
}

#[tokio::test]
async fn changed_bytes_are_never_served() {
    for length in [10, 300_000] {
        let home = Home::new();
        let bytes = home::pattern(length);
        let payload = home.put(&bytes, Some("a"));
        home.change_content(&Sha256Hex::of(&bytes), |content| content[length / 2] ^= 1);
        let reopened = home.reopen();
        let read = capabilities(&[Capability::ReadBinaryRef]);
        for brokers in [&home.brokers, &reopened] {
            let host = brokers.for_call(&payload, &read, LIMITS, soon());
            let whole = u32::try_from(length).unwrap();
            for _again in 0..2 {
                let outcome = host.artifact_read("a", 0, whole).await;
                assert!(matches!(outcome, Err(BrokerError::HashMismatch(_))), "{length}: {outcome:?}");
            }
            assert_eq!((only_use(&host).bytes, only_use(&host).failed), (0, 2));
            assert!(only_use(&host).fault.unwrap().contains("were changed"));
        }
        // To put it again mends it.
        home.put(&bytes, None);
        let host = reopened.for_call(&payload, &read, LIMITS, soon());
        assert!(host.artifact_read("a", 0, u32::try_from(length).unwrap()).await.unwrap() == bytes);
    }
}

#[tokio::test]
async fn a_payload_whose_hash_lies_is_a_hash_mismatch() {
    let home = Home::new();
    let mut payload = home.put(b"true", Some("a"));
    home.put(b"other", None);
    if let Payload::BinaryRef(named) = &mut payload {
        named.artifact_hash = Sha256Hex::of(b"other");
    }
    let host = home.brokers.for_call(&payload, &capabilities(&[Capability::ReadBinaryRef]), LIMITS, soon());
    assert!(matches!(host.artifact_read("a", 0, 5).await, Err(BrokerError::HashMismatch(_))));
    assert!(matches!(host.artifact_size("a").await, Err(BrokerError::HashMismatch(_))));
}

#[tokio::test]
async fn nothing_that_a_guest_is_told_names_a_path_of_the_host() {
    let home = Home::new();
    let bytes = home::pattern(10);
    let payload = home.put(&bytes, Some("a"));
    home.add("rows", ROWS, DatasetForm::Csv, "id");
    let root = home.folder.path().to_str().unwrap().to_owned();
    std::fs::remove_dir_all(home.folder.path().join("artifacts")).unwrap();
    std::fs::write(home.folder.path().join("artifacts"), b"in the way").unwrap();
    let all = capabilities(&[Capability::ReadBinaryRef, Capability::ReadDatasetSlice]);
    for payload in [payload, slice_of("rows", &["1"])] {
        let host = home.brokers.for_call(&payload, &all, LIMITS, soon());
        let told = [host.artifact_read("a", 0, 1).await.map(drop), host.dataset_read(0, 1).await.map(drop)];
        for refusal in told {
            let text = refusal.unwrap_err().to_string();
            assert!(!text.contains(&root) && !text.contains('/'), "{text}");
        }
        for used in host.uses() {
            assert!(!used.fault.unwrap_or_default().contains(&root));
        }
    }
}

#[tokio::test]
async fn the_log_of_a_call_is_bounded_and_plain() {
    let home = Home::new();
    let limits = CallLimits { log_bytes_max: 20, ..LIMITS };
    let host = home.brokers.for_call(&Payload::text(""), &capabilities(&[]), limits, soon());
    host.log(GuestLogLevel::Warn, "a\nb\u{1b}[0m");
    host.log(GuestLogLevel::Info, "far too long for what is left");
    assert_eq!(host.log_lines().to_text(), "warn: a\u{fffd}b\u{fffd}[0m\n(1 lines dropped)\n");
    assert!(host.uses().is_empty());
}

#[tokio::test]
async fn the_event_says_what_was_done_and_none_of_the_content() {
    let home = Home::new();
    let payload = home.put(b"content", Some("a"));
    let host = home.brokers.for_call(&payload, &capabilities(&[Capability::ReadBinaryRef]), LIMITS, soon());
    host.artifact_read("a", 0, 4).await.unwrap();
    host.artifact_read("b", 0, 4).await.unwrap_err();
    let meta = only_use(&host).to_meta();
    let digest = Sha256Hex::of(b"content").to_string();
    let expect = [
        ("broker", "artifacts"),
        ("bytes", "4"),
        ("content_digest", &digest),
        ("denied", "1"),
        ("failed", "0"),
        ("uses", "2"),
    ];
    assert_eq!(meta.iter().map(|(key, value)| (&**key, value.as_str())).collect::<Vec<_>>(), expect);
}

#[tokio::test]
async fn a_runtime_is_not_stalled_while_much_is_hashed() {
    let home = Home::new();
    let bytes = home::pattern(4 << 20);
    let payload = home.put(&bytes, Some("a"));
    let reopened = home.reopen();
    let host = reopened.for_call(&payload, &capabilities(&[Capability::ReadBinaryRef]), LIMITS, soon());
    // On this single-threaded runtime the other task runs only if the first open gives the thread away.
    let turns = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let counting = std::sync::Arc::clone(&turns);
    let other = tokio::spawn(async move {
        loop {
            counting.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(host.artifact_size("a").await, Ok(4 << 20));
    other.abort();
    assert!(turns.load(std::sync::atomic::Ordering::Relaxed) > 1);
}
