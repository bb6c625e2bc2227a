//! Globs over plugin ids, in trust and in tokens.

/// `*` stands for any run of characters, everything else for itself.
pub fn glob_matches(glob: &str, text: &str) -> bool {
    let mut parts = glob.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        let check =
            |glob: &str, text: &str, expect: bool| assert_eq!(glob_matches(glob, text), expect, "{glob} {text}");
        check("*", "acme.tool", true);
        check("acme.*", "acme.tool", true);
        check("acme.*", "acmex.tool", false);
        check("*.tool", "acme.tool", true);
        check("*.tool", "acme.tools", false);
        check("a*e.*l", "acme.tool", true);
        check("a*a", "a", false);
        check("a*b*a", "aba", true);
        check("acme", "acme", true);
        check("acme", "acme.tool", false);
        check("", "", true);
        check("", "a", false);
        check("**", "a", true);
        check("a.*.a", "a.a", false);
    }
}
