//! What the normal form promises: the examples of the language's reference, and the laws of arithmetic on random sizes.
use super::{Dim, DimError};
use std::cmp::Ordering;

fn d(text: &str) -> Dim {
    Dim::parse(text).unwrap_or_else(|e| panic!("{e}"))
}

#[track_caller]
fn same(left: &str, right: &str) {
    assert_eq!(d(left), d(right), "{left} and {right}");
}

#[test]
fn equal_sizes_have_one_form() {
    same("d / heads * heads", "d");
    same("2*(a + b)", "2*b + 2*a");
    same("(a + b)^2", "a*a + 2*a*b + b^2");
    same("floor((h + 2*1 - 3) / 1) + 1", "h");
    same("ceil(h / 2)", "floor((h - 1) / 2) + 1");
    same("floor((h + 2*1 - 3) / 2) + 1", "ceil(h / 2)");
    same("ceil(4*h / 4)", "h");
    same("floor((p - 1) / q) + 1", "ceil(p / q)");
    same("(p - 1) / q - p / q", "-1 / q");
    same("floor((3*h + 1) / 2)", "h + floor((h + 1) / 2)");
    same("floor((2*h + 1) / 2)", "h");
    same("floor(h / 2 + 1 / 3)", "floor(h / 2)");
    same("ceil(ceil(h / 2) / 2)", "ceil(h / 4)");
    same("floor(floor(n / 3) / 5)", "floor(n / 15)");
    same("(h + 4) % 2", "h % 2");
    same("(6*h) % 3", "0");
    same("7 % 3", "1");
    same("(0 - 7) % 3", "2");
    same("min(a, min(b, a))", "min(b, a)");
    same("max(a + 2, a)", "a + 2");
    same("min(3, 5)", "3");
    same("x / (a + b) * (a + b)", "x");
    same("a / (a + b) + b / (a + b)", "1");
    same("(a^2 - b^2) / (a - b)", "a + b");
    same("x / (2*a + 2*b)", "x / 2 / (a + b)");
    same("(c + 2*(k - 1) / 2) / s", "(c + k - 1) / s");
    assert_ne!(d("h / 2"), d("floor(h / 2)"));
    assert_ne!(d("a"), d("b"));
    assert_ne!(d("min(a, b)"), d("max(a, b)"));
}

#[test]
fn sizes_are_shown_as_users_write_them() {
    let shown = |text: &str, expected: &str| assert_eq!(d(text).to_string(), expected);
    shown("d * 4", "4*d");
    shown("4 - h", "4 - h");
    shown("2*h - 1", "2*h - 1");
    shown("h / 2 - 1 / 2", "(h - 1) / 2");
    shown("3*h / 2", "3*h / 2");
    shown("d / heads", "d / heads");
    shown("d / (2*heads) + 1", "d / (2*heads) + 1");
    shown("floor((h - 1) / 2) + 1", "ceil(h / 2)");
    shown("floor(h / 2)", "floor(h / 2)");
    shown("floor((p - 1) / q) + 1", "ceil(p / q)");
    shown("a % 3", "a % 3");
    shown("1 + 2 * (a % 3)", "2*(a % 3) + 1");
    shown("x / (a + b)", "x / (a + b)");
    shown("min(h, w) * c^2", "c^2*min(h, w)");
    shown("0 - a", "-a");
    assert_eq!(Dim::symbol("blocks[0].c").to_string(), "blocks[0].c");
    assert_eq!(format!("{:#}", Dim::symbol("blocks[0].\"c")), "\"blocks[0].\\\"c\"");
}

#[test]
fn numbers_that_do_not_fit_are_errors() {
    let large = Dim::constant(i64::MAX);
    assert_eq!(large.add(&Dim::constant(1)), Err(DimError::Overflow));
    assert_eq!(large.mul(&Dim::constant(2)), Err(DimError::Overflow));
    assert_eq!(large.mul(&d("a")).unwrap().power(3), Err(DimError::Overflow));
    assert_eq!(Dim::constant(2).power(64), Err(DimError::Overflow));
    assert_eq!(d("a").divide(&Dim::constant(0)), Err(DimError::DivisionByZero));
    assert_eq!(d("a").remainder(&Dim::constant(0)), Err(DimError::DivisionByZero));
    assert_eq!(d("a / b").bind(&|n| (n == "b").then_some(0)), Err(DimError::DivisionByZero));
    assert_eq!(d("a + b + c + e").power(40), Err(DimError::TooLarge));
    let mut nested = d("h");
    let overflow = (0..2000).find_map(|_| match nested.mul(&nested).and_then(|n| n.floor_div(&Dim::constant(3))) {
        Ok(next) => {
            nested = next;
            None
        }
        Err(error) => Some(error),
    });
    assert!(overflow.is_some());
}

#[test]
fn questions_about_sizes() {
    assert_eq!(d("3*5").as_const(), Some(15));
    assert_eq!(d("3 / 2").as_const(), None);
    assert_eq!(d("6 / 4").as_rational(), Some((3, 2)));
    assert_eq!(d("a + floor(b / 2)").is_whole(), Some(true));
    assert_eq!(d("3 / 2").is_whole(), Some(false));
    assert_eq!(d("d / heads").is_whole(), None);
    assert_eq!(d("floor(a / b) + min(c, 2)").symbols().into_iter().collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(d("2*n*c + 1").solve("n", &d("m")), Some(d("(m - 1) / (2*c)")));
    assert_eq!(d("n*n").solve("n", &d("m")), None);
    assert_eq!(d("n + floor(n / 2)").solve("n", &d("m")), None);
    assert_eq!(d("n").solve("n", &d("n + 1")), None);
}

#[test]
fn comparisons_hold_for_all_sizes() {
    let compare = |a: &str, b: &str| d(a).compare(&d(b));
    assert_eq!(compare("2*a", "a"), Some(Ordering::Greater));
    assert_eq!(compare("a", "a + 1"), Some(Ordering::Less));
    assert_eq!(compare("a*b + a", "a*b"), Some(Ordering::Greater));
    assert_eq!(compare("a", "b"), None);
    assert_eq!(compare("a", "1"), None);
    assert_eq!(compare("ceil(h / 2)", "0"), Some(Ordering::Greater));
    assert_eq!(compare("floor(h / 2)", "0"), None);
    assert_eq!(compare("h", "floor(h / 2)"), Some(Ordering::Greater));
    assert_eq!(compare("a % 4", "4"), Some(Ordering::Less));
    assert_eq!(compare("d / heads", "0"), Some(Ordering::Greater));
    assert_eq!(d("a").at_least(&d("1")), Some(true));
    assert_eq!(d("a").at_least(&d("2")), None);
    assert_eq!(d("floor(h / 2)").at_least(&d("0")), Some(true));
    assert_eq!(d("a").at_least(&d("a + 1")), Some(false));
}

/// A small generator of numbers: tests must be the same every time.
struct Random(u64);
impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % n
    }
    /// A size without division by names, so that every binding of names is allowed.
    fn dim(&mut self, depth: usize) -> Dim {
        let leaf =
            if self.below(2) == 0 { Dim::constant(self.below(9) as i64 - 2) } else { Dim::symbol(["a", "b", "c"][self.below(3) as usize]) };
        if depth == 0 {
            return leaf;
        }
        let (x, y) = (self.dim(depth - 1), self.dim(depth - 1));
        let number = Dim::constant(1 + self.below(5) as i64);
        match self.below(10) {
            0 | 1 => x.add(&y),
            2 => x.sub(&y),
            3 | 4 => x.mul(&y),
            5 => x.floor_div(&number),
            6 => x.ceil_div(&number),
            7 => x.remainder(&number),
            8 => x.minimum(&y),
            _ => x.maximum(&y),
        }
        .unwrap_or(leaf)
    }
}

#[test]
fn laws_of_arithmetic_hold_in_normal_form() {
    let mut random = Random(1);
    for _ in 0..400 {
        let (x, y, z) = (random.dim(2), random.dim(2), random.dim(2));
        assert_eq!(x.add(&y), y.add(&x));
        assert_eq!(x.mul(&y), y.mul(&x));
        assert_eq!(x.add(&y).and_then(|s| s.add(&z)), y.add(&z).and_then(|s| x.add(&s)));
        assert_eq!(x.mul(&y).and_then(|s| s.mul(&z)), y.mul(&z).and_then(|s| x.mul(&s)));
        assert_eq!(x.add(&y).and_then(|s| s.mul(&z)), x.mul(&z).and_then(|l| l.add(&y.mul(&z)?)));
        assert_eq!(x.sub(&x), Ok(Dim::constant(0)));
        if y != Dim::constant(0)
            && let Ok(quotient) = x.divide(&y)
        {
            assert_eq!(quotient.mul(&y), Ok(x.clone()), "{x:?} / {y:?}");
        }
    }
}

#[test]
fn binding_gives_the_number_that_arithmetic_gives() {
    let mut random = Random(2);
    let bind = |d: &Dim, v: [i64; 3]| d.bind(&|n| Some(v[(n.as_bytes()[0] - b'a') as usize])).unwrap().as_const().unwrap();
    let mut compared = 0;
    for _ in 0..400 {
        let (x, y, n) = (random.dim(3), random.dim(2), 1 + random.below(6) as i64);
        let v = [0; 3].map(|_| 1 + random.below(12) as i64);
        let (a, b) = (bind(&x, v), bind(&y, v));
        let check =
            |symbolic: Result<Dim, DimError>, number: i64| assert_eq!(symbolic.map(|d| bind(&d, v)), Ok(number), "{x:?} {y:?} {n} {v:?}");
        let by = Dim::constant(n);
        check(x.add(&y), a + b);
        check(x.mul(&y), a * b);
        check(x.minimum(&y), a.min(b));
        check(x.maximum(&y), a.max(b));
        check(x.floor_div(&by), a.div_euclid(n));
        check(x.ceil_div(&by), -(-a).div_euclid(n));
        check(x.remainder(&by), a.rem_euclid(n));
        match x.compare(&y) {
            Some(order) => {
                compared += 1;
                assert_eq!(a.cmp(&b), order, "{x:?} and {y:?} at {v:?}");
            }
            None => assert_ne!(x, y),
        }
    }
    assert!(compared > 20);
}

#[test]
fn substitution_and_arithmetic_commute() {
    let mut random = Random(3);
    for _ in 0..300 {
        let (x, y, by) = (random.dim(2), random.dim(2), random.dim(1));
        let replaced = |d: &Dim| d.substitute(&|n| (n == "a").then(|| by.clone()));
        let (Ok(x2), Ok(y2)) = (replaced(&x), replaced(&y)) else { continue };
        assert_eq!(x.add(&y).and_then(|s| replaced(&s)), x2.add(&y2));
        assert_eq!(x.mul(&y).and_then(|s| replaced(&s)), x2.mul(&y2));
    }
}

#[test]
fn text_is_read_back() {
    let mut random = Random(4);
    for _ in 0..400 {
        let (x, y) = (random.dim(3), random.dim(1));
        for dim in [x.clone(), x.divide(&y).unwrap_or(x)] {
            assert_eq!(Dim::parse(&format!("{dim:#}")), Ok(dim.clone()), "{dim:#}");
        }
    }
    let strange = Dim::symbol("a b\"\\\n{é}").mul(&Dim::constant(3)).unwrap();
    assert_eq!(Dim::parse(&format!("{strange:#}")), Ok(strange));
    for wrong in ["", "a +", "(a", "floor(a, b)", "a b", "a / 0", "3 $", "99999999999999999999", &"(".repeat(100_000)] {
        assert!(Dim::parse(wrong).is_err(), "{wrong}");
    }
}
