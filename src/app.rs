//! Wires everything, and decides nothing.
//!
//! Read from top to bottom: what is opened, what is bound, what is started, what stops it.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use anyhow::{Context, Result};
use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

use self::open::{OpenedStore, Renew, StoreFiles};
use crate::{
    audit::AuditLog,
    clock::{Clock, SystemClock},
    config::Config,
    distribution::Distribution,
    http::{
        admin::{self, Admin},
        api::{Api, TokenCounter, TokenSources, Verdicts},
        auth::Clients,
        background::BackgroundRuntime,
        limits,
        routes::Routes,
        server, telemetry,
        tls::{self, Material, Tls},
    },
    lifecycle::{Lifecycle, Signal},
    metrics::Metrics,
    store::{
        Secret, Store,
        decorators::{Audited, Metered},
    },
    token::Reveal,
};

mod asked;
mod certificates;
mod drift;
mod engines;
mod local;
mod observations;
mod observers;
mod open;
mod preview;
mod prove;
mod sockets;
mod status;
mod tick;
mod translate;
mod unmade;

use asked::ByName;
pub use asked::{decide, hand_out};
pub use certificates::{Validity, load as load_certificates, validity};
use drift::{Drift, Load};
use engines::Engines;
pub use local::{Local, is_listened_on, one_shot, unheard};
use observations::Observations;
use observers::{Steps, StoreCounts};
pub use prove::{NotSetUp, prove};
use sockets::{AdminName, Sockets};
pub use unmade::unmade;

/// Runs the daemon until it is told to stop. An error is one that kept it from starting, or a part
/// of it that ended although it must not.
pub async fn serve(
    path: &Path,
    load: impl Fn(&Path) -> Result<Config> + Send + Sync + 'static,
) -> Result<()> {
    let load: Load = Arc::new(load);
    let mut lifecycle = Lifecycle::install().context("the signal handlers could not be installed")?;
    let (mark, mut config) = (drift::mark(path), Arc::new(load(path)?));
    let stop = CancellationToken::new();
    let parts = Parts::open(&config, path, &stop).await?;
    let sockets = Sockets::bind(&config, &parts.clock).await?;
    let admin = sockets.admin.name();
    let drift = Arc::new(parts.drift(path, &load, &admin));
    let mut tasks = JoinSet::new();

    let (ticks, tick) = watch::channel(0);
    let scheduler = tick::start(ticks).await.context("the scheduler could not be started")?;
    let engines = parts.engines(&drift, tick, stop.clone());
    parts.apply(&config);
    drift.applied(&config, mark);
    engines.configure(&config, &mut tasks);
    parts.serve(&config, sockets, &engines, &drift, &stop, &mut tasks);
    tasks.spawn(drift::watch(Arc::clone(&drift), stop.clone()));
    announce(&config, path);
    lifecycle.ready();

    let outcome = loop {
        tokio::select! {
            signal = lifecycle.next() => match signal {
                Signal::Stop => break Ok(()),
                Signal::Reload => {
                    lifecycle.reloading();
                    let mark = drift::mark(path);
                    match parts.reload(path, &load, &config) {
                        Ok((new, certificates)) => {
                            config = Arc::new(new);
                            parts.certify(certificates);
                            parts.apply(&config);
                            drift.applied(&config, mark);
                            engines.configure(&config, &mut tasks);
                            parts.metrics.config_reloaded(true);
                        }
                        Err(error) => {
                            tracing::error!("the config was not applied, the old one stays: {error:#}");
                            parts.metrics.config_reloaded(false);
                        }
                    }
                    lifecycle.ready();
                }
            },
            Some(ended) = tasks.join_next() => match ended {
                // A secret that was taken out of the config.
                Ok(()) => {}
                Err(error) => break Err(anyhow::anyhow!(error).context("a part of the daemon broke down")),
            },
        }
    };
    lifecycle.stopping();
    tracing::info!("stopping: requests in flight are ended first; a second signal ends at once");
    stop.cancel();
    tokio::select! {
        () = async { while tasks.join_next().await.is_some() {} } => {}
        () = lifecycle.stopped() => tracing::warn!("stopped at once, on a second signal"),
        () = parts.clock.sleep(limits::STOP) => tracing::warn!(
            "stopped after {:?}, though something had not ended: a step that was under way is finished or taken back by \
             whoever reads the secret next",
            limits::STOP
        ),
    }
    drop(scheduler);
    admin.remove();
    outcome
}

/// Everything that lasts as long as the daemon does.
struct Parts {
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    audit: Arc<AuditLog>,
    store: Arc<dyn Store>,
    reveal: Arc<dyn Reveal<Secret>>,
    store_files: Option<Arc<dyn StoreFiles>>,
    renew: Renew,
    distribution: Arc<Distribution>,
    clients: Arc<Clients>,
    observations: Arc<Observations>,
    /// Where `listen` speaks it.
    tls: Option<Arc<Tls>>,
    background: BackgroundRuntime,
    /// The config file, as it would be named from anywhere.
    config: PathBuf,
}

impl Parts {
    async fn open(config: &Config, path: &Path, stop: &CancellationToken) -> Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let certificates = config.tls.as_ref().map(|tls| load_certificates(tls, &clock)).transpose()?;
        let tls = certificates.map(|material| Arc::new(Tls::new(material, stop.clone())));
        let metrics = Arc::new(Metrics::new().context("the metrics could not be registered")?);
        let audit = Arc::new(AuditLog::open(&translate::audit_target(config))?);
        let OpenedStore { store, reveal, files: store_files, renew } = open::open(config, &clock)?;
        let counts = StoreCounts::new(Arc::clone(&metrics));
        let steps = Steps::new(Arc::clone(&audit), "daemon".to_owned());
        let audited = Audited::new(store, steps);
        let store: Arc<dyn Store> = Arc::new(Metered::new(audited, counts, Arc::clone(&clock)));
        let (bounds, members) = translate::distribution(config);
        let distribution = Arc::new(Distribution::new(Arc::clone(&clock), bounds, members));
        let clients = Arc::new(Clients::default());
        let observations = Arc::new(Observations::new(&clock, &metrics, &distribution));
        let background =
            BackgroundRuntime::start().context("the threads for `listen` could not be started")?;
        let config = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Ok(Self {
            clock,
            metrics,
            audit,
            store,
            reveal,
            store_files,
            renew,
            distribution,
            clients,
            observations,
            tls,
            background,
            config,
        })
    }

    /// Puts a config in force, at the start and when it is read again.
    fn apply(&self, config: &Config) {
        for warning in config.warnings() {
            tracing::warn!("{warning}");
        }
        let (bounds, members) = translate::distribution(config);
        for member in &members {
            self.metrics.know_audience(&member.audience, &[&member.client_id]);
        }
        self.distribution.configure(bounds, members);
        self.clients.replace(translate::clients(config, &self.clients));
        self.observations.configure(config);
        self.metrics.config(&config.hash);
    }

    /// Reads the config again, and the certificates with it, and has AWS's credentials looked up again. An error changes
    /// nothing.
    fn reload(&self, path: &Path, load: &Load, old: &Config) -> Result<(Config, Option<Material>)> {
        // Whatever the config says: other tools write those files.
        (self.renew)();
        let new = load(path)?;
        let changes =
            crate::config::changes(old, &new).map_err(|errors| anyhow::anyhow!(errors.join("; ")))?;
        let certificates = new.tls.as_ref().map(|tls| load_certificates(tls, &self.clock)).transpose()?;
        for change in changes {
            tracing::info!("config: {change}");
        }
        Ok((new, certificates))
    }

    /// Puts certificates in force, where they are others.
    fn certify(&self, certificates: Option<Material>) {
        if let (Some(tls), Some(material)) = (&self.tls, certificates)
            && tls.replace(material)
        {
            tracing::info!("the certificates of `listen` were read again, and are others from now on");
            certificates::warn(tls, &*self.clock);
        }
    }

    /// What of this is compared with the disk.
    fn drift(&self, path: &Path, load: &Load, admin: &Arc<AdminName>) -> Drift {
        Drift {
            path: path.to_owned(),
            load: Arc::clone(load),
            clock: Arc::clone(&self.clock),
            metrics: Arc::clone(&self.metrics),
            audit: Arc::clone(&self.audit),
            tls: self.tls.clone(),
            store: self.store_files.clone(),
            admin: Arc::clone(admin),
            state: Mutex::default(),
        }
    }

    fn engines(&self, drift: &Arc<Drift>, tick: watch::Receiver<u64>, stop: CancellationToken) -> Engines {
        Engines {
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock),
            observations: Arc::clone(&self.observations),
            drift: Arc::clone(drift),
            distribution: Arc::clone(&self.distribution),
            tick,
            stop,
            running: Arc::default(),
        }
    }

    fn serve(
        &self,
        config: &Config,
        sockets: Sockets,
        engines: &Engines,
        drift: &Arc<Drift>,
        stop: &CancellationToken,
        tasks: &mut JoinSet<()>,
    ) {
        let Self { clock, metrics, distribution, clients, audit, observations, .. } = self;
        let verdicts = Verdicts {
            distribution: Arc::clone(distribution),
            metrics: Arc::clone(metrics),
            clock: Arc::clone(clock),
        };
        let members = Arc::clone(observations);
        let tokens = Arc::new(TokenCounter::new(TokenSources {
            reveal: Arc::new(ByName {
                store: Arc::clone(&self.reveal),
                observations: Arc::clone(observations),
            }),
            member: Box::new(move |name| members.member(name)),
            audit: Arc::clone(audit),
            metrics: Arc::clone(metrics),
            clock: Arc::clone(clock),
        }));
        tasks.spawn(Arc::clone(&tokens).tell_refusals(stop.clone()));
        // Without TLS a token is handed out on loopback only, whatever else is allowed.
        let safe = self.tls.is_some() || config.listen.ip().is_loopback();
        let public_tokens = safe.then(|| Arc::clone(&tokens));
        let public = Api::new(verdicts.clone(), public_tokens, Arc::clone(clients), stop.clone());
        let (before_scrape, readiness) = observers::telemetry(observations, audit, drift);
        let telemetry = telemetry::router(Arc::clone(metrics), before_scrape, readiness);
        let admin = Admin {
            operator: engines.operator(),
            audit: Arc::clone(audit),
            clock: Arc::clone(clock),
            running: observations.running(&self.config),
        };
        let admin = admin::router(admin, admin::about_tokens(tokens, Arc::new(verdicts)));
        let Sockets { listen, metrics_listen, admin: admin_socket } = sockets;
        let capacity = sockets::capacity();
        let service = |routes: Routes, places| server::Service {
            routes,
            places,
            metrics: Arc::clone(metrics),
            clock: Arc::clone(clock),
            stop: stop.clone(),
        };
        let public = service(Routes::Api(Arc::new(public)), capacity.listen);
        let background = Some(self.background.clone());
        match &self.tls {
            Some(tls) => {
                tasks.spawn(certificates::watch(Arc::clone(tls), Arc::clone(clock), stop.clone()));
                let listen = tls::Listener { tcp: listen, tls: Arc::clone(tls) };
                tasks.spawn(server::serve(listen, public, background))
            }
            None => tasks.spawn(server::serve(listen, public, background)),
        };
        tasks.spawn(server::serve(metrics_listen, service(telemetry.into(), capacity.metrics), None));
        tasks.spawn(server::serve(admin_socket, service(admin.into(), capacity.admin), None));
    }
}

/// What is served, and what a newcomer can try next.
fn announce(config: &Config, path: &Path) {
    let path = path.display();
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    tracing::info!("serving verifiers and bots on {scheme}://{}", config.listen);
    tracing::info!("serving /metrics /healthz /readyz on http://{}", config.metrics_listen);
    tracing::info!("taking orders on {}", config.admin_socket.display());
    // A file that was cut off looks so.
    let none = [("secrets", config.secrets.is_empty()), ("clients", config.clients.is_empty())];
    for (key, _) in none.iter().filter(|(key, empty)| *empty && !config.emptied.contains(key)) {
        tracing::warn!("the config has no `{key}`: was it cut off? If that is meant, say `{key}: []`");
    }
    for secret in &config.secrets {
        tracing::info!(secret = %secret.name, audience = %secret.audience, "rotating");
    }
    if let Some(secret) = config.secrets.first() {
        tracing::info!("try next: crossfade -c {path} status; crossfade -c {path} token {}", secret.name);
    }
}
