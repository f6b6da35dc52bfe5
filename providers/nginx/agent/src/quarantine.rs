//! Which parts of a tree nginx does not take.
//!
//! Where nginx names a file, the unit of that file is put back to its last good version, and the
//! rest is tried again. Where it names none, or one that nobody changed, the units that changed
//! are tried in halves.

use std::collections::{BTreeMap, BTreeSet};

/// How often nginx is asked about one tree. What is not decided by then stays as it was.
const MOST_TRIES: usize = 200;

/// What nginx says against a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    /// Its words.
    pub words: String,
    /// The unit that they name.
    pub unit: Option<String>,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Ask nginx about the tree in which these units stay as they were.
    Try(BTreeSet<String>),
    /// The tree is good in which these units stay as they were, for these reasons.
    Accept(BTreeMap<String, String>),
    /// Not even the tree in which nothing changed is taken.
    Refuse(String),
}

/// The search for the units that nginx does not take.
#[derive(Debug)]
pub struct Search {
    /// The units that differ from what was good, that are there newly, or that are gone.
    changed: BTreeSet<String>,
    /// Those that stay as they were.
    bad: BTreeMap<String, String>,
    halving: Option<Halving>,
    tries: usize,
}

/// The search in halves.
#[derive(Debug, Default)]
struct Halving {
    /// Units that are good together.
    accepted: BTreeSet<String>,
    /// What is being tried beside them; `None` while the tree is tried in which nothing changed.
    trying: Option<Vec<String>>,
    left: Vec<Vec<String>>,
}

impl Search {
    /// A search among these units, which begins with all of them as they are published.
    pub fn new(changed: BTreeSet<String>) -> Search {
        Search { changed, bad: BTreeMap::new(), halving: None, tries: 0 }
    }

    /// Takes in what nginx says about the tree that was last to be tried, at first the whole one.
    pub fn on(&mut self, answer: Result<(), Objection>) -> Step {
        self.tries += 1;
        match (&mut self.halving, answer) {
            (None, Ok(())) => Step::Accept(self.bad.clone()),
            (None, Err(objection)) => self.blame(objection),
            (Some(_), answer) => self.halve(answer),
        }
    }

    fn blame(&mut self, objection: Objection) -> Step {
        let unit = objection.unit.filter(|unit| self.changed.contains(unit) && !self.bad.contains_key(unit));
        match unit {
            Some(unit) if self.tries < MOST_TRIES => {
                self.bad.insert(unit, objection.words);
                Step::Try(self.bad.keys().cloned().collect())
            }
            _ => {
                self.halving = Some(Halving::default());
                Step::Try(self.changed.clone())
            }
        }
    }

    fn halve(&mut self, answer: Result<(), Objection>) -> Step {
        let Some(halving) = &mut self.halving else { return Step::Accept(self.bad.clone()) };
        match (halving.trying.take(), answer) {
            (None, Err(objection)) => return Step::Refuse(objection.words),
            (None, Ok(())) => {
                let left = self.changed.iter().filter(|unit| !self.bad.contains_key(*unit)).cloned();
                halving.left = vec![left.collect()];
            }
            (Some(group), Ok(())) => halving.accepted.extend(group),
            (Some(mut group), Err(objection)) if group.len() < 2 || self.tries >= MOST_TRIES => {
                self.bad.extend(group.drain(..).map(|unit| (unit, objection.words.clone())));
            }
            (Some(mut group), Err(_)) => {
                let second = group.split_off(group.len() / 2);
                halving.left.extend([second, group]);
            }
        }
        halving.left.retain(|group| !group.is_empty());
        let Some(next) = halving.left.pop() else { return Step::Accept(self.bad.clone()) };
        let kept = self.changed.iter().filter(|unit| !halving.accepted.contains(*unit) && !next.contains(unit));
        let kept = kept.cloned().collect();
        halving.trying = Some(next);
        Step::Try(kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(units: &[&str]) -> BTreeSet<String> {
        units.iter().map(|unit| (*unit).to_owned()).collect()
    }

    /// Searches with an nginx that refuses trees in which any of `bad` is as published, and names
    /// the unit if it `names`. The units that stay as they were, and how often it was asked.
    fn search(changed: &[&str], bad: &[&str], names: bool) -> (Result<Vec<String>, String>, usize) {
        let mut search = Search::new(set(changed));
        let mut kept = BTreeSet::new();
        for tries in 1..1000 {
            let wrong = bad.iter().find(|unit| !kept.contains(**unit));
            let answer = wrong.map_or(Ok(()), |unit| {
                Err(Objection { words: format!("no {unit}"), unit: names.then(|| (*unit).to_owned()) })
            });
            match search.on(answer) {
                Step::Try(next) => kept = next,
                Step::Accept(bad) => return (Ok(bad.into_keys().collect()), tries),
                Step::Refuse(words) => return (Err(words), tries),
            }
        }
        panic!("it does not end");
    }

    #[test]
    fn what_is_good_is_asked_about_once() {
        assert_eq!(search(&["a", "b"], &[], true), (Ok(vec![]), 1));
    }

    #[test]
    fn a_unit_that_is_named_stays_as_it_was() {
        assert_eq!(search(&["a", "b", "c"], &["b"], true), (Ok(vec!["b".into()]), 2));
        assert_eq!(search(&["a", "b", "c"], &["b", "c"], true), (Ok(vec!["b".into(), "c".into()]), 3));
    }

    #[test]
    fn a_unit_that_is_not_named_is_found() {
        let units: Vec<String> = (0..64).map(|number| format!("u{number:02}")).collect();
        let units: Vec<&str> = units.iter().map(String::as_str).collect();
        let (found, tries) = search(&units, &["u17"], false);
        assert_eq!(found, Ok(vec!["u17".into()]));
        assert!(tries <= 2 + 2 * 7, "{tries}");
        let (found, _) = search(&units, &["u00", "u17", "u63"], false);
        assert_eq!(found, Ok(vec!["u00".into(), "u17".into(), "u63".into()]));
    }

    #[test]
    fn where_nothing_that_changed_is_to_blame_all_is_refused() {
        assert_eq!(search(&["a"], &["elsewhere"], true), (Err("no elsewhere".into()), 2));
        assert_eq!(search(&[], &["elsewhere"], false), (Err("no elsewhere".into()), 2));
    }

    #[test]
    fn it_ends_however_many_are_bad() {
        let units: Vec<String> = (0..500).map(|number| format!("u{number:03}")).collect();
        let units: Vec<&str> = units.iter().map(String::as_str).collect();
        let (found, tries) = search(&units, &units, false);
        assert_eq!(found.map(|found| found.len()), Ok(500));
        assert!(tries < 300 + 500, "{tries}");
    }
}
