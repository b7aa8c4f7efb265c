//! The gap, in a few seconds: enough to see that it is there.

use std::path::Path;

use crossfade_testing_gap::{Kind, Plan, run};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crossfade_refuses_no_rightful_token_and_accepts_none_late_where_the_usual_ways_do() {
    let program = Path::new(env!("CARGO_BIN_EXE_crossfade-gap"));
    let daemon = program.with_file_name("crossfade");
    if !daemon.exists() {
        println!("not run: `cargo test --workspace` builds the daemon beside it");
        return;
    }
    let results = run(&Plan::short(), program, &daemon).await.expect("a run");
    let row = |kind| &results.rows[&kind];
    for kind in [Kind::Embedded, Kind::Endpoint] {
        let row = row(kind);
        assert_eq!(row.wrongly_refused(), 0, "{}: {row:?}", kind.name());
        assert_eq!(row.accepted_late(), 0, "{}: {row:?}", kind.name());
        assert!(row.once.lasted > Plan::short().watch.expect("a time") / 2, "the old one is let in: {row:?}");
        assert!(!row.leaked.is_open, "the leaked one is not: {row:?}");
    }
    let usual = || Kind::guarded().filter(|kind| !kind.is_ours()).map(row);
    assert!(usual().any(|row| row.wrongly_refused() > 0), "{results:?}");
    assert!(usual().any(|row| row.accepted_late() > 0), "{results:?}");
}
