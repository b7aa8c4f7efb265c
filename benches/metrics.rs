//! What the metrics of 10,000 secrets hold, and one scrape of them: our rows beside the same series as objects of the
//! crate `prometheus`. `cargo run --release --example metrics`; the figures are kibibytes of resident memory.

use std::{collections::BTreeMap, fs, sync::Arc};

use crossfade::metrics::Metrics;
use prometheus::{GaugeVec, Opts, Registry, TextEncoder};

const SECRETS: usize = 10_000;

/// Resident memory as the kernel counts it: now, and at its highest since it was last asked (proc(5), `VmRSS`, `VmHWM`).
fn resident() -> (u64, u64) {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells it");
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line for it");
        line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
    };
    fs::write("/proc/self/clear_refs", "5").expect("the highest begins anew");
    (field("VmRSS:"), field("VmHWM:"))
}

/// Says what `fill` added, and how much more than that `scrape` took at its highest.
fn measure<T>(what: &str, fill: impl FnOnce() -> T, scrape: impl FnOnce(&T) -> usize) {
    let before = resident().0;
    let held = fill();
    let filled = resident().0;
    let bytes = scrape(&held);
    let highest = resident().1;
    println!(
        "{what:<8} {:>8} KiB held, {:>8} KiB more in a scrape of {bytes} bytes",
        filled - before,
        highest - filled
    );
}

fn names() -> impl Iterator<Item = String> {
    (0..SECRETS).map(|number| format!("mcp/secret-{number:05}/token"))
}

fn main() {
    let ours = || {
        let metrics = Arc::new(Metrics::new().expect("the names are right"));
        names().for_each(|name| metrics.rotation.know(&name));
        metrics
    };
    // One piece at a time, as it is sent.
    let pieces =
        |metrics: &Arc<Metrics>| Arc::clone(metrics).text().expect("text").map(|piece| piece.len()).sum();
    measure("rows", ours, pieces);

    let one = Arc::new(Metrics::new().expect("the names are right"));
    one.rotation.know("NAME");
    let text: String = one.text().expect("text").collect();
    let mut families = BTreeMap::<&str, Vec<Labels>>::new();
    for (family, labels) in text.lines().filter_map(series) {
        families.entry(family).or_default().push(labels);
    }
    let objects = || {
        let registry = Registry::new();
        for (family, all) in &families {
            let label_names: Vec<_> = all[0].iter().map(|(name, _)| *name).collect();
            let gauges =
                GaugeVec::new(Opts::new(*family, "help"), &label_names).expect("the names are right");
            for (name, labels) in
                names().flat_map(|name| all.iter().map(move |labels| (name.clone(), labels)))
            {
                let values: Vec<_> = labels.iter().map(|(_, value)| value.replace("NAME", &name)).collect();
                gauges.with_label_values(&values).set(1.0);
            }
            registry.register(Box::new(gauges)).expect("each family once");
        }
        registry
    };
    measure("objects", objects, |registry: &Registry| {
        TextEncoder::new().encode_to_string(&registry.gather()).expect("text").len()
    });
}

type Labels<'a> = Vec<(&'a str, &'a str)>;

/// The family and the labels of a line that is about the secret `NAME`.
fn series(line: &str) -> Option<(&str, Labels<'_>)> {
    let (family, rest) = line.split_once('{').filter(|(_, rest)| rest.contains("NAME"))?;
    let labels = rest.split_once('}')?.0.split(',').filter_map(|label| label.split_once('='));
    Some((family, labels.map(|(name, value)| (name, value.trim_matches('"'))).collect()))
}
