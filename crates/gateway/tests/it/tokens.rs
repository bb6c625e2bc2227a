//! API tokens, and in whose name things happen.

use std::sync::{Arc, Mutex};

use omega_contract::{Caller, ErrorCode, EventKind, Payload, Scope, Status, Timestamp};
use omega_gateway::{Gateway, HomeReader, request};

use crate::harness::{Bench, id};

fn far() -> Timestamp {
    "2999-01-01T00:00:00Z".parse().unwrap()
}

fn refused(gateway: &Gateway, secret: &str) -> ErrorCode {
    gateway.token_of(secret).unwrap_err().code
}

#[tokio::test]
async fn a_token_is_good_until_it_is_revoked_and_its_secret_is_nowhere() {
    let bench = Bench::new().await;
    let admin = bench.gateway.admin();
    let (token, secret) = admin
        .create_token("ci".parse().unwrap(), vec![Scope::Invoke], vec!["acme.*".into()], Some(far()))
        .await
        .unwrap();
    assert_eq!(bench.gateway.token_of(secret.reveal()).unwrap(), token);
    assert_eq!(format!("{secret:?}"), "TokenSecret(…)");
    assert_nowhere(bench.home.path(), secret.reveal());
    // It stands in the ledger with whoever made it, and outlives the process.
    let secret = secret.reveal().to_owned();
    drop(admin);
    let bench = bench.reopened().await;
    assert_eq!(bench.gateway.token_of(&secret).unwrap(), token);
    bench.gateway.admin().revoke_token(&token.name).await.unwrap();
    assert_eq!(refused(&bench.gateway, &secret), ErrorCode::TokenInvalid);
    let again = bench.gateway.admin().revoke_token(&token.name).await.unwrap_err();
    assert_eq!(again.code, ErrorCode::TokenUnknown);
    let rows = HomeReader::open(&bench.home).unwrap().tokens().unwrap();
    assert_eq!((rows.len(), rows[0].revoked_at.is_some()), (1, true));
    // The registry that is made anew from the ledger says the same.
    assert!(bench.gateway.admin().rebuild_registry().await.unwrap().identical);
    assert_eq!(refused(&bench.gateway, &secret), ErrorCode::TokenInvalid);
}

fn assert_nowhere(folder: &std::path::Path, secret: &str) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert_nowhere(&path, secret);
        } else {
            let bytes = std::fs::read(&path).unwrap();
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{} holds the secret", path.display());
        }
    }
}

#[tokio::test]
async fn what_is_no_token_is_refused() {
    let bench = Bench::new().await;
    let admin = bench.gateway.admin();
    let (_, first) = admin.create_token("ci".parse().unwrap(), vec![Scope::Read], vec![], None).await.unwrap();
    let (_, second) = admin.create_token("ci".parse().unwrap(), vec![Scope::Read], vec![], None).await.unwrap();
    assert_eq!(refused(&bench.gateway, first.reveal()), ErrorCode::TokenInvalid, "replaced");
    assert!(bench.gateway.token_of(second.reveal()).is_ok());
    for text in ["", "omega_", &second.reveal()[..48], &format!("{}x", second.reveal()), &"x".repeat(49)] {
        assert_eq!(refused(&bench.gateway, text), ErrorCode::TokenInvalid, "{text}");
    }
}

#[tokio::test]
async fn a_token_that_says_nothing_or_too_much_is_not_made() {
    let bench = Bench::new().await;
    let before = bench.gateway.activity().events;
    let admin = bench.gateway.admin();
    let name = || "ci".parse().unwrap();
    let past = Some("2001-01-01T00:00:00Z".parse().unwrap());
    for refused in [
        admin.create_token(name(), vec![], vec![], None).await,
        admin.create_token(name(), vec![Scope::Read], vec![], past).await,
        admin.create_token(name(), vec![Scope::Read], vec![String::new()], None).await,
        admin.create_token(name(), vec![Scope::Read], vec!["x".repeat(129)], None).await,
        admin.create_token(name(), vec![Scope::Read], vec!["x".to_owned(); 65], None).await,
    ] {
        assert_eq!(refused.unwrap_err().code, ErrorCode::RequestInvalid);
    }
    assert!(admin.create_token(name(), vec![Scope::Read], vec!["x".repeat(128); 64], None).await.is_ok());
    assert_eq!(bench.gateway.activity().events, before + 1);
}

#[tokio::test]
async fn a_token_ends_when_it_says() {
    let bench = Bench::new().await;
    let soon = Timestamp::from_unix_micros(now().unix_micros() + 150_000);
    let admin = bench.gateway.admin();
    let (_, secret) = admin.create_token("t".parse().unwrap(), vec![Scope::Read], vec![], Some(soon)).await.unwrap();
    assert!(bench.gateway.token_of(secret.reveal()).is_ok());
    while now() <= soon {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(refused(&bench.gateway, secret.reveal()), ErrorCode::TokenInvalid);
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp::from_unix_micros(i64::try_from(since.as_micros()).unwrap())
}

#[tokio::test]
async fn events_name_who_asked_and_the_trace() {
    let bench = Bench::new().await;
    let hello = bench.install("examples/hello").await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let caller = Caller::new("ci").traced(Some(trace.parse().unwrap()));
    let gateway = bench.gateway.on_behalf_of(caller);
    let asked = request(Payload::text("Ada"));
    let run_id = asked.run_id.clone();
    gateway.invoke(&hello, asked).await.unwrap();
    let refused = gateway.invoke(&id("nobody"), request(Payload::text("Ada"))).await.unwrap();
    gateway.disable_plugin(&hello).await.unwrap();
    let invoke = bench.events(&run_id).into_iter().find(|event| event.kind == EventKind::Invoke).unwrap();
    let reject = gateway.admin().event(refused.event_index).unwrap();
    let newest = bench.gateway.activity().events - 1;
    let disable = gateway.admin().event(newest).unwrap();
    assert_eq!(disable.kind, EventKind::Disable);
    for event in [invoke, reject, disable] {
        assert_eq!((event.meta["actor"].as_str(), event.meta["traceparent"].as_str()), ("ci", trace), "{event:?}");
    }
    // Whoever opened it, where nobody else is named.
    let own = bench.text(&id("nobody"), "x").await;
    assert_eq!(gateway.admin().event(own.event_index).unwrap().meta["actor"], "tester");
}

#[tokio::test]
async fn an_observer_hears_of_calls_and_of_steps() {
    #[derive(Default)]
    struct Heard(Mutex<Vec<(String, Status, Option<String>)>>);
    impl omega_gateway::CallObserver for Heard {
        fn answered(&self, call: &omega_gateway::ObservedCall<'_>) {
            let actor = call.caller.actor().map(ToOwned::to_owned);
            self.0.lock().unwrap().push((call.plugin_id.to_string(), call.status, actor));
        }
    }
    let bench = Bench::new().await;
    let hello = bench.install("examples/hello").await;
    let heard = Arc::new(Heard::default());
    let gateway = bench.gateway.observed_by(heard.clone()).on_behalf_of(Caller::new("ci"));
    let answer = gateway.invoke(&hello, request(Payload::text("Ada"))).await.unwrap();
    assert!(answer.stages.run > std::time::Duration::ZERO, "{:?}", answer.stages);
    let policy = omega_contract::PipelinePolicy {
        strategy: omega_contract::PipelineStrategy::Sequential,
        plugin_ids: vec![hello, id("nobody")],
        timeout_ms: 10_000,
        stop_on_failure: false,
    };
    gateway.invoke_pipeline(&policy, request(Payload::text("Ada"))).await.unwrap();
    let ci = Some("ci".to_owned());
    let expect = [("hello", Status::Ok), ("hello", Status::Ok), ("nobody", Status::Rejected)];
    let expect: Vec<_> = expect.into_iter().map(|(id, status)| (id.to_owned(), status, ci.clone())).collect();
    assert_eq!(*heard.0.lock().unwrap(), expect);
    assert_eq!(gateway.activity().plugins_ready, 1);
}
