//! What the standard library would otherwise bring: memory from C, and a panic that is one line and exit code 127.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicUsize, Ordering};
use esky_bootstrap::platform::EXIT_CANNOT_START;

// Only the standard library would name these to the linker.
#[cfg(target_env = "gnu")]
#[link(name = "gcc_eh")]
#[link(name = "gcc")]
unsafe extern "C" {}
#[cfg(unix)]
#[link(name = "c")]
unsafe extern "C" {}

/// The compiled parts of `core` and `alloc` name this function in tables for unwinding, which never happens here.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// As above; musl's C library does not bring it.
#[cfg(target_env = "musl")]
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    end()
}

/// What `malloc` aligns to on every platform that is supported.
const MALLOC_ALIGNMENT: usize = 2 * size_of::<usize>();
/// Enough for nearly every start; pages that are not used cost nothing.
const ARENA_SIZE: usize = 256 * 1024;

/// Memory for a process that lives less than a millisecond and has one thread: taken from a fixed arena, from C only
/// when that is full. It spares the system calls of a heap that grows.
struct Memory {
    arena: UnsafeCell<[u8; ARENA_SIZE]>,
    used: AtomicUsize,
}

#[global_allocator]
static MEMORY: Memory = Memory {
    arena: UnsafeCell::new([0; ARENA_SIZE]),
    used: AtomicUsize::new(0),
};

// SAFETY: parts of the arena are given out only once at a time, by an atomic counter.
unsafe impl Sync for Memory {}

impl Memory {
    fn arena_start(&self) -> usize {
        self.arena.get().addr()
    }

    fn in_arena(&self, pointer: *mut u8) -> bool {
        (self.arena_start()..self.arena_start() + ARENA_SIZE).contains(&pointer.addr())
    }

    /// The next free part of the arena, or `None` if it is full.
    fn take(&self, layout: Layout) -> Option<*mut u8> {
        let used = self.used.load(Ordering::Relaxed);
        let unaligned = self.arena_start() + used;
        let start = unaligned.checked_next_multiple_of(layout.align())? - self.arena_start();
        let end = start
            .checked_add(layout.size())
            .filter(|end| *end <= ARENA_SIZE)?;
        self.used
            .compare_exchange(used, end, Ordering::Relaxed, Ordering::Relaxed)
            .ok()?;
        // SAFETY: `start` is inside the arena.
        Some(unsafe { self.arena.get().cast::<u8>().add(start) })
    }
}

// SAFETY: every block is aligned, as large as asked for, and no other's, whether from the arena or from malloc.
unsafe impl GlobalAlloc for Memory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match self.take(layout) {
            Some(block) => block,
            None if layout.align() > MALLOC_ALIGNMENT => core::ptr::null_mut(),
            // SAFETY: any size is allowed.
            None => unsafe { libc::malloc(layout.size()).cast() },
        }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if !self.in_arena(pointer) {
            // SAFETY: the pointer came from malloc.
            return unsafe { libc::free(pointer.cast()) };
        }
        // The newest block can be used again, others cannot.
        let start = pointer.addr() - self.arena_start();
        let _ = self.used.compare_exchange(
            start + layout.size(),
            start,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
    }
}

#[panic_handler]
fn panic(_information: &core::panic::PanicInfo<'_>) -> ! {
    end()
}

fn end() -> ! {
    const MESSAGE: &[u8] = b"esky: internal error in the start-up program\n";
    // SAFETY: pointer and length are those of the message.
    unsafe {
        libc::write(2, MESSAGE.as_ptr().cast(), MESSAGE.len() as _);
        libc::_exit(EXIT_CANNOT_START)
    }
}
