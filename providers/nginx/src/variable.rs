//! Variables: which may be used in a text.
//!
//! Only names that nginx is known to define, names with one of its known prefixes, and
//! names that the configuration itself defines are let through. A `$` that begins no such
//! name is refused, because nginx has no way to write one in a text with variables.

use std::collections::BTreeSet;

use crate::syntax::{Argument, Block, Directive};

/// Variables that nginx's own modules define.
const BUILT_IN: &[&str] = &[
    "ancient_browser",
    "args",
    "binary_remote_addr",
    "body_bytes_sent",
    "bytes_received",
    "bytes_sent",
    "connection",
    "connection_requests",
    "connection_time",
    "connections_active",
    "connections_reading",
    "connections_waiting",
    "connections_writing",
    "content_length",
    "content_type",
    "date_gmt",
    "date_local",
    "document_root",
    "document_uri",
    "gzip_ratio",
    "host",
    "hostname",
    "http2",
    "http3",
    "https",
    "invalid_referer",
    "is_args",
    "limit_conn_status",
    "limit_rate",
    "limit_req_status",
    "msec",
    "nginx_version",
    "pid",
    "pipe",
    "protocol",
    "proxy_add_x_forwarded_for",
    "proxy_host",
    "proxy_port",
    "proxy_protocol_addr",
    "proxy_protocol_port",
    "proxy_protocol_server_addr",
    "proxy_protocol_server_port",
    "query_string",
    "realip_remote_addr",
    "realip_remote_port",
    "realpath_root",
    "remote_addr",
    "remote_port",
    "remote_user",
    "request",
    "request_body",
    "request_body_file",
    "request_completion",
    "request_filename",
    "request_id",
    "request_length",
    "request_method",
    "request_time",
    "request_uri",
    "scheme",
    "server_addr",
    "server_name",
    "server_port",
    "server_protocol",
    "session_time",
    "ssl_alpn_protocol",
    "ssl_cipher",
    "ssl_ciphers",
    "ssl_client_cert",
    "ssl_client_escaped_cert",
    "ssl_client_fingerprint",
    "ssl_client_i_dn",
    "ssl_client_raw_cert",
    "ssl_client_s_dn",
    "ssl_client_serial",
    "ssl_client_v_end",
    "ssl_client_v_remain",
    "ssl_client_v_start",
    "ssl_client_verify",
    "ssl_curve",
    "ssl_curves",
    "ssl_early_data",
    "ssl_preread_protocol",
    "ssl_preread_server_name",
    "ssl_protocol",
    "ssl_server_name",
    "ssl_session_id",
    "ssl_session_reused",
    "status",
    "time_iso8601",
    "time_local",
    "upstream_addr",
    "upstream_bytes_received",
    "upstream_bytes_sent",
    "upstream_cache_status",
    "upstream_connect_time",
    "upstream_first_byte_time",
    "upstream_header_time",
    "upstream_http_version",
    "upstream_last_server_name",
    "upstream_queue_time",
    "upstream_response_length",
    "upstream_response_time",
    "upstream_session_time",
    "upstream_status",
    "uri",
];

/// Beginnings of names that stand for a header field, a cookie or an argument.
const PREFIXES: &[&str] = &[
    "arg_",
    "cookie_",
    "http_",
    "proxy_protocol_tlv_",
    "sent_http_",
    "sent_trailer_",
    "upstream_cookie_",
    "upstream_http_",
    "upstream_trailer_",
];

/// The variables that a configuration may use.
#[derive(Debug, Clone, Default)]
pub struct Variables {
    /// What the configuration defines, without `$`.
    defined: BTreeSet<String>,
    /// Whether parts of the configuration are unknown, which may define any.
    any: bool,
}

/// Whether this is the name of a variable, without `$`: a letter, then letters, digits and
/// underscores, all in lower case.
pub fn is_name(name: &str) -> bool {
    let starts = name.starts_with(|char: char| char.is_ascii_lowercase());
    starts && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

impl Variables {
    /// The variables that `directives` define, by `map`, `set`, `split_clients` and named
    /// groups of regular expressions, and `others`, which other files define.
    pub fn of<'a>(directives: &[Directive], others: impl IntoIterator<Item = &'a str>) -> Variables {
        let defined = others.into_iter().map(|name| name.trim_start_matches('$').to_owned()).collect();
        let mut variables = Variables { defined, any: false };
        variables.collect(directives);
        variables
    }

    fn collect(&mut self, directives: &[Directive]) {
        for directive in directives {
            let defining = match directive.name.text() {
                Some("map" | "split_clients") => directive.arguments.get(1),
                Some("set" | "auth_request_set") => directive.arguments.first(),
                Some(_) => None,
                None => Some(&Argument::Unknown),
            };
            match defining.map(Argument::text) {
                Some(Some(name)) => self.defined.extend(name.strip_prefix('$').map(str::to_owned)),
                Some(None) => self.any = true,
                None => {}
            }
            let arguments = directive.arguments.iter();
            for text in arguments.chain([&directive.name]).filter_map(Argument::text) {
                self.defined.extend(crate::regex::group_names(text).map(str::to_owned));
            }
            match &directive.block {
                Block::None => {}
                Block::Unknown => self.any = true,
                Block::Directives(directives) => self.collect(directives),
            }
        }
    }

    fn knows(&self, name: &str) -> bool {
        let prefixed = |prefix: &&str| name.strip_prefix(*prefix).is_some_and(|rest| !rest.is_empty());
        BUILT_IN.binary_search(&name).is_ok()
            || PREFIXES.iter().any(prefixed)
            || self.defined.contains(name)
            || self.any
    }

    /// What is wrong with the variables of a text.
    pub fn check(&self, text: &str) -> Result<(), String> {
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            rest = self.check_one(&rest[at + 1..]).map_err(|problem| format!("in {text:?}, {problem}"))?;
        }
        Ok(())
    }

    /// Checks the variable whose `$` stands before `rest`, and gives what follows it.
    fn check_one<'a>(&self, rest: &'a str) -> Result<&'a str, String> {
        let braced = rest.strip_prefix('{');
        let begin = braced.unwrap_or(rest);
        if braced.is_none() && begin.starts_with(|char: char| ('1'..='9').contains(&char)) {
            // Nobody can tell whether `$12` is meant as the twelfth group or as `$1` and a 2.
            return match begin[1..].starts_with(|char: char| char.is_ascii_digit()) {
                true => Err("only the groups $1 to $9 have a variable".to_owned()),
                false => Ok(&begin[1..]),
            };
        }
        let length = begin.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        let (name, rest) = begin.split_at(length);
        if name.is_empty() {
            return Err("a `$` begins no variable, and nginx cannot write one as text".to_owned());
        }
        if !is_name(name) || !self.knows(name) {
            return Err(self.unknown(name));
        }
        match braced {
            Some(_) => rest.strip_prefix('}').ok_or_else(|| format!("`${{{name}` is not closed")),
            None => Ok(rest),
        }
    }

    fn unknown(&self, name: &str) -> String {
        let known = BUILT_IN.iter().copied().chain(self.defined.iter().map(String::as_str));
        match portolan_lang::diagnostic::did_you_mean(name, known) {
            Some(near) => format!("there is no variable `${name}`; did you mean `${near}`?"),
            None => format!("there is no variable `${name}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted() {
        assert!(BUILT_IN.is_sorted());
    }

    #[test]
    fn known_variables_pass() {
        let tree = [Directive::with_block("map", &["$http_upgrade", "$connection_upgrade"], vec![])];
        let variables = Variables::of(&tree, ["$from_elsewhere"]);
        for text in ["", "a b", "$host", "${host}x", "$http_x_a", "$1$2", "$connection_upgrade", "$from_elsewhere"] {
            assert_eq!(variables.check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn other_dollars_are_refused() {
        let variables = Variables::default();
        for text in
            ["$", "a$", "$$host", "$Host", "${host", "${}", "$_a", "$0", "$(a)", "$12", "$http_", "$nothing", "$ünder"]
        {
            assert!(variables.check(text).is_err(), "{text}");
        }
        assert_eq!(
            variables.check("$hots"),
            Err("in \"$hots\", there is no variable `$hots`; did you mean `$host`?".into())
        );
    }

    #[test]
    fn named_groups_define_variables() {
        let tree = [Directive::simple("server_name", &[r"~^(?<tenant>.+)\.example\.com$"])];
        assert_eq!(Variables::of(&tree, []).check("/data/$tenant"), Ok(()));
    }
}
