use serde_json::Value as Json;

use super::*;

#[test]
fn a_name_that_leads_here_is_not_this_machine() {
    let is = |host: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_str(host).expect("a header"));
        is_local(&headers)
    };
    for host in ["localhost", "localhost:8080", "127.0.0.1:8080", "127.1.2.3", "[::1]", "[::1]:8080"] {
        assert!(is(host), "{host}");
    }
    for host in ["", "example.com", "example.com:8080", "localhost.example.com", "192.0.2.1:8080", "[2001:db8::1]:80"] {
        assert!(!is(host), "{host}");
    }
    assert!(!is_local(&HeaderMap::new()));
}

#[test]
fn what_others_can_reach_needs_tokens() {
    assert!(parse("127.0.0.1:0", false).is_ok() && parse("[::1]:0", false).is_ok() && parse("0.0.0.0:0", true).is_ok());
    assert!(parse("0.0.0.0:8080", false).is_err_and(|problem| problem.summary == "Everybody could look"));
    assert!(parse("8080", true).is_err() && parse("localhost:8080", true).is_err());
}

#[test]
fn the_document_refers_to_what_it_has() {
    let document: Json = serde_json::from_str(include_str!("page/openapi.json")).expect("JSON");
    fn referred(value: &Json, found: &mut Vec<String>) {
        match value {
            Json::Object(entries) => {
                found
                    .extend(entries.get("$ref").and_then(Json::as_str).map(|to| to.trim_start_matches('#').to_owned()));
                entries.values().for_each(|value| referred(value, found));
            }
            Json::Array(values) => values.iter().for_each(|value| referred(value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    referred(&document, &mut found);
    assert!(!found.is_empty() && found.iter().all(|to| document.pointer(to).is_some()), "{found:?}");
}
