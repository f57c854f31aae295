//! The vector instruction sets that the library kernels are written for, and the choice of one at start.

/// A vector instruction set. It is part of every plan: results may differ between instruction sets (another
/// order of the same sums, fused or separate multiply and add), never between numbers of threads.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InstructionSet {
    /// Plain Rust loops, for every processor.
    Portable,
    /// x86-64 with AVX2 and FMA: 8 lanes, 16 registers.
    Avx2,
    /// x86-64 with AVX-512 F: 16 lanes, 32 registers, masks.
    Avx512,
}

impl InstructionSet {
    /// The widest set that this processor and operating system support.
    pub fn detect() -> InstructionSet {
        *InstructionSet::available().last().unwrap_or(&InstructionSet::Portable)
    }

    /// Every set that this processor can run, narrowest first.
    pub fn available() -> &'static [InstructionSet] {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                if is_x86_feature_detected!("avx512f") {
                    return &[InstructionSet::Portable, InstructionSet::Avx2, InstructionSet::Avx512];
                }
                return &[InstructionSet::Portable, InstructionSet::Avx2];
            }
        }
        &[InstructionSet::Portable]
    }

    /// Whether this processor can run the set.
    pub fn is_available(self) -> bool {
        InstructionSet::available().contains(&self)
    }
}

/// Defines `name`, a function that runs `body` compiled for the instruction set of its first argument: the compiler
/// vectorises the same loops for AVX-512, AVX2 or the base set.
///
/// SAFETY: each function it makes asks of its caller what `body` asks, and that the instruction set is available.
macro_rules! multiversion {
    ($(#[$meta:meta])* $visibility:vis unsafe fn $name:ident($($argument:ident: $type:ty),* $(,)?) = $body:path;) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments)]
        $visibility unsafe fn $name(instruction_set: $crate::cpu::instruction_set::InstructionSet, $($argument: $type),*) {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx2,fma")]
                #[allow(clippy::too_many_arguments)]
                unsafe fn avx512($($argument: $type),*) {
                    // SAFETY: the caller's promise is passed on unchanged.
                    unsafe { $body($($argument),*) }
                }
                #[target_feature(enable = "avx2,fma")]
                #[allow(clippy::too_many_arguments)]
                unsafe fn avx2($($argument: $type),*) {
                    // SAFETY: the caller's promise is passed on unchanged.
                    unsafe { $body($($argument),*) }
                }
                match instruction_set {
                    // SAFETY: plans hold only available instruction sets; the rest is the caller's promise.
                    $crate::cpu::instruction_set::InstructionSet::Avx512 => return unsafe { avx512($($argument),*) },
                    // SAFETY: as above.
                    $crate::cpu::instruction_set::InstructionSet::Avx2 => return unsafe { avx2($($argument),*) },
                    $crate::cpu::instruction_set::InstructionSet::Portable => {}
                }
            }
            let _ = instruction_set;
            // SAFETY: the caller's promise is passed on unchanged.
            unsafe { $body($($argument),*) }
        }
    };
}
pub(crate) use multiversion;

/// A raw pointer that the slices of one parallel run share. Each slice reads and writes only its own part of what it
/// points to, which the code that makes the slices ensures.
#[derive(Copy, Clone)]
pub(crate) struct Shared<T>(T);

impl<T: Copy> Shared<T> {
    /// Wraps `pointer` for the slices of one run.
    pub(crate) fn new(pointer: T) -> Self {
        Shared(pointer)
    }

    /// The pointer. A method, so that closures capture the wrapper and not the bare pointer in it.
    #[inline(always)]
    pub(crate) fn get(&self) -> T {
        self.0
    }
}

// SAFETY: the wrapper only carries an address; every dereference is in unsafe code whose slices are disjoint.
unsafe impl<T> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Shared<T> {}
