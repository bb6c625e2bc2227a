//! Where long work stands, on a terminal.

use std::cell::Cell;
use std::time::{Duration, Instant};

use super::untrusted;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar, a spinner, or nothing. It is not seen before the work has taken a moment.
#[derive(Debug)]
pub(crate) struct Progress(Option<Shown>);

#[derive(Debug)]
struct Shown {
    bar: ProgressBar,
    began: Instant,
    seen: Cell<bool>,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    /// Pieces of work.
    Things,
    /// Bytes.
    Bytes,
    /// A share of a whole that is [`Self::WHOLE`].
    Share,
}

impl Counted {
    /// All of what a share is of.
    pub(crate) const WHOLE: u64 = 1_000;

    /// A share from 0 to 1 in such parts.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "clamped to the whole"
    )]
    pub(crate) fn share(of_one: f64) -> u64 {
        (of_one.clamp(0.0, 1.0) * Self::WHOLE as f64) as u64
    }
}

/// Work that ends sooner shows no bar.
const PATIENCE: Duration = Duration::from_millis(300);
/// How often a spinner turns.
const TURN_INTERVAL: Duration = Duration::from_millis(120);

impl Progress {
    /// Nothing to see.
    pub(super) const fn hidden() -> Self {
        Self(None)
    }

    /// A bar where the total is known, else a spinner; with the rate.
    pub(super) fn shown(what: &'static str, counted: Counted, total: Option<u64>) -> Self {
        let template = match (counted, total) {
            (Counted::Things, Some(_)) => "{msg} {bar:30} {human_pos}/{human_len}  {per_sec}  {eta} left",
            (Counted::Bytes, Some(_)) => "{msg} {bar:30} {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left",
            (Counted::Share, _) => "{bar:30} {percent:>3} %  {msg}",
            (Counted::Things, None) => "{spinner} {msg} {human_pos}  {per_sec}",
            (Counted::Bytes, None) => "{spinner} {msg} {bytes}  {bytes_per_sec}",
        };
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::hidden());
        // The templates are ours and known to be right; a bar without one would still be a bar.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(what);
        Self(Some(Shown { bar, began: Instant::now(), seen: Cell::new(false) }))
    }

    /// So much is done.
    pub(crate) fn at(&self, position: u64) {
        self.with(|bar| bar.set_position(position));
    }

    /// So much is to be done.
    pub(crate) fn of(&self, total: u64) {
        self.with(|bar| bar.set_length(total));
    }

    /// What is being done now; text of anybody's.
    pub(crate) fn says(&self, what: &str) {
        self.with(|bar| bar.set_message(untrusted::one_line(what).into_owned()));
    }

    /// One more is done.
    pub(crate) fn step(&self) {
        self.with(|bar| bar.inc(1));
    }

    fn with(&self, change: impl FnOnce(&ProgressBar)) {
        let Some(shown) = &self.0 else { return };
        change(&shown.bar);
        if !shown.seen.get() && shown.began.elapsed() > PATIENCE {
            shown.seen.set(true);
            shown.bar.set_draw_target(ProgressDrawTarget::stderr());
            shown.bar.enable_steady_tick(TURN_INTERVAL);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(shown) = &self.0 {
            shown.bar.finish_and_clear();
        }
    }
}
