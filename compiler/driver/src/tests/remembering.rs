//! A check that remembers says what a fresh one says, whatever was edited in between.
use crate::{Memory, Session};
use esper_check::{Interrupt, Interrupted};
use esper_diagnostics::Diagnostic;
use esper_grammar::tokens;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

const PROGRAM: &str = "use std.nn.{Linear, relu}\nuse std.losses.{cross_entropy}\nuse std.optim.{AdamW}\nconst WIDTH = 8\nfn twice(x: f32[..]) -> f32[..] { x + x }\ngrad twice(x, y, dy) { dy * 2 }\nblueprint Inner(out: dim = WIDTH) {\n    layer l = Linear(out)\n    forward(x: f32[b, d]) -> f32[b, out] { x |> l |> relu }\n}\nblueprint Outer {\n    layer inner = Inner\n    layer last = Linear(10)\n    forward(x: f32[b, 64]) -> f32[b, 10] { twice(x |> inner) |> last }\n}\ntrain t {\n    model = Outer\n    data = csv(\"x.csv\", label = 64)\n    loss = cross_entropy\n    optimizer = AdamW(lr = 1e-3)\n    batch = 8\n    epochs = 1\n}\n";

fn remembered(session: &mut Session, memory: &mut Memory, text: &str) -> Vec<Diagnostic> {
    let loaded = session.load_text("a.blueprint", text, Path::new(""));
    session.check_remembering(loaded, memory, true, Interrupt::default()).0.problems
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

#[test]
fn a_check_that_is_given_up_keeps_what_it_found_and_the_next_one_is_whole() {
    let text = PROGRAM.replace("Linear(10)", "Linear(9)");
    let fresh = Session::new().check_text("a.blueprint", &text, Path::new("")).problems;
    assert!(!fresh.is_empty());
    // Looks that a check takes when it has been given up after `given_up` of them before, if it is not given up itself.
    let looks_after = |given_up: usize| {
        let (mut session, mut memory, looks) = (Session::new(), Memory::default(), Cell::new(0));
        let loaded = session.load_text("a.blueprint", &text, Path::new(""));
        let wanted = || looks.replace(looks.get() + 1) == given_up;
        let thrown = catch_unwind(AssertUnwindSafe(|| session.check_remembering(loaded, &mut memory, true, Interrupt::when(&wanted))));
        let Err(thrown) = thrown else { return None };
        assert!(thrown.is::<Interrupted>());
        looks.set(0);
        let loaded = session.load_text("a.blueprint", &text, Path::new(""));
        let count = || looks.replace(looks.get() + 1) == usize::MAX;
        let (checked, _) = session.check_remembering(loaded, &mut memory, true, Interrupt::when(&count));
        assert_eq!(checked.problems, fresh, "given up after {given_up} looks");
        Some(looks.get())
    };
    let left: Vec<usize> = (0..).map_while(looks_after).collect();
    assert!(left.len() > 10, "a check looks before every item: {left:?}");
    assert!(left.is_sorted_by(|a, b| a >= b) && left.last() < left.first(), "what was found is not sought again: {left:?}");
}
