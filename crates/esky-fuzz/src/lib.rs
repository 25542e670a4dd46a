//! What must hold for any bytes that a parser is given: it does not panic, and what it accepts is safe and survives being
//! written and read again.
//!
//! Each [`Target`] is used twice. The tests of this crate feed it its seeds and thousands of mutations of them, always the
//! same ones. `cargo xtask fuzz` hands it to libFuzzer, which looks for inputs that reach new code.

#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a broken promise is a panic here"
)]

mod archive;
mod delta;
mod format;
mod legacy;
mod listing;
mod trust;
mod windows_program;

/// A parser, what it must do, and inputs to begin with.
pub struct Target {
    /// Name of the target, as `cargo xtask fuzz` takes it.
    pub name: &'static str,
    /// Panics if the bytes break a promise.
    pub body: fn(&[u8]),
    /// Good inputs, and bad ones that broke a promise once.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// Every parser of bytes that come from outside.
pub const TARGETS: [Target; 27] = [
    Target {
        name: "slot",
        body: format::slot,
        seeds: format::slot_seeds,
    },
    Target {
        name: "start_order",
        body: format::start_order,
        seeds: format::slot_seeds,
    },
    Target {
        name: "settings",
        body: format::settings,
        seeds: format::settings_seeds,
    },
    Target {
        name: "file_list",
        body: format::file_list,
        seeds: format::file_list_seeds,
    },
    Target {
        name: "manifest",
        body: format::manifest,
        seeds: format::manifest_seeds,
    },
    Target {
        name: "names",
        body: format::names,
        seeds: format::name_seeds,
    },
    Target {
        name: "version_order",
        body: format::version_order,
        seeds: format::version_seeds,
    },
    Target {
        name: "paths",
        body: format::paths,
        seeds: format::path_seeds,
    },
    Target {
        name: "environment",
        body: format::environment,
        seeds: format::environment_seeds,
    },
    Target {
        name: "package",
        body: archive::package,
        seeds: archive::package_seeds,
    },
    Target {
        name: "listing",
        body: listing::listing,
        seeds: listing::listing_seeds,
    },
    Target {
        name: "legacy_patch",
        body: legacy::legacy_patch,
        seeds: legacy::legacy_patch_seeds,
    },
    Target {
        name: "patch_of_tree",
        body: delta::patch_of_tree,
        seeds: delta::tree_seeds,
    },
    Target {
        name: "patch_of_file",
        body: delta::patch_of_file,
        seeds: delta::file_seeds,
    },
    Target {
        name: "elf",
        body: delta::changed_file,
        seeds: delta::elf_seeds,
    },
    Target {
        name: "pe",
        body: delta::changed_file,
        seeds: delta::pe_seeds,
    },
    Target {
        name: "mach_o",
        body: delta::changed_file,
        seeds: delta::mach_o_seeds,
    },
    Target {
        name: "packed_streams",
        body: delta::changed_file,
        seeds: delta::packed_seeds,
    },
    Target {
        name: "json",
        body: trust::json,
        seeds: trust::metadata_seeds,
    },
    Target {
        name: "metadata",
        body: trust::metadata,
        seeds: trust::metadata_seeds,
    },
    Target {
        name: "target_name",
        body: trust::target_name,
        seeds: trust::target_name_seeds,
    },
    Target {
        name: "release",
        body: trust::release,
        seeds: trust::release_seeds,
    },
    Target {
        name: "request",
        body: trust::request,
        seeds: trust::request_seeds,
    },
    Target {
        name: "public_key",
        body: trust::public_key,
        seeds: trust::public_key_seeds,
    },
    Target {
        name: "key_line",
        body: trust::key_line,
        seeds: trust::key_line_seeds,
    },
    Target {
        name: "recovery_words",
        body: trust::recovery_words,
        seeds: trust::word_seeds,
    },
    Target {
        name: "windows_program",
        body: windows_program::dress,
        seeds: windows_program::seeds,
    },
];

/// Runs the target of this name; for the programs that libFuzzer drives.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target.unwrap().body)(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    const MUTATIONS: usize = 3000;
    const LONGEST: usize = 1 << 16;

    /// Marsaglia's xorshift: the same mutations in every run.
    struct Dice(u64);

    impl Dice {
        fn roll(&mut self, sides: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            usize::try_from(self.0 % sides.max(1) as u64).unwrap()
        }
    }

    /// One to four changes such as fuzzers make.
    fn mutate(dice: &mut Dice, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = seeds[dice.roll(seeds.len())].clone();
        for _ in 0..=dice.roll(4) {
            let at = dice.roll(bytes.len() + 1);
            match dice.roll(7) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, u8::try_from(dice.roll(256)).unwrap()),
                2 if at < bytes.len() => drop(bytes.remove(at)),
                3 if at < bytes.len() => bytes[at] ^= 1 << dice.roll(8),
                4 if at < bytes.len() => bytes[at] = b"\0\n\r /\\.-\"0{}[]\xff"[dice.roll(15)],
                5 => {
                    let other = &seeds[dice.roll(seeds.len())];
                    let (from, to) = (dice.roll(other.len() + 1), dice.roll(other.len() + 1));
                    let piece = &other[from.min(to)..from.max(to)];
                    bytes.splice(at..at, piece.iter().copied());
                }
                _ => {
                    let end = at + dice.roll(bytes.len() - at + 1);
                    let piece = bytes[at..end].to_vec();
                    bytes.extend(piece);
                }
            }
        }
        bytes.truncate(LONGEST);
        bytes
    }

    fn withstands_its_seeds_and_their_mutations(name: &str) {
        let target = TARGETS.iter().find(|target| target.name == name).unwrap();
        let seeds = (target.seeds)();
        assert!(!seeds.is_empty());
        for seed in &seeds {
            (target.body)(seed);
        }
        let mut dice = Dice(0x2545_f491_4f6c_dd1d);
        for _ in 0..MUTATIONS {
            (target.body)(&mutate(&mut dice, &seeds));
        }
    }

    macro_rules! tests {
        ($($name:ident),*) => {$(
            #[test]
            fn $name() {
                withstands_its_seeds_and_their_mutations(stringify!($name));
            }
        )*

            #[test]
            fn every_target_has_its_test_and_its_program() {
                let tested = [$(stringify!($name)),*];
                let programs = include_str!("../../../fuzz/Cargo.toml");
                for target in TARGETS {
                    assert!(tested.contains(&target.name), "{}", target.name);
                    let program = format!("name = \"{}\"", target.name);
                    assert!(programs.contains(&program), "{program}");
                }
            }
        };
    }

    tests!(
        slot,
        start_order,
        settings,
        file_list,
        manifest,
        names,
        version_order,
        paths,
        environment,
        package,
        listing,
        legacy_patch,
        patch_of_tree,
        patch_of_file,
        elf,
        pe,
        mach_o,
        packed_streams,
        json,
        metadata,
        target_name,
        release,
        request,
        public_key,
        key_line,
        recovery_words,
        windows_program
    );
}
