//! Values that a public suite says must be accepted or refused, by field.
//!
//! The file is read from the folder that `PORTOLAN_VECTORS` names. Every value is either refused here
//! or stays one word of what is written. Those of fields that exist here are judged as there, but for
//! the values that stand beside each field, with the reason.

use portolan_lang::AttributePath;
use portolan_nginx::check::{self, Target};
use portolan_nginx::directives::Context;
use portolan_nginx::kind::Kind;
use portolan_nginx::render;
use portolan_nginx::syntax::Directive;
use portolan_nginx::variable::Variables;

use crate::tokens::read;

const METHODS: Kind = Kind::OneOf(&["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"]);

/// What becomes of a field's values.
enum Field {
    /// This kind judges them, but for these.
    Judged(Kind, &'static [&'static str]),
    /// There is no such field, for this reason.
    None(&'static str),
}

/// The kind that checks a field here, and the values that are judged differently: that suite
/// pastes values into templates, where everything here is quoted as one word.
fn field(test: &str) -> Field {
    use Field::{Judged, None};
    match test {
        // Five digits are a number like any other.
        "ValidateNginxDuration" => Judged(Kind::Time, &["12345"]),
        "ValidateNginxSize" => Judged(Kind::LargeSize, &["12345"]),
        "ValidateEndpoint" => Judged(Kind::Endpoint, &["http://my-endpoint:5678", "my_endpoint"]),
        "ValidateHostname" => Judged(Kind::ServerName, &[]),
        // Here a path is one word, whatever it holds; white space and `$` are refused.
        "ValidatePathInMatch" => Judged(Kind::UriPath, &["/path{", "/path}", "/path;"]),
        "ValidatePathForFilters" => Judged(Kind::UriPath, &[]),
        "ValidatePath" => Judged(Kind::UriPath, &[""]),
        // Likewise an expression.
        "ValidatePathInRegexMatch" => Judged(Kind::Regex, &["/path with space", "/foo;bar", "/foo{2}"]),
        "ValidateAuthZProxySetHeader" => Judged(Kind::Header, &[]),
        "ValidateFilterHeaderName" | "ValidateHeaderNameInMatch" => Judged(Kind::Header, &[]),
        // Whoever writes one of these knows what it is for; an empty one is refused here.
        "ValidateValidHeaderName" => Judged(Kind::Header, &["", "Host", "host", "connection", "upgrade"]),
        // Variables of a module that is sold; quotes are written as what they are.
        "ValidateFilterHeaderValue" => Judged(Kind::Text, &["$jwt_claim_sub", "\"example\""]),
        "ValidateEscapedString" => Judged(Kind::Text, &["\\", "test\"test"]),
        "ValidateEscapedStringWithNginxVars" => {
            Judged(Kind::Text, &["\\", "test\"test", "prefix-$remote_addr", "$remote_addr;"])
        }
        // Single quotes end nothing here, and what is no variable is text.
        "ValidateAccessLogFormatString" => {
            Judged(Kind::Text, &["format with 'quotes'", "'; bad stuff; #", "$remote_addr'"])
        }
        "ValidateSingleQuotedString" => {
            Judged(Kind::Text, &["format with 'single' quotes", "'; bad stuff; #", "$remote_addr'", "'"])
        }
        "ValidateNginxVariableName" => Judged(Kind::Text, &["1varname", "var-name", "var name", "$request_id;"]),
        "ValidateEscapedStringNoVarExpansion" | "GenericValidator_ValidateEscapedStringNoVarExpansion" => {
            Judged(Kind::Literal, &["\\", "test\"test"])
        }
        // An empty text is a key of a map like any other.
        "ValidateHeaderValueInMatch" => Judged(Kind::MapKey, &["", "   "]),
        "ValidateQueryParamValueInMatch" => Judged(Kind::MapKey, &[""]),
        "ValidateQueryParamNameInMatch" => Judged(Kind::Name, &[]),
        "ValidateServiceName" => Judged(Kind::Name, &["test.test"]),
        // No request is passed on as one that asks for options.
        "ValidateMethodInMatch" => Judged(METHODS, &["OPTIONS"]),
        "ValidateRedirectScheme" => Judged(Kind::OneOf(&["http", "https"]), &[]),
        "ValidateCommonMatchPart" => None("requests are told apart by headers and cookies alone"),
        "ValidateInSupportedValues" | "ValidateNoUnsupportedValues" => None("the list is the suite's own"),
        "ValidateServerTokensValue" => None("it is for nginx that is sold"),
        "ValidateAuthZClaimName" | "ValidateAuthZClaimValue" => None("tokens are read by nginx that is sold"),
        oidc if oidc.starts_with("ValidateOIDC") => None("OpenID Connect is for nginx that is sold"),
        other => panic!("{other} is not known"),
    }
}

/// Whether a value is refused as a header's, or is one word of what is written.
fn is_harmless(value: &str) -> bool {
    let tree = [Directive::simple("add_header", &["X-A", value])];
    let variables = Variables::of(&tree, []);
    if !check::check(&tree, Context::Server, &Target::ANY, &variables, &AttributePath::root()).is_empty() {
        return true;
    }
    let rendered = render::render(&tree).expect("what is checked renders");
    let read = read(&rendered);
    read.len() == 1 && read[0].block.is_none() && read[0].words == ["add_header", "X-A", value]
}

#[test]
fn fields_are_judged_as_by_others() {
    let Some(folder) = std::env::var_os("PORTOLAN_VECTORS") else {
        eprintln!("skipped: PORTOLAN_VECTORS is not set");
        return;
    };
    let path = std::path::Path::new(&folder).join("upstream/nginx_strings.jsonl");
    let text = std::fs::read_to_string(path).expect("vectors");
    let variables = Variables::default();
    let (mut rows, mut judged, mut wrong) = (0, 0, Vec::new());
    for line in text.lines() {
        let case: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let (test, value) = (case["test"].as_str().expect("text"), case["value"].as_str().expect("text"));
        rows += 1;
        if !is_harmless(value) {
            wrong.push(format!("{test} {value:?} is more than a word"));
        }
        let (kind, others) = match field(test) {
            Field::Judged(kind, others) => (kind, others),
            Field::None(reason) => {
                assert!(!reason.is_empty());
                continue;
            }
        };
        judged += 1;
        let answer = kind.check(value, &variables).is_ok() && render::quote(value).is_ok();
        let is_as_there = Some(answer) == case["valid"].as_bool();
        // The empty name of a header stands there once as each.
        if is_as_there == others.contains(&value) && !(value.is_empty() && test == "ValidateValidHeaderName") {
            wrong.push(format!("{test} {value:?}: {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(rows == 398 && judged > 200, "{judged} of {rows}");
}
