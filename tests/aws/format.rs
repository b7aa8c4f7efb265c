//! A secret whose format is changed while the daemon runs.

use std::sync::Arc;

use crossfade::{
    clock::{Clock, SystemClock},
    store::{
        Format, Secret, Store,
        aws::{Aws, Options},
    },
};
use crossfade_testing_secretsmanager::Fake;
use crossfade_verify::Digest;

use crate::world::{FIRST, NAME, TOKEN, client};

#[tokio::test]
async fn a_value_is_read_anew_where_its_format_has_changed() {
    let server = Fake::start().await.expect("a free port");
    server.person().create(NAME, FIRST, &format!("{{\"token\":\"{TOKEN}\"}}")).expect("a secret");
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store = Aws::with(client(&server, "AKID"), Options::default(), clock);
    let digest = async |format| {
        let secret = Secret { format, ..Secret::new(NAME, "mcp") };
        store
            .secret(secret)
            .read()
            .await
            .ok()
            .and_then(|reading| reading.ring)
            .map(|ring| ring.current.digest)
    };
    let token = Some(Digest::of(TOKEN.as_bytes()));
    assert_eq!(digest(Format::Json).await, token);
    assert_ne!(digest(Format::Plain).await, token, "an object is no bare token");
    assert_eq!(digest(Format::Json).await, token);
}
