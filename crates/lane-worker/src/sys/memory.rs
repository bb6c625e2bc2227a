//! The memory of the JavaScript engine: the C library's, counted, up to a bound.
//!
//! The engine has a bound of its own, but tells nobody when it was met: what it throws by then may be nothing at all. What never happens
//! here: memory that is not counted, or a bound that is met and not told.

use std::cell::Cell;
use std::rc::Rc;

use rquickjs::allocator::Allocator;

/// What an allocation takes beside its bytes: the C library's own words.
const OVERHEAD_BYTES: usize = 16;

/// How much there is, and how much of it is used.
#[derive(Debug)]
pub(crate) struct Budget {
    used_bytes: Cell<usize>,
    bytes_max: Cell<usize>,
    was_met: Cell<bool>,
}

impl Budget {
    /// One without a bound.
    pub(crate) fn new() -> Rc<Self> {
        Rc::new(Self { used_bytes: Cell::new(0), bytes_max: Cell::new(usize::MAX), was_met: Cell::new(false) })
    }

    /// Sets the bound.
    pub(crate) fn limit(&self, bytes_max: usize) {
        self.bytes_max.set(bytes_max);
    }

    /// Raises the bound over what is used now.
    pub(crate) fn add(&self, bytes: usize) {
        self.bytes_max.set(self.used_bytes.get().saturating_add(bytes));
    }

    /// Whether memory was refused.
    pub(crate) fn was_met(&self) -> bool {
        self.was_met.get()
    }

    fn has(&self, bytes: usize) -> bool {
        let has = self.used_bytes.get().saturating_add(bytes) <= self.bytes_max.get();
        if !has {
            self.was_met.set(true);
        }
        has
    }

    /// Counts what an allocation got.
    fn took(&self, place: *mut u8) -> *mut u8 {
        if place.is_null() {
            self.was_met.set(true);
        } else {
            self.used_bytes.set(self.used_bytes.get().saturating_add(size_of(place)));
        }
        place
    }

    fn gave(&self, bytes: usize) {
        self.used_bytes.set(self.used_bytes.get().saturating_sub(bytes));
    }
}

/// What an allocation takes.
fn size_of(place: *mut u8) -> usize {
    // SAFETY: the C library made it and it is not freed yet.
    unsafe { libc::malloc_usable_size(place.cast()) }.saturating_add(OVERHEAD_BYTES)
}

/// The allocator of a budget.
pub(crate) struct Counted(pub(crate) Rc<Budget>);

// SAFETY: the C library's allocations, as they are, or none. They are aligned to two words.
unsafe impl Allocator for Counted {
    fn alloc(&mut self, size: usize) -> *mut u8 {
        if !self.0.has(size) {
            return std::ptr::null_mut();
        }
        // SAFETY: any size can be asked for.
        self.0.took(unsafe { libc::malloc(size) }.cast())
    }

    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        if !self.0.has(count.saturating_mul(size)) {
            return std::ptr::null_mut();
        }
        // SAFETY: any sizes can be asked for; the C library sees whether their product is one.
        self.0.took(unsafe { libc::calloc(count, size) }.cast())
    }

    // SAFETY: the trait's own promise: a place of this allocator.
    unsafe fn dealloc(&mut self, place: *mut u8) {
        self.0.gave(size_of(place));
        // SAFETY: as the caller promises, of this allocator.
        unsafe { libc::free(place.cast()) };
    }

    // SAFETY: the trait's own promise: a place of this allocator.
    unsafe fn realloc(&mut self, place: *mut u8, size: usize) -> *mut u8 {
        if place.is_null() {
            return self.alloc(size);
        }
        let before = size_of(place);
        if size == 0 {
            // SAFETY: as the caller promises, of this allocator.
            unsafe { self.dealloc(place) };
            return std::ptr::null_mut();
        }
        if !self.0.has(size.saturating_sub(before)) {
            return std::ptr::null_mut();
        }
        // SAFETY: as the caller promises, of this allocator.
        let moved: *mut u8 = unsafe { libc::realloc(place.cast(), size) }.cast();
        if !moved.is_null() {
            self.0.gave(before);
        }
        self.0.took(moved)
    }

    // SAFETY: the trait's own promise: a place of this allocator.
    unsafe fn usable_size(place: *mut u8) -> usize {
        // SAFETY: as the caller promises, of this allocator.
        unsafe { libc::malloc_usable_size(place.cast()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_counted_and_what_is_too_much_refused() {
        let budget = Budget::new();
        let mut memory = Counted(Rc::clone(&budget));
        budget.limit(10_000);
        let first = memory.alloc(4_000);
        assert!(!first.is_null() && !budget.was_met());
        // SAFETY: of this allocator, and not freed yet.
        let (refused, grown) = unsafe { (memory.realloc(first, 20_000), memory.realloc(first, 8_000)) };
        assert!(refused.is_null() && budget.was_met() && !grown.is_null());
        assert!(memory.calloc(4, 1_000).is_null());
        budget.add(5_000);
        let zeroed = memory.calloc(4, 1_000);
        // SAFETY: so many bytes were asked for.
        assert_eq!(unsafe { std::slice::from_raw_parts(zeroed, 4_000) }, [0; 4_000]);
        for place in [zeroed, grown] {
            // SAFETY: of this allocator, and freed once.
            unsafe { memory.dealloc(place) };
        }
        assert_eq!(budget.used_bytes.get(), 0);
    }
}
