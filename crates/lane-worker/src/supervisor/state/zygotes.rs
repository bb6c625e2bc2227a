//! The lives of zygotes: begun with the first call of a program, ended when nobody needs them, gone with the helper.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::super::link::{self, open};
use super::{State, Zygote};
use crate::messages::{Ask, Failure, Number};
use crate::worker::Worker;

/// A helper that ended is not started again sooner.
const RESTART_PAUSE: Duration = Duration::from_secs(1);

impl State {
    pub(super) fn start_zygote(&mut self, number: Number) {
        self.make_room();
        if self.link.is_none() {
            self.start_helper();
        }
        let Some(entry) = self.programs.get_mut(&number) else { return };
        self.numbers += 1;
        let zygote = self.numbers;
        entry.zygote = Some(zygote);
        let started = entry.program.memory_file();
        let (began, why) = match started {
            Ok(content) => (self.ask(&Ask::StartZygote { zygote }, Some(content)), "it is gone".to_owned()),
            Err(error) => (false, error.to_string()),
        };
        if began {
            let fresh = Zygote { program: number, is_ready: false, since: Instant::now(), made: 0, living: 0 };
            self.zygotes.insert(zygote, fresh);
        } else {
            let failure = Failure::new("helper process", why);
            self.fail_all(number, &failure);
        }
    }

    /// Ends the zygote that was not needed for longest where there are as many as there may be.
    fn make_room(&mut self) {
        if self.zygotes.len() < self.options.zygotes_max {
            return;
        }
        let idle = self
            .programs
            .iter()
            .filter(|(_, entry)| entry.zygote.is_some() && entry.waiting.is_empty() && entry.making == 0)
            .min_by_key(|(_, entry)| entry.last_used)
            .map(|(number, _)| *number);
        if let Some(number) = idle {
            self.cool(number);
        }
    }

    pub(super) fn zygote_ended(&mut self, zygote: Number, failure: &Failure) {
        let Some(ended) = self.zygotes.remove(&zygote) else { return };
        let Some(entry) = self.programs.get_mut(&ended.program) else { return };
        let gone: VecDeque<Worker> = {
            let mut ready = entry.program.ready.lock().unwrap_or_else(PoisonError::into_inner);
            let (living, gone) = ready.drain(..).partition(Worker::lives);
            *ready = living;
            gone
        };
        let was_current = entry.zygote == Some(zygote);
        for worker in gone {
            // The helper says that it knows none of this number, and so it is forgotten here, too.
            self.ask(&Ask::EndWorker { worker: worker.number }, None);
        }
        let Some(entry) = self.programs.get_mut(&ended.program) else { return };
        if was_current {
            entry.zygote = None;
            if ended.is_ready {
                self.refill_if_wanted(ended.program);
            } else {
                self.fail_all(ended.program, failure);
            }
        }
    }

    pub(super) fn forget(&mut self, number: Number) {
        self.cool(number);
        if let Some(entry) = self.programs.remove(&number)
            && let Some(zygote) = entry.zygote
        {
            // It goes with its last worker; without one it goes now.
            if self.zygotes.get(&zygote).is_some_and(|found| found.living == 0) {
                self.ask(&Ask::StopZygote { zygote }, None);
            }
        }
    }

    /// Lets a program's waiting workers and its zygote go; calls in flight finish.
    fn cool(&mut self, number: Number) {
        let Some(entry) = self.programs.get_mut(&number) else { return };
        entry.warm = 1;
        let waiting: Vec<Worker> =
            entry.program.ready.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect();
        let zygote = entry.zygote.take();
        for worker in waiting {
            self.ask(&Ask::EndWorker { worker: worker.number }, None);
        }
        if let Some(zygote) = zygote
            && self.zygotes.get(&zygote).is_some_and(|found| found.living == 0)
        {
            self.ask(&Ask::StopZygote { zygote }, None);
        }
    }

    pub(super) fn look(&mut self) {
        let idle: Vec<Number> = self
            .programs
            .iter()
            .filter(|(_, entry)| {
                entry.zygote.is_some()
                    && entry.waiting.is_empty()
                    && entry.making == 0
                    && entry.last_used.elapsed() >= self.options.idle_max
            })
            .map(|(number, _)| *number)
            .collect();
        for number in idle {
            self.cool(number);
        }
        // What was cooled and never used again is not kept in mind.
        self.programs.retain(|_, entry| {
            let is_used = entry.zygote.is_some() || !entry.waiting.is_empty() || entry.making > 0;
            is_used || Arc::strong_count(&entry.program) > 1
        });
    }

    fn start_helper(&mut self) {
        if self.last_start.elapsed() < RESTART_PAUSE {
            return;
        }
        self.last_start = Instant::now();
        if let Ok((link, _)) = link::start(&self.options.helper, &self.options.begin()) {
            self.link = open(link).ok();
        }
    }

    /// The helper is gone, and with it every zygote and worker.
    pub(super) fn helper_ended(&mut self) {
        self.link = None;
        self.unsent.clear();
        self.zygotes.clear();
        self.workers.clear();
        let failure = Failure::new("helper process", "it ended");
        let programs: Vec<Number> = self.programs.keys().copied().collect();
        for number in programs {
            if let Some(entry) = self.programs.get_mut(&number) {
                entry.making = 0;
                entry.program.ready.lock().unwrap_or_else(PoisonError::into_inner).clear();
            }
            self.fail_all(number, &failure);
        }
    }
}
