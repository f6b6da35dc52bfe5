//! The heart of the daemon under a simulated clock.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn settings(seed: u64) -> Settings {
    Settings { debounce: SECOND, interval: 60 * SECOND, first_pause: 2 * SECOND, longest_pause: 30 * SECOND, seed }
}

/// A daemon whose first run has ended well.
fn settled() -> (Watch, Time) {
    let mut watch = Watch::new(settings(1), Time::ZERO);
    assert_eq!(watch.on(Event::Tick, Time::ZERO), Some(Action::Run), "it begins with a run");
    assert_eq!(watch.on(Event::Ended(Ended::Settled), SECOND), None);
    (watch, SECOND)
}

#[test]
fn hints_are_waited_out_but_not_for_ever() {
    let (mut watch, now) = settled();
    assert_eq!(watch.on(Event::Hint, now), None);
    assert_eq!(watch.wake(), Some(now + SECOND));
    // Each puts it off, up to ten times.
    let mut at = now;
    let began = loop {
        at += SECOND / 2;
        if watch.on(Event::Hint, at).is_some() {
            break at;
        }
    };
    assert_eq!(began, now + 10 * SECOND);
}

#[test]
fn a_hint_during_a_run_leads_to_another_one() {
    let (mut watch, now) = settled();
    watch.on(Event::Hint, now);
    assert_eq!(watch.on(Event::Tick, now + SECOND), Some(Action::Run));
    assert_eq!(watch.on(Event::Hint, now + 2 * SECOND), None);
    assert_eq!(watch.wake(), None, "one run at a time");
    assert_eq!(watch.on(Event::Ended(Ended::Settled), now + 9 * SECOND), Some(Action::Run));
}

#[test]
fn failures_are_tried_again_after_pauses_that_double() {
    let (mut watch, mut now) = settled();
    let mut longest = 2 * SECOND;
    watch.on(Event::Hint, now);
    for _ in 0..8 {
        now = watch.wake().expect("it is not at rest");
        assert_eq!(watch.on(Event::Tick, now), Some(Action::Run));
        watch.on(Event::Ended(Ended::Failed), now);
        watch.on(Event::Hint, now);
        let pause = watch.wake().expect("it is not at rest") - now;
        assert!(pause >= longest / 2 && pause <= longest, "{pause:?} of {longest:?}");
        longest = (2 * longest).min(30 * SECOND);
    }
    // What ends well forgets them, and so does what waits for a person.
    now = watch.wake().expect("it is not at rest");
    watch.on(Event::Tick, now);
    watch.on(Event::Ended(Ended::Held), now);
    assert_eq!(watch.wake(), Some(now + 60 * SECOND));
}

#[test]
fn nothing_begins_while_it_is_paused() {
    let (mut watch, now) = settled();
    watch.on(Event::Paused, now);
    assert_eq!(watch.on(Event::Hint, now), None);
    assert_eq!(watch.on(Event::Tick, now + 100 * SECOND), None);
    assert_eq!(watch.wake(), None);
    assert_eq!(watch.on(Event::Resumed, now + 101 * SECOND), Some(Action::Run));
}

/// A world that changes and fails by chance, beside a daemon.
struct World {
    watch: Watch,
    random: StdRng,
    now: Time,
    /// When the run that goes on ends.
    running: Option<Time>,
    /// Whether something is otherwise than it ought to be, and whether it became so after the run
    /// that goes on had looked.
    is_off: bool,
    is_off_since: bool,
    is_paused: bool,
}

impl World {
    fn new(seed: u64) -> World {
        World {
            watch: Watch::new(settings(seed), Time::ZERO),
            random: StdRng::seed_from_u64(seed),
            now: Time::ZERO,
            running: None,
            is_off: true,
            is_off_since: false,
            is_paused: false,
        }
    }

    fn tell(&mut self, event: Event) {
        match self.watch.on(event, self.now) {
            Some(Action::Run) => {
                assert!(self.running.is_none(), "two runs at a time");
                assert!(!self.is_paused, "a run while it is paused");
                self.running = Some(self.now + SECOND.mul_f64(self.random.random_range(0.1..20.0)));
                self.is_off_since = false;
            }
            None => {}
        }
    }

    /// Something happens; while it is `quiet`, only what has begun ends.
    fn step(&mut self, is_quiet: bool) {
        self.now += SECOND.mul_f64(self.random.random_range(0.0..3.0));
        if self.running.is_some_and(|end| end <= self.now) {
            self.running = None;
            let is_failed = !is_quiet && self.random.random_bool(0.4);
            self.is_off = self.is_off_since || is_failed && self.is_off;
            self.tell(Event::Ended(if is_failed { Ended::Failed } else { Ended::Settled }));
        } else if is_quiet {
            self.tell(Event::Tick);
        } else {
            match self.random.random_range(0..10) {
                0 => {
                    self.is_paused = !self.is_paused;
                    self.tell(if self.is_paused { Event::Paused } else { Event::Resumed });
                }
                // Some hints are lost.
                roll @ 1..=3 => {
                    (self.is_off, self.is_off_since) = (true, true);
                    if roll > 1 {
                        self.tell(Event::Hint);
                    }
                }
                // The daemon is killed, and another one started.
                4 if self.random.random_bool(0.1) => {
                    self.watch = Watch::new(settings(7), self.now);
                    (self.running, self.is_paused) = (None, false);
                }
                _ => self.tell(Event::Tick),
            }
        }
        assert_eq!(self.watch.wake().is_none(), self.running.is_some() || self.is_paused);
    }

    /// What was off is put right once nothing disturbs any more.
    fn settles(&mut self) {
        if self.is_paused {
            self.is_paused = false;
            self.tell(Event::Resumed);
        }
        let limit = self.now + 60 * SECOND + 30 * SECOND + 40 * SECOND + 10 * SECOND;
        while self.is_off {
            assert!(self.now < limit, "not settled");
            self.step(true);
        }
    }
}

#[test]
fn whatever_happens_it_settles_once_it_is_quiet() {
    let seeds = match std::env::var("PORTOLAN_SEED") {
        Ok(seed) => vec![seed.parse().expect("a number")],
        Err(_) => (0..300).collect::<Vec<u64>>(),
    };
    for seed in seeds {
        eprintln!("PORTOLAN_SEED={seed}");
        let mut world = World::new(seed);
        for _ in 0..400 {
            world.step(false);
        }
        world.settles();
    }
}

#[test]
fn an_appointment_is_kept() {
    let (mut watch, now) = settled();
    watch.on(Event::Appointed(now + 20 * SECOND), now);
    assert_eq!(watch.wake(), Some(now + 20 * SECOND));
    watch.on(Event::Appointed(now + 90 * SECOND), now);
    assert_eq!(watch.wake(), Some(now + 20 * SECOND), "the interval comes before it");
    watch.adjust(SECOND, 5 * SECOND);
    assert_eq!(watch.on(Event::Tick, now + 20 * SECOND), Some(Action::Run));
    watch.on(Event::Ended(Ended::Settled), now + 21 * SECOND);
    assert_eq!(watch.wake(), Some(now + 26 * SECOND));
}
