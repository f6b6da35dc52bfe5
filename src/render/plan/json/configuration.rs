//! What is declared, and what each expression refers to; nothing is evaluated but constants.
//!
//! The blocks of the domain, which Terraform does not know, stand under `blocks`, in the form
//! of its resources.

use std::collections::BTreeMap;

use portolan::catalog::Catalog;
use portolan::compile::{Constants, domain};
use portolan::config::{
    Config, DomainBlock, Module, ModuleCall, Output, ProviderBlock, Repetition, ResourceBlock, Variable,
};
use portolan::host::LocalHost;
use portolan_lang::decode::resolve;
use portolan_lang::eval::{Reference, evaluate, is_constant, references};
use portolan_lang::syntax::{Body, Expr};
use portolan_lang::{Nesting, Schema, Value};
use serde_json::{Map, Value as Json, json};

use super::references::referable;
use crate::render::representation::provider_name;

/// The configuration.
pub(super) fn json(config: &Config, catalog: &Catalog) -> Json {
    let mut writer = Writer { catalog, host: LocalHost::planning("."), providers: BTreeMap::new() };
    config.root.providers.iter().for_each(|(key, block)| writer.provider_block(key, block));
    let root = writer.module(&config.root);
    let mut document = json!({});
    if !writer.providers.is_empty() {
        document["provider_config"] = json!(writer.providers);
    }
    document["root_module"] = root;
    document
}

struct Writer<'a> {
    catalog: &'a Catalog,
    host: LocalHost,
    /// The connections that are declared or used.
    providers: BTreeMap<String, Json>,
}

impl Writer<'_> {
    fn provider(&mut self, key: &str, provider: &str) {
        let entry = || json!({"name": provider, "full_name": provider_name(provider)});
        self.providers.entry(key.to_owned()).or_insert_with(entry);
    }

    fn provider_block(&mut self, key: &str, block: &ProviderBlock) {
        let provider = &block.provider.name;
        let mut entry = json!({"name": &**provider, "full_name": provider_name(provider)});
        if let Some(alias) = &block.alias {
            entry["alias"] = json!(&*alias.name);
        }
        if let Some(known) = self.catalog.provider(provider) {
            let expressions = self.body(&block.body, &known.schema().connection);
            put(&mut entry, "expressions", Json::Object(expressions));
        }
        self.providers.insert(key.to_owned(), entry);
    }

    fn module(&mut self, module: &Module) -> Json {
        let mut entry = json!({});
        let outputs = module.outputs.values().map(|output| (output.name.name.to_string(), self.output(output)));
        put(&mut entry, "outputs", Json::Object(outputs.collect()));
        let resources = module.resources.values().map(|block| self.resource(block)).collect();
        put(&mut entry, "resources", Json::Array(resources));
        let blocks = module.domain.values().map(|block| self.domain(block)).collect();
        put(&mut entry, "blocks", Json::Array(blocks));
        let calls = module.calls.values().map(|call| (call.name.name.to_string(), self.call(call)));
        put(&mut entry, "module_calls", Json::Object(calls.collect()));
        let variables = module.variables.values();
        let variables = variables.map(|variable| (variable.name.name.to_string(), self.variable(variable)));
        put(&mut entry, "variables", Json::Object(variables.collect()));
        entry
    }

    fn output(&self, output: &Output) -> Json {
        let mut entry = json!({});
        if output.sensitive {
            entry["sensitive"] = json!(true);
        }
        entry["expression"] = self.expression(&output.value, output.sensitive);
        put(&mut entry, "depends_on", listed(&output.depends_on));
        if let Some(description) = &output.description {
            entry["description"] = json!(description);
        }
        entry
    }

    fn resource(&mut self, block: &ResourceBlock) -> Json {
        let name = &*block.resource_type.name;
        let (provider, version, schema) = match block.is_data {
            true => self.catalog.data(name).map_or(("", 0, None), |(provider, schema)| (provider, 0, Some(schema))),
            false => match self.catalog.resource(name) {
                Some((provider, resource)) => (provider, resource.version, Some(&resource.schema)),
                None => ("", 0, None),
            },
        };
        let key = block.provider.as_ref().map_or_else(|| provider.to_owned(), |wanted| wanted.block.to_string());
        let mut entry = json!({
            "address": block.local_address(),
            "mode": if block.is_data { "data" } else { "managed" },
            "type": name,
            "name": &*block.name.name,
            "provider_config_key": key,
        });
        self.provider(&key, provider);
        if let Some(schema) = schema {
            put(&mut entry, "expressions", Json::Object(self.body(&block.body, schema)));
        }
        entry["schema_version"] = json!(version);
        self.repetition(&mut entry, &block.repetition);
        put(&mut entry, "depends_on", listed(&block.depends_on));
        entry
    }

    fn domain(&self, block: &DomainBlock) -> Json {
        let (kind, name) = (&*block.kind.name, &*block.name.name);
        let mut entry = json!({"address": format!("{kind}.{name}"), "type": kind, "name": name});
        if let Some(known) = domain::kind(kind) {
            put(&mut entry, "expressions", Json::Object(self.body(&block.body, &(known.schema)(self.catalog))));
        }
        self.repetition(&mut entry, &block.repetition);
        put(&mut entry, "depends_on", listed(&block.depends_on));
        entry
    }

    fn call(&mut self, call: &ModuleCall) -> Json {
        let mut entry = json!({"source": &*call.source});
        let arguments = call.arguments.iter().map(|(name, (_, expr))| {
            let hidden = call.module.variables.get(name).is_some_and(|variable| variable.sensitive);
            (name.to_string(), self.expression(expr, hidden))
        });
        put(&mut entry, "expressions", Json::Object(arguments.collect()));
        self.repetition(&mut entry, &call.repetition);
        entry["module"] = self.module(&call.module);
        put(&mut entry, "depends_on", listed(&call.depends_on));
        entry
    }

    fn variable(&self, variable: &Variable) -> Json {
        let mut entry = json!({});
        if let Some(default) = &variable.default {
            let value = evaluate(default, &Constants(&self.host)).0;
            // As it would be used: converted, with the defaults of optional attributes.
            let value = variable.constraint.apply(&value).unwrap_or(value);
            entry["default"] = if variable.sensitive { Json::Null } else { value.to_json() };
        }
        if let Some(description) = &variable.description {
            entry["description"] = json!(description);
        }
        if variable.sensitive {
            entry["sensitive"] = json!(true);
        }
        entry
    }

    fn repetition(&self, entry: &mut Json, repetition: &Repetition) {
        match repetition {
            Repetition::Single => {}
            Repetition::Count(expr) => put(entry, "count_expression", self.expression(expr, false)),
            Repetition::ForEach(expr) => put(entry, "for_each_expression", self.expression(expr, false)),
        }
    }

    /// The expressions of a body; blocks that are made by `dynamic` have none.
    fn body(&self, body: &Body, schema: &Schema) -> Map<String, Json> {
        let (body, _) = resolve(body, schema);
        let mut expressions = Map::new();
        for attribute in &body.attributes {
            let Some(known) = schema.attribute(&attribute.name.name) else { continue };
            expressions.insert(attribute.name.name.to_string(), self.expression(&attribute.expr, known.sensitive));
        }
        for kind in &schema.blocks {
            let mut blocks = body.blocks(&kind.name).peekable();
            if blocks.peek().is_none() {
                continue;
            }
            let inner = |body| Json::Object(self.body(body, &kind.schema));
            let written = match kind.nesting {
                Nesting::Single => blocks.next().map_or(Json::Null, |block| inner(&block.body)),
                Nesting::List => blocks.map(|block| inner(&block.body)).collect(),
                Nesting::Named => {
                    let named = blocks.filter_map(|block| Some((block.labels.first()?.name.to_string(), &block.body)));
                    Json::Object(named.map(|(label, body)| (label, inner(body))).collect())
                }
            };
            expressions.insert(kind.name.to_string(), written);
        }
        expressions
    }

    /// The value of a constant that is not hidden, and everything that is referred to.
    fn expression(&self, expr: &Expr, hidden: bool) -> Json {
        let mut entry = json!({});
        if !hidden && let Some(value) = self.constant(expr) {
            entry["constant_value"] = value.to_json();
        }
        let references: Vec<String> = references(expr).iter().flat_map(referable).collect();
        if !references.is_empty() {
            entry["references"] = json!(references);
        }
        entry
    }

    fn constant(&self, expr: &Expr) -> Option<Value> {
        if !is_constant(expr) {
            return None;
        }
        let (value, problems) = evaluate(expr, &Constants(&self.host));
        (!problems.has_errors() && value.is_wholly_known()).then_some(value)
    }
}

fn listed(references: &[Reference]) -> Json {
    references.iter().map(ToString::to_string).collect()
}

/// Adds a part unless it is empty.
fn put(entry: &mut Json, name: &str, part: Json) {
    let is_empty = match &part {
        Json::Object(entries) => entries.is_empty(),
        Json::Array(items) => items.is_empty(),
        _ => false,
    };
    if !is_empty {
        entry[name] = part;
    }
}
