//! What data sources say, where that decides what there is to be.
//!
//! Compiling reads nothing. It is given what was read so far, and says what it would like to have
//! read: [`crate::shape`] reads that and compiles again.

use std::collections::BTreeMap;
use std::sync::Arc;

use portolan_lang::decode::decode;
use portolan_lang::{Address, Diagnostic, Schema, Span, Value};

use super::awaited::waits_by_name;
use super::conditions;
use super::evaluation::fit;
use super::evaluator::{Evaluator, Node};
use super::module::{Instances, ModuleId};
use super::scope::Each;
use crate::config::ResourceBlock;
use crate::marks::{marked_by_schema, marked_like};

/// What a data source is asked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DataQuery {
    /// The instance of a data block that asks; `None` where blocks of the domain do, which share
    /// what they read.
    pub block: Option<Address>,
    /// The provider.
    pub provider: Arc<str>,
    /// The block that says how to reach the system; `None` for the provider without one.
    pub connection: Option<Address>,
    /// The data source.
    pub source: Arc<str>,
    /// Its configuration, which fits the source's schema, is wholly known and has no marks.
    pub config: Value,
}

/// What data sources said, without marks.
pub type DataAnswers = BTreeMap<DataQuery, Value>;

/// What is to be read before it can be said what there is to be.
#[derive(Debug, Clone)]
pub struct WantedData {
    /// What is asked.
    pub query: DataQuery,
    /// Who asks first: a data source, or a block of the domain.
    pub asker: Address,
    /// Where that is declared.
    pub span: Span,
}

/// A question that has no answer yet.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) asker: Address,
    pub(super) span: Span,
    pub(super) by: Asker,
}

/// What asks.
#[derive(Debug, Clone)]
pub(super) enum Asker {
    /// An instance of a data block: its block, and its position.
    Data(Node, usize),
    /// A block of the domain, which cannot be compiled without the answer.
    Domain,
}

/// The answer of a data source with the marks of what was asked, and those of its schema.
pub(crate) fn marked_answer(answer: &Value, config: &Value, schema: &Schema) -> Value {
    marked_by_schema(marked_like(answer.clone(), config), schema)
}

impl Evaluator {
    /// What an instance of a data block says, as far as it was read; unknown where it was not.
    pub(super) fn data_value(
        &self,
        module: ModuleId,
        position: usize,
        block: &ResourceBlock,
        instances: &Instances,
        at: usize,
    ) -> Value {
        let Some((provider, schema)) = self.inputs.catalog.data(&block.resource_type.name) else {
            return Value::unknown(portolan_lang::Type::Any);
        };
        let unknown = || Value::unknown(schema.ty());
        // Where there are stand-ins, nothing is read for them.
        if matches!(instances, Instances::Unknown(_)) {
            return unknown();
        }
        let config = self.data_configuration(module, block, instances.each(at), schema);
        if !config.is_wholly_known() {
            return unknown();
        }
        let Ok(connection) = self.connection(module, block, provider, instances.each(at)) else { return unknown() };
        let address = self.module(module).address.join("data").join(block.resource_type.name.clone());
        let address = address.join(block.name.name.clone()).instance(instances.key(at));
        let query = DataQuery {
            block: Some(address.clone()),
            provider: Arc::from(provider),
            connection,
            source: block.resource_type.name.clone(),
            config: config.unmark_deep(),
        };
        let by = Asker::Data(Node::Resource(module, position as u32), at);
        let answer = self.answer(query, || Asked { asker: address, span: block.span, by });
        answer.map_or_else(unknown, |answer| marked_answer(&answer, &config, schema))
    }

    /// What the configuration says of an instance of a data block. Once instances have values, what
    /// is wrong with it is told where the instance itself is evaluated.
    fn data_configuration(&self, module: ModuleId, block: &ResourceBlock, each: Each, schema: &Schema) -> Value {
        let (value, problems) = decode(&block.body, schema, &self.scope(module, each));
        if self.known.is_none() {
            self.report(problems);
        }
        value
    }

    /// What a block of the domain needs to have read: see [`super::domain::Block::read`].
    pub(super) fn read_for_domain(
        &self,
        asker: &Address,
        span: Span,
        connection: &Address,
        source: &str,
        config: &Value,
    ) -> Option<Value> {
        let Some((provider, schema)) = self.inputs.catalog.data(source) else {
            self.report([Diagnostic::error("Provider not built in")
                .detail(format!("{asker} needs the data source {source}."))
                .at(span)
                .help("Use a build of this program that has the provider.")]);
            return None;
        };
        let config = match fit(config, schema) {
            Ok(config) if config.is_wholly_known() => config,
            Ok(_) => return Some(Value::unknown(schema.ty())),
            Err(problem) => {
                self.report([problem.or_at(span)]);
                return None;
            }
        };
        let query = DataQuery {
            block: None,
            provider: Arc::from(provider),
            connection: Some(connection.clone()),
            source: Arc::from(source),
            config: config.unmark_deep(),
        };
        let answer = self.answer(query, || Asked { asker: asker.clone(), span, by: Asker::Domain })?;
        Some(marked_answer(&answer, &config, schema))
    }

    /// Whether what asks may be read: an instance of a data block only where it is not told to wait,
    /// and its preconditions hold.
    pub(super) fn may_be_read(&self, asked: &Asked) -> bool {
        let Asker::Data(Node::Resource(module, position), at) = asked.by else { return true };
        let instance = self.module(module);
        let Some((_, block)) = instance.module.resources.get_index(position as usize) else { return false };
        if waits_by_name(self, module, block) {
            return false;
        }
        let each = self.resource_instances(module, position as usize, block).each(at);
        let failed = conditions::check(&block.lifecycle.preconditions, &self.scope(module, each), conditions::BEFORE);
        let holds = !failed.has_errors();
        self.report(failed.into_iter().map(|problem| problem.of(&asked.asker)));
        holds
    }

    /// The answer to a question, or `None` after noting that it was asked.
    fn answer(&self, query: DataQuery, asked: impl FnOnce() -> Asked) -> Option<Value> {
        if let Some(answer) = self.inputs.data.get(&query) {
            return Some(answer.clone());
        }
        self.asked.borrow_mut().entry(query).or_insert_with(asked);
        None
    }
}
