//! Tells by its name whether a key holds a secret.

/// A key holds a secret if one of its words is one of these.
const SECRET_WORDS: [&str; 17] = [
    "authorization",
    "cookie",
    "credential",
    "credentials",
    "cvc",
    "cvv",
    "passphrase",
    "passwd",
    "password",
    "passwords",
    "pin",
    "pwd",
    "secret",
    "secrets",
    "ssn",
    "token",
    "tokens",
];

/// A `key` is a secret if one of these words stands before it, or `apikey` is written as one.
const SECRET_KEYS: [&str; 7] = ["access", "api", "encryption", "private", "secret", "signing", "ssh"];

/// Whether the name, in `camelCase`, `snake_case`, `kebab-case` or words, is a secret's.
pub(crate) fn names_a_secret(name: &str) -> bool {
    let words = words(name);
    let is_secret = |word: &String| SECRET_WORDS.contains(&word.as_str()) || is_joined_key(word);
    let is_secret_key = |pair: &[String]| match pair {
        [before, key] => matches!(key.as_str(), "key" | "keys") && SECRET_KEYS.contains(&before.as_str()),
        _ => false,
    };
    words.iter().any(is_secret) || words.windows(2).any(is_secret_key)
}

fn is_joined_key(word: &str) -> bool {
    let before = word.strip_suffix("key").or_else(|| word.strip_suffix("keys"));
    before.is_some_and(|before| SECRET_KEYS.contains(&before))
}

/// The words of a name, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_lower = false;
    for character in name.chars() {
        let starts_a_word = !character.is_alphanumeric() || (after_lower && character.is_uppercase());
        if starts_a_word && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if let (true, Some(word)) = (character.is_alphanumeric(), words.last_mut()) {
            word.extend(character.to_lowercase());
        }
        after_lower = character.is_lowercase() || character.is_numeric();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::names_a_secret;

    #[test]
    fn knows_the_names_of_secrets() {
        for name in [
            "password",
            "Password",
            "db_password",
            "userPwd",
            "API-KEY",
            "apiKey",
            "apikey",
            "x-api-key",
            "private key",
            "accessToken",
            "Authorization",
            "set-cookie",
            "client_secret",
            "PIN",
            "sshKeys",
        ] {
            assert!(names_a_secret(name), "{name}");
        }
    }

    #[test]
    fn leaves_other_names_alone() {
        for name in
            ["", "name", "key", "primary_key", "spinner", "pinned", "tokenizer", "passenger", "secretary", "keyboard"]
        {
            assert!(!names_a_secret(name), "{name}");
        }
    }
}
