//! What changed between two outputs, line by line.

use std::time::Duration;

use similar::TextDiff;

/// Lines around a change.
const CONTEXT_LINES: usize = 2;
/// For how long the smallest difference is looked for; a larger one does.
const TIME_MAX: Duration = Duration::from_millis(50);

/// The difference in the unified form; nothing where there is none.
pub(super) fn unified(old: &str, new: &str) -> Option<String> {
    if old == new {
        return None;
    }
    let diff = TextDiff::configure().timeout(TIME_MAX).diff_lines(old, new);
    Some(diff.unified_diff().context_radius(CONTEXT_LINES).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changed_is_told() {
        assert_eq!(unified("a\nb\n", "a\nb\n"), None);
        let told = unified("ok\n{\n  \"words\": 3\n}\n", "ok\n{\n  \"words\": 4\n}\n").unwrap();
        assert!(told.contains("-  \"words\": 3\n+  \"words\": 4\n"), "{told}");
        assert!(told.starts_with("@@"), "{told}");
    }
}
