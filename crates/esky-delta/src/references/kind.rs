//! How fields hold addresses.

use super::layout::{Layout, Segment};

/// The way in which a field holds an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Four bytes, counted from the field's address plus this many bytes.
    Relative32(u8),
    /// One byte, counted from behind itself.
    Relative8,
    /// Four bytes, counted from the base of this number.
    Based32(u32),
    /// The lower three of four bytes, counted from the base of this number.
    Based24(u32),
    /// Four bytes, counted backwards from the field to the target.
    Backwards32,
    /// Eight bytes: the address.
    Absolute64,
    /// Four bytes, counted from the start of the executable.
    Image32,
    /// The lower twelve bits of two bytes are those of the address.
    PageOffset16,
    /// The lower 36 bits of eight bytes, counted from the start of the executable.
    Chained,
    /// 26 bits of an instruction, in steps of four bytes: `b`, `bl`.
    Branch26,
    /// 19 bits of an instruction, in steps of four bytes: `b.cond`, `cbz`, `ldr`.
    Branch19,
    /// 14 bits of an instruction, in steps of four bytes: `tbz`.
    Branch14,
    /// 21 bits of an instruction: `adr`.
    Near21,
    /// 21 bits of an instruction, in pages: `adrp`. The target is what a later instruction adds up to.
    Page21,
    /// Twelve bits of an instruction, in steps of its operand's size: the place in the page of an `adrp`.
    InPage12,
}

/// What else a field's meaning depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// The address of the field.
    pub(crate) address: u32,
    /// The first address of the executable that it is in.
    pub(crate) image: u32,
    /// What the processor sees there.
    pub(crate) image_base: u64,
    /// What fields of a table count from.
    pub(crate) base: u32,
}

impl Place {
    /// The place in the file `at`. `base` is what fields that count from a base count from. What is not loaded
    /// into memory has no address, but may hold some.
    pub(crate) fn new(layout: &Layout, at: u32, base: u32) -> Option<Self> {
        Self::within(layout.segment_at(at), layout, at, base)
    }

    /// The same if it is known whether and into which segment the place is loaded.
    pub(super) fn within(
        loaded: Option<&Segment>,
        layout: &Layout,
        at: u32,
        base: u32,
    ) -> Option<Self> {
        let segment = loaded.or(layout.segments.first())?;
        let address = loaded.map_or(0, |segment| segment.address_of(at));
        Some(Self {
            address,
            image: segment.image,
            image_base: segment.image_base,
            base,
        })
    }
}

impl Kind {
    /// How many bytes a field has.
    pub(crate) fn width(self) -> usize {
        match self {
            Self::Relative8 => 1,
            Self::PageOffset16 => 2,
            Self::Absolute64 | Self::Chained => 8,
            _ => 4,
        }
    }

    /// The number of the base that the field counts from.
    pub(crate) fn base(self) -> Option<u32> {
        match self {
            Self::Based32(base) | Self::Based24(base) => Some(base),
            _ => None,
        }
    }

    /// The same with the numbers of bases counted from `first`.
    pub(crate) fn with_bases_from(self, first: u32) -> Self {
        match self {
            Self::Based32(base) => Self::Based32(base + first),
            Self::Based24(base) => Self::Based24(base + first),
            other => other,
        }
    }

    /// A small number that tells kinds apart which behave differently.
    pub(crate) fn class(self) -> usize {
        match self {
            Self::Relative32(0..=8) => 0,
            Self::Relative8 => 1,
            Self::Based32(_) => 2,
            Self::Absolute64 | Self::Chained => 3,
            Self::Branch26 => 4,
            Self::Branch19 | Self::Branch14 | Self::Near21 => 5,
            Self::Page21 => 6,
            Self::InPage12 => 7,
            Self::Image32 | Self::PageOffset16 => 8,
            Self::Relative32(_) | Self::Backwards32 | Self::Based24(_) => 9,
        }
    }

    /// The highest [`class`](Self::class) and one.
    pub(crate) const CLASSES: usize = 10;

    /// The bits of the field that hold the address.
    pub(crate) fn mask(self) -> u64 {
        match self {
            Self::Relative8 => 0xff,
            Self::PageOffset16 => 0xfff,
            Self::Based24(_) => 0xff_ffff,
            Self::Absolute64 => u64::MAX,
            Self::Chained => 0xf_ffff_ffff,
            Self::Branch26 => 0x03ff_ffff,
            Self::Branch19 => 0x00ff_ffe0,
            Self::Branch14 => 0x0007_ffe0,
            Self::Near21 | Self::Page21 => 0x60ff_ffe0,
            Self::InPage12 => 0x003f_fc00,
            _ => 0xffff_ffff,
        }
    }

    /// The address that a field holds. What depends on another field (`adrp` and what belongs to it) cannot be
    /// told from one.
    pub(crate) fn read(self, field: u64, place: &Place) -> Option<u32> {
        let field = field & self.mask();
        let forward = |distance: i64| Some(place.address.wrapping_add(distance as u32));
        match self {
            Self::Relative32(behind) => forward(field as i64 + i64::from(behind)),
            Self::Relative8 => forward(i64::from(field as i8) + 1),
            Self::Based32(_) | Self::Based24(_) => Some(place.base.wrapping_add(field as u32)),
            Self::Backwards32 => Some(place.address.wrapping_sub(field as u32)),
            Self::Absolute64 => offset(field.wrapping_sub(place.image_base), place.image),
            Self::Image32 | Self::Chained => offset(field, place.image),
            Self::Branch26 => forward(signed(field, 26) * 4),
            Self::Branch19 => forward(signed(field >> 5, 19) * 4),
            Self::Branch14 => forward(signed(field >> 5, 14) * 4),
            Self::Near21 => forward(signed(split21(field), 21)),
            Self::PageOffset16 | Self::Page21 | Self::InPage12 => None,
        }
    }

    /// Makes a field hold an address; `None` if it cannot.
    pub(crate) fn write(self, field: u64, target: u32, place: &Place) -> Option<u64> {
        let distance = i64::from(target.wrapping_sub(place.address) as i32);
        let in_image = u64::from(target.wrapping_sub(place.image));
        let bits = match self {
            Self::Relative32(behind) => distance.wrapping_sub(i64::from(behind)) as u64,
            Self::Relative8 => i8::try_from(distance - 1).ok()? as u64,
            Self::Based32(_) => u64::from(target.wrapping_sub(place.base)),
            Self::Based24(_) => fitting(u64::from(target.wrapping_sub(place.base)), 24)?,
            Self::Backwards32 => distance.wrapping_neg() as u64,
            Self::Absolute64 => in_image.wrapping_add(place.image_base),
            Self::Image32 | Self::Chained => in_image,
            Self::PageOffset16 => u64::from(target),
            Self::Branch26 => steps(distance, 26)?,
            Self::Branch19 => steps(distance, 19)? << 5,
            Self::Branch14 => steps(distance, 14)? << 5,
            Self::Near21 => join21(in_range(distance, 21)?),
            Self::Page21 => {
                let pages = i64::from(target >> 12) - i64::from(place.address >> 12);
                join21(in_range(pages, 21)?)
            }
            Self::InPage12 => {
                let scale = operand_scale(field as u32);
                let place = target & 0xfff;
                (place.trailing_zeros() >= scale).then_some(u64::from(place >> scale) << 10)?
            }
        };
        let mask = self.mask();
        Some(field & !mask | bits & mask)
    }

    /// A field in which equal addresses look equal, wherever the field is; but what is near counts from `address`,
    /// because both ends of short jumps move together.
    pub(crate) fn label(self, field: u64, target: u32, address: u32) -> u64 {
        let mask = self.mask();
        let target = u64::from(target);
        let bits = match self {
            Self::Relative8 => target.wrapping_sub(u64::from(address)),
            Self::Branch26 => target >> 2,
            Self::Branch19 | Self::Branch14 => target >> 2 << 5,
            Self::Near21 => join21(target),
            Self::Page21 => join21(target >> 12),
            Self::InPage12 => (target & 0xfff) >> operand_scale(field as u32) << 10,
            _ => target,
        };
        field & !mask | bits & mask
    }
}

/// Log2 of the size that the offset of an `add`, load or store is counted in.
pub(super) fn operand_scale(word: u32) -> u32 {
    if word & 0x1f00_0000 == 0x1100_0000 {
        return 0;
    }
    let wide = word & 0x0480_0000 == 0x0480_0000;
    if wide { 4 } else { word >> 30 }
}

fn offset(value: u64, image: u32) -> Option<u32> {
    image.checked_add(u32::try_from(value).ok()?)
}

fn signed(value: u64, bits: u32) -> i64 {
    ((value << (64 - bits)) as i64) >> (64 - bits)
}

fn in_range(value: i64, bits: u32) -> Option<u64> {
    let half = 1i64 << (bits - 1);
    (-half..half).contains(&value).then_some(value as u64)
}

fn fitting(value: u64, bits: u32) -> Option<u64> {
    (value >> bits == 0).then_some(value)
}

fn steps(distance: i64, bits: u32) -> Option<u64> {
    if distance & 3 != 0 {
        return None;
    }
    Some(in_range(distance >> 2, bits)? & ((1 << bits) - 1))
}

fn split21(field: u64) -> u64 {
    (field >> 29 & 3) | (field >> 3 & 0x1f_fffc)
}

fn join21(value: u64) -> u64 {
    (value & 3) << 29 | (value & 0x1f_fffc) << 3
}

/// A field's bytes as a number.
pub(crate) fn load(bytes: &[u8]) -> u64 {
    if let Ok(bytes) = bytes.try_into() {
        return u32::from_le_bytes(bytes).into();
    }
    bytes
        .iter()
        .rev()
        .fold(0, |number, &byte| number << 8 | u64::from(byte))
}

/// The reverse of [`load`].
pub(crate) fn store(bytes: &mut [u8], number: u64) {
    if let Ok(bytes) = <&mut [u8; 4]>::try_from(&mut *bytes) {
        *bytes = (number as u32).to_le_bytes();
        return;
    }
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = (number >> (8 * place)) as u8;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLACE: Place = Place {
        address: 0x12340,
        image: 0x1000,
        image_base: 0x1_8000_0000,
        base: 0x20000,
    };

    const ALL: [Kind; 12] = [
        Kind::Relative32(4),
        Kind::Relative8,
        Kind::Based32(0),
        Kind::Based24(0),
        Kind::Backwards32,
        Kind::Absolute64,
        Kind::Image32,
        Kind::Chained,
        Kind::Branch26,
        Kind::Branch19,
        Kind::Branch14,
        Kind::Near21,
    ];

    proptest! {
        #[test]
        fn what_is_read_is_written_back(kind in 0..ALL.len(), field: u64) {
            let kind = ALL[kind];
            let field = if kind.width() == 8 { field } else { field & ((1 << (8 * kind.width())) - 1) };
            if let Some(target) = kind.read(field, &PLACE) {
                prop_assert_eq!(kind.write(field, target, &PLACE), Some(field), "{:?} {:x}", kind, target);
            }
        }

        #[test]
        fn bits_that_hold_no_address_stay(kind in 0..ALL.len(), field: u64, target: u32) {
            let kind = ALL[kind];
            if let Some(written) = kind.write(field, target, &PLACE) {
                prop_assert_eq!(written & !kind.mask(), field & !kind.mask());
            }
            prop_assert_eq!(kind.label(field, target, 0) & !kind.mask(), field & !kind.mask());
        }
    }

    #[test]
    fn the_parts_of_an_address_go_to_two_instructions() {
        // adrp x0, 1 page ahead; ldr x1, [x0, #0x10]; ldr q1, [x0, #0x10]; add x0, x0, #0x10
        let target = 0x13010;
        assert_eq!(
            Kind::Page21.write(0x9000_0000, target, &PLACE),
            Some(0xb000_0000)
        );
        assert_eq!(
            Kind::InPage12.write(0xf940_0001, target, &PLACE),
            Some(0xf940_0801)
        );
        assert_eq!(
            Kind::InPage12.write(0x3dc0_0001, target, &PLACE),
            Some(0x3dc0_0401)
        );
        assert_eq!(
            Kind::InPage12.write(0x9100_0000, target, &PLACE),
            Some(0x9100_4000)
        );
        assert_eq!(Kind::InPage12.write(0xf940_0001, target + 4, &PLACE), None);
    }
}
