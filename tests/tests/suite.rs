//! Runs every story of `tests/suite`. `ESPER_BLESS=1` writes what the compiler says now into them, to be read before it is committed.
use esper_ir::{Graph, Model, Op, OutputKind, TABLE};
use esper_passes::PASSES;
use esper_tests::suite::{SECTIONS, Story, rows, stories};
use std::collections::BTreeSet;

/// Whether two texts of a section say the same; numbers may differ in the last of their six digits, as mathematical libraries do.
fn same(section: &str, expected: &str, actual: &str) -> bool {
    if section != "run" {
        return expected.trim_end() == actual.trim_end();
    }
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| c.is_whitespace() || "[],".contains(c)).filter(|w| !w.is_empty()).map(str::to_string).collect()
    };
    let (expected, actual) = (words(expected), words(actual));
    expected.len() == actual.len()
        && expected.iter().zip(&actual).all(|(e, a)| match (e.parse::<f64>(), a.parse::<f64>()) {
            (Ok(e), Ok(a)) => (e - a).abs() <= 1e-9 + 2e-5 * e.abs() || (e.is_nan() && a.is_nan()) || e == a,
            _ => e == a,
        })
}

#[test]
fn every_story_is_true() {
    let bless = std::env::var("ESPER_BLESS").is_ok_and(|v| v == "1");
    let (mut failures, mut checked) = (String::new(), 0);
    for story in stories() {
        let name = story.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let texts = match story.texts() {
            Ok(texts) => texts,
            Err(error) => {
                failures.push_str(&format!("---- {name}: {error}\n"));
                continue;
            }
        };
        let mut changed = false;
        for (section, text) in story.sections.iter().zip(&texts) {
            checked += 1;
            if !same(&section.name, &section.text, text) {
                changed = true;
                if !bless {
                    failures.push_str(&format!("---- {name}, {}: expected\n{}\n---- but it is\n{text}\n", section.name, section.text));
                }
            }
        }
        if bless && changed {
            std::fs::write(&story.path, story.with(&texts)).expect("the suite can be written");
        }
    }
    println!("{checked} sections of stories checked");
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn every_kind_of_section_is_in_a_story() {
    let used: BTreeSet<String> = stories().iter().flat_map(|s| s.sections.iter().map(|x| x.name.clone())).collect();
    let missing: Vec<&str> = SECTIONS.iter().map(|(name, _)| *name).filter(|name| !used.contains(*name)).collect();
    assert!(missing.is_empty(), "no story has {missing:?}");
}

/// The story of slots without its slot is the same story.
#[test]
fn a_slot_changes_nothing() {
    let with = stories().into_iter().find(|s| s.path.ends_with("slots.md")).expect("there is a story of slots");
    let mut without = with.clone();
    without.blueprint = with.blueprint.replace("    slot mid\n", "").replace("|> mid ", "");
    assert_eq!(without.blueprint.lines().count() + 1, with.blueprint.lines().count());
    assert_eq!(with.texts(), without.texts());
}

/// Every graph of a model, the training step with its gradients included, before any pass.
fn graphs(model: &Model) -> Vec<Graph> {
    let bind = |g: &Graph| g.bind(&|s| (s == esper_ir::BATCH).then_some(rows(model) as i64)).expect("binds");
    let mut train = bind(&model.train);
    let parameters: Vec<_> =
        model.parameters.iter().enumerate().map(|(n, p)| train.input(esper_ir::Input::Parameter(n), p.ty.clone(), p.span)).collect();
    let loss = train.output(OutputKind::Loss).expect("a loss");
    for (n, gradient) in esper_passes::differentiate(&mut train, loss, &parameters).expect("differentiable").into_iter().enumerate() {
        if let Some(gradient) = gradient {
            train.add_output(OutputKind::Gradient(n), gradient);
        }
    }
    let mut all = vec![train, bind(&model.eval), bind(&model.predict)];
    all.extend(model.parameters.iter().chain(&model.states).map(|p| p.init.clone()));
    all.extend(model.optimizer.scalars.iter().map(|s| s.graph.clone()));
    all.extend(model.optimizer.rules.iter().flatten().map(|r| r.graph.clone()));
    all
}

/// Operators that no story's program contains, and why that is well. They have their examples in the differential test all the same.
const OPERATORS_WITHOUT_STORY: &[(&str, &str)] = &[];

/// Codes that no story and no record's own example raises, and why.
const CODES_WITHOUT_STORY: &[(&str, &str)] = &[
    ("E0090", "about files, not about programs"),
    ("E0091", "about files, not about programs"),
    ("E0092", "about files, not about programs"),
    ("E0093", "about files, not about programs"),
    ("E0094", "about files, not about programs"),
    ("E0095", "about the command line"),
    ("E0096", "about the command line"),
    ("E0097", "about the command line"),
    ("E0098", "about a finished run: the tests of exporting"),
    ("E0099", "about a finished run: the tests of exporting"),
    ("E0605", "about the command line"),
    ("E0608", "about the command line"),
    ("E0699", "a bug of the compiler, if it is ever seen"),
];

/// Passes that change no story's program, and why.
const PASSES_WITHOUT_STORY: &[(&str, &str)] = &[];

fn compare_lists(what: &str, missing: &[String], excepted: &[(&str, &str)]) {
    let unlisted: Vec<&String> = missing.iter().filter(|m| !excepted.iter().any(|(name, _)| name == m)).collect();
    let outdated: Vec<&str> = excepted.iter().map(|(name, _)| *name).filter(|name| !missing.iter().any(|m| m == name)).collect();
    assert!(unlisted.is_empty(), "{what} in no story and not listed as an exception: {unlisted:?}");
    assert!(outdated.is_empty(), "{what} listed as exceptions that are in a story: {outdated:?}");
}

#[test]
fn every_operator_is_in_a_story() {
    let mut used: BTreeSet<&str> = BTreeSet::new();
    for model in stories().iter().filter_map(Story::model) {
        // The size of a batch is a node before it is bound and a constant after.
        for graph in graphs(&model).into_iter().chain([model.train.clone()]) {
            used.extend(graph.ids().map(|id: esper_ir::NodeId| -> &str {
                let op: &Op = graph.op(id);
                op.spec().name
            }));
        }
    }
    let missing: Vec<String> = TABLE.iter().map(|s| s.name).filter(|name| !used.contains(name)).map(str::to_string).collect();
    compare_lists("operators", &missing, OPERATORS_WITHOUT_STORY);
}

/// An experiment whose functions call one another so deep as nobody would write and a generator might.
fn calls_in_calls(depth: usize) -> String {
    let function = |n: usize| format!("fn f{n}(x: f32[..]) -> f32[..] {{ f{}(x) }}\n", n + 1);
    let functions: String = (0..depth).map(function).collect();
    format!(
        "use std.losses.{{mse}}\nuse std.optim.{{Sgd}}\n\n{functions}fn f{depth}(x: f32[..]) -> f32[..] {{ x }}\n\n\
         blueprint Net {{\n    param scale: f32[n] = ones\n\n    forward(x: f32[b, n]) -> f32[b, n] {{ f0(x * scale) }}\n}}\n\n\
         train t {{\n    model = Net()\n    data = csv(\"none.csv\", label = 0, shape = [4])\n    loss = mse\n    optimizer = Sgd()\n    \
         batch = 2\n    epochs = 1\n}}\n"
    )
}

#[test]
fn every_code_is_raised_by_a_story_or_by_its_own_example() {
    let codes_of = |text: &str| -> Vec<String> {
        let checked = esper_driver::Session::new().check_text("story.blueprint", text, std::path::Path::new("."));
        checked.problems.into_iter().map(|p| p.code).collect()
    };
    let mut raised: BTreeSet<String> = stories().iter().flat_map(|s| codes_of(&s.blueprint)).collect();
    raised.extend(esper_driver::codes().iter().filter(|r| !r.wrong.is_empty()).flat_map(|r| codes_of(r.wrong)));
    // With the stack that the command gives itself.
    let deep = std::thread::Builder::new().stack_size(256 << 20).spawn(move || codes_of(&calls_in_calls(1500))).expect("a thread");
    raised.extend(deep.join().expect("depth is an error and no crash"));
    let missing: Vec<String> = esper_driver::codes().iter().map(|r| r.code.to_string()).filter(|c| !raised.contains(c)).collect();
    compare_lists("diagnostics", &missing, CODES_WITHOUT_STORY);
}

#[test]
fn every_pass_changes_a_story() {
    let mut changes: BTreeSet<&str> = BTreeSet::new();
    for model in stories().iter().filter_map(Story::model) {
        for mut graph in graphs(&model) {
            for pass in PASSES {
                let after = (pass.run)(&graph);
                if after != graph {
                    changes.insert(pass.name);
                }
                graph = after;
            }
        }
    }
    let missing: Vec<String> = PASSES.iter().map(|p| p.name).filter(|name| !changes.contains(name)).map(str::to_string).collect();
    compare_lists("passes", &missing, PASSES_WITHOUT_STORY);
}
