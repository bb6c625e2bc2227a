//! The memory of one call: all linear memories and all tables together.
//!
//! What never happens here: memory granted past the limit; a refusal makes the guest's own
//! `memory.grow` return -1, as WebAssembly has it.

use wasmtime::ResourceLimiter;

use crate::options::TABLE_ELEMENTS_MAX;

/// Counts and bounds memory. One per call.
#[derive(Debug)]
pub(crate) struct MemoryBudget {
    bytes_max: u64,
    bytes: u64,
    table_elements: usize,
    refused: bool,
}

impl MemoryBudget {
    pub(crate) fn new(bytes_max: u64) -> Self {
        Self { bytes_max, bytes: 0, table_elements: 0, refused: false }
    }

    /// The most bytes of linear memory that the guest had. Memory never shrinks, so what it has is that.
    pub(crate) fn bytes_peak(&self) -> u64 {
        self.bytes
    }

    /// Whether the guest asked for more than it may have.
    pub(crate) fn refused(&self) -> bool {
        self.refused
    }

    pub(crate) fn bytes_max(&self) -> u64 {
        self.bytes_max
    }
}

impl ResourceLimiter for MemoryBudget {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.bytes.saturating_add(desired.saturating_sub(current) as u64);
        let granted = total <= self.bytes_max;
        if granted {
            self.bytes = total;
        } else {
            self.refused = true;
        }
        Ok(granted)
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        // The pool's ceiling, or the system: the guest got no memory either way.
        self.refused = true;
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.table_elements.saturating_add(desired.saturating_sub(current));
        let granted = total <= TABLE_ELEMENTS_MAX;
        if granted {
            self.table_elements = total;
        } else {
            self.refused = true;
        }
        Ok(granted)
    }

    fn table_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.refused = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(grows: &[(usize, usize)], expect: &[bool], peak: u64) {
        let mut budget = MemoryBudget::new(100);
        for ((current, desired), granted) in grows.iter().zip(expect) {
            assert_eq!(budget.memory_growing(*current, *desired, None).unwrap(), *granted, "{grows:?}");
        }
        assert_eq!((budget.bytes_peak(), budget.refused()), (peak, expect.contains(&false)), "{grows:?}");
    }

    #[test]
    fn memory_is_granted_up_to_the_limit_over_all_memories() {
        check(&[(0, 100)], &[true], 100);
        check(&[(0, 101)], &[false], 0);
        check(&[(0, 60), (0, 40)], &[true, true], 100);
        check(&[(0, 60), (0, 41)], &[true, false], 60);
        check(&[(0, 60), (60, 100), (100, 101)], &[true, true, false], 100);
    }

    #[test]
    fn tables_are_granted_up_to_the_limit_over_all_tables() {
        let mut budget = MemoryBudget::new(0);
        assert!(budget.table_growing(0, TABLE_ELEMENTS_MAX - 1, None).unwrap());
        assert!(budget.table_growing(0, 1, None).unwrap());
        assert!(!budget.refused());
        assert!(!budget.table_growing(1, 2, None).unwrap());
        assert!(budget.refused());
    }
}
