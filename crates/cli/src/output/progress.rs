//! Where long work stands, on a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// A bar, a spinner, or nothing.
#[derive(Debug)]
pub(crate) struct Progress(Option<ProgressBar>);

/// How often a spinner turns.
const TURN_INTERVAL: Duration = Duration::from_millis(120);

impl Progress {
    /// Nothing to see.
    pub(super) const fn hidden() -> Self {
        Self(None)
    }

    /// A bar where the total is known, else a spinner; with the rate.
    pub(super) fn shown(what: &'static str, total: Option<u64>) -> Self {
        let (bar, template) = match total {
            Some(total) => {
                (ProgressBar::new(total), "{msg} {bar:30} {human_pos}/{human_len}  {per_sec}  {eta} left")
            }
            None => (ProgressBar::new_spinner(), "{spinner} {msg} {human_pos}  {per_sec}"),
        };
        // The templates are ours and known to be right; a bar without one would still be a bar.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(what);
        bar.enable_steady_tick(TURN_INTERVAL);
        Self(Some(bar))
    }

    /// So much is done.
    pub(crate) fn at(&self, position: u64) {
        if let Some(bar) = &self.0 {
            bar.set_position(position);
        }
    }

    /// So much is to be done.
    pub(crate) fn of(&self, total: u64) {
        if let Some(bar) = &self.0 {
            bar.set_length(total);
        }
    }

    /// One more is done.
    pub(crate) fn step(&self) {
        if let Some(bar) = &self.0 {
            bar.inc(1);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
