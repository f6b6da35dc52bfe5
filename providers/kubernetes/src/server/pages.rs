//! Lists, page by page.
//!
//! A list asks for no version, so that it is never older than its first request. What the server
//! forgot of a list in the middle, it is asked anew, a limited number of times.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::api::{Answer, Api, Target};
use super::refusal::Trouble;

/// How many objects a page has.
const PAGE: &str = "500";

/// How often a list is begun anew whose continuation was forgotten.
const RESTARTS: usize = 3;

/// A list that is being read.
pub(super) struct Pages<'a> {
    api: &'a Api,
    list: Target,
    /// What continues the list; `None` at its end.
    token: Option<String>,
    restarts: usize,
}

/// What comes next.
pub(super) enum Next {
    Page(Answer),
    /// The list is begun anew: what came before counts no more.
    Restarted,
    End,
}

impl<'a> Pages<'a> {
    pub(super) fn of(api: &'a Api, list: Target) -> Self {
        Pages { api, list: list.with("limit", PAGE), token: Some(String::new()), restarts: 0 }
    }

    /// What comes next. After a page, [`Pages::continue_with`] has to be called.
    pub(super) async fn next(&mut self) -> Result<Next, Trouble> {
        let Some(token) = &self.token else { return Ok(Next::End) };
        let target = if token.is_empty() { self.list.clone() } else { self.list.clone().with("continue", token) };
        match self.api.get(&target).await {
            Err(Trouble::Refused(refusal)) if refusal.code == 410 && self.restarts < RESTARTS => {
                self.restarts += 1;
                self.token = Some(String::new());
                Ok(Next::Restarted)
            }
            answer => answer.map(Next::Page),
        }
    }

    /// Goes on after a page with these metadata.
    pub(super) fn continue_with(&mut self, metadata: PageMetadata) {
        self.token = metadata.token.filter(|token| !token.is_empty());
    }
}

/// A page of a list, its items as they were sent.
#[derive(Deserialize)]
pub(super) struct Page<'a> {
    pub(super) metadata: PageMetadata,
    #[serde(borrow, default, deserialize_with = "items")]
    pub(super) items: Vec<&'a RawValue>,
}

/// The items of a list. A list of metadata that has none says null.
fn items<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<&'a RawValue>, D::Error> {
    Ok(Option::<Vec<&'a RawValue>>::deserialize(deserializer)?.unwrap_or_default())
}

#[derive(Deserialize)]
pub(super) struct PageMetadata {
    #[serde(rename = "continue")]
    token: Option<String>,
    /// The version of the whole list.
    #[serde(rename = "resourceVersion", default)]
    pub(super) version: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_nothing_says_so_in_three_ways() {
        for text in [r#"{"metadata":{}}"#, r#"{"metadata":{},"items":null}"#, r#"{"metadata":{},"items":[]}"#] {
            let page: Page<'_> = serde_json::from_str(text).expect("a page");
            assert!(page.items.is_empty());
        }
    }
}
