//! Hostile: looks for anything of the host that it can see or touch, and reports it. What it must find: nothing, and clocks
//! that stand still, since it is declared deterministic.

mod attempts;

use std::{
    env,
    hash::{BuildHasher as _, RandomState},
    io::{self, Read as _},
    time::{Instant, SystemTime},
};

use omega_plugin::{Json, JsonPayload, Refusal, Text, plugin};
use serde::Serialize;

#[derive(Serialize)]
struct Seen {
    variables: Vec<String>,
    arguments: Vec<String>,
    stdin: String,
    current_dir: String,
    wall_clock_ns: [String; 2],
    monotonic_elapsed_ns: String,
    random: [String; 2],
    /// What was attempted, and what came of it.
    attempts: Vec<attempts::Attempt>,
}

impl JsonPayload for Seen {
    const SCHEMA_REF: &'static str = "omega:hostile-env-probe:output:report:v1.0.0";
}

#[plugin]
fn handle(_: Text) -> Result<Json<Seen>, Refusal> {
    let started = Instant::now();
    let first = wall_clock_ns();
    let attempts = attempts::all();
    let mut stdin = String::new();
    if let Err(error) = io::stdin().read_to_string(&mut stdin) {
        stdin = format!("refused: {error}");
    }
    Ok(Json::new(Seen {
        variables: env::vars().map(|(name, value)| format!("{name}={value}")).collect(),
        arguments: env::args().collect(),
        stdin,
        current_dir: env::current_dir()
            .map_or_else(|error| format!("refused: {error}"), |dir| dir.display().to_string()),
        wall_clock_ns: [first, wall_clock_ns()],
        monotonic_elapsed_ns: started.elapsed().as_nanos().to_string(),
        random: [RandomState::new().hash_one(1).to_string(), RandomState::new().hash_one(1).to_string()],
        attempts,
    }))
}

fn wall_clock_ns() -> String {
    match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
        Ok(age) => age.as_nanos().to_string(),
        Err(before) => format!("-{}", before.duration().as_nanos()),
    }
}
