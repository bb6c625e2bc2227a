//! Guests as component text: a core module `$main` with its body, what it imports, and around it the
//! types of the contract and a memory with an allocator.

/// What a guest imports: the component's import with its lowering, what of it is given to the core
/// module, and the core module's declaration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Import {
    pub(crate) component: &'static str,
    pub(crate) given: &'static str,
    pub(crate) core: &'static str,
}

/// A guest in the making.
#[derive(Debug, Clone)]
pub(crate) struct Guest {
    imports: Vec<Import>,
    items: String,
    body: String,
    export: String,
    memory: String,
}

impl Guest {
    /// A guest whose `handle` has this body. It leaves the address of a reply; `$reply` makes one of an
    /// address and a length, `$reply_i64` one of the digits of a number.
    ///
    /// Locals: `$content` and `$length` are the text payload's, `$a` to `$d` are free `i32`, `$n` is `i64`.
    pub(crate) fn new(body: &str) -> Self {
        Self {
            imports: Vec::new(),
            items: String::new(),
            body: body.to_owned(),
            export: "handle".to_owned(),
            memory: "1".to_owned(),
        }
    }

    /// Gives back the text that it was given.
    pub(crate) fn echo() -> Self {
        Self::new("(call $reply (local.get $content) (local.get $length))")
    }

    /// Gives back the payload that it was given, whatever its kind, with the timestamp as notes.
    pub(crate) fn mirror() -> Self {
        Self::new(
            r"(memory.fill (i32.const 64) (i32.const 0) (i32.const 40))
      (i32.store8 (i32.const 68) (local.get $kind))
      (i32.store (i32.const 72) (local.get $content)) (i32.store (i32.const 76) (local.get $length))
      (i32.store (i32.const 80) (local.get 9)) (i32.store (i32.const 84) (local.get 10))
      (i32.store (i32.const 88) (local.get 11)) (i32.store (i32.const 92) (local.get 12))
      (i32.store (i32.const 96) (local.get $timestamp)) (i32.store (i32.const 100) (local.get $timestamp_length))
      (i32.const 64)",
        )
    }

    pub(crate) fn import(mut self, import: Import) -> Self {
        self.imports.push(import);
        self
    }

    /// Further items of the core module: data, functions, globals, a start function.
    pub(crate) fn items(mut self, items: &str) -> Self {
        self.items.push_str(items);
        self
    }

    pub(crate) fn export(mut self, name: &str) -> Self {
        self.export = name.to_owned();
        self
    }

    /// The limits of the memory, in pages.
    pub(crate) fn memory(mut self, limits: &str) -> Self {
        self.memory = limits.to_owned();
        self
    }

    pub(crate) fn text(&self) -> String {
        let joined = |part: fn(&Import) -> &'static str| self.imports.iter().map(part).collect::<Vec<_>>().join("\n");
        let (imports, given, core) = (joined(|i| i.component), joined(|i| i.given), joined(|i| i.core));
        let Self { items, body, export, memory, .. } = self;
        format!(
            r#"(component
  {TYPES}
  (core module $libc-module
    (memory (export "memory") {memory})
    (global $top (mut i32) (i32.const 32768))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local $at i32) (local $need i32)
      (local.set $at (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
      (global.set $top (i32.add (local.get $at) (local.get 3)))
      (local.set $need (i32.sub
        (i32.shr_u (i32.add (global.get $top) (i32.const 65535)) (i32.const 16)) (memory.size)))
      (if (i32.gt_s (local.get $need) (i32.const 0))
        (then (if (i32.lt_s (memory.grow (local.get $need)) (i32.const 0)) (then unreachable))))
      (local.get $at)))
  (core instance $libc (instantiate $libc-module))
  (alias core export $libc "memory" (core memory $memory))
  (alias core export $libc "realloc" (core func $realloc))
  {imports}
  (core module $main-module
    (import "libc" "memory" (memory 0))
    (import "libc" "realloc" (func $realloc (param i32 i32 i32 i32) (result i32)))
    {core}
    (data (i32.const 16) "utf-8")
    (func $reply (param $at i32) (param $length i32) (result i32)
      (memory.fill (i32.const 64) (i32.const 0) (i32.const 40))
      (i32.store (i32.const 72) (local.get $at))
      (i32.store (i32.const 76) (local.get $length))
      (i32.store (i32.const 80) (i32.const 16))
      (i32.store (i32.const 84) (i32.const 5))
      (i32.const 64))
    (func $reply_i64 (param $n i64) (result i32)
      (local $at i32)
      (local.set $at (i32.const 200))
      (loop $next
        (local.set $at (i32.sub (local.get $at) (i32.const 1)))
        (i32.store8 (local.get $at)
          (i32.add (i32.const 48) (i32.wrap_i64 (i64.rem_u (local.get $n) (i64.const 10)))))
        (local.set $n (i64.div_u (local.get $n) (i64.const 10)))
        (br_if $next (i64.ne (local.get $n) (i64.const 0))))
      (call $reply (local.get $at) (i32.sub (i32.const 200) (local.get $at))))
    (func $refuse (param $code i32) (param $code_length i32) (param $message i32) (param $message_length i32)
      (result i32)
      (memory.fill (i32.const 64) (i32.const 0) (i32.const 40))
      (i32.store8 (i32.const 64) (i32.const 1))
      (i32.store (i32.const 68) (local.get $code))
      (i32.store (i32.const 72) (local.get $code_length))
      (i32.store (i32.const 76) (local.get $message))
      (i32.store (i32.const 80) (local.get $message_length))
      (i32.const 64))
    {items}
    (func (export "handle")
      (param $request_id i32) (param $request_id_length i32) (param $run_id i32) (param $run_id_length i32)
      (param $timestamp i32) (param $timestamp_length i32) (param $kind i32) (param $content i32)
      (param $length i32) (param i32 i32 i32 i32) (param $context i32) (param $context_length i32) (result i32)
      (local $a i32) (local $b i32) (local $c i32) (local $d i32) (local $n i64)
      {body}))
  (core instance $host {given})
  (core instance $main (instantiate $main-module (with "libc" (instance $libc)) (with "host" (instance $host))))
  (type $handle-type (func (param "request" $request) (result (result $outcome (error $refusal)))))
  (alias core export $main "handle" (core func $handle-core))
  (func $handle (type $handle-type)
    (canon lift (core func $handle-core) (memory $memory) (realloc $realloc)))
  (export "{export}" (func $handle)))"#
        )
    }

    pub(crate) fn build(&self) -> Vec<u8> {
        wat::parse_str(self.text()).unwrap_or_else(|error| panic!("{error}\n{}", self.text()))
    }
}

/// `omega:plugin/types`, as an imported instance.
pub(crate) const TYPES: &str = r#"
  (import "omega:plugin/types@1.0.0" (instance $types
    (type $pairs (list (tuple string string)))
    (type $text' (record (field "content" string) (field "encoding" string) (field "metadata" $pairs)))
    (export "text" (type $text (eq $text')))
    (type $json' (record (field "data" string) (field "schema-ref" string)))
    (export "json" (type $json (eq $json')))
    (type $binary' (record
      (field "artifact-id" string) (field "artifact-hash" string) (field "mime-type" string)))
    (export "binary-ref" (type $binary (eq $binary')))
    (type $strings (list string))
    (type $slice' (record (field "slice-ids" $strings) (field "source" string) (field "filters" $pairs)))
    (export "dataset-slice" (type $slice (eq $slice')))
    (type $payload' (variant
      (case "text" $text) (case "json" $json) (case "binary-ref" $binary) (case "dataset-slice" $slice)))
    (export "payload" (type $payload (eq $payload')))
    (type $request' (record
      (field "request-id" string) (field "run-id" string) (field "timestamp" string)
      (field "payload" $payload) (field "context" $pairs)))
    (export "request" (type $request (eq $request')))
    (type $outcome' (record (field "payload" $payload) (field "notes" string)))
    (export "outcome" (type $outcome (eq $outcome')))
    (type $refusal' (record (field "code" string) (field "message" string)))
    (export "refusal" (type $refusal (eq $refusal')))))
  (alias export $types "request" (type $request))
  (alias export $types "outcome" (type $outcome))
  (alias export $types "refusal" (type $refusal))"#;
