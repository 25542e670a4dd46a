//! Why a server's certificate is refused, in words that tell a person what to do.
//!
//! The verdict is the system's verifier's. The certificate itself is read only after it was refused, to say whose it is.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use der::asn1::{AnyRef, GeneralizedTime, UtcTime};
use der::{Decode, Reader, SliceReader, Tag, TagNumber, Tagged};
use esky_trust::Time;
use rustls::CertificateError;

/// Names of a certificate that are shown, and letters of each.
const MOST_NAMES: usize = 8;
const LONGEST_NAME: usize = 100;

const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const ORGANISATION: &[u8] = &[0x55, 4, 10];
const ORGANISATIONAL_UNIT: &[u8] = &[0x55, 4, 11];
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];

/// What is wrong with the certificate that a server has shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateFault {
    /// It is over, or that of the authority above it.
    #[error("the certificate {whose} expired on {since} (issued by {issuer})")]
    Expired {
        /// Whose certificate it is.
        whose: Whose,
        /// Who issued it.
        issuer: String,
        /// Its last second.
        since: Time,
    },
    /// It is not valid yet, or that of the authority above it.
    #[error(
        "the certificate {whose} is valid only from {from} on, and the clock of this machine says {now} (issued by {issuer})"
    )]
    NotYetValid {
        /// Whose certificate it is.
        whose: Whose,
        /// Who issued it.
        issuer: String,
        /// Its first second.
        from: Time,
        /// What the clock of this machine said.
        now: Time,
    },
    /// The server has issued it to itself.
    #[error("the certificate of the server is self-signed (by {subject})")]
    SelfSigned {
        /// The name that it gives itself.
        subject: String,
    },
    /// No authority that this system knows has issued it.
    #[error(
        "the certificate of the server was issued by {issuer}, an authority that this system does not know"
    )]
    UnknownIssuer {
        /// Who issued it, or the last of the certificates above it that the server has sent.
        issuer: String,
    },
    /// It is for other hosts.
    #[error(
        "the certificate of the server is for {}, not for {host}",
        listed(names)
    )]
    WrongHost {
        /// The host that was asked.
        host: String,
        /// The hosts that it is for.
        names: Vec<String>,
    },
    /// Its issuer has taken it back.
    #[error("the certificate of the server has been revoked by {issuer}")]
    Revoked {
        /// Who issued it.
        issuer: String,
    },
    /// Something else that a person cannot mend.
    #[error("the certificate of the server cannot be accepted: {reason} (issued by {issuer})")]
    Other {
        /// Who issued it.
        issuer: String,
        /// What the verifier says, in words.
        reason: String,
    },
}

/// Whose certificate is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// The server's own.
    Server,
    /// That of an authority between the server and one that the system knows, by its name.
    Authority(String),
}

impl fmt::Display for Whose {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server => formatter.write_str("of the server"),
            Self::Authority(name) => write!(formatter, "of the authority {name}"),
        }
    }
}

impl CertificateFault {
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::Expired { .. } => {
                "check the date of this machine; if it is right, whoever runs the server must renew the certificate"
            }
            Self::NotYetValid { .. } => {
                "check the date and the time of this machine: the clock may be wrong"
            }
            Self::SelfSigned { .. } => {
                "the server needs a certificate of an authority that this system knows, or its own one installed in \
                 the system; on an open network a login page may stand in between"
            }
            Self::UnknownIssuer { .. } => {
                "a company's proxy that looks into encrypted connections needs its certificate installed in the \
                 system; on an open network a login page may stand in between"
            }
            Self::WrongHost { .. } => {
                "check the address; on an open network a login page may stand in between"
            }
            Self::Revoked { .. } | Self::Other { .. } => {
                "whoever runs the server must replace the certificate"
            }
        }
    }

    /// The times that its text names.
    pub(crate) fn times(&self) -> Vec<Time> {
        match self {
            Self::Expired { since, .. } => vec![*since],
            Self::NotYetValid { from, now, .. } => vec![*from, *now],
            _ => Vec::new(),
        }
    }

    /// Explains the verifier's refusal of a chain: the server's certificate first, then those above it.
    pub(super) fn of(error: &CertificateError, chain: &[&[u8]], host: &str, now: Time) -> Self {
        let chain: Vec<Certificate> = chain.iter().filter_map(|der| read(der)).collect();
        let Some(server) = chain.first() else {
            return Self::Other {
                issuer: unnamed(),
                reason: words(error),
            };
        };
        let fault = match error {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                expired(&chain, now)
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                not_yet_valid(&chain, now)
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Some(Self::WrongHost {
                    host: host.to_owned(),
                    names: server.names.clone(),
                })
            }
            CertificateError::Revoked => Some(Self::Revoked {
                issuer: server.issuer.clone(),
            }),
            CertificateError::UnknownIssuer => self_signed(server).or_else(|| {
                let issuer = chain.last().map(|last| last.issuer.clone());
                issuer.map(|issuer| Self::UnknownIssuer { issuer })
            }),
            // Some systems say only that something is wrong, and a certificate that is its own authority has a name of
            // its own among the faults.
            CertificateError::Other(_) => expired(&chain, now)
                .or_else(|| not_yet_valid(&chain, now))
                .or_else(|| self_signed(server)),
            _ => None,
        };
        fault.unwrap_or_else(|| Self::Other {
            issuer: server.issuer.clone(),
            reason: words(error),
        })
    }
}

fn expired(chain: &[Certificate], now: Time) -> Option<CertificateFault> {
    let (number, found) = at(chain, |certificate| certificate.until < now)?;
    Some(CertificateFault::Expired {
        whose: found.whose(number),
        issuer: found.issuer.clone(),
        since: found.until,
    })
}

fn not_yet_valid(chain: &[Certificate], now: Time) -> Option<CertificateFault> {
    let (number, found) = at(chain, |certificate| certificate.from > now)?;
    Some(CertificateFault::NotYetValid {
        whose: found.whose(number),
        issuer: found.issuer.clone(),
        from: found.from,
        now,
    })
}

fn at(
    chain: &[Certificate],
    is_wrong: impl Fn(&Certificate) -> bool,
) -> Option<(usize, &Certificate)> {
    chain.iter().enumerate().find(|(_, found)| is_wrong(found))
}

fn self_signed(server: &Certificate) -> Option<CertificateFault> {
    server.is_self_signed.then(|| CertificateFault::SelfSigned {
        subject: server.subject.clone(),
    })
}

/// What the verifier says, never in the form of a program's data.
fn words(error: &CertificateError) -> String {
    let known = match error {
        CertificateError::BadEncoding => "it cannot be read",
        CertificateError::BadSignature => "its signature is wrong",
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is for another host"
        }
        CertificateError::UnknownIssuer => "this system does not know its authority",
        CertificateError::UnhandledCriticalExtension => {
            "it holds a condition that is not understood"
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "it is not meant for a server"
        }
        CertificateError::UnknownRevocationStatus
        | CertificateError::ExpiredRevocationList
        | CertificateError::ExpiredRevocationListContext { .. } => {
            "it cannot be found out whether it has been revoked"
        }
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "it is signed in a way that is not accepted"
        }
        CertificateError::Other(other) => return plain(&other.to_string()),
        // Only the name: what follows it is data for programs.
        _ => {
            let name = format!("{error:?}");
            let end = name.find(|c: char| !c.is_alphanumeric());
            return plain(&name[..end.unwrap_or(name.len())]);
        }
    };
    known.to_owned()
}

/// `PathLenConstraintViolated` becomes `path len constraint violated`; sentences stay.
fn plain(text: &str) -> String {
    let is_sentence = text.contains(' ');
    if text == "CaUsedAsEndEntity" {
        return "it is the certificate of an authority, not of a server".to_owned();
    }
    if text == "UnsupportedCertVersion" {
        return "it has an old form that is not accepted".to_owned();
    }
    let mut words = String::new();
    for letter in text.chars() {
        if !is_sentence && letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        match is_sentence {
            true => words.push(letter),
            false => words.extend(letter.to_lowercase()),
        }
    }
    words
}

fn listed(names: &[String]) -> String {
    let shown = names.iter().take(MOST_NAMES).cloned().collect::<Vec<_>>();
    match (shown.is_empty(), names.len() - shown.len()) {
        (true, _) => "no host at all".to_owned(),
        (false, 0) => shown.join(", "),
        (false, more) => format!("{} and {more} more", shown.join(", ")),
    }
}

fn unnamed() -> String {
    "somebody unnamed".to_owned()
}

/// What is said of a certificate.
struct Certificate {
    issuer: String,
    subject: String,
    is_self_signed: bool,
    from: Time,
    until: Time,
    names: Vec<String>,
}

impl Certificate {
    fn whose(&self, number: usize) -> Whose {
        match number {
            0 => Whose::Server,
            _ => Whose::Authority(self.subject.clone()),
        }
    }
}

/// Reads as much of a certificate as is said of it; `None` if it is none.
fn read(der: &[u8]) -> Option<Certificate> {
    let whole = AnyRef::from_der(der).ok()?;
    let signed = parts(whole.value())?.into_iter().next()?;
    let mut fields = parts(signed.value())?.into_iter().peekable();
    // The version, which the oldest do not have.
    let _version = fields.next_if(|field| field.tag() != Tag::Integer);
    let (_serial, _algorithm) = (fields.next()?, fields.next()?);
    let (issuer, validity, subject) = (fields.next()?, fields.next()?, fields.next()?);
    let mut times = parts(validity.value())?.into_iter().map(time);
    let names = fields.find_map(extensions).unwrap_or_default();
    Some(Certificate {
        issuer: name(issuer.value()),
        subject: name(subject.value()),
        is_self_signed: issuer.value() == subject.value(),
        from: times.next()??,
        until: times.next()??,
        names,
    })
}

/// What a sequence or set is made of.
fn parts(bytes: &[u8]) -> Option<Vec<AnyRef<'_>>> {
    let mut reader = SliceReader::new(bytes).ok()?;
    let mut parts = Vec::new();
    while !reader.is_finished() {
        parts.push(AnyRef::decode(&mut reader).ok()?);
    }
    Some(parts)
}

fn time(field: AnyRef<'_>) -> Option<Time> {
    let since = match field.tag() {
        Tag::UtcTime => field.decode_as::<UtcTime>().ok()?.to_unix_duration(),
        _ => field
            .decode_as::<GeneralizedTime>()
            .ok()?
            .to_unix_duration(),
    };
    Some(Time::from_unix(i64::try_from(since.as_secs()).ok()?))
}

/// The common name of somebody and the organisation, as far as they are said.
fn name(bytes: &[u8]) -> String {
    let attributes: Vec<(&[u8], String)> = parts(bytes)
        .into_iter()
        .flatten()
        .filter_map(|set| parts(set.value()))
        .flatten()
        .filter_map(|attribute| match parts(attribute.value())?.as_slice() {
            [kind, value] => Some((kind.value(), text(*value))),
            _ => None,
        })
        .collect();
    let said = |wanted: &[u8]| {
        let found = attributes.iter().find(|(kind, _)| *kind == wanted);
        found.map(|(_, text)| text.clone())
    };
    let organisation = said(ORGANISATION).or_else(|| said(ORGANISATIONAL_UNIT));
    match (said(COMMON_NAME), organisation) {
        (Some(name), Some(organisation)) if !name.contains(&organisation) => {
            format!("{name}, {organisation}")
        }
        (Some(name), _) => name,
        (None, Some(organisation)) => organisation,
        (None, None) => unnamed(),
    }
}

fn text(value: AnyRef<'_>) -> String {
    let text = match value.tag() {
        Tag::BmpString => {
            let units = value.value().chunks_exact(2);
            let units = units.map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            char::decode_utf16(units)
                .map(|c| c.unwrap_or('?'))
                .collect()
        }
        _ => String::from_utf8_lossy(value.value()).into_owned(),
    };
    printable(&text)
}

/// Foreign text, for a terminal: nothing that moves the cursor or turns the direction of writing.
fn printable(text: &str) -> String {
    let is_plain = |c: &char| {
        !c.is_control()
            && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    text.chars().filter(is_plain).take(LONGEST_NAME).collect()
}

/// The hosts in the list of extensions, if the field is that.
fn extensions(field: AnyRef<'_>) -> Option<Vec<String>> {
    let is_list = matches!(field.tag(), Tag::ContextSpecific { constructed: true, number } if number == TagNumber(3));
    let list = parts(is_list.then_some(field.value())?)?
        .into_iter()
        .next()?;
    parts(list.value())?.into_iter().find_map(|extension| {
        let parts = parts(extension.value())?;
        let (kind, value) = (parts.first()?, parts.last()?);
        (kind.value() == ALTERNATIVE_NAMES).then(|| hosts(value.value()))
    })
}

fn hosts(value: &[u8]) -> Vec<String> {
    let list = AnyRef::from_der(value).ok();
    let names = list.and_then(|list| parts(list.value()));
    names.into_iter().flatten().filter_map(host).collect()
}

fn host(name: AnyRef<'_>) -> Option<String> {
    let Tag::ContextSpecific { number, .. } = name.tag() else {
        return None;
    };
    let bytes = name.value();
    match number {
        TagNumber(2) => Some(printable(&String::from_utf8_lossy(bytes))),
        TagNumber(7) => match *bytes {
            [a, b, c, d] => Some(Ipv4Addr::new(a, b, c, d).to_string()),
            _ => Some(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).to_string()),
        },
        _ => None,
    }
}
