//! A global allocator whose large blocks are never clean unless they are asked for clean: with it, a library that reads
//! memory before it wrote it reads something else every time.
#![expect(unsafe_code, reason = "a global allocator that fills what it hands out cannot be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU8, Ordering};

/// Smaller blocks are left as they are: filling every one would slow the models down.
const LARGE_BYTES: usize = 1 << 20;

struct Dirty;

/// Another byte for every block: every fourth is clean by chance, as memory fresh from the system is.
fn dirt() -> u8 {
    static BLOCKS: AtomicU8 = AtomicU8::new(0);
    let block = BLOCKS.fetch_add(1, Ordering::Relaxed);
    if block % 4 == 3 { 0 } else { block.wrapping_mul(73) | 1 }
}

// SAFETY: every call is passed on to the system's allocator unchanged; only the block it gives is written to, within
// its length.
unsafe impl GlobalAlloc for Dirty {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise about `layout` is passed on.
        let block = unsafe { System.alloc(layout) };
        if layout.size() >= LARGE_BYTES && !block.is_null() {
            // SAFETY: the block is as long as its layout says, and nobody else has it yet.
            unsafe { block.write_bytes(dirt(), layout.size()) };
        }
        block
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as for `alloc`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: `pointer` came from `System` with this `layout`, as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: as for `dealloc`; the caller's promise about `new_size` is passed on.
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}

#[global_allocator]
static ALLOCATOR: Dirty = Dirty;

/// Without it, the tests of engines in used memory would pass for the wrong reason.
#[test]
fn large_blocks_are_dirty_unless_they_are_asked_for_clean() {
    assert!(std::hint::black_box(vec![0_u8; LARGE_BYTES]).iter().all(|byte| *byte == 0));
    let layout = Layout::from_size_align(LARGE_BYTES, 16).unwrap();
    let first = || {
        // SAFETY: the layout is not empty; the block was filled, is read within its length and freed as it came.
        unsafe {
            let block = std::alloc::alloc(layout);
            let first = block.read();
            std::alloc::dealloc(block, layout);
            first
        }
    };
    assert!((0..4).any(|_| first() != 0));
}
