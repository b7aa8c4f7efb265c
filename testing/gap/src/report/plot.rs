//! The plot: for each server, how long a replaced token was let in, and when rightful ones were refused.

use crate::{Kind, Plan, Results};

const LEFT: f64 = 190.0;
const RIGHT: f64 = 690.0;
const WIDTH: f64 = 860.0;
const TOP: f64 = 56.0;
const ROW: f64 = 34.0;

/// Readable on light and on dark ground.
const STYLE: &str = "
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .small { font-size: 11px; fill: #59636e }
  .axis { stroke: #8c959f; stroke-width: 1 }
  .until { fill: #4c84c4 } .late { fill: #d9822b }
  .no { stroke: #c62f3d; stroke-width: 1.5; stroke-opacity: .7 }
  .mark { stroke: #59636e; stroke-dasharray: 4 3 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .small { fill: #9198a1 } .mark { stroke: #9198a1 }
    .until { fill: #5b9be0 } .late { fill: #e8963f } .no { stroke: #ff6b74 }
  }";

pub(super) fn svg(plan: &Plan, results: &Results) -> String {
    let rows: Vec<_> =
        Kind::guarded().filter_map(|kind| Some((kind, &results.rows.get(&kind)?.once))).collect();
    let deadline = results.deadline.as_secs_f64();
    let longest = rows.iter().map(|(_, tally)| tally.lasted.as_secs_f64()).fold(deadline, f64::max);
    let last = (longest / 10.0).ceil() * 10.0;
    let x = |seconds: f64| LEFT + (RIGHT - LEFT) * seconds / last;
    let bottom = TOP + ROW * rows.len() as f64;
    let mut svg = String::new();
    let mut put = |line: String| svg.extend([line.as_str(), "\n"]);
    put(format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {}" role="img" aria-label="What a rotation does, by the way a server is guarded">"#,
        bottom + 74.0
    ));
    put(format!("<style>{STYLE}\n</style>"));
    for (at, what, y) in [(plan.grace.as_secs_f64(), "grace", TOP - 24.0), (deadline, "deadline", TOP - 24.0)]
    {
        let x = x(at);
        put(format!(r#"<line class="mark" x1="{x:.1}" x2="{x:.1}" y1="{:.1}" y2="{bottom}"/>"#, TOP - 18.0));
        put(format!(r#"<text class="small" x="{x:.1}" y="{y:.1}" text-anchor="middle">{what}</text>"#));
    }
    for (n, (kind, tally)) in rows.iter().enumerate() {
        let (top, lasted) = (TOP + ROW * n as f64, tally.lasted.as_secs_f64());
        let middle = top + ROW / 2.0 + 4.0;
        put(format!(r#"<text x="{}" y="{middle:.1}" text-anchor="end">{}</text>"#, LEFT - 10.0, kind.name()));
        let bars = [("until", 0.0, lasted.min(deadline)), ("late", deadline, lasted.max(deadline))];
        for (class, from, to) in bars.into_iter().filter(|(_, from, to)| to > from) {
            let (left, width) = (x(from), x(to) - x(from));
            put(format!(
                r#"<rect class="{class}" x="{left:.1}" y="{:.1}" width="{width:.1}" height="12"/>"#,
                top + 11.0
            ));
        }
        for at in &tally.refused_at {
            let x = x(at.as_secs_f64().min(last));
            let (from, to) = (top + 5.0, top + ROW - 5.0);
            put(format!(r#"<line class="no" x1="{x:.1}" x2="{x:.1}" y1="{from:.1}" y2="{to:.1}"/>"#));
        }
        let (hurt, refused) = (tally.hurt, tally.wrongly_refused());
        let told = if refused == 0 { "no run hurt".to_owned() } else { format!("{hurt} runs hurt") };
        put(format!(r#"<text class="small" x="{}" y="{middle:.1}">{told}</text>"#, RIGHT + 14.0));
    }
    put(format!(r#"<line class="axis" x1="{LEFT}" x2="{RIGHT}" y1="{bottom}" y2="{bottom}"/>"#));
    for seconds in (0..=last as u32).step_by(10) {
        let x = x(f64::from(seconds));
        put(format!(
            r#"<line class="axis" x1="{x:.1}" x2="{x:.1}" y1="{bottom}" y2="{:.1}"/>"#,
            bottom + 4.0
        ));
        let y = bottom + 18.0;
        put(format!(r#"<text class="small" x="{x:.1}" y="{y:.1}" text-anchor="middle">{seconds}</text>"#));
    }
    let middle = (LEFT + RIGHT) / 2.0;
    put(format!(
        r#"<text class="small" x="{middle}" y="{:.1}" text-anchor="middle">seconds after a token was replaced (at the run's scale, 1 : {})</text>"#,
        bottom + 38.0,
        plan.scale
    ));
    let y = bottom + 62.0;
    for (at, class, what) in
        [(LEFT, "until", "the replaced token is let in"), (LEFT + 200.0, "late", "past its deadline")]
    {
        put(format!(r#"<rect class="{class}" x="{at}" y="{:.1}" width="18" height="9"/>"#, y - 8.0));
        put(format!(r#"<text class="small" x="{}" y="{y:.1}">{what}</text>"#, at + 24.0));
    }
    let at = LEFT + 350.0;
    put(format!(r#"<line class="no" x1="{at}" x2="{at}" y1="{:.1}" y2="{:.1}"/>"#, y - 11.0, y + 3.0));
    put(format!(r#"<text class="small" x="{}" y="{y:.1}">a rightful token is refused</text>"#, at + 8.0));
    put("</svg>".to_owned());
    svg
}
