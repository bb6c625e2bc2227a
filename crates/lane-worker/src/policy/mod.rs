//! The system calls of a worker: `policy/worker.json` as one filter of the kernel (seccomp).
//!
//! What never happens here: a call that is allowed because its name is not known.

mod filter;

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use syscalls::Sysno;

use self::filter::{Check, Rule, assemble};
use crate::sys::inside::plan::Instruction;

/// The rules, with a reason for each.
const POLICY: &str = include_str!("../../../../policy/worker.json");

/// A reason is at least this long, or it is none.
const REASON_BYTES_MIN: usize = 4;
/// The bit of the numbers of the x32 calls, which x86-64 kernels may know beside their own.
const X32_BIT: u32 = 0x4000_0000;

/// Whether a program may map machine code, and from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// None beside what the zygote loaded.
    Pure,
    /// From files of its package and its environment, both of which are read-only.
    Native,
}

impl Profile {
    /// The word in events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pure => "pure",
            Self::Native => "native",
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Policy {
    #[serde(rename = "about")]
    _about: String,
    /// Calls that other architectures never had.
    x86_64_only: BTreeSet<String>,
    refuse: Vec<Entry>,
    deny: Vec<Entry>,
    allow: Vec<Entry>,
    allow_native: Vec<Entry>,
    init: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    call: String,
    why: String,
    #[serde(default)]
    when: Vec<Condition>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Condition {
    argument: u8,
    /// Bits of the argument's lower half that count; all, where it is left out.
    mask: Option<u32>,
    is: u32,
    /// The upper half is zero, too.
    #[serde(default)]
    wide: bool,
    why: String,
}

/// The filters of a worker and of its init.
#[derive(Debug, Clone)]
pub(crate) struct Filters {
    /// Tells the init of forbidden calls. It is put on first: what it does next, handing its listener over, the other one denies.
    pub(crate) refusing: Vec<Instruction>,
    /// Says no where libraries expect an answer, lets through what is allowed and what the first one tells of; anything else is not
    /// there (ENOSYS).
    pub(crate) of_program: Vec<Instruction>,
    /// The init's own: anything else kills it, and with it the worker.
    pub(crate) of_init: Vec<Instruction>,
}

/// Why there are no filters.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the system call policy does not compile: {0}")]
pub(crate) struct PolicyError(pub(crate) String);

impl Filters {
    /// The filters of a profile on this machine's architecture.
    pub(crate) fn of(profile: Profile) -> Result<Self, PolicyError> {
        let policy = read()?;
        let number = |entry: &Entry| match Sysno::from_str(&entry.call) {
            Ok(number) => Ok(u32::try_from(number.id()).ok()),
            Err(()) if cfg!(not(target_arch = "x86_64")) && policy.x86_64_only.contains(&entry.call) => Ok(None),
            Err(()) => Err(PolicyError(format!("there is no call {}", entry.call))),
        };
        let mut rules = BTreeMap::new();
        let native = if profile == Profile::Native { policy.allow_native.as_slice() } else { &[] };
        for entry in policy.allow.iter().chain(native) {
            let Some(number) = number(entry)? else { continue };
            add(&mut rules, number, entry)?;
        }
        let mut refused = BTreeMap::new();
        // Of two filters the kernel takes the sterner answer, and an error is sterner than a word to a listener: so what is told of
        // passes the second one.
        for (entries, rule) in [(&policy.deny, Rule::Deny), (&policy.refuse, Rule::Allow)] {
            for entry in entries {
                let Some(number) = number(entry)? else { continue };
                if rules.insert(number, rule.clone()).is_some() {
                    return Err(PolicyError(format!("{} stands in two lists", entry.call)));
                }
                if rule == Rule::Allow {
                    refused.insert(number, Rule::Tell);
                }
            }
        }
        let mut of_init = BTreeMap::new();
        for entry in &policy.init {
            let Some(number) = number(entry)? else { continue };
            add(&mut of_init, number, entry)?;
        }
        Ok(Self {
            refusing: assemble(&refused, &Rule::Allow, &Rule::Tell)?,
            of_program: assemble(&rules, &Rule::Absent, &Rule::Allow)?,
            of_init: assemble(&of_init, &Rule::Kill, &Rule::Kill)?,
        })
    }
}

/// Adds an allowed call, or one more condition under which it is.
fn add(rules: &mut BTreeMap<u32, Rule>, number: u32, entry: &Entry) -> Result<(), PolicyError> {
    let checks: Vec<Check> = entry.when.iter().map(Check::from).collect();
    match (rules.remove(&number), checks.is_empty()) {
        (None, true) => rules.insert(number, Rule::Allow),
        (None, false) => rules.insert(number, Rule::AllowIf(vec![checks])),
        (Some(Rule::AllowIf(mut others)), false) => {
            others.push(checks);
            rules.insert(number, Rule::AllowIf(others))
        }
        _ => return Err(PolicyError(format!("{} stands twice in its list", entry.call))),
    };
    Ok(())
}

impl From<&Condition> for Check {
    fn from(condition: &Condition) -> Self {
        let Condition { argument, mask, is, wide, .. } = condition;
        Self { argument: *argument, mask: mask.unwrap_or(u32::MAX), is: *is, is_wide: *wide }
    }
}

fn read() -> Result<Policy, PolicyError> {
    let policy: Policy = serde_json::from_str(POLICY).map_err(|error| PolicyError(error.to_string()))?;
    let lists = [&policy.refuse, &policy.deny, &policy.allow, &policy.allow_native, &policy.init];
    for entry in lists.into_iter().flatten() {
        let reasons = entry.when.iter().map(|condition| &condition.why).chain([&entry.why]);
        if reasons.map(String::len).any(|length| length < REASON_BYTES_MIN) {
            return Err(PolicyError(format!("{} stands there without a reason", entry.call)));
        }
    }
    Ok(policy)
}

/// The name of a call by its number on this architecture, for people.
pub(crate) fn call_name(number: u64) -> String {
    if cfg!(target_arch = "x86_64") && number & u64::from(X32_BIT) != 0 {
        return format!("x32 call {}", number & !u64::from(X32_BIT));
    }
    let known = usize::try_from(number).ok().and_then(Sysno::new);
    known.map_or_else(|| format!("call {number}"), |call| call.name().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_is_read_and_every_rule_of_it_says_why() {
        let policy = read().unwrap();
        assert!(policy.refuse.len() > 50 && policy.allow.len() > 100, "{} {}", policy.refuse.len(), policy.allow.len());
    }

    #[test]
    fn forbidden_calls_have_names() {
        assert_eq!(call_name(u64::from(Sysno::ptrace.id().cast_unsigned())), "ptrace");
        assert_eq!(call_name(u64::from(X32_BIT) | 1), "x32 call 1");
        assert_eq!(call_name(100_000), "call 100000");
    }
}
