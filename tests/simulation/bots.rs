//! Bots that play by the rules: they read AWSCURRENT, and use it for no longer than they may, wherever they are sent.

use std::sync::Arc;

use axum::body::Body;
use crossfade::http::{auth::Caller, listener::Peer};
use crossfade_verify::Verdict;
use http_body_util::BodyExt as _;
use hyper::Request;

use crate::{
    dice::Dice,
    journal::Counted,
    oracle::Said,
    world::{CREDENTIAL, World, said},
};

/// One bot's life.
pub(crate) async fn run(world: Arc<World>, secret: String, name: String) {
    let dice = Dice::new(world.scenario.seed, &name);
    loop {
        tokio::time::sleep(dice.millis(100..=3_000)).await;
        world.see();
        let Some((version, token)) = world.truth.current(&secret, &name) else { continue };
        let may_ms = u64::try_from(world.scenario.run().as_millis()).expect("short");
        let read_ms = world.journal.now_ms();
        let until_ms = read_ms + if dice.one_in(2) { may_ms } else { dice.of(0..=may_ms) };
        while world.journal.now_ms() <= until_ms {
            let (who, verdict) = call(&world, &name, &dice, &token).await;
            let now_ms = world.journal.now_ms();
            world.journal.count(Counted::BotCalls, 1);
            match verdict {
                Said::Accepted => world.journal.count(Counted::Accepted, 1),
                Said::Unsure => world.journal.count(Counted::Unsure, 1),
                // It may have waited for longer than it may use what it has.
                Said::Refused if now_ms <= read_ms + may_ms => {
                    let oracles = world.oracles();
                    let oracle = &oracles[&secret];
                    let fate = &oracle.fates[&version];
                    if let Some(wrong) = oracle.judge(fate, verdict, now_ms, 0, 0) {
                        world.is_wrong(wrong, &format!("{name} at {who}: {version}"), fate);
                    }
                }
                Said::Refused => {}
            }
            tokio::time::sleep(dice.millis(200..=4_000)).await;
        }
    }
}

/// At a server, or at one that asks a replica.
async fn call(world: &World, bot: &str, dice: &Dice, token: &str) -> (String, Said) {
    if dice.one_in(4) {
        let replica = dice.pick(&world.replicas);
        let api = replica.running().as_ref().map(|running| Arc::clone(&running.api));
        let Some(api) = api.filter(|_| replica.host.is_awake()) else {
            return (replica.host.name.clone(), Said::Unsure);
        };
        let request = Request::post("/v1/introspect")
            .header("authorization", format!("Bearer {CREDENTIAL}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(format!("token={token}")))
            .expect("a request");
        let caller = Caller::from(Peer { name: bot.into(), uid: None });
        let answer = api.answer(request, &caller).made().await;
        let status = answer.status();
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        let active =
            serde_json::from_slice::<serde_json::Value>(&body).ok().and_then(|body| body["active"].as_bool());
        let said = match active.filter(|_| status.is_success()) {
            Some(true) => Said::Accepted,
            Some(false) => Said::Refused,
            None => Said::Unsure,
        };
        return (replica.host.name.clone(), said);
    }
    let server = dice.pick(&world.servers);
    let name = server.host.name.clone();
    let Some(verifier) = server.verifier() else { return (name, Said::Unsure) };
    let verdict = server.says(verifier.verify_or_refresh(token).await);
    if verdict == Verdict::Unsure {
        world.journal.tell(bot, format_args!("{name} is unsure"));
    }
    (name, said(&verdict))
}
