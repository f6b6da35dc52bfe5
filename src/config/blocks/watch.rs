//! `watch`: what `portolan watch` does without a person, and when.

use std::sync::Arc;

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use portolan_lang::convert::convert;
use portolan_lang::syntax::{Attribute, Block, Expr};
use portolan_lang::{Diagnostic, Type, Value};

use super::{Declarations, shapes};
use crate::config::constant::{constant, constant_text};
use crate::config::content::Content;
use crate::config::model::WatchSettings;
use crate::watch::limits::{Share, Window};

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

impl Declarations<'_> {
    pub(super) fn watch(&mut self, block: Block) {
        let span = block.header();
        if !self.is_root {
            self.diagnostics.push(
                Diagnostic::error("Daemon in a module")
                    .detail("What the daemon may do is up to the root module.")
                    .at(span)
                    .help("Move the block to the root module."),
            );
            return;
        }
        if !self.declare("watch", "watch block", span) {
            return;
        }
        let mut content = self.content("watch", block.body);
        let mut settings = WatchSettings::default();
        settings.limits.pause = content.expr("pause").and_then(|expr| self.reason(&expr));
        if let Some(block) = content.single_block("limits", &mut self.diagnostics) {
            self.limits(block, &mut settings);
        }
        let windows = content.blocks("window");
        settings.limits.windows = windows.into_iter().filter_map(|block| self.window(block)).collect();
        self.settings.watch = Some(settings);
    }

    fn reason(&mut self, expr: &Expr) -> Option<Arc<str>> {
        let reason = constant_text(expr, &mut self.diagnostics)?;
        if !reason.trim().is_empty() {
            return Some(reason);
        }
        let detail = "\"pause\" says why nothing is done: people will read it.";
        self.diagnostics.push(
            Diagnostic::error("Missing reason")
                .detail(detail)
                .at(expr.span)
                .help("Leave it out where nothing is paused."),
        );
        None
    }

    fn limits(&mut self, block: Block, settings: &mut WatchSettings) {
        let mut content = Content::read(block.body, &shapes::LIMITS, &mut self.diagnostics);
        let mut is_allowed = |name: &str| content.attribute(name).is_some_and(|it| self.permission(&it));
        settings.limits.deletions = is_allowed("deletions");
        settings.limits.replacements = is_allowed("replacements");
        settings.limits.changes = content.expr("changes").and_then(|expr| self.share(&expr));
        settings.lost_clusters = content.expr("lost_clusters").and_then(|expr| self.whole(&expr));
    }

    fn permission(&mut self, attribute: &Attribute) -> bool {
        let Some(word) = constant_text(&attribute.expr, &mut self.diagnostics) else { return false };
        if !["never", "allowed"].contains(&&*word) {
            let detail = format!("\"{}\" is \"never\" or \"allowed\".", attribute.name.name);
            self.diagnostics.push(Diagnostic::error("Unknown word").detail(detail).at(attribute.expr.span));
        }
        &*word == "allowed"
    }

    /// `25`, or `"10%"`.
    fn share(&mut self, expr: &Expr) -> Option<Share> {
        let text = constant_text(expr, &mut self.diagnostics)?;
        let percent = |text: &str| text.parse().ok().filter(|percent| (0.0..=100.0).contains(percent));
        let share = match text.strip_suffix('%') {
            Some(text) => percent(text).map(Share::Percent),
            None => text.parse().ok().map(Share::Number),
        };
        if share.is_none() {
            let detail = "It is a whole number of objects, or a share of those that are recorded such as \"10%\".";
            self.diagnostics.push(Diagnostic::error("Unsuitable number").detail(detail).at(expr.span));
        }
        share
    }

    fn whole(&mut self, expr: &Expr) -> Option<usize> {
        let number = constant_text(expr, &mut self.diagnostics)?.parse().ok();
        if number.is_none() {
            let detail = "It is a whole number, and not below zero.";
            self.diagnostics.push(Diagnostic::error("Unsuitable number").detail(detail).at(expr.span));
        }
        number
    }

    fn window(&mut self, block: Block) -> Option<Window> {
        let mut content = Content::read(block.body, &shapes::WINDOW, &mut self.diagnostics);
        let days = content.expr("days").map_or_else(|| Some(Vec::new()), |expr| self.days(&expr));
        let from = content.expr("from").and_then(|expr| self.time(&expr));
        let to = content.expr("to").and_then(|expr| self.time(&expr));
        let zone = content.expr("time_zone").map_or(Some(TimeZone::UTC), |expr| self.zone(&expr));
        Some(Window { days: days?, from: from?, to: to?, zone: zone? })
    }

    fn days(&mut self, expr: &Expr) -> Option<Vec<Weekday>> {
        let value = constant(expr, &mut self.diagnostics)?;
        let list = convert(&value, &Type::list(Type::String)).ok();
        let words: Option<Vec<Weekday>> = list.as_ref().and_then(Value::items).and_then(|words| {
            let day = |word: &str| DAYS.iter().find(|(name, _)| *name == word).map(|(_, day)| *day);
            words.iter().map(|word| day(word.as_str()?)).collect()
        });
        if words.is_none() {
            let names: Vec<&str> = DAYS.iter().map(|(name, _)| *name).collect();
            let detail = format!("\"days\" is a list of: {}.", names.join(", "));
            self.diagnostics.push(Diagnostic::error("Unknown day").detail(detail).at(expr.span));
        }
        words
    }

    fn time(&mut self, expr: &Expr) -> Option<Time> {
        let text = constant_text(expr, &mut self.diagnostics)?;
        let time = Time::strptime("%H:%M", &*text).ok();
        if time.is_none() {
            let detail = format!("{text:?} is no time of a day.");
            let problem = Diagnostic::error("Unsuitable time").detail(detail).at(expr.span);
            self.diagnostics.push(problem.help("Write hours and minutes, such as \"22:00\"."));
        }
        time
    }

    fn zone(&mut self, expr: &Expr) -> Option<TimeZone> {
        let name = constant_text(expr, &mut self.diagnostics)?;
        let zone = TimeZone::get(&name).ok();
        if zone.is_none() {
            let detail = format!("This machine knows no time zone {name:?}.");
            let problem = Diagnostic::error("Unknown time zone").detail(detail).at(expr.span);
            self.diagnostics.push(problem.help("Write a name such as \"UTC\" or \"Europe/Berlin\"."));
        }
        zone
    }
}
