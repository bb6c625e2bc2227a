//! What one function costs to compile, estimated while it is validated.
//!
//! Cranelift's work is linear in the operators with their operands, but for four things that a few bytes
//! can blow up: each block may have to merge each local (SSA construction), each block may lie in the
//! life of each value on the operand stack (register allocation), what lives through loops inside each other is
//! carried through each of them, and a call carries all its values over at once. Hence
//!
//! `cost = base + locals + operators with operands and targets + blocks × (locals + highest operand stack)`.
//!
//! Blocks are those of the compiler: an operator of WebAssembly can become several of them, a loop the more, the
//! more loops it lies in.
//!
//! What never happens here: a recursion, or memory beyond what wasmparser's validator takes.

use wasmparser::{FrameKind, FuncValidator, FunctionBody, Operator, Result, ValidatorResources};

use super::FEATURES;
use super::module::{CROSSING_VALUE_COST, FUNCTION_BASE_COST};

/// A loop costs another block for so many loops that it lies in: measured, 1,000 loops in each other with 1,000 locals
/// take twenty times as long as what each of them costs alone.
const LOOPS_PER_BLOCK: u64 = 10;

/// Validates a function and estimates its cost.
///
/// # Errors
/// It is not valid.
pub(crate) fn cost(validator: &mut FuncValidator<ValidatorResources>, body: &FunctionBody<'_>) -> Result<u64> {
    let mut reader = body.get_binary_reader();
    validator.read_locals(&mut reader)?;
    reader.set_features(FEATURES);
    let locals = u64::from(validator.len_locals());
    let (mut operators, mut blocks, mut height) = (0_u64, 1_u64, 0_u64);
    let mut open_loops = 0_u64;
    while !reader.eof() {
        let offset = reader.original_position();
        let operator = reader.peek_operator(&validator.visitor(offset))?;
        // None for an operator that the validator is about to refuse.
        let (taken, given) = operator.operator_arity(&validator.visitor(offset)).unwrap_or_default();
        operators = operators.saturating_add(operator_cost(&operator, u64::from(taken) + u64::from(given)));
        blocks = blocks.saturating_add(blocks_of(&operator));
        match &operator {
            Operator::Loop { .. } => {
                open_loops += 1;
                blocks = blocks.saturating_add(open_loops / LOOPS_PER_BLOCK);
            }
            Operator::End if validator.get_control_frame(0).is_some_and(|frame| frame.kind == FrameKind::Loop) => {
                open_loops = open_loops.saturating_sub(1);
            }
            _ => {}
        }
        reader.visit_operator(&mut validator.visitor(offset))??;
        height = height.max(u64::from(validator.operand_stack_height()));
    }
    reader.finish_expression(&validator.visitor(reader.original_position()))?;
    Ok(FUNCTION_BASE_COST
        .saturating_add(locals)
        .saturating_add(operators)
        .saturating_add(blocks.saturating_mul(locals + height)))
}

/// What an operator costs that takes and gives so many values.
fn operator_cost(operator: &Operator<'_>, values: u64) -> u64 {
    match operator {
        // Each value has its place in the calling convention, and all of them live at once.
        Operator::Call { .. }
        | Operator::CallIndirect { .. }
        | Operator::ReturnCall { .. }
        | Operator::ReturnCallIndirect { .. } => 1 + values * CROSSING_VALUE_COST + values * values / 50,
        _ => (1 + values) * targets(operator),
    }
}

/// How many places an operator can go to.
fn targets(operator: &Operator<'_>) -> u64 {
    match operator {
        Operator::BrTable { targets } => u64::from(targets.len()) + 1,
        _ => 1,
    }
}

/// How many blocks the compiler makes of an operator: for where it may go, for the check of the deadline, for what is
/// only looked up when it is first used, and for the pieces in which a bulk operation is done.
fn blocks_of(operator: &Operator<'_>) -> u64 {
    match operator {
        Operator::Block { .. } | Operator::Else => 1,
        Operator::BrIf { .. }
        | Operator::CallIndirect { .. }
        | Operator::ReturnCallIndirect { .. }
        | Operator::TableGet { .. } => 2,
        Operator::Loop { .. } | Operator::If { .. } | Operator::TableGrow { .. } => 3,
        Operator::BrTable { .. } => 1 + targets(operator),
        Operator::MemoryCopy { .. }
        | Operator::MemoryFill { .. }
        | Operator::MemoryInit { .. }
        | Operator::TableCopy { .. }
        | Operator::TableFill { .. }
        | Operator::TableInit { .. } => 8,
        _ => 0,
    }
}
