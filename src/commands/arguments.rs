//! What stands on the command line.
//!
//! Flags are `--like-this`; the spelling `-like-this`, which people know from Terraform, is
//! turned into it before anything else looks.

#[cfg(feature = "agent")]
mod agent;
mod cluster;
mod order;
mod services;
mod variables;
mod watch;

use std::ffi::OsString;
use std::path::PathBuf;

#[cfg(feature = "agent")]
pub(crate) use agent::{AgentCommand, EndpointsArguments, NginxAgentArguments};
use clap::{Args, Parser, Subcommand, ValueEnum};
pub(crate) use cluster::ClusterCommand;
pub(crate) use order::{OrderArguments, RouteCommand, SwitchArguments};
pub(crate) use services::{
    EventsArguments, ExecArguments, LogsArguments, OperateArguments, StatusArguments, TopArguments,
};
pub(crate) use variables::{VariableArgument, VariableArguments};
pub(crate) use watch::{Permission, WatchArguments};

/// One plan across Kubernetes clusters, nginx fleets and DNS zones.
#[derive(Debug, Parser)]
#[command(name = "portolan", disable_version_flag = true, arg_required_else_help = true)]
pub(crate) struct Arguments {
    /// Work in this directory instead of the current one.
    #[arg(short = 'C', long, value_name = "DIR")]
    pub(crate) chdir: Option<PathBuf>,
    /// No colours.
    #[arg(long, global = true, display_order = 900)]
    pub(crate) no_color: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Plan(PlanArguments),
    Apply(ApplyArguments),
    Destroy(DestroyArguments),
    Rebalance(RebalanceArguments),
    Watch(WatchArguments),
    Status(StatusArguments),
    Logs(LogsArguments),
    Exec(ExecArguments),
    Top(TopArguments),
    Events(EventsArguments),
    /// Let services stand still, until they are started again.
    ///
    /// What depends on a service is stopped before it, across all clusters. The decision is recorded,
    /// so that plans keep it; where replicas run and how many, stays decided.
    Stop(OperateArguments),
    /// Let services go on that were stopped.
    ///
    /// What a service depends on is started, and ready, before it.
    Start(OperateArguments),
    /// Replace the copies of services by new ones, one service after the other.
    ///
    /// What a service depends on is restarted, and ready, before it. Jobs are not run again.
    Restart(OperateArguments),
    #[command(subcommand)]
    Route(RouteCommand),
    #[command(subcommand)]
    Cluster(ClusterCommand),
    Show(ShowArguments),
    Validate(ValidateArguments),
    Output(OutputArguments),
    Graph(GraphArguments),
    #[command(subcommand)]
    State(StateCommand),
    #[cfg(feature = "agent")]
    #[command(subcommand)]
    Agent(AgentCommand),
    #[cfg(feature = "endpoints")]
    Endpoints(EndpointsArguments),
    Console(ConsoleArguments),
    Version(VersionArguments),
    New(NewArguments),
    Completions(CompletionsArguments),
}

/// What a plan is about.
#[derive(Debug, Clone, Args)]
pub(crate) struct PlanningArguments {
    #[command(flatten)]
    pub(crate) variables: VariableArguments,
    /// Only this and what it depends on; may be given several times.
    #[arg(long = "target", value_name = "ADDRESS")]
    pub(crate) targets: Vec<String>,
    /// Replace this even if nothing about it changes; may be given several times.
    #[arg(long = "replace", value_name = "ADDRESS")]
    pub(crate) replace: Vec<String>,
    /// Record what is really there and change nothing.
    #[arg(long)]
    pub(crate) refresh_only: bool,
    /// Whether to look at what is really there; without it, what is recorded is taken to be so.
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub(crate) refresh: bool,
    /// How many changes are made at the same time.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) parallelism: usize,
    /// How long to wait for the lock of the state, for example 30s or 5m.
    #[arg(long, value_name = "DURATION", default_value = "0s")]
    pub(crate) lock_timeout: String,
    /// Ignored: nothing is asked for but the approval.
    #[arg(long, value_name = "BOOL", hide = true, default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub(crate) input: bool,
}

/// Show what would be done.
#[derive(Debug, Args)]
pub(crate) struct PlanArguments {
    #[command(flatten)]
    pub(crate) planning: PlanningArguments,
    /// Plan to take away everything that is recorded.
    #[arg(long)]
    pub(crate) destroy: bool,
    /// Show what would be done if this cluster died now, and change nothing; may be given several times.
    #[arg(long, value_name = "CLUSTER", conflicts_with_all = ["out", "destroy", "refresh_only"])]
    pub(crate) simulate_loss: Vec<String>,
    /// Connect to nothing, and plan from what is recorded.
    #[arg(long, conflicts_with_all = ["refresh_only", "refresh", "out"])]
    pub(crate) offline: bool,
    /// Save the plan in this file, for `apply FILE`.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Print the plan as JSON, in Terraform's format 1.2.
    #[arg(long, conflicts_with = "markdown")]
    pub(crate) json: bool,
    /// Print the plan as Markdown, for a review comment.
    #[arg(long)]
    pub(crate) markdown: bool,
    /// Exit with 0 where nothing would change, 1 after an error, 2 where something would.
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
}

/// How a plan is applied.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct ApplyingArguments {
    /// Do not ask before changing anything.
    #[arg(long)]
    pub(crate) auto_approve: bool,
    /// Print what happens as JSON, one object a line.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Do what the plan says.
#[derive(Debug, Args)]
pub(crate) struct ApplyArguments {
    /// A plan that `plan --out` saved; without it, a new plan is made and shown first.
    #[arg(
        value_name = "PLAN",
        conflicts_with_all = ["vars", "var_files", "targets", "replace", "refresh_only", "refresh", "destroy"]
    )]
    pub(crate) plan: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) planning: PlanningArguments,
    /// Take away everything that is recorded.
    #[arg(long)]
    pub(crate) destroy: bool,
    #[command(flatten)]
    pub(crate) applying: ApplyingArguments,
}

/// Take away everything that is recorded.
#[derive(Debug, Args)]
pub(crate) struct DestroyArguments {
    #[command(flatten)]
    pub(crate) planning: PlanningArguments,
    #[command(flatten)]
    pub(crate) applying: ApplyingArguments,
}

/// Measure anew what clusters have room for, and divide replicas by it.
///
/// Weights are measured when a service is first placed, and stay until this is asked for. It shows
/// a plan and asks before it does what the plan says, as `apply` does. That it was asked for, and by
/// whom, is recorded with the division.
#[derive(Debug, Args)]
pub(crate) struct RebalanceArguments {
    /// Only these services: `shop`, `shop.web`, or addresses.
    #[arg(value_name = "ADDRESS")]
    pub(crate) services: Vec<String>,
    #[command(flatten)]
    pub(crate) planning: PlanningArguments,
    #[command(flatten)]
    pub(crate) applying: ApplyingArguments,
}

/// Show what is recorded, or a saved plan.
#[derive(Debug, Args)]
pub(crate) struct ShowArguments {
    /// A plan that `plan --out` saved.
    #[arg(value_name = "PLAN")]
    pub(crate) plan: Option<PathBuf>,
    /// Print it as JSON, in Terraform's formats.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Check the configuration without looking at anything outside of it.
#[derive(Debug, Args)]
pub(crate) struct ValidateArguments {
    /// Print the result as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Show the outputs that were recorded last.
#[derive(Debug, Args)]
pub(crate) struct OutputArguments {
    /// Only this output.
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Print as JSON.
    #[arg(long, conflicts_with = "raw")]
    pub(crate) json: bool,
    /// Print the text itself, without quotes.
    #[arg(long, requires = "name")]
    pub(crate) raw: bool,
}

/// Draw the dependency graph.
#[derive(Debug, Args)]
pub(crate) struct GraphArguments {
    #[command(flatten)]
    pub(crate) variables: VariableArguments,
    /// In which form.
    #[arg(long, value_enum, default_value_t = GraphFormat::Dot)]
    pub(crate) format: GraphFormat,
}

/// The forms of a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphFormat {
    /// The language of Graphviz.
    Dot,
    /// The language of Mermaid, for Markdown pages.
    Mermaid,
    /// A picture.
    Svg,
    /// Nodes and edges as JSON.
    Json,
}

/// Look at what is recorded.
#[derive(Debug, Subcommand)]
pub(crate) enum StateCommand {
    List(StateListArguments),
    Show(StateShowArguments),
}

/// List the addresses of what is recorded.
#[derive(Debug, Args)]
pub(crate) struct StateListArguments {
    /// Only what lies at or under these addresses.
    #[arg(value_name = "ADDRESS")]
    pub(crate) addresses: Vec<String>,
}

/// Show one recorded object.
#[derive(Debug, Args)]
pub(crate) struct StateShowArguments {
    /// The object's address.
    #[arg(value_name = "ADDRESS")]
    pub(crate) address: String,
    /// Print it as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Evaluate expressions from standard input, one a line.
#[derive(Debug, Args)]
pub(crate) struct ConsoleArguments {
    #[command(flatten)]
    pub(crate) variables: VariableArguments,
    /// Answer each expression with one line of JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Show the version of the program.
#[derive(Debug, Args)]
pub(crate) struct VersionArguments {
    /// Print it as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Write a first project.
#[derive(Debug, Args)]
pub(crate) struct NewArguments {
    /// The directory to make.
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
}

/// Print a script that completes commands and flags.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArguments {
    /// For which shell.
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

/// Turns `-like-this` into `--like-this`, for flags that there are.
pub(crate) fn normalise(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let known = long_flags();
    let mut only_values = false;
    arguments
        .map(|argument| {
            only_values |= argument == "--";
            match argument.to_str() {
                Some(text) if !only_values => spelled_out(text, &known).map_or(argument, OsString::from),
                _ => argument,
            }
        })
        .collect()
}

fn spelled_out(argument: &str, known: &[String]) -> Option<String> {
    let name = argument.strip_prefix('-').filter(|rest| !rest.starts_with('-'))?;
    let flag = name.split_once('=').map_or(name, |(flag, _)| flag);
    known.iter().any(|candidate| candidate == flag).then(|| format!("-{argument}"))
}

fn long_flags() -> Vec<String> {
    fn collect(command: &clap::Command, flags: &mut Vec<String>) {
        flags.extend(command.get_arguments().filter_map(|argument| argument.get_long()).map(str::to_owned));
        command.get_subcommands().for_each(|inner| collect(inner, flags));
    }
    let mut flags = vec!["help".to_owned()];
    collect(&<Arguments as clap::CommandFactory>::command(), &mut flags);
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Arguments {
        let words = line.split(' ').map(OsString::from);
        Arguments::try_parse_from(normalise(words)).expect("a valid command line")
    }

    #[test]
    fn both_spellings_mean_the_same() {
        for line in
            ["portolan --chdir=x plan --var a=-b --refresh=false", "portolan -chdir=x plan -var a=-b -refresh=false"]
        {
            let arguments = parse(line);
            assert_eq!(arguments.chdir, Some(PathBuf::from("x")), "{line}");
            let Command::Plan(plan) = arguments.command else { panic!("not a plan: {line}") };
            assert_eq!(plan.planning.variables.flags, [VariableArgument::Value("a=-b".to_owned())], "{line}");
            assert!(!plan.planning.refresh, "{line}");
        }
    }

    #[test]
    fn values_of_variables_keep_their_order() {
        let arguments = parse("portolan plan --var a=1 --var-file f --target x --var b=2");
        let Command::Plan(plan) = arguments.command else { panic!("not a plan") };
        let value = |text: &str| VariableArgument::Value(text.to_owned());
        let wanted = [value("a=1"), VariableArgument::File(PathBuf::from("f")), value("b=2")];
        assert_eq!(plan.planning.variables.flags, wanted);
    }

    #[test]
    fn the_command_line_is_consistent() {
        <Arguments as clap::CommandFactory>::command().debug_assert();
    }
}
