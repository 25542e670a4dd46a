//! The commands of a patch, to bytes and back.

use std::io::{self, Read, Write};

use esky_format::path::check_relative;

use crate::error::{Damage, Error, Result};
use crate::limits::Limits;

const MAGIC: &[u8; 8] = b"ESKYPTCH";
const VERSION: u64 = 1;

/// One step of a patch. Paths are checked: relative, without a way out of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Ends a block.
    End,
    /// Goes to a path from the root; to the root itself if it is empty.
    SetPath(String),
    /// Goes to a path below the present one.
    JoinPath(String),
    /// Goes to the parent.
    PopPath,
    /// Goes to a path beside the present one.
    PopJoinPath(String),
    /// Compares the digest of what is here.
    Verify([u8; 16]),
    /// Removes what is here.
    Remove,
    /// Makes an empty directory here.
    MakeDirectory,
    /// Puts a copy of something beside the present path here.
    CopyFrom(String),
    /// Puts something beside the present path here.
    MoveFrom(String),
    /// Takes over bytes of the old content.
    Copy(u64),
    /// Leaves out bytes of the old content.
    Skip(u64),
    /// Adds bytes.
    Insert(Vec<u8>),
    /// Adds bytes that are packed by bzip2.
    InsertPacked(Vec<u8>),
    /// Takes over bytes of the old content with differences.
    Difference {
        /// How many bytes of the old content.
        size: u64,
        /// The bsdiff patch without its magic.
        patch: Vec<u8>,
    },
    /// Takes the file apart as a zip; two blocks follow.
    Zip,
    /// Sets the mode, with the bits of the file type.
    Mode(u32),
}

impl Command {
    /// Whether it is about the content of a file.
    pub(crate) fn is_about_content(&self) -> bool {
        matches!(
            self,
            Self::Copy(_)
                | Self::Skip(_)
                | Self::Insert(_)
                | Self::InsertPacked(_)
                | Self::Difference { .. }
                | Self::Zip
        )
    }
}

/// Reads the commands of a patch one by one.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    limits: Limits,
    read: u64,
}

impl<R: Read> Reader<R> {
    /// Reads the beginning of a patch. Reads byte by byte: give it something with a buffer.
    ///
    /// # Errors
    ///
    /// If it is no patch, or one of a later version.
    pub fn open(input: R, limits: &Limits) -> Result<Self> {
        let mut reader = Self {
            input,
            limits: *limits,
            read: MAGIC.len() as u64,
        };
        let mut magic = Vec::new();
        let start = (&mut reader.input).take(MAGIC.len() as u64);
        read_to_end(start, &mut magic)?;
        if magic != MAGIC {
            let cut_off = !magic.is_empty() && MAGIC.starts_with(&magic);
            return Err(if cut_off {
                Damage::Truncated.into()
            } else {
                Damage::NoPatch.into()
            });
        }
        match reader.number()? {
            VERSION => Ok(reader),
            version => Err(Damage::Version(version).into()),
        }
    }

    /// The next command; `None` where the file ends.
    ///
    /// # Errors
    ///
    /// If the file ends in the middle of a command, has an unknown one, a path that is not one inside a tree, or asks for
    /// more than the limits.
    pub fn next_command(&mut self) -> Result<Option<Command>> {
        let Some(code) = self.byte()? else {
            return Ok(None);
        };
        Ok(Some(match code {
            0 => Command::End,
            1 => Command::SetPath(self.path(true)?),
            2 => Command::JoinPath(self.path(false)?),
            3 => Command::PopPath,
            4 => Command::PopJoinPath(self.path(false)?),
            5 => Command::Verify(self.digest()?),
            6 => Command::Remove,
            7 => Command::MakeDirectory,
            8 => Command::CopyFrom(self.path(false)?),
            9 => Command::MoveFrom(self.path(false)?),
            10 => Command::Copy(self.number()?),
            11 => Command::Skip(self.number()?),
            12 => Command::Insert(self.bytes(self.limits.argument)?),
            13 => Command::InsertPacked(self.bytes(self.limits.argument)?),
            14 => Command::Difference {
                size: self.number()?,
                patch: self.bytes(self.limits.argument)?,
            },
            15 => Command::Zip,
            16 => Command::Mode(u32::try_from(self.number()?).map_err(|_| Damage::Number)?),
            code => return Err(Damage::Command(code).into()),
        }))
    }

    fn byte(&mut self) -> Result<Option<u8>> {
        let mut byte = [0];
        match self.input.read_exact(&mut byte) {
            Ok(()) => {
                self.count(1)?;
                Ok(Some(byte[0]))
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(Error::Input(error)),
        }
    }

    fn number(&mut self) -> Result<u64> {
        let mut number = 0_u64;
        for shift in (0..).step_by(7) {
            let byte = self.byte()?.ok_or(Damage::Truncated)?;
            let bits = u64::from(byte & 0x7f);
            if shift > 63 || bits << shift >> shift != bits {
                return Err(Damage::Number.into());
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        Ok(number)
    }

    /// Room is made as bytes come, not as they are announced.
    fn bytes(&mut self, limit: u64) -> Result<Vec<u8>> {
        let length = self.number()?;
        if length > limit {
            let what = "bytes of an argument";
            return Err(Error::Limit { what, limit });
        }
        self.count(length)?;
        let mut bytes = Vec::new();
        read_to_end((&mut self.input).take(length), &mut bytes)?;
        if bytes.len() as u64 != length {
            return Err(Damage::Truncated.into());
        }
        Ok(bytes)
    }

    fn digest(&mut self) -> Result<[u8; 16]> {
        let mut digest = [0; 16];
        for byte in &mut digest {
            *byte = self.byte()?.ok_or(Damage::Truncated)?;
        }
        Ok(digest)
    }

    fn path(&mut self, may_be_empty: bool) -> Result<String> {
        let bytes = self.bytes(self.limits.path as u64)?;
        let path = String::from_utf8(bytes).map_err(|_| Damage::NotUtf8)?;
        if path.is_empty() && may_be_empty {
            return Ok(path);
        }
        match check_relative(&path) {
            Ok(()) => Ok(path),
            Err(fault) => Err(Error::Path { path, fault }),
        }
    }

    fn count(&mut self, bytes: u64) -> Result<()> {
        self.read = self.read.saturating_add(bytes);
        if self.read > self.limits.patch {
            return Err(Error::Limit {
                what: "bytes of a patch",
                limit: self.limits.patch,
            });
        }
        Ok(())
    }
}

fn read_to_end(mut input: impl Read, bytes: &mut Vec<u8>) -> Result<()> {
    input.read_to_end(bytes).map_err(Error::Input)?;
    Ok(())
}

/// Writes the commands of a patch.
#[derive(Debug)]
pub struct Writer<W> {
    output: W,
}

impl<W: Write> Writer<W> {
    /// Writes the beginning of a patch.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn new(mut output: W) -> Result<Self> {
        let mut start = MAGIC.to_vec();
        put_number(&mut start, VERSION);
        output.write_all(&start).map_err(Error::Output)?;
        Ok(Self { output })
    }

    /// Writes one command.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn write(&mut self, command: &Command) -> Result<()> {
        let bytes = encode(command);
        self.output.write_all(&bytes).map_err(Error::Output)
    }
}

/// The bytes of a command.
pub(crate) fn encode(command: &Command) -> Vec<u8> {
    let mut bytes = Vec::new();
    let out = &mut bytes;
    match command {
        Command::End => out.push(0),
        Command::SetPath(path) => put_bytes(out, 1, path.as_bytes()),
        Command::JoinPath(path) => put_bytes(out, 2, path.as_bytes()),
        Command::PopPath => out.push(3),
        Command::PopJoinPath(path) => put_bytes(out, 4, path.as_bytes()),
        Command::Verify(digest) => {
            out.push(5);
            out.extend(digest);
        }
        Command::Remove => out.push(6),
        Command::MakeDirectory => out.push(7),
        Command::CopyFrom(path) => put_bytes(out, 8, path.as_bytes()),
        Command::MoveFrom(path) => put_bytes(out, 9, path.as_bytes()),
        Command::Copy(count) => put_count(out, 10, *count),
        Command::Skip(count) => put_count(out, 11, *count),
        Command::Insert(inserted) => put_bytes(out, 12, inserted),
        Command::InsertPacked(packed) => put_bytes(out, 13, packed),
        Command::Difference { size, patch } => {
            put_count(out, 14, *size);
            put_number(out, patch.len() as u64);
            out.extend(patch);
        }
        Command::Zip => out.push(15),
        Command::Mode(mode) => put_count(out, 16, u64::from(*mode)),
    }
    bytes
}

fn put_bytes(out: &mut Vec<u8>, code: u8, bytes: &[u8]) {
    put_count(out, code, bytes.len() as u64);
    out.extend(bytes);
}

fn put_count(out: &mut Vec<u8>, code: u8, count: u64) {
    out.push(code);
    put_number(out, count);
}

fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn command() -> impl Strategy<Value = Command> {
        // Without letters that would make a name which Windows reserves.
        let path = "[a-k]{1,9}(/[a-k]{1,3}){0,3}";
        let bytes = || prop::collection::vec(any::<u8>(), 0..40);
        prop_oneof![
            Just(Command::End),
            Just(Command::PopPath),
            Just(Command::Remove),
            Just(Command::MakeDirectory),
            Just(Command::Zip),
            Just(Command::SetPath(String::new())),
            path.prop_map(Command::SetPath),
            path.prop_map(Command::JoinPath),
            path.prop_map(Command::PopJoinPath),
            path.prop_map(Command::CopyFrom),
            path.prop_map(Command::MoveFrom),
            any::<[u8; 16]>().prop_map(Command::Verify),
            any::<u64>().prop_map(Command::Copy),
            any::<u64>().prop_map(Command::Skip),
            any::<u32>().prop_map(Command::Mode),
            bytes().prop_map(Command::Insert),
            bytes().prop_map(Command::InsertPacked),
            (any::<u64>(), bytes()).prop_map(|(size, patch)| Command::Difference { size, patch }),
        ]
    }

    proptest! {
        #[test]
        fn commands_survive_being_written_and_read(commands in prop::collection::vec(command(), 0..20)) {
            let mut bytes = Vec::new();
            let mut writer = Writer::new(&mut bytes).expect("to memory");
            for command in &commands {
                writer.write(command).expect("to memory");
            }
            let mut reader = Reader::open(bytes.as_slice(), &Limits::default()).expect("written by us");
            let mut read = Vec::new();
            while let Some(command) = reader.next_command().expect("written by us") {
                read.push(command);
            }
            prop_assert_eq!(read, commands);
        }
    }

    fn first(bytes: &[u8]) -> Result<Option<Command>> {
        let patch = [b"ESKYPTCH\x01", bytes].concat();
        Reader::open(patch.as_slice(), &Limits::default())?.next_command()
    }

    #[test]
    fn paths_that_leave_the_tree_are_refused() {
        let bad = [
            "..",
            "../x",
            "a/../../x",
            "/x",
            "\\x",
            "a\\b",
            "C:/x",
            "C:x",
            "a\0b",
            "a//b",
            ".",
            "",
        ];
        for code in [2, 4, 8, 9] {
            for path in bad {
                let bytes = [&[code, path.len() as u8], path.as_bytes()].concat();
                let refused = first(&bytes);
                assert!(matches!(refused, Err(Error::Path { .. })), "{path:?}");
            }
        }
        assert!(matches!(first(b"\x01\x02.."), Err(Error::Path { .. })));
        assert!(matches!(first(b"\x01\x00"), Ok(Some(_))));
    }

    #[test]
    fn numbers_of_more_than_64_bits_are_refused() {
        let largest = [&[10][..], &[0xff; 9], &[1]].concat();
        assert_eq!(
            first(&largest).expect("fits"),
            Some(Command::Copy(u64::MAX))
        );
        for last in [2, 0x80] {
            let beyond = [&[10][..], &[0xff; 9], &[last], &[0]].concat();
            let refused = first(&beyond);
            assert!(matches!(refused, Err(Error::Damaged(Damage::Number))));
        }
    }

    #[test]
    fn an_argument_is_not_believed_before_it_is_there() {
        let bytes = [12, 0xff, 0xff, 0xff, 0x1f, 1, 2, 3];
        assert!(matches!(
            first(&bytes),
            Err(Error::Damaged(Damage::Truncated))
        ));
        let bytes = [12, 0xff, 0xff, 0xff, 0xff, 0x1f, 1];
        assert!(matches!(first(&bytes), Err(Error::Limit { .. })));
    }

    #[test]
    fn what_is_no_patch_or_a_newer_one_is_refused() {
        let open = |bytes: &'static [u8]| Reader::open(bytes, &Limits::default()).err();
        let damage = |bytes| match open(bytes) {
            Some(Error::Damaged(damage)) => damage,
            other => panic!("{other:?}"),
        };
        assert_eq!(damage(b""), Damage::NoPatch);
        assert_eq!(damage(b"PK\x03\x04aaaaaaaa"), Damage::NoPatch);
        assert_eq!(damage(b"ESKYPT"), Damage::Truncated);
        assert_eq!(damage(b"ESKYPTCH"), Damage::Truncated);
        assert_eq!(damage(b"ESKYPTCH\x02"), Damage::Version(2));
    }
}
