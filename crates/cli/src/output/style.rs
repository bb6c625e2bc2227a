//! What a piece of text means, and how a terminal shows it.

use anstyle::{AnsiColor, Style};

/// What a piece of text means. Colour is the only thing that differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Tone {
    /// Nothing special.
    #[default]
    Plain,
    /// What one looks for first.
    Strong,
    /// What is there for completeness.
    Faint,
    /// It went well.
    Good,
    /// It went well, but.
    Warning,
    /// It did not.
    Bad,
    /// Something to type or to name.
    Name,
}

impl Tone {
    const fn style(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Strong => Style::new().bold(),
            Self::Faint => Style::new().dimmed(),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Warning => AnsiColor::Yellow.on_default(),
            Self::Bad => AnsiColor::Red.on_default().bold(),
            Self::Name => AnsiColor::Cyan.on_default(),
        }
    }
}

/// Whether a stream is shown in colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colour {
    /// It is a terminal and nobody objected.
    On,
    /// It is not, or somebody did.
    Off,
}

impl Colour {
    /// Colour on a terminal only, and never where `NO_COLOR` is set (no-color.org) or the terminal is dumb.
    pub(crate) fn of(stream: &impl std::io::IsTerminal) -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        if stream.is_terminal() && !set("NO_COLOR") && !dumb { Self::On } else { Self::Off }
    }

    /// `text` as this stream shows it. The text must be harmless already.
    pub(crate) fn paint(self, tone: Tone, text: &str) -> String {
        let style = tone.style();
        if self == Self::Off || style.is_plain() || text.is_empty() {
            return text.to_owned();
        }
        format!("{style}{text}{style:#}")
    }
}
