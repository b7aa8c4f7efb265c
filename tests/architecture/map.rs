//! The map of the house in `docs/architecture.md`, drawn from the same uses that the rules are about.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use super::uses::{Files, circle, files, sources};

const BEGIN: &str = "<!-- drawn by tests/architecture: begin -->\n";
const END: &str = "<!-- drawn by tests/architecture: end -->\n";
/// Set, the map in the document is drawn anew.
const DRAW: &str = "CROSSFADE_DRAW_MAP";

#[test]
#[expect(clippy::disallowed_methods, reason = "whoever draws says so")]
fn the_documented_map_is_the_house_s() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/architecture.md");
    let text = fs::read_to_string(&path).expect("a document");
    let (before, rest) = text.split_once(BEGIN).expect("where the map begins");
    let (_, after) = rest.split_once(END).expect("where the map ends");
    let drawn = format!("{before}{BEGIN}\n{}\n{END}{after}", map());
    if std::env::var_os(DRAW).is_some() {
        fs::write(&path, drawn).expect("a write");
        return;
    }
    assert!(drawn == text, "the house has changed: draw it with `{DRAW}=1 cargo test --test architecture`");
}

fn map() -> String {
    let parts = parts();
    let circle = circle(&parts);
    assert!(circle.is_none(), "parts of src use each other in a circle: {circle:?}");
    format!(
        "An arrow leads from who uses to what is used; one that follows from others is left out.\n\n{}\n{}",
        picture(&parts),
        table(&parts)
    )
}

/// What the crate's root declares, and who of them uses whom, with a path by which it does.
fn parts() -> Files {
    let part = |file: &str| file.split("::").next().unwrap_or_default().to_owned();
    let mut parts = Files::new();
    for (file, uses) in files(&sources("src")) {
        let used = uses.into_iter().map(|(used, path)| (part(&used), path));
        parts.entry(part(&file)).or_default().extend(used.filter(|(used, _)| *used != part(&file)));
    }
    // They only declare the others.
    parts.retain(|part, _| !["", "main"].contains(&part.as_str()));
    parts
}

fn picture(parts: &Files) -> String {
    let mut lines = "```mermaid\nflowchart TD\n".to_owned();
    for (part, used) in parts {
        let by_others = |one: &String| used.keys().any(|other| other != one && reaches(parts, other, one));
        for used in used.keys().filter(|used| !by_others(used)) {
            writeln!(lines, "    {part} --> {used}").expect("a string");
        }
    }
    lines + "```\n"
}

fn reaches(parts: &Files, from: &str, to: &str) -> bool {
    parts.get(from).is_some_and(|used| used.keys().any(|used| used == to || reaches(parts, used, to)))
}

/// Whoever uses nobody stands last.
fn table(parts: &Files) -> String {
    let mut rows: Vec<_> = parts.keys().map(|part| (height(parts, part), part)).collect();
    rows.sort_by(|(one, a), (other, b)| other.cmp(one).then(a.cmp(b)));
    let mut lines = "| part | what it is | uses |\n|---|---|---|\n".to_owned();
    for (_, part) in rows {
        let used: Vec<_> = parts[part].keys().map(|used| format!("`{used}`")).collect();
        let used = used.join(", ");
        writeln!(lines, "| `src/{part}` | {} | {used} |", purpose(part)).expect("a string");
    }
    lines
}

/// So many parts stand upon each other below it.
fn height(parts: &Files, part: &str) -> usize {
    let below = parts.get(part).into_iter().flat_map(BTreeMap::keys);
    below.map(|used| 1 + height(parts, used)).max().unwrap_or(0)
}

/// The first sentence of its documentation.
fn purpose(part: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(part).with_extension("rs");
    let text = fs::read_to_string(path).expect("a source file");
    let lines = text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim);
    let paragraph: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
    let paragraph = paragraph.join(" ");
    let first = paragraph.split_once(". ").map_or(paragraph.as_str(), |(first, _)| first);
    first.trim_end_matches('.').replace("[`", "`").replace("`]", "`")
}
