//! One router's task: carries out what its machine (`super::machine`) says, and tells it what
//! became of it. Decides nothing.
//!
//! A look, a change and the setting of gates each run beside the others, so that a gate waits for
//! nothing but the router itself.

use super::choices::Choices;
use super::kept::Kept;
use super::machine::{BATCH, Command, Event, Machine, Now, PlanFound, Planned, more_units};
use super::outbox::Outbox;
use super::samples::Samples;
use crate::bmp::{Station, StationSession};
use crate::lag::counters::Traffic;
use crate::routers::{Driver, DriverError, Plan, Progress, Target, UnitChange};
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;
use meetme_model::intent::RouterIntent;
use meetme_model::link::{EdgeAnswer, LagState, RouterState, SessionRoutes};
use meetme_model::prefix::Prefix;
use meetme_model::route::RouterPath;
use meetme_model::unit::{UnitFault, UnitName, units};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;

/// Between readings of the LAGs' counters.
const COUNTERS: Duration = Duration::from_secs(10);
/// A difference is worked out within this time: whoever asked waits a little longer.
const DIFF_WITHIN: Duration = Duration::from_secs(9);
const DIFFS_AT_ONCE: usize = 2;

/// What a router's task is told.
pub enum ToRouter {
    /// The newest intent.
    Intent(Box<RouterIntent>),
    /// Something happened to a session; `Some` is the one that is no longer established.
    Session(Option<String>),
    /// Its BMP connection came or went.
    Bmp(bool),
    /// A session's newest summary.
    Routes(Box<SessionRoutes>),
    /// What would be changed on the router, for this query: by the newest intent, or by these
    /// connections in the place of its own.
    Diff(u64, Option<Box<RouterIntent>>),
    /// The control plane is back and knows nothing: tell all.
    Refresh,
}

/// What came of something that ran beside the task.
enum Outcome<S> {
    Event(Event),
    Planned(Plan<S>),
    Counted(Result<BTreeMap<String, crate::lag::counters::Counters>, DriverError>),
    Paths(Vec<Prefix>, Result<BTreeMap<Prefix, Vec<RouterPath>>, DriverError>),
}

/// The task. See the module.
pub struct RouterTask<D: Driver> {
    driver: Arc<D>,
    machine: Machine,
    choices: Choices,
    /// The newest state, as it was told.
    state: Option<RouterState>,
    running: FuturesUnordered<BoxFuture<'static, Vec<Outcome<D::Steps>>>>,
    /// What the newest plan has to do for each unit.
    planned: BTreeMap<UnitName, D::Steps>,
    unused: Option<D::Steps>,
    outbox: Arc<Outbox>,
    station: Arc<Station>,
    samples: Arc<Samples>,
    kept: Option<Kept>,
    traffic: Traffic,
    lags: BTreeMap<String, LagState>,
    counters_at: Instant,
    /// Differences that are worked out at once.
    diffs: Arc<Semaphore>,
    /// The wall clock.
    clock: Clock,
    name: String,
}

/// Reads the wall clock.
pub type Clock = Box<dyn Fn() -> Timestamp + Send>;

impl<D: Driver> RouterTask<D> {
    /// A task for a router that nothing is known of yet. `kept` is where its newest intent
    /// outlives the edge.
    pub fn new(
        name: String,
        driver: D,
        outbox: Arc<Outbox>,
        station: Arc<Station>,
        samples: Arc<Samples>,
        kept: Option<Kept>,
    ) -> Self {
        let now = Instant::now();
        Self {
            driver: Arc::new(driver),
            machine: Machine::new(name.clone(), now.into_std()),
            choices: Choices::default(),
            state: None,
            running: FuturesUnordered::new(),
            planned: BTreeMap::new(),
            unused: None,
            outbox,
            station,
            samples,
            kept,
            traffic: Traffic::default(),
            lags: BTreeMap::new(),
            counters_at: now,
            diffs: Arc::new(Semaphore::new(DIFFS_AT_ONCE)),
            clock: Box::new(Timestamp::now),
            name,
        }
    }

    /// The same by another wall clock.
    #[cfg(test)]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Runs until the inbox is closed.
    pub async fn run(mut self, mut inbox: UnboundedReceiver<ToRouter>) {
        if let Some(intent) = self.kept.as_ref().and_then(Kept::read) {
            self.take_intent(intent);
        }
        loop {
            self.ask_for_paths();
            let deadline = self.choices.deadline().into_iter().chain([self.machine.deadline()]).min();
            let deadline = Instant::from_std(deadline.unwrap_or_else(|| self.machine.deadline()));
            tokio::select! {
                // In this order, so that a history replays: what was planned is never made before news are heard.
                biased;
                message = inbox.recv() => match message {
                    Some(message) => self.take(message),
                    None => return,
                },
                Some(outcomes) = self.running.next() => {
                    for outcome in outcomes {
                        self.came_of(outcome);
                    }
                }
                () = tokio::time::sleep_until(deadline) => self.tell(Event::Tick),
            }
        }
    }

    fn take(&mut self, message: ToRouter) {
        match message {
            ToRouter::Intent(intent) => {
                if let Some(kept) = &self.kept {
                    kept.write(&intent);
                }
                self.take_intent(*intent);
            }
            ToRouter::Session(Some(session)) => self.tell(Event::SessionLeft(session)),
            ToRouter::Session(None) => self.tell(Event::SessionCame),
            ToRouter::Bmp(connected) => self.tell(Event::Bmp(connected)),
            ToRouter::Routes(mut routes) => {
                let moved = self.choices.take_routes(&mut routes, Instant::now().into_std());
                self.outbox.routes(*routes);
                if moved {
                    self.tell_differing();
                }
            }
            ToRouter::Diff(id, instead) => self.answer_diff(id, instead.as_deref()),
            ToRouter::Refresh => self.tell(Event::Refresh),
        }
    }

    fn take_intent(&mut self, intent: RouterIntent) {
        let sessions = intent.sessions.iter().map(|s| StationSession {
            name: s.name.clone(),
            peer_address: s.peer_address,
            policy: s.policy.clone(),
        });
        self.choices.take_intent(&intent);
        self.station.configure_sessions(&self.name, sessions.collect());
        self.tell(Event::Intent(Box::new(intent)));
    }

    /// Tells the machine what happened, and begins what it says.
    fn tell(&mut self, event: Event) {
        let now = Now { instant: Instant::now().into_std(), at: (self.clock)() };
        for command in self.machine.on(event, now) {
            self.begin(command);
        }
    }

    fn came_of(&mut self, outcome: Outcome<D::Steps>) {
        match outcome {
            Outcome::Event(event) => {
                if let Event::Lags(Ok(lags)) = &event {
                    self.lags.clone_from(lags);
                    self.count();
                }
                self.tell(event);
            }
            Outcome::Planned(plan) => {
                let found = self.keep_plan(plan);
                self.tell(Event::Planned(Ok(found)));
            }
            Outcome::Paths(asked, answer) => {
                if let Err(error) = &answer {
                    tracing::debug!(router = self.name, %error, "the router's paths can't be read");
                }
                let now = Instant::now().into_std();
                let changed = self.choices.answered(&asked, answer.ok().as_ref(), now);
                if !changed.is_empty() {
                    self.tell_words(&changed);
                    self.tell_differing();
                }
            }
            // Counters that can't be read are counters that aren't measured, nothing worse.
            Outcome::Counted(Err(error)) => {
                tracing::debug!(router = self.name, %error, "LAG counters can't be read");
            }
            Outcome::Counted(Ok(counters)) => {
                let rates = self.traffic.take(std::time::Instant::now(), &self.lags, &counters);
                self.samples.lags(&self.name, rates);
            }
        }
    }

    fn begin(&mut self, command: Command) {
        let driver = self.driver.clone();
        match command {
            Command::Observe => self.start(async move {
                match driver.observe().await {
                    Ok(observed) if observed.bfd_error.is_none() => {
                        // Gates are told of it first; LAGs come behind.
                        vec![Event::Observed(Ok(observed)), Event::Lags(driver.lags().await)]
                    }
                    observed => vec![Event::Observed(observed)],
                }
            }),
            Command::Ask(session, address) => {
                self.start(async move { vec![Event::Detail(session, driver.detail(address).await)] });
            }
            Command::Clear(address) => self.start(async move {
                // The next look shows whether it fell.
                if let Err(error) = driver.clear(address).await {
                    tracing::warn!(%address, %error, "session can't be closed");
                }
                Vec::new()
            }),
            Command::SetGates(changes) => self.start(async move {
                let missing = driver.set_gates(&changes).await;
                vec![Event::GatesSet(changes, missing)]
            }),
            Command::Plan(targets, gates) => self.running.push(Box::pin(async move {
                match plan(&*driver, &targets, &gates).await {
                    Ok(plan) => vec![Outcome::Planned(plan)],
                    Err(error) => vec![Outcome::Event(Event::Planned(Err(error)))],
                }
            })),
            Command::Apply(names, tidy) => {
                let planned = &mut self.planned;
                let steps = names.into_iter().filter_map(|n| planned.remove(&n).map(|steps| (n, steps)));
                let steps = steps.collect();
                let unused = self.unused.take().filter(|_| tidy);
                self.start(async move { vec![Event::Applied(apply(&*driver, steps, unused).await)] });
            }
            Command::Prove => {
                self.start(async move { vec![Event::Proved(driver.prove_coupling().await)] });
            }
            Command::Measure(seen) => self.samples.sessions(&self.name, seen),
            Command::Publish(mut state) => {
                let changed = self.choices.take_state(&mut state, Instant::now().into_std());
                self.state = Some((*state).clone());
                self.outbox.router(*state);
                self.tell_words(&changed);
            }
            Command::Report(result) => self.outbox.applied(*result),
        }
    }

    fn start(&mut self, work: impl Future<Output = Vec<Event>> + Send + 'static) {
        self.running.push(Box::pin(async move { work.await.into_iter().map(Outcome::Event).collect() }));
    }

    fn keep_plan(&mut self, plan: Plan<D::Steps>) -> PlanFound {
        self.planned.clear();
        let mut units = Vec::with_capacity(plan.changes.len());
        for change in plan.changes {
            let UnitChange { unit, diff, drift, disturbs, fault, is_new, steps } = change;
            self.planned.insert(unit.clone(), steps);
            units.push(Planned { unit, diff, drift, disturbs, fault, is_new });
        }
        let has_unused = plan.unused.is_some();
        self.unused = plan.unused;
        PlanFound { units, gates_moved: plan.gates_moved, has_unused }
    }

    /// Asks the router for what it does with routes that are due; beside everything else.
    fn ask_for_paths(&mut self) {
        let due = self.choices.due(Instant::now().into_std());
        if due.is_empty() {
            return;
        }
        let driver = self.driver.clone();
        self.running.push(Box::pin(async move {
            let paths = driver.paths(&due).await;
            vec![Outcome::Paths(due, paths)]
        }));
    }

    /// Has summaries told again, with the router's newest word in them.
    fn tell_words(&self, sessions: &BTreeSet<String>) {
        sessions.iter().for_each(|session| self.station.tell_session_again(&self.name, session));
    }

    /// Tells the state again if the router differs elsewhere than it says.
    fn tell_differing(&mut self) {
        let differing = self.choices.differing();
        if let Some(state) = self.state.as_mut().filter(|state| state.differing != differing) {
            state.differing = differing;
            self.outbox.router(state.clone());
        }
    }

    /// Reads what the LAGs have counted, now and then.
    fn count(&mut self) {
        let now = Instant::now();
        if self.counters_at > now || self.lags.is_empty() {
            return;
        }
        self.counters_at = now + COUNTERS;
        let driver = self.driver.clone();
        self.running.push(Box::pin(async move { vec![Outcome::Counted(driver.counters().await)] }));
    }

    /// What would be changed; beside everything else, as nothing waits for a question.
    fn answer_diff(&self, id: u64, instead: Option<&RouterIntent>) {
        let (driver, outbox, turns) = (self.driver.clone(), self.outbox.clone(), self.diffs.clone());
        let mut wanted = self.machine.newest();
        let generation = self.machine.generation();
        if generation.is_none() && instead.is_none() {
            // Nothing is intended yet, so nothing would be changed.
            let nothing = EdgeAnswer::Diff { generation, diff: String::new(), faults: BTreeMap::new() };
            return outbox.answer(id, Ok(nothing));
        }
        let given = instead.map(units).map(|mut given| {
            given.remove(&UnitName::Backbone);
            given.into_iter().map(|(name, unit)| (name, Some(Arc::new(unit)))).collect::<BTreeMap<_, _>>()
        });
        wanted.extend(given.clone().into_iter().flatten());
        let targets: Vec<Target> =
            wanted.into_iter().map(|(name, wants)| Target { name, stands: None, wants }).collect();
        tokio::spawn(async move {
            let plan = async {
                let _turn = turns.acquire().await;
                plan(&*driver, &targets, &BTreeMap::new()).await
            };
            let answer = match tokio::time::timeout(DIFF_WITHIN, plan).await {
                Ok(Ok(plan)) => {
                    let (mut diff, mut faults) = (String::new(), BTreeMap::new());
                    let is_asked = |unit: &UnitName| given.as_ref().is_none_or(|g| g.contains_key(unit));
                    let mut changes = plan.changes.into_iter().filter(|c| is_asked(&c.unit));
                    for change in changes.by_ref().take(BATCH) {
                        diff.push_str(&change.diff);
                        faults.extend(change.fault.map(|fault| (change.unit, fault)));
                    }
                    diff.push_str(&more_units(changes.count()));
                    Ok(EdgeAnswer::Diff { generation, diff, faults })
                }
                Ok(Err(error)) => Err(error.to_string()),
                Err(_) => Err("the router is busy; ask again in some seconds".to_owned()),
            };
            outbox.answer(id, answer);
        });
    }
}

async fn plan<D: Driver>(
    driver: &D,
    targets: &[Target],
    gates: &BTreeMap<String, bool>,
) -> Result<Plan<D::Steps>, DriverError> {
    let mut plan = driver.plan(targets, gates).await?;
    driver.check(&mut plan.changes).await;
    Ok(plan)
}

/// Makes changes one after the other and reads back. One that fails stays half done, and the others
/// go on; only a router that can't be spoken with ends it.
async fn apply<D: Driver>(
    driver: &D,
    mut changes: Vec<(UnitName, D::Steps)>,
    unused: Option<D::Steps>,
) -> Result<BTreeMap<UnitName, UnitFault>, DriverError> {
    driver.prepare(&mut changes).await?;
    let mut failed = BTreeMap::new();
    let mut done = Vec::with_capacity(changes.len());
    for (name, mut steps) in changes {
        match run(driver, &mut steps).await {
            Ok(()) => done.push((name, steps)),
            Err(DriverError::Fault(fault)) => drop(failed.insert(name, fault)),
            Err(error @ DriverError::Unreachable(_)) => return Err(error),
        }
    }
    if let Some(mut steps) = unused {
        match run(driver, &mut steps).await {
            Err(DriverError::Fault(fault)) => {
                tracing::warn!(%fault, "what nothing refers to can't be removed")
            }
            other => other?,
        }
    }
    if !done.is_empty() {
        failed.extend(driver.verify(&done).await?);
    }
    Ok(failed)
}

async fn run<D: Driver>(driver: &D, steps: &mut D::Steps) -> Result<(), DriverError> {
    while driver.next_step(steps).await? == Progress::More {}
    Ok(())
}
