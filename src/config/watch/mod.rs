//! `watch`: what the daemon may do by itself, and when.
//!
//! All of it is constant, so that it holds whatever else of a configuration cannot be evaluated.

mod schedule;

use std::sync::Arc;
use std::time::Duration;

use portolan_lang::decode::decode;
use portolan_lang::schema::Block as Nested;
use portolan_lang::source::FileId;
use portolan_lang::syntax::Body;
use portolan_lang::{
    Attribute, AttributePath, Diagnostic, Diagnostics, Number, Schema, Span, Step, Type, Value, duration,
};
pub use schedule::Schedule;

use super::constant::Nothing;
use super::model::OnDrift;
use crate::compile::domain::{span_within, unknown_word};

/// What the daemon may do by itself, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watch {
    /// The longest time between two looks at everything.
    pub interval: Duration,
    /// How long it has to be quiet before a run begins.
    pub debounce: Duration,
    /// What becomes of what was changed outside, where nothing nearer says so.
    pub on_drift: OnDrift,
    /// Why nothing is to be done, where nothing is.
    pub pause: Option<Arc<str>>,
    /// What may happen without a person.
    pub limits: Limits,
    /// When changes are made; always where there are none.
    pub windows: Vec<Window>,
    /// Whether what was changed outside is put right outside of the windows as well.
    pub repairs_always: bool,
    /// Whether clusters that die and come back are seen to outside of the windows as well.
    pub fails_over_always: bool,
}

/// What may happen without a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Whether something may be deleted.
    pub deletions: bool,
    /// Whether something may be deleted and made anew.
    pub replacements: bool,
    /// How much one run may change.
    pub changes: Option<Share>,
    /// How many clusters may be given up for lost at once.
    pub clusters_lost: usize,
}

/// A part of what is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// So many objects.
    Objects(u64),
    /// So many of a hundred.
    Percent(u64),
}

/// When changes are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Its name.
    pub name: Arc<str>,
    /// When it opens, in UTC.
    pub schedule: Schedule,
    /// For how long.
    pub duration: Duration,
}

const PERMISSIONS: [&str; 2] = ["never", "allowed"];
const OUTSIDE: [&str; 2] = ["repairs", "failover"];

/// The longest that a window can be open.
const LONGEST_WINDOW: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The block.
pub fn schema() -> Schema {
    let text =
        |name, default: &str, doc| Attribute::optional(name, Type::String).default(Value::string(default)).doc(doc);
    let limits = Schema::new("What may happen without a person; what goes beyond waits for one.")
        .with(text("deletions", "never", "Whether something is deleted: \"never\", \"allowed\"."))
        .with(text("replacements", "never", "Whether something is deleted and made anew: \"never\", \"allowed\"."))
        .with(Attribute::optional("changes", Type::String).doc("How much one run changes at most: a number of objects (50), or a share of those that are recorded (\"20%\")."))
        .with(Attribute::optional("clusters_lost", Type::Number).default(Value::number(1)).doc("How many clusters are given up for lost at once."));
    let window = Schema::new("When changes of the configuration are carried out; without any window, always.")
        .with(Attribute::required("schedule", Type::String).doc("When it opens, in UTC: minute, hour, day of the month, month, day of the week, as cron has them (\"0 22 * * mon-fri\")."))
        .with(Attribute::required("duration", Type::String).doc("How long it stays open: \"4h\"."));
    Schema::new("What `portolan watch` does by itself, and when. Flags of the command count more. In the root module, once; every value is a constant.")
        .with(text("interval", "1m", "The longest time between two looks at everything."))
        .with(text("debounce", "1s", "How long it has to be quiet before a run begins."))
        .with(text("on_drift", "repair", "What becomes of what was changed outside, unless a block's `lifecycle` says so: \"repair\", \"report\", \"ignore\"."))
        .with(Attribute::optional("pause", Type::String).doc("Nothing is done, because of this."))
        .with(Attribute::optional("outside_windows", Type::list(Type::String)).default(Value::strings(OUTSIDE)).doc("What goes on while no window is open: \"repairs\" of what was changed outside, \"failover\" of clusters."))
        .block(Nested::single("limits", limits))
        .block(Nested::named("window", window))
}

impl Default for Watch {
    fn default() -> Self {
        let nowhere = Span::new(FileId(0), 0..0);
        read(&Body::empty(nowhere), nowhere).0
    }
}

/// What a block says. What cannot be understood is told.
pub(super) fn read(body: &Body, header: Span) -> (Watch, Diagnostics) {
    let (value, mut diagnostics) = decode(body, &schema(), &Nothing);
    let mut reader = Reader { body, header, value: &value, diagnostics: &mut diagnostics };
    let outside = reader.words("outside_windows", &OUTSIDE);
    let watch = Watch {
        interval: reader.duration(&["interval"]),
        debounce: reader.duration(&["debounce"]),
        on_drift: reader.word(&["on_drift"], &OnDrift::NAMES).and_then(OnDrift::named).unwrap_or_default(),
        pause: reader.reason("pause"),
        limits: Limits {
            deletions: reader.word(&["limits", "deletions"], &PERMISSIONS) == Some("allowed"),
            replacements: reader.word(&["limits", "replacements"], &PERMISSIONS) == Some("allowed"),
            changes: reader.share(&["limits", "changes"]),
            clusters_lost: reader.count(&["limits", "clusters_lost"], 1),
        },
        windows: reader.windows(),
        repairs_always: outside.contains(&"repairs"),
        fails_over_always: outside.contains(&"failover"),
    };
    (watch, diagnostics)
}

struct Reader<'a> {
    body: &'a Body,
    header: Span,
    value: &'a Value,
    diagnostics: &'a mut Diagnostics,
}

impl Reader<'_> {
    /// What stands at a path; `None` where nothing does.
    fn take(&self, path: &[&str]) -> Option<Value> {
        self.value.at(&attribute_path(path)).filter(|value| !value.is_null())
    }

    fn tell(&mut self, path: &[&str], problem: Diagnostic) {
        let place = span_within(self.body, self.header, attribute_path(path).steps());
        self.diagnostics.push(problem.at(place));
    }

    fn duration(&mut self, path: &[&str]) -> Duration {
        // Decoding has told what is not there though it must be.
        let Some(given) = self.take(path) else { return Duration::from_secs(1) };
        let found = given.as_str().and_then(duration).filter(|duration| !duration.is_zero());
        found.unwrap_or_else(|| {
            let detail = "It is a time like \"500ms\", \"10s\" or \"5m\", and not zero.";
            self.tell(path, Diagnostic::error("Unsuitable duration").detail(detail));
            Duration::from_secs(1)
        })
    }

    fn word(&mut self, path: &[&str], known: &'static [&'static str]) -> Option<&'static str> {
        let given = self.take(path)?;
        self.known(path, &given, known)
    }

    fn words(&mut self, name: &str, known: &'static [&'static str]) -> Vec<&'static str> {
        let given = self.take(&[name]);
        let items = given.as_ref().and_then(Value::items).unwrap_or_default();
        items.iter().filter_map(|item| self.known(&[name], item, known)).collect()
    }

    fn known(&mut self, path: &[&str], given: &Value, known: &'static [&'static str]) -> Option<&'static str> {
        let found = known.iter().copied().find(|word| given.as_str() == Some(*word));
        if found.is_none() {
            self.tell(path, unknown_word("Unknown word", given, known));
        }
        found
    }

    /// Why something is done; it has to be said.
    fn reason(&mut self, name: &str) -> Option<Arc<str>> {
        let given = self.take(&[name])?;
        let text = given.as_str().unwrap_or_default().trim();
        if text.is_empty() {
            let problem = Diagnostic::error("A reason is required")
                .detail("It is told to whoever looks for why nothing is done.");
            self.tell(&[name], problem.help("Say why nothing is to be done, or leave it out."));
        }
        Some(text.into())
    }

    fn count(&mut self, path: &[&str], otherwise: usize) -> usize {
        let Some(given) = self.take(path) else { return otherwise };
        let number = given.as_number().and_then(Number::to_u64).and_then(|number| usize::try_from(number).ok());
        number.unwrap_or_else(|| {
            self.tell(path, Diagnostic::error("Unsuitable number").detail("It is a whole number, and not negative."));
            otherwise
        })
    }

    fn share(&mut self, path: &[&str]) -> Option<Share> {
        let given = self.take(path)?;
        let share = given.as_str().and_then(Share::parse);
        if share.is_none() {
            let detail = "It is a number of objects, like 50, or a share of those that are recorded, like \"20%\".";
            self.tell(path, Diagnostic::error("Unsuitable limit").detail(detail));
        }
        // What is not understood allows nothing.
        Some(share.unwrap_or(Share::Objects(0)))
    }

    fn windows(&mut self) -> Vec<Window> {
        let given = self.take(&["window"]);
        let named = given.as_ref().and_then(Value::entries).cloned().unwrap_or_default();
        let names: Vec<Arc<str>> = named.iter().map(|(name, _)| Arc::from(&**name)).collect();
        names.into_iter().filter_map(|name| self.window(name)).collect()
    }

    fn window(&mut self, name: Arc<str>) -> Option<Window> {
        let path = ["window", &*name, "schedule"];
        let given = self.take(&path)?;
        let schedule = given.as_str().map(Schedule::parse)?;
        let length = ["window", &*name, "duration"];
        let duration = self.duration(&length);
        if duration > LONGEST_WINDOW {
            self.tell(
                &length,
                Diagnostic::error("Unsuitable duration").detail("A window is open for seven days at most."),
            );
        }
        match schedule {
            Ok(schedule) => Some(Window { name, schedule, duration }),
            Err(detail) => {
                let problem = Diagnostic::error("Unsuitable schedule").detail(detail);
                self.tell(&path, problem.help("Write minute, hour, day, month and weekday: \"0 22 * * mon-fri\" is 22:00 UTC from Monday to Friday."));
                None
            }
        }
    }
}

fn attribute_path(path: &[&str]) -> AttributePath {
    path.iter().map(|name| Step::Attribute((*name).into())).collect()
}

impl Share {
    fn parse(text: &str) -> Option<Share> {
        match text.strip_suffix('%') {
            Some(percent) => percent.parse().ok().filter(|percent| *percent <= 100).map(Share::Percent),
            None => text.parse().ok().map(Share::Objects),
        }
    }
}

#[cfg(test)]
mod tests {
    use portolan_lang::syntax::parse_body;

    use super::*;

    fn watch(text: &str) -> (Watch, Vec<String>) {
        let (body, problems) = parse_body(FileId(0), text);
        assert!(!problems.has_errors(), "{problems:?}");
        let (watch, problems) = read(&body, Span::new(FileId(0), 0..0));
        let told = |problem: &Diagnostic| {
            let at = problem.labels.first().map(|label| label.span.range());
            format!("{} at {:?}", problem.summary, at.and_then(|range| text.get(range)).unwrap_or_default())
        };
        (watch, problems.iter().map(told).collect())
    }

    #[test]
    fn without_a_word_it_is_careful() {
        let (careful, problems) = watch("");
        assert_eq!((&careful, problems.len()), (&Watch::default(), 0));
        assert_eq!((careful.interval, careful.debounce), (Duration::from_secs(60), Duration::from_secs(1)));
        assert_eq!(careful.on_drift, OnDrift::Repair);
        let limits = Limits { deletions: false, replacements: false, changes: None, clusters_lost: 1 };
        assert_eq!((careful.limits, careful.pause), (limits, None));
        assert!(careful.repairs_always && careful.fails_over_always && careful.windows.is_empty());
    }

    #[test]
    fn everything_can_be_said() {
        let (said, problems) = watch(
            "interval = \"30s\"\non_drift = \"report\"\npause = \"a move\"\noutside_windows = [\"failover\"]\n\
             limits {\n  deletions = \"allowed\"\n  changes = 50\n  clusters_lost = 0\n}\n\
             window \"night\" {\n  schedule = \"0 22 * * mon-fri\"\n  duration = \"4h\"\n}\n",
        );
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(
            (said.interval.as_secs(), said.on_drift, said.pause.as_deref()),
            (30, OnDrift::Report, Some("a move"))
        );
        assert_eq!((said.repairs_always, said.fails_over_always), (false, true));
        assert_eq!((said.limits.changes, said.limits.clusters_lost), (Some(Share::Objects(50)), 0));
        assert!(said.limits.deletions && !said.limits.replacements);
        assert_eq!((&*said.windows[0].name, said.windows[0].duration.as_secs()), ("night", 4 * 3600));
        assert_eq!(watch("limits {\n  changes = \"20%\"\n}").0.limits.changes, Some(Share::Percent(20)));
    }

    #[test]
    fn all_that_is_wrong_is_told_at_its_place() {
        let (_, problems) = watch(
            "interval = \"often\"\non_drift = \"mend\"\npause = \"\"\nlimits {\n  deletions = \"yes\"\n  changes = \"120%\"\n}\n\
             window \"night\" {\n  schedule = \"at night\"\n  duration = \"9000h\"\n}\n",
        );
        for told in [
            "Unsuitable duration at \"\\\"often\\\"\"",
            "Unknown word at \"\\\"mend\\\"\"",
            "A reason is required at \"\\\"\\\"\"",
            "Unknown word at \"\\\"yes\\\"\"",
            "Unsuitable limit at \"\\\"120%\\\"\"",
            "Unsuitable schedule at \"\\\"at night\\\"\"",
            "Unsuitable duration at \"\\\"9000h\\\"\"",
        ] {
            assert!(problems.iter().any(|problem| problem == told), "{told}: {problems:#?}");
        }
        assert_eq!(problems.len(), 7, "{problems:#?}");
    }
}
