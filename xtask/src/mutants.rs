//! `cargo xtask mutants`: cuts the rules out of `plan::next` and of the verdict, one at a time, and
//! checks that a test that is named for the rule fails.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};

/// A rule, where it stands, what is put in its place, and a part of the name of a test that has to fail.
struct Cut {
    rule: &'static str,
    file: &'static str,
    from: &'static str,
    to: &'static str,
    test: &'static str,
}

const fn cut(
    rule: &'static str,
    file: &'static str,
    from: &'static str,
    to: &'static str,
    test: &'static str,
) -> Cut {
    Cut { rule, file, from, to, test }
}

const PLAN: &str = "src/rotation/plan.rs";
const DEMAND: &str = "src/rotation/plan/demand.rs";
const DUE: &str = "src/rotation/plan/due.rs";
const POLICY: &str = "src/rotation/policy.rs";
const VERDICT: &str = "verify/src/verdict.rs";
const CLOCK: &str = "verify/src/clock.rs";

#[rustfmt::skip]
const CUTS: &[Cut] = &[
    cut("create only where allowed", PLAN, "return if creates {", "return if creates || true {", "created_only_where_that_is_allowed"),
    cut("a refused order does nothing", PLAN, "demand.filter(|_| refusal_is_none(ring, demand))", "demand", "order_that_is_refused"),
    cut("an end comes before a promotion", PLAN, "ordered\n        .and_then(|demand| demand::step(&plan, demand))\n        .or_else(|| plan.take_back())\n        .or_else(|| plan.promote(ordered))", "plan\n        .take_back()\n        .or_else(|| plan.promote(ordered))\n        .or_else(|| ordered.and_then(|demand| demand::step(&plan, demand)))", "an_end_is_written_before_anything_else"),
    cut("what is ended or noted is taken back", PLAN, ".or_else(|| plan.take_back())\n", "\n", "ended_or_noted_is_never_promoted"),
    cut("an ended version is never promoted", PLAN, "pending.ended.is_none() && pending.note.is_none()", "pending.note.is_none()", "ended_or_noted_is_never_promoted"),
    cut("a noted version is never promoted", PLAN, "pending.ended.is_none() && pending.note.is_none()", "pending.ended.is_none()", "ended_or_noted_is_never_promoted"),
    cut("promote only after the soak", PLAN, "self.now.earliest >= pending.created + self.policy.soak()", "true", "promoted_after_the_soak_and_not_before"),
    cut("the soak by the earliest time", PLAN, "self.now.earliest >= pending.created", "self.now.latest >= pending.created", "the_soak_is_judged_by_the_earliest_time"),
    cut("revoke --all skips the soak", PLAN, "|| skips_the_soak(current, demand)", "", "revoke_all_replaces_without_the_soak"),
    cut("only of what is ended", PLAN, "    ordered && current.ended.is_some()", "    ordered", "revoke_all_replaces_without_the_soak"),
    cut("only of the version that was seen", PLAN, "RevokeAll { current: seen }) if *seen == current.id)", "RevokeAll { current: _ }))", "revoke_all_replaces_without_the_soak"),
    cut("a pause holds promotions", PLAN, "if self.is_paused() || !(self", "if !(self", "a_pause_holds_stage_and_promotion"),
    cut("a pause holds the schedule", PLAN, "(!self.is_paused() && self.due() == Due::Now)", "(self.due() == Due::Now)", "a_pause_holds_stage_and_promotion"),
    cut("an end goes on in a pause", PLAN, "self.ring.paused.is_some() && self.ring.current.ended.is_none()", "self.ring.paused.is_some()", "an_ended_current_version_is_replaced"),
    cut("no grace for what is ended", PLAN, "        if current.ended.is_some() {\n            return Some(self.promotion(pending.id, std::time::Duration::ZERO));\n        }\n", "", "an_ended_current_version_is_replaced_without_grace"),
    cut("the deadline first", PLAN, "Notes::BeforePromotion if self.note_suffices()", "Notes::BeforePromotion if true", "the_deadline_is_written_before_the_version_is_replaced"),
    cut("a note has to leave enough", PLAN, "is_some_and(|note| note >= needed)", "is_some()", "the_deadline_is_written_before_the_version_is_replaced"),
    cut("a note from the latest time", PLAN, "self.policy.note_for(self.now.latest)", "self.policy.note_for(self.now.earliest)", "a_note_counts_from_the_latest_time"),
    cut("one pending version at most", PLAN, "        if self.ring.pending.is_some() {\n            return None;\n        }\n", "", "there_is_one_pending_version_at_most"),
    cut("a replacement after its mark", PLAN, "Some(at) => self.now.earliest > at", "Some(_) => true", "an_ended_current_version_is_replaced"),
    cut("an ended version is replaced", PLAN, "Some(at) => self.now.earliest > at", "Some(_) => false", "an_ended_current_version_is_replaced"),
    cut("an order stages", PLAN, "ordered || (!self", "(!self", "an_order_is_bound_to_the_version_that_was_seen"),
    cut("only for the version that was seen", PLAN, "Rotate { current: seen }) if *seen == current.id)", "Rotate { current: _ }))", "an_order_is_bound_to_the_version_that_was_seen"),
    cut("a due slot stages", PLAN, "self.due() == Due::Now)", "false)", "replaced_when_its_slot_is_due"),
    cut("each to its own deadline", PLAN, "|| p.deadline <= self.now.earliest", "|| p.deadline <= self.now.earliest || self.ring.previous.len() > 1", "a_previous_version_lives_to_its_own_deadline"),
    cut("retired when surely past", PLAN, "p.deadline <= self.now.earliest", "p.deadline <= self.now.latest", "a_previous_version_lives_to_its_own_deadline"),
    cut("an ended one is retired at once", PLAN, "p.version.ended.is_some() || p.deadline", "p.deadline", "a_previous_version_lives_to_its_own_deadline"),
    cut("rotate lifts a pause", DEMAND, "(seen == current && ring.paused.is_some()).then_some(Step::Unpause { current })", "(false && seen == current).then_some(Step::Unpause { current })", "a_pause_holds_stage_and_promotion"),
    cut("resume skips what was missed", DEMAND, "Demand::Resume if plan.due() == Due::Now", "Demand::Resume if false", "a_pause_holds_stage_and_promotion"),
    cut("abort skips the slot", DEMAND, "Demand::Abort { .. } if plan.due() == Due::Now", "Demand::Abort { .. } if false", "abort_skips_the_slot"),
    cut("taken back with a note", DEMAND, "Notes::BeforePromotion if ring.pending.as_ref().is_some_and(stands)", "Notes::BeforePromotion if false", "what_is_taken_back_gets_a_deadline_first"),
    cut("no abort of a replacement", DEMAND, "Some(p) if p.id == pending && ring.current.ended.is_some() => Some(Refusal::Replaces(pending)),", "", "abort_skips_the_slot"),
    cut("current can't be ended alone", DEMAND, "Demand::Revoke { version } if ring.current.id == version => Some(Refusal::IsCurrent(version)),", "", "the_current_version_alone_cannot_be_ended"),
    cut("only the seen version is ended", DEMAND, "if ring.current.id == seen {", "if true {", "an_end_is_written_before_anything_else"),
    cut("an end is written once", DEMAND, "(open || ring.current.ended.is_none())", "(open || true)", "an_end_is_written_once"),
    cut("a version counts for the next slot", DUE, "*slot > guarded && ", "", "made_just_before_a_slot_counts_for_it"),
    cut("skipped slots stay skipped", DUE, " && *slot >= kept", "", "replaced_when_its_slot_is_due"),
    cut("a slot is delayed by its jitter", DUE, "slot + jitter_of(", "slot + 0 * jitter_of(", "the_jitter_delays_a_slot"),
    cut("soak ≥ freshness + store_lag", POLICY, "if soak < least {", "if false {", "a_soak_shorter_than_freshness_and_lag"),
    cut("sync ≤ freshness / 3", POLICY, "if sync > most {", "if false {", "a_sync_slower_than_a_third_of_freshness"),
    cut("the gap is longer than soak + jitter", POLICY, ".filter(|gap| *gap <= sum)", ".filter(|_| false)", "a_schedule_that_outruns_its_soak"),
    cut("grace ≥ 2 × store_lag", POLICY, "if grace < least {", "if false {", "a_grace_shorter_than_twice_the_lag"),
    cut("the margin of a deadline", POLICY, "self.terms.grace + self.terms.freshness + Duration::from_secs(1)", "self.terms.grace", "promoted_after_the_soak_and_not_before"),
    cut("malformed is refused", VERDICT, "Shape::Malformed", "Shape::Foreign", "malformed"),
    cut("refuse only when fresh", VERDICT, "if self.is_fresh(at) { Verdict::Refused(reason) } else { Verdict::Unsure }", "{ let _ = at; Verdict::Refused(reason) }", "refuses_nothing"),
    cut("an incomplete view refuses nothing", VERDICT, "self.complete && ", "", "incomplete"),
    cut("clocks that part", VERDICT, "!at.parted_since(self.taken) && ", "", "part"),
    cut("younger than freshness", VERDICT, "self.age_ms(at) < self.set.freshness_ms()", "self.age_ms(at) <= self.set.freshness_ms()", "as_old_as_freshness"),
    cut("nothing past hold", VERDICT, "self.age_ms(at) > self.set.hold_ms()", "false", "older_than_hold"),
    cut("nothing past its deadline", VERDICT, "self.now_ms(at) >= deadline", "self.now_ms(at) > deadline", "up_to_its_deadline_and_not_at_it"),
    cut("the clock that says more", CLOCK, "boot.max(wall)", "boot.min(wall)", "the_clock_that_says_more"),
];

/// Runs all cuts in a copy of the working tree.
pub(crate) fn run() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask stands in the workspace")?;
    let copy = root.join("target/mutants/tree");
    copy_tracked(root, &copy)?;
    ensure!(
        failures(&copy, PLAN)?.is_empty() && failures(&copy, VERDICT)?.is_empty(),
        "a test fails without any cut"
    );
    let mut survived = Vec::new();
    for (n, cut) in CUTS.iter().enumerate() {
        let file = copy.join(cut.file);
        let whole = fs::read_to_string(&file)?;
        ensure!(whole.contains(cut.from), "{}: {:?} does not stand there any more", cut.file, cut.from);
        fs::write(&file, whole.replacen(cut.from, cut.to, 1))?;
        let failed = failures(&copy, cut.file).with_context(|| format!("cutting out: {}", cut.rule))?;
        fs::write(&file, whole)?;
        let caught = failed.iter().any(|test| test.contains(cut.test));
        eprintln!(
            "xtask: {:>2}/{} {}: {}",
            n + 1,
            CUTS.len(),
            cut.rule,
            if caught { "caught" } else { "SURVIVED" }
        );
        if !caught {
            survived.push(format!("{} (expected a test named …{}…, failed: {failed:?})", cut.rule, cut.test));
        }
    }
    ensure!(survived.is_empty(), "rules that can be cut out unnoticed:\n{}", survived.join("\n"));
    eprintln!("xtask: each of {} cuts makes a test fail that is named for its rule", CUTS.len());
    Ok(())
}

/// The names of the tests that fail, in the package of that file.
fn failures(copy: &Path, file: &str) -> Result<Vec<String>> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(copy)
        .env("CARGO_TARGET_DIR", copy.with_file_name("build"))
        .env("RUSTFLAGS", "-A warnings");
    if file.starts_with("verify/") {
        cargo.args(["test", "-p", "crossfade-verify", "--no-fail-fast", "--test", "decide"]);
    } else {
        cargo.args(["test", "-p", "crossfade", "--lib", "--", "rotation::p"]);
    }
    let output = cargo.output().context("cargo can't be started")?;
    let said = String::from_utf8_lossy(&output.stdout);
    if !said.contains("test result:") {
        bail!("it does not compile:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(said
        .lines()
        .filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED"))
        .map(str::to_owned)
        .collect())
}

fn copy_tracked(root: &Path, copy: &Path) -> Result<()> {
    if copy.exists() {
        fs::remove_dir_all(copy)?;
    }
    let listed = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(root)
        .output()
        .context("git can't be started")?;
    ensure!(listed.status.success(), "git does not know this tree");
    for name in String::from_utf8(listed.stdout)?.split_terminator('\0').map(PathBuf::from) {
        let to = copy.join(&name);
        fs::create_dir_all(to.parent().unwrap_or(copy))?;
        if root.join(&name).exists() {
            fs::copy(root.join(&name), to)?;
        }
    }
    Ok(())
}
