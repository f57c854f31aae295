//! What the codes of kinds, shapes, layers, state and experiments mean, at length. (Those of names stand beside their resolution.)
mod experiments;
mod growth;
mod kinds;
mod layers;
mod shapes;

use esper_diagnostics::CodeRecord;

const PARTS: [&[CodeRecord]; 5] = [kinds::RECORDS, shapes::RECORDS, layers::RECORDS, growth::RECORDS, experiments::RECORDS];
const COUNT: usize =
    kinds::RECORDS.len() + shapes::RECORDS.len() + layers::RECORDS.len() + growth::RECORDS.len() + experiments::RECORDS.len();

/// All of them, by their numbers.
pub const CODES: &[CodeRecord] = &{
    let mut all = [kinds::RECORDS[0]; COUNT];
    let (mut part, mut at) = (0, 0);
    while part < PARTS.len() {
        let mut i = 0;
        while i < PARTS[part].len() {
            all[at] = PARTS[part][i];
            at += 1;
            i += 1;
        }
        part += 1;
    }
    all
};
