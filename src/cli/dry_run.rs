//! `rotate --dry-run`: the next steps and when.

use std::time::Duration;

use anyhow::Result;

use super::{context::Backend, output};

pub(super) async fn run(backend: &Backend, name: &str, compromised: bool) -> Result<()> {
    let preview = backend.operator.preview(name, compromised).await?;
    output::say(&format!("{name}: nothing is changed; what a rotation would do:"));
    for step in &preview.steps {
        let after = output::span(Duration::from_millis(step.after_ms));
        output::say(&format!("  after {after:>9}  {}", step.step));
    }
    if let Some(why) = &preview.waits_for {
        output::say(&format!("  then it waits: {why}"));
    }
    Ok(())
}
