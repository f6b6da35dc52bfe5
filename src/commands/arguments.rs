//! What stands on the command line.
//!
//! Flags are `--like-this`; the spelling `-like-this`, which people know from Terraform, is
//! turned into it before anything else looks.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgMatches, Args, FromArgMatches, Parser, Subcommand, ValueEnum};

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
    Show(ShowArguments),
    Validate(ValidateArguments),
    Output(OutputArguments),
    Graph(GraphArguments),
    #[command(subcommand)]
    State(StateCommand),
    #[cfg(feature = "agent")]
    #[command(subcommand)]
    Agent(AgentCommand),
    Console(ConsoleArguments),
    Version(VersionArguments),
    New(NewArguments),
    Completions(CompletionsArguments),
}

/// Run beside a server and bring it what is published.
#[cfg(feature = "agent")]
#[derive(Debug, Subcommand)]
pub(crate) enum AgentCommand {
    Nginx(NginxAgentArguments),
}

/// Bring what a fleet publishes in etcd to the nginx of this node.
///
/// Each release is written to a folder of its own, checked by `nginx -t`, put in place by one link,
/// and reloaded; then it is seen to that every worker serves it. What does not come to be served is
/// rolled back. What nginx does not take of a release stays as it was, and the rest goes on.
///
/// nginx is started by others, as the same user: nginx -p DIRECTORY -c current/nginx.conf
#[cfg(feature = "agent")]
#[derive(Debug, Args)]
pub(crate) struct NginxAgentArguments {
    /// A member of etcd: https://192.0.2.5:2379; may be given several times.
    #[arg(long, value_name = "URL", required = true)]
    pub(crate) etcd: Vec<String>,
    /// What the keys of the fleet begin with, as in its configuration.
    #[arg(long, value_name = "PREFIX")]
    pub(crate) prefix: String,
    /// The directory that nginx is started in.
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) directory: PathBuf,
    /// The program that checks configurations.
    #[arg(long, value_name = "PATH", default_value = "/usr/sbin/nginx")]
    pub(crate) nginx: PathBuf,
    /// The name of the node; by default that of the host.
    #[arg(long, value_name = "NAME")]
    pub(crate) node: Option<String>,
    /// Where nginx tells the agent what it serves, on the loopback.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9581")]
    pub(crate) status: String,
    /// The user, where etcd asks for one.
    #[arg(long, value_name = "NAME", requires = "password_file")]
    pub(crate) user: Option<String>,
    /// The file with that user's password.
    #[arg(long, value_name = "FILE", requires = "user")]
    pub(crate) password_file: Option<PathBuf>,
    /// The file with the certificates that etcd's must be signed by; by default the system's.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// The file with the certificate that is shown to etcd.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,
    /// The file with the key of that certificate.
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
}

/// Where values of the root module's variables come from: the flags, in the order given.
#[derive(Debug, Clone, Default)]
pub(crate) struct VariableArguments {
    pub(crate) flags: Vec<VariableArgument>,
}

/// One flag that gives values to variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum VariableArgument {
    /// `--var NAME=VALUE`
    Value(String),
    /// `--var-file FILE`
    File(PathBuf),
}

/// The flags as clap knows them. It tells the order of each alone, and their places among all.
#[derive(Debug, Args)]
struct VariableFlags {
    /// The value of a variable; may be given several times, and a later one counts more.
    #[arg(long = "var", value_name = "NAME=VALUE")]
    vars: Vec<String>,
    /// A file of values of variables; may be given several times, and a later one counts more.
    #[arg(long = "var-file", value_name = "FILE")]
    var_files: Vec<PathBuf>,
}

impl Args for VariableArguments {
    fn augment_args(command: clap::Command) -> clap::Command {
        VariableFlags::augment_args(command)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        VariableFlags::augment_args_for_update(command)
    }
}

impl FromArgMatches for VariableArguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let VariableFlags { vars, var_files } = VariableFlags::from_arg_matches(matches)?;
        let places = |flag| matches.indices_of(flag).into_iter().flatten();
        let values = places("vars").zip(vars.into_iter().map(VariableArgument::Value));
        let files = places("var_files").zip(var_files.into_iter().map(VariableArgument::File));
        let mut placed: Vec<(usize, VariableArgument)> = values.chain(files).collect();
        placed.sort_by_key(|(place, _)| *place);
        Ok(VariableArguments { flags: placed.into_iter().map(|(_, flag)| flag).collect() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = VariableArguments::from_arg_matches(matches)?;
        Ok(())
    }
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
    /// Do not ask before changing anything.
    #[arg(long)]
    pub(crate) auto_approve: bool,
    /// Print what happens as JSON, one object a line.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Take away everything that is recorded.
#[derive(Debug, Args)]
pub(crate) struct DestroyArguments {
    #[command(flatten)]
    pub(crate) planning: PlanningArguments,
    /// Do not ask before changing anything.
    #[arg(long)]
    pub(crate) auto_approve: bool,
    /// Print what happens as JSON, one object a line.
    #[arg(long)]
    pub(crate) json: bool,
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
    /// Do not ask before changing anything.
    #[arg(long)]
    pub(crate) auto_approve: bool,
    /// Print what happens as JSON, one object a line.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Show how the services are.
///
/// Ends with 0 where all of them are as they should be, with 2 where one is not ready, is gone, or
/// cannot be looked at, and with 1 after an error. What was stopped is as it should be, and so is
/// what a directory holds.
#[derive(Debug, Args)]
pub(crate) struct StatusArguments {
    /// Only these services: `shop`, `shop.web`, or addresses.
    #[arg(value_name = "ADDRESS")]
    pub(crate) addresses: Vec<String>,
    /// Look again every two seconds, until interrupted.
    #[arg(short, long)]
    pub(crate) watch: bool,
    /// Print it as JSON; with --watch, on one line each time that something has changed.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Show what services write, across their clusters.
///
/// Each line begins with the cluster and the pod that it comes from.
#[derive(Debug, Args)]
pub(crate) struct LogsArguments {
    /// Services: `shop.web`, or addresses.
    #[arg(value_name = "ADDRESS", required = true)]
    pub(crate) addresses: Vec<String>,
    /// Go on as more is written, also by pods that come later.
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Only what is not older than this, for example 30s, 10m or 2h.
    #[arg(long, value_name = "DURATION")]
    pub(crate) since: Option<String>,
    /// Only so many lines of each pod, the last ones; by default all or, with --follow, 10.
    #[arg(long, value_name = "N")]
    pub(crate) tail: Option<u64>,
    /// What was written before the last restart.
    #[arg(short, long)]
    pub(crate) previous: bool,
    /// Of this container, not of the main one.
    #[arg(short, long, value_name = "NAME")]
    pub(crate) container: Option<String>,
    /// Only in this cluster.
    #[arg(long, value_name = "NAME")]
    pub(crate) cluster: Option<String>,
}

/// Run a command in a pod of a service.
///
/// It runs in one pod that is ready, and its exit code is that of this program.
#[derive(Debug, Args)]
pub(crate) struct ExecArguments {
    /// A service: `shop.web`, or an address.
    #[arg(value_name = "ADDRESS")]
    pub(crate) address: String,
    /// In this cluster; by default in the first one with a pod that is ready.
    #[arg(long, value_name = "NAME")]
    pub(crate) cluster: Option<String>,
    /// In this pod, ready or not.
    #[arg(long, value_name = "NAME")]
    pub(crate) pod: Option<String>,
    /// In this container, not in the main one.
    #[arg(short, long, value_name = "NAME")]
    pub(crate) container: Option<String>,
    /// Pass the input of this program on.
    #[arg(short = 'i', long)]
    pub(crate) stdin: bool,
    /// Give it a terminal.
    #[arg(short = 't', long)]
    pub(crate) tty: bool,
    /// The command with its arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

/// Show what services use of processors and memory, and how much of what they request.
#[derive(Debug, Args)]
pub(crate) struct TopArguments {
    /// Only these services: `shop`, `shop.web`, or addresses.
    #[arg(value_name = "ADDRESS")]
    pub(crate) addresses: Vec<String>,
    /// Print it as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Show what happened to services, across their clusters, in the order of time.
#[derive(Debug, Args)]
pub(crate) struct EventsArguments {
    /// Only these services: `shop`, `shop.web`, or addresses.
    #[arg(value_name = "ADDRESS")]
    pub(crate) addresses: Vec<String>,
    /// Go on as more happens.
    #[arg(short, long)]
    pub(crate) watch: bool,
    /// Print each as JSON, on a line.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Services, and how a plan about them is made.
#[derive(Debug, Args)]
pub(crate) struct OperateArguments {
    /// Applications and services: `shop`, `shop.web`, or addresses.
    #[arg(value_name = "ADDRESS", required = true)]
    pub(crate) addresses: Vec<String>,
    /// Save the plan in this file, for `apply FILE`, and change nothing.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["auto_approve", "json"])]
    pub(crate) out: Option<PathBuf>,
    /// Why; recorded with the decision, and shown by plans.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    variables: VariableArguments,
    /// How many changes are made at the same time.
    #[arg(long, value_name = "N", default_value_t = 10)]
    parallelism: usize,
    /// How long to wait for the lock of the state, for example 30s or 5m.
    #[arg(long, value_name = "DURATION", default_value = "0s")]
    lock_timeout: String,
    /// Do not ask before changing anything.
    #[arg(long)]
    pub(crate) auto_approve: bool,
    /// Print what happens as JSON, one object a line.
    #[arg(long)]
    pub(crate) json: bool,
}

impl OperateArguments {
    /// How the plan is made.
    pub(crate) fn planning(&self) -> PlanningArguments {
        PlanningArguments {
            variables: self.variables.clone(),
            targets: Vec::new(),
            replace: Vec::new(),
            refresh_only: false,
            refresh: true,
            parallelism: self.parallelism,
            lock_timeout: self.lock_timeout.clone(),
            input: false,
        }
    }
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
