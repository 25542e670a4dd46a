//! Single files out of the patch from nothing, which is a package of everything.

use esky_delta::{Kind, Limits, Patch, is_unit};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use proptest::prelude::*;
use std::io::Write;

use crate::memory::{Files, apply, apply_some, files, make, noise};
use crate::trees::tree;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_files_come_without_the_others(new in tree(), choice: u8) {
        let (patch, _) = make(&Files::new(), &new);
        let chosen: Files = new
            .clone()
            .into_iter()
            .enumerate()
            .filter(|(number, _)| choice >> (number % 8) & 1 == 1)
            .map(|(_, file)| file)
            .collect();
        let (found, _) = apply_some(&patch, &mut |entry| chosen.contains_key(&entry.path)).unwrap();
        prop_assert_eq!(found, chosen);
    }
}

#[test]
fn of_a_large_package_only_what_is_wanted_travels() {
    let large: Vec<Vec<u8>> = (0..4).map(|seed| noise(seed, 3 << 20)).collect();
    let list = [
        ("a.bin", &large[0][..]),
        ("b.bin", &large[1]),
        ("c.txt", b"small"),
        ("d.bin", &large[2]),
        ("e.bin", &large[3]),
    ];
    let new = files(&list);
    let (patch, _) = make(&Files::new(), &new);
    let (found, taken) = apply_some(&patch, &mut |entry| entry.path == "d.bin").unwrap();
    assert_eq!(found["d.bin"].1, large[2]);
    assert!(taken < 4 << 20, "{taken} bytes");
    let (nothing, taken) = apply_some(&patch, &mut |_| false).unwrap();
    assert_eq!((nothing.len(), taken), (0, 0));
}

#[test]
fn what_is_packed_inside_new_files_is_packed_better() {
    let text = b"words that are said again and again, ".repeat(4000);
    let mut member = ZlibEncoder::new(Vec::new(), Compression::new(6));
    member.write_all(&text).unwrap();
    let member = member.finish().unwrap();
    let new = files(&[("text", &text), ("archive", &member)]);
    let (patch, _) = make(&Files::new(), &new);
    assert!(patch.len() < 800, "{} bytes", patch.len());
    assert_eq!(
        apply(&Files::new(), &patch, &Limits::default()).unwrap(),
        new
    );
}

#[test]
fn a_unit_is_told_from_bytes_that_were_never_fetched() {
    let (patch, _) = make(&Files::new(), &files(&[("a", b"content")]));
    let opened = Patch::open(patch.as_slice(), &Limits::default()).unwrap();
    assert!(opened.is_from_nothing());
    let place = opened.select(&mut |_, _| true).units().next().unwrap();
    let unit = &patch[place.offset as usize..];
    assert!(is_unit(unit));
    assert!(!is_unit(&vec![0; unit.len()]));
    assert!(!is_unit(&unit[..unit.len() - 1]));
}

#[test]
fn a_damaged_unit_spoils_only_the_files_in_it() {
    let mut new = files(&[("a.bin", &noise(1, 3 << 20)), ("b.bin", &noise(2, 3 << 20))]);
    new.insert("l".to_owned(), (Kind::Link, b"a.bin".to_vec()));
    let (mut patch, _) = make(&Files::new(), &new);
    let end = patch.len();
    patch[end - 100] ^= 1;
    let spoilt = |path: &str| apply_some(&patch, &mut |entry| entry.path == path).is_err();
    assert!(spoilt("b.bin"));
    assert!(!spoilt("a.bin"));
}
