//! Embedding the gateway: admit a plugin, call it, prove the call.

use std::error::Error;
use std::path::Path;

use omega_gateway::contract::{Clock as _, Payload, Status};
use omega_gateway::{Gateway, Home, OpenOptions, SystemClock, package_source, request, signed_package};

/// Makes a home, installs the package in `package`, sends it `text` and returns its report as JSON.
///
/// # Errors
/// Whatever keeps the plugin from being admitted or from answering.
pub async fn embed(home: &Path, package: &Path, text: &str) -> Result<String, Box<dyn Error>> {
    let home = Home::init(home, SystemClock::default().now())?;
    let gateway = Gateway::open(&home, OpenOptions::default()).await?;

    // Nothing unsigned gets in. Here the operator's own key signs; a publisher's key would be approved
    // once with `gateway.admin().trust_key(…)`.
    let files = signed_package(package_source::read(package)?, &home.operator_key()?)?;
    let plugin = gateway.register_plugin(files).await?;
    gateway.enable_plugin(&plugin.plugin_id, Some(&plugin.version)).await?;

    let request = request(Payload::text(text));
    let run_id = request.run_id.clone();
    let answer = gateway.invoke(&plugin.plugin_id, request).await?;
    let (Status::Ok, Some(Payload::Json(report))) = (answer.response.status, answer.response.result) else {
        return Err(format!("{:?}: {}", answer.reason, answer.response.notes).into());
    };

    // The exchange is on disk already. The proof can be checked by anyone, without this gateway.
    let proof = gateway.export_proof(&run_id).await?;
    println!("event {} · head {} · {} events", answer.event_index, proof.head_event_hash, proof.events.len());
    Ok(serde_json::to_string(&report.data)?)
}

fn main() -> Result<(), Box<dyn Error>> {
    // Before any thread: the sandboxes of the worker lane are made by this program once more, as a helper.
    omega_gateway::become_helper_if_asked();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [home, package, file] = &arguments[..] else { return Err("usage: embed HOME PACKAGE FILE".into()) };
    let text = std::fs::read_to_string(file)?;
    let runtime = tokio::runtime::Runtime::new()?;
    println!("{}", runtime.block_on(embed(home.as_ref(), package.as_ref(), &text))?);
    Ok(())
}
