//! A cache file of an earlier release is read as it was meant.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt as _, path::Path, sync::Arc};

use crossfade_verify::{Moment, Verdict, Verifier};

use crate::{
    machine::TestMachine,
    server::{accepts, feed, has},
};

#[tokio::test]
async fn a_cache_of_0_1_0_accepts_what_it_knew_and_refuses_nothing() {
    let left_behind = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/0.1.0");
    let folder = tempfile::tempdir().expect("a folder");
    let cache = folder.path().join("cache");
    fs::copy(left_behind.join("cache-rust"), &cache).expect("a copy");
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o600)).expect("a mode");
    let text = fs::read_to_string(&cache).expect("text");
    let head: serde_json::Value =
        serde_json::from_str(text.lines().next().expect("a line")).expect("its first line");
    let later = |clock: &str| head[clock].as_u64().expect("a time") + 1_000;
    // A second after the file was written, in whatever year this runs.
    let then = TestMachine::standing(Moment { boot_ms: later("boot_ms"), wall_ms: later("wall_ms") });
    let tokens = fs::read(left_behind.join("tokens.json")).expect("tokens");
    let tokens: BTreeMap<String, String> = serde_json::from_slice(&tokens).expect("tokens");
    let (nobody, told) = feed("http://127.0.0.1:9");
    let nobody = nobody.cache(&cache).machine(Arc::new(then));
    let verifier = Verifier::connect(nobody, "https://mcp.example.com/slack").await.expect("good settings");
    assert!(has(&told, "from the cache"), "{told:?}");
    for name in ["current", "previous", "paused", "leaked"] {
        assert!(accepts(&verifier, &tokens[name]), "{name}");
    }
    assert_eq!(verifier.verify(&tokens["ended"]), Verdict::Unsure);
}
