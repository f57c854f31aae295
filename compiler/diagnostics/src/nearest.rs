//! "Did you mean …": the known word that a misspelt one is nearest to.

/// The candidate with the smallest Damerau-Levenshtein distance (insert, delete, replace, swap neighbours) to `word`, where it is near
/// enough to be a slip: one change up to three letters, then one for every three. The first one of equals; `None` where none is near.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let letters: Vec<char> = word.chars().collect();
    // nobody misspells a word of this length; comparing it would be slow
    const LONGEST: usize = 200;
    if letters.is_empty() || letters.len() > LONGEST {
        return None;
    }
    let bound = (letters.len() / 3).max(1);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let other: Vec<char> = candidate.chars().take(LONGEST + 1).collect();
        if candidate == word || other.is_empty() || other.len().abs_diff(letters.len()) > bound {
            continue;
        }
        let distance = if candidate.eq_ignore_ascii_case(word) { 0 } else { distance(&letters, &other) };
        // a short word that shares no letter is another word
        let kin = distance < letters.len().max(other.len());
        if distance <= bound && kin && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Optimal string alignment distance.
fn distance(a: &[char], b: &[char]) -> usize {
    let width = b.len() + 1;
    let (mut before, mut last): (Vec<usize>, Vec<usize>) = (vec![0; width], (0..width).collect());
    for i in 1..=a.len() {
        let mut row = vec![i; width];
        for j in 1..width {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn slips_are_found_and_other_words_are_not() {
        assert_eq!(nearest("frist", ["relu", "first", "last"]), Some("first"));
        assert_eq!(nearest("optimiser", ["optimizer", "model"]), Some("optimizer"));
        assert_eq!(nearest("hiden", ["hidden"]), Some("hidden"));
        assert_eq!(nearest("linear", ["Linear"]), Some("Linear"));
        assert_eq!(nearest("blueprnt", ["use", "blueprint"]), Some("blueprint"));
        assert_eq!(nearest("x", ["y", "z"]), None);
        assert_eq!(nearest("relu", ["tanh", "softmax"]), None);
        assert_eq!(nearest("", ["a"]), None);
        assert_eq!(nearest("first", ["first"]), None, "the word itself is no suggestion");
        assert_eq!(nearest(&"a".repeat(100_000), ["a"]), None);
    }
}
