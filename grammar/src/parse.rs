//! Text to syntax tree. Never fails: what cannot be read is left out, and at most one problem a line says why.
use crate::ast::{File, Name};
use crate::construct::Context;
use crate::layout::{LayoutProblem, layout};
use crate::syntax_error::{self, Scene};
use crate::token::{Token, lex};
use esper_diagnostics::{Diagnostic, FileId, Span};
use std::collections::BTreeSet;

lalrpop_util::lalrpop_mod!(
    #[allow(clippy::all, clippy::pedantic, unused, missing_docs)]
    blueprint
);

/// A file as far as it could be read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parsed {
    /// The tree. Lines and items that could not be read are `Broken`, or declare a value that is `Error`.
    pub file: File,
    /// All `//` comments, in the order of the text.
    pub comments: Vec<Comment>,
    /// What is wrong with the text: at most one error a line, in the order of the text.
    pub problems: Vec<Diagnostic>,
    /// What lines and items that could not be read were about to declare (items, params, states); using these names is no second mistake.
    pub broken_names: Vec<Name>,
}

/// A `//` comment.
#[derive(Clone, Debug, PartialEq)]
pub struct Comment {
    /// Where, without the line end.
    pub span: Span,
    /// With its slashes, without spaces at its end.
    pub text: String,
    /// Whether nothing but spaces stands before it on its line.
    pub own_line: bool,
}

/// Reads a file. Takes time linear in the length of the text and never panics, whatever it holds.
pub fn parse(file: FileId, text: &str) -> Parsed {
    let raw = lex(text);
    let comments = raw.iter().filter_map(|(start, token, _)| match token {
        Token::Comment(comment) => Some(self::comment(file, text, *start, comment)),
        _ => None,
    });
    let comments = comments.collect();
    let (tokens, layout_problems) = layout(text, &raw);
    let mut context = Context { file, text, failures: vec![], problems: vec![], broken_names: vec![] };
    let tree = match blueprint::FileParser::new().parse(&mut context, tokens.into_iter().map(Ok::<_, std::convert::Infallible>)) {
        Ok(tree) => tree,
        Err(failure) => {
            context.failures.push(failure);
            File::default()
        }
    };
    let scene = Scene::new(file, text, &raw);
    let mut findings = Findings { scene: &scene, lines: BTreeSet::new(), problems: vec![] };
    // what stands between an unclosed parenthesis or bracket and the place that proves it was read as if it stood inside
    let swallowed = united(layout_problems.iter().filter_map(LayoutProblem::swallowed).collect());
    let mut missing: Vec<usize> = context.failures.iter().filter_map(syntax_error::missing_brace).collect();
    missing.sort_unstable();
    // what explains more comes first: of one line's problems the first is shown
    for problem in syntax_error::of_tokens(&scene) {
        findings.add(problem, &[]);
    }
    for problem in layout_problems {
        // the closer of a brace that the parser misses already
        if let LayoutProblem::Stray(at, Token::RightBrace) = &problem
            && let Some(index) = missing.partition_point(|missed| missed < at).checked_sub(1)
            && !scene.item_between(missing[index], *at)
        {
            missing.remove(index);
            continue;
        }
        let openers: Vec<usize> = match &problem {
            LayoutProblem::Unclosed { openers, .. } => openers.iter().map(|o| o.0).collect(),
            _ => vec![],
        };
        findings.add(syntax_error::of_layout(&scene, problem), &openers);
    }
    for problem in context.problems {
        findings.add(problem, &[]);
    }
    for failure in context.failures {
        let at = syntax_error::place(&failure);
        let following = swallowed.partition_point(|range| range.start <= at);
        if following > 0 && at < swallowed[following - 1].end {
            continue;
        }
        if let Some(problem) = syntax_error::of_parser(&scene, failure) {
            findings.add(problem, &[]);
        }
    }
    let mut problems = findings.problems;
    problems.sort_by_key(|p| p.primary.span.start);
    Parsed { file: tree, comments, problems, broken_names: context.broken_names }
}

/// The same places as ranges that lie apart, in order: an unclosed bracket in each of many lines makes as many ranges as
/// failures, and each failure is looked up among them.
fn united(mut ranges: Vec<std::ops::Range<usize>>) -> Vec<std::ops::Range<usize>> {
    ranges.sort_by_key(|range| range.start);
    let mut apart: Vec<std::ops::Range<usize>> = vec![];
    for range in ranges.into_iter().filter(|range| !range.is_empty()) {
        match apart.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => apart.push(range),
        }
    }
    apart
}

fn comment(file: FileId, text: &str, start: usize, comment: &str) -> Comment {
    let trimmed = comment.trim_end();
    let line = text[..start].rfind('\n').map_or(0, |end| end + 1);
    let own_line = text[line..start].trim_start_matches('\u{feff}').trim().is_empty();
    Comment { span: Span::new(file, start, start + trimmed.len()), text: trimmed.to_string(), own_line }
}

/// The problems that are shown: one for each line.
struct Findings<'s, 'a> {
    scene: &'s Scene<'a>,
    lines: BTreeSet<usize>,
    problems: Vec<Diagnostic>,
}

impl Findings<'_, '_> {
    /// Adds a problem unless its line, or a line of the brackets that it is about, has one already.
    fn add(&mut self, problem: Diagnostic, brackets: &[usize]) {
        let places = std::iter::once(problem.primary.span.start as usize).chain(brackets.iter().copied());
        let lines: Vec<usize> = places.map(|place| self.scene.line(place)).collect();
        if lines.iter().all(|line| !self.lines.contains(line)) {
            self.lines.extend(lines);
            self.problems.push(problem);
        }
    }
}
