//! A check that remembers says what a fresh one says, whatever was edited in between.
use crate::{Memory, Session};
use esper_diagnostics::Diagnostic;
use esper_grammar::tokens;
use std::path::Path;

const PROGRAM: &str = "use std.nn.{Linear, relu}\nuse std.losses.{cross_entropy}\nuse std.optim.{AdamW}\nconst WIDTH = 8\nfn twice(x: f32[..]) -> f32[..] { x + x }\ngrad twice(x, y, dy) { dy * 2 }\nblueprint Inner(out: dim = WIDTH) {\n    layer l = Linear(out)\n    forward(x: f32[b, d]) -> f32[b, out] { x |> l |> relu }\n}\nblueprint Outer {\n    layer inner = Inner\n    layer last = Linear(10)\n    forward(x: f32[b, 64]) -> f32[b, 10] { twice(x |> inner) |> last }\n}\ntrain t {\n    model = Outer\n    data = csv(\"x.csv\", label = 64)\n    loss = cross_entropy\n    optimizer = AdamW(lr = 1e-3)\n    batch = 8\n    epochs = 1\n}\n";

fn remembered(session: &mut Session, memory: &mut Memory, text: &str) -> Vec<Diagnostic> {
    let loaded = session.load_text("a.blueprint", text, Path::new(""));
    session.check_remembering(loaded, memory, true).0.problems
}

#[test]
fn every_token_taken_out_and_put_back_gives_what_a_fresh_check_gives() {
    let (mut session, mut memory) = (Session::new(), Memory::default());
    assert!(remembered(&mut session, &mut memory, PROGRAM).is_empty());
    let all: Vec<_> = tokens(PROGRAM).into_iter().filter(|(range, _)| !range.is_empty()).collect();
    let mut wrong = 0;
    for (range, _) in all {
        // Once gone, once in a longer text in front of everything else, so that places move.
        let without = format!("{}{}", &PROGRAM[..range.start], &PROGRAM[range.end..]);
        let moved = format!("// moved\n\n{without}");
        for text in [&without, &moved] {
            let fresh = Session::new().check_text("a.blueprint", text, Path::new("")).problems;
            wrong += usize::from(!fresh.is_empty());
            assert_eq!(remembered(&mut session, &mut memory, text), fresh, "{text}");
        }
    }
    assert!(wrong > 100, "most of these texts are wrong: {wrong}");
    assert!(remembered(&mut session, &mut memory, PROGRAM).is_empty());
}

#[test]
fn what_an_item_means_elsewhere_is_seen() {
    let (mut session, mut memory) = (Session::new(), Memory::default());
    assert!(remembered(&mut session, &mut memory, PROGRAM).is_empty());
    let narrow = PROGRAM.replace("Linear(10)", "Linear(9)");
    let fresh = Session::new().check_text("a.blueprint", &narrow, Path::new("")).problems;
    assert!(!fresh.is_empty());
    assert_eq!(remembered(&mut session, &mut memory, &narrow), fresh);
    // The constant is read by the default of a parameter of what the model is made of.
    let float = PROGRAM.replace("WIDTH = 8", "WIDTH = 8.5");
    let fresh = Session::new().check_text("a.blueprint", &float, Path::new("")).problems;
    assert!(!fresh.is_empty());
    assert_eq!(remembered(&mut session, &mut memory, &float), fresh);
}
