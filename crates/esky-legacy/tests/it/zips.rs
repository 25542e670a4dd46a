//! Zips as Python writes them.

use std::collections::BTreeMap;

use esky_legacy::{Command, Writer};

use crate::trees::{all_of, apply, digest_of, tree};

/// A zip of deflated files.
pub(crate) fn zip(files: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    written(files, None)
}

/// With `behind`, sizes and checksum stand behind the data, with this in front of them.
fn written(files: &BTreeMap<String, Vec<u8>>, behind: Option<&[u8]>) -> Vec<u8> {
    let (mut zip, mut index) = (Vec::new(), Vec::new());
    for (name, bytes) in files {
        let packed = esky_delta::deflate(bytes, 6);
        let flags = if behind.is_some() { 8 } else { 0 };
        let start = [20, 0, flags, 0, 8, 0, 0, 0, 0x21, 0];
        let mut sizes = crc32fast::hash(bytes).to_le_bytes().to_vec();
        sizes.extend((packed.len() as u32).to_le_bytes());
        sizes.extend((bytes.len() as u32).to_le_bytes());
        let lengths = [name.len() as u8, 0, 0, 0];
        index.extend(b"PK\x01\x02\x14\x03");
        index.extend([&start[..], &sizes, &lengths, &[0; 6]].concat());
        index.extend(0o100_644_u32.wrapping_shl(16).to_le_bytes());
        index.extend((zip.len() as u32).to_le_bytes());
        index.extend(name.as_bytes());
        let (in_front, data) = match behind {
            None => (sizes, packed),
            Some(signature) => (vec![0; 12], [&packed, signature, &sizes].concat()),
        };
        zip.extend(b"PK\x03\x04");
        zip.extend([&start[..], &in_front, &lengths].concat());
        zip.extend(name.as_bytes());
        zip.extend(data);
    }
    let (start, size) = (zip.len() as u32, index.len() as u32);
    zip.extend(index);
    zip.extend(b"PK\x05\x06\0\0\0\0");
    zip.extend([files.len() as u8, 0, files.len() as u8, 0]);
    zip.extend(size.to_le_bytes());
    zip.extend(start.to_le_bytes());
    zip.extend([0, 0]);
    zip
}

/// Late versions of Python 2.7 put a signature in front of such sizes, earlier ones did not.
#[test]
fn zips_with_sizes_behind_the_data_are_rebuilt_as_either_python_wrote_them() {
    let file = |text: &[u8]| BTreeMap::from([("m.pyc".to_owned(), text.to_vec())]);
    for signature in [b"PK\x07\x08".as_slice(), b""] {
        let before = tree([(
            "l.zip",
            &written(&file(b"one one one"), Some(signature))[..],
        )]);
        let after = tree([(
            "l.zip",
            &written(&file(b"two two two"), Some(signature))[..],
        )]);
        let outline = written(&file(b""), Some(signature));
        let commands = [
            Command::JoinPath("l.zip".to_owned()),
            Command::Zip,
            Command::Copy(outline.len() as u64),
            Command::End,
            Command::JoinPath("m.pyc".to_owned()),
            Command::Insert(b"two two two".to_vec()),
            Command::End,
            Command::SetPath(String::new()),
            Command::Verify(digest_of(&after)),
        ];
        let mut patch = Vec::new();
        let mut writer = Writer::new(&mut patch).expect("to memory");
        for command in &commands {
            writer.write(command).expect("to memory");
        }
        let made = apply(&before, &patch).expect("as that Python wrote it");
        assert_eq!(all_of(&made), all_of(&after));
    }
}
