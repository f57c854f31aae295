//! The processor's memory: one zeroed, 64-byte aligned block per lifetime class.
use crate::{DeviceError, Memory};
use esper_codegen::Class;
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::any::Any;
use std::ptr::NonNull;

/// Bytes that every arena, and every buffer in it, is aligned to: a cache line, and the widest vector.
pub const ALIGNMENT: usize = 64;

/// A zeroed block of bytes.
pub struct Arena {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: an arena owns its block as a Vec does; nothing else refers to it.
unsafe impl Send for Arena {}
// SAFETY: a shared reference only gives the address and reads.
unsafe impl Sync for Arena {}

impl Arena {
    /// A zeroed block, or `None` where there is no room.
    pub fn new(bytes: usize) -> Option<Arena> {
        let layout = Layout::from_size_align(bytes.max(ALIGNMENT), ALIGNMENT).ok()?;
        // SAFETY: the layout's size is not zero.
        let start = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        Some(Arena { start, bytes })
    }
    /// The first byte's address.
    pub fn start(&self) -> *mut u8 {
        self.start.as_ptr()
    }
    /// How many bytes.
    pub fn len(&self) -> usize {
        self.bytes
    }
    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        // SAFETY: the block has `bytes` initialised bytes and lives as long as self.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.bytes) }
    }
    /// The bytes.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        // SAFETY: as above, and self is borrowed alone.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.bytes) }
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        let layout = Layout::from_size_align(self.bytes.max(ALIGNMENT), ALIGNMENT).expect("the layout it was made with");
        // SAFETY: the block was allocated with this layout and is freed once.
        unsafe { dealloc(self.start.as_ptr(), layout) }
    }
}

/// The processor's arenas.
pub struct CpuMemory {
    arenas: [Arena; 7],
}

impl CpuMemory {
    /// Zeroed arenas of these sizes.
    ///
    /// # Errors
    /// Not enough memory.
    pub fn new(bytes: [usize; 7]) -> Result<CpuMemory, DeviceError> {
        let mut arenas = Vec::with_capacity(7);
        for (class, size) in Class::ALL.into_iter().zip(bytes) {
            arenas.push(Arena::new(size).ok_or(DeviceError::OutOfMemory { arenas: bytes, class })?);
        }
        let Ok(arenas) = arenas.try_into() else { unreachable!("seven classes give seven arenas") };
        Ok(CpuMemory { arenas })
    }
    /// Where each arena begins.
    pub fn starts(&self) -> [*mut u8; 7] {
        std::array::from_fn(|n| self.arenas[n].start())
    }
    /// The bytes of an arena.
    pub fn arena(&self, class: Class) -> &[u8] {
        self.arenas[class as usize].as_slice()
    }
    fn range(&self, class: Class, offset: usize, bytes: usize) -> Result<std::ops::Range<usize>, DeviceError> {
        let available = self.bytes(class);
        match offset.checked_add(bytes) {
            Some(end) if end <= available => Ok(offset..end),
            _ => Err(DeviceError::OutOfRange { class, offset, bytes, available }),
        }
    }
}

impl Memory for CpuMemory {
    fn bytes(&self, class: Class) -> usize {
        self.arenas[class as usize].len()
    }
    fn write(&mut self, class: Class, offset: usize, bytes: &[u8]) -> Result<(), DeviceError> {
        let range = self.range(class, offset, bytes.len())?;
        self.arenas[class as usize].as_mut_slice()[range].copy_from_slice(bytes);
        Ok(())
    }
    fn read(&self, class: Class, offset: usize, bytes: &mut [u8]) -> Result<(), DeviceError> {
        let range = self.range(class, offset, bytes.len())?;
        bytes.copy_from_slice(&self.arenas[class as usize].as_slice()[range]);
        Ok(())
    }
    fn grow(&mut self, arenas: [usize; 7]) -> Result<(), DeviceError> {
        // All new blocks are there before any old one goes.
        let mut grown: [Option<Arena>; 7] = [const { None }; 7];
        for class in Class::ALL {
            let (wanted, old) = (arenas[class as usize], &self.arenas[class as usize]);
            if wanted > old.len() {
                let mut arena = Arena::new(wanted).ok_or(DeviceError::OutOfMemory { arenas, class })?;
                arena.as_mut_slice()[..old.len()].copy_from_slice(old.as_slice());
                grown[class as usize] = Some(arena);
            }
        }
        for (arena, new) in self.arenas.iter_mut().zip(grown) {
            if let Some(new) = new {
                *arena = new;
            }
        }
        Ok(())
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arenas_are_zeroed_aligned_and_keep_what_they_hold_when_they_grow() {
        let mut memory = CpuMemory::new([100, 0, 0, 0, 24, 0, 0]).expect("room");
        assert!(memory.starts().iter().all(|s| s.addr() % ALIGNMENT == 0));
        memory.write(Class::Parameters, 96, &[1, 2, 3, 4]).expect("in range");
        memory.grow([200, 0, 0, 0, 8, 64, 0]).expect("room");
        let mut bytes = [9; 8];
        memory.read(Class::Parameters, 96, &mut bytes).expect("in range");
        assert_eq!(bytes, [1, 2, 3, 4, 0, 0, 0, 0]);
        assert_eq!((memory.bytes(Class::Scalars), memory.bytes(Class::Exchange)), (24, 64));
    }

    #[test]
    fn ranges_outside_and_impossible_sizes_are_errors_that_change_nothing() {
        let mut memory = CpuMemory::new([8; 7]).expect("room");
        let error = memory.write(Class::States, 6, &[1, 2, 3]);
        assert_eq!(error, Err(DeviceError::OutOfRange { class: Class::States, offset: 6, bytes: 3, available: 8 }));
        assert!(memory.read(Class::States, usize::MAX, &mut [0]).is_err());
        let wanted = [16, isize::MAX as usize - 4096, 8, 8, 8, 8, 8];
        assert!(matches!(memory.grow(wanted), Err(DeviceError::OutOfMemory { class: Class::States, .. })));
        assert_eq!(memory.bytes(Class::Parameters), 8);
        assert!(CpuMemory::new(wanted).is_err());
    }
}
