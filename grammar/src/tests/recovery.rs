//! A broken line or item costs one problem and nothing else.
use super::{count, examples, read, whole};
use crate::ast::{ExprKind, ItemKind, LineKind, Pattern};
use crate::print_tree;
use crate::token::{Token, lex};

/// The tree of a text without problems, its places left out.
fn tree(text: &str) -> String {
    let parsed = read(text);
    assert!(parsed.problems.is_empty(), "{text}: {:?}", parsed.problems);
    print_tree(&parsed.file)
}

#[test]
fn a_new_line_ends_a_statement_unless_the_next_goes_on() {
    let one = |body: &str| tree(&format!("fn f(x: f32[..]) -> f32[..] {{\n{body}\n}}"));
    assert_eq!(one("x\n  |> relu\n  |> tanh"), one("x |> relu |> tanh"));
    assert_eq!(one("x\n + y\n - z"), one("x + y - z"));
    assert_ne!(one("x + y\n-z"), one("x + y - z")); // `-z` is the value of the body
    assert_eq!(one("f(x,\n  y\n)"), one("f(x, y)"));
    assert_eq!(one("let y =\n x\ny"), one("let y = x\ny"));
    assert_eq!(one("if a {\nx\n}\nelse {\ny\n}"), one("if a { x } else { y }"));
    assert_eq!(one("x // why\n // more\n + y"), one("x + y"));
    assert_ne!(one("x\n(y, z)"), one("x(y, z)")); // a bracket on a new line is no call
    assert_ne!(one("x\n[0]"), one("x[0]"));
}

#[test]
fn words_that_are_also_names() {
    tree(
        "blueprint L(out: dim, inner: blueprint) {\n param w: f32[out, in] = zeros if out != in\n forward(x: f32[.., in]) -> f32[.., out] { x }\n}",
    );
    tree(
        "train t from base {\n optimizer = AdamW()\n policy = 3\n prune when train.loss < 1 for epochs(2)\n grow a.b, c[2:].d from X by Y\n}",
    );
    tree("fn f(x: f32[..]) -> f32[..] {\n for in in range(3) { from = by + as + when }\n wide(x, from = x)\n}");
}

#[test]
fn a_broken_line_costs_one_problem_and_nothing_else() {
    let broken = [
        "let z =",
        "let = 3",
        "x +",
        "x |>",
        "z.",
        "param w f32[3]",
        "layer l = Linear(",
        "slot 3",
        "let y = foo(a, b",
        "grow from",
        "§",
        "x y",
        "a == b == c",
        "if x",
        "for i range(3) { x }",
        "let s = \"open",
        "let s = f(\"open)",
        "x; y",
        "let n = 99999999999999999999",
        "return x",
        "let q = §",
        "let layer = 3",
        "x[1",
        "x ** 2",
        "a = b = c",
        "x && y",
        "let s = \"\\q\"",
        "let w = f(a, (b",
        "/// nothing\n",
    ];
    for broken in broken {
        let text = format!(
            "const A = 1\nblueprint B(n: dim) {{\n    let a = 1\n    {broken}\n    let b = 2\n    forward(x: f32[n]) -> f32[n] {{ x }}\n}}\n\n/// kept\nfn g(x: f32[..]) -> f32[..] {{ x }}\n"
        );
        if broken.starts_with("///") {
            assert_eq!(count(&text), (3, 0));
            continue;
        }
        let parsed = read(&text);
        let printed = print_tree(&parsed.file);
        assert_eq!(whole(&parsed.file), 3, "{broken}: {:?}", parsed.problems);
        assert_eq!(parsed.problems.len(), 1, "{broken}: {:?}", parsed.problems);
        for kept in ["let a", "let b", "forward"] {
            assert!(printed.contains(kept), "{broken} loses {kept}: {printed}");
        }
    }
}

#[test]
fn unfinished_items_never_swallow_the_next() {
    let heads = [
        "blueprint A(",
        "blueprint A(x: f32[b) {",
        "blueprint A {\n  let y = x.\n",
        "blueprint A {\n  forward(x: f32[b]) -> f32[b] {\n    x |> f(\n",
        "}}}",
        "blueprint",
        "fn f",
        "use a.{b,",
        "train t {\n grow x from [A,\n",
        "const",
        "$ $",
        "/// doc of nothing",
    ];
    for head in heads {
        let (items, _) = count(&format!("{head}\nconst B = 2\nfn g(x: f32[..]) -> f32[..] {{ x }}\n"));
        assert!(items >= 2, "{head}");
    }
    for text in ["", "\n\n", "//! only\n", "{", "((((((", "§§§", "\"open", "0x", "1.", "..", "-", "///"] {
        read(text);
    }
}

#[test]
fn what_a_broken_line_declares_is_still_declared() {
    let parsed =
        read("fn f(x: f32[..]) -> f32[..] {\n    let y = x +\n    let (a, b) = split(x, )) 3\n    y + a\n}\nfn broken(\nconst A = 1\n");
    let ItemKind::Fn { body, .. } = &parsed.file.items[0].kind else { panic!("{:?}", parsed.file) };
    let LineKind::Let { pattern: Pattern::Name(name), value, .. } = &body.lines[0].kind else { panic!("{body:?}") };
    assert_eq!((name.text.as_str(), &value.kind), ("y", &ExprKind::Error));
    let LineKind::Let { pattern: Pattern::Tuple(names, _), .. } = &body.lines[1].kind else { panic!("{body:?}") };
    assert_eq!(names.len(), 2);
    assert!(matches!(body.lines[2].kind, LineKind::Expr(_)));
    assert_eq!(parsed.broken_names.iter().map(|n| n.text.as_str()).collect::<Vec<_>>(), ["broken"]);
}

#[test]
fn every_example_parses() {
    for (name, text) in examples() {
        let parsed = read(&text);
        assert!(parsed.problems.is_empty(), "{name}: {:?}", parsed.problems);
        assert!(!parsed.file.items.is_empty(), "{name}");
    }
}

/// Every state of typing and every slip: never a panic, at most two items lost, at most one problem a line.
#[test]
fn every_prefix_and_every_lost_token() {
    for (name, text) in examples() {
        for cut in (0..text.len()).filter(|cut| text.is_char_boundary(*cut)).step_by(61) {
            read(&text[..cut]);
        }
        let (items, _) = count(&text);
        // all of them in the one program that has everything, some in the others
        let step = if name.ends_with("programs/layout.blueprint") { 1 } else { 17 };
        for (start, token, end) in lex(&text).into_iter().step_by(step) {
            if matches!(token, Token::Comment(_)) {
                continue;
            }
            let parsed = read(&format!("{}{}", &text[..start], &text[end..]));
            assert!(whole(&parsed.file) + 2 >= items, "{name}: {token:?} at {start} loses {} items", items - whole(&parsed.file));
        }
    }
}
