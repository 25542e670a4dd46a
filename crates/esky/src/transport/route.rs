//! The way to a URL: straight, through a tunnel of a proxy, or by asking a proxy to fetch it.

use esky_format::percent;
use url::Url;

use super::connect::ForwardProxy;
use super::{Proxy, environment};
use crate::{Error, HttpFault, Result};

/// A way to the web.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Route {
    /// No proxy.
    Direct,
    /// Encrypted URLs pass a proxy unseen.
    Tunnel(Url),
    /// Plain URLs are fetched by the proxy, which may refuse to tunnel them.
    Forward(Url),
}

impl Route {
    pub(super) fn tunnel(&self) -> Result<Option<ureq::Proxy>> {
        let Self::Tunnel(proxy) = self else {
            return Ok(None);
        };
        ureq::Proxy::new(proxy.as_str())
            .map(Some)
            .map_err(|error| unusable(proxy.as_str(), &error.to_string()))
    }

    pub(super) fn forward(&self) -> Option<ForwardProxy> {
        let Self::Forward(proxy) = self else {
            return None;
        };
        Some(ForwardProxy {
            host: proxy.host_str()?.trim_matches(['[', ']']).to_owned(),
            port: proxy.port_or_known_default()?,
        })
    }

    /// For a tunnel the HTTP library sends them by itself.
    pub(super) fn forward_credentials(&self) -> Option<String> {
        let Self::Forward(proxy) = self else {
            return None;
        };
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
}

/// Whether the setting can be used at all.
pub(super) fn check(proxy: &Proxy) -> Result<()> {
    match proxy {
        Proxy::Url(url) => parse(url).map(drop),
        Proxy::None | Proxy::FromEnvironment => Ok(()),
    }
}

/// The way to `url`.
pub(super) fn to(url: &Url, proxy: &Proxy) -> Result<Route> {
    let address = match proxy {
        Proxy::None => None,
        Proxy::Url(address) => Some(address.clone()),
        Proxy::FromEnvironment => environment::proxy_for(url, &|name| std::env::var(name).ok()),
    };
    let Some(address) = address else {
        return Ok(Route::Direct);
    };
    let parsed = parse(&address)?;
    Ok(match url.scheme() {
        "http" => Route::Forward(parsed),
        _ => Route::Tunnel(parsed),
    })
}

fn parse(address: &str) -> Result<Url> {
    let whole = match address.contains("://") {
        true => address.to_owned(),
        false => format!("http://{address}"),
    };
    let parsed = Url::parse(&whole).map_err(|error| unusable(address, &error.to_string()))?;
    if parsed.scheme() != "http" || parsed.host_str().is_none_or(str::is_empty) {
        return Err(unusable(address, "only http://host:port is supported"));
    }
    Ok(parsed)
}

/// Names the proxy without its credentials.
fn unusable(address: &str, reason: &str) -> Error {
    let shown = address.rsplit_once('@').map_or(address, |(_, host)| host);
    Error::http(shown, HttpFault::BadProxy(reason.to_owned()))
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
        assert_eq!(plain.forward().unwrap().host, "proxy");
        assert_eq!(plain.forward().unwrap().port, 3128);
        assert_eq!(plain.forward_credentials().unwrap(), "Basic dXNlcjpwQHNz");
        let encrypted = to(&Url::parse("https://host/").unwrap(), &proxy).unwrap();
        assert!(encrypted.forward().is_none() && encrypted.tunnel().unwrap().is_some());
    }

    #[test]
    fn an_unusable_proxy_is_named_without_its_password() {
        let error = check(&Proxy::Url("socks5://me:secret@proxy:1".to_owned())).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("proxy:1") && !text.contains("secret"),
            "{text}"
        );
    }

    #[test]
    fn base64_pads() {
        assert_eq!(base64(b"a"), "YQ==");
        assert_eq!(base64(b"ab"), "YWI=");
        assert_eq!(base64(b"abc"), "YWJj");
        assert_eq!(base64(b""), "");
    }
}
