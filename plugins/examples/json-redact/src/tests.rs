//! The plugin's function under the SDK's harness.

use omega_plugin::testing::{Request, Run, run};
use serde_json::{Value, json};

use crate::handle;

fn redact(data: &Value) -> Run {
    run(handle, Request::json("omega:json-redact:input:document:v1.0.0", data))
}

#[test]
fn redacts_anywhere_in_a_document() {
    let answer = redact(&json!({
        "customer": { "name": "Ada", "contact": ["ada@example.org", "+49 30 1234567"] },
        "payments": [{ "iban": "DE89 3704 0044 0532 0130 00", "card": 4_111_111_111_111_111_u64 }],
        "note": "Card 4111 1111 1111 1111, mail ada@example.org",
        "amount": 12.5,
        "paid": true,
    }));
    assert_eq!(
        answer.json(),
        json!({
            "document": {
                "customer": { "name": "Ada", "contact": ["[email]", "[phone]"] },
                "payments": [{ "iban": "[iban]", "card": "[card]" }],
                "note": "Card [card], mail [email]",
                "amount": 12.5,
                "paid": true,
            },
            "counts": { "email": 2, "phone": 1, "card": 2, "iban": 1, "secret": 0 },
            "total": 6,
        })
    );
    assert_eq!(answer.notes(), "6 values redacted");
}

#[test]
fn redacts_secrets_whole() {
    let answer = redact(&json!({
        "password": "hunter2",
        "api_key": { "id": 1, "value": "abc" },
        "tokens": ["a", "b"],
        "pin": 1234,
        "secret": null,
        "has_password": true,
    }));
    assert_eq!(
        answer.json()["document"],
        json!({
            "password": "[secret]",
            "api_key": "[secret]",
            "tokens": "[secret]",
            "pin": "[secret]",
            "secret": null,
            "has_password": true,
        })
    );
    assert_eq!(answer.json()["counts"]["secret"], 4);
}

#[test]
fn redacts_keys_and_loses_no_value() {
    let answer = redact(&json!({ "a@example.org": 1, "b@example.org": 2, "[email]": 3 }));
    assert_eq!(answer.json()["document"], json!({ "[email]": 3, "[email] (2)": 1, "[email] (3)": 2 }));
}

#[test]
fn leaves_a_clean_document_as_it_is() {
    let clean = json!({ "a": [1, -2, 3.5, null, false, "text", {}], "b": { "c": "2026-01-31" } });
    let answer = redact(&clean);
    assert_eq!(answer.json()["document"], clean);
    assert_eq!((answer.json()["total"].as_u64(), answer.notes()), (Some(0), "nothing to redact"));
}

#[test]
fn redacting_twice_changes_nothing_more() {
    let once = redact(&json!({ "a": "ada@example.org, +49 30 1234567", "password": "x" })).json();
    let twice = redact(&once["document"]).json();
    assert_eq!(twice["document"]["a"], once["document"]["a"]);
}

#[test]
fn answers_its_examples() {
    let answer = run(handle, Request::from_file("examples/order.json"));
    assert_eq!(answer.json()["counts"], json!({ "email": 2, "phone": 2, "card": 1, "iban": 1, "secret": 2 }));
}
