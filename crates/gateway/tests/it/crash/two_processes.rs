//! Two processes on one home: the second is refused at once and changes nothing; readers read; when the first is gone,
//! however it went, the second opens.

use std::io::{BufRead as _, BufReader};

use omega_contract::ErrorCode;
use omega_gateway::{Gateway, HomeReader, OpenOptions, Page, PluginFilter};
use omega_ledger::{Query, Strictness};

use super::load;
use crate::harness::{Bench, snapshot};

/// Not a test of its own: the process that holds the home, and does nothing until it is killed.
#[tokio::test(flavor = "multi_thread")]
async fn child_that_holds_the_home() {
    if let Some(home) = load::home_of_child() {
        let home = omega_gateway::Home::open(&home).unwrap();
        let _held = Gateway::open(&home, OpenOptions::default()).await.unwrap();
        load::tell("\nready");
        std::future::pending::<()>().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_is_refused_until_the_first_is_gone() {
    let bench = Bench::new().await;
    bench.install("examples/hello").await;
    let (home, _folder) = bench.closed();
    let mut child = load::spawn("crash::two_processes::child_that_holds_the_home", home.path());
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.find(|line| line.as_ref().unwrap() == "ready").unwrap().unwrap();

    let before = snapshot(home.path());
    for _ in 0..3 {
        // With no time to wait: the answer is there at once.
        let error = Gateway::open(&home, OpenOptions::default()).await.err().expect("it is held");
        assert_eq!(error.code, ErrorCode::HomeLocked);
        assert!(error.message.contains(&child.id().to_string()), "it says by whom: {}", error.message);
    }
    assert_eq!(snapshot(home.path()), before, "whoever is refused changes nothing");
    let reader = HomeReader::open(&home).unwrap();
    assert_eq!(reader.list_plugins(&PluginFilter::default(), &Page::first(10)).unwrap().len(), 1);
    assert!(!reader.ledger().query(&Query::default()).unwrap().events.is_empty());
    omega_ledger::verify(&home.ledger_dir(), &home.log_verifier_key().unwrap(), Strictness::Strict, |_| ()).unwrap();

    child.kill().unwrap();
    child.wait().unwrap();
    let gateway = Gateway::open(&home, OpenOptions::default()).await.unwrap();
    // Two in one process are two as well.
    let error = Gateway::open(&home, OpenOptions::default()).await.err().expect("it is held");
    assert_eq!(error.code, ErrorCode::HomeLocked);
    drop(gateway);
    Gateway::open(&home, OpenOptions::default()).await.unwrap();
}
