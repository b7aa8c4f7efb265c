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

mod announcement;
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

use announcement::announce;
use asked::ByName;
pub use asked::{decide, hand_out};
pub use certificates::{Validity, load as load_certificates, validity};
use drift::{Drift, Load};
use engines::Engines;
pub use local::{Local, is_listened_on, one_shot, unheard};
use observations::Observations;
use observers::Steps;
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
                    let new = parts.reload(path, &load, &config);
                    let is_applied = new.is_some();
                    if let Some(new) = new {
                        config = Arc::new(new);
                        parts.apply(&config);
                        drift.applied(&config, mark);
                        engines.configure(&config, &mut tasks);
                    }
                    parts.metrics.config_reloaded(is_applied);
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
    drain(&mut tasks, &mut lifecycle, &*parts.clock).await;
    drop(scheduler);
    admin.remove();
    outcome
}

/// Waits until everything has ended that was told to; not for longer than a person or the service manager will.
async fn drain(tasks: &mut JoinSet<()>, lifecycle: &mut Lifecycle, clock: &dyn Clock) {
    tokio::select! {
        () = async { while tasks.join_next().await.is_some() {} } => {}
        () = lifecycle.stopped() => tracing::warn!("stopped at once, on a second signal"),
        () = clock.sleep(limits::STOP) => tracing::warn!(
            "stopped after {:?}, though something had not ended: a step that was under way is finished or taken back by \
             whoever reads the secret next",
            limits::STOP
        ),
    }
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
        observers::know_operations(&metrics);
        let steps = Steps::new(Arc::clone(&audit), "daemon".to_owned());
        let audited = Audited::new(store, steps);
        let meter = Arc::<Metrics>::clone(&metrics);
        let store: Arc<dyn Store> = Arc::new(Metered::new(audited, meter, Arc::clone(&clock)));
        let (bounds, members) = translate::distribution(config);
        let distribution = Arc::new(Distribution::new(Arc::clone(&clock), bounds, members));
        let clients = Arc::new(Clients::default());
        let observations =
            Observations::new(Arc::clone(&clock), Arc::clone(&metrics), Arc::clone(&distribution));
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
            observations: Arc::new(observations),
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

    /// Reads the config again, and puts the certificates in force that it names. An error changes nothing: none.
    fn reload(&self, path: &Path, load: &Load, old: &Config) -> Option<Config> {
        let read = self.read_again(path, load, old);
        let read = read.inspect_err(|error| {
            tracing::error!("the config was not applied, the old one stays: {error:#}");
        });
        let (new, certificates) = read.ok()?;
        if let (Some(tls), Some(material)) = (&self.tls, certificates) {
            certificates::replace(tls, material, &*self.clock);
        }
        Some(new)
    }

    /// The config with its certificates, read again; and AWS's credentials are looked up again.
    fn read_again(&self, path: &Path, load: &Load, old: &Config) -> Result<(Config, Option<Material>)> {
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

    fn engines(
        &self,
        drift: &Arc<Drift>,
        tick: watch::Receiver<u64>,
        stop: CancellationToken,
    ) -> Arc<Engines> {
        Arc::new(Engines {
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock),
            observations: Arc::clone(&self.observations),
            drift: Arc::clone(drift),
            distribution: Arc::clone(&self.distribution),
            tick,
            stop,
            running: Mutex::default(),
        })
    }

    /// What hands tokens out.
    fn tokens(&self) -> Arc<TokenCounter> {
        let observations = Arc::clone(&self.observations);
        Arc::new(TokenCounter::new(TokenSources {
            reveal: Arc::new(ByName {
                store: Arc::clone(&self.reveal),
                observations: Arc::clone(&self.observations),
            }),
            member: Box::new(move |name| observations.member(name)),
            audit: Arc::clone(&self.audit),
            metrics: Arc::clone(&self.metrics),
            clock: Arc::clone(&self.clock),
        }))
    }

    fn serve(
        &self,
        config: &Config,
        sockets: Sockets,
        engines: &Arc<Engines>,
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
        let tokens = self.tokens();
        tasks.spawn(Arc::clone(&tokens).tell_refusals(stop.clone()));
        // Without TLS a token is handed out on loopback only, whatever else is allowed.
        let safe = self.tls.is_some() || config.listen.ip().is_loopback();
        let public_tokens = safe.then(|| Arc::clone(&tokens));
        let public = Api::new(verdicts.clone(), public_tokens, Arc::clone(clients), stop.clone());
        let (before_scrape, readiness) = observers::telemetry(observations, audit, drift);
        let telemetry = telemetry::router(Arc::clone(metrics), before_scrape, readiness);
        let admin = Admin {
            operator: Arc::<Engines>::clone(engines),
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
