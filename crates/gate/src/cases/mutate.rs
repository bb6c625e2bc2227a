//! Random changes of a payload, from a generator whose seed the caller fixes.

use serde_json::{Map, Value, json};

/// One change somewhere in the value.
pub(crate) fn one(base: &Value, random: &mut fastrand::Rng) -> Value {
    let mut changed = base.clone();
    let nodes = count(&changed);
    // Not the whole: that is one of the plain cases.
    let mut at = random.usize(1..nodes.max(2));
    if let Some(node) = nth(&mut changed, &mut at) {
        change(node, random);
    }
    changed
}

fn change(node: &mut Value, random: &mut fastrand::Rng) {
    match node {
        Value::String(text) => *text = changed_text(text, random),
        Value::Number(_) => {
            let others = [json!(0), json!(-1), json!(9_007_199_254_740_991_i64), json!(0.5)];
            *node = others[random.usize(0..others.len())].clone();
        }
        Value::Bool(truth) => *truth = !*truth,
        Value::Null => *node = json!(""),
        Value::Array(items) => match (random.usize(0..3), items.first().cloned()) {
            (0, _) => items.clear(),
            (1, Some(first)) => items.extend(std::iter::repeat_n(first, 64)),
            _ => items.push(Value::Null),
        },
        Value::Object(members) => changed_object(members, random),
    }
}

fn changed_text(text: &str, random: &mut fastrand::Rng) -> String {
    let characters: Vec<char> = text.chars().collect();
    let at = random.usize(0..=characters.len());
    let (before, after) = characters.split_at(at);
    let odd = ["\u{0}", "\u{202e}", "\u{1f600}", "e\u{301}", "\r\n", "\"", "\\", "{}", "  "][random.usize(0..9)];
    match random.usize(0..5) {
        0 => before.iter().collect(),
        1 => before.iter().chain(after.iter().skip(1)).collect(),
        2 => format!("{}{odd}{}", before.iter().collect::<String>(), after.iter().collect::<String>()),
        3 => text.repeat(3),
        _ => characters.iter().rev().collect(),
    }
}

fn changed_object(members: &mut Map<String, Value>, random: &mut fastrand::Rng) {
    let names: Vec<String> = members.keys().cloned().collect();
    match (random.usize(0..3), names.get(random.usize(0..names.len().max(1)))) {
        (0, Some(name)) => drop(members.remove(name)),
        (1, Some(name)) => {
            if let Some(value) = members.remove(name) {
                members.insert(name.to_uppercase(), value);
            }
        }
        _ => drop(members.insert("mutated".to_owned(), json!("?"))),
    }
}

/// Values in a value, itself among them.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(members) => members.values().map(count).sum(),
        _ => 0,
    }
}

/// The value that has this place, the whole being 0.
fn nth<'v>(value: &'v mut Value, at: &mut usize) -> Option<&'v mut Value> {
    if *at == 0 {
        return Some(value);
    }
    *at -= 1;
    let inner: Box<dyn Iterator<Item = &mut Value>> = match value {
        Value::Array(items) => Box::new(items.iter_mut()),
        Value::Object(members) => Box::new(members.values_mut()),
        _ => return None,
    };
    for child in inner {
        let size = count(child);
        if *at < size {
            return nth(child, at);
        }
        *at -= size;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mutation_changes_one_place_and_never_the_whole() {
        let base = json!({"kind": "json", "data": {"a": [1, {"b": null}], "c": true, "d": "text"}, "schema_ref": "s"});
        let mut random = fastrand::Rng::with_seed(1);
        let mut differing = 0;
        for _ in 0..2_000 {
            let changed = one(&base, &mut random);
            assert!(changed.is_object());
            differing += usize::from(changed != base);
        }
        assert!(differing > 1_800, "{differing}");
    }
}
