//! The engine: warm before anything of a plugin is there, then the home of one plugin for one call.
//!
//! What never happens here: a lookup of a builtin by its name once the plugin's module has run. What the loop needs it holds already, or
//! asks of the engine itself.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rquickjs::context::intrinsic;
use rquickjs::function::This;
use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::module::Declared;
use rquickjs::{Context, Ctx, Exception, Function, Module, Object, Persistent, Runtime, Value};
use serde_json::value::RawValue;

use super::host::{Wire, natives};
use super::text::{cut, lone_surrogate, text_of};
use super::thrown::Thrown;
use crate::frames::{ProgramError, check_payload};
use crate::limits::STACK_BYTES_MAX;
use crate::sys::memory::{Budget, Counted};

const PRELUDE: &str = include_str!("prelude.js");
/// The language, without `performance` and other things of a host's.
type Language = (
    intrinsic::Date,
    intrinsic::Eval,
    intrinsic::RegExp,
    intrinsic::Json,
    intrinsic::Proxy,
    intrinsic::MapSet,
    intrinsic::TypedArrays,
    intrinsic::Promise,
    intrinsic::WeakRef,
);
/// Of the stack, the engine takes a half: what is left is for what it calls.
const ENGINE_STACK_BYTES: u64 = STACK_BYTES_MAX / 2;
/// Bytes that the engine may take beside what it has before it looks for cycles.
const COLLECT_BYTES: usize = 4 * 1024 * 1024;
/// Bytes over what it has that the engine gets to say that it used up its memory.
const LAST_WORDS_BYTES: usize = 1024 * 1024;
/// A program that nobody stopped at its deadline is stopped by its engine so long after it.
const DEADLINE_GRACE: Duration = Duration::from_secs(1);
const NAME_BYTES_MAX: usize = 256;
const MESSAGE_BYTES_MAX: usize = 2 * 1024;

/// How a call ended.
#[derive(Debug)]
pub(super) enum Ending {
    Result { payload: String, notes: String },
    Declined { code: String, message: String },
    Failed(ProgramError),
}

/// The engine of a process, which ends with it: it is never taken down.
pub(super) struct Engine {
    context: Context,
    pub(super) wire: Rc<Wire>,
    clock: Rc<Clock>,
    budget: Rc<Budget>,
    rejected: Rc<Cell<usize>>,
    kept: Kept,
}

/// What the loop took from the prelude.
struct Kept {
    host: Persistent<Object<'static>>,
    stand_still: Persistent<Function<'static>>,
    finite: Persistent<Function<'static>>,
}

/// Until when the program may run.
#[derive(Default)]
struct Clock(Cell<Option<Instant>>);

impl Clock {
    fn is_over(&self) -> bool {
        self.0.get().is_some_and(|until| Instant::now() >= until)
    }
}

impl Engine {
    /// Makes it, with all that plugins find in it.
    pub(super) fn warm() -> Result<Self, String> {
        let shown = |error: rquickjs::Error| error.to_string();
        let budget = Budget::new();
        let runtime = Runtime::new_with_alloc(Counted(Rc::clone(&budget))).map_err(shown)?;
        runtime.set_max_stack_size(usize::try_from(ENGINE_STACK_BYTES).unwrap_or(usize::MAX));
        runtime.set_gc_threshold(COLLECT_BYTES);
        runtime.set_loader(NoModules, NoModules);
        let clock = Rc::new(Clock::default());
        let watched = Rc::clone(&clock);
        runtime.set_interrupt_handler(Some(Box::new(move || watched.is_over())));
        let rejected = Rc::new(Cell::new(0_usize));
        let counted = Rc::clone(&rejected);
        runtime.set_host_promise_rejection_tracker(Some(Box::new(move |_, _, _, is_handled| {
            counted.set(if is_handled { counted.get().saturating_sub(1) } else { counted.get() + 1 });
        })));
        let context = Context::custom::<Language>(&runtime).map_err(shown)?;
        let wire = Wire::new();
        let kept = context.with(|ctx| {
            let kept = prepare(&ctx, &wire);
            kept.map_err(|error| {
                let ProgramError { kind, message, traceback } = Thrown::of(&ctx, error).describe(&ctx, false);
                format!("the prelude: {kind}: {message}\n{traceback}")
            })
        })?;
        Ok(Self { context, wire, clock, budget, rejected, kept })
    }

    /// Bounds what the program takes.
    pub(super) fn limit(&self, memory_bytes_max: u64) {
        // An eighth is for the loop, and for what the allocator keeps.
        self.budget.limit(usize::try_from(memory_bytes_max / 8 * 7).unwrap_or(usize::MAX));
    }

    /// Bounds its time, behind the gateway's own clock.
    pub(super) fn allow(&self, time: Duration) {
        self.clock.0.set(Instant::now().checked_add(time.saturating_add(DEADLINE_GRACE)));
    }

    /// Lets the clock stand still.
    pub(super) fn stand_still(&self) -> Result<(), ProgramError> {
        let stand_still = self.kept.stand_still.clone();
        self.run(|ctx| done(ctx, stand_still.restore(ctx).and_then(|function| function.call(()))))
    }

    /// Runs the program's module and finds its export.
    pub(super) fn load(
        &self,
        entry: &str,
        source: Vec<u8>,
        export: &str,
    ) -> Result<Persistent<Function<'static>>, ProgramError> {
        self.run(|ctx| {
            let evaluated = Module::declare(ctx.clone(), entry, source).and_then(Module::eval);
            let (module, promise) = done(ctx, evaluated)?;
            self.settle(ctx, promise.into_value(), "its module")?;
            let found: Value<'_> = done(ctx, module.get(export))?;
            match found.as_function() {
                Some(function) => Ok(Persistent::save(ctx, function.clone())),
                None if found.is_undefined() => Err(Thrown::type_error(format!(
                    "{entry} exports no `{export}`, which the manifest's `entrypoint.export` names"
                ))),
                None => Err(Thrown::type_error(format!("`{export}` in {entry} is no function"))),
            }
        })
    }

    /// Runs one call.
    pub(super) fn call(&self, handle: Persistent<Function<'static>>, request: &RawValue) -> Ending {
        let called = self.run(|ctx| {
            let request = done(ctx, ctx.json_parse(request.get()))?;
            let host = done(ctx, self.kept.host.clone().restore(ctx))?;
            let handle = done(ctx, handle.restore(ctx))?;
            let nothing = Value::new_undefined(ctx.clone());
            let given: Value<'_> = done(ctx, handle.call((This(nothing), request, host)))?;
            let given = self.settle(ctx, given, "its answer")?;
            self.ending(ctx, &given)
        });
        called.unwrap_or_else(Ending::Failed)
    }

    /// Promises that were rejected and that nobody asked about.
    pub(super) fn rejected(&self) -> usize {
        self.rejected.get()
    }

    /// Runs work in the engine; what comes of it where it throws, in words.
    fn run<T>(&self, work: impl for<'js> FnOnce(&Ctx<'js>) -> Result<T, Thrown>) -> Result<T, ProgramError> {
        let thrown = match self.context.with(|ctx| work(&ctx)) {
            Ok(value) => return Ok(value),
            Err(thrown) => thrown,
        };
        // What it holds it holds: words are made of new memory.
        let was_met = self.budget.was_met();
        self.budget.add(LAST_WORDS_BYTES);
        Err(self.context.with(|ctx| thrown.describe(&ctx, was_met)))
    }

    /// What a promise comes to; another value is itself.
    fn settle<'js>(&self, ctx: &Ctx<'js>, value: Value<'js>, what: &str) -> Result<Value<'js>, Thrown> {
        let Some(promise) = value.as_promise() else { return Ok(value) };
        loop {
            if let Some(result) = promise.result::<Value<'js>>() {
                return done(ctx, result);
            }
            if self.clock.is_over() {
                return Err(Thrown::Error { kind: "InternalError", message: "interrupted".to_owned() });
            }
            if !ctx.execute_pending_job() {
                let message = format!("{what} is a promise that can never settle: nothing is left to be done");
                return Err(Thrown::Error { kind: "Error", message });
            }
        }
    }

    /// What the program gave, checked as far as its author can be told of it.
    fn ending<'js>(&self, ctx: &Ctx<'js>, given: &Value<'js>) -> Result<Ending, Thrown> {
        const WANTED: &str = "a plugin gives `{payload, notes?}` or `{refusal: {code, message}}`";
        let Some(given) = given.as_object() else {
            return Err(Thrown::type_error(format!("{WANTED}, and this is a value of type {}", given.type_name())));
        };
        let refusal: Value<'_> = done(ctx, given.get("refusal"))?;
        if let Some(refusal) = refusal.as_object() {
            let code = cut(text(ctx, refusal, "code")?, NAME_BYTES_MAX);
            return Ok(Ending::Declined { code, message: cut(text(ctx, refusal, "message")?, MESSAGE_BYTES_MAX) });
        }
        let payload: Value<'_> = done(ctx, given.get("payload"))?;
        if !refusal.is_undefined() || payload.is_undefined() {
            return Err(Thrown::type_error(format!("{WANTED}, and this has neither")));
        }
        let notes: Value<'_> = done(ctx, given.get("notes"))?;
        let notes = match notes.as_string().map(rquickjs::String::to_string) {
            Some(Ok(notes)) => notes,
            Some(Err(_)) => return Err(Thrown::type_error("the notes are not text: they hold a lone surrogate")),
            None if notes.is_undefined() => String::new(),
            None => return Err(Thrown::type_error("`notes` is no string")),
        };
        let finite = done(ctx, self.kept.finite.clone().restore(ctx))?;
        let json = done(ctx, ctx.json_stringify_replacer(payload, finite))?;
        let json = json.ok_or_else(|| Thrown::type_error("the payload is nothing that JSON has"))?;
        let payload = done(ctx, json.to_string())?;
        if lone_surrogate(&payload).is_some() {
            return Err(Thrown::type_error("the result is not text: it holds a lone surrogate"));
        }
        let raw = serde_json::from_str(&payload).map_err(|error| Thrown::type_error(error.to_string()))?;
        check_payload(raw).map_err(|why| Thrown::type_error(format!("the payload has no payload's form: {why}")))?;
        Ok(Ending::Result { payload, notes })
    }
}

/// The result of an engine's work, or what it threw.
fn done<T>(ctx: &Ctx<'_>, result: rquickjs::Result<T>) -> Result<T, Thrown> {
    result.map_err(|error| Thrown::of(ctx, error))
}

fn text<'js>(ctx: &Ctx<'js>, object: &Object<'js>, name: &str) -> Result<String, Thrown> {
    let value: Value<'_> = done(ctx, object.get(name))?;
    match value.as_string() {
        Some(string) => done(ctx, text_of(ctx, string)),
        None => Err(Thrown::type_error(format!("`{name}` is no string"))),
    }
}

fn prepare(ctx: &Ctx<'_>, wire: &Rc<Wire>) -> rquickjs::Result<Kept> {
    let native = natives(ctx, wire)?;
    let mut options = rquickjs::context::EvalOptions::default();
    options.filename = Some("omega".to_owned());
    let prelude: Function<'_> = ctx.eval_with_options(PRELUDE, options)?;
    let made: Object<'_> = prelude.call((native,))?;
    let function = |name: &str| Ok::<_, rquickjs::Error>(Persistent::save(ctx, made.get::<_, Function<'_>>(name)?));
    wire.set_broker_error(function("brokerError")?);
    Ok(Kept {
        host: Persistent::save(ctx, made.get::<_, Object<'_>>("host")?),
        stand_still: function("standStill")?,
        finite: function("finite")?,
    })
}

/// Finds no module, wherever it is asked for.
struct NoModules;

impl Resolver for NoModules {
    fn resolve<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        _: &str,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<String> {
        Err(no_module(ctx, name))
    }
}

impl Loader for NoModules {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<Module<'js, Declared>> {
        Err(no_module(ctx, name))
    }
}

fn no_module(ctx: &Ctx<'_>, name: &str) -> rquickjs::Error {
    let message = format!("cannot import `{name:.200}`: a plugin is one module, bundled with what it needs");
    Exception::throw_type(ctx, &message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(source: &str) -> Result<Ending, ProgramError> {
        // Never taken down, as in a worker, which ends instead.
        let engine: &'static Engine = Box::leak(Box::new(Engine::warm().unwrap()));
        engine.limit(32 * 1024 * 1024);
        engine.allow(Duration::ZERO);
        let handle = engine.load("program.js", source.as_bytes().to_vec(), "handle")?;
        Ok(engine.call(handle, serde_json::from_str("{}").unwrap()))
    }

    /// Behind the gateway, which kills: a program that nobody stops stops all the same, whatever it is doing.
    #[test]
    fn what_nobody_stops_is_stopped_by_its_engine() {
        for work in [
            "for (;;);",
            "for (;;) { try { for (;;); } catch { } }",
            "return /^(a+)+$/.test('a'.repeat(60) + 'b');",
            "return 'a'.repeat(100_000).replace(/(?:a|a|aa)+?(?=b)/g, '');",
            "return (async () => { for (;;) await null; })();",
            "return (async () => { for (;;) { try { await null; for (;;); } catch { } } })();",
        ] {
            let began = Instant::now();
            let ending = ended(&format!("export function handle() {{ {work} }}")).unwrap();
            let Ending::Failed(error) = ending else { panic!("{work}: {ending:?}") };
            assert!(error.message.contains("interrupted"), "{work}: {error:?}");
            assert!(began.elapsed() >= DEADLINE_GRACE, "{work}: it was stopped before its deadline");
        }
        let error = ended("for (;;); export function handle() {}").unwrap_err();
        assert!(error.message.contains("interrupted"), "{error:?}");
    }

    #[test]
    fn an_end_of_memory_is_told_whatever_the_engine_throws() {
        for work in [
            "for (;;) held.push({a: {}});",
            "for (;;) held.push('x'.repeat(1 << 16).toUpperCase());",
            "for (;;) held.push(held.concat(held, [1]));",
            "for (;;) held.push(new RegExp(`(a{1,${(held.length % 200) + 1}}b)+`.repeat(50)));",
        ] {
            let ending = ended(&format!("const held = []; export function handle() {{ {work} }}")).unwrap();
            let Ending::Failed(error) = ending else { panic!("{work}: {ending:?}") };
            assert_eq!(error.kind, "MemoryError", "{work}: {error:?}");
        }
        // One that throws the same by itself is told as it is.
        let ending = ended("export function handle() { throw null; }").unwrap();
        assert!(matches!(&ending, Ending::Failed(error) if error.kind == "Error"), "{ending:?}");
    }
}
