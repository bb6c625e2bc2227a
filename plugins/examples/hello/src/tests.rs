//! The plugin's function under the SDK's harness.

use crate::{NAME_CHARS_MAX, handle};
use omega_plugin::{
    Text,
    testing::{Request, run},
};

#[test]
fn greets_by_name() {
    assert_eq!(run(handle, Request::text("OMEGA")).text(), "Hello, OMEGA!");
    assert_eq!(run(handle, Request::text("  Ada\n")).text(), "Hello, Ada!");
}

#[test]
fn greets_in_other_words() {
    let ada = Text::new("Ada").with_metadata("greeting", "Good morning");
    assert_eq!(run(handle, Request::of(ada)).text(), "Good morning, Ada!");
}

#[test]
fn declines_what_is_no_name() {
    assert_eq!(run(handle, Request::text(" \t")).refusal().code, "no_name");
    let longest = "n".repeat(NAME_CHARS_MAX);
    assert_eq!(run(handle, Request::text(&longest)).text(), format!("Hello, {longest}!"));
    let refused = run(handle, Request::text(longest + "n"));
    assert_eq!(refused.refusal().code, "name_too_long");
}

#[test]
fn answers_its_examples() {
    let answer = |file: &str| run(handle, Request::from_file(file)).text().to_owned();
    assert_eq!(answer("examples/world.json"), "Hello, world!");
    assert_eq!(answer("examples/greeting.json"), "Grüß Gott, Ada Lovelace!");
}
