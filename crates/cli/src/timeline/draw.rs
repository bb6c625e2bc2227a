//! A timeline as lines of text.

use unicode_width::UnicodeWidthStr as _;

use super::{Ending, Measured, Row, Timeline};
use crate::output::{Cell, Tone};
use crate::show;

/// Columns of the whole, where nobody says how many there are.
const COLUMNS_DEFAULT: usize = 100;
/// The bars are never narrower than this.
const BAR_COLUMNS_MIN: usize = 16;
/// The names are never narrower than this where they are cut for the bars.
const NAME_COLUMNS_MIN: usize = 12;
/// Between names, bars, times and endings: two spaces each.
const GAPS_COLUMNS: usize = 6;
/// The names are never wider than this.
const NAME_COLUMNS_MAX: usize = 36;

/// What bars are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Glyphs {
    /// Letters that every terminal and file has.
    Ascii,
    /// Blocks.
    Blocks,
}

impl Glyphs {
    const fn bar(self) -> char {
        match self {
            Self::Ascii => '#',
            Self::Blocks => '█',
        }
    }

    /// A moment: what took less than a column, or no time.
    const fn moment(self) -> char {
        match self {
            Self::Ascii => '|',
            Self::Blocks => '▏',
        }
    }

    const fn refused(self) -> char {
        match self {
            Self::Ascii => 'x',
            Self::Blocks => '×',
        }
    }

    const fn under(self) -> &'static str {
        match self {
            Self::Ascii => "`- ",
            Self::Blocks => "└ ",
        }
    }
}

/// The timeline, line by line; each line is pieces without spaces of their own between them.
pub(crate) fn lines(timeline: &Timeline, glyphs: Glyphs, columns_max: Option<usize>) -> Vec<Vec<Cell>> {
    let names: Vec<String> = named(&timeline.rows, glyphs);
    let endings: Vec<String> = timeline.rows.iter().map(ending).collect();
    let durations: Vec<String> = timeline.rows.iter().map(duration).collect();
    let time_columns = durations.iter().map(|text| text.width()).max().unwrap_or(0);
    let ending_columns = endings.iter().map(|text| text.width()).max().unwrap_or(0);
    let columns = columns_max.unwrap_or(COLUMNS_DEFAULT);
    let room = columns.saturating_sub(time_columns + ending_columns + GAPS_COLUMNS);
    let widest = names.iter().map(|name| name.width()).max().unwrap_or(0).min(NAME_COLUMNS_MAX);
    let name_columns = widest.min(room.saturating_sub(BAR_COLUMNS_MIN).max(NAME_COLUMNS_MIN));
    let bar_columns = room.saturating_sub(name_columns).max(BAR_COLUMNS_MIN);
    let scale = Scale { total_us: timeline.total_us.max(1), columns: bar_columns };

    let mut lines = vec![axis(&scale, name_columns)];
    for (((row, name), ending), duration) in timeline.rows.iter().zip(names).zip(endings).zip(durations) {
        let name = crate::output::fitted(&name, name_columns);
        let padding = " ".repeat(name_columns.saturating_sub(name.width()));
        let tone = tone(row.ending);
        let ending_tone = if row.ending == Ending::Ok { Tone::Good } else { tone };
        lines.push(vec![
            Cell::plain(format!("{name}{padding} ")),
            Cell::new(tone, scale.bar(row, glyphs)),
            Cell::plain(format!(" {duration:>time_columns$} ")),
            Cell::new(ending_tone, ending),
        ]);
        for used in &row.uses {
            let text = format!("{}: {}, {}", used.broker, show::count(used.uses, "use"), show::bytes(used.bytes));
            lines.push(vec![Cell::faint(format!("{}{}{text}", " ".repeat(4), glyphs.under()))]);
        }
    }
    lines
}

/// Columns for microseconds.
struct Scale {
    total_us: u64,
    columns: usize,
}

impl Scale {
    fn column(&self, at_us: u64) -> usize {
        let last = self.columns.saturating_sub(1);
        let at = u128::from(at_us) * last as u128 / u128::from(self.total_us);
        usize::try_from(at).unwrap_or(last).min(last)
    }

    /// The row's bar, padded to the whole width.
    fn bar(&self, row: &Row, glyphs: Glyphs) -> String {
        let from = self.column(row.start_us);
        let to = self.column(row.start_us.saturating_add(row.duration_us));
        let drawn: String = match (row.attempt, to - from) {
            (None, _) => glyphs.refused().to_string(),
            (Some(_), 0) => glyphs.moment().to_string(),
            (Some(_), length) => std::iter::repeat_n(glyphs.bar(), length).collect(),
        };
        let after = self.columns.saturating_sub(from + drawn.chars().count());
        format!("{}{drawn}{}", " ".repeat(from), " ".repeat(after))
    }
}

/// Zero on the left, the whole on the right.
fn axis(scale: &Scale, name_columns: usize) -> Vec<Cell> {
    let total = time(scale.total_us);
    let gap = scale.columns.saturating_sub(1 + total.width());
    vec![Cell::faint(format!("{} 0{}{total}", " ".repeat(name_columns), " ".repeat(gap)))]
}

/// A request's first row bears its id; what belongs to it stands under it.
fn named(rows: &[Row], glyphs: Glyphs) -> Vec<String> {
    let mut names = Vec::with_capacity(rows.len());
    let mut before: Option<&Row> = None;
    for row in rows {
        let same = before.is_some_and(|before| before.request_id == row.request_id);
        let head = if same { format!("  {}", glyphs.under()) } else { format!("{} ", row.request_id) };
        let same_step = same && before.is_some_and(|before| before.step == row.step);
        let name = match row.attempt {
            Some(attempt) if same_step => format!("{head}attempt {attempt}"),
            None if same_step => format!("{head}refused"),
            _ if same => format!("{head}step {} {}", row.step, row.plugin_id),
            _ => format!("{head}{}", row.plugin_id),
        };
        // Made harmless here, where its width is still to be counted.
        names.push(Cell::plain(name).text().to_owned());
        before = Some(row);
    }
    names
}

fn ending(row: &Row) -> String {
    match &row.reason {
        Some(reason) if reason != row.ending.as_str() => {
            Cell::plain(format!("{} {reason}", row.ending.as_str())).text().to_owned()
        }
        _ => row.ending.as_str().to_owned(),
    }
}

fn duration(row: &Row) -> String {
    match (row.attempt, row.measured) {
        (None, _) => "-".to_owned(),
        (Some(_), Measured::InSandbox) => time(row.duration_us),
        (Some(_), Measured::BetweenEvents) => format!("~{}", time(row.duration_us)),
    }
}

/// A length of time for people: `7 us`, `1.2 ms`, `3.4 s`, `2 m 05 s`, `1 h 02 m`.
pub(crate) fn time(us: u64) -> String {
    let tenths = |unit: u64| (us / unit, us % unit * 10 / unit);
    match us {
        0..1_000 => format!("{us} us"),
        1_000..1_000_000 => {
            let (whole, tenth) = tenths(1_000);
            format!("{whole}.{tenth} ms")
        }
        1_000_000..60_000_000 => {
            let (whole, tenth) = tenths(1_000_000);
            format!("{whole}.{tenth} s")
        }
        _ => {
            let seconds = us / 1_000_000;
            match seconds / 3_600 {
                0 => format!("{} m {:02} s", seconds / 60, seconds % 60),
                hours => format!("{hours} h {:02} m", seconds % 3_600 / 60),
            }
        }
    }
}

const fn tone(ending: Ending) -> Tone {
    match ending {
        Ending::Ok => Tone::Good,
        Ending::Rejected => Tone::Warning,
        Ending::Timeout | Ending::Error => Tone::Bad,
        Ending::Open => Tone::Faint,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::run;
    use super::*;

    fn drawn(glyphs: Glyphs, columns: Option<usize>) -> Vec<String> {
        let timeline = Timeline::of(&run()).unwrap();
        let text = |line: &Vec<Cell>| line.iter().map(Cell::text).collect::<Vec<_>>().join(" ").trim_end().to_owned();
        lines(&timeline, glyphs, columns).iter().map(text).collect()
    }

    #[test]
    fn a_run_in_letters() {
        insta::assert_snapshot!(drawn(Glyphs::Ascii, None).join("\n"));
    }

    #[test]
    fn a_run_in_blocks() {
        insta::assert_snapshot!(drawn(Glyphs::Blocks, Some(90)).join("\n"));
    }

    #[test]
    fn it_fits_a_terminal_that_has_room_for_it_and_is_harmless() {
        for columns in [80, 90, 120, 200] {
            for line in drawn(Glyphs::Blocks, Some(columns)) {
                assert!(line.width() <= columns, "{columns}: {line:?}");
                assert!(!line.contains(['\u{1b}', '\u{202e}']), "{line:?}");
            }
        }
        assert!(drawn(Glyphs::Ascii, Some(1)).iter().all(|line| line.width() < 100), "narrow, and no panic");
        assert!(drawn(Glyphs::Ascii, None).iter().all(|line| line.is_ascii() || line.contains('…')));
    }

    #[test]
    fn times() {
        let check = |us: u64, expect: &str| assert_eq!(time(us), expect);
        check(0, "0 us");
        check(999, "999 us");
        check(1_000, "1.0 ms");
        check(59_999_999, "59.9 s");
        check(60_000_000, "1 m 00 s");
        check(3_725_000_000, "1 h 02 m");
        check(u64::MAX, "5124095576 h 01 m");
    }
}
