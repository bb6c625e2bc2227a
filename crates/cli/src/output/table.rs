//! Aligned columns that fit a terminal.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::cell::Cell;
use super::style::{Colour, Tone};
use super::untrusted;

/// Spaces between two columns.
const GAP_COLUMNS: usize = 2;
/// A column is not made narrower than this to fit a terminal.
const NARROWEST_COLUMNS: usize = 12;

/// On which side a column's text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// Rows under a header.
#[derive(Debug)]
pub(crate) struct Table {
    header: Vec<(&'static str, Side)>,
    rows: Vec<Vec<Cell>>,
    cut: Cut,
}

/// What happens to a table that is wider than the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// Its widest columns are cut.
    ToFit,
    /// The terminal wraps it: every word counts.
    Never,
}

impl Table {
    /// A table with these columns.
    pub(crate) fn new(header: impl IntoIterator<Item = (&'static str, Side)>) -> Self {
        Self { header: header.into_iter().collect(), rows: Vec::new(), cut: Cut::ToFit }
    }

    /// A table whose columns are all text.
    pub(crate) fn of_text(header: impl IntoIterator<Item = &'static str>) -> Self {
        Self::new(header.into_iter().map(|name| (name, Side::Left)))
    }

    /// The same table, never cut to fit a terminal.
    #[must_use]
    pub(crate) fn uncut(mut self) -> Self {
        self.cut = Cut::Never;
        self
    }

    /// Adds a row; cells beyond the header are not shown.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The table as lines; a terminal of `columns_max` columns cuts what is too wide.
    pub(crate) fn lines(&self, colour: Colour, columns_max: Option<usize>) -> Vec<String> {
        let widths = self.widths(columns_max.filter(|_| self.cut == Cut::ToFit));
        let head: Vec<Cell> = self.header.iter().map(|(name, _)| Cell::faint(name)).collect();
        std::iter::once(&head).chain(&self.rows).map(|row| self.line(row, &widths, colour)).collect()
    }

    fn widths(&self, columns_max: Option<usize>) -> Vec<usize> {
        let mut widths: Vec<usize> = self.header.iter().map(|(name, _)| name.width()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.text().width());
            }
        }
        let Some(columns_max) = columns_max else { return widths };
        let gaps = GAP_COLUMNS * widths.len().saturating_sub(1);
        loop {
            let total = widths.iter().sum::<usize>() + gaps;
            let over = total.saturating_sub(columns_max);
            let Some(widest) = widths.iter_mut().max().filter(|width| **width > NARROWEST_COLUMNS) else { break };
            if over == 0 {
                break;
            }
            *widest = widest.saturating_sub(over.min(*widest / 4).max(1)).max(NARROWEST_COLUMNS);
        }
        widths
    }

    fn line(&self, row: &[Cell], widths: &[usize], colour: Colour) -> String {
        let mut line = String::new();
        let mut pending_spaces = 0;
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            let text = fitted(cell.text(), *width);
            let padding = width.saturating_sub(text.width());
            let right = self.header.get(column).is_some_and(|(_, side)| *side == Side::Right);
            let (before, after) = if right { (padding, 0) } else { (0, padding) };
            if !text.is_empty() {
                line.extend(std::iter::repeat_n(' ', pending_spaces + before));
                line.push_str(&colour.paint(cell.tone(), &text));
                pending_spaces = 0;
            }
            // Spaces are written only where text follows, so that no line ends in them.
            pending_spaces += after + GAP_COLUMNS + if text.is_empty() { before } else { 0 };
        }
        line
    }
}

/// Label and value, one pair a line, values aligned.
pub(crate) fn pairs(fields: &[(&str, Cell)], colour: Colour, indent: usize) -> Vec<String> {
    // Labels come from outside too: the names in an event's `meta`, say.
    let fields: Vec<_> = fields.iter().map(|(label, value)| (untrusted::one_line(label), value)).collect();
    let widest = fields.iter().map(|(label, _)| label.width()).max().unwrap_or(0);
    let line = |(label, value): &(Cow<'_, str>, &Cell)| {
        let padding = " ".repeat(widest.saturating_sub(label.width()) + GAP_COLUMNS);
        let value = colour.paint(value.tone(), value.text());
        format!("{}{}{padding}{value}", " ".repeat(indent), colour.paint(Tone::Faint, label)).trim_end().to_owned()
    };
    fields.iter().map(line).collect()
}

/// `text` in at most `columns_max` columns, its end cut off visibly.
pub(crate) fn fitted(text: &str, columns_max: usize) -> String {
    if text.width() <= columns_max {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut columns = 1; // of the ellipsis
    for c in text.chars() {
        columns += c.width().unwrap_or(0);
        if columns > columns_max {
            break;
        }
        kept.push(c);
    }
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new([("NAME", Side::Left), ("SIZE", Side::Right), ("NOTE", Side::Left)]);
        table.row(["a".into(), "12345".into(), "".into()]);
        table.row(["漢字".into(), "7".into(), "a rather long note that goes on".into()]);
        table
    }

    #[test]
    fn columns_line_up_by_what_a_terminal_shows() {
        let expect = ["NAME   SIZE  NOTE", "a     12345", "漢字      7  a rather long note that goes on"];
        assert_eq!(table().lines(Colour::Off, None), expect);
    }

    #[test]
    fn a_narrow_terminal_cuts_the_widest_column_first() {
        for columns_max in [30, 36, 44] {
            for line in table().lines(Colour::Off, Some(columns_max)) {
                assert!(line.width() <= columns_max, "{columns_max}: {line:?}");
            }
        }
        assert!(table().lines(Colour::Off, Some(30))[2].ends_with('…'));
        assert_eq!(table().uncut().lines(Colour::Off, Some(30)), table().lines(Colour::Off, None));
    }

    #[test]
    fn text_is_cut_by_columns() {
        let check = |text: &str, columns_max: usize, expect: &str| assert_eq!(fitted(text, columns_max), expect);
        check("abcdef", 6, "abcdef");
        check("abcdefg", 6, "abcde…");
        check("漢字漢字", 6, "漢字…");
    }

    #[test]
    fn labels_line_up() {
        let fields = [("id", Cell::plain("x")), ("version", Cell::plain("1.0.0"))];
        assert_eq!(pairs(&fields, Colour::Off, 2), ["  id       x", "  version  1.0.0"]);
        assert_eq!(pairs(&[("\u{1b}[2J", Cell::plain("x"))], Colour::Off, 0), ["\\u{1b}[2J  x"]);
    }
}
