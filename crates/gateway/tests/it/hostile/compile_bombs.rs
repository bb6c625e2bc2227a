//! Components that are small and would keep a compiler busy: refused before it sees them, by `inspect`.
//!
//! That each bound is where it is, is tested in the lane; here, that what is over one is refused at the door.

use omega_contract::ErrorCode;
use wasm_encoder::{CodeSection, Component, Function, FunctionSection, Module, ModuleSection, TypeSection, ValType};

use super::{Expected, Given, Row};

const fn bomb(name: &'static str, attack: &'static str, of: fn() -> Vec<u8>, detail: &'static str) -> Row {
    let expected = Expected::NotRegistered(ErrorCode::ComponentInvalid, detail);
    Row { name, attack, given: Given::Component(of, 1_000), expected }
}

fn component(items: &str) -> Vec<u8> {
    ::wat::parse_str(format!("(component {items})")).unwrap()
}

fn module(items: &str) -> Vec<u8> {
    component(&format!("(core module {items})"))
}

/// So many functions with these locals, which take three bytes to declare, and this body.
fn functions(count: u32, locals: u32, body: &[u8]) -> Vec<u8> {
    let (mut types, mut indices, mut code) = (TypeSection::new(), FunctionSection::new(), CodeSection::new());
    types.ty().function([], []);
    for _ in 0..count {
        indices.function(0);
        code.function(Function::new([(locals, ValType::I64)]).raw(body.iter().copied()).raw([END]));
    }
    let mut module = Module::new();
    module.section(&types).section(&indices).section(&code);
    let mut component = Component::new();
    component.section(&ModuleSection(&module));
    component.finish()
}

const END: u8 = 0x0b;
const I32_CONST_0_DROP: [u8; 3] = [0x41, 0x00, 0x1a];

pub(super) const ROWS: &[Row] = &[
    bomb("many-functions", "has a function more than is taken", || module(&"(func)".repeat(50_001)), "functions"),
    bomb(
        "many-tiny-functions",
        "has 6,000 functions with 40,000 locals each",
        || functions(6_000, 40_000, &[]),
        "compile cost",
    ),
    bomb(
        "giant-function",
        "has one function that is all of the cost there is",
        || functions(1, 0, &I32_CONST_0_DROP.repeat(2_200_000)),
        "units to compile",
    ),
    bomb(
        "merged-locals",
        "makes each of 4,000 blocks merge 10,000 locals",
        || module(&format!("(func (local {}) {})", "i64 ".repeat(10_000), "(block)".repeat(4_000))),
        "units to compile",
    ),
    bomb(
        "live-operands",
        "keeps 10,000 values over 4,000 blocks",
        || {
            let (push, drop) = ("i64.const 1 ".repeat(10_000), "drop ".repeat(10_000));
            module(&format!("(func {push} {} {drop})", "block end ".repeat(4_000)))
        },
        "units to compile",
    ),
    bomb(
        "branch-table",
        "branches to 90,000 places with 100 values",
        || {
            let values = "i32 ".repeat(100);
            module(&format!(
                "(type $t (func (result {values}))) (func (block (type $t) unreachable i32.const 0 br_table {} 0) unreachable)",
                "0 ".repeat(90_000)
            ))
        },
        "units to compile",
    ),
    bomb(
        "calls-of-a-thousand",
        "passes a thousand values on a thousand times",
        || {
            let values = "i32 ".repeat(1_000);
            module(&format!(
                "(type $t (func (param {values}) (result {values}))) (func $f (type $t) unreachable)
             (func unreachable {} unreachable)",
                "call $f ".repeat(1_000)
            ))
        },
        "units to compile",
    ),
    bomb(
        "signatures",
        "has 1,000 signatures of a thousand values, and no function",
        || module(&format!("(type (func (param {})))", "i64 ".repeat(1_000)).repeat(1_000)),
        "compile cost",
    ),
    bomb(
        "entrances",
        "has 1,000 functions that take a thousand values and do nothing",
        || {
            let values = "i64 ".repeat(1_000);
            module(&format!("(type $t (func (param {values}))) {}", "(func (type $t))".repeat(1_000)))
        },
        "compile cost",
    ),
    bomb(
        "indirect-calls",
        "looks 3,000 functions up while it holds 2,000 values",
        || {
            let locals = "i64 ".repeat(2_000);
            module(&format!(
                "(table 1 funcref) (func (local {locals}) {})",
                "(call_indirect (i32.const 0))".repeat(3_000)
            ))
        },
        "units to compile",
    ),
    bomb(
        "bulk-operations",
        "copies 3,000 times while it holds 2,000 values",
        || {
            let copy = "(memory.copy (i32.const 0) (i32.const 0) (i32.const 0))".repeat(3_000);
            module(&format!("(memory 1) (func (local {}) {copy})", "i64 ".repeat(2_000)))
        },
        "units to compile",
    ),
    bomb(
        "passive-elements",
        "has an element segment of 100,000 functions that nothing uses",
        || module(&format!("(func $f) (elem func {})", "$f ".repeat(100_000))),
        "start-up",
    ),
    bomb(
        "data-segments",
        "has 50,000 data segments of nothing, at places that code computes",
        || {
            let place = "(offset (i32.add (i32.const 0) (i32.const 0)))";
            module(&format!("(memory 1) {}", format!(r#"(data {place} "")"#).repeat(50_000)))
        },
        "start-up",
    ),
    bomb(
        "constant-expression",
        "has a constant that is a sum of 700,000",
        || {
            module(&format!(
                "(global i32 {} (i32.const 0) {})",
                "(i32.const 0) ".repeat(700_000),
                "(i32.add) ".repeat(700_000)
            ))
        },
        "start-up",
    ),
    bomb("many-modules", "has a module more than is taken", || component(&"(core module)".repeat(65)), "core modules"),
    bomb(
        "many-instances",
        "makes more instances than is taken",
        || component(&format!("(core module $m) {}", "(core instance (instantiate $m))".repeat(65))),
        "core instances",
    ),
    bomb(
        "doubling",
        "makes two instances of what makes two instances, twenty times",
        || {
            let level = |n: usize| {
                format!(
                    "(component $c{} (alias outer 1 $c{n} (component $c)) (instance (instantiate $c)) (instance (instantiate $c)))",
                    n + 1
                )
            };
            let levels: String = (0..20).map(level).collect();
            component(&format!("(component $c0 (type (func))) {levels} (instance (instantiate $c20))"))
        },
        "component items",
    ),
    bomb(
        "nesting",
        "has components in each other, nine deep",
        || ::wat::parse_str(format!("{}{}", "(component ".repeat(9), ")".repeat(9))).unwrap(),
        "levels",
    ),
    bomb(
        "declared-types",
        "has one type that declares 200,000 others",
        || component(&format!("(type (instance {}))", "(type u8)".repeat(200_000))),
        "bytes of component types",
    ),
    bomb(
        "composed",
        "is composed of components that the engine must glue together",
        || {
            component(
                r#"(component $inner
                 (core module $m (memory (export "m") 1) (func (export "f") (param i32 i32))
                   (func (export "r") (param i32 i32 i32 i32) (result i32) (i32.const 0)))
                 (core instance $i (instantiate $m)) (alias core export $i "m" (core memory $m))
                 (func (export "f") (param "s" string)
                   (canon lift (core func $i "f") (memory $m) (realloc (core func $i "r")))))
               (instance $a (instantiate $inner)) (alias export $a "f" (func $f))
               (core module $lib (memory (export "m") 1)) (core instance $lib (instantiate $lib))
               (alias core export $lib "m" (core memory $memory))
               (core func $low (canon lower (func $f) (memory $memory)))
               (core module $user (import "x" "f" (func (param i32 i32)))) (core instance $x (export "f" (func $low)))
               (core instance (instantiate $user (with "x" (instance $x))))"#,
            )
        },
        "code of its own",
    ),
    bomb(
        "large-table",
        "starts with a table of ten million elements",
        || module("(table 10000000 funcref)"),
        "elements at the start",
    ),
];
