//! What only an exporter with the log's own key could put into a bundle.

use omega_contract::proof_bundle::WithheldDecision;

use super::*;
use crate::desk::{Desk, PLUGIN};

/// A bundle whose links are these events of its log, checked as a verifier does.
fn check(add: impl Fn(&mut Desk), link: impl Fn(&Event) -> LinkedDecision, expect: Option<&str>) {
    let mut desk = Desk::new();
    desk.call("a", "1", EventKind::Result);
    add(&mut desk);
    let mut bundle = desk.export();
    let added = desk.decisions.last().unwrap();
    let proof = desk.tree.inclusion_proof(added.index, desk.size()).unwrap();
    bundle.links = vec![Link { index: added.index, proof, decision: link(&added.event) }];
    let export_index = bundle.inclusion.last().unwrap().index;
    let verdict = check_links(&bundle, export_index, &desk.tree.head()).map_err(|fault| fault.to_string());
    match (verdict, expect) {
        (Ok(()), None) => {}
        (Err(fault), Some(expect)) => assert!(fault.contains(expect), "{fault}"),
        (verdict, _) => panic!("{expect:?}: {verdict:?}"),
    }
}

fn whole(event: &Event) -> LinkedDecision {
    LinkedDecision::Event(event.clone())
}

fn withheld(event: &Event) -> LinkedDecision {
    LinkedDecision::Withheld(WithheldDecision {
        event_hash: event.event_hash,
        action: event.meta.get("action").cloned().unwrap_or_default(),
        plugin_id: String::new(),
    })
}

#[test]
fn links_are_decisions_without_paths() {
    let decide = |kind, fields: &'static [(&'static str, &'static str)]| {
        move |desk: &mut Desk| drop(desk.decide(kind, PLUGIN, fields))
    };
    let grant = &[("action", "grant"), ("content", "{}")];
    let with_path = &[("action", "grant"), ("content", "{\"root\":\"/srv\"}")];
    check(decide(EventKind::Policy, grant), whole, None);
    check(decide(EventKind::Policy, grant), withheld, None);
    check(decide(EventKind::Policy, with_path), withheld, None);
    check(decide(EventKind::Policy, with_path), whole, Some("it names paths of the host"));
    check(decide(EventKind::Policy, &[("action", "trust")]), withheld, Some("\"trust\" is never withheld"));
    check(decide(EventKind::Disable, &[]), whole, Some("a DISABLE of run \"system\" is no decision"));
    let of_run = |desk: &mut Desk| {
        let event = desk.append(Desk::event(EventKind::Register, "run", &[]));
        desk.decisions.push(event);
    };
    check(of_run, whole, Some("a REGISTER of run \"run\" is no decision"));
    let other = |event: &Event| LinkedDecision::Event(Event { plugin_id: "other-plugin".into(), ..event.clone() });
    check(decide(EventKind::Enable, &[]), other, Some("hash mismatch"));
    let other = |event: &Event| {
        let LinkedDecision::Withheld(held) = withheld(event) else { panic!("made above") };
        LinkedDecision::Withheld(WithheldDecision { event_hash: Sha256Hex::of(b"other"), ..held })
    };
    check(decide(EventKind::Policy, grant), other, Some("does not lead to the root"));
}

#[test]
fn links_rise_and_end_before_the_export() {
    let mut desk = Desk::new();
    desk.call("a", "1", EventKind::Result);
    let bundle = desk.export();
    let (tree, export_index) = (desk.tree.head(), bundle.inclusion.last().unwrap().index);
    let check = |edit: fn(&mut ProofBundle), export_index: u64| {
        let mut bundle = bundle.clone();
        edit(&mut bundle);
        check_links(&bundle, export_index, &tree)
    };
    assert_eq!(check(|_| (), export_index), Ok(()));
    assert_eq!(check(|b| b.links.swap(0, 1), export_index), Err(LinkFault::Order.at(0)));
    assert_eq!(check(|b| b.links.insert(1, b.links[0].clone()), export_index), Err(LinkFault::Order.at(0)));
    assert_eq!(check(|_| (), 4), Err(LinkFault::Order.at(4)));
}
