//! Rules as a program of the kernel's filter machine (classic BPF; kernel documentation, "Seccomp BPF").
//!
//! Numbers are looked up in a tree of comparisons: the kernel runs a new filter once for each call that there is, to learn which ones
//! it need not ask about, and compiles it, for every worker anew. As chains, which ready-made compilers give, that took a tenth of a worker's
//! whole cost. What never happens here: a jump backwards, or one whose end is not in the program.

use std::collections::BTreeMap;

use super::{PolicyError, X32_BIT};
use crate::sys::inside::plan::{FILTER_INSTRUCTIONS_MAX, Instruction};

const LOAD_WORD: u16 = 0x20;
const AND: u16 = 0x54;
const JUMP: u16 = 0x05;
const JUMP_IF_EQUAL: u16 = 0x15;
const JUMP_IF_AT_LEAST: u16 = 0x35;
const RETURN: u16 = 0x06;

const KILL_PROCESS: u32 = 0x8000_0000;
const ERRNO: u32 = 0x0005_0000;
const USER_NOTIFICATION: u32 = 0x7fc0_0000;
const ALLOW: u32 = 0x7fff_0000;
const EPERM: u32 = 1;
const ENOSYS: u32 = 38;

/// `struct seccomp_data`: number, architecture, instruction pointer, six arguments.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const ARGUMENTS: u32 = 16;

/// `AUDIT_ARCH_X86_64`, `AUDIT_ARCH_AARCH64`: both are little-endian, so an argument's lower half comes first.
const THIS_ARCHITECTURE: u32 = if cfg!(target_arch = "x86_64") { 0xc000_003e } else { 0xc000_00b7 };

/// What becomes of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rule {
    /// Let through.
    Allow,
    /// Let through if every check of one of these holds, else denied.
    AllowIf(Vec<Vec<Check>>),
    /// EPERM.
    Deny,
    /// ENOSYS.
    Absent,
    /// Told to the listener, which never answers.
    Tell,
    /// The process dies.
    Kill,
}

/// A condition on an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Check {
    pub(super) argument: u8,
    /// Bits of the lower half that count.
    pub(super) mask: u32,
    pub(super) is: u32,
    /// The upper half is zero.
    pub(super) is_wide: bool,
}

const fn instruction(code: u16, jump_true: u8, jump_false: u8, operand: u32) -> Instruction {
    Instruction { code, jump_true, jump_false, operand }
}

const fn end(action: u32) -> Instruction {
    instruction(RETURN, 0, 0, action)
}

/// The program of these rules; what is not among them meets `otherwise`, and x32 numbers meet `x32`.
pub(super) fn assemble(
    rules: &BTreeMap<u32, Rule>,
    otherwise: &Rule,
    x32: &Rule,
) -> Result<Vec<Instruction>, PolicyError> {
    let mut segments: Vec<(u32, &Rule)> = vec![(0, otherwise)];
    for (number, rule) in rules {
        // From its number to the next one; neighbours of one rule are one segment.
        if segments.last().is_some_and(|(start, _)| start == number) {
            segments.pop();
        }
        if segments.last().is_none_or(|(_, last)| *last != rule) || matches!(rule, Rule::AllowIf(_)) {
            segments.push((*number, rule));
        }
        let next_is_known = rules.contains_key(&(number + 1));
        if !next_is_known && rule != otherwise {
            segments.push((number + 1, otherwise));
        }
    }
    let mut program = vec![
        instruction(LOAD_WORD, 0, 0, ARCHITECTURE),
        instruction(JUMP_IF_EQUAL, 1, 0, THIS_ARCHITECTURE),
        end(KILL_PROCESS),
        instruction(LOAD_WORD, 0, 0, NUMBER),
    ];
    if cfg!(target_arch = "x86_64") {
        let told = leaf(x32);
        let length = u8::try_from(told.len()).map_err(|_| PolicyError("x32 meets one rule".to_owned()))?;
        program.push(instruction(JUMP_IF_AT_LEAST, 0, length, X32_BIT));
        program.extend(told);
    }
    program.extend(tree(&segments)?);
    if program.len() > FILTER_INSTRUCTIONS_MAX {
        return Err(PolicyError(format!("a filter of {} instructions", program.len())));
    }
    Ok(program)
}

fn tree(segments: &[(u32, &Rule)]) -> Result<Vec<Instruction>, PolicyError> {
    if let [(_, rule)] = segments {
        return Ok(leaf(rule));
    }
    let (left, right) = segments.split_at(segments.len() / 2);
    let Some((pivot, _)) = right.first() else { return Err(PolicyError("an empty filter".to_owned())) };
    let (left, right) = (tree(left)?, tree(right)?);
    let mut program = Vec::with_capacity(left.len() + right.len() + 2);
    if let Ok(near) = u8::try_from(left.len()) {
        program.push(instruction(JUMP_IF_AT_LEAST, near, 0, *pivot));
    } else {
        // Farther than a comparison jumps.
        program.push(instruction(JUMP_IF_AT_LEAST, 0, 1, *pivot));
        program.push(instruction(JUMP, 0, 0, u32::try_from(left.len()).unwrap_or(u32::MAX)));
    }
    program.extend(left);
    program.extend(right);
    Ok(program)
}

fn leaf(rule: &Rule) -> Vec<Instruction> {
    match rule {
        Rule::Allow => vec![end(ALLOW)],
        Rule::Deny => vec![end(ERRNO | EPERM)],
        Rule::Absent => vec![end(ERRNO | ENOSYS)],
        Rule::Tell => vec![end(USER_NOTIFICATION)],
        Rule::Kill => vec![end(KILL_PROCESS)],
        Rule::AllowIf(ways) => {
            let mut program: Vec<Instruction> = ways.iter().flat_map(|checks| way(checks)).collect();
            program.push(end(ERRNO | EPERM));
            program
        }
    }
}

/// One way to be allowed: on to the next instruction after it where a check does not hold.
fn way(checks: &[Check]) -> Vec<Instruction> {
    let mut program = Vec::new();
    for check in checks {
        let place = ARGUMENTS + u32::from(check.argument) * 8;
        program.push(instruction(LOAD_WORD, 0, 0, place));
        if check.mask != u32::MAX {
            program.push(instruction(AND, 0, 0, check.mask));
        }
        program.push(instruction(JUMP_IF_EQUAL, 0, 0, check.is));
        if check.is_wide {
            program.push(instruction(LOAD_WORD, 0, 0, place + 4));
            program.push(instruction(JUMP_IF_EQUAL, 0, 0, 0));
        }
    }
    program.push(end(ALLOW));
    let length = program.len();
    for (place, line) in program.iter_mut().enumerate() {
        if line.code == JUMP_IF_EQUAL {
            // A way has a few checks, far fewer than a jump can pass.
            line.jump_false = u8::try_from(length - place - 1).unwrap_or(u8::MAX);
        }
    }
    program
}

#[cfg(test)]
mod tests {
    use super::super::{Filters, Profile};
    use super::*;
    use syscalls::Sysno;

    const DENIED: u32 = ERRNO | EPERM;
    const NOTHING: [u64; 6] = [0; 6];

    /// Runs a filter as the kernel does.
    fn run(program: &[Instruction], number: u32, architecture: u32, arguments: [u64; 6]) -> u32 {
        let word = |place: u32| match place {
            NUMBER => number,
            ARCHITECTURE => architecture,
            _ => {
                let argument = arguments[((place - ARGUMENTS) / 8) as usize];
                let half = if place.is_multiple_of(8) { argument & u64::from(u32::MAX) } else { argument >> 32 };
                u32::try_from(half).unwrap()
            }
        };
        let (mut at, mut value) = (0_usize, 0_u32);
        loop {
            let line = program[at];
            at += 1;
            let jump = |holds: bool| usize::from(if holds { line.jump_true } else { line.jump_false });
            match line.code {
                LOAD_WORD => value = word(line.operand),
                AND => value &= line.operand,
                JUMP => at += line.operand as usize,
                JUMP_IF_EQUAL => at += jump(value == line.operand),
                JUMP_IF_AT_LEAST => at += jump(value >= line.operand),
                RETURN => return line.operand,
                code => panic!("{code:#x}"),
            }
        }
    }

    #[test]
    fn every_number_meets_its_rule() {
        let checks = vec![
            Check { argument: 1, mask: 6, is: 4, is_wide: false },
            Check { argument: 2, mask: u32::MAX, is: 0, is_wide: true },
        ];
        let rules: BTreeMap<u32, Rule> = (0..400)
            .filter(|number| number % 7 != 3)
            .map(|number| {
                let rule = match number % 5 {
                    0 => Rule::Deny,
                    1 => Rule::Tell,
                    2 if number % 2 == 0 => Rule::AllowIf(vec![checks.clone()]),
                    _ => Rule::Allow,
                };
                (number, rule)
            })
            .collect();
        let program = assemble(&rules, &Rule::Absent, &Rule::Tell).unwrap();
        for number in (0..1000).chain([X32_BIT - 1]) {
            let expected = match rules.get(&number) {
                None | Some(Rule::Absent) => ERRNO | ENOSYS,
                Some(Rule::Allow) => ALLOW,
                Some(Rule::AllowIf(_) | Rule::Deny) => ERRNO | EPERM,
                Some(Rule::Tell) => USER_NOTIFICATION,
                Some(Rule::Kill) => KILL_PROCESS,
            };
            assert_eq!(run(&program, number, THIS_ARCHITECTURE, [0; 6]), expected, "{number}");
            assert_eq!(
                run(&program, number, THIS_ARCHITECTURE - 1, [0; 6]),
                KILL_PROCESS,
                "another architecture's {number}"
            );
        }
        let held = [0, 0xff_0000_0004, 0, 0, 0, 0];
        assert_eq!(run(&program, 2, THIS_ARCHITECTURE, held), ALLOW);
        assert_eq!(
            run(&program, 2, THIS_ARCHITECTURE, [0, 6, 0, 0, 0, 0]),
            ERRNO | EPERM,
            "a bit of the mask too many"
        );
        assert_eq!(run(&program, 2, THIS_ARCHITECTURE, [0, 4, 1 << 32, 0, 0, 0]), ERRNO | EPERM, "the upper half");
    }

    #[test]
    fn the_policy_says_what_it_means() {
        let pure = Filters::of(Profile::Pure).unwrap();
        let native = Filters::of(Profile::Native).unwrap();
        // The sterner of the two answers: the smaller one, where none kills.
        let both = |filters: &Filters, number: u32, arguments: [u64; 6]| {
            let of = |filter: &[Instruction]| run(filter, number, THIS_ARCHITECTURE, arguments);
            of(&filters.refusing).min(of(&filters.of_program))
        };
        let call = |filter: &[Instruction], call: Sysno, arguments: [u64; 6]| {
            run(filter, call.id().cast_unsigned(), THIS_ARCHITECTURE, arguments)
        };
        let check = |name: Sysno, arguments: [u64; 6], in_pure: u32, in_native: u32| {
            assert_eq!(both(&pure, name.id().cast_unsigned(), arguments), in_pure, "pure {name} {arguments:?}");
            assert_eq!(both(&native, name.id().cast_unsigned(), arguments), in_native, "native {name} {arguments:?}");
        };
        let same = |name, arguments, action| check(name, arguments, action, action);
        same(Sysno::read, NOTHING, ALLOW);
        same(Sysno::ptrace, NOTHING, USER_NOTIFICATION);
        same(Sysno::socket, [1, 1, 0, 0, 0, 0], DENIED);
        same(Sysno::clone3, NOTHING, ERRNO | ENOSYS);
        same(Sysno::clone, [0x11, 0, 0, 0, 0, 0], DENIED);
        same(Sysno::clone, [0x3d_0f00, 0, 0, 0, 0, 0], ALLOW);
        same(Sysno::clone, [0x1000_0000 | 0x3d_0f00, 0, 0, 0, 0, 0], DENIED);
        // Plain memory; executable from a file; executable and anonymous; executable and writable.
        same(Sysno::mmap, [0, 4096, 3, 0x22, 0, 0], ALLOW);
        check(Sysno::mmap, [0, 4096, 5, 0x2, 3, 0], DENIED, ALLOW);
        same(Sysno::mmap, [0, 4096, 5, 0x22, 0, 0], DENIED);
        same(Sysno::mmap, [0, 4096, 7, 0x2, 3, 0], DENIED);
        same(Sysno::mprotect, [0, 4096, 5, 0, 0, 0], DENIED);
        same(Sysno::mprotect, [0, 4096, 1, 0, 0, 0], ALLOW);
        same(Sysno::fcntl, [0, 3, 0, 0, 0, 0], ALLOW);
        same(Sysno::fcntl, [0, 6, 0, 0, 0, 0], DENIED);
        same(Sysno::ioctl, [0, 0x5412, 0, 0, 0, 0], DENIED);
        same(Sysno::prlimit64, [0, 7, 0, 1, 0, 0], ALLOW);
        same(Sysno::prlimit64, [0, 7, 1 << 32, 0, 0, 0], DENIED);
        same(Sysno::fchmodat, [0, 0, 0o4755, 0, 0, 0], DENIED);
        assert_eq!(call(&pure.of_init, Sysno::wait4, NOTHING), ALLOW);
        assert_eq!(call(&pure.of_init, Sysno::openat, NOTHING), KILL_PROCESS);
        if cfg!(target_arch = "x86_64") {
            assert_eq!(both(&pure, X32_BIT, NOTHING), USER_NOTIFICATION);
        }
        assert!(pure.of_program.len() < 700, "{} instructions", pure.of_program.len());
    }
}
