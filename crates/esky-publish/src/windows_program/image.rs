//! The headers of a Windows program: where its resources are, and how to give it others.

use std::ops::Range;

const SECTION_SIZE: usize = 40;
const OPTIONAL: usize = 24;
const RESOURCE_DIRECTORY: usize = 2;
const SIGNATURE_DIRECTORY: usize = 4;
/// By this name a section that was added here is known again.
const NAME: &[u8; 8] = b".esky\0\0\0";
/// Initialized data that can be read.
const READ_ONLY_DATA: u32 = 0x4000_0040;
const SECTIONS_LIMIT: u16 = 96;

/// What the headers say.
#[derive(Debug)]
pub(super) struct Image {
    /// Where the parts of the headers are in the file.
    header: usize,
    directories: usize,
    sections_at: usize,
    sections: Vec<Section>,
    section_alignment: u32,
    file_alignment: u32,
    size_of_headers: u32,
    pub(super) subsystem: u16,
    /// Address and size.
    resources: (u32, u32),
}

#[derive(Debug)]
struct Section {
    size: u32,
    address: u32,
    file_size: u32,
    file_offset: u32,
}

impl Image {
    /// From the beginning of a file.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        if !bytes.starts_with(b"MZ") {
            return None;
        }
        let header = usize::try_from(u32_at(bytes, 0x3c)?).ok()?;
        if bytes.get(header..header.checked_add(4)?)? != b"PE\0\0" {
            return None;
        }
        let optional = header + OPTIONAL;
        let directories = optional
            + match u16_at(bytes, optional)? {
                0x10b => 96,
                0x20b => 112,
                _ => return None,
            };
        let count = u32_at(bytes, directories - 4)? as usize;
        let sections_at = optional + usize::from(u16_at(bytes, header + 20)?);
        if count <= SIGNATURE_DIRECTORY || sections_at < directories + count.min(16) * 8 {
            return None;
        }
        let sections = sections(bytes, sections_at, u16_at(bytes, header + 6)?)?;
        let resources = directories + RESOURCE_DIRECTORY * 8;
        Some(Self {
            header,
            directories,
            sections_at,
            sections,
            section_alignment: alignment(u32_at(bytes, optional + 32)?)?,
            file_alignment: alignment(u32_at(bytes, optional + 36)?)?,
            size_of_headers: u32_at(bytes, optional + 60)?,
            subsystem: u16_at(bytes, optional + 68)?,
            resources: (u32_at(bytes, resources)?, u32_at(bytes, resources + 4)?),
        })
    }

    /// Offset in the file, address and size of what holds the resources.
    pub(super) fn resources_in_file(&self) -> Option<(u64, u32, u32)> {
        let (address, size) = self.resources;
        if address == 0 || size == 0 {
            return None;
        }
        let section = self.sections.iter().find(|section| {
            let size = section.size.max(section.file_size);
            (section.address..section.address.saturating_add(size)).contains(&address)
        })?;
        let into = address - section.address;
        let left = section.file_size.checked_sub(into)?;
        Some((
            u64::from(section.file_offset) + u64::from(into),
            address,
            left,
        ))
    }

    /// The program with resources, which `make` makes for an address, and of this subsystem.
    pub(super) fn with_resources(
        &self,
        bytes: &[u8],
        subsystem: u16,
        make: impl FnOnce(u32) -> Vec<u8>,
    ) -> Option<Vec<u8>> {
        let place = self.room_for_section(bytes)?;
        let last = self.sections.last()?;
        let end = last.address.checked_add(last.size.max(last.file_size))?;
        let address = end.checked_next_multiple_of(self.section_alignment)?;
        let resources = make(address);
        let size = u32::try_from(resources.len()).ok()?;
        let offset = u32::try_from(bytes.len()).ok()?;
        let offset = offset.checked_next_multiple_of(self.file_alignment)?;
        let file_size = size.checked_next_multiple_of(self.file_alignment)?;
        let image_size = address
            .checked_add(size)?
            .checked_next_multiple_of(self.section_alignment)?;

        let mut image = bytes.to_vec();
        image.resize(offset as usize, 0);
        image.extend(resources);
        image.resize(offset as usize + file_size as usize, 0);
        let header = [size, address, file_size, offset, 0, 0, 0, READ_ONLY_DATA];
        image[place.start..place.start + NAME.len()].copy_from_slice(NAME);
        for (at, value) in (place.start + 8..).step_by(4).zip(header) {
            put(&mut image, at, value);
        }
        let count = self.sections.len() as u16 + 1;
        image[self.header + 6..self.header + 8].copy_from_slice(&count.to_le_bytes());
        let optional = self.header + OPTIONAL;
        let initialized = u32_at(bytes, optional + 8)?.wrapping_add(file_size);
        put(&mut image, optional + 8, initialized);
        put(&mut image, optional + 56, image_size);
        // The system checks the sum of drivers only; none is better than a wrong one.
        put(&mut image, optional + 64, 0);
        image[optional + 68..optional + 70].copy_from_slice(&subsystem.to_le_bytes());
        self.set_directory(&mut image, RESOURCE_DIRECTORY, address, size);
        // A signature was one of other bytes.
        self.set_directory(&mut image, SIGNATURE_DIRECTORY, 0, 0);
        Some(image)
    }

    /// The program without the section that was added to it here, if it is one of those.
    pub(super) fn without_resources(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let last = self.sections.last()?;
        let place = self.sections_at + (self.sections.len() - 1) * SECTION_SIZE;
        let is_ours = bytes.get(place..)?.starts_with(NAME) && self.resources.0 == last.address;
        let mut image = bytes.get(..last.file_offset as usize)?.to_vec();
        if !is_ours || image.len() < place + SECTION_SIZE {
            return None;
        }
        image[place..place + SECTION_SIZE].fill(0);
        let count = self.sections.len() as u16 - 1;
        image[self.header + 6..self.header + 8].copy_from_slice(&count.to_le_bytes());
        let optional = self.header + OPTIONAL;
        let initialized = u32_at(bytes, optional + 8)?.wrapping_sub(last.file_size);
        put(&mut image, optional + 8, initialized);
        self.set_directory(&mut image, RESOURCE_DIRECTORY, 0, 0);
        Some(image)
    }

    /// Where in the headers another section can be described. A program with resources of its own keeps these.
    fn room_for_section(&self, bytes: &[u8]) -> Option<Range<usize>> {
        let start = self.sections_at + self.sections.len() * SECTION_SIZE;
        let place = start..start + SECTION_SIZE;
        let is_free = place.end <= self.size_of_headers as usize
            && bytes.get(place.clone())?.iter().all(|byte| *byte == 0);
        (is_free && self.resources.0 == 0).then_some(place)
    }

    fn set_directory(&self, image: &mut [u8], number: usize, address: u32, size: u32) {
        let at = self.directories + number * 8;
        put(image, at, address);
        put(image, at + 4, size);
    }
}

fn sections(bytes: &[u8], at: usize, count: u16) -> Option<Vec<Section>> {
    if count > SECTIONS_LIMIT {
        return None;
    }
    (0..usize::from(count))
        .map(|number| {
            let field = |offset| u32_at(bytes, at + number * SECTION_SIZE + offset);
            Some(Section {
                size: field(8)?,
                address: field(12)?,
                file_size: field(16)?,
                file_offset: field(20)?,
            })
        })
        .collect()
}

fn alignment(value: u32) -> Option<u32> {
    (value.is_power_of_two() && value <= 0x1_0000).then_some(value)
}

fn put(image: &mut [u8], at: usize, value: u32) {
    image[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

/// The two bytes at an offset.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The four bytes at an offset.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
