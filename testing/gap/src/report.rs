//! What was found, for people: tables, a plot, and the document that holds both.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};

use crate::{Plan, Results};

mod plot;
mod tables;

pub use tables::text;

const BEGIN: &str = "<!-- gap: written by `cargo xtask gap --write` -->\n";
const END: &str = "<!-- gap: end -->\n";

/// Writes the document's section and the plot. What else stands in the document stays.
pub fn write(docs: &Path, plan: &Plan, results: &Results, date: &str) -> Result<()> {
    let document = docs.join("results.md");
    let old = fs::read_to_string(&document).with_context(|| document.display().to_string())?;
    let (before, rest) = old.split_once(BEGIN).context("the section's beginning is missing")?;
    let (_, after) = rest.split_once(END).context("the section's end is missing")?;
    fs::write(document, format!("{before}{BEGIN}{}{END}{after}", text(plan, results, date)))?;
    Ok(fs::write(docs.join("gap.svg"), plot::svg(plan, results))?)
}
