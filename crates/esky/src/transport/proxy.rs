//! What a proxy does wrong, and how a person finds the one that is meant.

use std::fmt;
use std::time::Duration;

use crate::error::status_name;

/// A proxy as messages name it: by host and port, and by the variable that its address comes from. Never with a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyName {
    /// Host and port, as far as they can be read.
    pub address: String,
    /// The variable of the environment that names it; `None` if it was given to the transport.
    pub variable: Option<String>,
}

impl fmt::Display for ProxyName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "proxy {}", self.address)?;
        match &self.variable {
            Some(variable) => write!(formatter, " (from the variable {variable})"),
            None => Ok(()),
        }
    }
}

/// What was wrong with a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyFault {
    /// Its setting cannot be used.
    Unusable(String),
    /// It cannot be found, or does not answer.
    Unreachable(String),
    /// It wants a name and a password (407).
    PasswordRequired {
        /// Whether it was given some, and did not accept them.
        given: bool,
        /// The ways of logging in that it offers.
        schemes: Vec<String>,
    },
    /// It does not connect to the server. An encrypted connection only passes a proxy, so this is its own answer.
    Refused {
        /// The server, with its port.
        server: String,
        /// The status code of its answer.
        code: u16,
        /// How long it asks to wait.
        retry_after: Option<Duration>,
    },
    /// The answer to a request without encryption, which can be the proxy's own or the server's behind it.
    Answered {
        /// The status code.
        code: u16,
        /// How long to wait, if that is said.
        retry_after: Option<Duration>,
    },
}

impl ProxyFault {
    /// The whole sentence.
    pub(crate) fn about(&self, proxy: &ProxyName) -> String {
        match self {
            Self::Unusable(reason) => {
                format!("the setting of the {proxy} cannot be used: {reason}")
            }
            Self::Unreachable(reason) => format!("the {proxy} cannot be reached: {reason}"),
            Self::PasswordRequired { given: false, .. } => {
                format!("the {proxy} requires a name and a password (407)")
            }
            Self::PasswordRequired { given: true, .. } => {
                format!(
                    "the {proxy} does not accept the name and the password that it was given (407)"
                )
            }
            Self::Refused { server, code, .. } => {
                let name = status_name(*code);
                format!("the {proxy} refuses to connect to {server}: it answered {code}{name}")
            }
            Self::Answered { code, .. } => {
                let name = status_name(*code);
                format!("the {proxy}, or the server behind it, answered {code}{name}")
            }
        }
    }

    pub(crate) fn hint(&self, proxy: &ProxyName) -> Option<String> {
        let ProxyName { address, variable } = proxy;
        let place = match variable {
            Some(variable) => format!("in the variable {variable}"),
            None => "in the address of the proxy".to_owned(),
        };
        Some(match self {
            Self::Unusable(_) => format!("write it as http://HOST:PORT {place}"),
            Self::Unreachable(_) => match variable {
                Some(variable) => format!(
                    "check the variable {variable} and the network; a server that needs no proxy is named in the variable \
                     no_proxy"
                ),
                None => "check the address of the proxy and the network".to_owned(),
            },
            Self::PasswordRequired { schemes, .. } if !offers_basic(schemes) => format!(
                "it accepts only {}, which esky does not speak: ask whoever runs it for a way with a name and a password, \
                 or for an exception",
                schemes.join(", ")
            ),
            Self::PasswordRequired { .. } => format!(
                "give them {place}: http://NAME:PASSWORD@{address}, with %40 for @ and %3A for : inside them"
            ),
            Self::Refused { code: 300..400, .. } => {
                "open any http:// page in a browser: this network may require a login".to_owned()
            }
            Self::Refused { .. } | Self::Answered { .. } => {
                "ask whoever runs the proxy to allow it; a server that can be reached without the proxy is named in the \
                 variable no_proxy"
                    .to_owned()
            }
        })
    }

    /// The status of an answer that can be the server's.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Answered { code, .. } => Some(*code),
            _ => None,
        }
    }

    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } | Self::Answered { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// A proxy that does not say how to log in is taken for one that accepts a name and a password.
fn offers_basic(schemes: &[String]) -> bool {
    schemes.is_empty()
        || schemes
            .iter()
            .any(|scheme| scheme.eq_ignore_ascii_case("basic"))
}

/// The ways of logging in that headers `Proxy-Authenticate` name: each is the first word of a header.
pub(super) fn schemes<'a>(headers: impl Iterator<Item = &'a str>) -> Vec<String> {
    let words = headers.filter_map(|header| header.split_whitespace().next());
    let plain = |word: &&str| word.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    words.filter(plain).map(str::to_owned).take(8).collect()
}

/// Statuses that a proxy gives of its own accord, too.
pub(super) fn may_be_its_own(code: u16) -> bool {
    matches!(code, 403 | 502 | 503 | 504 | 511)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(variable: Option<&str>) -> ProxyName {
        ProxyName {
            address: "proxy.example:3128".to_owned(),
            variable: variable.map(str::to_owned),
        }
    }

    #[test]
    fn the_proxy_and_its_variable_are_named() {
        let fault = ProxyFault::PasswordRequired {
            given: false,
            schemes: vec!["Basic".to_owned()],
        };
        let named = proxy(Some("HTTPS_PROXY"));
        let words = fault.about(&named);
        assert!(
            words.contains("proxy.example:3128 (from the variable HTTPS_PROXY)"),
            "{words}"
        );
        let hint = fault.hint(&named).unwrap();
        assert!(
            hint.contains("in the variable HTTPS_PROXY: http://NAME:PASSWORD@proxy.example:3128"),
            "{hint}"
        );
        let hint = fault.hint(&proxy(None)).unwrap();
        assert!(hint.contains("in the address of the proxy"), "{hint}");
    }

    #[test]
    fn a_proxy_that_takes_no_passwords_says_so() {
        let headers = ["Negotiate", "NTLM realm=\"x\""];
        let fault = ProxyFault::PasswordRequired {
            given: false,
            schemes: schemes(headers.into_iter()),
        };
        let hint = fault.hint(&proxy(None)).unwrap();
        assert!(hint.contains("only Negotiate, NTLM"), "{hint}");
    }
}
