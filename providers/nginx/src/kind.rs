//! The kinds of arguments and what each allows.
//!
//! A kind looks at one argument's meaning, before any quoting. It answers with what is
//! wrong in words that follow the directive's name and a colon.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::regex;
use crate::variable::Variables;

/// What one argument may be.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// `on` or `off`.
    OnOff,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// One of these words, or something of this kind.
    Or(&'static [&'static str], &'static Kind),
    /// A whole number between these two, both included.
    Number(u64, u64),
    /// A number of bytes: `4096`, `16k`, `1m`.
    Size,
    /// A number of bytes that may be large: as [`Kind::Size`], and `2g`.
    LargeSize,
    /// A time: `500ms`, `30s`, `1h30m`, `7d`.
    Time,
    /// A time in whole seconds: as [`Kind::Time`] without `ms`.
    Seconds,
    /// A name of letters, digits, `_`, `-` and `.`, such as that of an upstream or a log format.
    Name,
    /// A variable that the directive defines: `$backend`.
    NewVariable,
    /// Text in which variables are replaced.
    Text,
    /// Text without variables.
    Literal,
    /// The name of a header field.
    Header,
    /// A status code from 100 to 599.
    Status,
    /// A regular expression of PCRE.
    Regex,
    /// The path of a URI, from `/` on.
    UriPath,
    /// A path, or an URL, in which variables are replaced.
    Target,
    /// A name of a virtual server: `shop.example.com`, `*.example.com`, `.example.com`,
    /// `www.example.*`, `~^regex$`, `_`, or the empty string.
    ServerName,
    /// The name of a host, or an address.
    Host,
    /// Where a server listens: `80`, `*:80`, `192.0.2.1:80`, `[::]:80`, `unix:run/a.sock`.
    Listen,
    /// A server of an upstream: `192.0.2.1:8080`, `[2001:db8::1]:80`, `host:80`, `unix:path`.
    Endpoint,
    /// Where `proxy_pass` sends: `http://upstream`, `https://192.0.2.1:8443/path`.
    ProxyTarget,
    /// Where `grpc_pass` sends: `grpc://upstream`, `grpcs://192.0.2.1:8443`.
    GrpcTarget,
    /// Where a stream goes: as [`Kind::Endpoint`], or a variable that names one.
    StreamTarget,
    /// The head of an HTTP request: a line and header fields, with CR LF behind each and one more
    /// at the end. The only text that may hold line ends.
    Request,
    /// A file or a directory, relative to the tree or absolute; without `..`.
    File,
    /// As [`Kind::File`], where the last part may hold `*`.
    Files,
    /// An address or a network: `192.0.2.0/24`.
    Network,
    /// OpenSSL's names of ciphers: letters, digits and `_ - : + ! @ =`.
    Ciphers,
    /// Requests in a time: `10r/s`, `30r/m`.
    Rate,
    /// A name and a size: `sessions:10m`.
    NamedSize,
    /// A media type: `text/html`, or `*`.
    MediaType,
    /// The key of a `map`: text, or `~` and a regular expression.
    MapKey,
    /// A share of a whole: `12.5%`, or `*`.
    Share,
    /// Where TLS sessions are kept: `off`, `none`, `builtin`, `shared:name:size`.
    SessionCache,
    /// One of these flags and `name=value` pairs.
    Parameters(&'static [Parameter]),
    /// As [`Kind::Endpoint`], or one of these flags and pairs.
    EndpointOr(&'static [Parameter]),
}

/// A flag, or a `name=value` pair, of a directive.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What stands behind `=`; `None` for a flag.
    pub value: Option<&'static Kind>,
}

impl Kind {
    /// What is wrong with an argument of this kind.
    pub fn check(&self, text: &str, variables: &Variables) -> Result<(), String> {
        match self {
            Kind::OnOff => one_of(text, &["on", "off"]),
            Kind::OneOf(words) => one_of(text, words),
            Kind::Or(words, _) if words.contains(&text) => Ok(()),
            Kind::Or(words, kind) => kind
                .check(text, variables)
                .map_err(|problem| format!("{problem}; the words {} are allowed as well", words.join(", "))),
            Kind::Number(least, most) => number(text, *least, *most),
            Kind::Size => size(text, "km"),
            Kind::LargeSize => size(text, "kmg"),
            Kind::Time => time(text, true),
            Kind::Seconds => time(text, false),
            Kind::Name => name(text),
            Kind::NewVariable => new_variable(text),
            Kind::Text => variables.check(text),
            Kind::Literal => without_variables(text),
            Kind::Header => header(text),
            Kind::Status => number(text, 100, 599),
            Kind::Regex => regex::check(text),
            Kind::UriPath => uri_path(text),
            Kind::Target => target(text).and_then(|()| variables.check(text)),
            Kind::ServerName => server_name(text),
            Kind::Host => host(text),
            Kind::Listen => listen(text),
            Kind::Endpoint => endpoint(text),
            Kind::ProxyTarget => proxy_target(text, variables),
            Kind::GrpcTarget => grpc_target(text, variables),
            Kind::StreamTarget if text.starts_with('$') => variables.check(text),
            Kind::StreamTarget => endpoint(text),
            Kind::Request => request(text),
            Kind::File => file(text, false),
            Kind::Files => file(text, true),
            Kind::Network => network(text),
            Kind::Ciphers => ciphers(text),
            Kind::Rate => rate(text),
            Kind::NamedSize => named_size(text),
            Kind::MediaType => media_type(text),
            Kind::MapKey => text.strip_prefix('~').map_or(Ok(()), |rest| regex::check(rest.trim_start_matches('*'))),
            Kind::Share => share(text),
            Kind::SessionCache => session_cache(text),
            Kind::Parameters(parameters) => parameter(text, parameters, variables),
            Kind::EndpointOr(parameters) if text.contains('=') => parameter(text, parameters, variables),
            Kind::EndpointOr(_) => endpoint(text),
        }
    }
}

fn allowed(condition: bool, problem: impl FnOnce() -> String) -> Result<(), String> {
    if condition { Ok(()) } else { Err(problem()) }
}

fn one_of(text: &str, words: &[&str]) -> Result<(), String> {
    allowed(words.contains(&text), || format!("{text:?} is not one of {}", words.join(", ")))
}

fn number(text: &str, least: u64, most: u64) -> Result<(), String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse::<u64>().ok().filter(|_| digits);
    match number {
        Some(number) if (least..=most).contains(&number) => Ok(()),
        Some(_) => Err(format!("{text} is not between {least} and {most}")),
        None => Err(format!("{text:?} is not a whole number")),
    }
}

fn size(text: &str, units: &str) -> Result<(), String> {
    let digits = match text.char_indices().next_back() {
        Some((at, last)) if units.contains(last.to_ascii_lowercase()) => &text[..at],
        _ => text,
    };
    // Ten digits with a unit still fit 64 bits.
    let valid = (1..=10).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    allowed(valid, || {
        let units: Vec<String> = units.chars().map(String::from).collect();
        format!("{text:?} is not a size: write a number of bytes, or one with {}, such as 16k", units.join(" or "))
    })
}

/// nginx wants the units from the largest to the smallest, each once.
fn time(text: &str, milliseconds: bool) -> Result<(), String> {
    const UNITS: [&str; 8] = ["y", "M", "w", "d", "h", "m", "s", "ms"];
    let units = if milliseconds { &UNITS[..] } else { &UNITS[..7] };
    let problem = || {
        let smallest = if milliseconds { "ms, s" } else { "s" };
        format!("{text:?} is not a time: write a number with {smallest}, m, h or d, such as 30s")
    };
    let mut rest = text;
    let mut larger = 0;
    loop {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        // Seven digits of years overflow nothing that nginx reads.
        if !(1..=7).contains(&digits) {
            return Err(problem());
        }
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let unit = &rest[..letters];
        rest = &rest[letters..];
        match units.iter().position(|known| *known == unit) {
            Some(at) if at >= larger => larger = at + 1,
            None if unit.is_empty() && larger == 0 && rest.is_empty() => return Ok(()),
            _ => return Err(problem()),
        }
        if rest.is_empty() {
            return Ok(());
        }
    }
}

fn name(text: &str) -> Result<(), String> {
    let valid = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    allowed(valid, || format!("{text:?} is not a name: letters, digits, `_`, `-` and `.` are allowed"))
}

fn new_variable(text: &str) -> Result<(), String> {
    let valid = text.strip_prefix('$').is_some_and(crate::variable::is_name);
    allowed(valid, || format!("{text:?} is not a variable: write $ and a name of a-z, 0-9 and `_`"))
}

fn without_variables(text: &str) -> Result<(), String> {
    allowed(!text.contains('$'), || format!("{text:?} holds `$`, and no variable is allowed here"))
}

fn header(text: &str) -> Result<(), String> {
    let starts = text.starts_with(|char: char| char.is_ascii_alphabetic());
    let valid = starts && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    allowed(valid, || format!("{text:?} is not a header field's name: letters, digits and `-` are allowed"))
}

fn uri_path(text: &str) -> Result<(), String> {
    allowed(text.starts_with('/'), || format!("{text:?} does not begin with /"))?;
    let blank = text.chars().any(char::is_whitespace);
    allowed(!blank, || format!("{text:?} holds white space"))?;
    without_variables(text)
}

fn target(text: &str) -> Result<(), String> {
    let begins = ["/", "http://", "https://", "$scheme://", "@"].iter().any(|prefix| text.starts_with(prefix));
    allowed(begins, || format!("{text:?} begins with none of /, @, http://, https:// and $scheme://"))?;
    allowed(!text.chars().any(char::is_whitespace), || format!("{text:?} holds white space"))
}

fn is_label(label: &str) -> bool {
    let inner = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    inner && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
}

fn is_host_name(text: &str) -> bool {
    let text = text.strip_suffix('.').unwrap_or(text);
    text.len() <= 253 && text.split('.').all(is_label)
}

fn not_a_host(text: &str) -> String {
    match idna::domain_to_ascii(text) {
        Ok(ascii) if !text.is_ascii() && is_host_name(&ascii) => {
            format!("{text:?} must be written in the form that DNS uses: {ascii:?}")
        }
        _ => format!("{text:?} is not a host name"),
    }
}

fn server_name(text: &str) -> Result<(), String> {
    if let Some(expression) = text.strip_prefix('~') {
        return regex::check(expression);
    }
    if text.is_empty() || text == "_" {
        return Ok(());
    }
    let middle = text.strip_prefix("*.").or_else(|| text.strip_prefix('.')).unwrap_or(text);
    let middle = middle.strip_suffix(".*").filter(|_| middle.len() == text.len()).unwrap_or(middle);
    allowed(is_host_name(middle) || text.parse::<Ipv4Addr>().is_ok(), || {
        if middle.contains('*') {
            format!("{text:?} is not a server name: `*` stands for whole labels at one end only")
        } else {
            not_a_host(text)
        }
    })
}

fn host(text: &str) -> Result<(), String> {
    let bracketed = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let valid = bracketed.map_or_else(|| is_host_name(text), |inner| inner.parse::<Ipv6Addr>().is_ok());
    allowed(valid, || not_a_host(text))
}

fn port(text: &str) -> Result<(), String> {
    number(text, 1, 65535).map_err(|_| format!("{text:?} is not a port from 1 to 65535"))
}

/// Cuts `host:port` where the port begins, leaving the colons of `[::1]` alone.
fn split_port(text: &str) -> (&str, Option<&str>) {
    let behind = text.rfind(']').unwrap_or(0);
    match text[behind..].rfind(':') {
        Some(at) => (&text[..behind + at], Some(&text[behind + at + 1..])),
        None => (text, None),
    }
}

fn listen(text: &str) -> Result<(), String> {
    if let Some(socket) = text.strip_prefix("unix:") {
        return file(socket, false);
    }
    let (address, given) = split_port(text);
    let Some(given) = given else {
        return if text.bytes().all(|byte| byte.is_ascii_digit()) { port(text) } else { host(text) };
    };
    port(given)?;
    if address == "*" { Ok(()) } else { host(address) }
}

fn endpoint(text: &str) -> Result<(), String> {
    if let Some(socket) = text.strip_prefix("unix:") {
        return file(socket, false);
    }
    let (address, given) = split_port(text);
    given.map_or(Ok(()), port)?;
    host(address)
}

fn proxy_target(text: &str, variables: &Variables) -> Result<(), String> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let rest = rest.ok_or_else(|| format!("{text:?} begins with neither http:// nor https://"))?;
    if let Some(socket) = rest.strip_prefix("unix:") {
        return file(socket.split(':').next().unwrap_or_default(), false);
    }
    allowed(!rest.chars().any(char::is_whitespace), || format!("{text:?} holds white space"))?;
    let behind = rest.char_indices().skip(1).find(|(_, char)| ['/', '?', '$'].contains(char));
    let (authority, path) = rest.split_at(behind.map_or(rest.len(), |(at, _)| at));
    variables.check(path)?;
    // A name that a variable gives, of an upstream for example; nginx replaces it at run time.
    if authority.starts_with('$') { variables.check(authority) } else { endpoint(authority) }
}

fn grpc_target(text: &str, variables: &Variables) -> Result<(), String> {
    let rest = text.strip_prefix("grpc://").or_else(|| text.strip_prefix("grpcs://"));
    let authority = rest.ok_or_else(|| format!("{text:?} begins with neither grpc:// nor grpcs://"))?;
    if authority.starts_with('$') { variables.check(authority) } else { endpoint(authority) }
}

fn request(text: &str) -> Result<(), String> {
    let problem = || format!("{text:?} is not the head of a request, such as \"GET / HTTP/1.0\\r\\n\\r\\n\"");
    let head = text.strip_suffix("\r\n\r\n").ok_or_else(problem)?;
    let mut lines = head.split("\r\n");
    let line: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
    let [method, path, version] = line[..] else { return Err(problem()) };
    one_of(method, &["GET", "HEAD", "POST", "OPTIONS"])?;
    uri_path(path)?;
    one_of(version, &["HTTP/1.0", "HTTP/1.1"])?;
    for line in lines {
        let (name, value) = line.split_once(": ").ok_or_else(problem)?;
        header(name)?;
        allowed(!value.chars().any(char::is_control), problem)?;
        without_variables(value)?;
    }
    allowed(!head.chars().any(|char| char.is_control() && !['\r', '\n'].contains(&char)), problem)
}

fn file(text: &str, several: bool) -> Result<(), String> {
    without_variables(text)?;
    allowed(!text.is_empty(), || "the name of a file is missing".to_owned())?;
    let climbs = text.split('/').any(|part| part == "..");
    allowed(!climbs, || format!("{text:?} leads out of its directory by `..`"))?;
    let (directories, last) = text.rsplit_once('/').unwrap_or(("", text));
    let globbed = directories.contains(['*', '?', '[']) || (!several && last.contains('*'));
    allowed(!globbed, || format!("{text:?} holds a wildcard where none is allowed"))
}

fn network(text: &str) -> Result<(), String> {
    let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
    let address = address.parse::<IpAddr>().map_err(|_| format!("{text:?} is neither an address nor a network"))?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    length.map_or(Ok(()), |length| number(length, 0, most))
}

fn ciphers(text: &str) -> Result<(), String> {
    let valid = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-:+!@=".contains(&byte));
    allowed(valid, || format!("{text:?} is not a list of ciphers"))
}

fn rate(text: &str) -> Result<(), String> {
    let count = text.strip_suffix("r/s").or_else(|| text.strip_suffix("r/m"));
    let valid = count.is_some_and(|count| number(count, 1, 1_000_000).is_ok());
    allowed(valid, || format!("{text:?} is not a rate: write requests a second or a minute, such as 10r/s"))
}

fn named_size(text: &str) -> Result<(), String> {
    let (given, bytes) =
        text.split_once(':').ok_or_else(|| format!("{text:?} is not a name and a size, such as sessions:10m"))?;
    name(given)?;
    size(bytes, "km")
}

fn session_cache(text: &str) -> Result<(), String> {
    if let Some(shared) = text.strip_prefix("shared:") {
        return named_size(shared);
    }
    allowed(["off", "none", "builtin"].contains(&text), || {
        format!("{text:?} is not one of off, none, builtin and shared:name:size")
    })
}

fn media_type(text: &str) -> Result<(), String> {
    let part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#&^_.+-".contains(&byte))
    };
    let valid = text == "*" || text.split_once('/').is_some_and(|(group, subtype)| part(group) && part(subtype));
    allowed(valid, || format!("{text:?} is not a media type, such as text/html"))
}

fn share(text: &str) -> Result<(), String> {
    let digits = |digits: &str, most: usize| {
        (1..=most).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    let valid = text == "*"
        || text.strip_suffix('%').is_some_and(|share| match share.split_once('.') {
            Some((whole, fraction)) => digits(whole, 3) && digits(fraction, 2),
            None => digits(share, 3),
        });
    allowed(valid, || format!("{text:?} is not a share, such as 12.5%, or *"))
}

fn parameter(text: &str, parameters: &[Parameter], variables: &Variables) -> Result<(), String> {
    let (given, value) = text.split_once('=').map_or((text, None), |(given, value)| (given, Some(value)));
    let Some(known) = parameters.iter().find(|known| known.name == given) else {
        let names: Vec<&str> = parameters.iter().map(|known| known.name).collect();
        return Err(format!("there is no parameter {given:?}; known are {}", names.join(", ")));
    };
    match (known.value, value) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err(format!("the parameter {given} takes no value")),
        (Some(_), None) => Err(format!("the parameter {given} needs a value: {given}=…")),
        (Some(kind), Some(value)) => kind.check(value, variables).map_err(|problem| format!("{given}: {problem}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: Kind, good: &[&str], bad: &[&str]) {
        let variables = Variables::default();
        for text in good {
            assert_eq!(kind.check(text, &variables), Ok(()), "{kind:?}");
        }
        for text in bad {
            assert!(kind.check(text, &variables).is_err(), "{kind:?} must refuse {text:?}");
        }
    }

    #[test]
    fn numbers_sizes_and_times() {
        check(Kind::Number(1, 10), &["1", "10"], &["0", "11", "-1", "+1", "", "1.5", "x"]);
        check(Kind::Size, &["1024", "10k", "1M"], &["", "k", "1g", "5b", "-1", "99999999999k"]);
        check(Kind::LargeSize, &["0", "2g"], &["2t"]);
        check(
            Kind::Time,
            &["5ms", "10s", "1h30m", "60", "1d"],
            &["", "s", "5k", "30m1h", "1s1s", "10s5", "1.5s", "1 s"],
        );
        check(Kind::Seconds, &["10s", "2h"], &["5ms"]);
        check(Kind::Rate, &["10r/s", "30r/m"], &["10", "r/s", "10r/h", "0r/s"]);
        check(Kind::Share, &["50%", "0.5%", "*"], &["50", "1.234%", "%"]);
    }

    #[test]
    fn names_of_hosts_and_servers() {
        check(
            Kind::ServerName,
            &[
                "shop.example.com",
                "*.example.com",
                ".example.com",
                "www.example.*",
                "_",
                "",
                r"~^www\d+\.a\.b$",
                "a_b.c",
            ],
            &[
                "a b",
                "a*.example.com",
                "*.example.*",
                "-a.b",
                "a..b",
                "exa;mple",
                "münchen.example",
                "a$b",
                "a{b}",
                "*",
            ],
        );
        check(Kind::Host, &["example.com", "192.0.2.1", "[::1]"], &["::1", "a:b", "", "a/b", "[::1"]);
        check(
            Kind::Listen,
            &["80", "*:80", "127.0.0.1:8080", "[::]:443", "localhost:80", "unix:run/a.sock", "192.0.2.1"],
            &["", "0", "65536", "[::]:", "::1:80", "80;", "unix:../a", "a b:80"],
        );
        check(
            Kind::Endpoint,
            &["192.0.2.1:8080", "[2001:db8::1]:80", "backend", "a.b:1", "unix:/run/a.sock"],
            &["http://a", "a:0", "a:b", "a b", "$a:80", ":80"],
        );
    }

    #[test]
    fn an_international_name_is_told_in_the_form_of_dns() {
        let problem = Kind::ServerName.check("münchen.example", &Variables::default());
        assert_eq!(
            problem,
            Err("\"münchen.example\" must be written in the form that DNS uses: \"xn--mnchen-3ya.example\"".into())
        );
    }

    #[test]
    fn targets_and_files() {
        check(
            Kind::ProxyTarget,
            &[
                "http://shop",
                "https://192.0.2.1:8443/a",
                "http://unix:run/a.sock",
                "http://shop$request_uri",
                "http://shop/$1",
            ],
            &["shop", "http://", "ftp://a", "http://a b", "http://shop/$nothing", "http://a;b"],
        );
        check(
            Kind::GrpcTarget,
            &["grpc://shop", "grpcs://192.0.2.1:8443"],
            &["http://shop", "grpc://", "grpc://shop/path", "grpc://$nothing", "grpc://a;b"],
        );
        check(Kind::StreamTarget, &["shop", "192.0.2.1:53", "$remote_addr"], &["http://shop", "$nothing", "a;b"]);
        check(
            Kind::Request,
            &["GET /a HTTP/1.0\r\n\r\n", "HEAD / HTTP/1.1\r\nHost: a.example.com\r\n\r\n"],
            &[
                "",
                "GET /",
                "GET / HTTP/1.0",
                "GET / HTTP/1.0\n\n",
                "GET / HTTP/1.0\r\nHost:a\r\n\r\n",
                "GET / HTTP/1.0\r\n\r\nGET /b HTTP/1.0\r\n\r\n",
                "GET /$host HTTP/1.0\r\n\r\n",
                "GET / HTTP/1.0\r\nHost: a\nX: b\r\n\r\n",
                "PURGE / HTTP/1.0\r\n\r\n",
            ],
        );
        check(Kind::File, &["certs/a.pem", "/etc/nginx/mime.types"], &["", "../a", "a/../../b", "conf.d/*.conf", "$a"]);
        check(Kind::Files, &["conf.d/*.conf"], &["*/a.conf", "../*.conf"]);
        check(Kind::UriPath, &["/", "/a-b/ü"], &["", "a", "/ ", "/$a"]);
        check(Kind::Network, &["192.0.2.0/24", "::1", "2001:db8::/32"], &["192.0.2.0/33", "a", "192.0.2.0/"]);
        check(Kind::Header, &["X-Request-Id"], &["", "X Y", "X:", "X-ü", "$x", "1", "X_Y"]);
    }

    #[test]
    fn parameters_are_flags_or_pairs() {
        const PARAMETERS: Kind = Kind::Parameters(&[
            Parameter { name: "backup", value: None },
            Parameter { name: "weight", value: Some(&Kind::Number(1, 100)) },
        ]);
        check(PARAMETERS, &["backup", "weight=3"], &["backup=1", "weight", "weight=0", "wight=3", ""]);
    }
}
