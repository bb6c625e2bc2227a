//! Charts in SVG: panels side by side, sizes along x, a logarithmic y. Readable on light and on dark.

use std::fmt::Write as _;

use crate::figures::figure;

const PANEL: f64 = 290.0;
const HEIGHT: f64 = 250.0;
const LEFT: f64 = 62.0;
const TOP: f64 = 54.0;
const COLOURS: [&str; 6] = ["#2f81f7", "#8957e5", "#e5534b", "#c69026", "#57ab5a", "#909dab"];

/// One line: a value for each size.
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) values: Vec<f64>,
}

/// One panel of lines.
pub(crate) struct Panel {
    pub(crate) title: String,
    /// What stands below it, such as ratios size by size.
    pub(crate) note: String,
    pub(crate) lines: Vec<Line>,
}

/// A whole chart. Every panel has the lines of the first one, in its order.
pub(crate) fn chart(title: &str, unit: &str, sizes: &[&str], panels: &[Panel]) -> String {
    let values = || panels.iter().flat_map(|panel| &panel.lines).flat_map(|line| &line.values).filter(|it| **it > 0.0);
    let low = values().fold(f64::INFINITY, |a, b| a.min(*b)).log10().floor();
    let high = values().fold(0.0_f64, |a, b| a.max(*b)).log10().ceil().max(low + 1.0);
    let names: Vec<_> = panels.first().into_iter().flat_map(|panel| &panel.lines).map(|line| &line.name).collect();
    let width = LEFT + (PANEL + 24.0) * panels.len() as f64;
    let height = TOP + HEIGHT + 80.0 + 18.0 * names.len().div_ceil(panels.len().max(1)) as f64;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
         font-family=\"system-ui,sans-serif\" font-size=\"12\">\n<title>{}</title>\n<style>\
         text{{fill:#1f2328}}line{{stroke:#8c959f;stroke-opacity:.4}}.bg{{fill:#fff}}\
         @media(prefers-color-scheme:dark){{text{{fill:#e6edf3}}.bg{{fill:#0d1117}}}}</style>\n\
         <rect class=\"bg\" width=\"100%\" height=\"100%\" rx=\"6\"/>\n",
        escaped(title)
    );
    let mut say = |text: String| out.push_str(&text);
    say(format!("<text x=\"{LEFT}\" y=\"22\" font-size=\"15\" font-weight=\"600\">{}</text>\n", escaped(title)));
    let y_of = |value: f64| TOP + HEIGHT * (1.0 - (value.log10() - low) / (high - low));
    say(format!(
        "<text x=\"14\" y=\"{0}\" transform=\"rotate(-90 14 {0})\" text-anchor=\"middle\">{unit}</text>\n",
        TOP + HEIGHT / 2.0
    ));
    for (index, panel) in panels.iter().enumerate() {
        let left = LEFT + (PANEL + 24.0) * index as f64;
        let x_of = |at: usize| left + PANEL * (at as f64 + 0.5) / sizes.len() as f64;
        say(format!(
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\" font-weight=\"600\">{}</text>\n",
            left + PANEL / 2.0,
            TOP - 8.0,
            escaped(&panel.title)
        ));
        let mut power = low;
        while power <= high {
            let y = y_of(10_f64.powf(power));
            say(format!("<line x1=\"{left}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\n", left + PANEL));
            if index == 0 {
                let label = whole(power);
                say(format!("<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>\n", left - 6.0, y + 4.0));
            }
            power += 1.0;
        }
        for (at, size) in sizes.iter().enumerate() {
            let y = TOP + HEIGHT + 18.0;
            say(format!("<text x=\"{:.1}\" y=\"{y}\" text-anchor=\"middle\">{size}</text>\n", x_of(at)));
        }
        say(format!(
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">bytes of input</text>\n",
            left + PANEL / 2.0,
            TOP + HEIGHT + 36.0
        ));
        say(format!(
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\" font-size=\"11\">{}</text>\n",
            left + PANEL / 2.0,
            TOP + HEIGHT + 54.0,
            escaped(&panel.note)
        ));
        for (line, colour) in panel.lines.iter().zip(COLOURS) {
            let points: Vec<_> = line
                .values
                .iter()
                .enumerate()
                .filter(|(_, value)| **value > 0.0)
                .map(|(at, value)| (x_of(at), y_of(*value), *value))
                .collect();
            let path: String = points.iter().map(|(x, y, _)| format!("{x:.1},{y:.1} ")).collect();
            say(format!(
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\n",
                path.trim_end()
            ));
            for (x, y, value) in points {
                say(format!(
                    "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{colour}\"><title>{}: {} {unit}</title></circle>\n",
                    escaped(&line.name),
                    figure(value)
                ));
            }
        }
    }
    for (index, (name, colour)) in names.iter().zip(COLOURS).enumerate() {
        let (x, y) = (
            LEFT + (PANEL + 24.0) * (index % panels.len()) as f64,
            TOP + HEIGHT + 80.0 + 18.0 * (index / panels.len()) as f64,
        );
        say(format!("<circle cx=\"{}\" cy=\"{}\" r=\"5\" fill=\"{colour}\"/>\n", x + 5.0, y - 4.0));
        say(format!("<text x=\"{}\" y=\"{y}\">{}</text>\n", x + 16.0, escaped(name)));
    }
    out.push_str("</svg>\n");
    out
}

/// A power of ten as people write it.
fn whole(power: f64) -> String {
    let value = 10_f64.powf(power);
    let mut text = String::new();
    let written = if value >= 1_000_000.0 {
        write!(text, "{} M", value / 1e6)
    } else if value >= 1_000.0 {
        write!(text, "{} k", value / 1e3)
    } else {
        write!(text, "{value}")
    };
    written.expect("a String takes everything");
    text
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
