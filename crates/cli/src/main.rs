//! `omega`: the OMEGA Plugin Gateway on a command line.
//!
//! A thin shell over [`omega_gateway`]: it reads arguments and files, calls the library and shows what came of it.
//! What never happens here: a decision about trust, a way around the gateway, or plugin code in this process
//! outside a sandbox.

mod arguments;
mod embedded;
mod fault;
mod input;
mod misuse;
mod new_file;
mod output;
mod page;
mod session;
mod show;
mod timeline;
mod verbs;
mod vkey;

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::Arguments;
use crate::fault::Exit;
use crate::misuse::Misuse;
use crate::output::Output;
use crate::session::Session;

/// glibc keeps an arena for every thread that it met under load and gives little of it back: a server grew by 90 MiB in
/// ten minutes. See decision 20.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    omega_gateway::become_helper_if_asked();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return refuse(error),
    };
    let mut output = Output::new(arguments.globals.form(), arguments.globals.chatter());
    let session = Session::new(&arguments.globals, output.notes());
    match verbs::run(arguments.verb, &session, &mut output) {
        Ok(exit) => exit_code(exit),
        Err(fault) => {
            output.fault(&fault);
            exit_code(fault.exit_code())
        }
    }
}

/// Help and version are done with; all else that clap does not take is wrong usage.
fn refuse(error: clap::Error) -> ExitCode {
    let exit = if error.use_stderr() { Exit::Usage } else { Exit::Done };
    if let Some(misuse) = Misuse::of(error) {
        let (form, chatter) = misuse::asked_for(std::env::args_os());
        Output::new(form, chatter).fault(&misuse.fault());
    }
    exit_code(exit)
}

fn exit_code(exit: Exit) -> ExitCode {
    ExitCode::from(exit as u8)
}
