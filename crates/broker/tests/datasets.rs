//! Datasets on a real folder: what is taken, what is refused and why, and that rows come back as they were.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod home;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant};

use home::{Home, slice};
use omega_broker::dataset::{KEY_BYTES_MAX, KEY_FIELD_BYTES_MAX, LineFault, ROW_BYTES_MAX, SLICE_ANSWER_BYTES_MAX};
use omega_broker::{Brokers, DatasetForm, DatasetInfo, StoreError, StoreLimits};
use omega_contract::payload::DatasetSlicePayload;
use omega_contract::{ErrorCode, Sha256Hex, canonical_bytes};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use DatasetForm::{Csv, Ndjson};

fn add(home: &Home, name: &str, file: &[u8], form: DatasetForm, key: &str) -> Result<DatasetInfo, StoreError> {
    home.brokers.datasets().add(&name.parse().unwrap(), file, form, key)
}

fn soon() -> Instant {
    Instant::now() + Duration::from_mins(10)
}

/// Every row of a slice, read in pages of `rows_max`.
fn rows(brokers: &Brokers, payload: &DatasetSlicePayload, rows_max: u32) -> Result<Vec<String>, StoreError> {
    let mut slice = brokers.datasets().slice(payload)?;
    let mut rows = Vec::new();
    loop {
        let page = slice.read(rows.len() as u64, rows_max, u64::MAX, soon())?;
        if page.is_empty() {
            assert_eq!(slice.count(soon())?, rows.len() as u64);
            return Ok(rows);
        }
        rows.extend(page);
    }
}

#[test]
fn files_that_are_taken() {
    let check = |file: &str, form, expect: &[(&str, &str)]| {
        let home = Home::new();
        let info = add(&home, "d", file.as_bytes(), form, "id").unwrap_or_else(|e| panic!("{file:?}: {e}"));
        assert_eq!(info.rows, expect.len() as u64, "{file:?}");
        assert_eq!(info.made_from.digest, Sha256Hex::of(file.as_bytes()));
        assert_eq!(info.made_from.size_bytes, file.len() as u64);
        let ids: Vec<_> = expect.iter().map(|(id, _)| *id).collect();
        let got = rows(&home.reopen(), &slice("d", &ids, &[]), 100).unwrap();
        assert_eq!(got, expect.iter().map(|(_, row)| *row).collect::<Vec<_>>(), "{file:?}");
    };
    check("{\"id\":\"a\"}", Ndjson, &[("a", r#"{"id":"a"}"#)]);
    check("{\"id\":\"a\"}\n", Ndjson, &[("a", r#"{"id":"a"}"#)]);
    check("{\"id\":\"a\"}\r\n{\"id\":2}\r\n", Ndjson, &[("2", r#"{"id":2}"#), ("a", r#"{"id":"a"}"#)]);
    check(" { \"z\" : 1.50, \"id\" : \"\\u00e4 b\" } \n", Ndjson, &[("ä b", r#"{"id":"ä b","z":1.5}"#)]);
    check("{\"id\":-7,\"deep\":[[{\"a\":null}]]}\n", Ndjson, &[("-7", r#"{"deep":[[{"a":null}]],"id":-7}"#)]);
    check("id\na\n", Csv, &[("a", r#"{"id":"a"}"#)]);
    check("x,id\r\n1,a\r\n2,b", Csv, &[("b", r#"{"id":"b","x":"2"}"#), ("a", r#"{"id":"a","x":"1"}"#)]);
    check("\u{feff}id,x\na,1\n", Csv, &[("a", r#"{"id":"a","x":"1"}"#)]);
    check("\u{feff}\"id\",x\na,1\n", Csv, &[("a", r#"{"id":"a","x":"1"}"#)]);
    check("id,x\n\"a,\"\"b\"\"\n\",\" 1 \"\n", Csv, &[("a,\"b\"\n", r#"{"id":"a,\"b\"\n","x":" 1 "}"#)]);
    check("id,naïve 🦀\nключ,\u{0}\u{7f}\n", Csv, &[("ключ", "{\"id\":\"ключ\",\"naïve 🦀\":\"\\u0000\u{7f}\"}")]);
    check("id,x\n007,\n7,\n", Csv, &[("007", r#"{"id":"007","x":""}"#), ("7", r#"{"id":"7","x":""}"#)]);
}

#[test]
fn files_that_are_refused_name_the_line_and_leave_nothing() {
    let check = |file: &[u8], form, expect: &str| {
        let home = Home::new();
        let error = add(&home, "d", file, form, "id").unwrap_err();
        let shown = String::from_utf8_lossy(&file[..file.len().min(80)]).into_owned();
        assert_eq!(error.code(), ErrorCode::DatasetInvalid, "{shown:?}: {error}");
        assert!(error.to_string().contains(expect), "{shown:?}: {error}");
        assert!(error.to_string().len() < 400, "{shown:?}: {} bytes", error.to_string().len());
        for folder in ["sha256", "incoming", "datasets", "about"] {
            assert_eq!(home.count(folder), 0, "{shown:?}: {folder}");
        }
    };
    let long_key = "k".repeat(KEY_BYTES_MAX + 1);
    let utf16: Vec<u8> = "id\na\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let deep = format!("{{\"id\":\"a\",\"x\":{}{}}}", "[".repeat(64), "]".repeat(64));
    let cases: [(&[u8], DatasetForm, &str); 42] = [
        (b"", Ndjson, "no rows"),
        (b"\n", Ndjson, "line 1: the line is empty"),
        (b"{\"id\":1}\n\n{\"id\":2}\n", Ndjson, "line 2: the line is empty"),
        (b"{\"id\":1}\n \t\r\n", Ndjson, "line 2: the line is empty"),
        (b"{\"id\":1}\n[]\n", Ndjson, "line 2: a row must be a JSON object"),
        (b"{\"id\":1}\n{\"id\":2\n", Ndjson, "line 2: EOF"),
        (b"{\"id\":1} {\"id\":2}\n", Ndjson, "line 1: trailing characters"),
        (b"{\"id\":1,\"id\":2}\n", Ndjson, "line 1: duplicate key \"id\""),
        (b"{\"id\":1,\"x\":NaN}\n", Ndjson, "line 1"),
        (b"{\"id\":9007199254740992}\n", Ndjson, "line 1: an integer outside"),
        (b"{\"id\":1e20}\n", Ndjson, "line 1"),
        (deep.as_bytes(), Ndjson, "line 1: nested deeper"),
        (b"\xef\xbb\xbf{\"id\":1}\n", Ndjson, "line 1: the file starts with a byte order mark"),
        (b"{\"id\":1}\n{\"id\":\"\xff\"}\n", Ndjson, "line 2: not UTF-8 (byte 7"),
        (b"{\"x\":1}\n", Ndjson, "line 1: the row has no key field"),
        (b"{\"id\":1.5}\n", Ndjson, "line 1: the key must be a string or an integer"),
        (b"{\"id\":null}\n", Ndjson, "line 1: the key must be"),
        (b"{\"id\":\"\"}\n", Ndjson, "line 1: the key is empty"),
        (b"{\"id\":1}\n{\"id\":2}\n{\"id\":1}\n", Ndjson, "line 3: the key \"1\" is that of line 1 already"),
        (b"{\"id\":\"1\"}\n{\"id\":1}\n", Ndjson, "line 2: the key \"1\" is that of line 1 already"),
        (b"{\"id\":\"\\u00e4\"}\n{\"id\":\"\xc3\xa4\"}\n", Ndjson, "line 2: the key \"ä\" is that of line 1"),
        (b"{\"id\":2}\n{\"id\":1}\n{\"id\":1}\n{\"id\":2}\n", Ndjson, "line 3: the key \"1\" is that of line 2"),
        (b"", Csv, "no header"),
        (b"id\n", Csv, "no rows"),
        (b"id,x", Csv, "no rows"),
        (b"\xef\xbb\xbf", Csv, "no header"),
        (b"a,b\n1,2\n", Csv, "no column \"id\""),
        (b"ID\n1\n", Csv, "no column \"id\""),
        (b"id,id\n1,2\n", Csv, "names the column \"id\" twice"),
        (b"id,\n1,2\n", Csv, "column 2 has no name"),
        (b"id,x\n1,2\n3\n", Csv, "line 3: 1 fields where the header has 2"),
        (b"id,x\n1,2,3\n", Csv, "line 2: 3 fields where the header has 2"),
        (b"id,x\n1,\"2\n3,4\n", Csv, "line 2: a quoted field that starts here is never closed"),
        (b"id,x\n1,a\"b\n", Csv, "line 2: a quote inside an unquoted field"),
        (b"id,x\n1,\"a\" \n", Csv, "line 2: text after a closing quote"),
        (b"id,x\n1,a\n\n2,b\n", Csv, "line 3: the line is empty"),
        (b"id,x\n1,a\r2,b\r", Csv, "line 2: a carriage return without a line feed"),
        (b"id,x\n1,caf\xe9\n", Csv, "line 2: not UTF-8 (byte 3"),
        (b"id,\xe9\n1,2\n", Csv, "line 1: not UTF-8"),
        (&utf16, Csv, "no column \"id\""),
        (b"id,x\n1,\"a\nb\"\n2,c\n1,d\n", Csv, "line 5: the key \"1\" is that of line 2 already"),
        (b"id,x\n,a\n", Csv, "line 2: the key is empty"),
    ];
    for (file, form, expect) in cases {
        check(file, form, expect);
    }
    check(format!("id\n{long_key}\n").as_bytes(), Csv, "line 2: the key has more than 1024 bytes");
    check(format!("id\n{0}\n{0}\n", &long_key[1..]).as_bytes(), Csv, "line 3: the key \"kkk");
}

#[test]
fn rows_are_bounded_at_the_limit_and_one_past_it() {
    let home = Home::new();
    let ndjson = |bytes: usize| {
        let row = format!("{{\"id\":\"a\",\"x\":\"{}\"}}", "y".repeat(bytes - 17));
        assert_eq!(row.len(), bytes);
        row
    };
    let check = |name: &str, file: &str, form, fits: bool| {
        let got = add(&home, name, file.as_bytes(), form, "id");
        match got {
            Ok(info) => assert!(fits && info.rows == 1, "{name}"),
            Err(e) => assert!(!fits && e.to_string().contains(&LineFault::TooLong.to_string()), "{name}: {e}"),
        }
    };
    check("at", &ndjson(ROW_BYTES_MAX), Ndjson, true);
    check("at-crlf", &format!("{}\r\n", ndjson(ROW_BYTES_MAX)), Ndjson, true);
    check("past", &ndjson(ROW_BYTES_MAX + 1), Ndjson, false);
    check("past-crlf", &format!("{}\r\n", ndjson(ROW_BYTES_MAX + 1)), Ndjson, false);
    check("endless", &"x".repeat(5 * ROW_BYTES_MAX), Ndjson, false);
    // A CSV row is shorter as it comes in than as JSON; both are bounded.
    let csv = |json_bytes: usize| format!("id,x\na,{}\n", "y".repeat(json_bytes - 17));
    check("csv-at", &csv(ROW_BYTES_MAX), Csv, true);
    check("csv-past", &csv(ROW_BYTES_MAX + 1), Csv, false);
    check("csv-endless", &format!("id,x\na,\"{}", "y\n".repeat(3 * ROW_BYTES_MAX)), Csv, false);
    let got = rows(&home.brokers, &slice("at", &["a"], &[]), 1).unwrap();
    assert_eq!(got[0].len(), ROW_BYTES_MAX);
}

#[test]
fn a_dataset_is_bounded_in_rows_and_bytes_at_the_limit_and_one_past_it() {
    let folder = tempfile::tempdir().unwrap();
    let limits = StoreLimits { dataset_rows_max: 3, artifact_bytes_max: 3000 };
    let brokers = Brokers::open(folder.path(), limits).unwrap();
    let add = |name: &str, file: &str| brokers.datasets().add(&name.parse().unwrap(), file.as_bytes(), Csv, "id");
    assert_eq!(add("at", "id\n1\n2\n3\n").unwrap().rows, 3);
    let past = add("past", "id\n1\n2\n3\n4\n").unwrap_err();
    assert!(past.to_string().contains("more than 3 rows"), "{past}");
    // The row is written as JSON with a line feed.
    let wide = |bytes: usize| format!("id,x\n1,{}\n", "y".repeat(bytes - r#"{"id":"1","x":""}"#.len() - 1));
    assert_eq!(add("bytes-at", &wide(3000)).unwrap().size_bytes, 3000);
    assert_eq!(add("bytes-past", &wide(3001)).unwrap_err().code(), ErrorCode::PayloadTooLarge);
}

#[test]
fn the_name_of_the_key_field_is_bounded_at_the_limit_and_one_past_it() {
    let home = Home::new();
    // The worst of names: each byte takes six in the record.
    let field = "\u{1}".repeat(KEY_FIELD_BYTES_MAX);
    let info = add(&home, "at", format!("{field}\n1\n").as_bytes(), Csv, &field).unwrap();
    assert_eq!(home.reopen().datasets().describe("at").unwrap(), info);
    let past = field + "x";
    let error = add(&home, "past", format!("{past}\n1\n").as_bytes(), Csv, &past).unwrap_err();
    assert!(error.to_string().contains("more than 1024 bytes"), "{error}");
}

#[test]
fn names_never_change_their_meaning() {
    let home = Home::new();
    let first = add(&home, "d", b"id,x\n1,a\n", Csv, "id").unwrap();
    assert_eq!(add(&home, "d", b"id,x\r\n1,a\r\n", Csv, "id").unwrap(), first, "the same rows");
    assert_eq!(add(&home, "d", b"{\"x\":\"a\",\"id\":\"1\"}\n", Ndjson, "id").unwrap(), first, "the same rows");
    let kept = home.count("sha256");
    assert_eq!(add(&home, "d", b"id,x\n1,b\n", Csv, "id").unwrap_err().code(), ErrorCode::VersionConflict);
    assert_eq!(add(&home, "d", b"id,x\n1,a\n", Csv, "x").unwrap_err().code(), ErrorCode::VersionConflict);
    assert_eq!(add(&home, "d", b"id,x\n1,a\n2,a\n", Csv, "id").unwrap_err().code(), ErrorCode::VersionConflict);
    assert_eq!((home.count("sha256"), home.count("incoming")), (kept, 0), "what is refused leaves nothing");
    assert_eq!(rows(&home.reopen(), &slice("d", &["1"], &[]), 1).unwrap(), [r#"{"id":"1","x":"a"}"#]);
    let other = add(&home, "e", b"id,x\n1,a\n", Csv, "id").unwrap();
    assert_eq!((other.digest, other.index_digest), (first.digest, first.index_digest));
    let described = home.brokers.datasets().describe("d").unwrap();
    assert_eq!((described.key_field.as_str(), described.made_from.form), ("id", Csv));
    for unknown in ["", "D", "../d", "d\0", "nothing"] {
        assert_eq!(
            home.brokers.datasets().describe(unknown).unwrap_err().code(),
            ErrorCode::ArtifactUnknown,
            "{unknown:?}"
        );
    }
}

#[test]
fn of_many_that_want_one_name_one_gets_it() {
    let home = Home::new();
    for round in 0..10 {
        let (name, start) = (format!("d{round}"), std::sync::Barrier::new(8));
        let race = &|i: usize| {
            start.wait();
            match add(&home, &name, format!("id\n{i}\n").as_bytes(), Csv, "id") {
                Ok(_) => 1,
                Err(StoreError::NameTaken { .. }) => 0,
                Err(e) => panic!("{e}"),
            }
        };
        let won: usize = std::thread::scope(|scope| {
            let racers: Vec<_> = (0..8).map(|i| scope.spawn(move || race(i))).collect();
            racers.into_iter().map(|racer| racer.join().unwrap()).sum()
        });
        assert_eq!(won, 1);
    }
}

#[test]
fn the_list_is_paged_by_name() {
    let home = Home::new();
    let names: BTreeSet<_> = (0..12).map(|i| format!("set-{i}")).collect();
    for name in &names {
        add(&home, name, b"id\n1\n", Csv, "id").unwrap();
    }
    fs::write(home.path("datasets").join("README.json"), b"not ours").unwrap();
    for page_size in [1, 5, 11, 12, 13] {
        let (mut got, mut after) = (Vec::new(), None);
        loop {
            let page = home.brokers.datasets().list(after.as_ref(), page_size).unwrap();
            assert!(page.datasets.len() <= page_size);
            got.extend(page.datasets.into_iter().map(|info| info.name.to_string()));
            match page.next_after {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        assert!(got.iter().eq(&names), "{page_size}: {got:?}");
    }
}

#[test]
fn filters_are_equalities_on_string_fields() {
    let home = Home::new();
    let file = "{\"id\":1,\"a\":\"x\"}\n{\"id\":2,\"a\":\"X\"}\n{\"id\":3}\n{\"id\":4,\"a\":7}\n{\"id\":5,\"a\":\"x\",\"b\":\"\"}\n{\"id\":6,\"a\":null}\n";
    add(&home, "d", file.as_bytes(), Ndjson, "id").unwrap();
    let check = |ids: &[&str], filters: &[(&str, &str)], expect: &[u64]| {
        for rows_max in [1, 2, 100] {
            let got = rows(&home.brokers, &slice("d", ids, filters), rows_max).unwrap();
            let got: Vec<_> =
                got.iter().map(|row| serde_json::from_str::<Value>(row).unwrap()["id"].as_u64().unwrap()).collect();
            assert_eq!(got, expect, "{ids:?} {filters:?}");
        }
    };
    let all = ["6", "5", "4", "3", "2", "1"];
    check(&all, &[], &[6, 5, 4, 3, 2, 1]);
    check(&all, &[("a", "x")], &[5, 1]);
    check(&["1", "5", "1"], &[("a", "x")], &[1, 5, 1]);
    check(&all, &[("a", "x"), ("b", "")], &[5]);
    check(&all, &[("b", "")], &[5]);
    check(&all, &[("a", "7")], &[]);
    check(&all, &[("a", "null")], &[]);
    check(&all, &[("id", "1")], &[]);
    check(&all, &[("nothing", "x")], &[]);
}

#[test]
fn unknown_rows_are_told() {
    let home = Home::new();
    add(&home, "d", b"id\n1\n2\n", Csv, "id").unwrap();
    for ids in [&["9"][..], &["1", "9"], &["9", "1"], &["1", ""], &["01"], &["1 "]] {
        let got = rows(&home.brokers, &slice("d", ids, &[]), 10);
        assert!(matches!(got, Err(StoreError::UnknownRow { .. })), "{ids:?}: {got:?}");
    }
    assert_eq!(rows(&home.brokers, &slice("e", &["1"], &[]), 1).unwrap_err().code(), ErrorCode::ArtifactUnknown);
}

#[test]
fn changed_rows_or_index_are_never_served() {
    let changes: [fn(&mut Vec<u8>); 4] = [
        |bytes| *bytes.last_mut().unwrap() ^= 1,
        |bytes| bytes[30] ^= 1,
        |bytes| bytes.truncate(bytes.len() - 1),
        |bytes| bytes.push(0),
    ];
    for change in changes {
        for part in ["rows", "index"] {
            let home = Home::new();
            let info = add(&home, "d", b"id,x\n1,aaaaaaaaaaaaaaaaaaaaaaa\n2,b\n", Csv, "id").unwrap();
            let digest = if part == "rows" { info.digest } else { info.index_digest };
            home.change_content(&digest, change);
            for brokers in [&home.brokers, &home.reopen()] {
                let got = rows(brokers, &slice("d", &["1", "2"], &[]), 10);
                assert!(matches!(got, Err(StoreError::HashMismatch { .. })), "{part}: {got:?}");
            }
        }
    }
}

#[test]
fn records_that_fit_nothing_are_refused() {
    let home = Home::new();
    let info = add(&home, "d", b"id,x\n1,a\n2,b\n", Csv, "id").unwrap();
    let other = add(&home, "e", b"id,x\n1,a\n3,c\n", Csv, "id").unwrap();
    let record = fs::read_dir(home.path("datasets")).unwrap().map(|entry| entry.unwrap().path());
    let record = record.into_iter().find(|path| fs::read_to_string(path).unwrap().contains("\"name\":\"d\"")).unwrap();
    let good = fs::read_to_string(&record).unwrap();
    let (rows_hex, index_hex) = (info.digest.to_string(), info.index_digest.to_string());
    let damaged = |text: String| {
        assert_ne!(text, good);
        fs::write(&record, &text).unwrap();
        let got = rows(&home.brokers, &slice("d", &["1", "2"], &[]), 10);
        assert_eq!(got.unwrap_err().code(), ErrorCode::HomeInvalid, "{text}");
    };
    damaged(String::new());
    damaged(good.replace("\"rows\":2", "\"rows\":3"));
    damaged(good.replace("\"key_field\":\"id\"", "\"key_field\":\"x\""));
    damaged(good.replace("\"name\":\"d\"", "\"name\":\"e\""));
    damaged(good.replace(&index_hex, &rows_hex));
    damaged(good.replace("\"rows\"", "\"row\""));
    // An index of its own right hash that is not whole, or lies.
    let index = fs::read(home.content_path(&info.index_digest)).unwrap();
    let changes: [fn(&mut Vec<u8>); 5] = [
        |index| index.truncate(index.len() - 1),
        |index| index.push(0),
        |index| index.truncate(20),
        |index| index[16..24].fill(0xff),
        |index| index[24..24 + 8 * 256].fill(0xff),
    ];
    for change in changes {
        let mut index = index.clone();
        change(&mut index);
        home.put(&index, None);
        damaged(good.replace(&index_hex, &Sha256Hex::of(&index).to_string()));
    }
    // An index that does not belong to these rows: found out by the row itself.
    let third = add(&home, "f", b"id,x\n2,a\n1,b\n", Csv, "id").unwrap();
    assert_eq!(third.size_bytes, info.size_bytes);
    damaged(good.replace(&index_hex, &third.index_digest.to_string()));
    fs::write(&record, good.replace(&rows_hex, &Sha256Hex::of(b"nothing").to_string())).unwrap();
    assert_eq!(rows(&home.brokers, &slice("d", &["1"], &[]), 1).unwrap_err().code(), ErrorCode::ArtifactUnknown);
    fs::write(&record, &good).unwrap();
    assert_eq!(rows(&home.brokers, &slice("d", &["1", "2"], &[]), 1).unwrap().len(), 2);
    assert_eq!(rows(&home.brokers, &slice("e", &["3"], &[]), 1).unwrap().len(), 1);
    assert_ne!(other.index_digest, info.index_digest);
}

#[test]
fn many_rows_are_found_by_the_index() {
    let home = Home::new();
    let count = 5000_usize;
    let mut file = String::from("id,text\n");
    for i in 0..count {
        writeln!(file, "row {i},{}", "x".repeat(i % 200)).unwrap();
    }
    add(&home, "d", file.as_bytes(), Csv, "id").unwrap();
    // Backwards, so that no order of the file helps.
    let ids: Vec<_> = (0..count).rev().map(|i| format!("row {i}")).collect();
    let payload = DatasetSlicePayload { slice_ids: ids, source: "d".into(), filters: BTreeMap::new() };
    let got = rows(&home.brokers, &payload, 777).unwrap();
    for (row, i) in got.iter().zip((0..count).rev()) {
        assert_eq!(*row, format!(r#"{{"id":"row {i}","text":"{}"}}"#, "x".repeat(i % 200)));
    }
    assert_eq!(got.len(), count);
}

#[test]
fn an_answer_is_bounded_in_bytes_and_more_comes_with_the_next() {
    let home = Home::new();
    let mut file = String::new();
    for i in 0..5 {
        writeln!(file, r#"{{"id":{i},"x":"{}"}}"#, "y".repeat(400_000)).unwrap();
    }
    add(&home, "d", file.as_bytes(), Ndjson, "id").unwrap();
    let payload = slice("d", &["0", "1", "2", "3", "4"], &[]);
    let mut open = home.brokers.datasets().slice(&payload).unwrap();
    let first = open.read(0, 100, u64::MAX, soon()).unwrap();
    let row_bytes = first[0].len() as u64;
    assert_eq!(first.len() as u64, SLICE_ANSWER_BYTES_MAX / row_bytes);
    assert_eq!(open.read(0, 100, row_bytes, soon()).unwrap().len(), 1);
    assert!(matches!(open.read(0, 100, row_bytes - 1, soon()), Err(StoreError::TooLarge { .. })));
    assert_eq!(open.read(0, 0, u64::MAX, soon()).unwrap(), [""; 0]);
    assert_eq!(rows(&home.brokers, &payload, 100).unwrap().len(), 5);
    let passed = Instant::now();
    let mut fresh = home.brokers.datasets().slice(&payload).unwrap();
    assert!(matches!(fresh.count(passed), Err(StoreError::OutOfTime)));
    assert!(matches!(fresh.read(0, 1, u64::MAX, passed), Err(StoreError::OutOfTime)));
    assert_eq!(fresh.count(soon()).unwrap(), 5);
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (-9_007_199_254_740_991_i64..=9_007_199_254_740_991).prop_map(Value::from),
        any::<f32>().prop_filter("JSON has no NaN", |n| n.is_finite()).prop_map(|n| json!(f64::from(n) / 3.0)),
        any::<String>().prop_map(Value::String),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            proptest::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn any_rows() -> impl Strategy<Value = BTreeMap<String, Map<String, Value>>> {
    let fields = proptest::collection::btree_map("[a-h]{1,3}", any_value(), 0..5);
    proptest::collection::btree_map(".{1,12}", fields, 1..20).prop_map(|rows| {
        rows.into_iter()
            .map(|(key, fields)| {
                let mut fields: Map<_, _> = fields.into_iter().collect();
                fields.insert("key".into(), Value::String(key.clone()));
                (key, fields)
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_slice_gives_exactly_the_rows_that_were_added(
        table in any_rows(),
        picks in proptest::collection::vec(any::<prop::sample::Index>(), 1..30),
        rows_max in 1_u32..10,
    ) {
        let home = Home::new();
        let lines: Vec<_> = table.values().map(|fields| serde_json::to_string(fields).unwrap()).collect();
        prop_assume!(lines.iter().all(|line| omega_contract::strict_json::parse(line.as_bytes(), 1 << 20).is_ok()));
        let info = add(&home, "d", (lines.join("\n") + "\n").as_bytes(), Ndjson, "key").unwrap();
        prop_assert_eq!(info.rows, table.len() as u64);
        let keys: Vec<_> = table.keys().collect();
        let ids: Vec<String> = picks.iter().map(|pick| (*pick.get(&keys)).clone()).collect();
        let payload = DatasetSlicePayload { slice_ids: ids.clone(), source: "d".into(), filters: BTreeMap::new() };
        let got = rows(&home.reopen(), &payload, rows_max).unwrap();
        let expect: Vec<_> = ids.iter().map(|id| String::from_utf8(canonical_bytes(&table[id]).unwrap()).unwrap()).collect();
        prop_assert_eq!(got, expect);
    }

    #[test]
    fn a_slice_gives_exactly_the_fields_of_a_csv_file(
        table in proptest::collection::btree_map(any::<String>().prop_filter("a key", |key| !key.is_empty()), ("\\PC*|[\",\r\n]{0,6}", any::<String>()), 1..12),
    ) {
        let quoted = |field: &str| format!("\"{}\"", field.replace('"', "\"\""));
        let mut file = String::from("a,key,b\r\n");
        for (key, (a, b)) in &table {
            write!(file, "{},{},{}\r\n", quoted(a), quoted(key), quoted(b)).unwrap();
        }
        let home = Home::new();
        add(&home, "d", file.as_bytes(), Csv, "key").unwrap();
        let keys: Vec<_> = table.keys().map(String::as_str).collect();
        let got = rows(&home.brokers, &slice("d", &keys, &[]), 5).unwrap();
        let expect: Vec<_> = table
            .iter()
            .map(|(key, (a, b))| String::from_utf8(canonical_bytes(&json!({"key": key, "a": a, "b": b})).unwrap()).unwrap())
            .collect();
        prop_assert_eq!(got, expect);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "[id,\"\\r\\n{}:1 ]{0,60}") {
        let home = Home::new();
        for form in [Csv, Ndjson] {
            for file in [&bytes, text.as_bytes()] {
                let _outcome_is_free = add(&home, "d", file, form, "id");
            }
        }
    }
}
