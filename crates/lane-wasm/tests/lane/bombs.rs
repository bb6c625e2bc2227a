//! Components that are small and costly: refused before the compiler sees them, each at its bound.
#![allow(clippy::format_push_string, clippy::large_stack_arrays, reason = "bombs are built by hand")]

use omega_contract::ErrorCode;
use omega_contract::ports::Lane;
use wasm_encoder::{
    CodeSection, Component, ConstExpr, Function, FunctionSection, GlobalSection, GlobalType, MemorySection, MemoryType,
    Module, ModuleSection, RefType, TableSection, TableType, TypeSection, ValType,
};

use crate::support::shapes::placed_data;
use crate::support::{lane, program, refusal};

/// Whether the bounds let a component through. It exports nothing: if all else is well, that
/// is what is said of it.
fn is_taken(bytes: Vec<u8>) -> bool {
    let (code, detail) = refusal(lane().inspect(&program(bytes)));
    assert_eq!(code, ErrorCode::ComponentInvalid, "{detail}");
    assert!(detail.contains("exports no function") || detail.contains("at most"), "{detail}");
    detail.contains("exports no function")
}

fn is_text_taken(text: &str) -> bool {
    is_taken(wat::parse_str(text).unwrap())
}

fn check(of: impl Fn(usize) -> String, max: usize) {
    assert!(is_text_taken(&of(max)), "{max} is refused");
    assert!(!is_text_taken(&of(max + 1)), "{} is taken", max + 1);
}

fn module(items: &str) -> String {
    format!("(component (core module {items}))")
}

#[test]
fn functions_are_counted() {
    check(|count| module(&"(func)".repeat(count)), 50_000);
}

#[test]
fn items_of_modules_are_counted() {
    let import = |number: usize| format!(r#"(import "" "{number}" (global i32))"#);
    check(|count| module(&(0..count).map(import).collect::<String>()), 500_000);
}

#[test]
fn modules_are_counted() {
    check(|count| format!("(component {})", "(core module)".repeat(count)), 64);
}

#[test]
fn components_inside_are_counted() {
    check(|count| format!("(component {})", "(component)".repeat(count)), 64);
}

#[test]
fn nesting_is_counted() {
    check(|depth| format!("{}{}", "(component ".repeat(depth), ")".repeat(depth)), 8);
}

#[test]
fn core_instances_are_counted() {
    let of = |count| format!("(component (core module $m) {})", "(core instance (instantiate $m))".repeat(count));
    check(of, 64);
}

#[test]
fn instances_of_instances_are_counted() {
    // Each level makes two of the level before: 2^n types in n lines.
    let of = |levels: usize| {
        let mut text = "(component (component $c0 (type (func)))".to_owned();
        for level in 1..=levels {
            let before = level - 1;
            text += &format!(
                "(component $c{level} (alias outer 1 $c{before} (component $c))
                   (instance (instantiate $c)) (instance (instantiate $c)))"
            );
        }
        text + &format!("(instance (instantiate $c{levels})))")
    };
    assert!(is_text_taken(&of(2)));
    assert!(!is_text_taken(&of(20)));
}

#[test]
fn component_items_are_counted() {
    check(|count| format!("(component {})", "(type (func))".repeat(count)), 20_000);
}

#[test]
fn tables_start_small() {
    check(|elements| module(&format!("(table {elements} funcref)")), 65_536);
}

/// A component with a module of `count` functions with these locals and this body. Type 1 has `shape`
/// parameters and results, and function 0 is of it.
fn functions(count: usize, locals: u32, body: &[u8], shape: (usize, usize)) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    types.ty().function(vec![ValType::I32; shape.0], vec![ValType::I32; shape.1]);
    let mut indices = FunctionSection::new();
    let mut code = CodeSection::new();
    indices.function(1);
    code.function(Function::new([]).raw([UNREACHABLE, END]));
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

/// As [`functions`], one function, with a table and a memory beside it.
fn functions_with_table_and_memory(locals: u32, body: &[u8]) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let mut indices = FunctionSection::new();
    indices.function(0);
    let mut code = CodeSection::new();
    code.function(Function::new([(locals, ValType::I64)]).raw(body.iter().copied()).raw([END]));
    let mut tables = TableSection::new();
    let (minimum, maximum) = (1, None);
    tables.table(TableType { element_type: RefType::FUNCREF, table64: false, minimum, maximum, shared: false });
    let mut memories = MemorySection::new();
    memories.memory(MemoryType { minimum, maximum, memory64: false, shared: false, page_size_log2: None });
    let mut module = Module::new();
    module.section(&types).section(&indices).section(&tables).section(&memories).section(&code);
    let mut component = Component::new();
    component.section(&ModuleSection(&module));
    component.finish()
}

const UNREACHABLE: u8 = 0x00;
const NOP: u8 = 0x01;
const END: u8 = 0x0b;
const DROP: u8 = 0x1a;
const LOOP: [u8; 2] = [0x03, 0x40];
const EMPTY_BLOCK: [u8; 3] = [0x02, 0x40, END];
const CALL_0: [u8; 2] = [0x10, 0x00];
const I64_CONST_1: [u8; 2] = [0x42, 0x01];

#[test]
fn code_is_counted() {
    // A function of a MiB costs as many units as it has operators, well below what one may cost.
    let of = |count: usize| functions(count, 0, &[NOP; 1024 * 1024 - 64], (0, 0));
    assert!(is_taken(of(15)));
    assert!(!is_taken(of(17)));
}

#[test]
fn locals_times_blocks_are_bounded() {
    // Each of 4,000 blocks may have to merge each of n locals.
    let of = |locals: u32| functions(1, locals, &EMPTY_BLOCK.repeat(4_000), (0, 0));
    assert!(is_taken(of(100)));
    assert!(!is_taken(of(10_000)));
}

#[test]
fn loops_inside_each_other_are_bounded() {
    // 100 locals live through n loops: measured, compiling takes longer than in the square of n.
    let nested = |loops: usize| functions(1, 100, &[LOOP.repeat(loops), vec![END; loops]].concat(), (0, 0));
    assert!(is_taken(nested(500)));
    assert!(!is_taken(nested(2_000)));
    // Side by side they are blocks like others.
    let in_a_row = |loops: usize| functions(1, 100, &[LOOP[0], LOOP[1], END].repeat(loops), (0, 0));
    assert!(is_taken(in_a_row(2_000)));
}

#[test]
fn operands_times_blocks_are_bounded() {
    // n values live across 4,000 blocks.
    let of = |operands: usize| {
        let body = [I64_CONST_1.repeat(operands), EMPTY_BLOCK.repeat(4_000), vec![DROP; operands]].concat();
        functions(1, 0, &body, (0, 0))
    };
    assert!(is_taken(of(100)));
    assert!(!is_taken(of(10_000)));
}

#[test]
fn targets_of_branch_tables_are_bounded() {
    // Each target takes all 500 values of its label along.
    let of = |targets: usize| {
        let mut body = vec![0x02, 0x01, UNREACHABLE, 0x41, 0x00, 0x0e];
        wasm_encoder::Encode::encode(&u32::try_from(targets).unwrap(), &mut body);
        body.extend(vec![0x00; targets + 1]);
        body.extend([END, UNREACHABLE]);
        functions(1, 0, &body, (0, 500))
    };
    assert!(is_taken(of(1_000)));
    assert!(!is_taken(of(100_000)));
}

#[test]
fn calls_with_a_thousand_values_are_bounded() {
    let of = |calls: usize| {
        let body = [vec![UNREACHABLE], CALL_0.repeat(calls), vec![UNREACHABLE]].concat();
        functions(1, 0, &body, (1_000, 1_000))
    };
    assert!(is_taken(of(50)));
    assert!(!is_taken(of(20_000)));
}

/// The engine writes a way in and out for each signature, quadratic in its values.
#[test]
fn signatures_are_bounded() {
    let of = |count: usize| {
        let many = "i64 ".repeat(1_000);
        module(&(0..count).map(|_| format!("(type (func (param {many})))")).collect::<String>())
    };
    assert!(is_text_taken(&of(500)));
    assert!(!is_text_taken(&of(1_000)));
    // And for each function, since any may be reached from outside.
    let of = |count: usize| {
        let many = "i64 ".repeat(1_000);
        module(&format!("(type $t (func (param {many}))) {}", "(func (type $t))".repeat(count)))
    };
    assert!(is_text_taken(&of(500)));
    assert!(!is_text_taken(&of(1_000)));
}

/// Elements, data, globals and tables are put in their places by one function that the engine writes.
#[test]
fn start_up_is_bounded() {
    type Text = fn(usize) -> String;
    let passive = |count: usize| module(&format!("(func $f) (elem func {})", "$f ".repeat(count)));
    let expressions = |count: usize| module(&format!("(func $f) (elem funcref {})", "(ref.func $f)".repeat(count)));
    let data = |count: usize| module(&format!("(memory 1) {}", placed_data(count)));
    let globals = |count: usize| module(&"(global i32 (i32.const 0))".repeat(count));
    let kinds: [(Text, usize, usize); 4] =
        [(passive, 10_000, 12_000), (expressions, 10_000, 13_000), (data, 5_000, 6_000), (globals, 50_000, 70_000)];
    for (index, (of, taken, refused)) in kinds.into_iter().enumerate() {
        assert!(is_text_taken(&of(taken)), "{index}");
        assert!(!is_text_taken(&of(refused)), "{index}");
    }
}

/// Elements at a known place need no code, and a large program has many.
#[test]
fn elements_that_a_linker_places_are_cheap() {
    let of = |place: &str| {
        module(&format!("(func $f) (table 40000 funcref) (elem (offset {place}) func {})", "$f ".repeat(39_000)))
    };
    assert!(is_text_taken(&of("(i32.const 1)")));
    assert!(!is_text_taken(&of("(i32.const 1001)")), "past the end of the table");
    assert!(!is_text_taken(&of("(i32.add (i32.const 1) (i32.const 0))")));
}

/// Data at known places is an image, which needs no code: the heap of an interpreter that was started ahead has much.
#[test]
fn data_at_known_places_is_cheap() {
    let of = |memory: &str, place: &str, last: &str| {
        let data = |place: &str| format!(r#"(data (offset {place}) "ab")"#);
        module(&format!("{memory} {} {}", data(place).repeat(8_000), data(last)))
    };
    let (own, first, within) = ("(memory 513)", "(i32.const 0)", "(i32.const 33554429)");
    assert!(is_text_taken(&of(own, first, within)));
    assert!(!is_text_taken(&of(own, "(i32.add (i32.const 0) (i32.const 0))", within)), "places that code computes");
    assert!(!is_text_taken(&of(own, first, "(i32.const 33554430)")), "more than is mapped that is mostly empty");
    assert!(!is_text_taken(&of("(memory 1)", first, "(i32.const 65535)")), "past the end of the memory");
    assert!(!is_text_taken(&of(r#"(import "a" "b" (memory 513))"#, first, within)), "a memory of another module");
}

/// Half of it data, an image may be larger; all of them together are bounded, for each is made and kept.
#[test]
fn images_are_counted() {
    let sparse = r#"(core module (memory 512) (data (i32.const 0) "a") (data (i32.const 33554429) "ab"))"#;
    assert!(is_text_taken(&format!("(component {})", sparse.repeat(2))));
    assert!(!is_text_taken(&format!("(component {})", sparse.repeat(3))));
}

/// So is one constant, however long it is.
#[test]
fn constants_are_bounded_in_bytes() {
    let of = |terms: usize| {
        let sum = [[0x41, 0x00].repeat(terms), vec![0x41, 0x00], vec![0x6a; terms]].concat();
        let ty = GlobalType { val_type: ValType::I32, mutable: false, shared: false };
        let mut globals = GlobalSection::new();
        globals.global(ty, &ConstExpr::raw(sum));
        let mut module = Module::new();
        module.section(&globals);
        let mut component = Component::new();
        component.section(&ModuleSection(&module));
        component.finish()
    };
    assert!(is_taken(of(600_000)));
    assert!(!is_taken(of(700_000)));
}

/// An operator of which the compiler makes several blocks counts as several: none of these is one in WebAssembly.
#[test]
fn blocks_that_only_the_compiler_sees_are_bounded() {
    const I32_CONST_0: [u8; 2] = [0x41, 0x00];
    let zeros = |count: usize| I32_CONST_0.repeat(count);
    let bulk = |code: &[u8]| [zeros(3), code.to_vec()].concat();
    let kinds = [
        ("call_indirect", [zeros(1), vec![0x11, 0x00, 0x00]].concat()),
        ("table.get", [zeros(1), vec![0x25, 0x00, DROP]].concat()),
        ("memory.fill", bulk(&[0xfc, 0x0b, 0x00])),
        ("memory.copy", bulk(&[0xfc, 0x0a, 0x00, 0x00])),
        ("table.copy", bulk(&[0xfc, 0x0e, 0x00, 0x00])),
    ];
    for (name, operator) in kinds {
        let of = |times: usize| functions_with_table_and_memory(2_000, &operator.repeat(times));
        assert!(is_taken(of(100)), "{name}");
        assert!(!is_taken(of(2_500)), "{name}");
    }
}

#[test]
fn component_types_are_bounded_in_bytes() {
    // One item, however much it declares.
    let of = |declared: usize| format!("(component (type (instance {})))", "(type u8)".repeat(declared));
    assert!(is_text_taken(&of(80_000)));
    assert!(!is_text_taken(&of(140_000)));
}

#[test]
fn components_inside_have_no_code_of_their_own() {
    let check = |inside: &str| {
        let text = format!("(component (component {inside}))");
        let (code, detail) = refusal(lane().inspect(&program(wat::parse_str(&text).unwrap())));
        assert_eq!(code, ErrorCode::ComponentInvalid);
        assert!(detail.contains("code of its own"), "{inside}: {detail}");
    };
    check("(core module $m) (core instance (instantiate $m))");
    check(r#"(import "f" (func $f)) (core func (canon lower (func $f)))"#);
    check("(type $r (resource (rep i32))) (core func (canon resource.drop $r))");
    // Only carried or passed on, it is no code of the component inside.
    assert!(is_text_taken(r#"(component (component (core module) (import "f" (func $f)) (export "g" (func $f))))"#));
}

#[test]
fn many_functions_of_many_locals_are_bounded() {
    // 40,000 locals take three bytes to declare.
    let of = |count: usize| functions(count, 40_000, &[], (0, 0));
    assert!(is_taken(of(2)));
    assert!(!is_taken(of(6_000)));
}
