//! How a web source is reached.

use std::time::Duration;

use clap::Args;

/// How a web source is reached.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Network options")]
pub(crate) struct NetworkArguments {
    /// Proxy to use [default: the one that HTTPS_PROXY, HTTP_PROXY or ALL_PROXY name]
    #[arg(long, value_name = "URL", conflicts_with = "no_proxy")]
    pub(crate) proxy: Option<String>,
    /// Use no proxy, whatever the environment says
    #[arg(long)]
    pub(crate) no_proxy: bool,
    /// Header to send along, such as `Authorization: Bearer …`; repeat for more
    #[arg(long = "header", value_name = "NAME:VALUE", value_parser = parse_header)]
    pub(crate) headers: Vec<Header>,
    /// Give up when a connection or a read takes longer than this
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    pub(crate) timeout: Option<Duration>,
    /// Take no more than so many bytes a second; K, M and G may follow the number
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes)]
    pub(crate) limit_rate: Option<u64>,
    /// Give up before more than so many bytes of a signed version would travel; K, M and G may follow the number
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes)]
    pub(crate) download_limit: Option<u64>,
}

/// One `--header`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Header {
    pub(crate) name: String,
    pub(crate) value: String,
}

fn parse_header(text: &str) -> Result<Header, String> {
    let (name, value) = text
        .split_once(':')
        .ok_or("a header is written NAME:VALUE")?;
    let (name, value) = (name.trim(), value.trim());
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(is_token) {
        return Err("the name of the header is not one that HTTP allows".to_owned());
    }
    if value.chars().any(char::is_control) {
        return Err("the value of the header holds a control character".to_owned());
    }
    Ok(Header {
        name: name.to_owned(),
        value: value.to_owned(),
    })
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.001..=86_400.0).contains(&seconds) => {
            Ok(Duration::from_secs_f64(seconds))
        }
        _ => Err("give a number of seconds above 0 and up to 86400".to_owned()),
    }
}

/// A number of bytes, in the units of the progress bar: K is a thousand.
fn parse_bytes(text: &str) -> Result<u64, String> {
    let (digits, unit) = match text.char_indices().last() {
        Some((at, 'k' | 'K')) => (&text[..at], 1000),
        Some((at, 'm' | 'M')) => (&text[..at], 1_000_000),
        Some((at, 'g' | 'G')) => (&text[..at], 1_000_000_000),
        _ => (text, 1),
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.parse::<u64>().ok().filter(|_| is_number);
    let bytes = number.and_then(|number| number.checked_mul(unit));
    let bytes = bytes.filter(|bytes| *bytes > 0);
    bytes.ok_or_else(|| "give a number of bytes above 0, such as 500000, 500K or 2M".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_of_bytes_are_read_with_their_units() {
        for (text, bytes) in [
            ("1", 1),
            ("500K", 500_000),
            ("2m", 2_000_000),
            ("3G", 3_000_000_000),
        ] {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
        for text in [
            "",
            "0",
            "0K",
            "K",
            "-1",
            "+1",
            "1.5M",
            "1T",
            "1 K",
            "99999999999999999999",
            "1\u{e9}",
        ] {
            assert!(parse_bytes(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_header_is_split_at_its_first_colon() {
        let header = parse_header("Authorization: Basic a:b").unwrap();
        assert_eq!(
            (header.name.as_str(), header.value.as_str()),
            ("Authorization", "Basic a:b")
        );
    }

    #[test]
    fn headers_that_would_break_the_request_are_refused() {
        for text in ["", "name", ": value", "two words: value", "name: a\r\nb: c"] {
            assert!(parse_header(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn timeouts_out_of_range_are_refused() {
        for text in ["0", "-1", "nan", "inf", "soon", "1e9"] {
            assert!(parse_seconds(text).is_err(), "{text:?}");
        }
        assert_eq!(parse_seconds("0.5").unwrap(), Duration::from_millis(500));
    }
}
