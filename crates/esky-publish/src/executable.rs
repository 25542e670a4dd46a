//! What the first bytes of a file say about it: a program or not, and for which platform.

/// Enough of a file for every question asked here.
pub(crate) const HEAD_SIZE: u64 = 4096;

/// A file that the system can start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Executable {
    /// Machine code for one platform, in the spelling of package names.
    Native(String),
    /// A script for an interpreter, at home on every Unix.
    Script,
}

/// Reads the head of the file called `name`. Libraries are not executables.
pub(crate) fn inspect(name: &str, head: &[u8]) -> Option<Executable> {
    match head {
        [0x7f, b'E', b'L', b'F', ..] => elf(name, head),
        [b'M', b'Z', ..] => pe(name, head),
        [0xcf, 0xfa, 0xed, 0xfe, ..] => mach_o(head),
        [0xca, 0xfe, 0xba, 0xbe, ..] => universal(head),
        [b'#', b'!', ..] => Some(Executable::Script),
        _ => None,
    }
}

/// Whether a program for `program` can be in a package for `package`. What a Mac program needs of
/// the system stands in the middle of the platform's name and is the developer's to say.
pub(crate) fn fits(program: &str, package: &str) -> bool {
    if !program.starts_with("macosx-") {
        return program == package;
    }
    let machine = |platform: &str| platform.rsplit('-').next().map(str::to_owned);
    package.starts_with("macosx-")
        && (machine(program) == machine(package) || program.ends_with("-universal2"))
}

fn native(platform: &str) -> Option<Executable> {
    Some(Executable::Native(platform.to_owned()))
}

fn elf(name: &str, head: &[u8]) -> Option<Executable> {
    const FIXED: u16 = 2;
    const SHARED: u16 = 3;
    let wide = *head.get(4)? == 2;
    let big_endian = *head.get(5)? == 2;
    let number = |at: usize| -> Option<u16> {
        let bytes = [*head.get(at)?, *head.get(at + 1)?];
        Some(if big_endian {
            u16::from_be_bytes(bytes)
        } else {
            u16::from_le_bytes(bytes)
        })
    };
    let entry = head.get(24..if wide { 32 } else { 28 })?;
    let starts = entry.iter().any(|byte| *byte != 0);
    // A position-independent program is a shared object too; old linkers give libraries an entry.
    let program = match number(16)? {
        FIXED => true,
        SHARED => starts && !is_library_name(name),
        _ => false,
    };
    if !program {
        return None;
    }
    let machine = match (number(18)?, wide) {
        (62, true) => "x86_64".to_owned(),
        (62, false) => "x32".to_owned(),
        (183, _) => "aarch64".to_owned(),
        (3, _) => "i686".to_owned(),
        (40, _) => "armv7l".to_owned(),
        (243, true) => "riscv64".to_owned(),
        (21, _) if !big_endian => "ppc64le".to_owned(),
        (22, true) => "s390x".to_owned(),
        (other, _) => format!("machine{other}"),
    };
    native(&format!("linux-{machine}"))
}

fn is_library_name(name: &str) -> bool {
    name.ends_with(".so") || name.contains(".so.")
}

fn pe(name: &str, head: &[u8]) -> Option<Executable> {
    const IMAGE: u16 = 0x0002;
    const LIBRARY: u16 = 0x2000;
    let at = usize::try_from(u32::from_le_bytes(*head.get(0x3c..)?.first_chunk()?)).ok()?;
    let header = head.get(at..)?.strip_prefix(b"PE\0\0")?;
    let machine = u16::from_le_bytes(*header.first_chunk()?);
    let flags = u16::from_le_bytes(*header.get(18..)?.first_chunk()?);
    let named = name.to_ascii_lowercase().ends_with(".exe");
    if flags & IMAGE == 0 || flags & LIBRARY != 0 || !named {
        return None;
    }
    match machine {
        0x8664 => native("win-amd64"),
        0x014c => native("win32"),
        0xaa64 => native("win-arm64"),
        other => native(&format!("win-machine{other:x}")),
    }
}

fn mach_o(head: &[u8]) -> Option<Executable> {
    const PROGRAM: u32 = 2;
    let number = |at: usize| Some(u32::from_le_bytes(*head.get(at..)?.first_chunk()?));
    if number(12)? != PROGRAM {
        return None;
    }
    match number(4)? {
        0x0100_0007 => native("macosx-10_9-x86_64"),
        0x0100_000c => native("macosx-11_0-arm64"),
        other => native(&format!("macosx-11_0-machine{other:x}")),
    }
}

/// Several Mac programs in one file. The parts lie further back; a library is told by its name.
fn universal(head: &[u8]) -> Option<Executable> {
    // Java classes start alike, with a version where the number of parts would be.
    let parts = u32::from_be_bytes(*head.get(4..)?.first_chunk()?);
    (1..=8)
        .contains(&parts)
        .then(|| Executable::Native("macosx-10_9-universal2".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elf_head(class: u8, kind: u16, machine: u16, entry: u8) -> Vec<u8> {
        let mut head = vec![0; 64];
        head[..6].copy_from_slice(&[0x7f, b'E', b'L', b'F', class, 1]);
        head[16..18].copy_from_slice(&kind.to_le_bytes());
        head[18..20].copy_from_slice(&machine.to_le_bytes());
        head[24] = entry;
        head
    }

    fn pe_head(machine: u16, flags: u16) -> Vec<u8> {
        let mut head = vec![0; 256];
        head[..2].copy_from_slice(b"MZ");
        head[0x3c] = 0x80;
        head[0x80..0x84].copy_from_slice(b"PE\0\0");
        head[0x84..0x86].copy_from_slice(&machine.to_le_bytes());
        head[0x96..0x98].copy_from_slice(&flags.to_le_bytes());
        head
    }

    fn platform(name: &str, head: &[u8]) -> Option<String> {
        match inspect(name, head)? {
            Executable::Native(platform) => Some(platform),
            Executable::Script => None,
        }
    }

    #[test]
    fn elf_programs_tell_their_platform() {
        let is = |head: &[u8]| platform("prog", head).unwrap();
        assert_eq!(is(&elf_head(2, 3, 62, 1)), "linux-x86_64");
        assert_eq!(is(&elf_head(2, 2, 62, 1)), "linux-x86_64");
        assert_eq!(is(&elf_head(2, 3, 183, 1)), "linux-aarch64");
        assert_eq!(is(&elf_head(1, 2, 3, 1)), "linux-i686");
    }

    #[test]
    fn elf_libraries_are_no_programs() {
        assert_eq!(inspect("core", &elf_head(2, 3, 62, 0)), None);
        assert_eq!(inspect("libc.so.6", &elf_head(2, 3, 62, 1)), None);
        assert_eq!(inspect("module.so", &elf_head(2, 3, 62, 1)), None);
    }

    #[test]
    fn windows_programs_tell_their_platform_and_libraries_are_none() {
        assert_eq!(platform("a.exe", &pe_head(0x8664, 2)).unwrap(), "win-amd64");
        assert_eq!(platform("a.EXE", &pe_head(0x014c, 2)).unwrap(), "win32");
        assert_eq!(inspect("a.dll", &pe_head(0x8664, 0x2002)), None);
        assert_eq!(inspect("a.pyd", &pe_head(0x8664, 2)), None);
    }

    #[test]
    fn mac_programs_fit_every_minimum_of_their_machine() {
        let mut head = vec![0; 32];
        head[..4].copy_from_slice(&[0xcf, 0xfa, 0xed, 0xfe]);
        head[4..8].copy_from_slice(&0x0100_000c_u32.to_le_bytes());
        head[12] = 2;
        let found = platform("prog", &head).unwrap();
        assert!(fits(&found, "macosx-12_3-arm64"));
        assert!(!fits(&found, "macosx-10_9-x86_64"));
        head[12] = 6;
        assert_eq!(inspect("libcore.dylib", &head), None);
    }

    #[test]
    fn cut_off_heads_are_no_programs() {
        let pe = pe_head(0x8664, 2);
        for head in [elf_head(2, 3, 62, 1), pe] {
            for end in 0..20 {
                assert_eq!(inspect("a.exe", &head[..end]), None);
            }
        }
    }
}
