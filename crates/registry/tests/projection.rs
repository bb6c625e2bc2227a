//! The registry is what its decisions say, whatever the order of opening and closing.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use omega_contract::manifest::DeterminismMode;
use omega_contract::plugin_info::{LaneKind, PluginStatus};
use omega_contract::{
    Caller, Capability, ErrorCode, Event, Grant, KeyId, PluginId, Sha256Hex, Timestamp, TrustedKey, ValidationReport,
    Witness,
};
use omega_registry::{
    Decision, GrantState, Page, PluginFilter, REJECTED_PACKAGES_MAX, RegisteredPackage, Registry, RejectedPackage,
};
use proptest::prelude::*;
use semver::Version;

fn id(text: &str) -> PluginId {
    text.parse().unwrap()
}

fn key(seed: &str) -> KeyId {
    KeyId(Sha256Hex::of(seed.as_bytes()))
}

fn register(plugin_id: &str, version: Version) -> Decision {
    let package_digest = Sha256Hex::of(format!("{plugin_id}@{version}").as_bytes());
    Decision::Register(RegisteredPackage {
        plugin_id: id(plugin_id),
        version,
        name: plugin_id.to_owned(),
        capabilities: vec![Capability::ReadText, Capability::WriteReport],
        lane: LaneKind::Wasm,
        determinism: DeterminismMode::Deterministic,
        api_version: Version::new(1, 0, 0),
        key_id: key("k"),
        manifest_hash: Sha256Hex::of(b"manifest"),
        package_digest,
    })
}

fn reject(seed: u32) -> Decision {
    Decision::Reject(RejectedPackage {
        plugin_id: id("bad-one"),
        version: Version::new(0, 0, 0),
        name: "bad".into(),
        package_digest: Sha256Hex::of(&seed.to_le_bytes()),
        reason: ErrorCode::ManifestInvalid,
        message: "no".into(),
        report: ValidationReport {
            valid: false,
            issues: Vec::new(),
            manifest_hash: String::new(),
            checked_at: Timestamp::EPOCH,
        },
    })
}

fn event(at: u64, decision: &Decision) -> Event {
    let draft = decision.to_draft(&Caller::new("tester")).unwrap();
    Event {
        event_hash: Sha256Hex::of(&at.to_le_bytes()),
        event_id: at.to_string(),
        input_hash: String::new(),
        kind: draft.kind,
        meta: draft.meta,
        output_hash: String::new(),
        plugin_id: String::new(),
        prev_hash: String::new(),
        request_id: String::new(),
        run_id: draft.run_id.to_string(),
        ts: Timestamp::from_unix_micros(i64::try_from(at).unwrap() * 1_000_000).to_string(),
    }
}

fn apply(registry: &Registry, decisions: &[Decision]) {
    let first = registry.applied().unwrap().map_or(0, |applied| applied.index + 1);
    let events: Vec<(u64, Event)> = (first..).zip(decisions).map(|(index, d)| (index, event(index, d))).collect();
    registry.apply(events.iter().map(|(index, event)| (*index, event))).unwrap();
}

fn open() -> (tempfile::TempDir, Registry) {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::open(&folder.path().join("registry.sqlite")).unwrap();
    (folder, registry)
}

#[test]
fn one_version_is_enabled_at_a_time() {
    let (_folder, registry) = open();
    let (old, new) = (Version::new(1, 9, 0), Version::new(1, 10, 0));
    let enable = |version: &Version| Decision::Enable { plugin_id: id("hello"), version: version.clone() };
    apply(&registry, &[register("hello", new.clone()), register("hello", old.clone()), enable(&old), enable(&new)]);
    let statuses: Vec<_> =
        registry.versions(&id("hello")).unwrap().into_iter().map(|row| (row.info.version, row.info.status)).collect();
    assert_eq!(
        statuses,
        [(old, PluginStatus::Disabled), (new.clone(), PluginStatus::Enabled)],
        "SemVer order, not text order"
    );
    assert_eq!(registry.enabled(&id("hello")).unwrap().unwrap().info.version, new);
}

#[test]
fn rejected_packages_reserve_nothing_and_are_capped() {
    let (_folder, registry) = open();
    let many: Vec<Decision> = (0..=REJECTED_PACKAGES_MAX).map(reject).collect();
    apply(&registry, &many);
    let filter = PluginFilter { status: Some(PluginStatus::Rejected), ..PluginFilter::default() };
    let rows = registry.list(&filter, &Page::first(u32::MAX)).unwrap();
    assert_eq!(rows.len(), REJECTED_PACKAGES_MAX as usize);
    let oldest = Sha256Hex::of(&0_u32.to_le_bytes());
    assert!(registry.of_digest(&oldest).unwrap().is_none(), "the oldest went");
    apply(&registry, &[register("bad-one", Version::new(0, 0, 0))]);
    assert_eq!(registry.versions(&id("bad-one")).unwrap().len(), 1);
}

#[test]
fn pages_join_to_the_whole_list() {
    let (_folder, registry) = open();
    let decisions: Vec<Decision> =
        (0..25).map(|n| register(&format!("plugin-{:02}", n % 9), Version::new(1, n, 0))).collect();
    apply(&registry, &decisions);
    let whole = registry.list(&PluginFilter::default(), &Page::first(1_000)).unwrap();
    assert_eq!(whole.len(), 25);
    let mut joined = Vec::new();
    let mut page = Page::first(4);
    loop {
        let rows = registry.list(&PluginFilter::default(), &page).unwrap();
        let Some(last) = rows.last() else { break };
        page.after = Some((last.info.plugin_id.clone(), last.info.version.clone(), last.info.package_digest));
        joined.extend(rows);
    }
    assert_eq!(joined, whole);
}

#[test]
fn pages_stay_whole_while_plugins_come_and_go() {
    let (_folder, registry) = open();
    // Every even number is there from the first page to the last.
    let name = |number: u32| format!("plugin-{number:04}");
    let version = Version::new(1, 0, 0);
    let even: Vec<Decision> = (0..200).map(|n| register(&name(2 * n), version.clone())).collect();
    apply(&registry, &even);
    let mut seen = Vec::new();
    let mut page = Page::first(7);
    for round in 0.. {
        let rows = registry.list(&PluginFilter::default(), &page).unwrap();
        let Some(last) = rows.last() else { break };
        let passed: u32 = last.info.plugin_id.as_str()["plugin-".len()..].parse().unwrap();
        page.after = Some((last.info.plugin_id.clone(), last.info.version.clone(), last.info.package_digest));
        seen.extend(rows.into_iter().map(|row| row.info.plugin_id.to_string()));
        // One comes on the pages that were seen, one right after them, and where they ended is taken away.
        let mut changes = vec![
            register(&name((passed / 2) | 1), Version::new(2, round, 0)),
            Decision::Remove { plugin_id: id(&name(passed)), version: version.clone() },
        ];
        // But not behind the last one for ever.
        changes.extend((passed < 398).then(|| register(&name(passed | 1), Version::new(3, round, 0))));
        apply(&registry, &changes);
    }
    assert!(seen.is_sorted(), "out of order");
    let missing: Vec<String> = (0..200).map(|n| name(2 * n)).filter(|name| !seen.contains(name)).collect();
    assert_eq!(missing, Vec::<String>::new());
    let even_seen = seen.iter().filter(|name| !name.ends_with(['1', '3', '5', '7', '9'])).count();
    assert_eq!(even_seen, 200, "one was listed twice");
}

/// SemVer gives them no order, but they are two versions with a package each.
#[test]
fn builds_of_one_version_stand_beside_each_other() {
    let (_folder, registry) = open();
    let builds = ["1.0.0+a", "1.0.0+b"].map(|text| text.parse::<Version>().unwrap());
    apply(&registry, &builds.clone().map(|version| register("hello", version)));
    apply(&registry, &[Decision::Enable { plugin_id: id("hello"), version: builds[0].clone() }]);
    let rows = registry.versions(&id("hello")).unwrap();
    assert_eq!(rows.iter().map(|row| row.info.version.clone()).collect::<Vec<_>>(), builds);
    assert_eq!(registry.enabled(&id("hello")).unwrap().unwrap().info.version, builds[0]);
}

#[test]
fn pre_releases_are_in_the_order_of_semver() {
    let (_folder, registry) = open();
    let ordered = ["1.0.0-rc.2", "1.0.0-rc.10", "1.0.0"].map(|text| text.parse::<Version>().unwrap());
    let decisions: Vec<Decision> = ordered.iter().rev().map(|version| register("hello", version.clone())).collect();
    apply(&registry, &decisions);
    let versions: Vec<Version> =
        registry.versions(&id("hello")).unwrap().into_iter().map(|row| row.info.version).collect();
    assert_eq!(versions, ordered);
}

/// What it said stands in the ledger: it is made anew, and empty.
#[test]
fn a_database_that_cannot_be_used_is_made_anew() {
    let check = |damage: &dyn Fn(&std::path::Path)| {
        let (folder, registry) = open();
        let path = folder.path().join("registry.sqlite");
        apply(&registry, &[register("hello", Version::new(1, 0, 0))]);
        drop(registry);
        damage(&path);
        let registry = Registry::open(&path).unwrap();
        assert_eq!(registry.applied().unwrap(), None);
        apply(&registry, &[register("hello", Version::new(1, 0, 0))]);
        assert_eq!(registry.versions(&id("hello")).unwrap().len(), 1);
    };
    check(&|path| std::fs::write(path, "no database".repeat(1_000)).unwrap());
    check(&|path| {
        rusqlite::Connection::open(path).unwrap().pragma_update(None, "user_version", 1_i64).unwrap();
        // Nor does a reader guess at what another format means.
        assert!(Registry::open_read_only(path).is_err());
    });
}

#[test]
fn every_difference_between_two_databases_is_seen() {
    let decisions = [register("hello", Version::new(1, 0, 0)), register("other", Version::new(1, 0, 0))];
    let enable = Decision::Enable { plugin_id: id("hello"), version: Version::new(1, 0, 0) };
    let (folder, registry) = open();
    apply(&registry, &decisions);
    let check = |decisions: &[Decision], expect: bool| {
        let path = folder.path().join("other.sqlite");
        omega_registry::discard(&path).unwrap();
        apply(&Registry::open(&path).unwrap(), decisions);
        assert_eq!(registry.is_same_as(&path).unwrap(), expect, "{decisions:?}");
    };
    check(&decisions, true);
    check(&decisions[..1], false);
    check(&decisions[1..], false);
    check(&[], false);
    check(&[decisions[0].clone(), decisions[1].clone(), register("third", Version::new(1, 0, 0))], false);
    check(&[decisions[0].clone(), decisions[1].clone(), enable.clone()], false);
    check(&[decisions[0].clone(), decisions[1].clone(), Decision::Trust(trusted("k"))], false);
    registry.replace_by(&folder.path().join("other.sqlite")).unwrap();
    assert_eq!(registry.trusted_keys().unwrap(), [trusted("k")]);
    apply(&registry, &[enable]);
    assert!(registry.enabled(&id("hello")).unwrap().is_some());
}

fn trusted(seed: &str) -> TrustedKey {
    TrustedKey {
        key_id: key(seed),
        public_key_pem: "pem".into(),
        label: "a".into(),
        plugins: vec!["text-*".into()],
        max_capabilities: None,
    }
}

#[test]
fn trust_and_grants_follow_the_last_decision() {
    let (_folder, registry) = open();
    let trusted = trusted("k");
    let grant =
        Grant { plugin_id: id("hello"), major_version: 1, capability: Capability::Llm, params: serde_json::Map::new() };
    apply(&registry, &[Decision::Trust(trusted.clone()), Decision::Grant(grant)]);
    assert_eq!(registry.trusted_keys().unwrap(), [trusted]);
    assert_eq!(registry.grants(&id("hello")).unwrap()[0].state, GrantState::Granted);
    assert_eq!(registry.holders(Capability::Llm).unwrap().len(), 1);
    let revoke = Decision::RevokeGrant { plugin_id: id("hello"), major_version: 1, capability: Capability::Llm };
    apply(&registry, &[Decision::RevokeKey { key_id: key("k") }, revoke]);
    assert!(registry.trusted_keys().unwrap().is_empty());
    assert!(registry.trust().unwrap()[0].revoked_at.is_some(), "a revoked key stays known");
    assert_eq!(registry.grants(&id("hello")).unwrap()[0].state, GrantState::Revoked);
    assert!(registry.holders(Capability::Llm).unwrap().is_empty());
}

fn any_decision() -> impl Strategy<Value = Decision> {
    let plugin = prop_oneof![Just("aaa"), Just("bbb")];
    let version = (0_u64..3).prop_map(|minor| Version::new(1, minor, 0));
    prop_oneof![
        (plugin.clone(), version.clone()).prop_map(|(p, version)| Decision::Enable { plugin_id: id(p), version }),
        (plugin.clone(), version.clone()).prop_map(|(p, version)| Decision::Disable { plugin_id: id(p), version }),
        (plugin, version).prop_map(|(p, version)| Decision::Remove { plugin_id: id(p), version }),
        (0_u32..5).prop_map(reject),
        Just(Decision::RevokeKey { key_id: key("k") }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn rebuilding_gives_the_same_rows(decisions in proptest::collection::vec(any_decision(), 0..40), cut in 0_usize..40) {
        let registrations: Vec<Decision> = ["aaa", "bbb"]
            .into_iter()
            .flat_map(|p| (0..3).map(move |minor| register(p, Version::new(1, minor, 0))))
            .collect();
        let all: Vec<Decision> = registrations.into_iter().chain(decisions).collect();
        let (_one, at_once) = open();
        apply(&at_once, &all);
        let (_two, in_parts) = open();
        let (head, tail) = all.split_at(cut.min(all.len()));
        apply(&in_parts, head);
        apply(&in_parts, tail);
        prop_assert_eq!(at_once.dump().unwrap(), in_parts.dump().unwrap());
        let enabled = at_once.list(
            &PluginFilter { status: Some(PluginStatus::Enabled), ..PluginFilter::default() },
            &Page::first(100),
        ).unwrap();
        prop_assert!(enabled.len() <= 2);
    }
}

#[test]
fn witnesses_are_named_replaced_and_taken_off() {
    let (_folder, registry) = open();
    let witness = |name: &str, url: Option<&str>| Witness {
        name: name.into(),
        verifier_key: "w+1+x".into(),
        url: url.map(ToOwned::to_owned),
    };
    let named = || registry.witnesses().unwrap().into_iter().map(|(witness, _)| witness).collect::<Vec<_>>();
    apply(&registry, &[Decision::AddWitness(witness("b", None)), Decision::AddWitness(witness("a", None))]);
    assert_eq!(named(), [witness("a", None), witness("b", None)]);
    let elsewhere = witness("b", Some("http://127.0.0.1:1"));
    apply(&registry, &[Decision::AddWitness(elsewhere.clone()), Decision::RemoveWitness { name: "a".into() }]);
    assert_eq!(named(), [elsewhere]);
}
