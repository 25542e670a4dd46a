//! The lengths of x86-64 instructions and where in them addresses are.
//!
//! After the opcode maps in volume 2 of Intel's manual. Only lengths matter: a wrong one costs a few bytes
//! of a patch, never correctness, since the sweep falls into step again soon.

use super::{Finder, Kind, Place, Reference, load};

/// What follows an opcode.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Invalid,
    Prefix,
    Nothing,
    Bytes(u8),
    /// Two or four bytes, after the operand size.
    Immediate,
    /// As `Immediate`, but eight bytes with REX.W.
    Wide,
    Near,
    Far,
    Operand,
    OperandBytes(u8),
    OperandImmediate,
    /// An immediate only if the operand's middle bits are 0 or 1.
    Test(bool),
    Escape,
    Vex2,
    Vex3,
    Evex,
}

/// One instruction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Instruction {
    pub(super) length: usize,
    /// Where its address field begins, and how it holds the address.
    pub(super) field: Option<(usize, Kind)>,
}

const fn one_byte(opcode: u8) -> Form {
    use Form::*;
    match opcode {
        0x0f => Escape,
        0x26 | 0x2e | 0x36 | 0x3e | 0x64..=0x67 | 0xf0 | 0xf2 | 0xf3 => Prefix,
        0x00..=0x3f => match opcode & 7 {
            0..=3 => Operand,
            4 => Bytes(1),
            5 => Immediate,
            _ => Invalid,
        },
        0x40..=0x4f => Prefix,
        0x50..=0x5f => Nothing,
        0x60 | 0x61 => Invalid,
        0x62 => Evex,
        0x63 => Operand,
        0x68 => Immediate,
        0x69 => OperandImmediate,
        0x6a => Bytes(1),
        0x6b => OperandBytes(1),
        0x6c..=0x6f => Nothing,
        0x70..=0x7f => Near,
        0x80 | 0x83 => OperandBytes(1),
        0x81 => OperandImmediate,
        0x82 => Invalid,
        0x84..=0x8f => Operand,
        0x9a => Invalid,
        0x90..=0x9f => Nothing,
        0xa0..=0xa3 => Bytes(8),
        0xa4..=0xa7 => Nothing,
        0xa8 => Bytes(1),
        0xa9 => Immediate,
        0xaa..=0xaf => Nothing,
        0xb0..=0xb7 => Bytes(1),
        0xb8..=0xbf => Wide,
        0xc0 | 0xc1 => OperandBytes(1),
        0xc2 => Bytes(2),
        0xc4 => Vex3,
        0xc5 => Vex2,
        0xc6 => OperandBytes(1),
        0xc7 => OperandImmediate,
        0xc8 => Bytes(3),
        0xca => Bytes(2),
        0xcd => Bytes(1),
        0xce | 0xd4..=0xd6 | 0xea => Invalid,
        0xd0..=0xd3 | 0xd8..=0xdf => Operand,
        0xe0..=0xe3 => Near,
        0xe4..=0xe7 => Bytes(1),
        0xe8 | 0xe9 => Far,
        0xeb => Near,
        0xf6 => Test(false),
        0xf7 => Test(true),
        0xfe | 0xff => Operand,
        _ => Nothing,
    }
}

const fn two_bytes(opcode: u8) -> Form {
    use Form::*;
    match opcode {
        0x04 | 0x0a | 0x0c | 0x24..=0x27 | 0x39 | 0x3b..=0x3f => Invalid,
        0x05..=0x0e if opcode != 0x0d => Nothing,
        0x0f => OperandBytes(1),
        0x30..=0x37 | 0x77 | 0xa0..=0xa2 | 0xa8..=0xaa | 0xc8..=0xcf => Nothing,
        0x70..=0x73 | 0xa4 | 0xac | 0xba | 0xc2 | 0xc4..=0xc6 => OperandBytes(1),
        0x80..=0x8f => Far,
        _ => Operand,
    }
}

static ONE_BYTE: [Form; 256] = table(false);
static TWO_BYTES: [Form; 256] = table(true);

const fn table(escaped: bool) -> [Form; 256] {
    let mut table = [Form::Invalid; 256];
    let mut opcode = 0;
    while opcode < 256 {
        table[opcode] = if escaped {
            two_bytes(opcode as u8)
        } else {
            one_byte(opcode as u8)
        };
        opcode += 1;
    }
    table
}

/// How many bytes are behind the opcode or operand of an instruction without prefixes but REX.
const BYTES: u8 = 15;
const OPERAND: u8 = 1 << 4;
/// The bytes behind are where a branch leads to.
const RELATIVE: u8 = 1 << 5;
/// More must be known.
const OTHER: u8 = 1 << 7;

const fn shape(form: Form) -> u8 {
    match form {
        Form::Nothing => 0,
        Form::Bytes(count) => count,
        Form::Immediate => 4,
        Form::Near => RELATIVE | 1,
        Form::Far => RELATIVE | 4,
        Form::Operand => OPERAND,
        Form::OperandBytes(count) => OPERAND | count,
        Form::OperandImmediate => OPERAND | 4,
        _ => OTHER,
    }
}

static SHAPES: [u8; 256] = shapes(&ONE_BYTE);
static ESCAPED: [u8; 256] = {
    let mut shapes = shapes(&TWO_BYTES);
    (shapes[0x38], shapes[0x3a]) = (OTHER, OTHER);
    shapes
};

const fn shapes(forms: &[Form; 256]) -> [u8; 256] {
    let mut shapes = [0; 256];
    let mut opcode = 0;
    while opcode < 256 {
        shapes[opcode] = shape(forms[opcode]);
        opcode += 1;
    }
    shapes
}

/// The form in opcode map 1, 2, 3 or a later one.
fn in_map(map: u8, opcode: u8) -> Form {
    match map {
        1 => TWO_BYTES[usize::from(opcode)],
        3 => Form::OperandBytes(1),
        _ => Form::Operand,
    }
}

/// What is looked at of an instruction, which has at most 15 bytes. Bytes behind the code are zero.
type Window = [u8; 16];

fn byte(code: &Window, at: usize) -> u8 {
    code[at & 15]
}

#[derive(Default)]
struct Prefixes {
    short: bool,
    wide: bool,
}

/// Decodes the instruction at the start of `code`, if there is one.
pub(super) fn decode(code: &[u8]) -> Option<Instruction> {
    let found = match code.first_chunk() {
        Some(window) => decode_common(window).or_else(|| decode_in(window)),
        None => {
            let mut window = Window::default();
            window[..code.len()].copy_from_slice(code);
            decode_in(&window)
        }
    };
    found.filter(|instruction| instruction.length <= code.len().min(15))
}

/// Most instructions, with as few branches as can be: which way they go is hard to guess.
fn decode_common(code: &Window) -> Option<Instruction> {
    let prefixes = usize::from(code[0] >> 4 == 4);
    let opcode = code[prefixes];
    let (at, shape) = match opcode {
        0x0f => (prefixes + 2, ESCAPED[usize::from(code[prefixes + 1])]),
        _ => (prefixes + 1, SHAPES[usize::from(opcode)]),
    };
    if shape & OTHER != 0 {
        return None;
    }
    let behind = usize::from(shape & BYTES);
    let has_operand = shape & OPERAND != 0;
    let operand = operand_length(code, at) * usize::from(has_operand);
    let field = if shape & RELATIVE != 0 {
        let is_near = behind == 1;
        Some((
            at,
            if is_near {
                Kind::Relative8
            } else {
                Kind::Relative32(4)
            },
        ))
    } else if has_operand & is_relative(code, at) {
        Some((at + 1, Kind::Relative32(4 + behind as u8)))
    } else {
        None
    };
    Some(Instruction {
        length: at + operand + behind,
        field,
    })
}

fn decode_in(code: &Window) -> Option<Instruction> {
    let mut prefixes = Prefixes::default();
    let mut at = 0;
    let form = loop {
        let opcode = byte(code, at);
        at += 1;
        match ONE_BYTE[usize::from(opcode)] {
            Form::Prefix if at < 15 => match opcode {
                0x66 => prefixes.short = true,
                0x40..=0x4f => prefixes.wide = opcode & 8 != 0,
                _ => {}
            },
            Form::Escape => break escaped(code, &mut at),
            Form::Vex2 => break vex(code, &mut at, 1, 1)?,
            Form::Vex3 => {
                let map = byte(code, at) & 31;
                break vex(code, &mut at, 2, map)?;
            }
            Form::Evex => {
                let map = byte(code, at) & 7;
                break vex(code, &mut at, 3, map)?;
            }
            form => break form,
        }
    };
    finish(code, at, form, &prefixes)
}

fn escaped(code: &Window, at: &mut usize) -> Form {
    let opcode = byte(code, *at);
    *at += 1;
    let map = match opcode {
        0x38 => 2,
        0x3a => 3,
        _ => return TWO_BYTES[usize::from(opcode)],
    };
    let opcode = byte(code, *at);
    *at += 1;
    in_map(map, opcode)
}

fn vex(code: &Window, at: &mut usize, payload: usize, map: u8) -> Option<Form> {
    let opcode = byte(code, *at + payload);
    *at += payload + 1;
    (1..=7).contains(&map).then(|| match in_map(map, opcode) {
        Form::Far => Form::Operand,
        form => form,
    })
}

fn finish(code: &Window, at: usize, form: Form, prefixes: &Prefixes) -> Option<Instruction> {
    let immediate = if prefixes.short { 2 } else { 4 };
    let plain = |length: usize| {
        Some(Instruction {
            length: at + length,
            field: None,
        })
    };
    let relative = |length: usize, kind| {
        Some(Instruction {
            length: at + length,
            field: Some((at, kind)),
        })
    };
    match form {
        Form::Invalid | Form::Prefix | Form::Escape | Form::Vex2 | Form::Vex3 | Form::Evex => None,
        Form::Nothing => plain(0),
        Form::Bytes(count) => plain(count.into()),
        Form::Immediate => plain(immediate),
        Form::Wide => plain(if prefixes.wide { 8 } else { immediate }),
        Form::Near => relative(1, Kind::Relative8),
        Form::Far => relative(4, Kind::Relative32(4)),
        Form::Operand => Some(operand(code, at, 0)),
        Form::OperandBytes(count) => Some(operand(code, at, count.into())),
        Form::OperandImmediate => Some(operand(code, at, immediate)),
        Form::Test(wide) => {
            let with_immediate = byte(code, at) >> 3 & 7 < 2;
            let length = if wide { immediate } else { 1 };
            Some(operand(code, at, if with_immediate { length } else { 0 }))
        }
    }
}

/// The lengths of ModRM bytes with what belongs to them, unless a SIB byte says otherwise.
static OPERANDS: [u8; 256] = {
    let mut lengths = [1; 256];
    let mut byte = 0;
    while byte < 256 {
        let (mode, register) = (byte >> 6, byte & 7);
        lengths[byte] += (mode != 3 && register == 4) as u8;
        lengths[byte] += match mode {
            0 if register == 5 => 4,
            1 => 1,
            2 => 4,
            _ => 0,
        };
        byte += 1;
    }
    lengths
};

/// The length of a ModRM byte with what belongs to it.
fn operand_length(code: &Window, at: usize) -> usize {
    let (modrm, below) = (byte(code, at), byte(code, at + 1));
    let is_without_base = (modrm & 0xc7 == 4) & (below & 7 == 5);
    usize::from(OPERANDS[usize::from(modrm)] + 4 * u8::from(is_without_base))
}

/// Whether a ModRM byte says that the operand is at an address behind it.
fn is_relative(code: &Window, at: usize) -> bool {
    byte(code, at) & 0xc7 == 5
}

/// A ModRM byte, what belongs to it, and `behind` more bytes.
fn operand(code: &Window, at: usize, behind: usize) -> Instruction {
    Instruction {
        length: at + operand_length(code, at) + behind,
        field: is_relative(code, at).then_some((at + 1, Kind::Relative32(4 + behind as u8))),
    }
}

/// Finds the references of the code between two places in a file.
pub(super) fn find(finder: &mut Finder<'_>, start: u32, end: u32) {
    let analysis = &mut finder.analysis;
    let layout = &analysis.layout;
    // A section is in one segment, and so is most of what its code leads to.
    let (Some(code), Some(segment)) = (
        finder.file.get(start as usize..end as usize),
        layout.segment_at(start),
    ) else {
        return;
    };
    let mut place = Place {
        address: 0,
        image: segment.image,
        image_base: segment.image_base,
        base: 0,
    };
    let mut at = 0;
    while at < code.len() {
        let Some(instruction) = decode(&code[at..]) else {
            at += 1;
            continue;
        };
        if let Some((field, kind)) = instruction.field {
            let at = at + field;
            place.address = segment.address_of(start + at as u32);
            let bytes = code.get(at..at + kind.width()).unwrap_or(&[]);
            let target = kind.read(load(bytes), &place);
            let leads = |&target: &u32| segment.holds_address(target) || layout.holds(target);
            if let Some(target) = target.filter(leads) {
                analysis.references.push(Reference {
                    at: start + at as u32,
                    target,
                    kind,
                });
            }
        }
        at += instruction.length;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lengths(code: &[u8]) -> usize {
        decode(code).map_or(0, |instruction| instruction.length)
    }

    #[test]
    fn instructions_have_their_lengths() {
        let cases: [&[u8]; 18] = [
            &[0x55],
            &[0x48, 0x89, 0xe5],
            &[0x48, 0x83, 0xec, 0x28],
            &[0x48, 0x81, 0xec, 0, 1, 0, 0],
            &[0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8],
            &[0x66, 0xb8, 1, 2],
            &[0x8b, 0x44, 0x24, 0x10],
            &[0x8b, 0x84, 0x24, 0, 1, 0, 0],
            &[0x8b, 0x04, 0x25, 0, 1, 0, 0],
            &[0x66, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0],
            &[0xf3, 0x0f, 0x1e, 0xfa],
            &[0x66, 0x0f, 0x3a, 0x0f, 0xc1, 8],
            &[0xc5, 0xf8, 0x77],
            &[0xc4, 0xe2, 0x7d, 0x18, 0x45, 8],
            &[0xc4, 0xe3, 0x7d, 0x39, 0xc1, 1],
            &[0x62, 0xf1, 0xfe, 0x48, 0x6f, 0x46, 1],
            &[0xf6, 0x47, 8, 1],
            &[0xf7, 0xd8],
        ];
        for code in cases {
            assert_eq!(lengths(code), code.len(), "{code:02x?}");
        }
    }

    #[test]
    fn addresses_are_found_in_branches_and_operands() {
        let field = |code: &[u8]| decode(code).and_then(|instruction| instruction.field);
        assert_eq!(field(&[0xe8, 0, 0, 0, 0]), Some((1, Kind::Relative32(4))));
        assert_eq!(
            field(&[0x0f, 0x84, 0, 0, 0, 0]),
            Some((2, Kind::Relative32(4)))
        );
        assert_eq!(field(&[0x75, 0]), Some((1, Kind::Relative8)));
        assert_eq!(
            field(&[0x48, 0x8d, 0x05, 0, 0, 0, 0]),
            Some((3, Kind::Relative32(4)))
        );
        assert_eq!(
            field(&[0x80, 0x3d, 0, 0, 0, 0, 1]),
            Some((2, Kind::Relative32(5)))
        );
        assert_eq!(field(&[0x48, 0x8b, 0x45, 8]), None);
    }

    proptest! {
        #[test]
        fn common_instructions_are_decoded_as_all_are(code: [u8; 16]) {
            if let Some(instruction) = decode_common(&code) {
                prop_assert_eq!(decode_in(&code), Some(instruction));
            }
        }

        #[test]
        fn no_instruction_is_longer_than_the_code(code in prop::collection::vec(any::<u8>(), 0..20)) {
            if let Some(instruction) = decode(&code) {
                prop_assert!(instruction.length > 0 && instruction.length <= code.len());
            }
        }
    }
}
