//! What one function costs to compile, estimated while it is validated.
//!
//! Cranelift's work is linear in the operators with their operands, but for two things that a few bytes
//! can blow up: each block may have to merge each local (SSA construction), and each block may lie in the
//! life of each value on the operand stack (register allocation). Hence
//!
//! `cost = locals + operators with operands and targets + blocks × (locals + highest operand stack)`.
//!
//! What never happens here: a recursion, or memory beyond what wasmparser's validator takes.

use wasmparser::{FuncValidator, FunctionBody, Operator, Result, ValidatorResources};

use super::FEATURES;

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
    while !reader.eof() {
        let offset = reader.original_position();
        let operator = reader.peek_operator(&validator.visitor(offset))?;
        // None for an operator that the validator is about to refuse.
        let (taken, given) = operator.operator_arity(&validator.visitor(offset)).unwrap_or_default();
        operators = operators.saturating_add((1 + u64::from(taken) + u64::from(given)) * targets(&operator));
        blocks += u64::from(opens_block(&operator));
        reader.visit_operator(&mut validator.visitor(offset))??;
        height = height.max(u64::from(validator.operand_stack_height()));
    }
    reader.finish_expression(&validator.visitor(reader.original_position()))?;
    Ok(locals.saturating_add(operators).saturating_add(blocks.saturating_mul(locals + height)))
}

/// How many places an operator can go to.
fn targets(operator: &Operator<'_>) -> u64 {
    match operator {
        Operator::BrTable { targets } => u64::from(targets.len()) + 1,
        _ => 1,
    }
}

/// Whether code after the operator is in another block than code before it.
fn opens_block(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::Block { .. }
            | Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::Else
            | Operator::BrIf { .. }
            | Operator::BrTable { .. }
    )
}
