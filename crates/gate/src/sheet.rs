//! The sheet on which verdicts are written, each with its time; and the report made of it.

use std::collections::BTreeMap;
use std::time::Duration;

use omega_contract::conformance::{CHECKS, CheckId, CheckOutcome, ConformanceReport, ConformanceSummary};
use omega_contract::manifest::MANIFEST_FILE;
use omega_contract::{Clock, Timestamp, strict_json};
use omega_validator::PackageFiles;

use crate::DYNAMIC;
use crate::port::Place;

/// Characters of one detail: it may quote a plugin.
const DETAIL_CHARS_MAX: usize = 1_000;

/// How a check came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) passed: bool,
    pub(crate) detail: String,
}

impl Verdict {
    pub(crate) fn pass(detail: impl Into<String>) -> Self {
        Self { passed: true, detail: detail.into() }
    }

    pub(crate) fn fail(detail: impl Into<String>) -> Self {
        Self { passed: false, detail: detail.into() }
    }
}

/// The verdicts so far.
pub(crate) struct Sheet<'c> {
    clock: &'c dyn Clock,
    began_at: Timestamp,
    verdicts: BTreeMap<CheckId, (Verdict, Duration)>,
    stand_ins: String,
    place: Option<Place>,
}

impl<'c> Sheet<'c> {
    pub(crate) fn begin(clock: &'c dyn Clock) -> Self {
        Self { clock, began_at: clock.now(), verdicts: BTreeMap::new(), stand_ins: String::new(), place: None }
    }

    /// What took the place of faulty parts, for every check that follows.
    pub(crate) fn ran_with(&mut self, replaced: &[String]) {
        if !replaced.is_empty() {
            self.stand_ins = format!(" (run with a stand-in for {})", replaced.join(", "));
        }
    }

    pub(crate) fn ran_at(&mut self, place: Place) {
        self.place = Some(place);
    }

    /// A check that only reads.
    pub(crate) fn note(&mut self, id: CheckId, judge: impl FnOnce() -> Verdict) {
        let began = self.clock.monotonic();
        let verdict = judge();
        self.write(id, verdict, began);
    }

    /// A check that runs the plugin.
    pub(crate) async fn make(&mut self, id: CheckId, check: impl Future<Output = Verdict>) {
        self.take(id, async { (check.await, ()) }).await;
    }

    /// As [`Sheet::make`], of a check whose runs others look at, too.
    pub(crate) async fn take<T>(&mut self, id: CheckId, check: impl Future<Output = (Verdict, T)>) -> T {
        let began = self.clock.monotonic();
        let (mut verdict, found) = check.await;
        verdict.detail.push_str(&self.stand_ins);
        self.write(id, verdict, began);
        found
    }

    /// Everything that was not looked at has failed.
    pub(crate) fn fail_rest(&mut self, why: &str) {
        let began = self.clock.monotonic();
        for id in CheckId::ALL {
            if !self.verdicts.contains_key(&id) {
                let stand_ins = if DYNAMIC.contains(&id) { self.stand_ins.as_str() } else { "" };
                self.write(id, Verdict::fail(format!("{why}{stand_ins}")), began);
            }
        }
    }

    fn write(&mut self, id: CheckId, verdict: Verdict, began: Duration) {
        self.verdicts.insert(id, (verdict, self.clock.monotonic().saturating_sub(began)));
    }

    /// The report. What nobody wrote a verdict on has failed.
    pub(crate) fn report(mut self, files: Option<&PackageFiles>, gateway_version: &str) -> ConformanceReport {
        self.fail_rest("not done");
        let outcome = |(id, (verdict, took)): (CheckId, (Verdict, Duration))| CheckOutcome {
            id,
            name: id.name().to_owned(),
            law: id.law().to_owned(),
            passed: verdict.passed,
            detail: verdict.detail.chars().take(DETAIL_CHARS_MAX).collect(),
            duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        };
        let checks: Vec<CheckOutcome> = self.verdicts.into_iter().map(outcome).collect();
        let passed_count = checks.iter().filter(|check| check.passed).count();
        ConformanceReport {
            plugin_id: files.and_then(claimed_id).unwrap_or_default(),
            timestamp: self.began_at,
            passed: passed_count == CHECKS,
            summary: ConformanceSummary { total: CHECKS, passed_count, failed_count: checks.len() - passed_count },
            checks,
            package_digest: files.map(|files| files.digests().package_digest()),
            gateway_version: gateway_version.to_owned(),
            lane: self.place.as_ref().map(|place| place.lane),
            layers: self.place.map(|place| place.layers).unwrap_or_default(),
        }
    }
}

/// The id that the manifest claims, whatever else is wrong with it.
fn claimed_id(files: &PackageFiles) -> Option<String> {
    let manifest = strict_json::parse(files.get(MANIFEST_FILE)?, omega_contract::limits::MANIFEST_BYTES_MAX).ok()?;
    Some(manifest.get("plugin_id")?.as_str()?.chars().take(128).collect())
}
