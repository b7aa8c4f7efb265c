//! `cargo xtask chaos`: real daemons, servers and commands, and everything that can go wrong around them. What must not
//! be is counted, and is nothing. `docs/chaos.md` says what runs.
//!
//! A seed decides which events come, to whom and for how long; when exactly they meet what the processes do, the machine
//! decides. So a seed replays the plan, not the interleaving.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use crossfade_testing_fleet::servers::Kind;
use crossfade_testing_secretsmanager::{Clock, Fake};
use tokio::signal::unix::{SignalKind, signal};

use crate::{test, tools};

mod aws;
mod bots;
mod clocks;
mod credentials;
mod daemon;
mod dice;
mod disk;
mod embedded;
mod end;
mod faults;
mod hand;
mod ledger;
mod machines;
mod people;
mod post;
mod promise;
mod reported;
mod run;
mod score;
mod side;

use dice::Dice;
use run::{Run, now_ms};
use side::Side;

/// Between two lines of progress.
const PROGRESS_MS: u64 = 10_000;

/// What is run, and where.
struct Tools {
    program: PathBuf,
    nginx: PathBuf,
    /// None: wall clocks don't jump.
    faketime: Option<PathBuf>,
    kinds: Vec<Kind>,
    folder: PathBuf,
}

/// So many minutes of the events of that seed, with everything built first.
pub(crate) fn run(seed: u64, minutes: u64) -> Result<()> {
    eprintln!("xtask: cargo build --package crossfade --bin crossfade");
    let build = ["build", "--locked", "--package", "crossfade", "--bin", "crossfade"];
    let status = Command::new(env!("CARGO")).args(build).status().context("cargo can't be started")?;
    ensure!(status.success(), "the daemon can't be built: see above");
    built(seed, minutes, true, test::servers()?)
}

/// The same with the daemon that was built before, and these servers; clocks that jump need a package of Debian's.
pub(crate) fn built(seed: u64, minutes: u64, with_clocks: bool, kinds: Vec<Kind>) -> Result<()> {
    let kept = tools::target().join("chaos").join(format!("{seed}-{}", std::process::id()));
    fs::create_dir_all(&kept).with_context(|| format!("{} can't be made", kept.display()))?;
    // Not where logs are kept: it ends with the run.
    let folder = tempfile::tempdir().context("no folder can be made")?;
    let tools = tools(folder.path(), with_clocks, kinds)?;
    let run = Arc::new(Run::new(kept)?);
    println!("chaos: seed {seed}, {minutes} min; logs in {}", run.logs.display());
    if tools.faketime.is_none() {
        println!("chaos: no wall clock jumps, for want of libfaketime");
    }
    let result = with_processes(&run, &tools, seed, minutes);
    drop(folder);
    result?;
    let again = format!("cargo xtask chaos --seed {seed} --minutes {minutes}");
    print!("{}", run.score);
    ensure!(!run.is_interrupted(), "interrupted");
    let forbidden = run.score.forbidden();
    ensure!(
        forbidden == 0,
        "{forbidden} of what must not be (above). The same plan of events again: {again}; logs and the time line are in {}",
        run.logs.display()
    );
    if let Some(missing) = run.score.missing() {
        anyhow::bail!("{missing}: this run says nothing; {again}");
    }
    println!("chaos: nothing that must not be; seed {seed}");
    Ok(())
}

fn tools(folder: &Path, with_clocks: bool, kinds: Vec<Kind>) -> Result<Tools> {
    Ok(Tools {
        program: tools::target().join("debug/crossfade"),
        nginx: tools::nginx()?,
        faketime: with_clocks.then(tools::faketime).transpose()?,
        kinds,
        folder: folder.to_owned(),
    })
}

/// Everything that was started ends with this, also where it fails.
fn with_processes(run: &Arc<Run>, tools: &Tools, seed: u64, minutes: u64) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let aws = runtime.block_on(Fake::new(Clock::system()).serve(([127, 0, 0, 1], 0).into()))?;
    let interrupted = Arc::clone(run);
    runtime.block_on(async {
        let (mut first, mut second) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        #[expect(clippy::disallowed_methods, reason = "it ends with the runtime, which is this function's")]
        tokio::spawn(async move {
            tokio::select! { _ = first.recv() => {}, _ = second.recv() => {} }
            interrupted.interrupt();
        });
        anyhow::Ok(())
    })?;
    let fake = aws.fake();
    let embedded = embedded::start(run, tools)?;
    let cloud = aws::start(run, tools, &fake, &aws.endpoint(), minutes)?;
    let until = now_ms() + minutes * 60_000;
    let (mut seen, mut known) = (aws::Watch::default(), embedded::Watch::default());
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Relaxed) {
                seen.look(run, &cloud, &fake);
                run::pause(Duration::from_millis(50));
            }
        });
        scope.spawn(|| {
            while !done.load(Relaxed) {
                known.look(run, &embedded);
                run::pause(Duration::from_millis(400));
            }
        });
        // "It starts one soak after the secret is in every replica's config."
        run.nap(Duration::from_millis(2 * cloud.terms.soak()));
        thread::scope(|scope| {
            for (side, fake) in [(&cloud, Some(&fake)), (&embedded, None)] {
                spawn_all(scope, run, side, fake, seed);
            }
            progress(run, &[&cloud, &embedded], until);
            run.end();
        });
        fake.clear_faults();
        if !run.is_interrupted() {
            println!("chaos: the events are over; everything has to come to rest");
            for (side, fake) in [(&cloud, Some(&fake)), (&embedded, None)] {
                end::put_right(side, fake);
                end::come_to_rest(run, side, fake);
            }
        }
        done.store(true, Relaxed);
    });
    end::search(run, &cloud);
    end::search(run, &embedded);
    Ok(())
}

fn spawn_all<'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    run: &'scope Run,
    side: &'scope Side,
    fake: Option<&'scope Fake>,
    seed: u64,
) {
    let dice = move |stream: &str| Dice::new(seed, &format!("{} {stream}", side.store));
    for (n, post) in side.posts.iter().enumerate() {
        let headers: &[&str] = if post.is_server() { &["Authorization", "mcp-access-token"] } else { &[""] };
        for header in headers {
            let dice = dice(&format!("bot {n} {header}"));
            scope.spawn(move || bots::run(run, side, post, header, fake, dice));
        }
    }
    scope.spawn(move || people::run(run, side, fake, dice("people")));
    // As many at a time as there are daemons that can do without one.
    for n in 0..side.daemons.len().div_ceil(2) {
        let dice = dice(&format!("machines {n}"));
        scope.spawn(move || machines::run(run, side, dice));
    }
    if let Some(fake) = fake {
        for n in 0..2 {
            let dice = dice(&format!("faults {n}"));
            scope.spawn(move || faults::run(run, fake, side.terms, dice));
        }
    }
}

fn progress(run: &Run, sides: &[&Side], until: u64) {
    let mut next = now_ms() + PROGRESS_MS;
    while now_ms() < until && !run.is_over() {
        run.nap(Duration::from_millis(500));
        for daemon in sides.iter().flat_map(|side| &side.daemons) {
            if daemon.has_ended() {
                run.score.broken(format!("{} ended by itself: {}", daemon.name, daemon.last_words()));
                run.end();
            }
        }
        if now_ms() >= next {
            println!("chaos: {} s left: {}", until.saturating_sub(now_ms()) / 1000, run.score.line());
            next += PROGRESS_MS;
        }
    }
}
