//! A guest is called and returns.

use crate::support::wat::{Guest, LOG};
use crate::support::{call, lane, program, run, text};

#[tokio::test]
async fn a_guest_gives_back_the_text_that_it_was_given() {
    let lane = lane();
    let program = program(Guest::echo().build());
    for content in ["", "hello", "schön ✓", &"x".repeat(500_000)] {
        assert_eq!(text(&run(&lane, &program, call(content)).await), content);
    }
}

#[tokio::test]
async fn log_is_linked_for_every_program() {
    let lane = lane();
    let guest = Guest::new(
        "(call $log (i32.const 2) (local.get $content) (local.get $length)) (call $reply (i32.const 0) (i32.const 0))",
    )
    .import(LOG);
    let report = run(&lane, &program(guest.build()), call("a line")).await;
    assert_eq!(text(&report), "");
    assert_eq!(report.output_text, "warn: a line\n");
}
