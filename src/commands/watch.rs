//! `portolan watch`
//!
//! A thin shell around [`portolan::watch`]: it looks whether files have changed, tells the heart, and
//! does what that answers. A run is what `apply --auto-approve` does, within limits.

mod clusters;
mod drift;
mod files;
mod limits;
mod listen;
mod measuring;
mod metrics;
mod probing;
mod scaling;
mod shown;
mod told;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use portolan::compile::domain::autoscale::scale::is_scale;
use portolan::config::watch::Watch as Declared;
use portolan::plan::{Plan, Request};
use portolan::sessions::{LivingSessions, Sessions};
use portolan::watch::failover::Action as Judged;
use portolan::watch::limits::{Held, is_open, judge};
use portolan::watch::scaling::Action as Scaled;
use portolan::watch::{Action, Ended, Event, Settings, Watch};
use portolan_state::{Decision, Snapshot};
use serde_json::json;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use self::clusters::{Clusters, Moved, is_any_away};
use self::drift::Drifting;
use self::files::Files;
use self::scaling::Scaler;
use self::shown::Shown;
use self::told::Told;
use super::apply::{Manner, carry_out};
use super::arguments::{ApplyingArguments, PlanningArguments, WatchArguments};
use super::planning::{Prepared, Start, make_plan, prepare, project, request, resumed};
use super::project::Project;
use super::record::Locked;
use super::{Exit, Failure, Outcome, block_on, interrupts, is_colourful, print, record, warn};
use crate::{render, setup};

/// The longest pause after the first failure.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause after any failure.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// How often files are looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Who decides what the daemon decides: no name that a person can have on a system.
const WHO: &str = "portolan watch";

/// The topic of a plan that waits.
const HELD: &str = "held";

/// The topic of clusters about which nothing is decided.
const UNDECIDED: &str = "undecided";

/// How the topics of decisions begin.
const DECIDED: &str = "decided about ";

/// Topics that are not objects.
const TOPICS: [&str; 2] = [HELD, UNDECIDED];

pub(crate) fn run(arguments: &WatchArguments) -> Outcome {
    let declared = limits::declared(arguments, &Declared::default())?;
    block_on(watch(arguments, declared))
}

type Running<'a> = Pin<Box<dyn Future<Output = Result<Ended, Failure>> + 'a>>;

async fn watch(arguments: &WatchArguments, declared: Declared) -> Outcome {
    let settings = Settings {
        debounce: declared.debounce,
        interval: declared.interval,
        first_pause: FIRST_PAUSE,
        longest_pause: LONGEST_PAUSE,
        seed: rand::random(),
    };
    let began = Instant::now();
    let (clusters, mut heard) = Clusters::new(began);
    let (scaler, mut measured) =
        Scaler::new(began, record::duration("--metrics-interval", &arguments.metrics_interval)?);
    let daemon = Daemon::new(arguments, began, declared, clusters, scaler);
    let mut measuring = pin!(daemon.scaler.measuring());
    let mut stop = interrupts();
    let mut files = Files::of(".");
    let mut look = tokio::time::interval(LOOK);
    let mut heart = Watch::new(settings, Duration::ZERO);
    let mut running: Option<Running<'_>> = None;
    daemon.tell("info", "watching; interrupt it to end it", "started")?;
    let mut lookers = daemon.listen()?;
    while !daemon.is_stopping.get() || running.is_some() {
        let wake = heart.wake().map(|wake| tokio::time::Instant::from_std(began + wake));
        let event = tokio::select! {
            ended = ended(&mut running) => {
                running = None;
                Event::Ended(daemon.ended(ended)?)
            }
            _ = stop.recv() => {
                // A run that goes on is told as well, and comes to its end.
                daemon.is_stopping.set(true);
                Event::Paused
            }
            () = at(wake) => Event::Tick,
            () = daemon.hints.notified() => Event::Hint,
            Some(who) = lookers.recv() => {
                daemon.tell("info", &format!("{who} has it look now"), "asked")?;
                Event::Hint
            }
            Some(event) = heard.recv() => match daemon.judge(event)? {
                true => Event::Decided,
                false => continue,
            },
            never = &mut measuring => match never {},
            Some(event) = measured.recv() => match daemon.scale(event)? {
                true => Event::Decided,
                false => continue,
            },
            _ = look.tick() => match files.have_changed() {
                true => Event::Hint,
                false => continue,
            },
        };
        let now = began.elapsed();
        let (debounce, interval) = daemon.patience();
        heart.adjust(debounce, interval);
        let action = heart.on(event, now).or_else(|| heart.on(Event::Appointed(daemon.appointment(now)?), now));
        if action == Some(Action::Run) {
            running = Some(Box::pin(daemon.run()));
        }
    }
    daemon.tell("info", "ended", "stopped")?;
    Ok(Exit::Success)
}

/// How the run ends that goes on; never where there is none.
async fn ended(running: &mut Option<Running<'_>>) -> Result<Ended, Failure> {
    match running {
        Some(run) => run.await,
        None => std::future::pending().await,
    }
}

/// The time that is waited for; never where there is none.
async fn at(time: Option<tokio::time::Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// What runs are made of.
struct Daemon<'a> {
    arguments: &'a WatchArguments,
    planning: PlanningArguments,
    /// Whether it was asked to end.
    is_stopping: Cell<bool>,
    /// Notified when something may have changed in a system.
    hints: Arc<Notify>,
    /// The sessions that follow what they have read, from one run to the next.
    sessions: LivingSessions,
    clusters: Clusters,
    scaler: Scaler,
    /// What others can look at.
    shown: Arc<Shown>,
    /// When the last run began.
    began: Cell<Instant>,
    /// What was told last.
    last: RefCell<String>,
    /// What was told about what goes on.
    told: Told,
    /// When the daemon began; all its times count from then.
    start: Instant,
    /// What the last configuration that could be read and the flags say.
    declared: RefCell<Declared>,
    drifting: Drifting,
    /// Whether what goes on is because of a cluster that died or came back.
    fails_over: Cell<bool>,
    /// When the next run has to begin at the latest.
    appointed: Cell<Option<Duration>>,
}

impl<'a> Daemon<'a> {
    fn new(
        arguments: &'a WatchArguments,
        began: Instant,
        declared: Declared,
        clusters: Clusters,
        scaler: Scaler,
    ) -> Daemon<'a> {
        let hints = Arc::<Notify>::default();
        let sessions = LivingSessions::new({
            let hints = hints.clone();
            Arc::new(move || hints.notify_one())
        });
        Daemon {
            arguments,
            planning: arguments.planning(),
            is_stopping: Cell::new(false),
            hints,
            sessions,
            clusters,
            scaler,
            shown: Arc::new(Shown::new()),
            began: Cell::new(Instant::now()),
            last: RefCell::default(),
            told: Told::default(),
            start: began,
            declared: RefCell::new(declared),
            drifting: Drifting::new(),
            fails_over: Cell::new(false),
            appointed: Cell::new(None),
        }
    }

    /// How long it has to be quiet before a run, and the longest time between two.
    fn patience(&self) -> (Duration, Duration) {
        let declared = self.declared.borrow();
        (declared.debounce, declared.interval)
    }

    /// When a run has to begin though nothing happens, if it has to.
    fn appointment(&self, now: Duration) -> Option<Duration> {
        let appointed = self.appointed.take();
        appointed.into_iter().chain(self.drifting.wake(now)).min()
    }

    /// Lets others look, where that is wanted; and where the names come of those who have it look now.
    fn listen(&self) -> Result<UnboundedReceiver<String>, Failure> {
        let (sender, lookers) = unbounded_channel();
        if let Some(address) = &self.arguments.listen {
            let bound = listen::listen(address, self.arguments.tokens.as_deref(), self.shown.clone(), sender)?;
            self.tell("info", &format!("listening at http://{bound}/"), "listening")?;
        }
        Ok(lookers)
    }

    /// Hears something about clusters, tells what people have to know, and answers whether there is
    /// something to decide.
    fn judge(&self, event: portolan::watch::failover::Event) -> Result<bool, Failure> {
        let mut decides = false;
        let actions = self.clusters.on(event);
        self.clusters.show(&self.shown);
        for action in actions {
            match action {
                Judged::Decide => decides = true,
                Judged::Alert(alert) => self.tell("warn", &alert, "alert")?,
            }
        }
        Ok(decides)
    }

    /// Hears what a service uses, tells what people have to know, and answers whether there is something
    /// to decide.
    fn scale(&self, event: portolan::watch::scaling::Event) -> Result<bool, Failure> {
        let mut decides = false;
        for action in self.scaler.on(event) {
            match action {
                Scaled::Decide => decides = true,
                Scaled::Alert(alert) => self.tell("warn", &alert, "alert")?,
            }
        }
        Ok(decides)
    }

    /// Plans and applies, as far as that is allowed.
    async fn run(&self) -> Result<Ended, Failure> {
        self.began.set(Instant::now());
        let project = project(&self.planning)?;
        *self.declared.borrow_mut() = limits::declared(self.arguments, &project.config.settings.watch)?;
        let backend = setup::backend(&project.config.settings).map_err(|problem| project.failure(problem.into()))?;
        let most_lost = self.declared.borrow().limits.clusters_lost;
        self.clusters.declare(&project, &record::load(&*backend).await?, most_lost);
        let ended =
            record::with_lock(&backend, "watch", Duration::ZERO, async |locked| self.turn(&project, locked).await)
                .await;
        let recorded = record::load(&*backend).await?;
        self.clusters.recorded(&recorded);
        self.shown.recorded(&recorded);
        self.scaler.recorded(recorded);
        ended
    }

    async fn turn(&self, project: &Project, locked: &Locked) -> Result<Ended, Failure> {
        let decided = self.decide(&record::load(&*locked.backend).await?)?;
        let rules = self.drifting.rules(&self.declared.borrow(), self.start.elapsed());
        let request = Request { drift: rules, ..request(&self.planning, false)? };
        let prepared = locked.renewed(async {
            let start = Start::living(record::load(&*locked.backend).await?, &self.sessions);
            let start = resumed(project, locked, start.deciding(decided.clone()), &request).await?;
            prepare(project, start, &request).await
        });
        let prepared = prepared.await?;
        self.scaler.declare(&prepared.desired);
        let sessions = prepared.sessions(project);
        let run = Run { project, locked, prepared: &prepared, sessions: &sessions, decided: &decided };
        let plan = run.plan(&request).await?;
        self.tell_drift(&plan)?;
        if !plan.has_changes() && plan.drift.is_empty() {
            self.fails_over.set(false);
            self.told.keep(|topic| topic != HELD && !topic.starts_with(DECIDED));
            return Ok(Ended::Settled);
        }
        let is_failover = decided.iter().any(|decision| !is_scale(decision)) || is_any_away(&prepared.snapshot);
        self.fails_over.set(self.fails_over.get() || is_failover);
        let moved = Moved::new(&prepared.snapshot, &prepared.desired, &decided);
        match self.judge_plan(&plan, &run, &moved) {
            Some(held) => {
                self.hold(&plan, &held)?;
                if held.may_repair {
                    self.repair(&run, &plan, &moved, request).await?;
                }
                Ok(Ended::Held)
            }
            None => {
                self.told.keep(|topic| topic != HELD && !topic.starts_with(DECIDED));
                self.carry_out(&run, &plan).await
            }
        }
    }

    fn judge_plan(&self, plan: &Plan, run: &Run<'_>, moved: &Moved<'_>) -> Option<Held> {
        let facts = limits::facts(plan, run, moved, self.fails_over.get());
        judge(&self.declared.borrow(), &facts, Timestamp::now())
    }

    /// Tells that a plan waits, and why.
    fn hold(&self, plan: &Plan, held: &Held) -> Result<(), Failure> {
        self.shown.planned(plan, Some(&held.why));
        if let Some(until) = held.until {
            let wait = Duration::try_from(until.duration_since(Timestamp::now())).unwrap_or_default();
            self.appointed.set(Some(self.start.elapsed() + wait));
        }
        self.tell_once(HELD, "warn", &format!("{}: {}", render::plan::summary(plan), held.why), "held")
    }

    /// Puts right what was changed outside while the rest of a plan waits, as far as it can be done apart.
    async fn repair(&self, run: &Run<'_>, whole: &Plan, moved: &Moved<'_>, request: Request) -> Result<(), Failure> {
        let targets = drift::repairable(whole);
        if targets.is_empty() {
            return Ok(());
        }
        let plan = run.plan(&Request { targets, ..request }).await?;
        let facts = limits::facts(&plan, run, moved, false);
        let is_allowed = facts.is_repair && judge(&self.declared.borrow(), &facts, Timestamp::now()).is_none();
        if is_allowed && plan.has_changes() {
            self.carry_out(run, &plan).await?;
        }
        Ok(())
    }

    async fn carry_out(&self, run: &Run<'_>, plan: &Plan) -> Result<Ended, Failure> {
        if self.is_stopping.get() {
            return Ok(Ended::Held);
        }
        for fight in self.drifting.repaired(plan, self.start.elapsed()) {
            self.tell("warn", &fight, "fight")?;
        }
        self.shown.planned(plan, None);
        self.tell("info", &render::plan::summary(plan), "run_started")?;
        if !self.arguments.json {
            print(|out| write!(out, "{}", render::plan::human(plan, is_colourful())))?;
        }
        warn(&plan.diagnostics, &run.project.config.sources);
        let applying = ApplyingArguments { auto_approve: true, json: self.arguments.json };
        let manner = Manner { command: "watch", planning: &self.planning, applying };
        self.scaler.decided(&run.prepared.snapshot, run.decided);
        carry_out(&manner, run.project, run.locked, run.prepared, run.sessions, plan).await?;
        // What was made is read once, and followed from then on.
        self.hints.notify_one();
        Ok(Ended::Settled)
    }

    /// Tells what was changed outside and is left, and which fights are over.
    fn tell_drift(&self, plan: &Plan) -> Result<(), Failure> {
        for over in self.drifting.quiet(self.start.elapsed()) {
            self.tell("info", &over, "fight")?;
        }
        let reported = drift::reported(plan);
        let topics: BTreeSet<String> = reported.iter().map(|(address, _)| address.to_string()).collect();
        self.told.keep(|topic| topics.contains(topic) || TOPICS.contains(&topic) || topic.starts_with(DECIDED));
        reported.iter().try_for_each(|(address, text)| self.tell_once(&address.to_string(), "warn", text, "drift"))
    }

    /// What is decided about clusters and services now.
    fn decide(&self, snapshot: &Snapshot) -> Result<Vec<Decision>, Failure> {
        let declared = self.declared.borrow();
        let scaled = if declared.pause.is_none() { self.scaler.decisions(snapshot) } else { Vec::new() };
        self.tell_decisions(&scaled)?;
        let decided = self.clusters.decisions(snapshot);
        let is_time = declared.fails_over_always || is_open(&declared, Timestamp::now());
        if decided.is_empty() || (is_time && declared.pause.is_none()) {
            self.told.keep(|topic| topic != UNDECIDED);
            self.tell_decisions(&decided)?;
            return Ok(decided.into_iter().chain(scaled).collect());
        }
        let why = declared.pause.as_ref().map_or("no window is open".to_owned(), |why| format!("it is paused: {why}"));
        let subjects: Vec<String> = decided.iter().map(|decision| decision.subject.to_string()).collect();
        let told =
            format!("{}: nothing is decided, because {why}; see to it with `portolan cluster`", subjects.join(", "));
        self.tell_once(UNDECIDED, "warn", &told, "held")?;
        Ok(scaled)
    }

    /// Tells what it decides about clusters and services.
    fn tell_decisions(&self, decided: &[Decision]) -> Result<(), Failure> {
        decided.iter().try_for_each(|decision| {
            let level = if is_scale(decision) { "info" } else { "warn" };
            self.tell_once(
                &format!("{DECIDED}{}", decision.subject),
                level,
                &format!("{}: {}", decision.subject, decision.reason),
                "decided",
            )
        })
    }

    /// Tells how a run has ended.
    fn ended(&self, ended: Result<Ended, Failure>) -> Result<Ended, Failure> {
        self.shown.ended(self.began.get(), ended.as_ref().ok().copied());
        let failure = match ended {
            Ok(Ended::Settled) => {
                self.tell("info", "everything is as it ought to be", "run_ended")?;
                return Ok(Ended::Settled);
            }
            Ok(ended) => return Ok(ended),
            // Nobody reads any more.
            Err(failure) if failure.diagnostics.is_empty() => return Err(failure),
            Err(failure) => failure,
        };
        let first = failure.diagnostics.iter().find(|problem| problem.is_error());
        let summary = first.map_or_else(String::new, |problem| problem.summary.to_string());
        let what = if self.is_stopping.get() { "the run was stopped" } else { "the run failed, and is tried again" };
        // What failed may lie in how a system is reached, or in what is known of it.
        self.sessions.end();
        self.tell("error", &format!("{what}: {summary}"), "run_failed")?;
        warn(&failure.diagnostics, &failure.sources);
        Ok(Ended::Failed)
    }

    /// Tells something about a topic, unless it was the last that was told about it.
    fn tell_once(&self, topic: &str, level: &str, message: &str, kind: &str) -> Result<(), Failure> {
        match self.told.is_new(topic, message) {
            true => self.tell(level, message, kind),
            false => Ok(()),
        }
    }

    /// Tells what the daemon does, on a line, unless it was told just before.
    fn tell(&self, level: &str, message: &str, kind: &str) -> Result<(), Failure> {
        if self.last.replace(message.to_owned()) == message {
            return Ok(());
        }
        self.shown.said(level, message, kind);
        let now = Timestamp::now();
        print(|out| match self.arguments.json {
            true => writeln!(out, "{}", render::progress::line(level, message, kind, json!({}))),
            false => writeln!(out, "{} {level}: {message}", now.strftime("%Y-%m-%dT%H:%M:%SZ")),
        })
    }
}

/// What the steps of a run have in common.
struct Run<'a> {
    project: &'a Project,
    locked: &'a Locked,
    prepared: &'a Prepared,
    sessions: &'a Sessions<'a>,
    /// What the daemon decided for it.
    decided: &'a [Decision],
}

impl Run<'_> {
    /// A plan without errors.
    async fn plan(&self, request: &Request) -> Result<Plan, Failure> {
        let plan = async { Ok(make_plan(self.project, self.prepared, self.sessions, request).await) };
        let plan = self.locked.renewed(plan).await?;
        match plan.diagnostics.has_errors() {
            true => Err(self.project.failure(plan.diagnostics)),
            false => Ok(plan),
        }
    }
}
