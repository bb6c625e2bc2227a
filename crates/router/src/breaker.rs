//! The circuit breaker of one plugin (spec page 1, "Circuit breaker").
//!
//! It only refuses; it never restarts or repairs anything. Time comes in as an argument, so that its
//! behaviour is a function of what it was told.

use std::sync::{Mutex, PoisonError};
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
    state: Mutex<State>,
}

impl Breaker {
    /// A closed breaker.
    pub fn new(policy: BreakerPolicy) -> Self {
        Self { policy, state: Mutex::new(State::Closed { failures: 0 }) }
    }

    /// Lets an attempt through, or not. `now` is monotonic time.
    ///
    /// # Errors
    /// [`Open`] while the cool-down lasts or a trial is under way.
    pub fn admit(&self, now: Duration) -> Result<Passage<'_>, Open> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match *state {
            State::Closed { .. } => Ok(Passage { breaker: self, trial: false, told: false }),
            State::Open { until } if now >= until => {
                *state = State::Trial;
                Ok(Passage { breaker: self, trial: true, told: false })
            }
            State::Open { until } => Err(Open { retry_after: until.saturating_sub(now) }),
            State::Trial => Err(Open { retry_after: Duration::ZERO }),
        }
    }

    fn tell(&self, trial: bool, health: Health, now: Duration) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = match (*state, health) {
            // An attempt that began before the breaker opened says nothing about the trial.
            (State::Open { until }, _) => State::Open { until },
            (State::Trial, _) if !trial => State::Trial,
            (_, Health::Sound) => State::Closed { failures: 0 },
            (State::Trial, Health::Failed) => State::Open { until: now + self.policy.cooldown },
            (State::Closed { failures }, Health::Failed) if failures + 1 >= self.policy.failures => {
                State::Open { until: now + self.policy.cooldown }
            }
            (State::Closed { failures }, Health::Failed) => State::Closed { failures: failures + 1 },
        };
    }

    fn abandon_trial(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if *state == State::Trial {
            // Nothing was learnt: the next call is the trial.
            *state = State::Open { until: Duration::ZERO };
        }
    }
}

/// An attempt that the breaker let through. Dropped untold (the caller went away), it counts for
/// nothing and frees the trial.
#[derive(Debug)]
pub struct Passage<'a> {
    breaker: &'a Breaker,
    trial: bool,
    told: bool,
}

impl Passage<'_> {
    /// Tells the breaker how the attempt ended.
    pub fn tell(mut self, health: Health, now: Duration) {
        self.told = true;
        self.breaker.tell(self.trial, health, now);
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
    use proptest::prelude::*;

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

    /// The reference: what the specification says, as a list of outcomes one after the other.
    #[derive(Default)]
    struct Reference {
        failures_in_a_row: u32,
        refuse_until: Option<Duration>,
    }

    impl Reference {
        fn call(&mut self, failures: u32, now: Duration, health: Health) -> bool {
            if self.refuse_until.is_some_and(|until| now < until) {
                return false;
            }
            let trial = self.refuse_until.take().is_some();
            match health {
                Health::Sound => self.failures_in_a_row = 0,
                Health::Failed => self.failures_in_a_row += 1,
            }
            if health == Health::Failed && (trial || self.failures_in_a_row >= failures) {
                self.refuse_until = Some(now + COOLDOWN);
                self.failures_in_a_row = 0;
            }
            true
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_reference(
            failures in 1_u32..4,
            calls in proptest::collection::vec((0_u64..20, any::<bool>()), 0..200),
        ) {
            let breaker = Breaker::new(BreakerPolicy { failures, cooldown: COOLDOWN });
            let mut reference = Reference::default();
            let mut now = Duration::ZERO;
            for (wait, failed) in calls {
                now += at(wait);
                let health = if failed { Health::Failed } else { Health::Sound };
                let expect = reference.call(failures, now, health);
                let got = breaker.admit(now);
                prop_assert_eq!(got.is_ok(), expect);
                if let Ok(passage) = got {
                    passage.tell(health, now);
                }
            }
        }
    }
}
