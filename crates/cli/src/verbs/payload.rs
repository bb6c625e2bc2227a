//! From arguments to a request: the payload in one of its forms, ids, policy and context.
//!
//! Files and standard input are read before the home is taken; only what must be put into it waits for that.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use clap::Args;
use omega_gateway::broker::ArtifactLabel;
use omega_gateway::contract::exchange::RequestPolicy;
use omega_gateway::contract::payload::{BinaryRefPayload, DatasetSlicePayload, JsonPayload};
use omega_gateway::contract::{
    ErrorCode, JsonData, Manifest, Payload, PayloadKind, PluginRequest, RequestId, RunId, limits,
};
use omega_server::local::operations::PutArtifact;
use omega_server::local::{Attachment, Door};

use crate::fault::Fault;
use crate::input;
use crate::session::Session;

/// What goes into the plugin: one of these.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Source {
    /// A text
    #[arg(long, value_name = "S")]
    text: Option<String>,
    /// A file (`-`: standard input), sent as the plugin takes it: as text, as JSON data, or put as an artifact
    #[arg(long, value_name = "F")]
    file: Option<PathBuf>,
    /// A JSON object
    #[arg(long, value_name = "JSON")]
    data: Option<String>,
    /// An artifact of the home, by id or name
    #[arg(long, value_name = "ID")]
    artifact: Option<String>,
    /// Rows of a dataset of the home; name them with --id
    #[arg(long, value_name = "SOURCE", requires = "id")]
    slice: Option<String>,
    /// A whole request as a JSON file (`-`: standard input)
    #[arg(long, value_name = "F", conflicts_with_all = ["run_id", "request_id", "timeout_ms", "retries", "deterministic_only", "context"])]
    request: Option<PathBuf>,
}

/// What goes in, how long it may take, and what it is called.
#[derive(Debug, Args)]
pub(super) struct Call {
    #[command(flatten)]
    source: Source,
    /// With --data or --file: which of the plugin's JSON inputs it is [default: the only one]
    #[arg(long, value_name = "REF")]
    schema_ref: Option<String>,
    /// With --file or --artifact: the media type [default: as it was put, or by the file's ending]
    #[arg(long, value_name = "TYPE")]
    media_type: Option<String>,
    /// With --slice: the key of a row; may be given several times
    #[arg(long, value_name = "KEY", requires = "slice")]
    id: Vec<String>,
    /// With --slice: only rows whose field has this value; may be given several times
    #[arg(long, value_name = "FIELD=VALUE", requires = "slice", value_parser = pair)]
    filter: Vec<(String, String)>,
    /// The run that the call belongs to [default: a new one]
    #[arg(long, value_name = "R")]
    run_id: Option<RunId>,
    /// The call's id, unique in its run [default: a new one]
    #[arg(long, value_name = "ID")]
    request_id: Option<RequestId>,
    /// Milliseconds for the whole call, retries included [default: the plugin's own limit]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(limits::TIMEOUT_MS_MIN..=limits::TIMEOUT_MS_MAX))]
    timeout_ms: Option<u64>,
    /// How often an error or a timeout is tried again
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(..=i64::from(limits::RETRIES_MAX)))]
    retries: Option<u8>,
    /// Refuse plugins that are declared probabilistic
    #[arg(long)]
    deterministic_only: bool,
    /// Data for the plugin, never secrets; may be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    context: Vec<(String, String)>,
}

/// `KEY=VALUE`, for clap.
fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("it reads KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// Bytes of a text given in the arguments or a file: what the gateway takes at most.
const TEXT_BYTES_MAX: u64 = limits::PAYLOAD_BYTES_MAX;

/// A payload as far as it can be made without the home.
pub(super) enum Draft {
    Request(Box<PluginRequest>),
    Payload(Payload),
    /// To be put into the home's artifacts.
    File(PathBuf),
    /// To be looked up there.
    Artifact(String),
}

impl Call {
    /// Reads what the arguments name. `manifest` is the plugin's, where the home knows it.
    pub(super) fn draft(&self, manifest: Option<&Manifest>) -> Result<Draft, Fault> {
        let source = &self.source;
        if let Some(text) = &source.text {
            return Ok(Draft::Payload(Payload::text(text)));
        }
        if let Some(data) = &source.data {
            let data = JsonData::read(data.as_str(), TEXT_BYTES_MAX)
                .map_err(|error| input::invalid_json(ErrorCode::RequestInvalid, &error).with("argument", "--data"))?;
            return Ok(Draft::Payload(self.json(data, manifest)?));
        }
        if let Some(name) = &source.slice {
            return Ok(Draft::Payload(Payload::DatasetSlice(DatasetSlicePayload {
                slice_ids: self.id.clone(),
                source: name.clone(),
                filters: distinct(&self.filter, "--filter")?,
            })));
        }
        if let Some(file) = &source.request {
            let request = input::read_json(file, limits::REQUEST_BYTES_MAX, ErrorCode::RequestInvalid)?;
            return Ok(Draft::Request(Box::new(request)));
        }
        if let Some(id) = &source.artifact {
            return Ok(Draft::Artifact(id.clone()));
        }
        match &source.file {
            Some(file) => self.file(file, manifest),
            // clap requires one of the sources.
            None => {
                Err(Fault::usage("Nothing was given to send.").hint("Name it with `--text`, `--file` or `--data`."))
            }
        }
    }

    /// A file, in the form that the plugin takes.
    fn file(&self, file: &Path, manifest: Option<&Manifest>) -> Result<Draft, Fault> {
        let takes = |kind| manifest.is_none_or(|manifest| manifest.io.inputs.iter().any(|input| input.kind == kind));
        if takes(PayloadKind::Text) {
            // A plugin that nobody knows is refused by the gateway, whatever is sent.
            return Ok(Draft::Payload(Payload::text(input::read_text(file, TEXT_BYTES_MAX)?)));
        }
        if takes(PayloadKind::BinaryRef) {
            return Ok(Draft::File(file.to_owned()));
        }
        if takes(PayloadKind::Json) {
            let data = input::read_data(file, TEXT_BYTES_MAX, ErrorCode::RequestInvalid)?;
            return Ok(Draft::Payload(self.json(data, manifest)?));
        }
        Err(Fault::new(ErrorCode::PayloadKindRefused)
            .because("this plugin takes rows of a dataset alone")
            .hint("Use `--slice`."))
    }

    fn json(&self, data: JsonData, manifest: Option<&Manifest>) -> Result<Payload, Fault> {
        Ok(Payload::Json(JsonPayload { data, schema_ref: self.schema_ref(manifest)? }))
    }

    /// The JSON input that is meant.
    fn schema_ref(&self, manifest: Option<&Manifest>) -> Result<String, Fault> {
        if let Some(given) = &self.schema_ref {
            return Ok(given.clone());
        }
        let inputs = manifest.map(|manifest| manifest.io.inputs.as_slice()).unwrap_or_default();
        let mut json = inputs.iter().filter(|input| input.kind == PayloadKind::Json);
        match (json.next(), json.next()) {
            (Some(only), None) => Ok(only.schema_ref.0.clone()),
            (Some(first), Some(second)) => Err(Fault::usage("The plugin has several JSON inputs.")
                .with("inputs", format!("{}, {}, …", first.schema_ref.0, second.schema_ref.0))
                .hint("Choose one with `--schema-ref`.")),
            // Unknown plugin, or one without JSON input: the gateway says so, and journals it.
            (None, _) => Ok(String::new()),
        }
    }

    /// The request, once what it refers to is in the home.
    pub(super) async fn request(
        &self,
        draft: Draft,
        manifest: Option<&Manifest>,
        session: &Session,
        door: &Door,
    ) -> Result<PluginRequest, Fault> {
        let payload = match draft {
            Draft::Request(request) => return Ok(*request),
            Draft::Payload(payload) => payload,
            Draft::File(file) => self.put(&file, door).await?,
            Draft::Artifact(id) => self.artifact(id, session)?,
        };
        let mut request = omega_gateway::request(payload);
        if let Some(run_id) = &self.run_id {
            request.run_id = run_id.clone();
        }
        if let Some(request_id) = &self.request_id {
            request.request_id = request_id.clone();
        }
        request.context = distinct(&self.context, "--context")?;
        request.policy = self.policy(manifest);
        Ok(request)
    }

    /// A policy where one was asked for.
    fn policy(&self, manifest: Option<&Manifest>) -> Option<RequestPolicy> {
        let asked = self.timeout_ms.is_some() || self.retries.is_some() || self.deterministic_only;
        let own_ms = manifest.map_or(limits::MAX_MS_WARN_ABOVE, |manifest| manifest.limits.max_ms);
        asked.then(|| RequestPolicy {
            deterministic_only: self.deterministic_only,
            timeout_ms: self.timeout_ms.unwrap_or(own_ms),
            max_retries: self.retries.unwrap_or_default(),
        })
    }

    /// Puts a file into the home's artifacts and refers to it.
    async fn put(&self, file: &Path, door: &Door) -> Result<Payload, Fault> {
        let media_type = self.media_type.clone().unwrap_or_else(|| media_type_of(file).to_owned());
        let label = ArtifactLabel { name: None, media_type: Some(media_type.parse()?) };
        let content = if input::is_standard_input(file) {
            Attachment::new(std::io::stdin())
        } else {
            Attachment::new(File::open(file).map_err(|error| Fault::file(file, &error))?)
        };
        let info = door.ask(PutArtifact { label, content }).await?;
        Ok(Payload::BinaryRef(BinaryRefPayload {
            artifact_id: info.digest.to_string(),
            artifact_hash: info.digest,
            mime_type: media_type,
        }))
    }

    /// Refers to an artifact that is there.
    fn artifact(&self, id: String, session: &Session) -> Result<Payload, Fault> {
        let info = session.reader()?.brokers().artifacts().describe(&id)?;
        let known = info.media_type.map(|media_type| media_type.to_string());
        let mime_type = self.media_type.clone().or(known).unwrap_or_else(|| UNKNOWN_MEDIA_TYPE.to_owned());
        Ok(Payload::BinaryRef(BinaryRefPayload { artifact_id: id, artifact_hash: info.digest, mime_type }))
    }
}

/// Bytes of which nobody said what they are (RFC 2046, section 4.5.1).
const UNKNOWN_MEDIA_TYPE: &str = "application/octet-stream";

/// The media type that a file's ending suggests.
pub(super) fn media_type_of(file: &Path) -> &'static str {
    match file.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase).as_deref() {
        Some("csv") => "text/csv",
        Some("txt" | "log") => "text/plain",
        Some("md") => "text/markdown",
        Some("html" | "htm") => "text/html",
        Some("json") => "application/json",
        Some("ndjson" | "jsonl") => "application/x-ndjson",
        Some("pdf") => "application/pdf",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        _ => UNKNOWN_MEDIA_TYPE,
    }
}

/// Pairs as a map; a key that stands twice is a mistake.
fn distinct(pairs: &[(String, String)], option: &str) -> Result<BTreeMap<String, String>, Fault> {
    let mut map = BTreeMap::new();
    for (key, value) in pairs {
        if map.insert(key.clone(), value.clone()).is_some() {
            return Err(Fault::usage(format!("{option} was given twice for the same name.")).with("name", key));
        }
    }
    Ok(map)
}
