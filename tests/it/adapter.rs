//! `stickysim adapter` as it is typed.

use crate::program::{Place, Said};

fn adapter(words: &[&str]) -> Said {
    Place::new().run_with("adapter", words, b"")
}

/// Every block of docs/ADAPTERS.md that begins with a command shows what the command prints.
#[test]
fn the_documentation_shows_what_the_command_prints() {
    let document = include_str!("../../docs/ADAPTERS.md");
    let blocks: Vec<&str> = document.split("```text\n$ stickysim adapter").skip(1).collect();
    assert!(blocks.len() >= 3);
    for block in blocks {
        let (command, shown) = block.split_once('\n').unwrap();
        let (shown, _) = shown.split_once("\n```").unwrap();
        let words: Vec<&str> = command.split_whitespace().collect();
        assert_eq!(adapter(&words).fine().trim_end(), shown, "{command}");
    }
}

#[test]
fn tables_fit_a_terminal_of_120_columns() {
    for placement in ["random", "even", "here", "elsewhere"] {
        let words =
            ["--operations", "all", "--adapters", "all", "--placement", placement, "--pods", "20", "--recovery"];
        let said = adapter(&words);
        for line in said.fine().lines() {
            assert!(line.chars().count() <= 120, "{line}");
        }
    }
}

#[test]
fn programs_get_rows_and_json() {
    let words = ["-p", "3", "-c", "2", "-m", "2", "--placement", "here", "-a", "classic,sharded", "-o", "to-room"];
    let said = adapter(&[&words[..], &["--format", "csv"]].concat());
    let rows: Vec<Vec<&str>> = said.fine().lines().map(|line| line.split(',').collect()).collect();
    let of = |row: usize, column: &str| {
        let at = rows[0].iter().position(|name| *name == column).unwrap();
        rows[row][at]
    };
    assert_eq!((of(1, "adapter"), of(1, "publish"), of(1, "copies"), of(1, "no_member")), ("classic", "1", "3", "2"));
    assert_eq!((of(2, "adapter"), of(2, "spublish"), of(2, "copies"), of(2, "own")), ("sharded", "1", "1", "1"));
    let said = adapter(&[&words[..], &["--format", "json"]].concat());
    let json: serde_json::Value = serde_json::from_str(said.fine()).unwrap();
    assert_eq!(json["operations"][1]["cost"]["commands"]["spublish"], 1.0);
    assert_eq!(json["operations"][1]["cost"]["copies_per_pod"], serde_json::json!([1.0, 0.0, 0.0]));
    assert_eq!(json["break_even"][0]["adapters"], serde_json::json!(["classic", "sharded"]));
}

#[test]
fn what_cannot_be_is_said() {
    for (words, sentence) in [
        (&["--adapters", "clasic"][..], "--adapters: `clasic` is none; write `all`, or some of none, classic,"),
        (&["--operations", "emit,emmit"], "--operations: `emmit` is none; write `all`, or some of emit, to-room,"),
        (&["--placement", "there"], "--placement: `there` is none; write `random`, `even`, `here` or `elsewhere`"),
        (&["--pods", "0"], "--pods 0 cannot be; write 1 to 10000"),
        (&["--bytes", "5"], "--bytes 5 cannot be; write 10 to"),
        (&["--members", "600"], "--members 600: there are 500 clients where they may be"),
        (&["--pods", "1", "--placement", "elsewhere"], "there is no other pod; write at least `--pods 2`"),
    ] {
        adapter(words).refused(&[sentence]);
    }
}
