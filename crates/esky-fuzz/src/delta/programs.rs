//! Executables as small as they can be that have something of what is looked for in them.

/// Bytes at their places; what is between them is zero.
struct Image(Vec<u8>);

impl Image {
    fn put(&mut self, at: usize, bytes: &[u8]) {
        let end = at + bytes.len();
        if self.0.len() < end {
            self.0.resize(end, 0);
        }
        self.0[at..end].copy_from_slice(bytes);
    }

    fn halves(&mut self, at: usize, values: &[u16]) {
        self.numbers(at, values.iter().map(|value| value.to_le_bytes()));
    }

    fn words(&mut self, at: usize, values: &[u32]) {
        self.numbers(at, values.iter().map(|value| value.to_le_bytes()));
    }

    fn longs(&mut self, at: usize, values: &[u64]) {
        self.numbers(at, values.iter().map(|value| value.to_le_bytes()));
    }

    fn numbers<const N: usize>(&mut self, at: usize, values: impl Iterator<Item = [u8; N]>) {
        self.put(at, &values.flatten().collect::<Vec<u8>>());
    }
}

/// Calls, jumps and addresses, for x86-64 and for arm64.
fn code(is_arm: bool) -> Vec<u8> {
    if is_arm {
        let words = [
            0x9400_0004_u32,
            0xb000_0000,
            0x9100_4000,
            0xf940_0400,
            0x1400_0002,
            0xd65f_03c0,
        ];
        return words
            .repeat(4)
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect();
    }
    let lines: [&[u8]; 6] = [
        &[0xe8, 0x10, 0, 0, 0],
        &[0x48, 0x8d, 0x05, 0x20, 0, 0, 0],
        &[0x48, 0x63, 0x04, 0x88, 0x48, 0x01, 0xc8, 0xff, 0xe0],
        &[0x0f, 0x84, 8, 0, 0, 0],
        &[0xe9, 0xf0, 0xff, 0xff, 0xff],
        &[0xc3],
    ];
    lines.concat().repeat(3)
}

/// ELF: code, relocations in both forms, symbols with their names, unwinding tables, the dynamic section.
pub(super) fn elf(machine: u16) -> Vec<u8> {
    const SECTIONS: usize = 0x600;
    let mut image = Image(Vec::new());
    image.put(0, b"\x7fELF\x02\x01\x01");
    image.halves(16, &[3, machine]);
    image.longs(32, &[64, SECTIONS as u64]);
    image.halves(52, &[64, 56, 2, 64, 8]);
    image.words(64, &[1, 5]);
    image.longs(72, &[0, 0, 0, 0x600, 0x600, 0x1000]);
    image.words(120, &[0x6474_e550, 4]);
    image.longs(128, &[0x400, 0x400, 0x400, 0x20, 0x20, 4]);
    image.put(0x100, &code(machine == 183));
    let relative = if machine == 183 { 1027 } else { 8 };
    image.longs(0x200, &[0x500, relative, 0x110, 0x508, relative, 0x120]);
    image.longs(0x240, &[0x510, 0b1011]);
    image.words(0x260, &[0, 0, 0, 0, 0, 0, 1, 0x0001_0012, 0x100, 0, 4, 0]);
    image.put(0x2a0, b"\0name\0");
    image.words(0x400, &[0x3b03_1b01, 0x3c, 1, 0xffff_fd00, 0x44]);
    image.words(
        0x440,
        &[
            0x14,
            0,
            0x0052_7a01,
            0x0110_7801,
            0x0708_0c1b,
            0x0190,
            0x10,
            0x1c,
        ],
    );
    image.words(0x460, &[0xffff_fca0, 0x20, 0, 0]);
    image.longs(0x500, &[0x110, 0x120, 0x130, 0x140, 4, 0x260, 5, 0x2a0]);
    let sections: [(u32, u64, u64, u64, u32); 8] = [
        (0, 0, 0, 0, 0),
        (1, 6, 0x100, 0x60, 0),
        (4, 2, 0x200, 0x30, 0),
        (19, 2, 0x240, 0x10, 0),
        (11, 2, 0x260, 0x30, 5),
        (3, 2, 0x2a0, 6, 0),
        (1, 2, 0x400, 0x80, 0),
        (6, 3, 0x520, 0x20, 5),
    ];
    for (number, (kind, flags, at, size, link)) in sections.into_iter().enumerate() {
        let entry = SECTIONS + 64 * number;
        image.words(entry, &[0, kind]);
        image.longs(entry + 8, &[flags, at, at, size]);
        image.words(entry + 40, &[link, 0]);
    }
    image.put(SECTIONS + 64 * 8 - 1, &[0]);
    image.0
}

/// PE: code, relocations, exports, imports, functions with their unwinding rules.
pub(super) fn pe(machine: u16) -> Vec<u8> {
    const OPTIONAL: usize = 0x58;
    let mut image = Image(b"MZ".to_vec());
    image.words(0x3c, &[0x40]);
    image.put(0x40, b"PE\0\0");
    image.halves(0x44, &[machine, 2]);
    image.halves(0x54, &[240, 0x2022]);
    image.halves(OPTIONAL, &[0x20b]);
    image.words(OPTIONAL + 16, &[0x200]);
    image.longs(OPTIONAL + 24, &[0x1_8000_0000]);
    image.words(OPTIONAL + 56, &[0x1000, 0x200]);
    image.words(OPTIONAL + 108, &[16]);
    let directories = [
        (0, 0x400, 0x40),
        (1, 0x440, 0x28),
        (3, 0x480, 24),
        (5, 0x4a0, 12),
        (10, 0x500, 0x70),
    ];
    for (number, at, size) in directories {
        image.words(OPTIONAL + 112 + 8 * number, &[at, size]);
    }
    let sections = [(0x200, 0x200, 0x6000_0020), (0x400, 0x400, 0x4000_0040)];
    for (number, (at, size, flags)) in sections.into_iter().enumerate() {
        let entry = OPTIONAL + 240 + 40 * number;
        image.words(entry + 8, &[size, at, size, at]);
        image.words(entry + 36, &[flags]);
    }
    image.put(0x200, &code(machine == 0xaa64));
    image.words(0x400 + 12, &[0x430, 1, 1, 1, 0x428, 0x42c, 0x42e]);
    image.words(0x428, &[0x210, 0x430]);
    image.words(0x440, &[0x470, 0, 0, 0x430, 0x478]);
    image.longs(0x470, &[0x430, 0x430]);
    image.words(0x480, &[0x200, 0x210, 0x4c0, 0x210, 0x230, 0x4c0]);
    image.words(0x4a0, &[0x400, 12]);
    image.halves(0x4a8, &[0xa0d0, 0xa0d8]);
    image.put(0x4c0, &[0x19, 4, 2, 0, 4, 0x42, 0, 0, 0x10, 2, 0, 0]);
    image.longs(0x4d0, &[0x1_8000_0210, 0x1_8000_0220]);
    image.words(0x500, &[0x70]);
    image.longs(0x500 + 128, &[0x1_8000_04e0, 1]);
    image.words(0x4e0, &[0x210]);
    image.put(0x7ff, &[0]);
    image.0
}

/// Mach-O: code, chained pointers, unwinding rules, symbols.
pub(super) fn mach_o(machine: u32) -> Vec<u8> {
    const BASE: u64 = 0x1_0000_0000;
    let mut image = Image(Vec::new());
    image.words(0, &[0xfeed_facf, machine, 0, 2, 4, 0x300]);
    let is_arm = machine == 0x0100_000c;
    image.words(32, &[0x19, 72 + 160]);
    image.put(40, b"__TEXT");
    image.longs(56, &[BASE, 0x500, 0, 0x500]);
    image.words(32 + 64, &[2]);
    section(
        &mut image,
        104,
        [b"__text", b"__TEXT"],
        BASE + 0x300,
        [0x60, 0x300, 0x8000_0400],
    );
    section(
        &mut image,
        184,
        [b"__unwind_info", b"__TEXT"],
        BASE + 0x400,
        [0x60, 0x400, 0],
    );
    let data = 264;
    image.words(data, &[0x19, 152]);
    image.put(data + 8, b"__DATA");
    image.longs(data + 24, &[BASE + 0x500, 0x80, 0x500, 0x80]);
    image.words(data + 64, &[1]);
    section(
        &mut image,
        data + 72,
        [b"__data", b"__DATA"],
        BASE + 0x500,
        [0x80, 0x500, 0],
    );
    image.words(data + 152, &[0x8000_0034, 16, 0x580, 0x60]);
    image.words(data + 168, &[2, 24, 0x600, 2, 0x640, 0x20]);
    image.put(0x300, &code(is_arm));
    image.words(0x400, &[1, 0x1c, 0, 0x1c, 0, 0x20, 2]);
    image.words(0x420, &[0x300, 0x40, 0x38, 0x350, 0, 0x38]);
    image.words(0x440, &[2, 0x0001_0008, 0x300, 0x0100_0000]);
    image.longs(0x500, &[2 << 51 | 0x310, 0x320]);
    image.words(0x580, &[0, 0x20]);
    image.words(0x5a0, &[2, 0, 0xc]);
    image.words(0x5ac, &[0x18]);
    image.halves(0x5b0, &[0x1000, 6]);
    image.longs(0x5b4, &[0x500]);
    image.words(0x5bc, &[0]);
    image.halves(0x5c0, &[1, 0]);
    image.words(0x600, &[1, 0x010e]);
    image.longs(0x608, &[BASE + 0x300]);
    image.put(0x640, b"\0_name\0");
    image.put(0x65f, &[0]);
    image.0
}

fn section(
    image: &mut Image,
    at: usize,
    names: [&[u8]; 2],
    address: u64,
    [size, place, flags]: [u32; 3],
) {
    image.put(at, names[0]);
    image.put(at + 16, names[1]);
    image.longs(at + 32, &[address, size.into()]);
    image.words(at + 48, &[place]);
    image.words(at + 64, &[flags, 0, 0, 0]);
}

/// Several executables in one file.
pub(super) fn fat(slices: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Image(0xcafe_babe_u32.to_be_bytes().to_vec());
    file.put(4, &(slices.len() as u32).to_be_bytes());
    for (number, slice) in slices.iter().enumerate() {
        let at = 0x1000 * (number + 1);
        let entry = [0, 0, at as u32, slice.len() as u32, 12].map(u32::to_be_bytes);
        file.put(8 + 20 * number, &entry.concat());
        file.put(at, slice);
    }
    file.0
}
