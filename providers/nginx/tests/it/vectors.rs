//! Values that a public suite says must be accepted or refused, by field.
//!
//! The file is read from the folder that `PORTOLAN_VECTORS` names. What is left out is said
//! beside each field, with the reason.

use portolan_nginx::kind::Kind;
use portolan_nginx::variable::Variables;

/// The kind that checks a field here, and the values that are judged differently: that suite
/// pastes values into templates, where everything here is quoted as one word.
fn field(test: &str) -> Option<(Kind, &'static [&'static str])> {
    Some(match test {
        // Five digits are a number like any other.
        "ValidateNginxDuration" => (Kind::Time, &["12345"]),
        "ValidateNginxSize" => (Kind::LargeSize, &["12345"]),
        "ValidateEndpoint" => (Kind::Endpoint, &["http://my-endpoint:5678", "my_endpoint"]),
        "ValidateHostname" => (Kind::ServerName, &[]),
        // Here a path is one word, whatever it holds; white space and `$` are refused.
        "ValidatePathInMatch" => (Kind::UriPath, &["/path{", "/path}", "/path;"]),
        "ValidatePathForFilters" => (Kind::UriPath, &[]),
        "ValidatePath" => (Kind::UriPath, &[""]),
        // Likewise an expression.
        "ValidatePathInRegexMatch" => (Kind::Regex, &["/path with space", "/foo;bar", "/foo{2}"]),
        "ValidateAuthZProxySetHeader" => (Kind::Header, &["My-Header/Path"]),
        "ValidateFilterHeaderName" => (Kind::Header, &[]),
        // Variables of a module that is sold; quotes are written as what they are.
        "ValidateFilterHeaderValue" => (Kind::Text, &["$jwt_claim_sub", "\"example\""]),
        "ValidateEscapedStringWithNginxVars" => {
            (Kind::Text, &["\\", "test\"test", "prefix-$remote_addr", "$remote_addr;"])
        }
        "ValidateAccessLogFormatString" => {
            (Kind::Text, &["format with 'quotes'", "'; bad stuff; #", "$remote_addr'", "$remote_addr\n$status"])
        }
        "ValidateEscapedStringNoVarExpansion" | "GenericValidator_ValidateEscapedStringNoVarExpansion" => {
            (Kind::Literal, &["\\", "test\"test"])
        }
        _ => return None,
    })
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
    let (mut judged, mut wrong) = (0, Vec::new());
    for line in text.lines() {
        let case: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let test = case["test"].as_str().expect("text");
        let (Some((kind, left_out)), Some(value)) = (field(test), case["value"].as_str()) else { continue };
        if left_out.contains(&value) {
            continue;
        }
        judged += 1;
        let answer = kind.check(value, &variables);
        if Some(answer.is_ok()) != case["valid"].as_bool() {
            wrong.push(format!("{test} {value:?}: {answer:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(judged > 100, "{judged}");
}
