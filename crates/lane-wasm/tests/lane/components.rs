//! What is taken for a component and what is not: nothing here is ever compiled but what is valid.

use omega_contract::ports::Lane;
use omega_contract::{Capability, ErrorCode};

use crate::support::imports::{ARTIFACTS, BROKER, DATASETS};
use crate::support::wat::{Guest, TYPES};
use crate::support::{lane, program, program_with, refusal};

/// A component of this text is refused by `inspect`, and by `prepare` in the same words.
fn check(text: &str, code: ErrorCode, detail: &str) {
    check_bytes(wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}")), code, detail);
}

fn check_bytes(bytes: Vec<u8>, code: ErrorCode, detail: &str) {
    let lane = lane();
    let program = program(bytes);
    let got = refusal(lane.inspect(&program));
    assert_eq!(got.0, code, "{}", got.1);
    assert!(got.1.contains(detail), "{:?} says nothing of {detail:?}", got.1);
    assert_eq!(refusal(lane.prepare(&program)), got);
}

const INVALID: ErrorCode = ErrorCode::ComponentInvalid;

#[test]
fn what_is_no_component_is_told_so() {
    check_bytes(Vec::new(), INVALID, "not valid WebAssembly");
    check_bytes(b"#!/bin/sh\n".to_vec(), INVALID, "not valid WebAssembly");
    check_bytes(vec![0; 4096], INVALID, "not valid WebAssembly");
    check_bytes(b"\0asm\x0d\0\x01\0".to_vec(), INVALID, "exports no function");
    check_bytes(b"\0asm\x0e\0\x01\0".to_vec(), INVALID, "not valid WebAssembly");
    check("(module)", INVALID, "core module");
    check("(module (func (export \"handle\")))", INVALID, "core module");
    check("(component)", INVALID, "exports no function \"handle\"");
}

#[test]
fn every_truncation_of_a_component_is_refused() {
    let lane = lane();
    let whole = Guest::echo().build();
    lane.inspect(&program(whole.clone())).unwrap();
    let taken = (0..whole.len()).filter(|length| lane.inspect(&program(whole[..*length].to_vec())).is_ok());
    // Without its last section, the names for debugging, it is whole.
    assert!(taken.count() <= 1);
}

#[test]
fn a_damaged_component_never_makes_the_lane_panic() {
    let lane = lane();
    let whole = Guest::echo().build();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut taken = 0;
    for _ in 0..3_000 {
        let mut damaged = whole.clone();
        for _ in 0..=(random % 3) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let at = usize::try_from(random % whole.len() as u64).unwrap();
            damaged[at] = (random >> 32).to_le_bytes()[0];
        }
        taken += u32::from(lane.inspect(&program(damaged)).is_ok());
    }
    // Most damage is seen; some of it makes another valid component.
    assert!(taken < 2_000, "{taken}");
}

#[test]
fn imports_that_no_capability_opens_are_named() {
    let component = |import: &str| format!("(component {import})");
    for (import, named) in [
        ("wasi:sockets/tcp@0.2.0", "wasi:sockets/tcp@0.2.0"),
        ("wasi:sockets/instance-network@0.2.6", "wasi:sockets/instance-network@0.2.6"),
        ("wasi:http/outgoing-handler@0.2.0", "wasi:http/outgoing-handler@0.2.0"),
        ("wasi:cli/run@0.2.0", "wasi:cli/run@0.2.0"),
        ("wasi:clocks/timezone@0.2.0", "wasi:clocks/timezone@0.2.0"),
        ("omega:plugin/secrets@1.0.0", "omega:plugin/secrets@1.0.0"),
        ("wasi:cli/environment@0.3.0", "wasi:cli/environment@0.3.0"),
        ("omega:plugin/log@2.0.0", "omega:plugin/log@2.0.0"),
        ("anything", "anything"),
    ] {
        check(&component(&format!("(import \"{import}\" (instance))")), ErrorCode::ImportForbidden, named);
    }
    check(&component("(import \"f\" (func))"), ErrorCode::ImportForbidden, "imports f,");
    check(&component("(import \"r\" (type (sub resource)))"), ErrorCode::ImportForbidden, "imports r,");
    check(&component("(import \"m\" (core module))"), ErrorCode::ImportForbidden, "imports m,");
    check(&component("(import \"c\" (component))"), ErrorCode::ImportForbidden, "imports c,");
}

#[test]
fn inv_pnp_06_imports_are_opened_by_the_capability_that_is_held() {
    let lane = lane();
    let artifacts = Guest::echo().import(BROKER).import(ARTIFACTS).build();
    let datasets = Guest::echo().import(BROKER).import(DATASETS).build();
    let cases = [
        (&artifacts, Capability::ReadBinaryRef, Capability::ReadDatasetSlice, "omega:plugin/artifacts@1.0.0"),
        (&datasets, Capability::ReadDatasetSlice, Capability::ReadBinaryRef, "omega:plugin/datasets@1.0.0"),
    ];
    for (code, opens, other, named) in cases {
        assert!(lane.prepare(&program_with(code.clone(), &[opens])).is_ok());
        for held in [&[][..], &[other][..]] {
            let program = program_with(code.clone(), held);
            let (code, detail) = refusal(lane.inspect(&program));
            assert_eq!(code, ErrorCode::ImportForbidden);
            assert!(detail.contains(named) && detail.contains(opens.as_str()), "{detail}");
            assert_eq!(refusal(lane.prepare(&program)).0, ErrorCode::ImportForbidden);
        }
    }
}

/// `inspect` takes it, and `prepare` does not: types are compared once they are known.
fn check_type(text: &str, detail: &str) {
    let lane = lane();
    let program = program(wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}")));
    lane.inspect(&program).unwrap();
    let (code, got) = refusal(lane.prepare(&program));
    assert_eq!(code, INVALID);
    assert!(got.contains(detail), "{got:?} says nothing of {detail:?}");
}

#[test]
fn exports_and_imports_must_have_the_types_of_the_world() {
    let lifted = |ty: &str| {
        format!(
            "(component {TYPES} (core module $m (memory (export \"m\") 1)
               (func (export \"f\") (result i32) (i32.const 0)))
             (core instance $i (instantiate $m)) (alias core export $i \"m\" (core memory $memory))
             (func $f {ty} (canon lift (core func $i \"f\") (memory $memory))) (export \"handle\" (func $f)))"
        )
    };
    check_type(&lifted("(result u32)"), "another type");
    check_type(&lifted("(result string)"), "another type");
    check_type(&lifted("(result (result $outcome (error $refusal)))"), "another type");
    let echo = Guest::echo().text();
    check_type(&echo.replace("(case \"json\" $json) ", ""), "another type");
    check_type(&echo.replace("(field \"notes\" string)", "(field \"remarks\" string)"), "another type");
    let log = |ty: &str| {
        format!("(import \"omega:plugin/log@1.0.0\" (instance (export \"write\" (func (param \"level\" {ty})))))")
    };
    check_type(&echo.replacen("(component", &format!("(component {}", log("u32")), 1), "omega:plugin/log@1.0.0");
    let missing = "(component (import \"wasi:io/poll@0.2.0\" (instance (export \"peek\" (func))))";
    check_type(&echo.replacen("(component", missing, 1), "wasi:io/poll@0.2.0");
}

#[test]
fn an_export_that_is_no_function_is_told_so() {
    check(
        &format!("(component {TYPES} (instance $i) (export \"handle\" (instance $i)))"),
        INVALID,
        "exports no function \"handle\"",
    );
    let other = Guest::echo().export("other").text();
    check(&other, INVALID, "but: [other]");
}

#[test]
fn parts_of_webassembly_that_no_plugin_needs_are_refused() {
    for module in [
        "(memory 1 1 shared)",
        "(memory i64 1)",
        "(memory 1) (memory 1)",
        "(tag)",
        "(type (struct))",
        "(func (result externref) (ref.null extern) (ref.as_non_null))",
        "(memory 1 (pagesize 1))",
        "(func (param i64 i64) (result i64 i64) (i64.add128 (local.get 0) (local.get 1) (local.get 0) (local.get 1)))",
    ] {
        check(&format!("(component (core module {module}))"), INVALID, "not valid WebAssembly");
    }
    check("(component (core func (canon task.cancel)))", INVALID, "not valid WebAssembly");
}
