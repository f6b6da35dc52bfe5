//! What an expression refers to.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use crate::address::InstanceKey;
use crate::source::Span;
use crate::syntax::{Expr, ExprKind, For, Ident, TemplatePart};
use crate::value::{Data, Value};

/// A name and the steps that follow it as far as they can be read from the source alone:
/// `module.edge["eu"].hosts` but not `a[var.x].b` beyond `a`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Reference {
    path: Arc<ReferencePath>,
    /// Where the whole reference stands.
    pub span: Span,
}

/// What a reference names. All references of a file that are written alike share it.
pub struct ReferencePath {
    /// The first name.
    pub root: Arc<str>,
    /// The steps after it.
    pub steps: Vec<ReferenceStep>,
    /// The whole as text.
    text: Box<str>,
    /// For each step, where it stands.
    places: Box<[StepPlace]>,
}

/// One step of a reference.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ReferenceStep {
    /// `.name`
    Attribute(Arc<str>),
    /// `["key"]`, `[0]` or `.0`
    Key(InstanceKey),
}

/// Where a step stands: in bytes from the beginning of the reference.
#[derive(Debug, Clone, Copy)]
struct StepPlace {
    /// The end of the step in the reference's text.
    in_text: u32,
    /// The name or the key in the source.
    part: (u32, u32),
    /// The end of the step in the source, with its bracket.
    end: u32,
}

impl Deref for Reference {
    type Target = ReferencePath;
    fn deref(&self) -> &ReferencePath {
        &self.path
    }
}

impl PartialEq for ReferencePath {
    fn eq(&self, other: &Self) -> bool {
        self.root == other.root && self.steps == other.steps
    }
}

impl Eq for ReferencePath {}

impl Hash for ReferencePath {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl Reference {
    /// A reference that stands in no source as such, as if it were written out at a place.
    pub fn new(root: impl Into<Arc<str>>, steps: impl IntoIterator<Item = ReferenceStep>, span: Span) -> Reference {
        let draft = steps.into_iter().fold(Draft::new(root), |mut draft, step| {
            let start = draft.text.len();
            draft.push(step, 0..0, 0);
            let end = draft.text.len();
            if let Some(place) = draft.places.last_mut() {
                (place.part, place.end) = ((short(start), short(end)), short(end));
            }
            draft
        });
        Reference::of_path(draft.path(), span)
    }

    pub(crate) fn of_path(path: Arc<ReferencePath>, span: Span) -> Reference {
        Reference { path, span }
    }

    /// The same reference at another place.
    #[must_use]
    pub fn at(self, span: Span) -> Reference {
        Reference { span, ..self }
    }

    /// The reference that an expression is, if it is nothing but names and literal keys.
    pub fn of(expr: &Expr) -> Option<&Reference> {
        match &expr.kind {
            ExprKind::Reference(reference) => Some(reference),
            _ => None,
        }
    }

    /// The place of a step with its dot or its brackets; 0 is the one after the root.
    pub fn step_span(&self, step: usize) -> Span {
        let end = self.places.get(step).map_or(u32::MAX, |place| place.end);
        Span { start: self.span_before(step).end, ..self.part(0, end) }
    }

    /// The place of the name or key of a step.
    pub(crate) fn part_span(&self, step: usize) -> Span {
        self.places.get(step).map_or(self.span, |place| self.part(place.part.0, place.part.1))
    }

    /// The place of all that stands before a step.
    pub(crate) fn span_before(&self, step: usize) -> Span {
        let before = step.checked_sub(1).and_then(|before| self.places.get(before));
        self.part(0, before.map_or(short(self.root.len()), |place| place.end))
    }

    /// The place of a part of the reference, which is not beyond its end.
    fn part(&self, start: u32, end: u32) -> Span {
        let at = |offset: u32| self.span.start.saturating_add(offset).min(self.span.end);
        Span { start: at(start), end: at(end), ..self.span }
    }
}

impl ReferencePath {
    /// The name at this position, the root being at 0; `None` for a key.
    pub fn name(&self, position: usize) -> Option<&str> {
        let Some(before) = position.checked_sub(1) else { return Some(&self.root) };
        match self.steps.get(before)? {
            ReferenceStep::Attribute(name) => Some(name),
            ReferenceStep::Key(_) => None,
        }
    }

    /// The text of the root with so many steps; of the whole where there are not as many.
    pub fn through(&self, steps: usize) -> &str {
        let end = match steps.checked_sub(1) {
            None => Some(self.root.len()),
            Some(last) => self.places.get(last).map(|place| place.in_text as usize),
        };
        end.and_then(|end| self.text.get(..end)).unwrap_or(&self.text)
    }

    /// The text of the root with so many steps, which must all be names: the local address of
    /// what is declared under them.
    pub fn named(&self, steps: usize) -> Option<&str> {
        let names = self.steps.iter().take(steps).filter(|step| matches!(step, ReferenceStep::Attribute(_)));
        (names.count() == steps).then(|| self.through(steps))
    }
}

impl fmt::Display for ReferencePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {:?}", self.text, self.span.range())
    }
}

/// A path that is being put together.
#[derive(Clone)]
pub(crate) struct Draft {
    root: Arc<str>,
    steps: Vec<ReferenceStep>,
    text: String,
    places: Vec<StepPlace>,
}

impl Draft {
    pub(crate) fn new(root: impl Into<Arc<str>>) -> Draft {
        let root = root.into();
        Draft { text: root.to_string(), root, steps: Vec::new(), places: Vec::new() }
    }

    /// Begins with what a reference names already.
    pub(crate) fn of(reference: &Reference) -> Draft {
        Draft {
            root: reference.root.clone(),
            steps: reference.steps.clone(),
            text: reference.text.to_string(),
            places: reference.places.to_vec(),
        }
    }

    /// Adds a step; its name or key stands at `part` and it ends at `end`, in bytes from the
    /// beginning of the reference.
    pub(crate) fn push(&mut self, step: ReferenceStep, part: std::ops::Range<usize>, end: usize) {
        match &step {
            ReferenceStep::Attribute(name) => self.text.extend([".", name]),
            ReferenceStep::Key(key) => self.text.push_str(&key.to_string()),
        }
        self.steps.push(step);
        let part = (short(part.start), short(part.end));
        self.places.push(StepPlace { in_text: short(self.text.len()), part, end: short(end) });
    }

    pub(crate) fn path(mut self) -> Arc<ReferencePath> {
        self.steps.shrink_to_fit();
        Arc::new(ReferencePath {
            root: self.root,
            steps: self.steps,
            text: self.text.into(),
            places: self.places.into(),
        })
    }
}

/// An offset in a source file, which is smaller than 4 GiB.
fn short(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

/// The key that an expression in brackets is, if it is a literal.
pub(crate) fn literal_key(expr: &Expr) -> Option<InstanceKey> {
    let ExprKind::Literal(value) = &expr.kind else { return None };
    match value.data() {
        Data::String(key) => Some(InstanceKey::Key(key.clone())),
        Data::Number(number) => number.to_u64().map(InstanceKey::Index),
        _ => None,
    }
}

/// The key as a value.
pub fn key_value(key: &InstanceKey) -> Value {
    match key {
        InstanceKey::Key(key) => Data::String(key.clone()).into(),
        InstanceKey::Index(index) => Value::number(*index),
    }
}

/// Every reference in an expression, in source order, without the variables of its own
/// `for` expressions and directives. The keys of indexes are searched too.
pub fn references(expr: &Expr) -> Vec<Reference> {
    let mut found = Vec::new();
    each_reference(expr, &mut |reference| found.push(reference.clone()));
    found
}

/// Calls `found` with each of the [`references`] in an expression.
pub fn each_reference(expr: &Expr, found: &mut dyn FnMut(&Reference)) {
    Search { found, variables: Vec::new(), calls: false }.expr(expr);
}

/// Whether an expression is made of literals and operators alone: it refers to nothing and calls
/// no function.
pub fn is_constant(expr: &Expr) -> bool {
    let mut refers = false;
    let mut search = Search { found: &mut |_| refers = true, variables: Vec::new(), calls: false };
    search.expr(expr);
    let calls = search.calls;
    !refers && !calls
}

/// A search for references, with the variables that hide names.
struct Search<'f> {
    found: &'f mut dyn FnMut(&Reference),
    variables: Vec<Arc<str>>,
    /// Whether a function is called anywhere.
    calls: bool,
}

impl Search<'_> {
    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Reference(reference) if self.variables.contains(&reference.root) => {}
            ExprKind::Reference(reference) => (self.found)(reference),
            ExprKind::Attribute(source, _) => self.expr(source),
            ExprKind::Index(source, key) => self.all([source, key]),
            ExprKind::Literal(_) | ExprKind::Element | ExprKind::Invalid => {}
            ExprKind::Template(parts) => self.parts(parts),
            ExprKind::Splat { source, each } => self.all([source, each]),
            ExprKind::Unary(_, operand) | ExprKind::Parentheses(operand) => self.expr(operand),
            ExprKind::Binary(_, left, right) => self.all([left, right]),
            ExprKind::Conditional(condition, then, otherwise) => self.all([condition, then, otherwise]),
            ExprKind::Call(call) => {
                self.calls = true;
                self.all(&call.arguments);
            }
            ExprKind::Tuple(items) => self.all(items),
            ExprKind::Object(items) => items.iter().for_each(|(key, value)| self.all([key, value])),
            ExprKind::For(each) => self.for_expr(each),
        }
    }

    fn all<'e>(&mut self, exprs: impl IntoIterator<Item = &'e Arc<Expr>>) {
        exprs.into_iter().for_each(|expr| self.expr(expr));
    }

    /// Does `work` with names hidden.
    fn hiding<'n>(&mut self, names: impl IntoIterator<Item = &'n Ident>, work: impl FnOnce(&mut Self)) {
        let before = self.variables.len();
        self.variables.extend(names.into_iter().map(|name| name.name.clone()));
        work(self);
        self.variables.truncate(before);
    }

    fn for_expr(&mut self, each: &For) {
        self.expr(&each.source);
        self.hiding(each.key_variable.iter().chain([&each.value_variable]), |search| {
            search.all(each.key.iter().chain([&each.value]).chain(&each.condition));
        });
    }

    fn parts(&mut self, parts: &[TemplatePart]) {
        for part in parts {
            match part {
                TemplatePart::Text(_) => {}
                TemplatePart::Interpolation(expr) => self.expr(expr),
                TemplatePart::If { condition, then, otherwise, .. } => {
                    self.expr(condition);
                    self.parts(then);
                    self.parts(otherwise);
                }
                TemplatePart::For { key_variable, value_variable, source, body, .. } => {
                    self.expr(source);
                    self.hiding(key_variable.iter().chain([value_variable]), |search| search.parts(body));
                }
            }
        }
    }
}
