//! The new executable's layout as a stream: how it differs from the old one's.

use crate::error::Result;
use crate::references::{Layout, MOST_SEGMENTS, Segment};
use crate::streams::varint::{Reader, put, put_signed};

/// How errors name the stream.
pub(crate) const NAME: &str = "the layout";

/// Writes a layout.
pub(crate) fn write(old: &Layout, new: &Layout) -> Vec<u8> {
    let mut bytes = Vec::new();
    if old == new {
        return bytes;
    }
    put(&mut bytes, new.segments.len() as u64);
    for (index, segment) in new.segments.iter().enumerate() {
        let before = old.segments.get(index).copied().unwrap_or_default();
        for (new, old) in fields(segment).into_iter().zip(fields(&before)) {
            put_signed(&mut bytes, i64::from(new) - i64::from(old));
        }
        put_signed(
            &mut bytes,
            segment.image_base.wrapping_sub(before.image_base) as i64,
        );
    }
    bytes
}

/// Reads a layout.
pub(crate) fn read(old: &Layout, bytes: &[u8]) -> Result<Layout> {
    if bytes.is_empty() {
        return Ok(old.clone());
    }
    let mut reader = Reader::new(bytes, NAME);
    let count = reader.number_to(MOST_SEGMENTS as u64)?;
    let mut layout = Layout::default();
    for index in 0..count as usize {
        let before = old.segments.get(index).copied().unwrap_or_default();
        let mut values = fields(&before);
        for value in &mut values {
            *value = value.wrapping_add(reader.signed()? as u32);
        }
        let [file, file_size, address, memory_size, image] = values;
        let image_base = before.image_base.wrapping_add(reader.signed()? as u64);
        layout.segments.push(Segment {
            file,
            file_size,
            address,
            memory_size,
            image,
            image_base,
        });
    }
    reader.finish()?;
    Ok(layout)
}

fn fields(segment: &Segment) -> [u32; 5] {
    [
        segment.file,
        segment.file_size,
        segment.address,
        segment.memory_size,
        segment.image,
    ]
}
