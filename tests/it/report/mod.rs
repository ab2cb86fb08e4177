//! The report: what it says, that it says it the same way every time, and that it is well-formed.

mod sample;

use stickysim::report::{TerminalStyle, files, terminal, verdict};

const SCENARIO: &str = "name: rolling-restart\npods: 5\n# <not> html & \"quoted\"\n";

#[test]
#[ignore = "writes target/report-sample for people to look at"]
fn write_the_sample() {
    for (name, study) in [
        ("three", sample::study(20)),
        ("one", sample::scaled(20, 1, 5)),
        ("many", sample::scaled(20, 9, 30)),
        ("single-run", sample::study(1)),
    ] {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/report-sample").join(name);
        for file in files(&study, SCENARIO) {
            let path = root.join(&file.path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, &file.bytes).unwrap();
            println!("{:>9} {name}/{}", file.bytes.len(), file.path);
        }
        println!("{}", verdict(&study));
        println!("{}", terminal(&study, &TerminalStyle { color: false, width: 100 }));
    }
}
