//! Timings as bars, drawn in the page itself.
//!
//! The same figures stand in the table below it, for whoever cannot see them.

use maud::{Markup, html};
use unicode_width::UnicodeWidthStr as _;

use super::{ROWS_MAX, text};
use crate::output::fitted;
use crate::timeline::{Row, Timeline, time};

/// The drawing's own units.
const WIDTH: u64 = 1_100;
const ROW_HEIGHT: u64 = 22;
const BAR_HEIGHT: u64 = 12;
const AXIS_HEIGHT: u64 = 26;
const NAMES_WIDTH: u64 = 300;
const TIMES_WIDTH: u64 = 90;
/// Columns of a name, in a letter of fixed width, in the room for it.
const NAME_COLUMNS_MAX: usize = 40;
/// Lines that divide the time.
const DIVISIONS: u64 = 4;

pub(super) fn chart(timeline: &Timeline) -> Markup {
    let rows = timeline.rows.len().min(ROWS_MAX);
    let height = AXIS_HEIGHT + ROW_HEIGHT * rows as u64 + 6;
    let scale = Scale { total_us: timeline.total_us.max(1) };
    html! {
        div class="chart" role="region" aria-label="Timings" tabindex="0" {
            svg viewBox=(format!("0 0 {WIDTH} {height}")) role="img" aria-labelledby="chart-title" {
                title id="chart-title" { "When each call ran and how long; the table below has the same figures" }
                @for division in 0..=DIVISIONS {
                    @let x = NAMES_WIDTH + Scale::WIDTH * division / DIVISIONS;
                    line class="grid" x1=(x) y1=(AXIS_HEIGHT - 6) x2=(x) y2=(height) {}
                    text class="axis" x=(x) y="14" text-anchor=(anchor(division)) {
                        (time(timeline.total_us / DIVISIONS * division))
                    }
                }
                @for (row, y) in timeline.rows.iter().take(ROWS_MAX).zip((AXIS_HEIGHT..).step_by(22)) {
                    (bar(row, y, &scale))
                }
            }
        }
    }
}

const fn anchor(division: u64) -> &'static str {
    match division {
        0 => "start",
        DIVISIONS => "end",
        _ => "middle",
    }
}

fn bar(row: &Row, y: u64, scale: &Scale) -> Markup {
    let from = scale.x(row.start_us);
    let to = scale.x(row.start_us.saturating_add(row.duration_us));
    let ending = row.ending.as_str();
    let name = fitted(&named(row), NAME_COLUMNS_MAX);
    debug_assert!(name.width() <= NAME_COLUMNS_MAX, "names stay out of the bars");
    html! {
        g {
            title { (named(row)) ": " (ending) ", " (time(row.duration_us)) }
            text x="0" y=(y + BAR_HEIGHT) { (name) }
            // Thin as it may be, it is seen.
            rect class=(format!("bar-{ending}")) x=(NAMES_WIDTH + from) y=(y + 3) width=((to - from).max(2))
                height=(BAR_HEIGHT) rx="2" {}
            text class="axis" x=(WIDTH) y=(y + BAR_HEIGHT) text-anchor="end" {
                @if row.attempt.is_some() { (time(row.duration_us)) } @else { (ending) }
            }
        }
    }
}

fn named(row: &Row) -> String {
    let step = if row.step == 0 { String::new() } else { format!(" step {}", row.step) };
    let attempt = match row.attempt {
        Some(attempt) if attempt > 1 => format!(" attempt {attempt}"),
        _ => String::new(),
    };
    text(format!("{} {}{step}{attempt}", row.plugin_id, row.request_id))
}

struct Scale {
    total_us: u64,
}

impl Scale {
    const WIDTH: u64 = WIDTH - NAMES_WIDTH - TIMES_WIDTH;

    fn x(&self, at_us: u64) -> u64 {
        let at = u128::from(at_us) * u128::from(Self::WIDTH) / u128::from(self.total_us);
        u64::try_from(at).unwrap_or(Self::WIDTH).min(Self::WIDTH)
    }
}
