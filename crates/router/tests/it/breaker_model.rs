//! The breaker against a model of what spec page 1 says of it: attempts that overlap, end late or never
//! end, under a clock that only goes forward.

use std::collections::BTreeMap;
use std::time::Duration;

use omega_router::{Breaker, BreakerPolicy, Health, Open, Passage};
use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

const COOLDOWN_S: u64 = 30;

/// What the world does to a breaker. Attempts are numbered in the order in which they ask.
#[derive(Debug, Clone)]
enum Step {
    Wait(u64),
    Ask,
    /// The nth of the attempts under way ends so.
    End(prop::sample::Index, bool),
    /// The caller of the nth of them goes away.
    Leave(prop::sample::Index),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Pass,
    Refuse { retry_after_s: u64 },
}

/// An attempt under way.
#[derive(Debug, Clone, Copy)]
struct Attempt {
    /// After how many openings of the breaker it began.
    openings: u32,
    trial: bool,
}

/// The model: one attempt at a time decides, and only what began since the last opening counts.
#[derive(Debug, Clone)]
struct Model {
    failures_max: u32,
    now_s: u64,
    failures_in_a_row: u32,
    openings: u32,
    /// Refuses until then; none: closed.
    open_until_s: Option<u64>,
    under_way: BTreeMap<usize, Attempt>,
    asked: usize,
    said: Option<Said>,
}

impl Model {
    fn trial_under_way(&self) -> bool {
        self.under_way.values().any(|attempt| attempt.trial)
    }

    fn nth(&self, index: prop::sample::Index) -> Option<usize> {
        let numbers: Vec<usize> = self.under_way.keys().copied().collect();
        (!numbers.is_empty()).then(|| *index.get(&numbers))
    }

    fn ask(&mut self) {
        let number = self.asked;
        self.asked += 1;
        let trial = match self.open_until_s {
            None => false,
            Some(_) if self.trial_under_way() => {
                self.said = Some(Said::Refuse { retry_after_s: 0 });
                return;
            }
            Some(until) if self.now_s < until => {
                self.said = Some(Said::Refuse { retry_after_s: until - self.now_s });
                return;
            }
            Some(_) => true,
        };
        self.under_way.insert(number, Attempt { openings: self.openings, trial });
        self.said = Some(Said::Pass);
    }

    fn end(&mut self, attempt: Attempt, failed: bool) {
        if attempt.openings != self.openings {
            return;
        }
        if !failed {
            (self.failures_in_a_row, self.open_until_s) = (0, None);
            return;
        }
        self.failures_in_a_row += 1;
        if attempt.trial || self.failures_in_a_row >= self.failures_max {
            self.open_until_s = Some(self.now_s + COOLDOWN_S);
            self.openings += 1;
            self.failures_in_a_row = 0;
        }
    }
}

struct BreakerModel;

impl ReferenceStateMachine for BreakerModel {
    type State = Model;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Model> {
        let new = |failures_max| Model {
            failures_max,
            now_s: 0,
            failures_in_a_row: 0,
            openings: 0,
            open_until_s: None,
            under_way: BTreeMap::new(),
            asked: 0,
            said: None,
        };
        (1_u32..4).prop_map(new).boxed()
    }

    fn transitions(_: &Model) -> BoxedStrategy<Step> {
        prop_oneof![
            // To the second: one before the cool-down's end, at it, and past it.
            2 => prop_oneof![0_u64..4, COOLDOWN_S - 2..COOLDOWN_S + 2].prop_map(Step::Wait),
            4 => Just(Step::Ask),
            4 => (any::<prop::sample::Index>(), prop::bool::weighted(0.7)).prop_map(|(n, failed)| Step::End(n, failed)),
            1 => any::<prop::sample::Index>().prop_map(Step::Leave),
        ]
        .boxed()
    }

    fn apply(mut model: Model, step: &Step) -> Model {
        model.said = None;
        match step {
            Step::Wait(seconds) => model.now_s += seconds,
            Step::Ask => model.ask(),
            Step::End(index, failed) => {
                if let Some(attempt) = model.nth(*index).and_then(|number| model.under_way.remove(&number)) {
                    model.end(attempt, *failed);
                }
            }
            // It says nothing; were it the trial, the next one is.
            Step::Leave(index) => {
                if let Some(attempt) = model.nth(*index).and_then(|number| model.under_way.remove(&number))
                    && attempt.trial
                {
                    model.open_until_s = Some(0);
                }
            }
        }
        model
    }
}

struct Real {
    /// Leaked: the passages borrow it.
    breaker: &'static Breaker,
    now: Duration,
    under_way: BTreeMap<usize, Passage<'static>>,
    asked: usize,
}

impl Real {
    fn take(&mut self, index: prop::sample::Index) -> Option<Passage<'static>> {
        let numbers: Vec<usize> = self.under_way.keys().copied().collect();
        if numbers.is_empty() { None } else { self.under_way.remove(index.get(&numbers)) }
    }
}

impl StateMachineTest for BreakerModel {
    type SystemUnderTest = Real;
    type Reference = Self;

    fn init_test(model: &Model) -> Real {
        let policy = BreakerPolicy { failures: model.failures_max, cooldown: Duration::from_secs(COOLDOWN_S) };
        let breaker = Box::leak(Box::new(Breaker::new(policy)));
        Real { breaker, now: Duration::ZERO, under_way: BTreeMap::new(), asked: 0 }
    }

    fn apply(mut real: Real, model: &Model, step: Step) -> Real {
        match step {
            Step::Wait(seconds) => real.now += Duration::from_secs(seconds),
            Step::Ask => {
                let said = match real.breaker.admit(real.now) {
                    Ok(passage) => {
                        real.under_way.insert(real.asked, passage);
                        Said::Pass
                    }
                    Err(Open { retry_after }) => Said::Refuse { retry_after_s: retry_after.as_secs() },
                };
                real.asked += 1;
                assert_eq!(Some(said), model.said);
            }
            Step::End(index, failed) => {
                if let Some(passage) = real.take(index) {
                    passage.tell(if failed { Health::Failed } else { Health::Sound }, real.now);
                }
            }
            Step::Leave(index) => drop(real.take(index)),
        }
        assert!(real.under_way.keys().eq(model.under_way.keys()));
        real
    }
}

prop_state_machine! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_breaker_does_what_its_model_does(sequential 1..80 => BreakerModel);
}
