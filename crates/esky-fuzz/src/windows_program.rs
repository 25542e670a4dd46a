//! Programs for Windows, whose resources are copied into the start-up program when an app is packed.

use std::convert::Infallible;

/// Whatever the two are, nothing is broken; and to dress what was dressed changes nothing.
pub(crate) fn dress(bytes: &[u8]) {
    let plain = program();
    let Some(dressed) = dressed(&plain, bytes) else {
        return;
    };
    assert_eq!(self::dressed(&dressed, bytes).as_ref(), Some(&dressed));
    assert!(self::dressed(&plain, &dressed).is_some());
    // The start-up program is the developer's own and may be anything, too.
    if let Some(other) = self::dressed(bytes, &dressed) {
        assert_eq!(self::dressed(&other, &dressed).as_ref(), Some(&other));
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let plain = program();
    let dressed = dressed(&plain, &plain).unwrap();
    vec![plain, dressed]
}

fn dressed(bootstrap: &[u8], program: &[u8]) -> Option<Vec<u8>> {
    let mut read = |offset: u64, limit: u64| {
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|offset| program.get(offset..));
        let rest = rest.unwrap_or_default();
        Ok::<_, Infallible>(rest[..rest.len().min(limit as usize)].to_vec())
    };
    match esky_publish::dress_windows_program(bootstrap, &mut read) {
        Ok(dressed) => dressed,
        Err(never) => match never {},
    }
}

/// The least that is a program: headers, and one section.
fn program() -> Vec<u8> {
    let mut bytes = vec![0; 0x600];
    let fields: [(usize, &[u8]); 12] = [
        (0, b"MZ"),
        (0x3c, &[0x80]),
        (0x80, b"PE"),
        (0x86, &[1]),
        (0x94, &[240]),
        (0x98, &[0x0b, 2]),
        (0xb9, &[0x10]),
        (0xbd, &[2]),
        (0xd5, &[4]),
        (0xdc, &[3]),
        (0x104, &[16]),
        (0x190, &[0x10, 0, 0, 0, 0, 0x10, 0, 0, 0, 2, 0, 0, 0, 4]),
    ];
    for (at, field) in fields {
        bytes[at..at + field.len()].copy_from_slice(field);
    }
    bytes
}
