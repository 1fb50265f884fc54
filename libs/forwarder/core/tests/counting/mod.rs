//! An allocator that counts. A test binary has it as its `#[global_allocator]`.
#![allow(dead_code)] // Each test uses a part of it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

thread_local! {
    static HERE: Cell<u64> = const { Cell::new(0) };
    static HELD: Cell<i64> = const { Cell::new(0) };
}
static EVERYWHERE: AtomicU64 = AtomicU64::new(0);

/// The system's allocator, counted.
pub struct Counting;

/// Memory was asked for, or given back (`bytes` is negative).
fn count(asked: u64, bytes: i64) {
    // A thread that ends has lost its own counts already.
    let _ = HERE.try_with(|here| here.set(here.get() + asked));
    let _ = HELD.try_with(|held| held.set(held.get() + bytes));
    EVERYWHERE.fetch_add(asked, Ordering::Relaxed);
}

// SAFETY: every call is the system allocator's with the same arguments; counting takes no memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size() as i64);
        // SAFETY: the caller's promises are the callee's conditions, here and below.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size() as i64);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(1, size as i64 - layout.size() as i64);
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, -(layout.size() as i64));
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// How often this thread has asked for memory, since it began.
pub fn here() -> u64 {
    HERE.get()
}

/// Bytes that this thread has asked for and not given back.
pub fn held() -> i64 {
    HELD.get()
}

/// How often all other threads have asked for memory, since the beginning.
pub fn elsewhere() -> u64 {
    EVERYWHERE.load(Ordering::Relaxed) - HERE.get()
}
