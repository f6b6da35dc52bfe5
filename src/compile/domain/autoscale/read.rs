//! What a service may say of how it follows its load, checked.

use std::sync::Arc;
use std::time::Duration;

use portolan_lang::{
    Attribute, Block as Nested, Data, Diagnostic, Diagnostics, Number, Schema, Span, Type, Value, duration,
};

use super::{
    Amount, Autoscale, Cron, Metric, Policy, Query, QueryTarget, Resource, Rules, Schedule, Select, Target, cron,
};
use crate::compile::domain::{quantity, undecided, unknown_word};

/// The longest window and period: what Kubernetes takes for windows.
const LONGEST: Duration = Duration::from_secs(3600);

const SELECTS: [&str; 3] = ["max", "min", "disabled"];

/// The block.
pub(in crate::compile::domain) fn schema() -> Schema {
    let text = |name, doc: &'static str| Attribute::optional(name, Type::String).doc(doc);
    let window = "For how long what was wanted before counts as well; \"0s\" up and \"5m\" down if not given.";
    let select = "Which \"policy\" counts: \"max\" (the one that allows most), \"min\", or \"disabled\" for no change in this direction.";
    let rules = |doc| {
        Schema::new(doc)
            .with(text("stabilization", window))
            .with(text("select", select).default(Value::string("max")))
            .block(Nested::list("policy", policy()))
    };
    Schema::new("Between which numbers the copies follow the load, while `portolan watch` runs.")
        .with(Attribute::required("min", Type::Number).doc("The least number of copies over all clusters."))
        .with(Attribute::required("max", Type::Number).doc("The greatest number."))
        .with(text("cpu", "The processor time of a copy that is aimed at: a share of what is reserved, \"60%\", or an amount, \"300m\"."))
        .with(text("memory", "The memory of a copy that is aimed at: a share of what is reserved, \"80%\", or an amount, \"400Mi\"."))
        .with(text("tolerance", "How far from that it may be before anything changes.").default(Value::string("10%")))
        .block(Nested::named("prometheus", prometheus()))
        .block(Nested::named("schedule", schedule()))
        .block(Nested::single("scale_up", rules("How fast there may be more.")))
        .block(Nested::single("scale_down", rules("How fast there may be fewer.")))
}

fn prometheus() -> Schema {
    let number = |name, doc: &'static str| Attribute::optional(name, Type::Number).doc(doc);
    Schema::new("What a Prometheus says, and what is aimed at.")
        .with(Attribute::required("url", Type::String).doc("Where it is: \"https://prometheus.example.org\"."))
        .with(
            Attribute::required("query", Type::String)
                .doc("An expression of which one number comes: \"sum(rate(requests_total[1m]))\"."),
        )
        .with(number("average_value", "What is aimed at for each copy: the number, divided by the copies."))
        .with(number("value", "What is aimed at, in place of \"average_value\": the number itself."))
        .with(
            Attribute::optional("token", Type::String).sensitive().doc("The token that it asks for; only over https."),
        )
}

fn schedule() -> Schema {
    let number = |name, doc: &'static str| Attribute::optional(name, Type::Number).doc(doc);
    Schema::new("A time in which there are other bounds.")
        .with(
            Attribute::required("start", Type::String)
                .doc("When it begins, as crontab writes it: \"0 8 * * mon-fri\"."),
        )
        .with(Attribute::required("end", Type::String).doc("When it ends: \"0 20 * * mon-fri\"."))
        .with(
            Attribute::optional("time_zone", Type::String)
                .default(Value::string("UTC"))
                .doc("The time zone of both: \"Asia/Shanghai\"."),
        )
        .with(number("min", "The least number of copies in that time, where it is more than otherwise."))
        .with(number("max", "The greatest number in that time, where it is less than otherwise."))
}

fn policy() -> Schema {
    let number = |name, doc: &'static str| Attribute::optional(name, Type::Number).doc(doc);
    Schema::new("A limit for how many copies come or go in a time.")
        .with(number("pods", "So many."))
        .with(number("percent", "So many percent of those that there were."))
        .with(Attribute::required("period", Type::String).doc("The time: \"1m\"."))
}

/// How a service follows its load, as far as it does, given its decoded block `autoscale`; what cannot
/// be understood is told. `span` gives the place of what stands at a path in the service.
pub(in crate::compile::domain) fn read(
    block: &Value,
    span: &dyn Fn(&[&str]) -> Span,
) -> (Option<Autoscale>, Diagnostics) {
    let mut diagnostics = Diagnostics::new();
    if block.is_null() {
        return (None, diagnostics);
    }
    let mut reader = Reader { span, diagnostics: &mut diagnostics };
    let found = reader.autoscale(block);
    (found.filter(|_| !diagnostics.has_errors()), diagnostics)
}

struct Reader<'a> {
    span: &'a dyn Fn(&[&str]) -> Span,
    diagnostics: &'a mut Diagnostics,
}

impl Reader<'_> {
    fn autoscale(&mut self, block: &Value) -> Option<Autoscale> {
        let (min, max) = (self.number(block, &["min"]), self.number(block, &["max"]));
        if let Some((min, max)) = min.zip(max).filter(|(min, max)| min > max) {
            let detail = format!("\"min\" ({min}) is greater than \"max\" ({max}).");
            self.tell(&["min"], Diagnostic::error("Unsuitable bounds").detail(detail));
        }
        let resources = [Resource::Cpu, Resource::Memory];
        let mut metrics: Vec<Metric> =
            resources.into_iter().filter_map(|resource| self.metric(block, resource)).collect();
        metrics.extend(self.named(block, "prometheus", Reader::query));
        let schedules = self.named(block, "schedule", Reader::schedule);
        self.check_sources(block, min);
        let tolerance = self.tolerance(block);
        let up = self.rules(block, "scale_up", Rules::of_up());
        let down = self.rules(block, "scale_down", Rules::of_down());
        Some(Autoscale { min: min?, max: max?, metrics, schedules, tolerance: tolerance?, up, down })
    }

    /// That it follows anything, also where there is no copy.
    fn check_sources(&mut self, block: &Value, min: Option<u32>) {
        let is_any =
            |name: &str| take(block, name).is_some_and(|value| value.entries().is_none_or(|all| !all.is_empty()));
        let is_independent = ["prometheus", "schedule"].into_iter().any(is_any);
        if !is_independent && !["cpu", "memory"].into_iter().any(is_any) {
            let problem = Diagnostic::error("Nothing to follow")
                .detail("It is not said what the number of copies follows.")
                .help("Say what is aimed at: cpu = \"60%\".");
            self.tell(&[], problem);
        }
        if min == Some(0) && !is_independent {
            let problem = Diagnostic::error("Unsuitable bounds")
                .detail("\"min\" is 0: without copies there is nothing to measure, so there would never be one again.")
                .help("Add what there is without copies: a block prometheus or schedule.");
            self.tell(&["min"], problem);
        }
    }

    /// What is read of every block of a kind, with its name.
    fn named<T>(&mut self, block: &Value, kind: &str, read: fn(&mut Self, &Arc<str>, &Value) -> Option<T>) -> Vec<T> {
        let blocks = take(block, kind).unwrap_or_else(|| Value::null(Type::Any));
        let entries = blocks.entries().into_iter().flat_map(|entries| entries.iter());
        entries.filter_map(|(name, block)| read(self, name, block)).collect()
    }

    fn query(&mut self, name: &Arc<str>, block: &Value) -> Option<Metric> {
        let at = |attribute| ["prometheus", name, attribute];
        let (url, query) = (self.text(block, &at("url")), self.text(block, &at("query")));
        let token = self.text(block, &at("token"));
        let is_secure = url.as_ref().is_some_and(|url| url.starts_with("https://"));
        if url.as_ref().is_some_and(|url| !is_address(url)) {
            let detail = "It is no address like \"https://prometheus.example.org\".";
            self.tell(&at("url"), Diagnostic::error("Unsuitable address").detail(detail));
        }
        let is_plain = |token: &Arc<str>| token.bytes().all(|byte| byte.is_ascii_graphic());
        if token.as_ref().is_some_and(|token| !is_secure || !is_plain(token)) {
            let detail = "A token is sent over https only, and has no spaces.";
            self.tell(&at("token"), Diagnostic::error("Unsuitable token").detail(detail));
        }
        if take(block, "average_value").is_some() == take(block, "value").is_some() {
            let detail = "A question has either an \"average_value\" or a \"value\" that is aimed at.";
            self.tell(&["prometheus", name], Diagnostic::error("Unclear target").detail(detail));
        }
        let average = self.amount(block, &at("average_value")).map(QueryTarget::AverageValue);
        let target = self.amount(block, &at("value")).map(QueryTarget::Value).or(average)?;
        Some(Metric::Query(Query { name: name.clone(), url: url?, query: query?, token }, target))
    }

    fn amount(&mut self, block: &Value, path: &[&str]) -> Option<f64> {
        let value = take(block, path.last()?)?;
        let amount = value.as_number().map(Number::to_f64);
        let found = amount.filter(|amount| amount.is_finite() && *amount > 0.0);
        if found.is_none() {
            let problem = Diagnostic::error("Unsuitable target").detail("What is aimed at is a number above 0.");
            self.tell(path, if amount.is_some() { problem } else { undecided("This number", (self.span)(&[])) });
        }
        found
    }

    fn schedule(&mut self, name: &Arc<str>, block: &Value) -> Option<Schedule> {
        let at = |attribute| ["schedule", name, attribute];
        let (start, end) = (self.cron(block, &at("start")), self.cron(block, &at("end")));
        let zone = self.text(block, &at("time_zone"));
        let found = zone.as_ref().and_then(|zone| cron::zone(zone));
        if let Some(zone) = zone.filter(|_| found.is_none()) {
            let detail = format!("\"{zone}\" is no time zone that this machine knows, such as \"Asia/Shanghai\".");
            self.tell(&at("time_zone"), Diagnostic::error("Unknown time zone").detail(detail));
        }
        let (min, max) = (self.number(block, &at("min")), self.number(block, &at("max")));
        if min.is_none() && max.is_none() || min.zip(max).is_some_and(|(min, max)| min > max) {
            let detail = "A \"schedule\" says a \"min\", a \"max\" that is not less, or both.";
            self.tell(&["schedule", name], Diagnostic::error("Unsuitable bounds").detail(detail));
        }
        Some(Schedule { name: name.clone(), start: start?, end: end?, zone: found?, min, max })
    }

    fn cron(&mut self, block: &Value, path: &[&str]) -> Option<Cron> {
        let text = self.text(block, path)?;
        match Cron::parse(&text) {
            Ok(cron) => Some(cron),
            Err(problem) => {
                let detail = format!("\"{text}\" is no time as crontab writes it: {problem}.");
                self.tell(path, Diagnostic::error("Unsuitable time").detail(detail));
                None
            }
        }
    }

    fn tell(&mut self, path: &[&str], problem: Diagnostic) {
        let path: Vec<&str> = ["autoscale"].iter().chain(path).copied().collect();
        self.diagnostics.push(problem.at((self.span)(&path)));
    }

    /// Text, or nothing where it is not given. What is not known yet is told.
    fn text(&mut self, block: &Value, path: &[&str]) -> Option<Arc<str>> {
        let name = path.last()?;
        let value = take(block, name)?;
        match value.data() {
            Data::String(text) => Some(text.clone()),
            _ => {
                let problem = undecided(&format!("\"{name}\""), (self.span)(&[]));
                self.tell(path, problem);
                None
            }
        }
    }

    fn number(&mut self, block: &Value, path: &[&str]) -> Option<u32> {
        let name = path.last()?;
        let value = take(block, name)?;
        let Some(number) = value.as_number() else {
            let problem = undecided(&format!("\"{name}\""), (self.span)(&[]));
            self.tell(path, problem);
            return None;
        };
        let whole = Number::to_u64(number).and_then(|number| u32::try_from(number).ok());
        if whole.is_none() {
            let detail = format!("{number} is not a whole number from 0 to {}.", u32::MAX);
            self.tell(path, Diagnostic::error("Unsuitable number").detail(detail));
        }
        whole
    }

    fn metric(&mut self, block: &Value, resource: Resource) -> Option<Metric> {
        let name = resource.word();
        let text = self.text(block, &[name])?;
        let target = match text.strip_suffix('%') {
            Some(percent) => percent.trim().parse().ok().filter(|percent| *percent > 0).map(Target::Utilization),
            None => quantity::thousandths(&text).and_then(|amount| average(resource, amount)),
        };
        if target.is_none() {
            let detail = format!(
                "\"{text}\" is neither a share of what is reserved such as \"60%\" nor an amount such as \"500m\" or \"1Gi\"."
            );
            self.tell(&[name], Diagnostic::error("Unsuitable target").detail(detail));
        }
        Some(Metric::Resource(resource, target?))
    }

    fn tolerance(&mut self, block: &Value) -> Option<f64> {
        let text = self.text(block, &["tolerance"])?;
        let percent = text.strip_suffix('%').and_then(|percent| percent.trim().parse::<u32>().ok());
        let found = percent.filter(|percent| *percent < 100);
        if found.is_none() {
            let detail = format!("\"{text}\" is not a share from \"0%\" to \"99%\".");
            self.tell(&["tolerance"], Diagnostic::error("Unsuitable tolerance").detail(detail));
        }
        found.map(|percent| f64::from(percent) / 100.0)
    }

    /// The rules of a direction: what is not said of them stays as it is.
    fn rules(&mut self, block: &Value, direction: &str, default: Rules) -> Rules {
        let Some(given) = take(block, direction) else { return default };
        let stabilization = self.duration(&given, &[direction, "stabilization"]).unwrap_or(default.stabilization);
        let select = match self.text(&given, &[direction, "select"]).as_deref() {
            Some("min") => Select::Min,
            Some("disabled") => Select::Disabled,
            Some("max") | None => Select::Max,
            Some(_) => {
                let problem = unknown_word("Unknown word", &take(&given, "select").unwrap_or(Value::TRUE), &SELECTS);
                self.tell(&[direction, "select"], problem);
                Select::Max
            }
        };
        let given = take(&given, "policy").unwrap_or_else(|| Value::null(Type::Any));
        let policies: Vec<Policy> =
            given.items().unwrap_or_default().iter().filter_map(|policy| self.policy(policy, direction)).collect();
        Rules { stabilization, select, policies: if policies.is_empty() { default.policies } else { policies } }
    }

    fn policy(&mut self, policy: &Value, direction: &str) -> Option<Policy> {
        let at = [direction, "policy"];
        let period = self.duration(policy, &[direction, "policy", "period"]);
        let pods = self.number(policy, &[direction, "policy", "pods"]).map(Amount::Pods);
        let percent = self.number(policy, &[direction, "policy", "percent"]).map(Amount::Percent);
        let amount = match (pods, percent) {
            (Some(amount), None) | (None, Some(amount)) => amount,
            _ => {
                let detail = "A \"policy\" has either \"pods\" or \"percent\".";
                self.tell(&at, Diagnostic::error("Unclear policy").detail(detail));
                return None;
            }
        };
        if matches!(amount, Amount::Pods(0) | Amount::Percent(0)) {
            self.tell(
                &at,
                Diagnostic::error("Unsuitable number").detail("A \"policy\" allows one copy, or 1 %, at least."),
            );
        }
        let period = period?;
        if period.is_zero() {
            let detail = "A \"policy\" has a period, and not zero.";
            self.tell(&[direction, "policy", "period"], Diagnostic::error("Unsuitable duration").detail(detail));
        }
        Some(Policy { amount, period })
    }

    fn duration(&mut self, block: &Value, path: &[&str]) -> Option<Duration> {
        let text = self.text(block, path)?;
        let found = duration(&text).filter(|found| *found <= LONGEST);
        if found.is_none() {
            let detail = format!("\"{text}\" is no time like \"30s\" or \"5m\", of an hour at most.");
            self.tell(path, Diagnostic::error("Unsuitable duration").detail(detail));
        }
        found
    }
}

/// An attribute or a block, where it is set.
fn take(block: &Value, name: &str) -> Option<Value> {
    block.get(name).filter(|value| !value.is_null())
}

/// Whether it is the address of a server, without a name or a password.
fn is_address(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let host = rest.map(|rest| rest.split('/').next().unwrap_or_default());
    host.is_some_and(|host| !host.is_empty() && !host.contains('@'))
        && url.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#\"<>".contains(&byte))
}

/// So much for each copy, given in thousandths of the unit.
fn average(resource: Resource, thousandths: u64) -> Option<Target> {
    let amount = match resource {
        Resource::Cpu => thousandths,
        Resource::Memory => thousandths / 1000,
    };
    (amount > 0).then_some(Target::Average(amount))
}
