//! The way to a URL: straight, through a tunnel of a proxy, or by asking a proxy to fetch it.

use std::fmt;

use esky_format::percent;
use url::Url;

use super::proxy::{ProxyFault, ProxyName};
use super::{Proxy, environment};
use crate::{Error, HttpFault, Result};

/// A way to the web.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Route {
    /// No proxy.
    Direct,
    /// Encrypted URLs pass a proxy unseen.
    Tunnel(Via),
    /// Plain URLs are fetched by the proxy, which may refuse to tunnel them.
    Forward(Via),
}

/// A proxy that can be used.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Via {
    pub(super) host: String,
    pub(super) port: u16,
    /// The header `Proxy-Authorization`.
    pub(super) credentials: Option<String>,
    variable: Option<String>,
}

impl Route {
    /// The proxy on the way.
    pub(super) fn proxy(&self) -> Option<&Via> {
        match self {
            Self::Direct => None,
            Self::Tunnel(via) | Self::Forward(via) => Some(via),
        }
    }
}

impl Via {
    fn new(address: &str, variable: Option<String>) -> Result<Self, HttpFault> {
        let whole = match address.contains("://") {
            true => address.to_owned(),
            false => format!("http://{address}"),
        };
        let unusable = |reason: &str| unusable(address, variable.as_deref(), reason);
        let url = Url::parse(whole.trim()).map_err(|error| unusable(&error.to_string()))?;
        let host = url.host_str().filter(|host| !host.is_empty());
        let (Some(host), "http") = (host, url.scheme()) else {
            return Err(unusable("only http://HOST:PORT is supported"));
        };
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port_or_known_default().unwrap_or(80),
            credentials: credentials(&url),
            variable,
        })
    }

    /// As messages name it.
    pub(super) fn name(&self) -> ProxyName {
        let address = match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        };
        ProxyName {
            address,
            variable: self.variable.clone(),
        }
    }

    pub(super) fn fault(&self, fault: ProxyFault) -> HttpFault {
        HttpFault::Proxy {
            proxy: Box::new(self.name()),
            fault: Box::new(fault),
        }
    }
}

/// Credentials stay out of logs.
impl fmt::Debug for Via {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Via({})", self.name())
    }
}

fn credentials(proxy: &Url) -> Option<String> {
    if proxy.username().is_empty() && proxy.password().is_none() {
        return None;
    }
    let pair = [
        percent::decode(proxy.username().as_bytes()),
        percent::decode(proxy.password().unwrap_or_default().as_bytes()),
    ]
    .join(&b':');
    Some(format!("Basic {}", base64(&pair)))
}

/// Whether the setting can be used at all.
pub(super) fn check(proxy: &Proxy) -> Result<()> {
    match proxy {
        Proxy::Url(address) => match Via::new(address, None) {
            Ok(_) => Ok(()),
            Err(fault) => Err(Error::http(without_credentials(address), fault)),
        },
        Proxy::None | Proxy::FromEnvironment => Ok(()),
    }
}

/// The way to `url`.
pub(super) fn to(url: &Url, proxy: &Proxy) -> Result<Route, HttpFault> {
    let via = match proxy {
        Proxy::None => return Ok(Route::Direct),
        Proxy::Url(address) => Via::new(address, None)?,
        Proxy::FromEnvironment => {
            let named = environment::proxy_for(url, &|name| std::env::var(name).ok());
            let Some(named) = named else {
                return Ok(Route::Direct);
            };
            Via::new(&named.address, Some(named.variable))?
        }
    };
    Ok(match url.scheme() {
        "http" => Route::Forward(via),
        _ => Route::Tunnel(via),
    })
}

fn unusable(address: &str, variable: Option<&str>, reason: &str) -> HttpFault {
    let proxy = ProxyName {
        address: without_credentials(address).to_owned(),
        variable: variable.map(str::to_owned),
    };
    HttpFault::Proxy {
        proxy: Box::new(proxy),
        fault: Box::new(ProxyFault::Unusable(reason.to_owned())),
    }
}

fn without_credentials(address: &str) -> &str {
    address.rsplit_once('@').map_or(address, |(_, host)| host)
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut group = [0; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for digit in 0..4 {
            let value = (bits >> (18 - 6 * digit)) & 63;
            let shown = digit <= chunk.len() as u32;
            text.push(if shown {
                char::from(DIGITS[value as usize])
            } else {
                '='
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_urls_are_forwarded_and_encrypted_ones_tunnelled() {
        let proxy = Proxy::Url("user:p%40ss@proxy:3128".to_owned());
        let plain = to(&Url::parse("http://host/").unwrap(), &proxy).unwrap();
        let Route::Forward(via) = &plain else {
            panic!("{plain:?}");
        };
        assert_eq!((via.host.as_str(), via.port), ("proxy", 3128));
        assert_eq!(via.credentials.as_deref(), Some("Basic dXNlcjpwQHNz"));
        let encrypted = to(&Url::parse("https://host/").unwrap(), &proxy).unwrap();
        assert!(matches!(encrypted, Route::Tunnel(_)));
    }

    #[test]
    fn a_proxy_is_named_without_its_password() {
        let via = Via::new(
            "http://me:secret@[fd00::1]:3128/",
            Some("http_proxy".into()),
        )
        .unwrap();
        assert_eq!(via.name().address, "[fd00::1]:3128");
        for address in [
            "socks5://me:secret@proxy:1",
            "https://me:secret@proxy:1",
            "http://me:secret@proxy:x",
        ] {
            let error = check(&Proxy::Url(address.to_owned())).unwrap_err();
            let text = error.to_string();
            assert!(
                text.contains("proxy:") && !text.contains("secret"),
                "{text}"
            );
        }
    }

    #[test]
    fn base64_pads() {
        assert_eq!(base64(b"a"), "YQ==");
        assert_eq!(base64(b"ab"), "YWI=");
        assert_eq!(base64(b"abc"), "YWJj");
        assert_eq!(base64(b""), "");
    }
}
