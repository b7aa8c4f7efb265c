//! The servers. Each is what a careful engineer would write: refreshes are shared and in the background, comparisons
//! take the same time for every token, and what can't be known is 503, never 401.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Result;
use axum::{
    Router,
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::any,
};
use clap::Args;
use crossfade_verify::{Verifier, feed::Feed, tower::RequireToken};
use tokio::{net::TcpListener, task::JoinSet};

use crate::{AUDIENCE, CREDENTIAL, Kind};

mod cache;
mod introspection;
mod source;

use cache::Cache;
use introspection::Introspection;
use source::{CURRENT, PREVIOUS, Source};

/// What a server has to know.
#[derive(Clone, Debug, Args)]
pub struct Settings {
    /// How it is guarded
    pub kind: Kind,
    /// Where Secrets Manager is
    #[arg(long)]
    pub aws: SocketAddr,
    /// Where the daemon is
    #[arg(long)]
    pub daemon: SocketAddr,
    /// How long a value is kept, in milliseconds
    #[arg(long)]
    pub ttl_ms: u64,
    /// How long not to ask again about unknown tokens, in milliseconds
    #[arg(long)]
    pub cool_down_ms: u64,
}

enum Guard {
    EachRequest(Source),
    Cached(Arc<Cache>),
    Endpoint(Box<Introspection>),
}

pub(crate) enum Verdict {
    Accepted,
    Refused,
    Unsure,
}

/// Serves until it is killed; prints its address.
pub async fn serve(settings: Settings) -> Result<()> {
    let mut tasks = JoinSet::new();
    let routes = Router::new().route("/mcp", any(async || "pong"));
    let routes = guarded(routes, &settings, &mut tasks).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    Ok(axum::serve(listener, routes).await?)
}

async fn guarded(routes: Router, settings: &Settings, tasks: &mut JoinSet<()>) -> Result<Router> {
    let source = || Source::new(settings.aws, settings.kind);
    let (current, both): (&[_], &[_]) = (&[CURRENT], &[CURRENT, PREVIOUS]);
    let guard = match settings.kind {
        Kind::Bare => return Ok(routes),
        Kind::Embedded => {
            let feed = Feed::http(format!("http://{}", settings.daemon), CREDENTIAL);
            let verifier = Verifier::connect(feed, AUDIENCE).await?;
            return Ok(routes.layer(RequireToken::new(verifier)));
        }
        Kind::EachRequest => Guard::EachRequest(source()),
        Kind::Endpoint => Guard::Endpoint(Box::new(Introspection::of(settings.daemon))),
        Kind::Cached | Kind::CachedAsking => {
            Guard::Cached(cached(Cache::new(source(), current).await?, settings, tasks))
        }
        Kind::Both | Kind::BothAsking => {
            Guard::Cached(cached(Cache::new(source(), both).await?, settings, tasks))
        }
    };
    Ok(routes.layer(from_fn_with_state(Arc::new(guard), check)))
}

fn cached(mut cache: Cache, settings: &Settings, tasks: &mut JoinSet<()>) -> Arc<Cache> {
    if matches!(settings.kind, Kind::CachedAsking | Kind::BothAsking) {
        cache.asks_every(Duration::from_millis(settings.cool_down_ms));
    }
    let cache = Arc::new(cache);
    let (kept, ttl) = (Arc::clone(&cache), Duration::from_millis(settings.ttl_ms));
    tasks.spawn(async move { kept.keep_fresh(ttl).await });
    cache
}

async fn check(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let value = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some(token) = value.and_then(|value| value.strip_prefix("Bearer ")) else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let verdict = match &*guard {
        Guard::EachRequest(source) => source.verdict(token).await,
        Guard::Cached(cache) => cache.verdict(token).await,
        Guard::Endpoint(endpoint) => endpoint.verdict(token).await,
    };
    match verdict {
        Verdict::Accepted => next.run(request).await,
        Verdict::Refused => StatusCode::UNAUTHORIZED.into_response(),
        Verdict::Unsure => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}
