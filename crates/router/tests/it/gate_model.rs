//! The gate against a model: so many places, so many in line, first come first served, and nothing lost
//! when somebody leaves, whether inside, in line, or just called in.

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use omega_router::{Gate, Overloaded, Place};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use tokio::runtime::Runtime;
use tokio::time::Instant;

/// What the world does to a gate.
#[derive(Debug, Clone)]
enum Step {
    /// Somebody comes, who waits so many milliseconds at most.
    Come {
        patience_ms: u64,
    },
    /// The nth inside gives the place back.
    Leave(Index),
    /// The nth in line is looked after, whether or not something happened.
    Look(Index),
    /// The nth in line goes away unheard, perhaps just when it was called in.
    GiveUp(Index),
    Wait {
        ms: u64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Inside,
    InLine,
    Full,
    InVain,
}

#[derive(Debug, Clone, Copy)]
struct Waiter {
    number: usize,
    until_ms: u64,
    /// A place is kept for it.
    called: bool,
}

#[derive(Debug, Clone)]
struct Model {
    places_max: usize,
    queue_max: usize,
    now_ms: u64,
    inside: Vec<usize>,
    line: VecDeque<Waiter>,
    came: usize,
    said: Option<Said>,
}

impl Model {
    fn come(&mut self, patience_ms: u64) -> Said {
        let number = self.came;
        self.came += 1;
        let kept = self.line.iter().filter(|waiter| waiter.called).count();
        if self.inside.len() + kept < self.places_max {
            self.inside.push(number);
            Said::Inside
        } else if self.line.len() == self.queue_max {
            Said::Full
        } else if patience_ms == 0 {
            Said::InVain
        } else {
            self.line.push_back(Waiter { number, until_ms: self.now_ms + patience_ms, called: false });
            Said::InLine
        }
    }

    fn look(&mut self, at: usize) -> Said {
        let waiter = self.line[at];
        if waiter.called {
            self.line.remove(at);
            self.inside.push(waiter.number);
            Said::Inside
        } else if self.now_ms >= waiter.until_ms {
            self.line.remove(at);
            Said::InVain
        } else {
            Said::InLine
        }
    }

    /// A place came free: it is kept for the first in line that has none.
    fn call_next(&mut self) {
        if let Some(next) = self.line.iter_mut().find(|waiter| !waiter.called) {
            next.called = true;
        }
    }
}

fn nth(index: Index, of: usize) -> Option<usize> {
    (of > 0).then(|| index.index(of))
}

struct GateModel;

impl ReferenceStateMachine for GateModel {
    type State = Model;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Model> {
        let new = |(places_max, queue_max)| Model {
            places_max,
            queue_max,
            now_ms: 0,
            inside: Vec::new(),
            line: VecDeque::new(),
            came: 0,
            said: None,
        };
        (1_usize..4, 0_usize..4).prop_map(new).boxed()
    }

    fn transitions(_: &Model) -> BoxedStrategy<Step> {
        let index = any::<Index>;
        prop_oneof![
            4 => prop_oneof![Just(0_u64), 1_u64..30].prop_map(|patience_ms| Step::Come { patience_ms }),
            3 => index().prop_map(Step::Leave),
            3 => index().prop_map(Step::Look),
            1 => index().prop_map(Step::GiveUp),
            1 => (1_u64..20).prop_map(|ms| Step::Wait { ms }),
        ]
        .boxed()
    }

    fn apply(mut model: Model, step: &Step) -> Model {
        model.said = None;
        match step {
            Step::Come { patience_ms } => model.said = Some(model.come(*patience_ms)),
            Step::Leave(index) => {
                if let Some(at) = nth(*index, model.inside.len()) {
                    model.inside.remove(at);
                    model.call_next();
                }
            }
            Step::Look(index) => {
                if let Some(at) = nth(*index, model.line.len()) {
                    model.said = Some(model.look(at));
                }
            }
            Step::GiveUp(index) => {
                if let Some(at) = nth(*index, model.line.len())
                    && model.line.remove(at).is_some_and(|waiter| waiter.called)
                {
                    model.call_next();
                }
            }
            Step::Wait { ms } => model.now_ms += ms,
        }
        model
    }
}

type Entering = Pin<Box<dyn Future<Output = Result<Place, Overloaded>>>>;

#[derive(Default)]
struct Bell(AtomicBool);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Real {
    gate: Arc<Gate>,
    clock: Runtime,
    inside: Vec<(usize, Place)>,
    line: BTreeMap<usize, (Entering, Arc<Bell>)>,
    came: usize,
}

impl Real {
    /// Polls once; sorts into inside, in line or gone.
    fn poll(&mut self, number: usize, mut entering: Entering, bell: Arc<Bell>) -> Said {
        bell.0.store(false, Ordering::Relaxed);
        let waker = Waker::from(Arc::clone(&bell));
        let _clock = self.clock.enter();
        match entering.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(Ok(place)) => {
                self.inside.push((number, place));
                Said::Inside
            }
            Poll::Ready(Err(Overloaded::QueueFull { .. })) => Said::Full,
            Poll::Ready(Err(Overloaded::WaitedInVain { .. })) => Said::InVain,
            Poll::Pending => {
                self.line.insert(number, (entering, bell));
                Said::InLine
            }
        }
    }

    fn take(&mut self, index: Index) -> Option<(usize, Entering, Arc<Bell>)> {
        let number = *self.line.keys().nth(nth(index, self.line.len())?)?;
        let (entering, bell) = self.line.remove(&number)?;
        Some((number, entering, bell))
    }
}

impl StateMachineTest for GateModel {
    type SystemUnderTest = Real;
    type Reference = Self;

    fn init_test(model: &Model) -> Real {
        let clock = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let gate = Arc::new(Gate::new(model.places_max, model.queue_max));
        Real { gate, clock, inside: Vec::new(), line: BTreeMap::new(), came: 0 }
    }

    fn apply(mut real: Real, model: &Model, step: Step) -> Real {
        let said = match step {
            Step::Come { patience_ms } => {
                let gate = Arc::clone(&real.gate);
                let now = real.clock.block_on(async { Instant::now() });
                let until = (now + Duration::from_millis(patience_ms)).into_std();
                let entering: Entering = Box::pin(async move { gate.enter(until).await });
                real.came += 1;
                Some(real.poll(real.came - 1, entering, Arc::default()))
            }
            Step::Look(index) => real.take(index).map(|(number, entering, bell)| real.poll(number, entering, bell)),
            Step::Leave(index) => {
                if let Some(at) = nth(index, real.inside.len()) {
                    real.inside.remove(at);
                }
                None
            }
            Step::GiveUp(index) => {
                drop(real.take(index));
                None
            }
            Step::Wait { ms } => {
                real.clock.block_on(tokio::time::advance(Duration::from_millis(ms)));
                None
            }
        };
        assert_eq!(said, model.said);
        real
    }

    fn check_invariants(real: &Real, model: &Model) {
        assert!(real.inside.len() <= model.places_max, "never more inside than places");
        assert!(real.inside.iter().map(|(number, _)| number).eq(&model.inside));
        assert!(real.line.keys().eq(model.line.iter().map(|waiter| &waiter.number)));
        assert_eq!(real.gate.waiting(), model.line.len());
        for waiter in &model.line {
            let told = waiter.called || model.now_ms > waiter.until_ms;
            assert!(!told || real.line[&waiter.number].1.0.load(Ordering::Relaxed), "{waiter:?} was not told");
        }
    }

    /// Once all have left, every place can be taken again, and no more.
    fn teardown(mut real: Real, model: Model) {
        real.line.clear();
        real.inside.clear();
        assert_eq!(real.gate.waiting(), 0);
        let now = real.clock.block_on(async { Instant::now() }).into_std();
        let mut places = Vec::new();
        for _ in 0..model.places_max {
            places.push(real.clock.block_on(real.gate.enter(now)).expect("a place was lost"));
        }
        assert!(real.clock.block_on(real.gate.enter(now)).is_err(), "one place too many");
    }
}

prop_state_machine! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_gate_does_what_its_model_does(sequential 1..80 => GateModel);
}
