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
    BinaryReaderError, ConstExpr, DataKind, DataSectionReader, Element, ElementItems, ElementKind,
    ElementSectionReader, FunctionSectionReader, GlobalSectionReader, ImportSectionReader, MemorySectionReader,
    Operator, TableInit, TableSectionReader, TypeRef, TypeSectionReader,
};

use crate::options::SPARSE_IMAGE_BYTES_MAX;

/// What each function costs before its first operator, and each way in or out of one.
pub(crate) const FUNCTION_BASE_COST: u64 = 500;
/// What each value that crosses costs by itself.
pub(crate) const CROSSING_VALUE_COST: u64 = 20;
/// What a data segment costs: its address computed, looked at and branched upon.
const SEGMENT_COST: u64 = 500;
/// What an element costs: the function found, the table's bound checked, the element stored.
const ELEMENT_COST: u64 = 150;
/// The start-up is one function, and the compiler's work on it grows with the square of what it does: so many data
/// segments squared are a unit.
const SEGMENTS_SQUARED_PER_UNIT: u64 = 6;
/// So many elements squared are a unit, where code puts them in their places.
const ELEMENTS_SQUARED_PER_UNIT: u64 = 20;
/// What a byte of a constant expression costs; an operator has one at least.
const EXPRESSION_BYTE_COST: u64 = 4;
/// What a global or a table costs besides its expression.
const ITEM_COST: u64 = 120;
/// Bytes of a page of memory.
const PAGE_BYTES: u64 = 64 * 1024;

type Result<T> = std::result::Result<T, BinaryReaderError>;

/// What is known of the module that is being read.
#[derive(Debug, Default)]
pub(crate) struct ModuleShape {
    /// How many values each type of function takes and gives.
    values: Vec<u64>,
    /// What its start-up function costs so far, each part by itself.
    startup: u64,
    /// Elements that its tables start with, by table; an imported table's are not known.
    tables: Vec<u64>,
    imports_table: bool,
    elements: u64,
    /// Whether some elements are put in their places by code: then all that follow are.
    placed_by_code: bool,
    /// Bytes that its memories start with, by memory.
    memories: Vec<u64>,
    imports_memory: bool,
    image: Image,
    /// Data segments that code puts in their places, and passive ones.
    segments: u64,
}

/// What the data segments of a module would be as one image of its memory, which the engine maps instead of running code.
#[derive(Debug, Default, Clone, Copy)]
struct Image {
    data_bytes: u64,
    start: u64,
    end: u64,
}

impl Image {
    fn bytes(self) -> u64 {
        self.end - self.start
    }

    /// Takes a segment in.
    fn add(&mut self, start: u64, end: u64) {
        if start < end {
            self.start = if self.data_bytes == 0 { start } else { self.start.min(start) };
            self.end = self.end.max(end);
            self.data_bytes = self.data_bytes.saturating_add(end - start);
        }
    }

    /// Whether the engine makes an image of it: one of which half is data, or one that is small.
    fn is_made(self) -> bool {
        self.bytes() < self.data_bytes.saturating_mul(2) || self.bytes() < SPARSE_IMAGE_BYTES_MAX
    }
}

impl ModuleShape {
    /// What the start-up function costs so far.
    pub(crate) const fn startup_cost(&self) -> u64 {
        let elements = if self.placed_by_code { self.elements } else { 0 };
        let squares = elements.saturating_mul(elements) / ELEMENTS_SQUARED_PER_UNIT;
        let more = self.segments.saturating_mul(self.segments) / SEGMENTS_SQUARED_PER_UNIT;
        self.startup.saturating_add(squares).saturating_add(more)
    }

    pub(crate) fn imports(&mut self, section: &ImportSectionReader<'_>) -> Result<()> {
        for import in section.clone().into_imports() {
            match import?.ty {
                TypeRef::Table(_) => self.imports_table = true,
                TypeRef::Memory(_) => self.imports_memory = true,
                _ => {}
            }
        }
        Ok(())
    }

    pub(crate) fn memories(&mut self, section: &MemorySectionReader<'_>) -> Result<()> {
        for memory in section.clone() {
            self.memories.push(memory?.initial.saturating_mul(PAGE_BYTES));
        }
        Ok(())
    }

    /// Bytes of the images that the engine makes of its memories.
    pub(crate) fn image_bytes(&self) -> u64 {
        self.image.bytes()
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
            let table = table?;
            self.tables.push(table.ty.initial);
            if let TableInit::Expr(expression) = table.init {
                self.expression(&expression);
                self.placed_by_code = true;
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
            self.placed_by_code |= !self.is_placed_ahead(&segment);
            match segment.items {
                ElementItems::Functions(items) => {
                    self.elements += u64::from(items.count());
                    self.add(u64::from(items.count()).saturating_mul(ELEMENT_COST));
                }
                ElementItems::Expressions(_, items) => {
                    for item in items {
                        self.expression(&item?);
                        self.elements += 1;
                        self.add(ELEMENT_COST);
                    }
                }
            }
        }
        Ok(())
    }

    pub(crate) fn data(&mut self, section: &DataSectionReader<'_>) -> Result<()> {
        if let Some(image) = self.image_of(section)? {
            self.image = image;
            return Ok(());
        }
        for segment in section.clone() {
            if let DataKind::Active { offset_expr, .. } = segment?.kind {
                self.expression(&offset_expr);
            }
            self.segments += 1;
            self.add(SEGMENT_COST);
        }
        Ok(())
    }

    /// The image that the engine makes of these segments; none where it puts them in their places by code. It makes one where
    /// all are at known places inside a memory of the module's own. It is so of what a snapshot of a started program has.
    fn image_of(&self, section: &DataSectionReader<'_>) -> Result<Option<Image>> {
        let mut image = Image::default();
        for segment in section.clone() {
            let segment = segment?;
            let DataKind::Active { memory_index: 0, offset_expr } = &segment.kind else { return Ok(None) };
            let Some(start) = constant(offset_expr) else { return Ok(None) };
            let end = start.saturating_add(segment.data.len() as u64);
            if self.imports_memory || self.memories.first().is_none_or(|bytes| end > *bytes) {
                return Ok(None);
            }
            image.add(start, end);
        }
        Ok(Some(image).filter(|image| image.is_made()))
    }

    /// Whether the engine needs no code for these elements: functions, at a known place in a table of known size. It
    /// is so of what a linker writes.
    fn is_placed_ahead(&self, segment: &Element<'_>) -> bool {
        let (ElementKind::Active { table_index, offset_expr }, ElementItems::Functions(items)) =
            (&segment.kind, &segment.items)
        else {
            return false;
        };
        let Some(start) = constant(offset_expr) else { return false };
        let table = self.tables.get(table_index.unwrap_or(0) as usize).copied().unwrap_or(0);
        !self.imports_table && start + u64::from(items.count()) <= table
    }

    fn expression(&mut self, expression: &ConstExpr<'_>) {
        let bytes = expression.get_binary_reader().bytes_remaining() as u64;
        self.add(bytes.saturating_mul(EXPRESSION_BYTE_COST));
    }

    fn add(&mut self, cost: u64) {
        self.startup = self.startup.saturating_add(cost);
    }
}

/// The value of an expression that is a constant and nothing else.
fn constant(expression: &ConstExpr<'_>) -> Option<u64> {
    let mut operators = expression.get_operators_reader();
    match (operators.read(), operators.read()) {
        (Ok(Operator::I32Const { value }), Ok(Operator::End)) => Some(u64::from(value.cast_unsigned())),
        _ => None,
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
