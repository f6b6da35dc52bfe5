//! `manifests`: objects that others have written down, in many documents: files, directories, what
//! `helm template` or `kustomize build` prints.
//!
//! Each document becomes an object in each cluster. What has to be there first is known from the
//! documents themselves: the namespace of an object, the definition of its kind.

mod documents;
mod order;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use documents::{Document, documents};
use portolan_lang::decode::decode;
use portolan_lang::eval::Scope;
use portolan_lang::{Address, Attribute, AttributePath, Diagnostic, Diagnostics, Schema, Step, Type, Value};

use super::application::{TargetCluster, referred_clusters};
use super::{Block, Compiled, CompiledResource, Hosts, Kind, exports, undecided};
use crate::catalog::Catalog;

/// `manifests "metrics" { clusters = [cluster.beijing], directory = "deploy" }`
pub(super) const MANIFESTS: Kind = Kind { keyword: "manifests", schema, wants: None, compile };

/// What an object says of its rollout.
const ROLLOUT: [&str; 3] = ["wait", "timeout", "on_failure"];

/// The provider of objects, and their resource type.
const PROVIDER: &str = "kubernetes";
const OBJECT: &str = "kubernetes_object";

fn schema(_: &Catalog) -> Schema {
    let text = |name, doc| Attribute::optional(name, Type::String).doc(doc);
    Schema::new("Objects of Kubernetes clusters that are written down in files of many documents.")
        .with(Attribute::required("clusters", Type::Any).doc("The clusters that get them: [cluster.NAME]."))
        .with(text("directory", "A directory: all files below it that end in .yaml, .yml or .json; if relative, it counts from the working directory."))
        .with(
            Attribute::optional("files", Type::list(Type::String))
                .doc("Files, by their paths: fileset(\"deploy\", \"*.yaml\") lists some, without the directory before them."),
        )
        .with(text("text", "Documents as text, such as templatefile(…) gives."))
        .with(text("namespace", "The namespace of objects that name none, of kinds that live in one."))
        .with(
            Attribute::optional("wait", Type::Bool)
                .doc("Whether what depends on an object waits until it is ready; true if not given."),
        )
        .with(text("timeout", "How long an object may take to become ready: \"10m\". If not given, 5m for what runs pods, and 1m for the rest."))
        .with(text("on_failure", "What happens when an object was changed and does not become ready: \"keep\" leaves it, \"rollback\" makes it again what it was. \"keep\" if not given."))
}

fn compile(block: &Block<'_>, scope: &dyn Scope) -> Compiled {
    let (value, mut diagnostics) = decode(block.body, &schema(block.catalog), scope);
    if diagnostics.has_errors() {
        return Compiled::nothing(diagnostics);
    }
    let manifests = Manifests { block, value: &value };
    let at = block.attribute_span("clusters");
    let clusters = diagnostics.keep(referred_clusters(&manifests.take("clusters"), "clusters", block.address, at));
    let (documents, problems) = manifests.documents(scope);
    diagnostics.extend(problems);
    diagnostics.extend(manifests.twice(&documents));
    let resources = match diagnostics.has_errors() {
        true => Vec::new(),
        false => manifests.resources(&clusters.unwrap_or_default(), &documents),
    };
    let exports = exports(block.address, block.name, []);
    Compiled {
        exports,
        connection: None,
        resources,
        decisions: Vec::new(),
        claims: Vec::new(),
        hosts: Hosts::default(),
        backends: Vec::new(),
        diagnostics,
    }
}

/// A block with its attributes.
struct Manifests<'a> {
    block: &'a Block<'a>,
    value: &'a Value,
}

impl Manifests<'_> {
    fn take(&self, name: &str) -> Value {
        self.value.get(name).unwrap_or_else(|| Value::null(Type::Any))
    }

    /// All documents, in the namespaces that they are meant for.
    fn documents(&self, scope: &dyn Scope) -> (Vec<Document>, Diagnostics) {
        let mut diagnostics = Diagnostics::new();
        let mut found = Vec::new();
        let sources = ["directory", "files", "text"];
        if sources.iter().all(|name| self.take(name).is_null()) {
            let problem = Diagnostic::error("No manifests").detail("Nothing says where the documents are.");
            diagnostics.push(problem.at(self.block.span).help("Set \"directory\", \"files\" or \"text\"."));
        }
        for name in sources {
            let given = self.take(name);
            if !given.is_wholly_known() {
                diagnostics.push(undecided(&format!("\"{name}\""), self.block.attribute_span(name)));
                continue;
            }
            match documents(name, &given, scope.host()) {
                Ok(documents) => found.extend(documents),
                Err(problems) => problems
                    .into_iter()
                    .for_each(|problem| diagnostics.push(problem.at(self.block.attribute_span(name)))),
            }
        }
        let defined = order::namespaced(&found);
        let mut needs: HashMap<(String, String), bool> = HashMap::new();
        let found = found.into_iter().map(|document| self.in_namespace(document, &defined, &mut needs)).collect();
        (found, diagnostics)
    }

    /// A document with the namespace that is meant for what names none. Whether its kind lives in
    /// one, the provider knows of the kinds that Kubernetes ships, and the definitions among the
    /// documents (`defined`) of theirs.
    fn in_namespace(
        &self,
        document: Document,
        defined: &HashSet<(String, String)>,
        needs: &mut HashMap<(String, String), bool>,
    ) -> Document {
        let namespace = self.take("namespace");
        if namespace.is_null() || document.namespace.is_some() {
            return document;
        }
        let kind = (document.api_version.clone(), document.kind.clone());
        let is_defined = || defined.contains(&(document.group().to_owned(), document.kind.clone()));
        let needs_one = *needs.entry(kind).or_insert_with(|| self.needs_namespace(&document) || is_defined());
        if needs_one { document.within(&namespace) } else { document }
    }

    /// Whether an object of the kind of this one is refused without a namespace.
    fn needs_namespace(&self, document: &Document) -> bool {
        let metadata = Value::object([("name", Value::string("name"))]);
        let manifest = Value::object([
            ("apiVersion", Value::string(document.api_version.as_str())),
            ("kind", Value::string(document.kind.as_str())),
            ("metadata", metadata),
        ]);
        let config = Value::object([("manifest", manifest)]);
        let provider = self.block.catalog.provider(PROVIDER);
        provider.is_some_and(|provider| !provider.validate(OBJECT, &config).is_empty())
    }

    /// Objects that stand in two documents.
    fn twice(&self, documents: &[Document]) -> Diagnostics {
        let mut first: HashMap<String, &Document> = HashMap::new();
        let mut problems = Diagnostics::new();
        for document in documents {
            if let Some(before) = first.insert(document.part(), document) {
                let detail = format!("{} stands at {} and at {}.", document.shown(), before.place, document.place);
                let problem = Diagnostic::error("Object declared twice").detail(detail).at(self.block.span);
                problems.push(problem.help("Leave one of them out."));
            }
        }
        problems
    }

    fn resources(&self, clusters: &[TargetCluster], documents: &[Document]) -> Vec<CompiledResource> {
        let needed = order::needed(documents);
        let in_cluster = |cluster: &TargetCluster| {
            let address = |at: usize| self.address(&documents[at], cluster);
            let resource = |(at, needed): (usize, &Vec<usize>)| CompiledResource {
                address: address(at),
                group: self.block.address.clone(),
                resource_type: OBJECT,
                connection: Some(cluster.address.clone()),
                config: self.config(&documents[at]),
                dependencies: needed.iter().map(|at| address(*at)).collect(),
            };
            needed.iter().enumerate().map(resource).collect::<Vec<_>>()
        };
        clusters.iter().flat_map(in_cluster).collect()
    }

    fn address(&self, document: &Document, cluster: &TargetCluster) -> Address {
        self.block.address.part(format!("{}@{}", document.part(), cluster.name))
    }

    fn config(&self, document: &Document) -> Value {
        let said = ROLLOUT.map(|name| (name, self.take(name))).into_iter().filter(|(_, value)| !value.is_null());
        let own = std::iter::once(("manifest", document.manifest.clone()));
        Value::object(own.chain(said).map(|(name, value)| (Arc::<str>::from(name), value)))
    }
}

/// `metadata.NAME`
fn in_metadata(name: &str) -> AttributePath {
    ["metadata", name].into_iter().map(|step| Step::Attribute(step.into())).collect()
}
