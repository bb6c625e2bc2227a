//! `omega`: the OMEGA Plugin Gateway on a command line.
//!
//! A thin shell over [`omega_gateway`]: it reads arguments and files, calls the library and shows what came of it.
//! What never happens here: a decision about trust, a way around the gateway, or plugin code in this process
//! outside a sandbox.

mod arguments;
mod embedded;
mod fault;
mod input;
mod new_file;
mod output;
mod session;
mod show;
mod verbs;

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::Arguments;
use crate::fault::Exit;
use crate::output::Output;
use crate::session::Session;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are no errors; a closed stream is nobody's.
            let _ = error.print();
            return exit_code(if error.use_stderr() { Exit::Usage } else { Exit::Done });
        }
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

fn exit_code(exit: Exit) -> ExitCode {
    ExitCode::from(exit as u8)
}
