//! A plugin's time in the worker lane beside another that crashes or hangs in every call.

use std::path::Path;
use std::time::Duration;

use omega_contract::{Payload, PluginId};
use omega_gateway::{Gateway, request};

use crate::home;
use crate::neighbours::{self, Served};

/// Between two calls of the good plugin: some sixty calls a second, a quarter of what two processors can do, for the breaker's
/// work is measured and not how processors are shared.
const PAUSE: Duration = Duration::from_millis(10);
const HANG_MS: u64 = 100;
/// Callers of the neighbour.
const CALLERS: [usize; 2] = [1, 16];
const NEIGHBOURS: [(&str, &str); 2] = [
    (
        "crashes",
        "import os\nfrom omega_plugin import Json, Text, plugin\n\n\n@plugin\ndef handle(text: Text) -> Json:\n    os.abort()\n",
    ),
    (
        "hangs, 100 ms",
        "from omega_plugin import Json, Text, plugin\n\n\n@plugin\ndef handle(text: Text) -> Json:\n    while True:\n        pass\n",
    ),
];

pub(crate) fn measure(text: &str, seconds: f64) {
    let seconds = seconds / 3.0;
    println!(
        "readability (Python), 4 KiB, one caller, breaker as by default, beside a worker plugin that fails; bar: p99 <= 1.20\n\
         call: from its first poll; asked: from when a thread outside asked for it"
    );
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (_folder, gateway) = home::open("durability = 'relaxed'\n").await;
        let plugin = install(&gateway, "readability", None).await;
        let mut bad = Vec::new();
        for (number, (name, source)) in NEIGHBOURS.into_iter().enumerate() {
            let plugin = install(&gateway, &format!("bad-{number}"), Some(source)).await;
            gateway.invoke(&plugin, request(Payload::text("go"))).await.unwrap();
            bad.push((name, plugin));
        }
        let served = Served { plugin, text: text.to_owned(), seconds: seconds / CALLERS.len() as f64, pause: PAUSE };
        for callers in CALLERS {
            println!("beside {callers} callers of it, each 10 ms after its last answer");
            neighbours::beside(&gateway, &served, callers, bad.clone()).await;
        }
    });
    println!();
}

/// The example `readability`, or another program with its manifest.
async fn install(gateway: &Gateway, name: &str, source: Option<&str>) -> PluginId {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/examples/readability");
    home::install_from(gateway, &folder, |manifest, files| {
        let Some(source) = source else { return };
        // A plugin's schemas have its own name.
        *manifest =
            serde_json::from_str(&serde_json::to_string(manifest).unwrap().replace("readability", name)).unwrap();
        manifest.limits.max_ms = HANG_MS;
        files.insert("plugin.py".to_owned(), source.as_bytes().into());
    })
    .await
}
