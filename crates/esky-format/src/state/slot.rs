//! One state slot: 4096 bytes of text with a checksum, padded with line feeds.

use crate::crc32::crc32;
use crate::escape::{escape, unescape};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Write as _};

/// Size of a slot on disk: one page, so that it is written by one call.
pub const SLOT_SIZE: usize = 4096;

const HEADER: &str = "esky-state 1\n";
const CRC_KEY: &str = "crc ";
/// `crc `, eight digits, a line feed.
const CRC_LINE_LENGTH: usize = 13;

/// What the state record says about the app directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Grows by one with every commit; the valid slot with the highest sequence counts.
    pub seq: u64,
    /// Whether `current` is proven or on trial.
    pub status: Status,
    /// Name of the version directory (`NAME-VERSION.PLATFORM`) that starts.
    pub current: String,
    /// Name of the version directory that starts when `current` does not.
    pub fallback: Option<String>,
    /// Versions that failed and are not to be offered or chosen again.
    pub held: Vec<Held>,
    /// The version the person wants to stay at.
    pub pinned: Option<String>,
    /// Versions the person does not want.
    pub skipped: Vec<String>,
    /// The oldest bootstrap generation that can start this app directory; 0 for any.
    pub minimum_bootstrap: u32,
    /// The last time a version was undone.
    pub last_rollback: Option<Rollback>,
}

/// Whether the current version is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The current version is proven, or trusted without a trial.
    Good,
    /// The current version must still show that it comes up.
    Trial(Trial),
}

/// The terms of a trial. They stand in the record because the bootstrap reads nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial {
    /// Names the marks of this trial: the sequence of the slot that began it. Later slots about the same trial keep it.
    pub id: u64,
    /// Unconfirmed starts after which the trial has failed.
    pub max_tries: u32,
    /// After this many seconds a version that is still running counts as confirmed.
    pub confirm_after: u32,
    /// Whether the bootstrap watches the program and confirms it, because nothing in the app does.
    pub watched: bool,
}

/// A version that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The version, as in the name of its directory.
    pub version: String,
    /// Why, in words for a person.
    pub reason: String,
    /// When, in seconds since 1970.
    pub time: u64,
}

/// A version that was undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollback {
    /// The version that was left.
    pub version: String,
    /// Why, in words for a person.
    pub reason: String,
    /// When, in seconds since 1970.
    pub time: u64,
}

/// Why a slot cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotFault {
    /// The record does not fit into [`SLOT_SIZE`]; shorten the held or skipped versions.
    TooLarge {
        /// Bytes the record needs.
        needed: usize,
    },
}

impl fmt::Display for SlotFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::TooLarge { needed } = self;
        write!(
            formatter,
            "the state record needs {needed} bytes but a slot holds {SLOT_SIZE}"
        )
    }
}

impl core::error::Error for SlotFault {}

impl Slot {
    /// A record for a version that is trusted at once, with nothing else known.
    pub fn good(seq: u64, current: impl Into<String>) -> Self {
        Self {
            seq,
            status: Status::Good,
            current: current.into(),
            fallback: None,
            held: Vec::new(),
            pinned: None,
            skipped: Vec::new(),
            minimum_bootstrap: 0,
            last_rollback: None,
        }
    }

    /// Whether this version failed before.
    pub fn is_held(&self, version: &str) -> bool {
        self.held.iter().any(|held| held.version == version)
    }

    /// The bytes of a whole slot.
    pub fn encode(&self) -> Result<[u8; SLOT_SIZE], SlotFault> {
        let mut text = String::from(HEADER);
        // Writing into a String cannot fail.
        let _ = self.write_fields(&mut text);
        let checksum = crc32(text.as_bytes());
        let _ = writeln!(text, "{CRC_KEY}{checksum:08x}");
        let mut bytes = [b'\n'; SLOT_SIZE];
        let space = bytes
            .get_mut(..text.len())
            .ok_or(SlotFault::TooLarge { needed: text.len() })?;
        space.copy_from_slice(text.as_bytes());
        Ok(bytes)
    }

    /// Reads a slot; `None` unless every single byte is as [`Slot::encode`] wrote it.
    ///
    /// Keys that a later esky may add are ignored.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut slot = Self::good(0, "");
        let mut status = None;
        for line in checked_text(bytes)?.lines() {
            match line.split_once(' ')? {
                ("status", value) => status = Some(read_status(value)?),
                (key, value) => slot.read_field(key, value)?,
            }
        }
        slot.status = status?;
        (slot.seq > 0 && !slot.current.is_empty()).then_some(slot)
    }

    fn write_fields(&self, text: &mut String) -> fmt::Result {
        writeln!(text, "seq {}", self.seq)?;
        write_status(text, self.status)?;
        writeln!(text, "current {}", escape(&self.current, ""))?;
        if let Some(fallback) = &self.fallback {
            writeln!(text, "fallback {}", escape(fallback, ""))?;
        }
        if let Some(pinned) = &self.pinned {
            writeln!(text, "pinned {}", escape(pinned, ""))?;
        }
        for version in &self.skipped {
            writeln!(text, "skipped {}", escape(version, ""))?;
        }
        for held in &self.held {
            write_event(text, "held", held.time, &held.version, &held.reason)?;
        }
        if let Some(undone) = &self.last_rollback {
            write_event(
                text,
                "last-rollback",
                undone.time,
                &undone.version,
                &undone.reason,
            )?;
        }
        writeln!(text, "minimum-bootstrap {}", self.minimum_bootstrap)
    }

    fn read_field(&mut self, key: &str, value: &str) -> Option<()> {
        match key {
            "seq" => self.seq = value.parse().ok()?,
            "current" => self.current = unescape(value)?,
            "fallback" => self.fallback = Some(unescape(value)?),
            "pinned" => self.pinned = Some(unescape(value)?),
            "skipped" => self.skipped.push(unescape(value)?),
            "held" => {
                let (time, version, reason) = read_event(value)?;
                self.held.push(Held {
                    version,
                    reason,
                    time,
                });
            }
            "last-rollback" => {
                let (time, version, reason) = read_event(value)?;
                self.last_rollback = Some(Rollback {
                    version,
                    reason,
                    time,
                });
            }
            "minimum-bootstrap" => self.minimum_bootstrap = value.parse().ok()?,
            _ => {}
        }
        Some(())
    }
}

/// The slot that counts and its index: the valid one with the highest sequence.
pub fn active_slot(slots: &[Option<Slot>; 2]) -> Option<(usize, &Slot)> {
    match slots {
        [Some(first), Some(second)] if second.seq > first.seq => Some((1, second)),
        [Some(first), _] => Some((0, first)),
        [None, Some(second)] => Some((1, second)),
        [None, None] => None,
    }
}

/// The lines between header and checksum, if the whole slot is exactly as it was written.
fn checked_text(bytes: &[u8]) -> Option<&str> {
    if bytes.len() != SLOT_SIZE {
        return None;
    }
    let text_end = end_of_text(bytes)? + 1;
    let (text, checksum_line) = bytes
        .get(..text_end)?
        .split_at_checked(text_end.checked_sub(CRC_LINE_LENGTH)?)?;
    let mut expected = String::new();
    let _ = writeln!(expected, "{CRC_KEY}{:08x}", crc32(text));
    if checksum_line != expected.as_bytes() {
        return None;
    }
    core::str::from_utf8(text).ok()?.strip_prefix(HEADER)
}

/// `good`, or `trial ID max-tries N confirm-after SECONDS app|bootstrap`.
fn write_status(text: &mut String, status: Status) -> fmt::Result {
    let Status::Trial(trial) = status else {
        return writeln!(text, "status good");
    };
    let Trial {
        id,
        max_tries,
        confirm_after,
        watched,
    } = trial;
    let who = if watched { "bootstrap" } else { "app" };
    writeln!(
        text,
        "status trial {id} max-tries {max_tries} confirm-after {confirm_after} {who}"
    )
}

fn read_status(text: &str) -> Option<Status> {
    let words: Vec<&str> = text.split(' ').collect();
    match words.as_slice() {
        ["good"] => Some(Status::Good),
        [
            "trial",
            id,
            "max-tries",
            tries,
            "confirm-after",
            seconds,
            who,
            ..,
        ] => Some(Status::Trial(Trial {
            id: id.parse().ok()?,
            max_tries: tries.parse().ok()?,
            confirm_after: seconds.parse().ok()?,
            watched: *who == "bootstrap",
        })),
        _ => None,
    }
}

/// Where the line feeds at the end begin. By eights, because this is done at every start of every app.
fn end_of_text(bytes: &[u8]) -> Option<usize> {
    const PADDING: u64 = u64::from_ne_bytes([b'\n'; 8]);
    let (begin, eights) = bytes.as_rchunks::<8>();
    let padding = eights.iter().rev();
    let padding = padding.take_while(|eight| u64::from_ne_bytes(**eight) == PADDING);
    let padded = begin.len() + 8 * (eights.len() - padding.count());
    let last = bytes
        .get(..padded)?
        .iter()
        .rposition(|byte| *byte != b'\n')?;
    Some(last + 1)
}

fn write_event(
    text: &mut String,
    key: &str,
    time: u64,
    version: &str,
    reason: &str,
) -> fmt::Result {
    writeln!(
        text,
        "{key} {time} {} {}",
        escape(version, " "),
        escape(reason, "")
    )
}

fn read_event(value: &str) -> Option<(u64, String, String)> {
    let mut fields = value.splitn(3, ' ').map(ToString::to_string);
    let time = fields.next()?.parse().ok()?;
    Some((time, unescape(&fields.next()?)?, unescape(&fields.next()?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Slot {
        let mut slot = Slot::good(7, "demo-1.1.linux-x86_64");
        slot.status = Status::Trial(Trial {
            id: 6,
            max_tries: 3,
            confirm_after: 60,
            watched: true,
        });
        slot.fallback = Some("demo-1.0.linux-x86_64".into());
        slot.held.push(Held {
            version: "1.0 5".into(),
            reason: "it did\nnot start".into(),
            time: 9,
        });
        slot.skipped.push("0.9%".into());
        slot.last_rollback = Some(Rollback {
            version: "1.05".into(),
            reason: String::new(),
            time: 11,
        });
        slot
    }

    #[test]
    fn a_full_record_survives_the_round_trip() {
        assert_eq!(Slot::decode(&full().encode().unwrap()), Some(full()));
    }

    #[test]
    fn every_flipped_byte_is_noticed() {
        let bytes = full().encode().unwrap();
        for index in 0..bytes.len() {
            let mut damaged = bytes;
            damaged[index] ^= 0x20;
            assert_eq!(Slot::decode(&damaged), None, "byte {index}");
        }
    }

    #[test]
    fn every_truncation_is_noticed() {
        let bytes = full().encode().unwrap();
        assert!((0..bytes.len()).all(|length| Slot::decode(&bytes[..length]).is_none()));
    }

    #[test]
    fn a_write_torn_between_two_records_is_noticed() {
        let (old, new) = (
            full().encode().unwrap(),
            Slot::good(8, "demo-2.linux-x86_64").encode().unwrap(),
        );
        for cut in 1..SLOT_SIZE {
            let mut torn = old;
            torn[..cut].copy_from_slice(&new[..cut]);
            assert!(
                torn == new || torn == old || Slot::decode(&torn).is_none(),
                "cut at {cut}"
            );
        }
    }

    #[test]
    fn keys_of_a_later_esky_are_ignored() {
        let text = "esky-state 1\nseq 1\nstatus good\ncurrent a-1.x\nnovelty yes\n";
        let mut bytes = [b'\n'; SLOT_SIZE];
        let whole = alloc::format!("{text}crc {:08x}\n", crc32(text.as_bytes()));
        bytes[..whole.len()].copy_from_slice(whole.as_bytes());
        assert_eq!(Slot::decode(&bytes), Some(Slot::good(1, "a-1.x")));
    }

    #[test]
    fn a_record_that_does_not_fit_is_refused() {
        let mut slot = full();
        slot.skipped = (0..1000).map(|number| number.to_string()).collect();
        assert!(matches!(slot.encode(), Err(SlotFault::TooLarge { .. })));
    }

    #[test]
    fn the_higher_sequence_counts() {
        let (one, two) = (Slot::good(1, "a"), Slot::good(2, "b"));
        assert_eq!(
            active_slot(&[Some(one.clone()), Some(two.clone())]),
            Some((1, &two))
        );
        assert_eq!(
            active_slot(&[Some(two.clone()), Some(one.clone())]),
            Some((0, &two))
        );
        assert_eq!(active_slot(&[None, Some(one.clone())]), Some((1, &one)));
        assert_eq!(active_slot(&[None, None]), None);
    }
}
