//! The gateway: everything on, the default configuration but for durability and the breaker.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use omega_contract::manifest::SIGNATURE_FILE;
use omega_contract::{Payload, PluginId, PluginRequest, RequestPolicy, Status, Timestamp};
use omega_gateway::{Gateway, Home, OpenOptions, PackageFiles, request, sign_package};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::cases::{Case, Work};
use crate::figures::{Begun, Rate};
use crate::guests;

/// Whether a call's time has in it that its payload is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// From text to text, as the others.
    Counted,
    /// The caller had the payload.
    Before,
}

/// A gateway over a home of its own, with the three plugins.
pub(crate) struct Ours {
    durability: &'static str,
    runtime: Runtime,
    gateway: Gateway,
    plugins: [PluginId; 3],
    _folder: tempfile::TempDir,
}

impl Ours {
    /// With so many threads that run callers.
    pub(crate) fn open(durability: &'static str, threads: usize) -> Self {
        let runtime = match threads {
            1 => Builder::new_current_thread().enable_all().build(),
            _ => Builder::new_multi_thread().worker_threads(threads).enable_all().build(),
        };
        let runtime = runtime.expect("a runtime starts");
        let folder = tempfile::tempdir().expect("a folder can be made");
        let (gateway, plugins) = runtime.block_on(async {
            let home = Home::init(&folder.path().join("home"), Timestamp::EPOCH).expect("a home can be made");
            let config = format!("durability = {durability:?}\n[breaker]\nfailures = 1000000\n");
            std::fs::write(home.path().join("omega.toml"), config).expect("the home can be written");
            let gateway = Gateway::open(&home, OpenOptions::default()).await.expect("the home opens");
            let mut plugins = Vec::new();
            for work in Work::ALL {
                plugins.push(install(&gateway, work.id(), io_of(work)).await);
            }
            (gateway, plugins.try_into().expect("three works"))
        });
        Self { durability, runtime, gateway, plugins, _folder: folder }
    }

    pub(crate) fn name(&self) -> String {
        format!("gateway, {}", self.durability)
    }

    /// One call, and its answer as text.
    pub(crate) fn once(&self, case: &Case) -> String {
        let answer =
            self.runtime.block_on(self.gateway.invoke(self.plugin(case), asked(case.work, case.input.clone())));
        let answer = answer.expect("an answer");
        assert_eq!(answer.response.status, Status::Ok, "{}", answer.response.notes);
        match answer.response.result {
            Some(Payload::Text(text)) => text.content,
            Some(Payload::Json(json)) => json.data.text().to_owned(),
            other => panic!("no result: {other:?}"),
        }
    }

    /// One after the other for so long; each call's time. The caller's own copy of the text is made before the clock
    /// starts; that JSON is read from it is counted where `reading` says so.
    pub(crate) fn block(&self, case: &Case, reading: Reading, time: Duration, took: &mut Vec<Duration>) {
        self.runtime.block_on(async {
            let until = Instant::now() + time;
            while Instant::now() < until {
                let text = case.input.clone();
                let (started, asked) = match reading {
                    Reading::Counted => (Instant::now(), asked(case.work, text)),
                    Reading::Before => {
                        let asked = asked(case.work, text);
                        (Instant::now(), asked)
                    }
                };
                let answer = self.gateway.invoke(self.plugin(case), asked).await.expect("an answer");
                took.push(started.elapsed());
                assert_eq!(answer.response.status, Status::Ok, "{}", answer.response.notes);
            }
        });
    }

    /// So many callers for so long.
    pub(crate) fn rate(&self, case: &Case, callers: usize, time: Duration) -> Rate {
        let made = Arc::new(AtomicU64::new(0));
        let policy = RequestPolicy { deterministic_only: false, timeout_ms: 60_000, max_retries: 0 };
        let text: Arc<str> = case.input.as_str().into();
        self.runtime.block_on(async {
            let begun = Begun::now();
            let until = Instant::now() + time;
            let callers: Vec<_> = (0..callers)
                .map(|_| {
                    let (gateway, plugin, made) = (self.gateway.clone(), self.plugin(case).clone(), Arc::clone(&made));
                    let (work, text) = (case.work, Arc::clone(&text));
                    tokio::spawn(async move {
                        while Instant::now() < until {
                            let mut asked = asked(work, text.to_string());
                            asked.policy = Some(policy);
                            let answer = gateway.invoke(&plugin, asked).await.expect("an answer");
                            assert_eq!(answer.response.status, Status::Ok, "{}", answer.response.notes);
                            made.fetch_add(1, Ordering::Relaxed);
                        }
                    })
                })
                .collect();
            for caller in callers {
                caller.await.expect("no caller panics");
            }
            begun.ended_after(made.load(Ordering::Relaxed))
        })
    }

    /// Calls of a guest that keeps its input until it is stopped; `before` runs before them, `beside` while they live.
    pub(crate) fn hold(&self, text: &str, calls: usize, before: impl FnOnce(), beside: impl FnOnce()) {
        self.runtime.block_on(async {
            let plugin = install(&self.gateway, "hold", json!([["text", TEXT], ["text", TEXT]])).await;
            before();
            let held: Vec<_> = (0..calls)
                .map(|_| {
                    let (gateway, plugin, asked) = (self.gateway.clone(), plugin.clone(), request(Payload::text(text)));
                    tokio::spawn(
                        async move { gateway.invoke(&plugin, asked).await.expect("an answer").response.status },
                    )
                })
                .collect();
            // The calls run on the runtime's own threads, not on this one.
            beside();
            for call in held {
                assert_eq!(call.await.expect("no call panics"), Status::Timeout, "it was not alive all the time");
            }
        });
    }

    fn plugin(&self, case: &Case) -> &PluginId {
        &self.plugins[case.work as usize]
    }
}

fn asked(work: Work, text: String) -> PluginRequest {
    request(match work {
        Work::Echo | Work::CountVowels => Payload::text(text),
        Work::Report => Payload::json_text(text, "omega:report:input:rows:v1.0.0").expect("rows are an object"),
    })
}

const TEXT: &str = "text";

/// Kind and name of the input, kind and name of the output.
fn io_of(work: Work) -> Value {
    match work {
        Work::Echo => json!([["text", TEXT], ["text", TEXT]]),
        Work::CountVowels => json!([["text", TEXT], ["json", "vowels"]]),
        Work::Report => json!([["json", "rows"], ["json", "report"]]),
    }
}

/// What stands under a payload's `data`.
fn data_schema(name: &str) -> Value {
    let count = json!({"type": "integer", "minimum": 0});
    let object = |properties: Value| {
        let required: Vec<_> = properties.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
        json!({"type": "object", "required": required, "additionalProperties": false, "properties": properties})
    };
    match name {
        "vowels" => object(json!({"count": count})),
        "rows" => {
            let row = object(json!({
                "id": count, "name": {"type": "string"}, "kind": {"type": "string"}, "value": {"type": "number"},
            }));
            object(json!({"rows": {"type": "array", "items": row}}))
        }
        _ => object(json!({
            "rows": count,
            "kinds": {"type": "array", "items": {"type": "string"}},
            "name_characters": count,
            "sum": {"type": "number"},
            "least": {"type": ["number", "null"]},
            "greatest": {"type": ["number", "null"]},
        })),
    }
}

fn schema(kind: &str, name: &str, reference: &str) -> Value {
    let (required, properties) = if kind == "text" {
        (
            json!(["kind", "content", "encoding", "metadata"]),
            json!({
                "kind": {"const": "text"}, "content": {"type": "string"}, "encoding": {"const": "utf-8"},
                "metadata": {"type": "object", "additionalProperties": {"type": "string"}},
            }),
        )
    } else {
        (
            json!(["kind", "data", "schema_ref"]),
            json!({"kind": {"const": "json"}, "schema_ref": {"const": reference}, "data": data_schema(name)}),
        )
    };
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object", "required": required, "additionalProperties": false, "properties": properties,
    })
}

/// Packs, signs, registers and enables a guest, as an operator does.
async fn install(gateway: &Gateway, id: &str, io: Value) -> PluginId {
    const BYTES_MAX: u64 = 4 << 20;
    let mut files: BTreeMap<String, Arc<[u8]>> = BTreeMap::new();
    let mut put = |path: String, value: &Value| files.insert(path, value.to_string().into_bytes().into());
    let mut described = Vec::new();
    for (index, direction) in ["input", "output"].into_iter().enumerate() {
        let (kind, name) = (io[index][0].as_str().unwrap_or_default(), io[index][1].as_str().unwrap_or_default());
        let reference = format!("omega:{id}:{direction}:{name}:v1.0.0");
        put(format!("schemas/{direction}s/{name}.schema.json"), &schema(kind, name, &reference));
        described.push(json!([{"kind": kind, "schema_ref": reference, "limits": {"max_bytes": BYTES_MAX}}]));
    }
    let reads = if io[0][0] == "text" { "read_text" } else { "read_json" };
    let writes = if io[1][0] == "text" { "write_suggestion" } else { "write_report" };
    let manifest = json!({
        "plugin_id": id, "name": id, "vendor": "OMEGA benches", "description": "The same work in every host.",
        "version": "1.0.0", "api_version": "1.0.0", "supported_omega_api_versions": "^1.0.0",
        "capabilities": [reads, writes],
        "io": {"inputs": described[0], "outputs": described[1]},
        "limits": {"max_bytes": BYTES_MAX, "max_ms": 2000, "max_concurrency": 100},
        "determinism": {"mode": "deterministic", "notes": "The answer depends on the input alone."},
        "evidence": {"log_level": "summary", "redactions": []},
        "entrypoint": {"type": "worker", "file": "plugin.wasm", "export": "handle"},
    });
    put("PLUGIN_MANIFEST.json".to_owned(), &manifest);
    files.insert("plugin.wasm".to_owned(), guests::omega(id).into());
    let key = gateway.home().operator_key().expect("the home has its key");
    let unsigned = PackageFiles::new(files.clone()).expect("a package");
    let envelope = sign_package(&unsigned, &key).expect("a signature");
    files.insert(SIGNATURE_FILE.to_owned(), Arc::from(envelope));
    let signed = PackageFiles::new(files).expect("a package");
    let info = gateway.register_plugin(signed).await.expect("the package is admitted");
    gateway.enable_plugin(&info.plugin_id, None).await.expect("the plugin is enabled");
    info.plugin_id
}
