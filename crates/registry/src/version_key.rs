//! Versions as text whose byte order is their order, so that the database sorts and seeks by them.

use semver::Version;

/// Text whose order is SemVer order (SemVer 2.0.0, section 11). Versions that differ in their build metadata alone,
/// which SemVer does not order, have keys of their own, in the order of that text.
pub(crate) fn version_key(version: &Version) -> String {
    let mut key = String::with_capacity(24);
    for number in [version.major, version.minor, version.patch] {
        let digits = number.to_string();
        key.extend([format!("{:02}", digits.len()), digits, ".".to_owned()]);
    }
    if version.pre.is_empty() {
        // After every pre-release.
        key.push('~');
    }
    for (index, identifier) in version.pre.split('.').filter(|identifier| !identifier.is_empty()).enumerate() {
        // Below every character of an identifier: one that ends here stands before one that goes on.
        key.push_str(if index > 0 { "!" } else { "" });
        let is_number = identifier.bytes().all(|byte| byte.is_ascii_digit());
        // A number stands before text; a number of fewer digits before one of more. No version has a thousand.
        let mark = if is_number { format!("0{:03}", identifier.len()) } else { "1".to_owned() };
        key.push_str(&mark);
        key.push_str(identifier);
    }
    if !version.build.is_empty() {
        // Below `!`: fewer identifiers stand first, whatever their build is.
        key.push(' ');
        key.push_str(&version.build);
    }
    key
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(text: &str) -> String {
        version_key(&text.parse().unwrap())
    }

    #[test]
    fn the_example_of_the_standard_is_in_order() {
        let ordered = [
            "0.9.10",
            "0.10.0",
            "1.0.0-0",
            "1.0.0-9",
            "1.0.0-10",
            "1.0.0--",
            "1.0.0-alpha",
            "1.0.0-alpha+build",
            "1.0.0-alpha.1",
            "1.0.0-alpha.2",
            "1.0.0-alpha.10",
            "1.0.0-alpha.beta",
            "1.0.0-alpha-1",
            "1.0.0-alphabet",
            "1.0.0-beta",
            "1.0.0-rc.1",
            "1.0.0",
            "1.0.0+a",
            "1.0.0+b",
            "1.0.1",
            "9007199254740993.0.0",
        ];
        for pair in ordered.windows(2) {
            assert!(key(pair[0]) < key(pair[1]), "{pair:?}: {:?} {:?}", key(pair[0]), key(pair[1]));
        }
    }

    proptest! {
        #[test]
        fn keys_order_as_versions_do(
            one in "[0-2]\\.(0|[1-9][0-9]?)\\.0(-(0|1|10|9|a|b1|-)(\\.(0|1|10|9|a|b1|-)){0,2})?(\\+(a|b|1)){0,1}",
            other in "[0-2]\\.(0|[1-9][0-9]?)\\.0(-(0|1|10|9|a|b1|-)(\\.(0|1|10|9|a|b1|-)){0,2})?(\\+(a|b|1)){0,1}",
        ) {
            let (one, other): (Version, Version) = (one.parse().unwrap(), other.parse().unwrap());
            let by_key = version_key(&one).cmp(&version_key(&other));
            prop_assert_eq!(by_key.is_eq(), one == other);
            let precedence = one.cmp_precedence(&other);
            prop_assert!(precedence.is_eq() || precedence == by_key, "{} {}", one, other);
        }
    }
}
