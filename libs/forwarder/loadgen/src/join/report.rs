//! What many joins took, as JSON.

use std::time::Duration;

use super::client::STAGES;

/// One join: when it reached which of [`STAGES`], and why it went no further.
pub type Outcome = (Vec<Duration>, Option<String>);

/// `joined`, `seconds`, `behind_ms` (how late the latest join began, for want of others that ended), by stage
/// `failed` and `ms` since the POST (p50 and p99 of those who reached it), and `why` the first one failed.
pub fn json(outcomes: &[Outcome], seconds: f64, behind: Duration) -> String {
    let joined = outcomes.iter().filter(|(_, error)| error.is_none()).count();
    let failed = each(|stage| {
        outcomes
            .iter()
            .filter(|(reached, error)| error.is_some() && reached.len() == stage)
            .count()
            .to_string()
    });
    let ms = each(|stage| {
        let mut took: Vec<Duration> =
            outcomes.iter().filter_map(|(reached, _)| reached.get(stage).copied()).collect();
        took.sort_unstable();
        format!(r#"{{"p50": {}, "p99": {}}}"#, milliseconds(&took, 50), milliseconds(&took, 99))
    });
    let why = outcomes.iter().find_map(|(_, error)| error.as_deref()).unwrap_or_default();
    let why: String =
        why.chars().map(|c| if c.is_control() || c == '"' || c == '\\' { ' ' } else { c }).collect();
    format!(
        r#"{{"joined": {joined}, "seconds": {seconds:.3}, "behind_ms": {:.1}, "failed": {failed}, "ms": {ms}, "why": "{why}"}}"#,
        behind.as_secs_f64() * 1000.0
    )
}

fn each(value: impl Fn(usize) -> String) -> String {
    let parts: Vec<String> =
        STAGES.iter().enumerate().map(|(at, name)| format!("\"{name}\": {}", value(at))).collect();
    format!("{{{}}}", parts.join(", "))
}

/// The value below which so many of a hundred lie (nearest rank); `null` for none.
fn milliseconds(sorted: &[Duration], percent: usize) -> String {
    let rank = (percent * sorted.len()).div_ceil(100);
    match sorted.get(rank.max(1) - 1) {
        Some(value) => format!("{:.2}", value.as_secs_f64() * 1000.0),
        None => "null".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_count_at_the_stage_they_did_not_reach() {
        let ms = Duration::from_millis;
        let outcomes = [
            (vec![ms(1), ms(2), ms(3), ms(4)], None),
            (vec![ms(5)], Some("no \"check\"".to_owned())),
            (vec![], Some("503".to_owned())),
        ];
        let json = json(&outcomes, 1.5, ms(2));
        assert!(json.contains(r#""joined": 1, "seconds": 1.500, "behind_ms": 2.0"#), "{json}");
        assert!(json.contains(r#""failed": {"answer": 1, "ice": 1, "dtls": 0, "audio": 0}"#), "{json}");
        assert!(json.contains(r#""answer": {"p50": 1.00, "p99": 5.00}"#), "{json}");
        assert!(json.contains(r#""why": "no  check ""#), "{json}");
    }

    #[test]
    fn nobody_has_no_percentiles() {
        assert!(json(&[], 0.0, Duration::ZERO).contains(r#""audio": {"p50": null, "p99": null}"#));
    }
}
