//! The circuit breaker of one plugin (spec page 1, "Circuit breaker").
//!
//! It only refuses; it never restarts or repairs anything. Time comes in as an argument, so that its
//! behaviour is a function of what it was told.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// When a breaker opens and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// Consecutive `error` or `timeout` outcomes that open it; at least 1.
    pub failures: u32,
    /// How long it refuses before it lets one trial call through.
    pub cooldown: Duration,
}

impl Default for BreakerPolicy {
    fn default() -> Self {
        Self { failures: 5, cooldown: Duration::from_secs(30) }
    }
}

/// What a call's end tells the breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// The plugin worked: it gave a result, declined, or was refused by a rule.
    Sound,
    /// `error` or `timeout`.
    Failed,
}

/// The breaker is open (`circuit_open`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Open {
    /// How long until a trial call may pass; zero while one is under way.
    pub retry_after: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed { failures: u32 },
    Open { until: Duration },
    Trial,
}

/// The breaker of one plugin.
#[derive(Debug)]
pub struct Breaker {
    policy: BreakerPolicy,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    state: State,
    /// How often it opened. An attempt that began before the last time says nothing about what came after.
    openings: u64,
}

impl Breaker {
    /// A closed breaker.
    pub fn new(policy: BreakerPolicy) -> Self {
        Self { policy, inner: Mutex::new(Inner { state: State::Closed { failures: 0 }, openings: 0 }) }
    }

    /// Lets an attempt through, or not. `now` is monotonic time.
    ///
    /// # Errors
    /// [`Open`] while the cool-down lasts or a trial is under way.
    pub fn admit(&self, now: Duration) -> Result<Passage<'_>, Open> {
        let mut inner = self.lock();
        let trial = match inner.state {
            State::Closed { .. } => false,
            State::Open { until } if now >= until => true,
            State::Open { until } => return Err(Open { retry_after: until.saturating_sub(now) }),
            State::Trial => return Err(Open { retry_after: Duration::ZERO }),
        };
        if trial {
            inner.state = State::Trial;
        }
        Ok(Passage { breaker: self, trial, openings: inner.openings, told: false })
    }

    fn tell(&self, openings: u64, health: Health, now: Duration) {
        let mut inner = self.lock();
        if openings != inner.openings {
            return;
        }
        let failures = match (inner.state, health) {
            (_, Health::Sound) => 0,
            (State::Closed { failures }, Health::Failed) => failures.saturating_add(1),
            // Of this opening there is the trial alone.
            (State::Trial | State::Open { .. }, Health::Failed) => self.policy.failures,
        };
        inner.state = if health == Health::Failed && failures >= self.policy.failures {
            inner.openings += 1;
            State::Open { until: now + self.policy.cooldown }
        } else {
            State::Closed { failures }
        };
    }

    fn abandon_trial(&self) {
        let mut inner = self.lock();
        if inner.state == State::Trial {
            // Nothing was learnt: the next call is the trial.
            inner.state = State::Open { until: Duration::ZERO };
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An attempt that the breaker let through. Dropped untold (the caller went away), it counts for
/// nothing and frees the trial.
#[derive(Debug)]
pub struct Passage<'a> {
    breaker: &'a Breaker,
    trial: bool,
    openings: u64,
    told: bool,
}

impl Passage<'_> {
    /// Tells the breaker how the attempt ended.
    pub fn tell(mut self, health: Health, now: Duration) {
        self.told = true;
        self.breaker.tell(self.openings, health, now);
    }
}

impl Drop for Passage<'_> {
    fn drop(&mut self) {
        if self.trial && !self.told {
            self.breaker.abandon_trial();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COOLDOWN: Duration = Duration::from_secs(30);

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn fail(breaker: &Breaker, times: u32, now: Duration) {
        for _ in 0..times {
            breaker.admit(now).unwrap().tell(Health::Failed, now);
        }
    }

    #[test]
    fn opens_at_the_limit_and_not_one_before() {
        let breaker = Breaker::new(BreakerPolicy { failures: 3, cooldown: COOLDOWN });
        fail(&breaker, 2, at(0));
        breaker.admit(at(0)).unwrap().tell(Health::Sound, at(0));
        fail(&breaker, 3, at(1));
        assert_eq!(breaker.admit(at(2)).unwrap_err().retry_after, at(29));
        assert!(breaker.admit(at(30)).is_err(), "one before the cool-down's end");
    }

    #[test]
    fn half_open_lets_exactly_one_trial_through() {
        let breaker = Breaker::new(BreakerPolicy { failures: 1, cooldown: COOLDOWN });
        fail(&breaker, 1, at(0));
        let trial = breaker.admit(at(30)).unwrap();
        assert!(breaker.admit(at(31)).is_err());
        trial.tell(Health::Failed, at(32));
        assert_eq!(breaker.admit(at(33)).unwrap_err().retry_after, at(29));
        breaker.admit(at(62)).unwrap().tell(Health::Sound, at(62));
        assert!(breaker.admit(at(62)).is_ok());
    }

    #[test]
    fn an_abandoned_trial_leaves_the_next_call_to_try() {
        let breaker = Breaker::new(BreakerPolicy { failures: 1, cooldown: COOLDOWN });
        fail(&breaker, 1, at(0));
        drop(breaker.admit(at(30)).unwrap());
        assert!(breaker.admit(at(30)).is_ok());
    }

    #[test]
    fn a_late_success_of_an_older_call_does_not_close_it() {
        let breaker = Breaker::new(BreakerPolicy { failures: 1, cooldown: COOLDOWN });
        let older = breaker.admit(at(0)).unwrap();
        fail(&breaker, 1, at(1));
        older.tell(Health::Sound, at(2));
        assert!(breaker.admit(at(3)).is_err());
    }
}
