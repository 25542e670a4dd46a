//! Numbers from anywhere in a file, or nothing.

/// Reads little-endian numbers at places in a file.
pub(super) trait ReadAt {
    fn array<const SIZE: usize>(&self, at: u64) -> Option<[u8; SIZE]>;

    fn u8(&self, at: u64) -> Option<u8> {
        self.array::<1>(at).map(|[byte]| byte)
    }

    fn u16(&self, at: u64) -> Option<u16> {
        self.array(at).map(u16::from_le_bytes)
    }

    fn u32(&self, at: u64) -> Option<u32> {
        self.array(at).map(u32::from_le_bytes)
    }

    fn u64(&self, at: u64) -> Option<u64> {
        self.array(at).map(u64::from_le_bytes)
    }
}

impl ReadAt for [u8] {
    fn array<const SIZE: usize>(&self, at: u64) -> Option<[u8; SIZE]> {
        let rest = self.get(usize::try_from(at).ok()?..)?;
        rest.first_chunk().copied()
    }
}
