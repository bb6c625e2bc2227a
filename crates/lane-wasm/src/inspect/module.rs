//! What a core module costs to compile besides the bodies of its functions.
//!
//! The engine writes code of its own for a module, and more of it than the module has bytes:
//!
//! - a way in and a way out for each type of function and for each function, which carries every value over one by
//!   one, with all of them alive at once. Hence the square in [`crossing`];
//! - one start-up function, which evaluates each constant expression and puts each element and each data segment in
//!   its place.
//!
//! What never happens here: validation. What is not valid costs something or nothing, and is refused by the validator.

use wasmparser::{
    BinaryReaderError, ConstExpr, DataKind, DataSectionReader, ElementItems, ElementKind, ElementSectionReader,
    FunctionSectionReader, GlobalSectionReader, TableInit, TableSectionReader, TypeSectionReader,
};

/// What each function costs before its first operator, and each way in or out of one.
pub(crate) const FUNCTION_BASE_COST: u64 = 500;
/// What each value that crosses costs by itself.
pub(crate) const CROSSING_VALUE_COST: u64 = 20;
/// What a data segment costs: its address computed, looked at and branched upon.
const SEGMENT_COST: u64 = 500;
/// What an element costs: the function found, the table's bound checked, the element stored.
const ELEMENT_COST: u64 = 150;
/// What a byte of a constant expression costs; an operator has one at least.
const EXPRESSION_BYTE_COST: u64 = 4;
/// What a global or a table costs besides its expression.
const ITEM_COST: u64 = 120;

type Result<T> = std::result::Result<T, BinaryReaderError>;

/// What is known of the module that is being read.
#[derive(Debug, Default)]
pub(crate) struct ModuleShape {
    /// How many values each type of function takes and gives.
    values: Vec<u64>,
    /// What its start-up function costs so far.
    startup: u64,
}

impl ModuleShape {
    /// What the start-up function costs so far.
    pub(crate) const fn startup_cost(&self) -> u64 {
        self.startup
    }

    /// The cost of the types of a section: a way out for each.
    pub(crate) fn types(&mut self, section: &TypeSectionReader<'_>) -> Result<u64> {
        let mut cost = 0_u64;
        for ty in section.clone().into_iter_err_on_gc_types() {
            let ty = ty?;
            let values = (ty.params().len() + ty.results().len()) as u64;
            self.values.push(values);
            cost = cost.saturating_add(crossing(values));
        }
        Ok(cost)
    }

    /// The cost of the functions of a section without their bodies: a way in for each, whether or not it is used.
    pub(crate) fn functions(&self, section: &FunctionSectionReader<'_>) -> Result<u64> {
        let mut cost = 0_u64;
        for index in section.clone() {
            let values = usize::try_from(index?).ok().and_then(|index| self.values.get(index));
            cost = cost.saturating_add(crossing(values.copied().unwrap_or(0)));
        }
        Ok(cost)
    }

    pub(crate) fn tables(&mut self, section: &TableSectionReader<'_>) -> Result<()> {
        for table in section.clone() {
            if let TableInit::Expr(expression) = table?.init {
                self.expression(&expression);
            }
            self.add(ITEM_COST);
        }
        Ok(())
    }

    pub(crate) fn globals(&mut self, section: &GlobalSectionReader<'_>) -> Result<()> {
        for global in section.clone() {
            self.expression(&global?.init_expr);
            self.add(ITEM_COST);
        }
        Ok(())
    }

    pub(crate) fn elements(&mut self, section: &ElementSectionReader<'_>) -> Result<()> {
        for segment in section.clone() {
            let segment = segment?;
            if let ElementKind::Active { offset_expr, .. } = &segment.kind {
                self.expression(offset_expr);
            }
            self.add(SEGMENT_COST);
            match segment.items {
                ElementItems::Functions(items) => self.add(u64::from(items.count()).saturating_mul(ELEMENT_COST)),
                ElementItems::Expressions(_, items) => {
                    for item in items {
                        self.expression(&item?);
                        self.add(ELEMENT_COST);
                    }
                }
            }
        }
        Ok(())
    }

    pub(crate) fn data(&mut self, section: &DataSectionReader<'_>) -> Result<()> {
        for segment in section.clone() {
            if let DataKind::Active { offset_expr, .. } = segment?.kind {
                self.expression(&offset_expr);
            }
            self.add(SEGMENT_COST);
        }
        Ok(())
    }

    fn expression(&mut self, expression: &ConstExpr<'_>) {
        let bytes = expression.get_binary_reader().bytes_remaining() as u64;
        self.add(bytes.saturating_mul(EXPRESSION_BYTE_COST));
    }

    fn add(&mut self, cost: u64) {
        self.startup = self.startup.saturating_add(cost);
    }
}

/// What it costs to carry so many values in or out.
const fn crossing(values: u64) -> u64 {
    FUNCTION_BASE_COST.saturating_add(values.saturating_mul(CROSSING_VALUE_COST)).saturating_add(values * values / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_values_cost_more_than_each_by_itself() {
        assert_eq!(crossing(0), FUNCTION_BASE_COST);
        assert_eq!(crossing(4), 584);
        // The most that WebAssembly's validator takes, a thousand in and a thousand out.
        assert_eq!(crossing(2_000), 1_040_500);
    }
}
