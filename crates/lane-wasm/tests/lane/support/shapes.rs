//! Guests with functions, types or segments that cost a compiler more than their bytes suggest.

use super::wat::Guest;

pub(crate) fn with(items: &str) -> Guest {
    Guest::echo().items(items)
}

pub(crate) fn locals(count: usize) -> String {
    format!("(local {})", "i64 ".repeat(count))
}

/// Each join may come from two places, and all locals are changed before and read after all of them.
pub(crate) fn joins(count: usize, blocks: usize) -> Guest {
    let change: String =
        (0..count).map(|n| format!("(local.set {} (i64.load (i32.const {})))", n + 1, n * 8)).collect();
    let join: String = (0..blocks)
        .map(|n| {
            let local = n % count + 1;
            format!("(if (local.get 0) (then (local.set {local} (i64.mul (local.get {local}) (i64.const 3)))))")
        })
        .collect();
    let read: String = (0..count).map(|n| format!("(i64.store (i32.const {}) (local.get {}))", n * 8, n + 1)).collect();
    with(&format!("(func (param i32) {} {change} {join} {read})", locals(count)))
}

/// Locals read in the innermost of many loops.
pub(crate) fn loops(count: usize, depth: usize) -> Guest {
    let read: String = (0..count).map(|n| format!("(i64.store (i32.const {}) (local.get {}))", n * 8, n + 1)).collect();
    let ends: String = "(br_if 0 (local.get 0)) end ".repeat(depth);
    with(&format!("(func (param i32) {} {} {read} {ends})", locals(count), "loop ".repeat(depth)))
}

/// Values that stay on the operand stack while blocks come and go.
pub(crate) fn operands(count: usize, blocks: usize) -> Guest {
    let push: String = (0..count).map(|n| format!("(i64.load (i32.const {}))", n * 8)).collect();
    let block = "(if (local.get 0) (then (i64.store (i32.const 0) (i64.const 1))))".repeat(blocks);
    let pop = "(local.set 1) (i64.store (i32.const 8) (local.get 1))".repeat(count);
    with(&format!("(func (param i32) (local i64) {push} {block} {pop})"))
}

pub(crate) fn targets(count: usize, values: usize) -> Guest {
    let results = "i32 ".repeat(values);
    let push: String = (0..values).map(|n| format!("(i32.load (i32.const {}))", n * 4)).collect();
    with(&format!(
        "(type $many (func (result {results}))) (func (param i32) (block (type $many)
           (block (type $many) {push} (br_table {} 0 (local.get 0)))) {})",
        "0 1 ".repeat(count / 2),
        "drop ".repeat(values)
    ))
}

pub(crate) fn calls(count: usize, values: usize) -> Guest {
    let all = "i32 ".repeat(values);
    let push: String = (0..values).map(|n| format!("(i32.load (i32.const {}))", n * 4)).collect();
    with(&format!(
        "(type $many (func (param {all}) (result {all}))) (func $f (type $many) unreachable)
         (func {push} {} {})",
        "call $f ".repeat(count),
        "drop ".repeat(values)
    ))
}

pub(crate) fn plain(functions: usize, statements: usize) -> Guest {
    let statement = "(local.set 0 (i64.add (i64.mul (local.get 0) (i64.load (i32.const 80))) (i64.const 7)))";
    with(&format!("(func (param i64) {})", statement.repeat(statements)).repeat(functions))
}

/// Types of functions that are all different: the first parameters are the digits of a number.
pub(crate) fn signatures(count: usize, values: usize) -> Guest {
    let value = |number: usize, bit: usize| if bit < 16 && number >> bit & 1 == 1 { "i64 " } else { "i32 " };
    let signature = |number| (0..values).map(|bit| value(number, bit)).collect::<String>();
    with(&(0..count).map(|number| format!("(type (func (param {})))", signature(number))).collect::<String>())
}

/// Functions that can be reached from outside.
pub(crate) fn entrances(count: usize, values: usize) -> Guest {
    let functions: String = (0..count).map(|n| format!(r#"(func (export "e{n}") (type $entrance))"#)).collect();
    with(&format!("(type $entrance (func (param {}))) {functions}", "i32 ".repeat(values)))
}

/// Locals that live across many of this.
pub(crate) fn over(count: usize, what: &str, times: usize) -> Guest {
    let change: String =
        (0..count).map(|n| format!("(local.set {} (i64.load (i32.const {})))", n + 1, n * 8)).collect();
    let read: String = (0..count).map(|n| format!("(i64.store (i32.const {}) (local.get {}))", n * 8, n + 1)).collect();
    let times = format!("{what} ").repeat(times);
    with(&format!("(table 1 funcref) (func $nothing) (func (param i32) {} {change} {times} {read})", locals(count)))
}

/// Elements whose place is not known before the module starts.
pub(crate) fn active_elements(count: usize) -> String {
    let place = "(offset (i32.add (i32.const 1) (i32.const 0)))";
    format!("(func $q) (table 65000 funcref) (elem (table 0) {place} func {})", "$q ".repeat(count))
}

/// Data whose place is not known before the module starts.
pub(crate) fn placed_data(count: usize) -> String {
    r#"(data (offset (i32.add (i32.const 2000) (i32.const 0))) "a")"#.repeat(count)
}

/// Data at known places in the memory of its own module, back to front and over each other: the image of it is the costliest to make.
pub(crate) fn known_data(count: usize) -> Guest {
    let data: String = (0..count).rev().map(|n| format!(r#"(data (i32.const {}) "ab")"#, 2_000 + n % 30_000)).collect();
    // Behind the memory's limits, in the module that has the memory; the parenthesis that ends the memory ends the global.
    Guest::echo().memory(&format!("1) {data} (global i32 (i32.const 0)"))
}

/// One long constant expression.
pub(crate) fn sum(terms: usize) -> String {
    format!("(global i32 {} (i32.const 0) {})", "(i32.const 0) ".repeat(terms), "(i32.add) ".repeat(terms))
}
