//! T3, compatibility, end to end (the ranges themselves: `crates/validator/tests/t3_compatibility.rs`).

use omega_contract::{ErrorCode, Status};
use semver::Version;

use crate::harness::{Bench, edit, package};

/// What is compatible is admitted under the highest common version, and that is journalled; the rest is not.
#[tokio::test(flavor = "multi_thread")]
async fn the_highest_common_version_is_used_or_none() {
    let cases = [
        ("1.0.0", "^1.0.0", Some("1.1.0")),
        ("1.0.0", "1.0.0", Some("1.0.0")),
        ("1.0.0", "~1.0", Some("1.0.0")),
        ("1.1.0", ">=1.1.0 <2", Some("1.1.0")),
        ("1.0.0", "*", Some("1.1.0")),
        ("1.0.0", "0.9.0 || 1.0.x", Some("1.0.0")),
        ("1.0.0", ">=1.2.0", None),
        ("1.0.0", "^2.0.0", None),
        ("1.2.0", "^1.0.0", None),
        ("2.0.0", "*", None),
    ];
    let bench = Bench::new().await;
    for (n, (api_version, range, expect)) in cases.into_iter().enumerate() {
        let mut files = package("examples/hello");
        edit(&mut files, |manifest| {
            manifest["version"] = format!("1.0.{n}").into();
            manifest["api_version"] = api_version.into();
            manifest["supported_omega_api_versions"] = range.into();
        });
        match (bench.register(&files).await, expect) {
            (Ok(_), Some(version)) => {
                let lines = bench.ledger_lines();
                let last = lines.iter().rfind(|line| line.contains("\"kind\":\"REGISTER\"")).unwrap();
                assert!(last.contains(&format!(r#"\"api_version\":\"{version}\""#)), "{range}: {last}");
            }
            (Err(error), None) => assert_eq!(error.code, ErrorCode::ApiVersionIncompatible, "{api_version} {range}"),
            (got, _) => panic!("{api_version} {range}: {got:?}"),
        }
    }
}

/// Two versions of one id stand beside each other, one of them takes calls, and changing over is atomic.
#[tokio::test(flavor = "multi_thread")]
async fn one_version_at_a_time_takes_calls() {
    let bench = Bench::new().await;
    let hello = bench.install("examples/hello").await;
    let first = Version::new(1, 0, 0);
    let mut files = package("examples/hello");
    edit(&mut files, |manifest| manifest["version"] = "1.1.0".into());
    bench.register(&files).await.unwrap();
    assert_eq!(bench.text(&hello, "a").await.response.status, Status::Ok);
    let digest_of = |answer: omega_gateway::Answer| bench.event(answer.event_index).meta["package_digest"].clone();
    let old = digest_of(bench.text(&hello, "a").await);
    let enabled = bench.gateway.enable_plugin(&hello, None).await.unwrap();
    assert_eq!(enabled.version, Version::new(1, 1, 0), "the highest");
    let new = digest_of(bench.text(&hello, "a").await);
    assert_eq!((new.as_str(), new != old), (enabled.package_digest.to_string().as_str(), true));
    bench.gateway.enable_plugin(&hello, Some(&first)).await.unwrap();
    assert_eq!(digest_of(bench.text(&hello, "a").await), old, "and back");
}

/// A call in flight finishes on the version on which it began.
#[tokio::test(flavor = "multi_thread")]
async fn calls_in_flight_finish_on_the_old_version() {
    let bench = Bench::new().await;
    let sleeper = bench.install("hostile/sleeper").await;
    let mut files = package("hostile/sleeper");
    edit(&mut files, |manifest| manifest["version"] = "2.0.0".into());
    let info = bench.register(&files).await.unwrap();
    bench.text(&sleeper, "go").await;
    let asked = omega_gateway::request(omega_contract::Payload::text("go"));
    let run_id = asked.run_id.clone();
    let change = async {
        while bench.kinds(&run_id).is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        bench.gateway.enable_plugin(&sleeper, Some(&info.version)).await.unwrap();
    };
    let (answer, ()) = tokio::join!(bench.invoke(&sleeper, asked), change);
    assert_eq!(answer.reason, Some(ErrorCode::Timeout), "it had all its time");
    let digests: Vec<_> = bench.events(&run_id).iter().map(|event| event.meta["package_digest"].clone()).collect();
    assert_eq!(digests[0], digests[1]);
    assert_ne!(digests[0], info.package_digest.to_string());
}
