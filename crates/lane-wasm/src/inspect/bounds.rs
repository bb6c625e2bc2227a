//! How large a component may be. The bounds are there to keep compiling within seconds; `benches/compile.rs` measures
//! them against programs that are as costly as they allow.
//!
//! What never happens here: a bound that depends on the machine.

use omega_contract::ports::LaneRefusal;

use super::invalid;

/// Bytes of a component.
pub(crate) const COMPONENT_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Bytes of code in all functions. A component of JavaScript has 9.2 MB. What compiling takes is bounded by the cost of the code, which is
/// at least 1 for an operator.
pub(crate) const CODE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Functions of all core modules.
pub(crate) const FUNCTIONS_MAX: u64 = 50_000;
/// Types, imports, globals, exports, tables, elements and data segments of all core modules.
pub(crate) const MODULE_ITEMS_MAX: u64 = 500_000;
/// Core modules.
pub(crate) const MODULES_MAX: u64 = 64;
/// Components inside the component.
pub(crate) const NESTED_COMPONENTS_MAX: u64 = 64;
/// How deep components and modules lie in each other.
pub(crate) const NESTING_MAX: u64 = 8;
/// Types, aliases, imports, exports, instances and canonical functions of components, instance by instance.
pub(crate) const COMPONENT_ITEMS_MAX: u64 = 20_000;
/// Bytes of the sections that define component types: what they may declare inside each other.
pub(crate) const COMPONENT_TYPE_BYTES_MAX: u64 = 256 * 1024;
/// Bytes of the images of all memories: made when a program is compiled, kept while it is ready.
pub(crate) const IMAGE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Elements that one table starts with.
pub(crate) const TABLE_START_MAX: u64 = crate::options::TABLE_ELEMENTS_MAX as u64;
/// The cost of one function (see [`super::function`]), or of a module's start-up (see [`super::module`]).
pub(crate) const FUNCTION_COST_MAX: u64 = 8_000_000;
/// The cost of everything that is compiled.
pub(crate) const CODE_COST_MAX: u64 = 200_000_000;

/// A count, what it counts and how high it may go.
#[derive(Debug)]
pub(crate) struct Count {
    what: &'static str,
    max: u64,
    count: u64,
}

impl Count {
    pub(crate) const fn new(what: &'static str, max: u64) -> Self {
        Self { what, max, count: 0 }
    }

    /// # Errors
    /// `component_invalid` once it is over its bound.
    pub(crate) fn add(&mut self, more: u64) -> Result<(), LaneRefusal> {
        self.count = self.count.saturating_add(more);
        at_most(self.what, self.count, self.max)
    }
}

/// # Errors
/// `component_invalid` where `count` is over `max`.
pub(crate) fn at_most(what: &'static str, count: u64, max: u64) -> Result<(), LaneRefusal> {
    if count > max { Err(invalid(format!("it has {count} {what}, at most {max} are taken"))) } else { Ok(()) }
}

/// How often the components inside are made instances of.
///
/// A component can make several instances of an earlier one, which makes several of a still earlier one,
/// and wasmtime writes each of them out. No path is longer than the number of components, and each
/// multiplies by at most its own instantiations, plus one for itself.
#[derive(Debug)]
pub(crate) struct Expansion {
    factor: u64,
    nested_items: u64,
    root_items: u64,
}

/// What one component holds.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct ComponentShape {
    pub(crate) component_instances: u64,
    pub(crate) items: u64,
}

impl Expansion {
    pub(crate) const fn new() -> Self {
        Self { factor: 1, nested_items: 0, root_items: 0 }
    }

    /// A component inside ended.
    pub(crate) fn nested(&mut self, shape: ComponentShape) {
        self.factor = self.factor.saturating_mul(shape.component_instances.saturating_add(1));
        self.nested_items = self.nested_items.saturating_add(shape.items);
    }

    /// The outermost component ended. There is one instance of it.
    pub(crate) fn root(&mut self, shape: ComponentShape) {
        self.factor = self.factor.saturating_mul(shape.component_instances.saturating_add(1));
        self.root_items = shape.items;
    }

    /// # Errors
    /// `component_invalid` where written out it is over the bounds.
    pub(crate) fn check(&self) -> Result<(), LaneRefusal> {
        let items = self.root_items.saturating_add(self.nested_items.saturating_mul(self.factor));
        at_most("component items", items, COMPONENT_ITEMS_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_taken_up_to_its_bound() {
        let mut count = Count::new("things", 3);
        assert!(count.add(2).is_ok() && count.add(1).is_ok());
        assert_eq!(count.add(1).unwrap_err().detail, "it has 4 things, at most 3 are taken");
        assert!(Count::new("things", 3).add(u64::MAX).is_err());
    }

    fn check(nested: &[(u64, u64)], root: (u64, u64), expect: bool) {
        let shape = |(items, component_instances)| ComponentShape { component_instances, items };
        let mut expansion = Expansion::new();
        nested.iter().for_each(|counts| expansion.nested(shape(*counts)));
        expansion.root(shape(root));
        assert_eq!(expansion.check().is_ok(), expect, "{nested:?} in {root:?}");
    }

    #[test]
    fn instances_of_instances_are_counted_as_if_written_out() {
        let max = COMPONENT_ITEMS_MAX;
        check(&[], (max, 0), true);
        check(&[], (max + 1, 0), false);
        check(&[(0, 0)], (4, 100), true);
        check(&[(1, 0)], (0, max - 1), true);
        check(&[(1, 0)], (0, max), false);
        // Doubling in each of 40 components.
        check(&[(1, 2); 40], (0, 2), false);
        check(&[(u64::MAX, u64::MAX); 3], (u64::MAX, u64::MAX), false);
    }
}
