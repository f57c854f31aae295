//! Whole small programs and what is said about their names: places, labels, edits.
use super::{CODES, FileInput, imports_of, resolve};
use esper_diagnostics::{Diagnostic, FileId, Sources};
use esper_grammar::{Parsed, parse};

const NN: &str = "
blueprint Linear(out: dim, use_bias: bool = true) {
    param weight: f32[out, in] = ones
    param bias: f32[out] = zeros if use_bias

    forward(x: f32[.., in]) -> f32[.., out] {
        let y = x @ transpose(weight)
        if use_bias { y + bias } else { y }
    }
}

blueprint MultiHeadAttention(heads: dim, causal: bool = false, drop: float = 0) {
    layer qkv = Linear(3 * d)
    require heads > 0

    forward(x: f32[b, t, d]) -> f32[b, t, d] {
        let (q, k, v) = split(qkv(x), 3, axis = -1)
        if causal { q * k } else { v * drop }
    }
}

fn relu(x: f32[..]) -> f32[..] { maximum(x, 0) }

fn _hidden(x: f32[..]) -> f32[..] { x }
";

const INIT: &str = "fn kaiming_uniform(like: f32[out, ..fan], gain: float = sqrt(2)) -> f32[out, ..fan] {
    let bound = gain * sqrt(3 / size(fan))
    uniform(like, low = -bound, high = bound)
}
";

/// Parses and resolves files; the first is the one that is looked at. Syntax errors are a mistake of the test.
fn problems_of(files: &[(&str, &str)]) -> (Sources, Vec<Diagnostic>) {
    let mut sources = Sources::default();
    let mut parsed: Vec<(FileId, String, Parsed)> = vec![];
    for (module, text) in files.iter().copied().chain([("std.nn", NN), ("std.init", INIT)]) {
        let id = sources.add(module, text);
        parsed.push((id, module.to_string(), parse(id, text)));
    }
    let inputs: Vec<FileInput> =
        parsed.iter().map(|(id, module, p)| FileInput { id: *id, module: module.clone(), file: &p.file }).collect();
    let mut problems: Vec<Diagnostic> = parsed.iter().flat_map(|(_, _, p)| p.problems.iter().cloned()).collect();
    problems.extend(resolve(&inputs).problems);
    problems.sort_by_key(|p| (p.primary.span, p.code.clone()));
    (sources, problems)
}

/// The problems of one file, one a line: code, line, text under the label, label; below it the secondary labels, notes, helps, edits.
fn said(text: &str) -> String {
    said_of(&[("main", text)])
}

fn said_of(files: &[(&str, &str)]) -> String {
    let (sources, problems) = problems_of(files);
    let mut out = String::new();
    for p in &problems {
        let label = |l: &esper_diagnostics::Label| format!("{} `{}` {}", sources.line_column(l.span).0, sources.text(l.span), l.text);
        out.push_str(&format!("{} {}\n", p.code, label(&p.primary)));
        p.secondary.iter().for_each(|l| out.push_str(&format!("  - {}\n", label(l))));
        p.notes.iter().for_each(|n| out.push_str(&format!("  note: {n}\n")));
        p.helps.iter().for_each(|n| out.push_str(&format!("  help: {n}\n")));
        for edit in &p.edits {
            let changes: Vec<String> =
                edit.changes.iter().map(|(s, new)| format!("{}`{}`→`{new}`", sources.line_column(*s).0, sources.text(*s))).collect();
            out.push_str(&format!("  edit: {}\n", changes.join(" ")));
        }
    }
    out
}

fn codes(text: &str) -> Vec<String> {
    problems_of(&[("main", text)]).1.iter().map(|p| p.code.clone()).collect()
}

#[test]
fn every_code_is_raised_by_its_wrong_file_and_not_by_its_right_one() {
    for record in CODES {
        assert_eq!(codes(record.wrong), [record.code], "{} wrong:\n{}{}", record.code, record.wrong, said(record.wrong));
        assert!(codes(record.right).is_empty(), "{} right:\n{}{}", record.code, record.right, said(record.right));
    }
}

#[test]
fn codes_are_unique_and_explained() {
    for (i, record) in CODES.iter().enumerate() {
        assert!(!record.explanation.is_empty() && !record.title.is_empty() && !record.wrong.is_empty());
        assert!(CODES[..i].iter().all(|r| r.code != record.code), "{}", record.code);
    }
}

/// The library and the programs of examples/ are free of problems of names; what the library does not have yet is left out.
#[test]
fn the_library_and_the_examples_resolve() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |path: &str| std::fs::read_to_string(root.join(path)).expect("a file of the project");
    let library: Vec<(String, String)> =
        ["hosts", "init", "losses", "nn", "optim"].map(|m| (format!("std.{m}"), read(&format!("stdlib/{m}.blueprint")))).to_vec();
    for example in ["digits", "digits_cnn"] {
        let mut sources = Sources::default();
        let files = [vec![(example.to_string(), read(&format!("examples/{example}.blueprint")))], library.clone()].concat();
        let parsed: Vec<(FileId, String, Parsed)> = files
            .iter()
            .map(|(module, text)| {
                let id = sources.add(module, text);
                (id, module.clone(), parse(id, text))
            })
            .collect();
        let inputs: Vec<FileInput> =
            parsed.iter().map(|(id, module, p)| FileInput { id: *id, module: module.clone(), file: &p.file }).collect();
        let found: Vec<String> = resolve(&inputs)
            .problems
            .iter()
            .map(|p| {
                format!("{}:{} {} {}", sources.file(p.primary.span.file).name, sources.line_column(p.primary.span).0, p.code, p.message)
            })
            .collect();
        assert!(found.is_empty(), "{found:#?}");
    }
}

#[test]
fn a_minus_on_a_line_of_its_own_below_an_unused_let() {
    let text = "fn f(wanted: f32[n], other: f32[n]) -> f32 {\n    let loss = mean(wanted)\n    -mean(other)\n}\n";
    assert_eq!(
        said(text),
        "W0004 3 `-` without a space after it, a minus begins a new statement\n  - 2 `loss` never used\n  edit: 3``→` `\n"
    );
}

#[test]
fn a_misspelt_layer() {
    let text = "use std.nn.{Linear, relu}\nblueprint Mlp(hidden: dim) {\n    layer first = Linear(hidden)\n    slot mid\n    layer last = Linear(10)\n\n    \
                forward(x: f32[b, 64]) -> f32[b, 10] {\n        x |> frist |> relu |> mid |> last\n    }\n}\n";
    assert_eq!(
        said(text),
        "E0101 8 `frist` nothing is called `frist` here\n  - 3 `first` did you mean this layer?\n  edit: 8`frist`→`first`\n"
    );
}

#[test]
fn a_let_in_a_loop_where_a_rebinding_was_meant() {
    let text = "use std.nn.{relu}\nfn f(x: f32[n], blocks: [fn]) -> f32[n] {\n    let h = x\n    for block in blocks {\n        let h = block(relu(h))\n    }\n    h\n}\n";
    assert_eq!(
        said(text),
        "E0103 5 `let h` `h` already exists; a second `h` would end with this turn of the loop and the outer one would never change\n  - 3 `h` `h` is declared here\n  edit: 5`let `→``\n"
    );
}

#[test]
fn a_typed_let_loses_its_type_with_its_word() {
    let text = "fn f(x: f32[n]) -> f32[n] {\n    let x: f32[n] = x + x\n    x\n}\n";
    assert_eq!(
        said(text),
        "E0103 2 `let x` `x` already exists; a new value needs no `let`\n  - 1 `x` `x` is declared here\n  edit: 2`let `→`` 2`: f32[n]`→``\n"
    );
}

#[test]
fn a_blueprint_in_itself_directly_and_through_others() {
    let direct =
        "blueprint Tree(depth: dim) {\n    layer inner = Tree(depth - 1)\n\n    forward(x: f32[b, d]) -> f32[b, d] { inner(x) }\n}\n";
    assert_eq!(
        said(direct),
        "E0106 2 `Tree` `Tree` contains `Tree`\n  note: nothing may contain itself; an array of layers says depth: `[Node() ; depth]`\n"
    );
    let through = "const PARTS = [Outer()]\nblueprint Inner {\n    layer a = PARTS[0]\n    forward(x: f32[b]) -> f32[b] { a(x) }\n}\nblueprint Outer {\n    layer b = Inner()\n    \
                   forward(x: f32[c]) -> f32[c] { b(x) }\n}\nblueprint User {\n    layer o = Outer()\n    forward(x: f32[c]) -> f32[c] { o(x) }\n}\n";
    let said = said(through);
    assert_eq!(said.matches("E0").count(), 1, "{said}");
    assert!(
        said.starts_with(
            "E0106 1 `Outer` `PARTS` needs `Outer`\n  - 7 `Inner` `Outer` contains `Inner`\n  - 3 `PARTS` `Inner` contains `PARTS`\n"
        ),
        "{said}"
    );
}

#[test]
fn a_dim_that_is_almost_a_parameter() {
    let text =
        "blueprint Mlp(hidden: dim) {\n    param w: f32[hidden] = ones\n    forward(x: f32[b, hiden]) -> f32[b, hiden] { x * sum(w) }\n}\n";
    assert_eq!(
        said(text),
        "W0107 3 `hiden` this binds a new dim\n  - 1 `hidden` a parameter of almost that name\n  edit: 3`hiden`→`hidden`\n"
    );
}

#[test]
fn a_positional_argument_after_a_named_one() {
    let text = "use std.nn.{MultiHeadAttention}\nblueprint B(heads: dim, drop: float) {\n    layer attention = MultiHeadAttention(heads, causal = true, drop)\n    \
                forward(x: f32[b, t, d]) -> f32[b, t, d] { attention(x) }\n}\n";
    assert_eq!(said(text), "E0203 3 `drop` by position\n  - 3 `causal = true` after one by name\n  edit: 3``→`drop = `\n");
}

#[test]
fn names_before_a_bracket_look_only_among_what_can_be_called() {
    let text = "blueprint Norm {\n    state mean: f32[c] = zeros\n    forward(x: f32[b, c]) -> f32[b, c] {\n        let sum = sum(x)\n        let m = mean(x, axis = b)\n        \
                x - mean - m + sum(x) + sum\n    }\n}\n";
    assert_eq!(said(text), "");
}

#[test]
fn one_name_is_one_thing_inside_an_item() {
    let text = "use std.nn.{Linear}\nblueprint A(hidden: dim) {\n    layer h = Linear(hidden)\n    forward(x: f32[b, h]) -> f32[b, hidden] { h(x) }\n}\n";
    assert!(said(text).starts_with("E0104 4 `h` `h` is a layer already\n  - 3 `h` declared here\n"), "{}", said(text));
    let siblings = "fn f(x: f32[n], deep: bool) -> f32[n] {\n    if deep {\n        let y = x\n        y + y\n    } else {\n        let y = x\n        y\n    }\n}\n";
    assert_eq!(said(siblings), "");
    let ended = "fn f(x: f32[n]) -> f32[n] {\n    for i in range(2) {\n        let y = x\n        x = y * i\n    }\n    x + y\n}\n";
    assert_eq!(said(ended), "E0101 6 `y` nothing is called `y` here\n  - 3 `y` this one ended with the body it was declared in\n");
}

#[test]
fn defaults_see_the_parameters_to_their_left() {
    assert_eq!(codes("fn f(x: f32[n], a: int = b, b: int = 2) -> f32[n] { x * a * b }\n"), ["E0101"]);
    assert_eq!(said("fn f(x: f32[n], b: int = 2, a: int = b) -> f32[n] { x * a * b }\n"), "");
}

#[test]
fn capital_axes_are_dims_in_the_wrong_case() {
    let text = "fn f(x: f32[B, T]) -> f32[B, T] { x }\n";
    let (sources, problems) = problems_of(&[("main", text)]);
    assert_eq!(problems.iter().map(|p| p.code.as_str()).collect::<Vec<_>>(), ["E0109", "E0109"]);
    let changes: Vec<&str> = problems[0].edits[0].changes.iter().map(|(s, _)| sources.text(*s)).collect();
    assert_eq!(changes, ["B", "B"]);
}

#[test]
fn an_item_in_the_wrong_case_is_renamed_everywhere() {
    let said = said(
        "fn Double(x: f32[n]) -> f32[n] { x + x }\nfn four(x: f32[n]) -> f32[n] { Double(Double(x)) }\ngrad Double(x, y, dy) { dy }\n",
    );
    assert_eq!(said.matches("E0109").count(), 1, "{said}");
    assert!(said.contains("edit: 1`Double`→`double` 2`Double`→`double` 2`Double`→`double` 3`Double`→`double`"), "{said}");
}

#[test]
fn imports_across_files() {
    let seeds = "use std.nn.{Linear}\nblueprint Lora(r: dim) {\n    layer down = Linear(r)\n    forward(x: f32[b, d]) -> f32[b, r] { down(x) }\n}\n";
    let main = "use seeds.{Lora as Adapter}\nuse std.nn.relu as rectify\nblueprint A {\n    layer a = Adapter(4)\n    forward(x: f32[b, d]) -> f32[b, 4] { rectify(a(x)) }\n}\n";
    assert_eq!(said_of(&[("main", main), ("seeds", seeds)]), "");
    let wrong = "use seeds.{Loar}\nuse seeds.{Linear}\nuse sedes.{Lora}\nuse std.nn.{_hidden}\nuse std.nn\n";
    let said = said_of(&[("main", wrong), ("seeds", seeds)]);
    let lines: Vec<&str> = said.lines().filter(|l| !l.starts_with("  ")).map(|l| &l[..5]).collect();
    assert_eq!(lines, ["E0105", "E0105", "E0102", "E0108", "E0115"], "{said}");
    assert!(
        said.contains("did you mean this blueprint?") && said.contains("`use std.nn.{Linear}`") && said.contains("did you mean `seeds`?"),
        "{said}"
    );
}

#[test]
fn an_unused_import_goes_with_its_comma_or_with_its_use() {
    let text = "use std.nn.{Linear, relu as r, MultiHeadAttention}\nuse std.init.kaiming_uniform\nfn f(x: f32[n]) -> f32[n] { x }\n";
    let (sources, problems) = problems_of(&[("main", text)]);
    let removed: Vec<&str> = problems.iter().map(|p| sources.text(p.edits[0].changes[0].0)).collect();
    assert_eq!(removed, ["Linear, ", "relu as r, ", ", MultiHeadAttention", "use std.init.kaiming_uniform"]);
}

#[test]
fn words_of_other_languages_are_understood() {
    let said =
        said("use std.nn.{relu}\nfn f(x: Tensor[n], deep: boolean = True) -> f32[n] {\n    if deep { nn.relu(x) } else { relu(x) }\n}\n");
    assert!(
        said.contains("edit: 2`Tensor`→`f32`") && said.contains("edit: 2`boolean`→`bool`") && said.contains("edit: 2`True`→`true`"),
        "{said}"
    );
    assert!(said.contains("help: `std.nn` is a module; a `use` at the top takes names from it: `use std.nn.{…}`"), "{said}");
}

#[test]
fn files_may_use_each_other() {
    let a = "use b.{two}\nfn one(x: f32[n]) -> f32[n] { x }\nfn three(x: f32[n]) -> f32[n] { two(x) }\n";
    let b = "use a.{one}\nfn two(x: f32[n]) -> f32[n] { one(x) }\n";
    assert_eq!(said_of(&[("a", a), ("b", b)]), "");
}

#[test]
fn what_depends_on_a_failed_import_or_an_unread_line_stays_silent() {
    assert_eq!(
        codes("use nowhere.{Layer}\nblueprint A {\n    layer a = Layer()\n    forward(x: f32[b]) -> f32[b] { a(x) }\n}\n"),
        ["E0102"]
    );
    let unread = codes("fn f(x: f32[n]) -> f32[n] {\n    let y = = 3\n    x + y + z\n}\n");
    assert_eq!(unread.len(), 1, "{unread:?}");
}

#[test]
fn a_name_is_reported_once_an_item() {
    assert_eq!(codes("fn f(x: f32[n]) -> f32[n] { y + y * y }\nfn g(x: f32[n]) -> f32[n] { y }\n"), ["E0101", "E0101"]);
}

#[test]
fn fields_have_words_and_programs_have_names() {
    let text = "const RATE = 1e-3\npolicy Calm {\n    trigger = plateau(any = [val.loss], patience = epochs(4))\n    prune when grad_ratio < 0.01 for epochs(3)\n}\n\
                train digits {\n    model = Nothing()\n    data = csv(\"d\", label = 64)\n    loss = cross_entrpy\n    batch = SIZE\n    clip = RATE\n}\n";
    let said = said(text);
    let lines: Vec<&str> = said.lines().filter(|l| l.starts_with('E')).collect();
    assert_eq!(
        lines,
        [
            "E0101 7 `Nothing` nothing is called `Nothing` here",
            "E0101 9 `cross_entrpy` nothing is called `cross_entrpy` here",
            "E0101 10 `SIZE` nothing is called `SIZE` here"
        ]
    );
}

#[test]
fn lines_are_told_where_they_belong() {
    let layer = "use std.nn.{Linear}\nblueprint A {\n    forward(x: f32[b, d]) -> f32[b, 4] {\n        layer a = Linear(4)\n        a(x)\n    }\n}\n";
    assert!(
        said(layer).starts_with("E0420 4 `layer a` a layer made here would be a new one, with new weights, at every call\n"),
        "{}",
        said(layer)
    );
    assert_eq!(codes("policy P {\n    slot mid\n}\n"), ["E0420"]);
    assert_eq!(codes("train t {\n    let a = 3\n    batch = a\n}\n"), ["E0421"]);
    assert_eq!(codes("optimizer O {\n    forward(x: f32[b]) -> f32[b] { x }\n}\n"), ["E0420"]);
    assert_eq!(codes("blueprint B {\n    prune when a < 3\n    forward(x: f32[b]) -> f32[b] { x }\n}\n"), ["E0422"]);
}

#[test]
fn rebindings_and_assignments_have_edits() {
    let text = "blueprint B {\n    state s: f32[d] = zeros\n    forward(x: f32[b, d]) -> f32[b, d] {\n        s = mean(x, axis = b)\n        let y = x\n        y := x + s\n        y\n    }\n}\n";
    assert_eq!(
        said(text),
        "E0428 4 `s` `s` is a state\n  - 2 `s` declared here\n  edit: 4` = `→` := `\nE0429 6 `y` `y` is a `let`, not a state\n  - 5 `y` declared here\n  edit: 6` := `→` = `\n"
    );
    assert_eq!(
        said("fn f(x: f32[n]) -> f32[n] {\n    let total = x\n    totl = x + x\n    total\n}\n").lines().nth(2),
        Some("  edit: 3`totl`→`total`")
    );
    assert_eq!(codes("fn f(x: f32[n]) -> f32[n] {\n    x[0] = 1\n    x\n}\n"), ["E0428"]);
}

#[test]
fn bodies_end_in_their_value() {
    assert_eq!(codes("fn f(x: f32[n], a: bool) -> f32[n] {\n    if a { x }\n}\n"), ["E0426"]);
    assert_eq!(codes("fn f(x: f32[n]) -> f32[n] {\n}\n"), ["E0426"]);
    let statements =
        "fn f(x: f32[n], a: bool) -> f32[n] {\n    let h = x\n    for i in range(3) {\n        if a { h = h * i }\n    }\n    h\n}\n";
    assert_eq!(said(statements), "");
    assert_eq!(codes("fn f(x: f32[n], a: bool) -> f32[n] {\n    if a { x + x } else { x }\n    x\n}\n"), ["E0427", "E0427"]);
    let minus = said("fn f(x: f32[n]) -> f32[n] {\n    let y = x\n    -x\n    y\n}\n");
    assert!(minus.starts_with("E0427 3 `-x`") && minus.contains("edit: 3``→` `"), "{minus}");
}

#[test]
fn a_derivative_sees_the_dims_and_settings_of_its_function() {
    let text = "fn f(x: f32[n, d], levels: int) -> f32[n, d] { round(x * levels) / levels }\ngrad f(x, y, dy) { where(abs(x) <= levels, dy / d, 0) }\n";
    assert_eq!(said(text), "");
}

#[test]
fn the_modules_a_file_needs() {
    let text = "use a.b.{X}\nuse c.Y\nuse a.b.{Z}\ntrain t from lib.digits {\n}\n";
    let parsed = parse(FileId(0), text);
    let needs: Vec<String> = imports_of(&parsed.file).into_iter().map(|(m, _)| m).collect();
    assert_eq!(needs, ["a.b", "c", "lib"]);
}
