//! `omega man`: the manual, made from the same words as `--help`.

use std::fs;
use std::path::PathBuf;

use clap::{Args, Command, CommandFactory as _};
use clap_mangen::Man as Page;
use omega_gateway::contract::ErrorCode;

use crate::arguments::Arguments;
use crate::fault::{Exit, Fault};
use crate::output::{Cell, Output};
use crate::show;

/// Print the manual page, or write one page per verb into a folder
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega man | man -l -\n  omega man --dir ~/.local/share/man/man1")]
pub(crate) struct Man {
    /// Write every page into this folder, which is made where it is missing
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Man {
    pub(super) fn run(self, output: &mut Output) -> Result<Exit, Fault> {
        let mut command = Arguments::command();
        // Fills in the full names and the global options of every verb.
        command.build();
        let Some(folder) = self.dir else {
            output.write(&page(command)?)?;
            return Ok(Exit::Done);
        };
        fs::create_dir_all(&folder).map_err(|error| Fault::file(&folder, &error))?;
        let mut pages = Vec::new();
        pages_of(command, &mut pages)?;
        for (name, text) in &pages {
            let file = folder.join(name);
            fs::write(&file, text).map_err(|error| Fault::file(&file, &error))?;
        }
        output.note([Cell::plain(format!("{} in {}", show::count(pages.len(), "page"), folder.display()))]);
        Ok(Exit::Done)
    }
}

/// The page of a command and of every verb below it, with the names of their files.
fn pages_of(command: Command, pages: &mut Vec<(String, Vec<u8>)>) -> Result<(), Fault> {
    for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help") {
        pages_of(verb.clone(), pages)?;
    }
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
    pages.push((format!("{name}.1"), page(command)?));
    Ok(())
}

fn page(command: Command) -> Result<Vec<u8>, Fault> {
    let mut text = Vec::new();
    Page::new(command).render(&mut text).map_err(|error| Fault::new(ErrorCode::Io).because(error))?;
    Ok(text)
}
