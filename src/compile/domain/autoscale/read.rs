//! What a service may say of how it follows its load, checked.

use std::time::Duration;

use portolan_lang::{
    Attribute, Block as Nested, Data, Diagnostic, Diagnostics, Number, Schema, Span, Type, Value, duration,
};

use super::{Amount, Autoscale, Metric, Policy, Resource, Rules, Select, Target};
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
        .block(Nested::single("scale_up", rules("How fast there may be more.")))
        .block(Nested::single("scale_down", rules("How fast there may be fewer.")))
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
        let metrics: Vec<Metric> =
            [Resource::Cpu, Resource::Memory].into_iter().filter_map(|resource| self.metric(block, resource)).collect();
        let is_given = |name: &str| take(block, name).is_some();
        if !["cpu", "memory"].into_iter().any(is_given) {
            let problem = Diagnostic::error("Nothing to follow")
                .detail("It is not said what the number of copies follows.")
                .help("Say what is aimed at: cpu = \"60%\".");
            self.tell(&[], problem);
        }
        if min == Some(0) {
            let problem = Diagnostic::error("Unsuitable bounds")
                .detail("\"min\" is 0: without copies there is nothing to measure, so there would never be one again.");
            self.tell(&["min"], problem);
        }
        let tolerance = self.tolerance(block);
        let up = self.rules(block, "scale_up", Rules::of_up());
        let down = self.rules(block, "scale_down", Rules::of_down());
        Some(Autoscale { min: min?, max: max?, metrics, tolerance: tolerance?, up, down })
    }

    fn tell(&mut self, path: &[&str], problem: Diagnostic) {
        let path: Vec<&str> = ["autoscale"].iter().chain(path).copied().collect();
        self.diagnostics.push(problem.at((self.span)(&path)));
    }

    /// Text, or nothing where it is not given. What is not known yet is told.
    fn text(&mut self, block: &Value, path: &[&str]) -> Option<std::sync::Arc<str>> {
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

/// So much for each copy, given in thousandths of the unit.
fn average(resource: Resource, thousandths: u64) -> Option<Target> {
    let amount = match resource {
        Resource::Cpu => thousandths,
        Resource::Memory => thousandths / 1000,
    };
    (amount > 0).then_some(Target::Average(amount))
}
