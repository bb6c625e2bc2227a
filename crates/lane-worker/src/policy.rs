//! The system calls of a worker: `policy/worker.json` as filters of the kernel (seccomp).
//!
//! What never happens here: a call that is allowed because its name is not known.

use std::collections::{BTreeMap, BTreeSet};

use seccompiler::{BpfMap, TargetArch};
use serde_json::{Value, json};

use crate::sys::inside::plan::{FILTER_INSTRUCTIONS_MAX, Instruction};

/// The rules, with a reason for each.
const POLICY: &str = include_str!("../../../policy/worker.json");

const RET: u16 = 0x06;
const LOAD_WORD: u16 = 0x20;
const JUMP_IF_EQUAL: u16 = 0x15;
const JUMP_IF_SET: u16 = 0x45;
/// What seccompiler writes for `{"trace": …}`: it has no word for telling a listener.
const RETURN_TRACE: u32 = 0x7ff0_0000;
const RETURN_USER_NOTIFICATION: u32 = 0x7fc0_0000;
const RETURN_ACTION: u32 = 0xffff_0000;
/// The bit of the numbers of the x32 calls, which x86-64 kernels may know beside their own.
const X32_BIT: u32 = 0x4000_0000;

/// Whether a program may map machine code, and from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
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

/// The filters of a worker and of its init.
#[derive(Debug, Clone)]
pub(crate) struct Filters {
    /// Tells the init of forbidden calls.
    pub(crate) refusing: Vec<Instruction>,
    /// Lets through what is allowed and what the other two decide; anything else is not there (ENOSYS).
    pub(crate) allowing: Vec<Instruction>,
    /// Says no (EPERM) where libraries expect an answer.
    pub(crate) denying: Vec<Instruction>,
    /// The init's own.
    pub(crate) of_init: Vec<Instruction>,
}

/// Why there are no filters.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the system call policy does not compile: {0}")]
pub(crate) struct PolicyError(pub(crate) String);

impl Filters {
    /// The filters of a profile on this machine's architecture.
    pub(crate) fn of(profile: Profile) -> Result<Self, PolicyError> {
        let target: TargetArch = std::env::consts::ARCH.try_into().map_err(|error| PolicyError(format!("{error}")))?;
        let policy: BTreeMap<String, Value> =
            serde_json::from_str(POLICY).map_err(|error| PolicyError(error.to_string()))?;
        let absent: BTreeSet<&str> = match std::env::consts::ARCH {
            "x86_64" => BTreeSet::new(),
            _ => names(&policy, "x86_64_only").collect(),
        };
        let rules = |filter: &str| -> Vec<Value> {
            let rules = policy.get(filter).and_then(|filter| filter["filter"].as_array());
            rules
                .into_iter()
                .flatten()
                .filter(|rule| !rule["syscall"].as_str().is_some_and(|name| absent.contains(name)))
                .cloned()
                .collect()
        };
        let mut allowed = rules("allowing_pure");
        if profile == Profile::Native {
            allowed.extend(rules("allowing_native_more"));
        }
        // What the other filters decide passes this one.
        let decided: BTreeSet<String> = ["refusing", "denying"]
            .iter()
            .flat_map(|filter| rules(filter))
            .filter_map(|rule| rule["syscall"].as_str().map(str::to_owned))
            .collect();
        allowed.retain(|rule| {
            !rule["syscall"].as_str().is_some_and(|name| decided.contains(name)) || rule["syscall"] == "clone"
        });
        allowed.extend(decided.iter().filter(|name| *name != "clone").map(|name| json!({ "syscall": name })));
        // A call that is no thread is denied by its own filter, which must see it.
        allowed.push(json!({"syscall": "clone", "args": [{"index": 0, "type": "dword", "op": {"masked_eq": 0x1_0000}, "val": 0}]}));
        let compile = |filter: &str, rules: Vec<Value>| -> Result<Vec<Instruction>, PolicyError> {
            let actions = policy.get(filter).ok_or_else(|| PolicyError(format!("no `{filter}`")))?;
            let document = json!({"it": {
                "mismatch_action": actions["mismatch_action"], "match_action": actions["match_action"], "filter": rules,
            }});
            let compiled: BpfMap = seccompiler::compile_from_json(document.to_string().as_bytes(), target)
                .map_err(|error| PolicyError(format!("{filter}: {error}")))?;
            let program = compiled.into_values().next().unwrap_or_default();
            let instructions: Vec<Instruction> = program
                .iter()
                .map(|line| Instruction { code: line.code, jump_true: line.jt, jump_false: line.jf, operand: line.k })
                .collect();
            match instructions.len() {
                1..=FILTER_INSTRUCTIONS_MAX => Ok(instructions),
                length => Err(PolicyError(format!("{filter}: {length} instructions"))),
            }
        };
        Ok(Self {
            refusing: telling(compile("refusing", rules("refusing"))?),
            allowing: compile("allowing_pure", allowed)?,
            denying: compile("denying", rules("denying"))?,
            of_init: compile("init", rules("init"))?,
        })
    }
}

fn names<'a>(policy: &'a BTreeMap<String, Value>, list: &str) -> impl Iterator<Item = &'a str> {
    policy.get(list).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// Has forbidden calls told to the listener, those with x32 numbers among them.
fn telling(compiled: Vec<Instruction>) -> Vec<Instruction> {
    let tell = Instruction { code: RET, operand: RETURN_USER_NOTIFICATION, ..Instruction::default() };
    let mut filter = Vec::with_capacity(compiled.len() + 3);
    if cfg!(target_arch = "x86_64") {
        // `struct seccomp_data` begins with the number.
        filter.push(Instruction { code: LOAD_WORD, ..Instruction::default() });
        filter.push(Instruction { code: JUMP_IF_SET, jump_true: 0, jump_false: 1, operand: X32_BIT });
        filter.push(tell);
    }
    filter.extend(compiled.into_iter().map(|line| {
        let traces = line.code == RET && line.operand & RETURN_ACTION == RETURN_TRACE;
        if traces { tell } else { line }
    }));
    filter
}

/// The name of a call by its number on this architecture, for people.
pub(crate) fn call_name(number: u64) -> String {
    let Ok(policy) = serde_json::from_str::<BTreeMap<String, Value>>(POLICY) else { return number.to_string() };
    if cfg!(target_arch = "x86_64") && number & u64::from(X32_BIT) != 0 {
        return format!("x32 call {}", number & !u64::from(X32_BIT));
    }
    let refusing = policy.get("refusing").and_then(|filter| filter["filter"].as_array());
    let name = refusing
        .into_iter()
        .flatten()
        .filter_map(|rule| rule["syscall"].as_str())
        .find(|name| number_of(name) == Some(number));
    name.map_or_else(|| format!("call {number}"), str::to_owned)
}

/// The number of a call, read off the filter that seccompiler makes for it alone.
fn number_of(name: &str) -> Option<u64> {
    let target: TargetArch = std::env::consts::ARCH.try_into().ok()?;
    let document =
        json!({"it": {"mismatch_action": "allow", "match_action": {"errno": 1}, "filter": [{"syscall": name}]}});
    let compiled: BpfMap = seccompiler::compile_from_json(document.to_string().as_bytes(), target).ok()?;
    let program = compiled.into_values().next()?;
    // The comparison of the number follows the check of the architecture and the load of the number.
    program.iter().filter(|line| line.code == JUMP_IF_EQUAL).nth(1).map(|line| u64::from(line.k))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_says_why() {
        let policy: BTreeMap<String, Value> = serde_json::from_str(POLICY).unwrap();
        let mut rules = 0;
        for (name, filter) in policy.iter().filter(|(_, filter)| filter.is_object()) {
            for rule in filter["filter"].as_array().unwrap() {
                assert!(rule["comment"].as_str().is_some_and(|why| why.len() > 3), "{name}: {rule}");
                rules += 1;
            }
        }
        assert!(rules > 250, "{rules} rules");
    }

    #[test]
    fn both_profiles_compile_and_differ_in_executable_mappings_alone() {
        let (pure, native) = (Filters::of(Profile::Pure).unwrap(), Filters::of(Profile::Native).unwrap());
        assert!(native.allowing.len() > pure.allowing.len());
        assert_eq!(native.denying.len(), pure.denying.len());
        assert!(pure.refusing.iter().any(|line| line.code == RET && line.operand == RETURN_USER_NOTIFICATION));
        assert!(!pure.refusing.iter().any(|line| line.code == RET && line.operand & RETURN_ACTION == RETURN_TRACE));
    }

    #[test]
    fn forbidden_calls_have_names() {
        assert_eq!(call_name(number_of("ptrace").unwrap()), "ptrace");
        assert_eq!(call_name(u64::from(X32_BIT) | 1), "x32 call 1");
        assert_eq!(call_name(100_000), "call 100000");
    }
}
