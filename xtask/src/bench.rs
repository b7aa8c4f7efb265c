//! `cargo xtask bench`: each figure beside its goal.
//!
//! Goals are ratios of two things measured in turns in the same run, counts, or sizes: never a time by
//! itself, which would say more about the machine than about us. What has no goal is for information.

use std::{
    fmt,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

mod aws;
mod aws_cost;
mod aws_fake;
mod beside;
mod broker;
mod clients;
mod daemon;
mod fanout;
mod fleet;
mod front_door;
mod instructions;
mod jwt;
mod many;
mod probe;
mod reconnect;
mod requests;
mod verdict;
mod verifiers;
mod wire;

/// The profile of what is handed on, and the folder that cargo builds it into.
pub(crate) const DIST: &str = "dist";

/// Runs the parts whose names begin with this.
pub(crate) fn run(only: &str) -> Result<()> {
    if cfg!(debug_assertions) {
        // The clients run on the same cores as what is measured.
        build(&["--package", "xtask"])?;
        let mut again = Command::new(target().join(DIST).join("xtask"));
        let status = again.args(["bench", only]).status()?;
        ensure!(status.success(), "see above");
        return Ok(());
    }
    build(&["--package", "crossfade", "--bin", "crossfade", "--example", "bare-route"])?;
    let built = target().join(DIST);
    let (program, bare) = (built.join("crossfade"), built.join("examples/bare-route"));
    println!("{:<32} {:>10}  {:<10} {:<7}", "", "figure", "goal", "");
    let mut missed = 0;
    let parts: [(&str, Part<'_>); 16] = [
        ("verdict", &verdict::run),
        ("instructions", &instructions::run),
        ("instructions-of-requests", &|| front_door::run(&program, &bare)),
        ("clients", &clients::run),
        ("jwt", &jwt::run),
        ("requests", &|| requests::run(&program, &bare)),
        ("beside", &|| beside::run(&program)),
        ("at-rest", &|| fleet::at_rest(&program)),
        ("all-at-once", &|| fleet::all_at_once(&program)),
        ("many-embedded", &|| many::embedded(&program)),
        ("many-on-aws", &|| many::on_aws(&program)),
        ("aws-at-rest", &|| aws::at_rest(&program)),
        ("aws-a-thousand", &|| aws::a_thousand(&program)),
        ("aws-cost", &|| aws_cost::run(&program)),
        ("fan-out", &|| fanout::run(&program)),
        ("reconnect", &|| reconnect::run(&program)),
    ];
    for (_, part) in parts.iter().filter(|(name, _)| name.starts_with(only)) {
        for figure in part()? {
            println!("{figure}");
            missed += usize::from(figure.is_missed());
        }
    }
    ensure!(missed == 0, "{missed} goals are missed");
    Ok(())
}

type Part<'a> = &'a dyn Fn() -> Result<Vec<Figure>>;

/// What was measured, and what it may be at most.
struct Figure {
    name: &'static str,
    value: f64,
    goal: Option<f64>,
    unit: &'static str,
    told: String,
}

impl Figure {
    fn new(name: &'static str, value: f64, goal: f64, unit: &'static str, told: String) -> Self {
        Self { name, value, goal: Some(goal), unit, told }
    }

    fn ratio(name: &'static str, value: f64, goal: f64, told: String) -> Self {
        Self::new(name, value, goal, "×", told)
    }

    /// Without a goal.
    fn told(name: &'static str, value: f64, unit: &'static str, told: String) -> Self {
        Self { name, value, goal: None, unit, told }
    }

    fn is_missed(&self) -> bool {
        self.goal.is_some_and(|goal| self.value > goal)
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = if self.goal == Some(0.0) { 0 } else { 2 };
        let value = format!("{:.digits$}{}", self.value, self.unit);
        let goal = self.goal.map_or_else(String::new, |goal| format!("≤ {goal}{}", self.unit));
        let verdict = match self.goal {
            None => "",
            Some(_) if self.is_missed() => "MISSED",
            Some(_) => "met",
        };
        write!(f, "{:<32} {value:>10}  {goal:<10} {verdict:<7} {}", self.name, self.told)
    }
}

fn build(arguments: &[&str]) -> Result<()> {
    eprintln!("xtask: cargo build --profile {DIST}");
    let status = Command::new(env!("CARGO")).args(["build", "--profile", DIST]).args(arguments).status()?;
    ensure!(status.success(), "the build failed: see above");
    Ok(())
}

/// Where cargo builds: this program lies in it too.
fn target() -> PathBuf {
    let here = std::env::current_exe().unwrap_or_default();
    here.parent().and_then(Path::parent).map(Path::to_owned).unwrap_or_default()
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of.get(of.len() / 2).copied().unwrap_or(f64::NAN)
}

#[expect(clippy::disallowed_methods, reason = "measuring is what this is for")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "there is no runtime here that it could block")]
fn pause(duration: Duration) {
    std::thread::sleep(duration);
}
