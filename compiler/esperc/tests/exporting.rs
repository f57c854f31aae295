//! `esperc export` as its users meet it: the example grows, is written as source, and that source stands for the run.
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A folder with the example that grows and its data.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Desk {
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("data")).expect("a folder");
        for file in ["digits_grow.blueprint", "data/digits.csv.gz"] {
            std::fs::copy(examples.join(file), folder.path().join(file)).expect("an example");
        }
        Desk(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// Exit code, standard output, standard error.
    fn says(&self, arguments: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_esperc"));
        let output = command.args(arguments).current_dir(self.0.path()).stdin(Stdio::null()).output().expect("esperc runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
    }

    fn fine(&self, arguments: &[&str]) -> String {
        let (code, out, err) = self.says(arguments);
        assert_eq!(code, 0, "esperc {arguments:?} said {err}");
        out
    }
}

fn numbers(csv: &str) -> Vec<f64> {
    csv.lines().skip(1).flat_map(|l| l.split(',').map(|n| n.parse().expect("a number"))).collect()
}

#[test]
fn the_example_grows_is_written_as_source_and_the_source_computes_the_same() {
    let desk = Desk::new();
    // `--set` and the seed are part of what is written.
    desk.fine(&["run", "digits_grow.blueprint", "--quiet", "--set", "seed=1", "--set", "optimizer.weight_decay=0.02"]);
    let (code, _, told) = desk.says(&["export", "runs/digits-1", "--as", "blueprint"]);
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("in runs/digits-1/export/digits.blueprint"), "{told}");
    let text = "runs/digits-1/export/digits.blueprint";
    insta::assert_snapshot!(desk.read(text));
    desk.fine(&["check", text]);
    desk.fine(&["fmt", "--check", text]);
    let (run, new) = (["predict", "runs/digits-1", "--data", "data/digits.csv.gz"], ["predict", text, "--data", "data/digits.csv.gz"]);
    let (run, new) = (numbers(&desk.fine(&run)), numbers(&desk.fine(&new)));
    assert!(run.len() == new.len() && run.len() > 10_000);
    let worst = run.iter().zip(&new).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(worst <= 1e-6, "the exported network differs by {worst}");
    let scores = |of: &str| desk.fine(&["eval", of, "--split", "test"]).lines().skip(1).map(str::to_string).collect::<Vec<_>>();
    assert_eq!(scores("runs/digits-1"), scores(text));
    assert_eq!(scores(text).len(), 2);
    // It trains on from there, and its run is written in turn.
    desk.fine(&["run", text, "--quiet", "--set", "epochs=1"]);
    desk.fine(&["export", "runs/digits-2"]);
    assert_eq!(desk.read("runs/digits-2/export/digits.blueprint").matches("As a run left it").count(), 1);
}

#[test]
fn weights_alone_are_written_under_the_paths_of_the_run() {
    let desk = Desk::new();
    desk.fine(&["run", "digits_grow.blueprint", "--quiet", "--set", "epochs=2"]);
    desk.fine(&["export", "runs/digits-1", "--as", "safetensors", "-o", "weights"]);
    let bytes = std::fs::read(desk.path("weights/digits.safetensors")).expect("weights");
    let length = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")) as usize;
    let head: serde_json::Value = serde_json::from_slice(&bytes[8..8 + length]).expect("a header");
    let names: Vec<&String> = head.as_object().expect("names").keys().collect();
    assert_eq!(names, ["first.bias", "first.weight", "last.bias", "last.weight"]);
    assert!(!desk.path("weights/digits.blueprint").exists());
}

#[test]
fn a_text_without_weights_and_a_folder_without_a_run_are_refused() {
    let desk = Desk::new();
    let (code, _, told) = desk.says(&["eval", "digits_grow.blueprint"]);
    assert!(code == 2 && told.contains("has no weights"), "{code}: {told}");
    let (code, _, told) = desk.says(&["export", "data"]);
    assert!(code == 3 && told.contains("not the folder of a run"), "{code}: {told}");
    let started = desk.read("digits_grow.blueprint").replace("    seed      = 0\n", "    start     = safetensors(\"none.safetensors\")\n");
    std::fs::write(desk.path("started.blueprint"), started).expect("written");
    let (code, _, told) = desk.says(&["run", "started.blueprint", "--quiet"]);
    assert!(code == 3 && told.contains("D0115") && told.contains("there is no such file"), "{code}: {told}");
}
