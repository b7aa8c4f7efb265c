//! `check`: every mistake in the config at once; with `--live`, every right on the store.

use std::sync::Arc;

use anyhow::Result;
use clap::Args;

use super::{
    context::Context,
    exit::{Exit, UsageError},
    output, shared, sums,
};
use crate::{
    app::{NotSetUp, Validity, load_certificates, prove, validity},
    clock::{Clock, SystemClock},
    config::{Config, StoreConfig},
    store::proof::{Proof, ProofVerdict},
};

#[derive(Debug, Args)]
#[command(after_help = "\
On AWS, --live puts a version with a label of its own into each secret and takes the label off again: what is current,
pending or previous stays so, and AWS removes the version by itself. Exits 1 when something does not work, and 2 when AWS
can't be asked at all: no region, no credentials, or an endpoint that is no URL.")]
pub(super) struct CheckArgs {
    /// Also prove each permission on the real store
    #[arg(long)]
    live: bool,
}

pub(super) fn run(context: &Context, args: &CheckArgs) -> Result<Exit> {
    let config = context.config()?;
    let mut exit = Exit::Done;
    let mut warnings = config.warnings();
    if let Some(tls) = &config.tls {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let certificates = load_certificates(tls, &clock).map_err(|error| UsageError(error.to_string()))?;
        match validity(&certificates, &*clock) {
            Validity::Valid => {}
            Validity::EndsSoon(what) => {
                warnings.push(format!("{what}: put a new one into `tls.cert` and `tls.key`"))
            }
            Validity::Expired(what) => {
                output::note(&format!("error: {what}: put a new one into `tls.cert` and `tls.key`"));
                exit = Exit::Failed;
            }
        }
    }
    output::say(&format!(
        "{}: well-formed; {}, {}, config {}",
        context.path().display(),
        output::count(config.secrets.len(), "secret"),
        output::count(config.clients.len(), "client"),
        config.hash
    ));
    for warning in warnings {
        output::say(&format!("warning: {warning}"));
    }
    if let StoreConfig::Embedded { path, key_file } = &config.store
        && key_file.starts_with(path)
    {
        output::say(
            "suggestion: keep `key_file` away from `store.path`, so that a copy of the data alone opens nothing",
        );
    }
    for warning in shared::warnings(context.path(), &config) {
        output::say(&warning);
    }
    for warning in
        config.secrets.iter().filter_map(|secret| (config.store.limits().name_warning)(&secret.name))
    {
        output::say(&format!("warning: {warning}"));
    }
    for secret in &config.secrets {
        output::say(&sums::of(&config, secret));
    }
    match if args.live { context.block_on(live(&config))? } else { Exit::Done } {
        Exit::Done => Ok(exit),
        failed => Ok(failed),
    }
}

async fn live(config: &Config) -> Result<Exit> {
    let mut bad = 0;
    prove(config, |secret, proofs| {
        bad += proofs.iter().filter(|proof| proof.is_bad()).count();
        output::say(&format!("{secret}{}", proofs.iter().map(line).collect::<String>()));
    })
    .await
    .map_err(|error| match error.downcast::<NotSetUp>() {
        Ok(not_set_up) => UsageError(not_set_up.to_string()).into(),
        Err(error) => error,
    })?;
    if bad == 0 {
        return Ok(Exit::Done);
    }
    output::note(&format!("error: {bad} of the above would keep a rotation from being done"));
    Ok(Exit::Failed)
}

fn line(proof: &Proof) -> String {
    let verdict = match proof.verdict {
        ProofVerdict::Proved => "ok",
        ProofVerdict::Denied => "denied",
        ProofVerdict::Failed => "failed",
        ProofVerdict::NotTried => "not tried",
    };
    let mut text = format!("\n  {:<24}  {verdict}", proof.action);
    if let Some(why) = &proof.why {
        text.push_str(&format!(": {why}"));
    }
    if let Some(remedy) = &proof.remedy {
        text.push_str(&format!("\n  {:<24}  to do: {remedy}", ""));
    }
    text
}
