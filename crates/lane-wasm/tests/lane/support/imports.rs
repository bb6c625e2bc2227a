//! What guests import, as component text. Each lowers its functions and hands them to the core module
//! as `(import "host" …)`.

use super::wat::Import;

/// `$log`: level, address, length.
pub(crate) const LOG: Import = Import {
    component: r#"
  (import "omega:plugin/log@1.0.0" (instance $log
    (type $level' (enum "debug" "info" "warn" "error"))
    (export "level" (type $level (eq $level')))
    (export "write" (func (param "level" $level) (param "message" string)))))
  (alias export $log "write" (func $log-write))
  (core func $log-core (canon lower (func $log-write) (memory $memory)))"#,
    given: r#"(export "log" (func $log-core))"#,
    core: r#"(import "host" "log" (func $log (param i32 i32 i32)))"#,
};

/// `omega:plugin/broker`, for those that follow.
pub(crate) const BROKER: Import = Import {
    component: r#"
  (import "omega:plugin/broker@1.0.0" (instance $broker
    (type $error' (variant (case "denied" string) (case "unknown" string) (case "hash-mismatch" string)
      (case "limit-exceeded" string) (case "failed" string)))
    (export "broker-error" (type (eq $error')))))
  (alias export $broker "broker-error" (type $broker-error))"#,
    given: "",
    core: "",
};

/// `$size`: address and length of the id, address of the result (tag at 0; value at 8, or the error's tag
/// at 8, text at 12 and 16). `$read`: id, offset, length, address of the result (tag at 0, list at 4 and 8,
/// or the error's tag at 4, text at 8 and 12).
pub(crate) const ARTIFACTS: Import = Import {
    component: r#"
  (import "omega:plugin/artifacts@1.0.0" (instance $artifacts
    (alias outer 1 $broker-error (type $error'))
    (export "broker-error" (type $error (eq $error')))
    (export "size" (func (param "artifact-id" string) (result (result u64 (error $error)))))
    (export "read" (func (param "artifact-id" string) (param "offset" u64) (param "length" u32)
      (result (result (list u8) (error $error)))))))
  (alias export $artifacts "size" (func $artifacts-size))
  (alias export $artifacts "read" (func $artifacts-read))
  (core func $size-core (canon lower (func $artifacts-size) (memory $memory) (realloc $realloc)))
  (core func $read-core (canon lower (func $artifacts-read) (memory $memory) (realloc $realloc)))"#,
    given: r#"(export "size" (func $size-core)) (export "read" (func $read-core))"#,
    core: r#"
    (import "host" "size" (func $size (param i32 i32 i32)))
    (import "host" "read" (func $read (param i32 i32 i64 i32 i32)))"#,
};

/// `$count`: address of the result (tag at 0, value at 8). `$rows`: first, most, address of the result
/// (tag at 0, list at 4 and 8).
pub(crate) const DATASETS: Import = Import {
    component: r#"
  (import "omega:plugin/datasets@1.0.0" (instance $datasets
    (alias outer 1 $broker-error (type $error'))
    (export "broker-error" (type $error (eq $error')))
    (export "count" (func (result (result u64 (error $error)))))
    (export "read" (func (param "first" u64) (param "max-rows" u32)
      (result (result (list string) (error $error)))))))
  (alias export $datasets "count" (func $datasets-count))
  (alias export $datasets "read" (func $datasets-read))
  (core func $count-core (canon lower (func $datasets-count) (memory $memory) (realloc $realloc)))
  (core func $rows-core (canon lower (func $datasets-read) (memory $memory) (realloc $realloc)))"#,
    given: r#"(export "count" (func $count-core)) (export "rows" (func $rows-core))"#,
    core: r#"
    (import "host" "count" (func $count (param i32)))
    (import "host" "rows" (func $rows (param i64 i32 i32)))"#,
};

/// `$environment`, `$arguments`: address of a list's address and length. `$cwd`: address of an option.
pub(crate) const ENVIRONMENT: Import = Import {
    component: r#"
  (import "wasi:cli/environment@0.2.0" (instance $environment
    (export "get-environment" (func (result (list (tuple string string)))))
    (export "get-arguments" (func (result (list string))))
    (export "initial-cwd" (func (result (option string))))))
  (alias export $environment "get-environment" (func $get-environment))
  (alias export $environment "get-arguments" (func $get-arguments))
  (alias export $environment "initial-cwd" (func $initial-cwd))
  (core func $environment-core (canon lower (func $get-environment) (memory $memory) (realloc $realloc)))
  (core func $arguments-core (canon lower (func $get-arguments) (memory $memory) (realloc $realloc)))
  (core func $cwd-core (canon lower (func $initial-cwd) (memory $memory) (realloc $realloc)))"#,
    given: r#"(export "environment" (func $environment-core)) (export "arguments" (func $arguments-core))
    (export "cwd" (func $cwd-core))"#,
    core: r#"
    (import "host" "environment" (func $environment (param i32)))
    (import "host" "arguments" (func $arguments (param i32)))
    (import "host" "cwd" (func $cwd (param i32)))"#,
};

/// `$exit`: 0 for ok, 1 for not.
pub(crate) const EXIT: Import = Import {
    component: r#"
  (import "wasi:cli/exit@0.2.0" (instance $exit (export "exit" (func (param "status" (result))))))
  (alias export $exit "exit" (func $exit-exit))
  (core func $exit-core (canon lower (func $exit-exit)))"#,
    given: r#"(export "exit" (func $exit-core))"#,
    core: r#"(import "host" "exit" (func $exit (param i32)))"#,
};

/// `$wall`: address of seconds (8 bytes) and nanoseconds. `$monotonic`: nanoseconds.
pub(crate) const CLOCKS: Import = Import {
    component: r#"
  (import "wasi:clocks/wall-clock@0.2.0" (instance $wall-clock
    (type $datetime' (record (field "seconds" u64) (field "nanoseconds" u32)))
    (export "datetime" (type $datetime (eq $datetime')))
    (export "now" (func (result $datetime)))))
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $monotonic-clock (export "now" (func (result u64)))))
  (alias export $wall-clock "now" (func $wall-now))
  (alias export $monotonic-clock "now" (func $monotonic-now))
  (core func $wall-core (canon lower (func $wall-now) (memory $memory)))
  (core func $monotonic-core (canon lower (func $monotonic-now)))"#,
    given: r#"(export "wall" (func $wall-core)) (export "monotonic" (func $monotonic-core))"#,
    core: r#"
    (import "host" "wall" (func $wall (param i32)))
    (import "host" "monotonic" (func $monotonic (result i64)))"#,
};

/// `$after`: nanoseconds to a pollable. `$block`: waits for one. `$poll`: list, address of the result.
pub(crate) const POLL: Import = Import {
    component: r#"
  (import "wasi:io/poll@0.2.0" (instance $io-poll
    (export "pollable" (type $pollable (sub resource)))
    (export "[method]pollable.block" (func (param "self" (borrow $pollable))))
    (export "poll" (func (param "in" (list (borrow $pollable))) (result (list u32))))))
  (alias export $io-poll "pollable" (type $pollable))
  (import "wasi:clocks/monotonic-clock@0.2.1" (instance $timer
    (alias outer 1 $pollable (type $pollable'))
    (export "pollable" (type $pollable (eq $pollable')))
    (export "subscribe-duration" (func (param "when" u64) (result (own $pollable))))))
  (alias export $io-poll "[method]pollable.block" (func $pollable-block))
  (alias export $io-poll "poll" (func $poll-poll))
  (alias export $timer "subscribe-duration" (func $subscribe-duration))
  (core func $block-core (canon lower (func $pollable-block)))
  (core func $poll-core (canon lower (func $poll-poll) (memory $memory) (realloc $realloc)))
  (core func $after-core (canon lower (func $subscribe-duration)))"#,
    given: r#"(export "block" (func $block-core)) (export "poll" (func $poll-core))
    (export "after" (func $after-core))"#,
    core: r#"
    (import "host" "block" (func $block (param i32)))
    (import "host" "poll" (func $poll (param i32 i32 i32)))
    (import "host" "after" (func $after (param i64) (result i32)))"#,
};

/// `$random_u64`, `$insecure_u64`; `$insecure_seed`: address of two; `$random_bytes`: how many, address of
/// the list.
pub(crate) const RANDOM: Import = Import {
    component: r#"
  (import "wasi:random/random@0.2.0" (instance $random
    (export "get-random-u64" (func (result u64)))
    (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))
  (import "wasi:random/insecure@0.2.0" (instance $insecure
    (export "get-insecure-random-u64" (func (result u64)))))
  (import "wasi:random/insecure-seed@0.2.0" (instance $seed
    (export "insecure-seed" (func (result (tuple u64 u64))))))
  (alias export $random "get-random-u64" (func $get-u64))
  (alias export $random "get-random-bytes" (func $get-bytes))
  (alias export $insecure "get-insecure-random-u64" (func $get-insecure))
  (alias export $seed "insecure-seed" (func $get-seed))
  (core func $u64-core (canon lower (func $get-u64)))
  (core func $bytes-core (canon lower (func $get-bytes) (memory $memory) (realloc $realloc)))
  (core func $insecure-core (canon lower (func $get-insecure)))
  (core func $seed-core (canon lower (func $get-seed) (memory $memory)))"#,
    given: r#"(export "random_u64" (func $u64-core)) (export "random_bytes" (func $bytes-core))
    (export "insecure_u64" (func $insecure-core)) (export "insecure_seed" (func $seed-core))"#,
    core: r#"
    (import "host" "random_u64" (func $random_u64 (result i64)))
    (import "host" "random_bytes" (func $random_bytes (param i64 i32)))
    (import "host" "insecure_u64" (func $insecure_u64 (result i64)))
    (import "host" "insecure_seed" (func $insecure_seed (param i32)))"#,
};

/// `$stdin`, `$stdout`, `$stderr`: a stream. `$write`: stream, bytes, address of the result. `$input`:
/// stream, how many bytes, address of the result (tag at 0; list at 4 and 8, or the error's tag at 4).
pub(crate) const STREAMS: Import = Import {
    component: r#"
  (import "wasi:io/error@0.2.0" (instance $io-error (export "error" (type (sub resource)))))
  (alias export $io-error "error" (type $error))
  (import "wasi:io/streams@0.2.0" (instance $streams
    (export "input-stream" (type $in (sub resource)))
    (export "output-stream" (type $out (sub resource)))
    (alias outer 1 $error (type $error'))
    (export "error" (type $error (eq $error')))
    (type $stream-error' (variant (case "last-operation-failed" (own $error)) (case "closed")))
    (export "stream-error" (type $stream-error (eq $stream-error')))
    (export "[method]input-stream.blocking-read" (func (param "self" (borrow $in)) (param "len" u64)
      (result (result (list u8) (error $stream-error)))))
    (export "[method]output-stream.blocking-write-and-flush" (func (param "self" (borrow $out))
      (param "contents" (list u8)) (result (result (error $stream-error)))))))
  (alias export $streams "input-stream" (type $in))
  (alias export $streams "output-stream" (type $out))
  (import "wasi:cli/stdin@0.2.0" (instance $stdin
    (alias outer 1 $in (type $in')) (export "input-stream" (type $in (eq $in')))
    (export "get-stdin" (func (result (own $in))))))
  (import "wasi:cli/stdout@0.2.0" (instance $stdout
    (alias outer 1 $out (type $out')) (export "output-stream" (type $out (eq $out')))
    (export "get-stdout" (func (result (own $out))))))
  (import "wasi:cli/stderr@0.2.0" (instance $stderr
    (alias outer 1 $out (type $out')) (export "output-stream" (type $out (eq $out')))
    (export "get-stderr" (func (result (own $out))))))
  (alias export $streams "[method]input-stream.blocking-read" (func $read-in))
  (alias export $streams "[method]output-stream.blocking-write-and-flush" (func $write-out))
  (alias export $stdin "get-stdin" (func $get-stdin))
  (alias export $stdout "get-stdout" (func $get-stdout))
  (alias export $stderr "get-stderr" (func $get-stderr))
  (core func $input-core (canon lower (func $read-in) (memory $memory) (realloc $realloc)))
  (core func $write-core (canon lower (func $write-out) (memory $memory)))
  (core func $stdin-core (canon lower (func $get-stdin)))
  (core func $stdout-core (canon lower (func $get-stdout)))
  (core func $stderr-core (canon lower (func $get-stderr)))"#,
    given: r#"(export "input" (func $input-core)) (export "write" (func $write-core))
    (export "stdin" (func $stdin-core)) (export "stdout" (func $stdout-core)) (export "stderr" (func $stderr-core))"#,
    core: r#"
    (import "host" "input" (func $input (param i32 i64 i32)))
    (import "host" "write" (func $write (param i32 i32 i32 i32)))
    (import "host" "stdin" (func $stdin (result i32)))
    (import "host" "stdout" (func $stdout (result i32)))
    (import "host" "stderr" (func $stderr (result i32)))"#,
};

/// `$terminal`: address of an option, whether standard output is a terminal.
pub(crate) const TERMINAL: Import = Import {
    component: r#"
  (import "wasi:cli/terminal-output@0.2.0" (instance $terminal-output
    (export "terminal-output" (type (sub resource)))))
  (alias export $terminal-output "terminal-output" (type $terminal))
  (import "wasi:cli/terminal-stdout@0.2.0" (instance $terminal-stdout
    (alias outer 1 $terminal (type $terminal')) (export "terminal-output" (type $terminal (eq $terminal')))
    (export "get-terminal-stdout" (func (result (option (own $terminal)))))))
  (alias export $terminal-stdout "get-terminal-stdout" (func $get-terminal))
  (core func $terminal-core (canon lower (func $get-terminal) (memory $memory)))"#,
    given: r#"(export "terminal" (func $terminal-core))"#,
    core: r#"(import "host" "terminal" (func $terminal (param i32)))"#,
};

/// `$preopens`: address of the list of folders.
pub(crate) const PREOPENS: Import = Import {
    component: r#"
  (import "wasi:filesystem/types@0.2.0" (instance $filesystem (export "descriptor" (type (sub resource)))))
  (alias export $filesystem "descriptor" (type $descriptor))
  (import "wasi:filesystem/preopens@0.2.0" (instance $preopens
    (alias outer 1 $descriptor (type $descriptor')) (export "descriptor" (type $descriptor (eq $descriptor')))
    (export "get-directories" (func (result (list (tuple (own $descriptor) string)))))))
  (alias export $preopens "get-directories" (func $get-directories))
  (core func $preopens-core (canon lower (func $get-directories) (memory $memory) (realloc $realloc)))"#,
    given: r#"(export "preopens" (func $preopens-core))"#,
    core: r#"(import "host" "preopens" (func $preopens (param i32)))"#,
};
