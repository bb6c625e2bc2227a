//! The words of the conformance gate (spec page 10): ten checks, and the report of one look at a package.

use serde::{Deserialize, Serialize};

use crate::digest::Sha256Hex;
use crate::plugin_info::LaneKind;
use crate::timestamp::Timestamp;

/// The name of the report's file in a plugin's folder. It is about the package, and no part of it.
pub const CONFORMANCE_FILE: &str = "CONFORMANCE.json";
/// Bytes of a report that are read: ten checks and a signature.
pub const CONFORMANCE_BYTES_MAX: u64 = 1024 * 1024;
/// How many checks there are.
pub const CHECKS: usize = 10;

macro_rules! checks {
    ($($variant:ident $id:literal $name:literal $law:literal)*) => {
        /// One of the ten checks.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum CheckId {
            $(#[doc = $name] #[serde(rename = $id)] $variant,)*
        }

        impl CheckId {
            /// All ten, in their order.
            pub const ALL: [Self; CHECKS] = [$(Self::$variant,)*];

            /// As it is written everywhere, such as `CG-01`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $id,)* }
            }

            /// What it is called.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The law that it checks, such as `L7`.
            pub const fn law(self) -> &'static str {
                match self { $(Self::$variant => $law,)* }
            }
        }
    };
}

checks! {
    Manifest "CG-01" "Manifest valid" "L7"
    Schemas "CG-02" "Schema IO valid" "L7"
    Capabilities "CG-03" "Capabilities permitted" "L4"
    Determinism "CG-04" "Determinism" "L6"
    Stateless "CG-05" "Stateless" "L3"
    FailClosed "CG-06" "Fail closed" "L5"
    Timeout "CG-07" "Timeout respected" "L5"
    NonActuating "CG-08" "Non-actuating" "L1"
    Proof "CG-09" "Proof generation" "L9"
    Version "CG-10" "Version compatible" "L8"
}

impl std::fmt::Display for CheckId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What became of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckOutcome {
    /// Which.
    pub id: CheckId,
    /// Its name.
    pub name: String,
    /// Its law.
    pub law: String,
    /// Whether the package keeps it.
    pub passed: bool,
    /// What was looked at, or what broke it.
    pub detail: String,
    /// Milliseconds that it took.
    pub duration_ms: u64,
}

/// The checks counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConformanceSummary {
    /// Always [`CHECKS`].
    pub total: usize,
    /// Those that passed.
    pub passed_count: usize,
    /// Those that did not.
    pub failed_count: usize,
}

/// What the gate found: `CONFORMANCE.json` without its signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConformanceReport {
    /// What the manifest claims; `""` where it claims nothing readable.
    pub plugin_id: String,
    /// When the checks began.
    pub timestamp: Timestamp,
    /// Whether all ten passed.
    pub passed: bool,
    /// All ten, in their order.
    pub checks: Vec<CheckOutcome>,
    /// The checks counted.
    pub summary: ConformanceSummary,
    /// The package's name by content; none where it could not be read.
    pub package_digest: Option<Sha256Hex>,
    /// The version of the gateway that looked.
    pub gateway_version: String,
    /// Where it ran; none where it did not.
    pub lane: Option<LaneKind>,
    /// What that lane enforced while it ran.
    pub layers: Vec<String>,
}

impl ConformanceReport {
    /// Whether the report agrees with itself: ten checks in their order, rightly counted.
    pub fn is_whole(&self) -> bool {
        let ids = self.checks.iter().map(|check| check.id);
        let passed_count = self.checks.iter().filter(|check| check.passed).count();
        let summary =
            ConformanceSummary { total: CHECKS, passed_count, failed_count: CHECKS - passed_count.min(CHECKS) };
        ids.eq(CheckId::ALL) && self.summary == summary && self.passed == (passed_count == CHECKS)
    }

    /// The checks that did not pass.
    pub fn failed(&self) -> impl Iterator<Item = &CheckOutcome> {
        self.checks.iter().filter(|check| !check.passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ten_are_those_of_the_specification() {
        let written: Vec<String> = CheckId::ALL.iter().map(|id| format!("{id} {} {}", id.name(), id.law())).collect();
        assert_eq!(
            written,
            [
                "CG-01 Manifest valid L7",
                "CG-02 Schema IO valid L7",
                "CG-03 Capabilities permitted L4",
                "CG-04 Determinism L6",
                "CG-05 Stateless L3",
                "CG-06 Fail closed L5",
                "CG-07 Timeout respected L5",
                "CG-08 Non-actuating L1",
                "CG-09 Proof generation L9",
                "CG-10 Version compatible L8",
            ]
        );
        assert_eq!(serde_json::to_string(&CheckId::Version).unwrap(), "\"CG-10\"");
    }

    #[test]
    fn a_report_agrees_with_itself_or_is_none() {
        let outcome = |id: CheckId, passed| CheckOutcome {
            id,
            name: id.name().into(),
            law: id.law().into(),
            passed,
            detail: String::new(),
            duration_ms: 0,
        };
        let whole = ConformanceReport {
            plugin_id: "hello".into(),
            timestamp: Timestamp::EPOCH,
            passed: false,
            checks: CheckId::ALL.map(|id| outcome(id, id != CheckId::Proof)).into(),
            summary: ConformanceSummary { total: 10, passed_count: 9, failed_count: 1 },
            package_digest: None,
            gateway_version: String::new(),
            lane: None,
            layers: Vec::new(),
        };
        let check = |change: fn(&mut ConformanceReport), expect| {
            let mut report = whole.clone();
            change(&mut report);
            assert_eq!(report.is_whole(), expect, "{report:?}");
        };
        check(|_| {}, true);
        check(|report| report.passed = true, false);
        check(|report| report.summary.failed_count = 0, false);
        check(|report| drop(report.checks.pop()), false);
        check(|report| report.checks.swap(0, 1), false);
        check(|report| report.checks.push(report.checks[9].clone()), false);
        check(|report| report.checks[8].passed = true, false);
    }
}
