//! A world, a state, and configurations that are planned and applied one after the other.

use std::cell::Cell;
use std::sync::Arc;

use portolan_lang::Diagnostics;
use portolan_provider::scripted::World;
use portolan_state::{Edit, Run, RunStatus};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::memory::Memory;
use super::{Table, address};
use crate::apply::{Job, Report, apply};
use crate::catalog::Catalog;
use crate::graph::Graph;
use crate::plan::{Mode, Plan, Request, check, plan, text};
use crate::recover::recover;
use crate::sessions::{OpenSessions, Sessions};

pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) state: Memory,
    catalog: Catalog,
    runs: Cell<u32>,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let world = World::new();
        let catalog = Catalog::new([Arc::new(world.provider()) as Arc<dyn portolan_provider::Provider>]);
        Scene { world, state: Memory::default(), catalog, runs: Cell::new(0) }
    }

    /// A scene in which these configurations were applied without fault.
    pub(crate) async fn after(tables: &[&str]) -> Self {
        let scene = Scene::new();
        for table in tables {
            let report = scene.run(&Table::new(table)).await;
            assert!(report.succeeded(), "{:?}", report.diagnostics);
        }
        scene
    }

    /// Plans; the plan is sound.
    pub(crate) async fn plan_as(&self, table: &Table, request: &Request) -> Plan {
        let graph = Graph::new(&table.desired).expect("no cycle");
        let snapshot = self.state.snapshot();
        let sessions = Sessions::new(&self.catalog, &table.desired).sharing(&OpenSessions::of(&snapshot));
        let plan = plan(request, &sessions, &graph, &snapshot, &mut table.clone()).await;
        if !plan.diagnostics.has_errors() {
            let mut wrong = check::violations(&plan);
            wrong.extend(check::wrong_outcome(&plan, &table.desired, &snapshot));
            wrong.extend(check::wrong_order(&plan, &graph, &snapshot));
            assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), text(&plan));
        }
        plan
    }

    pub(crate) async fn plan(&self, table: &Table) -> Plan {
        self.plan_as(table, &Request::default()).await
    }

    /// Applies a plan, and can be interrupted.
    pub(crate) async fn apply_with(
        &self,
        table: &Table,
        plan: &Plan,
        interrupts: &mut UnboundedReceiver<()>,
    ) -> Report {
        self.runs.set(self.runs.get() + 1);
        let (snapshot, lease) = (self.state.snapshot(), self.state.lease());
        let sessions = Sessions::new(&self.catalog, &table.desired).sharing(&OpenSessions::of(&snapshot));
        sessions.expect(&plan.decisions);
        let run = Run {
            id: Arc::from(format!("run-{}", self.runs.get())),
            command: "apply".to_owned(),
            who: "somebody".to_owned(),
            started: String::new(),
            ended: None,
            status: RunStatus::Running,
            summary: String::new(),
        };
        let job = Job {
            plan,
            sessions: &sessions,
            snapshot: &snapshot,
            backend: &self.state,
            lease: &lease,
            run,
            parallelism: 4,
        };
        apply(job, &mut table.clone(), &mut (), interrupts).await
    }

    pub(crate) async fn apply(&self, table: &Table, plan: &Plan) -> Report {
        let (_keep_open, mut interrupts) = unbounded_channel();
        self.apply_with(table, plan, &mut interrupts).await
    }

    /// Recovers, plans and applies.
    pub(crate) async fn run(&self, table: &Table) -> Report {
        self.run_as(table, &Request::default()).await
    }

    pub(crate) async fn run_as(&self, table: &Table, request: &Request) -> Report {
        self.recover(table).await;
        let plan = self.plan_as(table, request).await;
        self.apply(table, &plan).await
    }

    /// What became of unfinished changes.
    pub(crate) async fn look(&self, table: &Table) -> (Vec<Edit>, Diagnostics) {
        let snapshot = self.state.snapshot();
        let sessions = Sessions::new(&self.catalog, &table.desired).sharing(&OpenSessions::of(&snapshot));
        recover(&sessions, &snapshot).await
    }

    pub(crate) async fn recover(&self, table: &Table) {
        let (edits, diagnostics) = self.look(table).await;
        assert!(!diagnostics.has_errors(), "{diagnostics:?}");
        if !edits.is_empty() {
            self.state.commit_now(&edits);
        }
    }

    /// The addresses of all recorded objects.
    pub(crate) fn recorded(&self) -> Vec<String> {
        let key = |resource: &portolan_state::Resource| match &resource.key.deposed {
            Some(_) => format!("{} deposed", resource.key.address),
            None => resource.key.address.to_string(),
        };
        self.state.snapshot().resources.iter().map(key).collect()
    }
}

pub(crate) fn request(mode: Mode) -> Request {
    Request { mode, ..Request::default() }
}

pub(crate) fn targeting(targets: &[&str]) -> Request {
    Request { targets: targets.iter().map(|target| address(target)).collect(), ..Request::default() }
}

pub(crate) fn replacing(what: &[&str]) -> Request {
    Request { replace: what.iter().map(|what| address(what)).collect(), ..Request::default() }
}
