//! The configuration of the working directory, loaded and compiled.

use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;
use portolan::catalog::Catalog;
use portolan::compile::{self, DataAnswers, Desired, Inputs, PlacementRequest, SharedHost, UnknownRepetition};
use portolan::config::{self, Config, VariableFlag};
use portolan::host::{LocalHost, Witness, changed_since};
use portolan::plan::file::Origin;
use portolan_lang::eval::Host;
use portolan_lang::{Diagnostic, Diagnostics, Value};
use portolan_state::{Backend, Decision, Snapshot};

use super::arguments::{VariableArgument, VariableArguments};
use super::{Failure, record};
use crate::render::plan::Basis;
use crate::setup;

/// The name that `portolan.workspace` gives: there is one workspace.
const WORKSPACE: &str = "default";

/// A loaded configuration with the values of its variables.
pub(crate) struct Project {
    pub(crate) config: Arc<Config>,
    pub(crate) catalog: Arc<Catalog>,
    variables: IndexMap<Arc<str>, Value>,
    /// What was read for the plan that is applied.
    data: Arc<DataAnswers>,
    host: Arc<Witness>,
    /// Warnings so far.
    pub(crate) diagnostics: Diagnostics,
}

impl Project {
    /// Loads the configuration of the working directory.
    pub(crate) fn load(arguments: &VariableArguments) -> Result<Project, Failure> {
        let directory = Path::new(".");
        let catalog = Arc::new(setup::catalog());
        let (mut config, mut diagnostics) = config::load(directory, &catalog);
        let mut variables = IndexMap::new();
        if !diagnostics.has_errors() {
            let flags = flags(arguments)?;
            let (values, problems) = config::root_values(&mut config, directory, environment(), &flags);
            variables = values;
            diagnostics.extend(problems);
        }
        if diagnostics.has_errors() {
            return Err(Failure { diagnostics, sources: config.sources });
        }
        let host = planning_host(directory);
        Ok(Project { config: Arc::new(config), catalog, variables, data: Arc::default(), host, diagnostics })
    }

    /// Loads the configuration of the working directory, or an empty one where there is none.
    pub(crate) fn load_or_empty(arguments: &VariableArguments) -> Result<Project, Failure> {
        if config::exists(Path::new(".")) {
            return Project::load(arguments);
        }
        Ok(Project {
            config: Arc::new(Config::default()),
            catalog: Arc::new(setup::catalog()),
            variables: IndexMap::new(),
            data: Arc::default(),
            host: planning_host(Path::new(".")),
            diagnostics: Diagnostics::new(),
        })
    }

    /// The configuration of the working directory for checking it: its variables are unknown,
    /// because their values may come from elsewhere. Domain blocks are the exception: little can
    /// be said of them without values, so where there are any, values that are given count.
    pub(crate) fn load_for_validation() -> Result<Project, Failure> {
        let catalog = Arc::new(setup::catalog());
        let (mut config, mut diagnostics) = config::load(Path::new("."), &catalog);
        if diagnostics.has_errors() {
            return Err(Failure { diagnostics, sources: config.sources });
        }
        let root = config.root.clone();
        let unknown = |variable: &config::Variable| Value::unknown(variable.constraint.ty.clone());
        let mut variables: IndexMap<Arc<str>, Value> =
            root.variables.iter().map(|(name, variable)| (name.clone(), unknown(variable))).collect();
        if !root.domain.is_empty() {
            let (given, problems) = config::root_values(&mut config, Path::new("."), environment(), &[]);
            if !problems.has_errors() {
                diagnostics.extend(problems);
                variables = given;
            }
        }
        let host = planning_host(Path::new("."));
        Ok(Project { config: Arc::new(config), catalog, variables, data: Arc::default(), host, diagnostics })
    }

    /// What functions ask while a plan is carried out: unlike while planning, the time is known.
    pub(crate) fn host_at_work(&self) -> SharedHost {
        Arc::new(LocalHost::planning(".").applying(self.host.plan_time().unwrap_or_default()))
    }

    /// The configuration that a plan was made from, for applying that plan.
    pub(crate) fn of_plan(origin: &Origin) -> Result<Project, Failure> {
        let host = LocalHost::planning(".").planned_at(origin.plan_time.clone());
        let changed = changed_since(&host, &origin.seen);
        if !changed.is_empty() {
            return Err(Diagnostic::error("The plan is stale")
                .detail(format!(
                    "The configuration reads files that have changed since:\n  - {}",
                    changed.join("\n  - ")
                ))
                .help("Plan again.")
                .into());
        }
        Project::kept(origin, host)
    }

    /// The configuration that a plan was made from, for showing that plan.
    pub(crate) fn shown(origin: &Origin) -> Result<Project, Failure> {
        Project::kept(origin, LocalHost::planning(".").planned_at(origin.plan_time.clone()))
    }

    fn kept(origin: &Origin, host: LocalHost) -> Result<Project, Failure> {
        let catalog = Arc::new(setup::catalog());
        let (config, diagnostics) = config::load_kept(origin.sources.clone(), &catalog);
        if diagnostics.has_errors() {
            return Err(Failure { diagnostics, sources: config.sources });
        }
        let (variables, data) = (origin.variables.clone(), origin.data.clone());
        // Warnings are the plan's.
        let (host, diagnostics) = (Arc::new(Witness::new(host)), Diagnostics::new());
        Ok(Project { config: Arc::new(config), catalog, variables, data, host, diagnostics })
    }

    /// What a plan for this configuration is made from, as far as it was asked for by now.
    pub(crate) fn origin(&self, data: Arc<DataAnswers>) -> Result<Origin, Failure> {
        for name in self.variables.keys() {
            let Some(variable) = self.config.root.variables.get(name).filter(|variable| variable.ephemeral) else {
                continue;
            };
            let problem = Diagnostic::error("The plan cannot be saved")
                .detail(format!("The variable {name:?} is ephemeral: its value must never be recorded."))
                .help("Plan and apply at once, with `portolan apply`.")
                .at(variable.span);
            return Err(self.failure(problem.into()));
        }
        Ok(Origin {
            sources: self.config.sources.clone(),
            variables: self.variables.clone(),
            data,
            plan_time: self.host.plan_time().unwrap_or_default(),
            seen: self.host.seen(),
        })
    }

    /// What is told of the configuration beside a plan for it.
    pub(crate) fn basis(&self) -> Basis<'_> {
        let plan_time = self.host.plan_time().unwrap_or_default();
        Basis { config: &self.config, catalog: &self.catalog, variables: &self.variables, plan_time }
    }

    /// What compiling starts from; what is unknown is refused.
    pub(crate) fn inputs(&self, decisions: Vec<Decision>) -> Inputs {
        Inputs {
            config: self.config.clone(),
            variables: self.variables.clone(),
            decisions,
            data: self.data.clone(),
            catalog: self.catalog.clone(),
            host: self.host.clone(),
            unknown_repetition: UnknownRepetition::Refuse,
            placement: PlacementRequest::default(),
            workspace: Arc::from(WORKSPACE),
        }
    }

    /// Says what ought to exist as far as that can be told without reading anything.
    pub(crate) fn sketch(&self, decisions: Vec<Decision>) -> (Desired, Diagnostics) {
        compile::compile(Inputs { unknown_repetition: UnknownRepetition::Represent, ..self.inputs(decisions) })
    }

    /// Problems with the sources that their places lie in.
    pub(crate) fn failure(&self, diagnostics: Diagnostics) -> Failure {
        Failure { diagnostics, sources: self.config.sources.clone() }
    }
}

fn planning_host(directory: &Path) -> Arc<Witness> {
    Arc::new(Witness::new(LocalHost::planning(directory)))
}

/// What is recorded for the configuration of the working directory. Values of variables are not
/// needed for it, nor that there is a configuration at all.
pub(crate) async fn recorded() -> Result<Snapshot, Failure> {
    let (config, diagnostics) = configuration();
    if diagnostics.has_errors() {
        return Err(Failure { diagnostics, sources: config.sources });
    }
    recorded_by(&config).await
}

/// The same, for looking at what runs, whatever is wrong with the configuration meanwhile. Where
/// nothing is recorded, that may be because it does not say any more where the record is.
pub(crate) async fn recorded_anyway() -> Result<Snapshot, Failure> {
    let (config, diagnostics) = configuration();
    let snapshot = recorded_by(&config).await?;
    if diagnostics.has_errors() && snapshot.lineage.is_empty() {
        return Err(Failure { diagnostics, sources: config.sources });
    }
    Ok(snapshot)
}

fn configuration() -> (Config, Diagnostics) {
    match config::exists(Path::new(".")) {
        true => config::load(Path::new("."), &setup::catalog()),
        false => Default::default(),
    }
}

async fn recorded_by(config: &Config) -> Result<Snapshot, Failure> {
    Ok(record::load(&*backend_of(config)?).await?)
}

/// Where it is recorded, whatever is wrong with the configuration meanwhile.
pub(crate) fn backend_anyway() -> Result<Arc<dyn Backend>, Failure> {
    backend_of(&configuration().0)
}

fn backend_of(config: &Config) -> Result<Arc<dyn Backend>, Failure> {
    let located = |problem: Diagnostic| Failure { diagnostics: problem.into(), sources: config.sources.clone() };
    setup::backend(&config.settings).map_err(located)
}

fn environment() -> impl Iterator<Item = (String, String)> {
    // What is not Unicode cannot be meant for this program.
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

fn flags(arguments: &VariableArguments) -> Result<Vec<VariableFlag>, Failure> {
    Ok(arguments.flags.iter().map(flag).collect::<Result<_, Diagnostic>>()?)
}

fn flag(argument: &VariableArgument) -> Result<VariableFlag, Diagnostic> {
    let text = match argument {
        VariableArgument::File(path) => return Ok(VariableFlag::File(path.clone())),
        VariableArgument::Value(text) => text,
    };
    match text.split_once('=') {
        Some((name, value)) => Ok(VariableFlag::Value { name: name.trim().to_owned(), text: value.to_owned() }),
        None => Err(Diagnostic::error("Invalid --var option")
            .detail("A variable's name and its value are required, with an equals sign between them.")
            .help("Write --var NAME=VALUE.")),
    }
}
