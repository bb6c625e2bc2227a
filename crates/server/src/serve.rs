//! The server: its doors opened, kept, and closed in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use omega_gateway::contract::ErrorCode;
use omega_gateway::{Config, Gateway, GatewayError};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::behind::Behind;
use crate::events::Feed;
use crate::http::{HttpOptions, HttpState};
use crate::listen::{self, HttpDoor, Tls, TlsFiles};
use crate::local::{self, LocalListener};
use crate::stopping::Stopper;
use crate::telemetry::{Metrics, Telemetry, Traces};

/// How a home is served.
pub struct ServeOptions {
    /// Where to listen for HTTP.
    pub listen: Vec<SocketAddr>,
    /// Listeners that somebody else opened (socket activation), used as well.
    pub inherited: Vec<std::net::TcpListener>,
    /// The certificate and its key; none: loopback alone.
    pub tls: Option<TlsFiles>,
    /// Names under which clients reach the server, besides its addresses.
    pub hosts: Vec<String>,
    /// Origins of web pages that may use it.
    pub origins: Vec<String>,
    /// HTTP connections at once.
    pub connections_max: u32,
    /// How long calls under way have at the end.
    pub grace: Duration,
    /// Where traces go.
    pub otlp_endpoint: Option<String>,
    /// Hears what an operator should know: a certificate that was read again, say.
    pub tell: Tell,
}

/// Whom the server tells what an operator should know.
pub type Tell = Arc<dyn Fn(String) + Send + Sync>;

impl ServeOptions {
    /// As `omega.toml` says.
    pub fn of(config: &Config, tell: Tell) -> Self {
        let serve = config.serve.clone();
        let tls = TlsFiles { cert: serve.tls_cert, key: serve.tls_key };
        Self {
            listen: serve.listen,
            inherited: Vec::new(),
            tls: Some(tls).filter(|files| !files.cert.as_os_str().is_empty()),
            hosts: serve.hosts,
            origins: serve.origins,
            connections_max: serve.connections_max,
            grace: Duration::from_millis(serve.grace_ms),
            otlp_endpoint: Some(serve.otlp_endpoint).filter(|endpoint| !endpoint.is_empty()),
            tell,
        }
    }
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopReport {
    /// Whether something was still under way when the time of grace was over. Its calls are journalled as `interrupted`.
    pub cut_off: bool,
    /// Events in the ledger, all of them on disk and covered by the last checkpoint.
    pub events: u64,
}

/// A home's gateway with its doors open. Nobody is let in before [`Server::run`].
pub struct Server {
    gateway: Gateway,
    local: LocalListener,
    door: HttpDoor,
    listeners: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
    feed: Feed,
    exporter: Option<crate::telemetry::Exporter>,
    stopper: Stopper,
    grace: Duration,
    tell: Tell,
}

impl Server {
    /// Opens the doors.
    ///
    /// # Errors
    /// `listen_unsafe` where other machines could reach the server and there is no TLS; `config_invalid` where the
    /// certificate cannot be used; `io` where an address or the socket cannot be had.
    pub async fn bind(gateway: Gateway, options: ServeOptions) -> Result<Self, GatewayError> {
        let local = LocalListener::bind(gateway.home())?;
        let tls = options.tls.map(Tls::load).transpose()?;
        let mut listeners = Vec::new();
        for listener in options.inherited {
            listeners.push(listen::adopt(listener, tls.as_ref())?);
        }
        for address in options.listen {
            listeners.push(listen::bind(address, tls.as_ref()).await?);
        }
        let addresses: Result<Vec<SocketAddr>, _> = listeners.iter().map(TcpListener::local_addr).collect();
        let addresses = addresses.map_err(|error| GatewayError::new(ErrorCode::Io, error.to_string()))?;
        let stopper = Stopper::new();
        let (traces, exporter) = options.otlp_endpoint.as_deref().map(Traces::new).transpose()?.unzip();
        let telemetry = Arc::new(Telemetry { metrics: Metrics::new(), traces });
        let gateway = gateway.observed_by(Arc::clone(&telemetry) as Arc<dyn omega_gateway::CallObserver>);
        let feed = Feed::new(gateway.clone(), stopper.stopping());
        let places_max = descriptors_for(options.connections_max);
        let places = Arc::new(Semaphore::new(places_max));
        let behind = Behind {
            gateway: gateway.clone(),
            feed: feed.clone(),
            telemetry,
            stopping: stopper.stopping(),
            places: Arc::clone(&places),
            places_max,
        };
        let mut http = HttpOptions::new(&addresses, &options.hosts, tls.is_some());
        http.origins = options.origins;
        let state = HttpState { gateway: gateway.clone(), options: Arc::new(http), hooks: Arc::new(behind) };
        let router = crate::http::router(state);
        let door = HttpDoor { router, tls, places };
        let (grace, tell) = (options.grace, options.tell);
        Ok(Self { gateway, local, door, listeners, addresses, feed, exporter, stopper, grace, tell })
    }

    /// Where it listens for HTTP, with the ports that the system chose.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Serves until `stop`; then lets what is under way finish until the time of grace is over or `cut` comes, and
    /// leaves a ledger that is on disk and checkpointed.
    ///
    /// # Errors
    /// `ledger_unavailable` where the last events could not be made durable.
    pub async fn run(
        self,
        stop: impl Future<Output = ()> + Send,
        cut: impl Future<Output = ()> + Send,
    ) -> Result<StopReport, GatewayError> {
        let Self { gateway, local, door, listeners, feed, exporter, mut stopper, grace, tell, .. } = self;
        if let Some(tls) = door.tls.clone() {
            let tell = Arc::clone(&tell);
            tokio::spawn(tls.reload_on_change(stopper.stopping(), move |text| tell(text)));
        }
        if let Some(exporter) = exporter {
            tokio::spawn(exporter.run(stopper.stopping()));
        }
        tokio::spawn(feed.follow());
        for listener in listeners {
            tokio::spawn(door.clone().accept(listener, stopper.stopping()));
        }
        drop(door);
        let stopping = stopper.stopping();
        let local_gateway = gateway.clone();
        let local = tokio::spawn(async move {
            let (stopped, cut) = (stopping.stopped(), stopping.cut());
            tokio::select! {
                served = local::serve_local(local_gateway, local, stopped, grace) => served.broken_off > 0,
                () = cut => true,
            }
        });
        stop.await;
        stopper.stop();
        let over = tokio::select! {
            () = stopper.all_done() => false,
            () = tokio::time::sleep(grace) => true,
            () = cut => true,
        };
        if over {
            stopper.cut();
            stopper.all_done().await;
        }
        let cut_off = local.await.unwrap_or(true) || over;
        gateway.flush().await?;
        gateway.admin().checkpoint().await?;
        Ok(StopReport { cut_off, events: gateway.activity().events })
    }
}

/// Descriptors that are kept for everything but connections.
#[cfg(unix)]
const DESCRIPTORS_KEPT: u64 = 256;

/// How many connections there may be: as many as asked for, if this process may have the descriptors. It takes as many
/// as the system lets it have.
#[cfg(unix)]
fn descriptors_for(connections_max: u32) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // What cannot be raised stays; the number of connections goes by what there is.
    let _stays = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_err();
    let descriptors = getrlimit(Resource::Nofile).current.or(current).unwrap_or(u64::MAX);
    let room = descriptors.saturating_sub(DESCRIPTORS_KEPT).max(16);
    usize::try_from(room.min(u64::from(connections_max))).unwrap_or(usize::MAX)
}

#[cfg(not(unix))]
fn descriptors_for(connections_max: u32) -> usize {
    usize::try_from(connections_max).unwrap_or(usize::MAX)
}
