//! From hcl-edit's tree of one expression to ours.

use std::ops::Range;
use std::sync::Arc;

use hcl_edit::expr as hcl;
use hcl_edit::expr::Expression;
use hcl_edit::{Ident as HclIdent, Span as _};

use crate::diagnostic::Diagnostic;
use crate::eval::{Draft, Reference, ReferenceStep, literal_key};
use crate::number::Number;
use crate::syntax::parse::{MAX_DEPTH, MAX_STEPS, Parser};
use crate::syntax::scan::Extent;
use crate::syntax::{BinaryOperator, Call, Expr, ExprKind, For, Ident, UnaryOperator};
use crate::types::Type;
use crate::value::Value;

/// How often hcl-edit is asked again with another name for an object's key: it refuses two
/// equal keys, where the language lets the later one win.
const MAX_RENAMED_KEYS: usize = 256;

impl Parser<'_> {
    /// Parses the expression that was found at `extent`.
    pub(super) fn expression(&mut self, extent: &Extent<'_>) -> Expr {
        let range = extent.range.clone();
        if let Some(flaw) = extent.flaw {
            self.report_flaw(flaw);
            return self.invalid(range);
        }
        if range.is_empty() {
            let at = range.start..range.end;
            self.diagnostics.push(
                Diagnostic::error("Missing expression").detail("A value is expected here.").at(self.span(at.clone())),
            );
            return self.invalid(at);
        }
        match parse(&extent.painted) {
            Ok(expression) => {
                let mut lowering = Lowering { parser: self, base: range.start };
                lowering.expr(&expression)
            }
            Err(error) => {
                let diagnostic = self.syntax_error(extent, &error);
                self.diagnostics.push(diagnostic);
                self.invalid(range)
            }
        }
    }
}

/// Parses with hcl-edit; equal keys of one object are given other names of the same length.
fn parse(painted: &str) -> Result<Expression, hcl_edit::parser::Error> {
    let mut error = match hcl_edit::parser::parse_expr(painted) {
        Err(error) if error.message().contains("redefined object key") => error,
        result => return result,
    };
    let mut text = painted.as_bytes().to_vec();
    for attempt in 0..MAX_RENAMED_KEYS {
        rename_key(&mut text, error.location().offset(), attempt);
        match hcl_edit::parser::parse_expr(&String::from_utf8_lossy(&text)) {
            Err(again) if again.message().contains("redefined object key") => error = again,
            result => return result,
        }
    }
    Err(error)
}

/// Writes letters that count `attempt` over the name or string that begins at `at`.
fn rename_key(text: &mut [u8], at: usize, attempt: usize) {
    let quoted = text.get(at) == Some(&b'"');
    let mut attempt = attempt;
    for byte in text.iter_mut().skip(at + usize::from(quoted)) {
        let ends = if quoted {
            *byte == b'"'
        } else {
            !(byte.is_ascii_alphanumeric() || *byte >= 0x80 || *byte == b'_' || *byte == b'-')
        };
        if ends {
            return;
        }
        *byte = b"ZYXWVUTSRQPONMLKJIHGFEDCBAzyxwvutsrqponmlkjihgfedcba"[attempt % 52];
        attempt /= 52;
    }
}

struct Lowering<'p, 's> {
    parser: &'p mut Parser<'s>,
    /// Where hcl-edit's text begins in the parser's.
    base: usize,
}

impl Lowering<'_, '_> {
    fn range(&self, range: Option<Range<usize>>) -> Range<usize> {
        range.map_or(self.base..self.base, |range| self.base + range.start..self.base + range.end)
    }

    fn source(&self, range: Range<usize>) -> &str {
        self.parser.text.get(range).unwrap_or("")
    }

    fn expr(&mut self, expression: &Expression) -> Expr {
        let range = self.range(expression.span());
        if self.parser.depth >= MAX_DEPTH {
            let diagnostic = self.parser.too_deep(range.clone());
            self.parser.diagnostics.push(diagnostic);
            return self.parser.invalid(range);
        }
        self.parser.depth += 1;
        let expr = self.at_depth(expression, range);
        self.parser.depth -= 1;
        expr
    }

    fn shared(&mut self, expression: &Expression) -> Arc<Expr> {
        Arc::new(self.expr(expression))
    }

    fn at_depth(&mut self, expression: &Expression, range: Range<usize>) -> Expr {
        let kind = match expression {
            Expression::Null(_) => ExprKind::Literal(Value::null(Type::Any)),
            Expression::Bool(bool) => ExprKind::Literal(Value::bool(*bool.value())),
            Expression::Number(_) => return self.number(range),
            Expression::String(_) => return self.parser.string_at(range),
            Expression::Variable(_) => ExprKind::Reference(self.parser.dotted(range.clone())),
            Expression::Array(items) => ExprKind::Tuple(items.iter().map(|item| self.shared(item)).collect()),
            Expression::Object(object) => self.object(object),
            Expression::Parenthesis(inner) => ExprKind::Parentheses(self.shared(inner.inner())),
            Expression::Conditional(conditional) => ExprKind::Conditional(
                self.shared(&conditional.cond_expr),
                self.shared(&conditional.true_expr),
                self.shared(&conditional.false_expr),
            ),
            Expression::FuncCall(call) => self.call(call),
            Expression::Traversal(traversal) => return self.traversal(traversal),
            Expression::UnaryOp(operation) => {
                let operator = match operation.operator.value() {
                    hcl::UnaryOperator::Neg => UnaryOperator::Negate,
                    hcl::UnaryOperator::Not => UnaryOperator::Not,
                };
                ExprKind::Unary(operator, self.shared(&operation.expr))
            }
            Expression::BinaryOp(operation) => ExprKind::Binary(
                binary(*operation.operator.value()),
                self.shared(&operation.lhs_expr),
                self.shared(&operation.rhs_expr),
            ),
            Expression::ForExpr(expr) => ExprKind::For(Box::new(self.for_expr(expr))),
            // Templates and heredocs are painted over before hcl-edit sees them.
            Expression::StringTemplate(_) | Expression::HeredocTemplate(_) => ExprKind::Invalid,
        };
        Expr { kind, span: self.parser.span(range) }
    }

    /// A number is read from the source, because hcl-edit rounds it to a machine float.
    fn number(&mut self, range: Range<usize>) -> Expr {
        let text: String = self.source(range.clone()).chars().filter(|c| !c.is_whitespace()).collect();
        let span = self.parser.span(range.clone());
        match text.parse::<Number>() {
            Ok(number) => Expr { kind: ExprKind::Literal(Value::number(number)), span },
            Err(_) => {
                self.parser.diagnostics.push(
                    Diagnostic::error("Invalid number literal").detail("This number cannot be represented.").at(span),
                );
                self.parser.invalid(range)
            }
        }
    }

    fn object(&mut self, object: &hcl::Object) -> ExprKind {
        let items = object.iter().map(|(key, value)| {
            let key = self.object_key(key);
            (Arc::new(key), self.shared(value.expr()))
        });
        ExprKind::Object(items.collect())
    }

    /// A bare name is a literal key, and so are `true`, `false` and `null`.
    fn object_key(&mut self, key: &hcl::ObjectKey) -> Expr {
        let range = match key {
            hcl::ObjectKey::Ident(name) => {
                let range = self.range(name.span());
                if self.source(range.clone()).contains('.') {
                    let kind = ExprKind::Reference(self.parser.dotted(range.clone()));
                    return Expr { kind, span: self.parser.span(range) };
                }
                range
            }
            hcl::ObjectKey::Expression(expression @ (Expression::Bool(_) | Expression::Null(_))) => {
                self.range(expression.span())
            }
            hcl::ObjectKey::Expression(expression) => return self.expr(expression),
        };
        let name = self.source(range.clone()).to_owned();
        Expr { kind: ExprKind::Literal(Value::string(self.parser.name(&name))), span: self.parser.span(range) }
    }

    fn name(&mut self, name: &hcl_edit::Decorated<HclIdent>) -> Ident {
        let range = self.range(name.span());
        if self.source(range.clone()).contains('.') {
            let problem = Diagnostic::error("Invalid name").detail("A single name is expected here, without dots.");
            self.parser.diagnostics.push(problem.at(self.parser.span(range.clone())));
        }
        self.parser.ident(range)
    }

    /// The names that follow a dot: where dots are painted over, there may be several.
    fn names(&mut self, name: &hcl_edit::Decorated<HclIdent>) -> Vec<Range<usize>> {
        let range = self.range(name.span());
        if self.source(range.clone()).matches('.').count() > MAX_STEPS {
            let diagnostic = self.parser.too_deep(range.clone());
            self.parser.diagnostics.push(diagnostic);
        }
        let mut start = range.start;
        let names = self.source(range).split('.').take(1 + MAX_STEPS).map(|name| {
            let range = start..start + name.len();
            start = range.end + 1;
            range
        });
        names.collect()
    }

    fn call(&mut self, call: &hcl::FuncCall) -> ExprKind {
        let name = if call.name.namespace.is_empty() {
            self.name(&call.name.name)
        } else {
            let parts: Vec<&str> =
                call.name.namespace.iter().chain([&call.name.name]).map(|part| part.as_str()).collect();
            let first = call.name.namespace.first().and_then(|part| part.span());
            let last = call.name.name.span();
            let range = first.zip(last).map(|(first, last)| first.start..last.end);
            Ident { name: self.parser.name(&parts.join("::")), span: self.parser.span(self.range(range)) }
        };
        let arguments = call.args.iter().map(|argument| self.shared(argument)).collect();
        ExprKind::Call(Box::new(Call { name, arguments, expand: call.args.expand_final() }))
    }

    fn for_expr(&mut self, expr: &hcl::ForExpr) -> For {
        For {
            key_variable: expr.intro.key_var.as_ref().map(|name| self.name(name)),
            value_variable: self.name(&expr.intro.value_var),
            source: self.shared(&expr.intro.collection_expr),
            key: expr.key_expr.as_ref().map(|key| self.shared(key)),
            value: self.shared(&expr.value_expr),
            group: expr.grouping,
            condition: expr.cond.as_ref().map(|condition| self.shared(&condition.expr)),
        }
    }

    fn traversal(&mut self, traversal: &hcl::Traversal) -> Expr {
        let source = self.expr(&traversal.expr);
        let (used, allowed) = (self.parser.depth + traversal.operators.len(), MAX_STEPS);
        if traversal.operators.len() > allowed || used > MAX_DEPTH + allowed {
            let range = self.range(traversal.span());
            let diagnostic = self.parser.too_deep(range.clone());
            self.parser.diagnostics.push(diagnostic);
            return self.parser.invalid(range);
        }
        let (source, rest) = self.static_steps(source, &traversal.operators);
        self.steps(source, rest)
    }

    /// Takes into a reference the names and literal keys that follow it; also returns what comes
    /// after them.
    fn static_steps<'o>(
        &mut self,
        source: Expr,
        operators: &'o [hcl_edit::Decorated<hcl::TraversalOperator>],
    ) -> (Expr, &'o [hcl_edit::Decorated<hcl::TraversalOperator>]) {
        let ExprKind::Reference(reference) = &source.kind else { return (source, operators) };
        let mut span = source.span;
        let mut draft = Draft::of(reference);
        let mut taken = 0;
        for (at, operator) in operators.iter().enumerate() {
            let range = self.step_range(operator);
            let end = self.parser.within(span, range.clone()).end;
            match operator.value() {
                hcl::TraversalOperator::GetAttr(name) => {
                    for name in self.names(name) {
                        let part = self.parser.within(span, name.clone());
                        let step = ReferenceStep::Attribute(self.parser.ident(name).name);
                        draft.push(step, part.clone(), part.end);
                    }
                }
                hcl::TraversalOperator::Index(key @ (Expression::String(_) | Expression::Number(_))) => {
                    let key = self.expr(key);
                    let Some(step) = literal_key(&key) else { break };
                    let start = span.range().start;
                    let part = key.span.range().start - start..key.span.range().end - start;
                    draft.push(ReferenceStep::Key(step), part, end);
                }
                hcl::TraversalOperator::LegacyIndex(_) => {
                    let key = self.legacy_key(range.clone(), &operators[at + 1..]);
                    let Some(step) = literal_key(&key) else { break };
                    draft.push(ReferenceStep::Key(step), self.parser.within(span, range.clone()), end);
                }
                _ => break,
            }
            span = span.to(self.parser.span(range));
            taken = at + 1;
        }
        let kind = ExprKind::Reference(Reference::of_path(draft.path(), span));
        (Expr { kind, span }, &operators[taken..])
    }

    fn steps(&mut self, mut source: Expr, mut operators: &[hcl_edit::Decorated<hcl::TraversalOperator>]) -> Expr {
        while let Some((operator, rest)) = operators.split_first() {
            operators = rest;
            let range = self.step_range(operator);
            let step = self.parser.span(range.clone());
            let span = source.span.to(step);
            let kind = match operator.value() {
                hcl::TraversalOperator::GetAttr(name) => {
                    for name in self.names(name) {
                        let name = self.parser.ident(name);
                        let span = source.span.to(name.span);
                        source = Expr { kind: ExprKind::Attribute(Arc::new(source), name), span };
                    }
                    continue;
                }
                hcl::TraversalOperator::Index(key) => ExprKind::Index(Arc::new(source), self.shared(key)),
                hcl::TraversalOperator::LegacyIndex(_) => {
                    ExprKind::Index(Arc::new(source), Arc::new(self.legacy_key(range, rest)))
                }
                hcl::TraversalOperator::FullSplat(_) => {
                    let element = Expr { kind: ExprKind::Element, span };
                    let each = self.steps(element, rest);
                    let span = span.to(each.span);
                    return Expr { kind: ExprKind::Splat { source: Arc::new(source), each: Arc::new(each) }, span };
                }
                hcl::TraversalOperator::AttrSplat(_) => {
                    let inner = rest.iter().take_while(|operator| is_attribute_step(operator)).count();
                    if matches!(rest.get(inner).map(|o| o.value()), Some(hcl::TraversalOperator::AttrSplat(_))) {
                        self.refuse_nested_splat(&rest[inner]);
                    }
                    let element = Expr { kind: ExprKind::Element, span };
                    let each = self.steps(element, &rest[..inner]);
                    operators = &rest[inner..];
                    let span = span.to(each.span);
                    source = Expr { kind: ExprKind::Splat { source: Arc::new(source), each: Arc::new(each) }, span };
                    continue;
                }
            };
            source = Expr { kind, span };
        }
        source
    }

    /// The range of one step; hcl-edit gives it with or without its dot or brackets.
    fn step_range(&self, operator: &hcl_edit::Decorated<hcl::TraversalOperator>) -> Range<usize> {
        let inner = match operator.value() {
            hcl::TraversalOperator::GetAttr(name) => name.span(),
            hcl::TraversalOperator::Index(key) => key.span(),
            hcl::TraversalOperator::LegacyIndex(index) => index.span(),
            hcl::TraversalOperator::AttrSplat(splat) | hcl::TraversalOperator::FullSplat(splat) => splat.span(),
        };
        let mut range = self.range(operator.span().or(inner));
        let after = self.source(range.end..self.parser.text.len());
        let bracket = after.find(|c: char| !c.is_whitespace()).filter(|at| after[*at..].starts_with(']'));
        let opens = self.source(range.clone()).starts_with('[');
        if let (Some(at), true, false) = (bracket, self.is_bracketed(operator), opens) {
            range.end += at + 1;
        }
        range
    }

    fn is_bracketed(&self, operator: &hcl_edit::Decorated<hcl::TraversalOperator>) -> bool {
        matches!(operator.value(), hcl::TraversalOperator::Index(_) | hcl::TraversalOperator::FullSplat(_))
    }

    /// The key of `.0`. Another one cannot follow: `a.0.1` reads as the number 0.1 after a dot.
    fn legacy_key(&mut self, range: Range<usize>, rest: &[hcl_edit::Decorated<hcl::TraversalOperator>]) -> Expr {
        if let Some(next) = rest.first()
            && matches!(next.value(), hcl::TraversalOperator::LegacyIndex(_))
        {
            let span = self.parser.span(self.step_range(next));
            self.parser.diagnostics.push(
                Diagnostic::error("Invalid legacy index syntax")
                    .detail("Two indexes with dots cannot follow one another.")
                    .at(span)
                    .help("write a[0][1] instead of a.0.1"),
            );
        }
        let digits = self.source(range.clone()).trim_start_matches(['.', ' ', '\t', '\n']);
        let number = digits.parse::<Number>().unwrap_or(Number::ZERO);
        Expr { kind: ExprKind::Literal(Value::number(number)), span: self.parser.span(range) }
    }

    fn refuse_nested_splat(&mut self, operator: &hcl_edit::Decorated<hcl::TraversalOperator>) {
        let span = self.parser.span(self.step_range(operator));
        self.parser.diagnostics.push(
            Diagnostic::error("Nested splat expression not allowed")
                .detail("A splat with `.*` goes through attributes only, and cannot hold another one.")
                .at(span)
                .help("write [*] instead"),
        );
    }
}

fn is_attribute_step(operator: &hcl_edit::Decorated<hcl::TraversalOperator>) -> bool {
    matches!(operator.value(), hcl::TraversalOperator::GetAttr(_) | hcl::TraversalOperator::LegacyIndex(_))
}

fn binary(operator: hcl::BinaryOperator) -> BinaryOperator {
    match operator {
        hcl::BinaryOperator::Eq => BinaryOperator::Equal,
        hcl::BinaryOperator::NotEq => BinaryOperator::NotEqual,
        hcl::BinaryOperator::LessEq => BinaryOperator::LessOrEqual,
        hcl::BinaryOperator::GreaterEq => BinaryOperator::GreaterOrEqual,
        hcl::BinaryOperator::Less => BinaryOperator::Less,
        hcl::BinaryOperator::Greater => BinaryOperator::Greater,
        hcl::BinaryOperator::Plus => BinaryOperator::Add,
        hcl::BinaryOperator::Minus => BinaryOperator::Subtract,
        hcl::BinaryOperator::Mul => BinaryOperator::Multiply,
        hcl::BinaryOperator::Div => BinaryOperator::Divide,
        hcl::BinaryOperator::Mod => BinaryOperator::Modulo,
        hcl::BinaryOperator::And => BinaryOperator::And,
        hcl::BinaryOperator::Or => BinaryOperator::Or,
    }
}
