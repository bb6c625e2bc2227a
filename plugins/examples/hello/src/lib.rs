//! `hello`: text to text, the smallest useful plugin. It greets whoever the text names and does nothing else.

#[cfg(test)]
mod tests;

use omega_plugin::{Refusal, Text, plugin};

/// How long a name may be, in characters. Longer ones are no names.
const NAME_CHARS_MAX: usize = 200;

/// Greets whoever the text names. `metadata.greeting` replaces the word `Hello`.
///
/// # Errors
/// Declines a text without a name (`no_name`) and one that is too long to be one (`name_too_long`).
#[plugin]
fn handle(name: Text) -> Result<Text, Refusal> {
    let greeting = name.metadata.get("greeting").map_or("Hello", String::as_str);
    let name = name.content.trim();
    if name.is_empty() {
        return Err(Refusal::new("no_name", "there is nobody to greet"));
    }
    if name.chars().count() > NAME_CHARS_MAX {
        return Err(Refusal::new("name_too_long", format!("a name has at most {NAME_CHARS_MAX} characters")));
    }
    Ok(Text::new(format!("{greeting}, {name}!")))
}
