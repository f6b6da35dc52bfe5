//! `portolan watch`
//!
//! A thin shell around [`portolan::watch`]: it looks whether files have changed, tells the heart, and
//! does what that answers. A run is what `apply --auto-approve` does, within limits.

mod clusters;
mod files;
mod limits;
mod listen;
mod measuring;
mod metrics;
mod probing;
mod scaling;
mod shown;

use std::cell::{Cell, RefCell};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use portolan::compile::domain::autoscale::scale::is_scale;
use portolan::plan::{Plan, Request};
use portolan::sessions::LivingSessions;
use portolan::watch::failover::Action as Judged;
use portolan::watch::scaling::Action as Scaled;
use portolan::watch::{Action, Ended, Event, Settings, Watch};
use portolan_state::Decision;
use serde_json::json;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use self::clusters::{Clusters, Moved};
use self::files::Files;
use self::scaling::Scaler;
use self::shown::Shown;
use super::apply::{Manner, carry_out};
use super::arguments::{ApplyingArguments, OnDrift, PlanningArguments, WatchArguments};
use super::planning::{Start, make_plan, prepare, project, request, resumed};
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

/// How many addresses are named.
const NAMED: usize = 5;

pub(crate) fn run(arguments: &WatchArguments) -> Outcome {
    let settings = Settings {
        debounce: record::duration("--debounce", &arguments.debounce)?,
        interval: record::duration("--interval", &arguments.interval)?,
        first_pause: FIRST_PAUSE,
        longest_pause: LONGEST_PAUSE,
        seed: rand::random(),
    };
    block_on(watch(arguments, settings))
}

type Running<'a> = Pin<Box<dyn Future<Output = Result<Ended, Failure>> + 'a>>;

async fn watch(arguments: &WatchArguments, settings: Settings) -> Outcome {
    let began = Instant::now();
    let (clusters, mut heard) = Clusters::new(began);
    let (scaler, mut measured) =
        Scaler::new(began, record::duration("--metrics-interval", &arguments.metrics_interval)?);
    let daemon = Daemon::new(arguments, clusters, scaler);
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
        if heart.on(event, began.elapsed()) == Some(Action::Run) {
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
    told: RefCell<String>,
}

impl<'a> Daemon<'a> {
    fn new(arguments: &'a WatchArguments, clusters: Clusters, scaler: Scaler) -> Daemon<'a> {
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
            told: RefCell::default(),
        }
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
        let backend = setup::backend(&project.config.settings).map_err(|problem| project.failure(problem.into()))?;
        let request: Request = request(&self.planning, false)?;
        self.clusters.declare(&project, self.arguments.max_lost, &record::load(&*backend).await?);
        let ended = record::with_lock(&backend, "watch", Duration::ZERO, async |locked| {
            let snapshot = record::load(&*locked.backend).await?;
            let mut decided = self.clusters.decisions(&snapshot);
            decided.extend(self.scaler.decisions(&snapshot));
            self.tell_decisions(&decided)?;
            let prepared = locked.renewed(async {
                let start = Start::living(record::load(&*locked.backend).await?, &self.sessions);
                let start = resumed(&project, locked, start.deciding(decided.clone()), &request).await?;
                prepare(&project, start, &request).await
            });
            let prepared = prepared.await?;
            self.scaler.declare(&prepared.desired);
            let sessions = prepared.sessions(&project);
            let plan = locked.renewed(async { Ok(make_plan(&project, &prepared, &sessions, &request).await) }).await?;
            if plan.diagnostics.has_errors() {
                return Err(project.failure(plan.diagnostics));
            }
            if !plan.has_changes() && plan.drift.is_empty() {
                return Ok(Ended::Settled);
            }
            let moved = Moved::new(&prepared.snapshot, &prepared.desired, &decided);
            let declared = project.config.settings.watch.as_ref().map(|watch| &watch.limits);
            let limits = limits::limits(declared, &self.arguments.allow);
            let recorded = prepared.snapshot.resources.len();
            let beyond = limits::beyond(&limits, &plan, &decided, &moved, recorded);
            if let Some(why) = beyond.or_else(|| self.reported(&plan)) {
                self.shown.planned(&plan, Some(&why));
                self.tell("warn", &format!("{}: {why}", render::plan::summary(&plan)), "held")?;
                return Ok(Ended::Held);
            }
            if self.is_stopping.get() {
                return Ok(Ended::Held);
            }
            self.shown.planned(&plan, None);
            self.tell("info", &render::plan::summary(&plan), "run_started")?;
            if !self.arguments.json {
                print(|out| write!(out, "{}", render::plan::human(&plan, is_colourful())))?;
            }
            warn(&plan.diagnostics, &project.config.sources);
            self.scaler.decided(&prepared.snapshot, &decided);
            let applying = ApplyingArguments { auto_approve: true, json: self.arguments.json };
            let manner = Manner { command: "watch", planning: &self.planning, applying };
            carry_out(&manner, &project, locked, &prepared, &sessions, &plan).await?;
            // What was made is read once, and followed from then on.
            self.hints.notify_one();
            Ok(Ended::Settled)
        })
        .await;
        let recorded = record::load(&*backend).await?;
        self.clusters.recorded(&recorded);
        self.shown.recorded(&recorded);
        self.scaler.recorded(recorded);
        ended
    }

    /// Tells what it decides about clusters and services.
    fn tell_decisions(&self, decided: &[Decision]) -> Result<(), Failure> {
        decided.iter().try_for_each(|decision| {
            let level = if is_scale(decision) { "info" } else { "warn" };
            self.tell(level, &format!("{}: {}", decision.subject, decision.reason), "decided")
        })
    }

    /// What was changed outside, where that is told and left.
    fn reported(&self, plan: &Plan) -> Option<String> {
        let drift: Vec<String> = plan.drift.iter().map(|drift| drift.key.address.to_string()).collect();
        let is_reported = self.arguments.on_drift == OnDrift::Report && !drift.is_empty();
        is_reported.then(|| format!("this was changed outside: {}", named(&drift)))
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

    /// Tells what the daemon does, on a line, unless it was told just before.
    fn tell(&self, level: &str, message: &str, kind: &str) -> Result<(), Failure> {
        if self.told.replace(message.to_owned()) == message {
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

/// The first of some addresses, and how many there are beside.
fn named(addresses: &[String]) -> String {
    let first: Vec<&str> = addresses.iter().take(NAMED).map(String::as_str).collect();
    match addresses.len().saturating_sub(NAMED) {
        0 => first.join(", "),
        more => format!("{}, and {more} more", first.join(", ")),
    }
}
