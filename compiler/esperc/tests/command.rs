//! The command as its users meet it: what it prints, where, and with which exit code.
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A folder with the digits and their data, in which commands run.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Desk {
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("data")).expect("a folder");
        for file in ["digits.blueprint", "digits_grow.blueprint", "data/digits.csv.gz"] {
            std::fs::copy(examples.join(file), folder.path().join(file)).expect("an example");
        }
        Desk(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("written");
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_esperc"));
        command.args(arguments).current_dir(self.0.path()).stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Said {
        Said::of(self.command(arguments).output().expect("esperc runs"))
    }

    fn with_input(&self, arguments: &[&str], input: &str) -> Said {
        self.write("input", input);
        let input = std::fs::File::open(self.path("input")).expect("the input");
        Said::of(self.command(arguments).stdin(input).output().expect("esperc runs"))
    }
}

/// What a command said and how it ended.
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Said {
    fn of(output: Output) -> Said {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Said { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Ended with that code, and without a colour, because nothing here is a terminal.
    #[track_caller]
    fn ends(self, code: i32) -> Said {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        assert!(!self.out.contains('\u{1b}') && !self.err.contains('\u{1b}'), "{:?}\n{:?}", self.out, self.err);
        self
    }
}

const WRONG: &str = "fn f(x: f32[n]) -> f32[n] { y }\n";

#[test]
fn exit_codes_say_who_must_act() {
    let desk = Desk::new();
    desk.write("wrong.blueprint", WRONG);
    desk.write("warned.blueprint", "fn f(x: f32[n]) -> f32[n] {\n    let y = x\n    x\n}\n");
    assert_eq!(desk.run(&["check", "digits.blueprint"]).ends(0).err, "digits.blueprint: no errors\n");
    assert!(desk.run(&["check", "warned.blueprint"]).ends(0).err.contains("W0121"));
    assert!(desk.run(&["check", "wrong.blueprint"]).ends(1).err.contains("E0101"));
    assert!(desk.run(&["run", "wrong.blueprint"]).ends(1).err.contains("E0101"));
    for usage in [&["check"][..], &["chekc"], &["run", "digits.blueprint", "--set", "epochs"], &["explain", "E9999"], &["doc", "nothing"]] {
        assert!(desk.run(usage).ends(2).out.is_empty(), "{usage:?}");
    }
    for absent in [&["check", "none.blueprint"][..], &["check", "data"], &["eval", "runs/none"], &["run", "none.espb"]] {
        assert!(desk.run(absent).ends(3).out.is_empty(), "{absent:?}");
    }
    std::fs::remove_file(desk.path("data/digits.csv.gz")).expect("removed");
    assert!(desk.run(&["run", "digits.blueprint"]).ends(3).err.contains("the data file `data/digits.csv.gz` does not exist"));
}

#[test]
fn the_message_format_changes_the_words_and_nothing_else() {
    let desk = Desk::new();
    desk.write("wrong.blueprint", WRONG);
    let said = |format| desk.run(&["check", "wrong.blueprint", "--message-format", format]).ends(1);
    assert!(said("human").err.contains("nothing is called `y` here"));
    assert_eq!(said("short").err, "wrong.blueprint:1:29: error[E0101]: unknown name `y`\n");
    let json: serde_json::Value = serde_json::from_str(&said("json").out).expect("one JSON object a line");
    assert_eq!((&json["code"], &json["line"], &json["column"]), (&"E0101".into(), &1.into(), &29.into()));
    let sarif: serde_json::Value = serde_json::from_str(&said("sarif").out).expect("one document");
    assert_eq!(sarif["runs"][0]["results"][0]["ruleId"], "E0101");
    let coloured = desk.run(&["check", "wrong.blueprint", "--color", "always"]);
    assert!(coloured.err.contains('\u{1b}') && coloured.code == 1);
}

#[test]
fn files_are_formatted_checked_and_compared() {
    let desk = Desk::new();
    let (ragged, smooth) = ("const  A=1 // one\n", "const A = 1 // one\n");
    assert_eq!(desk.with_input(&["fmt", "-"], ragged).ends(0).out, smooth);
    assert!(desk.with_input(&["fmt", "-"], "const A = (").ends(1).out.is_empty());
    desk.write("a.blueprint", ragged);
    assert!(desk.run(&["fmt", "--check", "a.blueprint"]).ends(1).err.contains("a.blueprint is not formatted"));
    assert!(desk.run(&["fmt", "--diff", "a.blueprint"]).ends(0).out.contains("-const  A=1 // one\n+const A = 1 // one\n"));
    assert_eq!(desk.read("a.blueprint"), ragged, "neither writes");
    desk.run(&["fmt", "a.blueprint"]).ends(0);
    assert_eq!(desk.read("a.blueprint"), smooth);
    desk.run(&["fmt", "--check", "a.blueprint", "digits.blueprint"]).ends(0);
}

#[test]
fn codes_and_names_are_explained() {
    let desk = Desk::new();
    assert!(desk.run(&["explain", "e0301"]).ends(0).out.starts_with("# E0301: a layer gets the wrong width\n"));
    assert!(desk.run(&["explain", "D0109"]).ends(0).out.contains("class numbers"));
    assert!(desk.run(&["explain"]).ends(0).out.lines().count() > 100);
    assert!(desk.run(&["doc", "std.nn.Linear"]).ends(0).out.contains("param weight: f32[out, in]"));
    assert!(desk.run(&["doc", "relu", "--source"]).ends(0).out.contains("maximum(x, 0)"));
    assert!(desk.run(&["doc", "csv"]).ends(0).out.contains("csv(path, label = -1, "));
    assert!(desk.run(&["doc", "Linaer"]).ends(2).err.contains("did you mean `Linear`?"));
}

#[test]
fn every_stage_is_printed() {
    let desk = Desk::new();
    for (stage, has) in [
        ("tokens", "Word blueprint"),
        ("ast", "train digits"),
        ("hir", "Prediction = %"),
        ("graph", "dot_general"),
        ("graph=dot", "digraph"),
        ("kernels", "kernel "),
        ("plan", "OptimizerStates"),
        ("clif", "block0"),
        ("cuda", "__global__"),
        ("wgsl", "@compute"),
    ] {
        let out = desk.run(&["build", "digits.blueprint", "--emit", stage]).ends(0).out;
        assert!(out.contains(has), "{stage}:\n{out}");
        assert_eq!(out, desk.run(&["build", "digits.blueprint", "--emit", stage]).ends(0).out, "{stage}");
    }
}

#[test]
fn an_artifact_trains_without_its_source() {
    let desk = Desk::new();
    desk.run(&["build", "digits.blueprint", "-o", "digits.espb"]).ends(0);
    assert_eq!(desk.run(&["run", "digits.blueprint", "--set", "epochs=2", "--quiet"]).ends(0).out, "runs/digits-1\n");
    std::fs::remove_file(desk.path("digits.blueprint")).expect("removed");
    assert_eq!(desk.run(&["run", "digits.espb", "--set", "epochs=2", "--quiet"]).ends(0).out, "runs/digits-2\n");
    assert_eq!(desk.read("runs/digits-1/metrics.csv"), desk.read("runs/digits-2/metrics.csv"));
    assert!(desk.run(&["run", "digits.espb", "--set", "model.hidden=3"]).ends(2).err.contains("is compiled in"));
    let bytes = std::fs::read(desk.path("digits.espb")).expect("an artifact");
    std::fs::write(desk.path("half.espb"), &bytes[..bytes.len() / 2]).expect("written");
    assert!(desk.run(&["run", "half.espb"]).ends(3).err.contains("ends too early"));
}

#[test]
fn a_run_is_made_used_and_described() {
    let desk = Desk::new();
    let said = desk.run(&["run", "digits.blueprint", "--set", "epochs=3", "--set", "hidden=16", "--threads", "1"]).ends(0);
    assert_eq!(said.out, "runs/digits-1\n");
    for line in ["digits: DigitsMlp(hidden = 16)\n", "first  Linear     f32[batch, 64]  f32[batch, 16]       1,040\n", "\nepoch 3/3  loss "]
    {
        assert!(said.err.contains(line), "{}", said.err);
    }
    for file in ["summary.txt", "config.resolved.json", "metrics.jsonl", "metrics.csv", "report.html", "model.espb"] {
        assert!(!std::fs::read(desk.path(&format!("runs/digits-1/{file}"))).expect(file).is_empty(), "{file}");
    }
    let test = desk.run(&["eval", "runs/digits-1", "--split", "test"]).ends(0).out;
    assert!(test.starts_with("180 rows of test, ") && test.contains("accuracy"), "{test}");
    // By name or by folder; a network without slots has a story too.
    let story = desk.run(&["explain-run", "digits-1"]).ends(0).out;
    assert!(story.starts_with("digits-1: DigitsMlp(hidden = 16), seed ") && story.contains("nothing could grow"), "{story}");
    assert_eq!(desk.run(&["explain-run", "runs/digits-1"]).ends(0).out, story);
    let json = desk.run(&["explain-run", "digits-1", "--message-format", "json"]).ends(0).out;
    assert_eq!(serde_json::from_str::<serde_json::Value>(&json).expect("JSON")["epochs"].as_array().map(Vec::len), Some(3));
    assert!(desk.run(&["explain-run", "digits-1", "--message-format", "sarif"]).ends(2).err.contains("--message-format json"));
    assert!(desk.run(&["explain-run", "digits-9"]).ends(3).err.contains("there is no such folder"));
    assert!(desk.run(&["explain-run", "runs"]).ends(3).err.contains("not the folder of a run"));
    let row = format!("{}\n", vec!["0"; 64].join(","));
    desk.write("rows.csv", &row.repeat(2));
    let predicted = desk.run(&["predict", "runs/digits-1", "--data", "rows.csv"]).ends(0).out;
    assert_eq!(predicted.lines().count(), 3);
    assert!(predicted.starts_with("row,class,probability_0,"), "{predicted}");
    desk.write("rows.csv", &row[2..]);
    let refused = desk.run(&["predict", "runs/digits-1", "--data", "rows.csv"]).ends(3);
    assert!(refused.err.contains("D0107") && refused.err.contains("rows.csv:1:1") && refused.out.is_empty(), "{}", refused.err);
}

#[test]
fn a_growing_run_is_compared_with_controls_on_one_page() {
    let desk = Desk::new();
    let grow = ["run", "digits_grow.blueprint", "--set", "epochs=45", "--seeds", "0..1", "--quiet"];
    let said = desk.run(&[&grow[..], &["--controls=off,static,equal_flops,fixed_schedule"]].concat()).ends(0).out;
    for line in
        ["verdict: ", "for the same FLOPs (learning rate tuned on validation: factor ", "for as many epochs", "at the same steps", "cost: "]
    {
        assert!(said.contains(line), "{line}: {said}");
    }
    let page = desk.read("runs/digits-comparison-1/report.html");
    for text in
        ["seed 0: ", "seed 1: ", "../twins/digits-2/report.html", "../static/digits-2/", "../fixed_schedule/digits-2/", "than equal_flops"]
    {
        assert!(page.contains(text), "{text}");
    }
    // Each growing run knows what came of it, and draws its twin.
    assert_eq!(desk.read("runs/digits-2/verdict.txt"), said);
    assert!(desk.read("runs/digits-2/report.html").contains(">off</text>"));
    let story = desk.run(&["explain-run", "digits-2"]).ends(0).out;
    assert!(story.contains(said.lines().nth(1).expect("a verdict")) && story.contains("GERMINATED"), "{story}");
    // The schedule of the run that it was taken from gives that run again.
    let csv = |run: &str| desk.read(&format!("runs/{run}/metrics.csv"));
    assert_eq!(csv("fixed_schedule/digits-1"), csv("digits-1"));
    // A twin is what the growing run was before its first seed counted, and the report is the same bytes again.
    assert_eq!(csv("twins/digits-1").lines().take(10).collect::<Vec<_>>(), csv("digits-1").lines().take(10).collect::<Vec<_>>());
    let again = desk.run(&[&grow[..], &["--controls=off,static,equal_flops,fixed_schedule", "--runs", "again"]].concat()).ends(0).out;
    assert_eq!((again, desk.read("again/digits-comparison-1/report.html")), (said.clone(), page));
    // The file may name them itself.
    let file = desk
        .read("digits_grow.blueprint")
        .replace("    seed      = 0\n", "    seed      = 0\n    controls  = [off, static, equal_flops, fixed_schedule]\n");
    desk.write("named.blueprint", &file);
    let named = desk.run(&["run", "named.blueprint", "--set", "epochs=45", "--seeds", "0..1", "--quiet", "--runs", "named"]).ends(0).out;
    assert_eq!(named, said);
    let alone = desk.run(&["run", "named.blueprint", "--set", "epochs=45", "--quiet", "--runs", "alone"]).ends(0).out;
    assert!(alone.contains("verdict: one seed shows no interval"), "{alone}");
    for (name, code) in [("static_final", "E0603"), ("of", "replace by `off`")] {
        desk.write("wrong.blueprint", &file.replace("[off, static,", &format!("[{name},")));
        let err = desk.run(&["check", "wrong.blueprint"]).ends(1).err;
        assert!(err.contains(code) && err.contains(name), "{err}");
    }
    for (word, says) in [("pruned_from_large", "does not exist yet"), ("twin", "there is no control `twin`")] {
        assert!(desk.run(&["run", "digits_grow.blueprint", &format!("--controls={word}")]).ends(2).err.contains(says), "{word}");
    }
    assert!(desk.run(&["run", "digits.blueprint", "--controls=off"]).ends(2).err.contains("has no `grow` lines"));
}

#[test]
fn settings_of_the_command_line_are_checked_like_a_file() {
    let desk = Desk::new();
    for (setting, says) in [
        ("epochs=abc", "unknown name `abc`"),
        ("epochs=1.5", "`epochs` is a whole number, not a decimal number"),
        ("epoch=3", "did you mean `epochs`?"),
        ("batch=0", "`batch` is at least 1"),
        ("optimizer.lr.peek=1", "did you mean `optimizer.lr.peak`?"),
        ("loss=mse", "take it from `std.losses`"),
    ] {
        let said = desk.run(&["run", "digits.blueprint", "--dry-run", "--set", setting]).ends(2);
        assert!(said.err.contains(says) && said.err.contains("the command line:1:"), "{setting}: {}", said.err);
        assert_eq!(said.err.matches("error[").count(), 1, "{}", said.err);
    }
    desk.run(&["run", "digits.blueprint", "--dry-run", "--set", "peak=1e-3"]).ends(0);
    assert!(!desk.path("runs").exists());
}

#[test]
#[cfg(unix)]
fn an_interrupted_run_saves_ends_with_130_and_goes_on() {
    let desk = Desk::new();
    let arguments = ["run", "digits.blueprint", "--set", "epochs=100000", "--set", "save_every=100000"];
    let mut run = desk.command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("esperc runs");
    // Behind the first epoch it is in its loop.
    let trains = || std::fs::read_to_string(desk.path("runs/digits-1/metrics.csv")).is_ok_and(|text| text.lines().count() > 2);
    while !trains() {
        assert!(run.try_wait().expect("a child").is_none(), "it ended by itself");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert!(Command::new("kill").args(["-INT", &run.id().to_string()]).status().expect("kill").success());
    assert_eq!(run.wait().expect("it ends").code(), Some(130));
    assert!(desk.path("runs/digits-1/checkpoints/last/manifest.json").exists());
    let other = desk.run(&["run", "digits.blueprint", "--resume", "runs/digits-1"]).ends(2).err;
    assert!(other.contains("epochs: the run has 100000, this says 60"), "{other}");
}

#[test]
fn a_layer_beyond_all_memory_is_refused_with_what_it_needs() {
    let desk = Desk::new();
    let said = desk.run(&["run", "digits.blueprint", "--set", "hidden=1000000000"]).ends(3).err;
    assert!(said.contains("D0114") && said.contains("the run needs 1.71 TB of memory"), "{said}");
    assert!(said.contains("`first.weight` is f32[1000000000, 64], 256 GB"), "{said}");
}

#[test]
fn the_bench_prints_the_yardsticks_of_growth_with_their_goals() {
    let desk = Desk::new();
    let told = desk.run(&["bench", "growth", "gradmax"]).ends(0).out;
    assert!(told.contains("with a fan-out of larger gradient") && told.contains("(0.80 to 0.93)  met"), "{told}");
    let refused = desk.run(&["bench", "growth", "glory"]).ends(2);
    assert!(refused.err.contains("`glory` is no yardstick of growth: there are gradmax and honest_gate"), "{}", refused.err);
}

#[test]
fn the_bench_measures_steps_kernels_and_checks() {
    let desk = Desk::new();
    let bench = |arguments: &[&str]| desk.run(&[&["bench", "--seconds", "0.01"], arguments].concat()).ends(0).out;
    let table = bench(&["digits.blueprint", "--threads", "1", "--profile"]);
    assert!(table.contains(" %") && table.contains("product [64, 64, 64]"), "{table}");
    let json: serde_json::Value = serde_json::from_str(&bench(&["w1", "--threads", "2", "--json"])).expect("one object");
    assert_eq!((&json["parameters"], &json["threads"]), (&17_226.into(), &2.into()));
    assert!(json["milliseconds_per_step"].as_f64() > Some(0.0) && json["compile_milliseconds"].as_f64() > Some(0.0));
    let json: serde_json::Value = serde_json::from_str(&bench(&["check", "--json"])).expect("one object");
    assert!(json["lines"].as_u64() >= Some(1000) && json["milliseconds"].as_f64() > Some(0.0), "{json}");
}
