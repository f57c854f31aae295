//! Initialisers against recorded values of an independent implementation, and against what their papers promise.
use super::*;
use crate::random::Random;
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("../../tests/golden/growth_golden_vectors.json")).expect("the recorded values are JSON")
}
fn matrix(value: &Value) -> Matrix {
    let rows: Vec<Vec<f64>> = serde_json::from_value(value.clone()).expect("rows of numbers");
    Matrix::new(rows.len(), rows[0].len(), rows.concat()).expect("a matrix")
}
fn statistics() -> Statistics {
    Statistics { inputs: matrix(&golden()["H2"]), gradients: matrix(&golden()["G"]) }
}
#[track_caller]
fn near(a: f64, b: f64) {
    assert!((a - b).abs() <= 1e-9, "{a} is not {b}");
}
/// Each unit's fan-in and fan-out together, up to one sign for both.
#[track_caller]
fn same_units(units: &NewUnits, recorded: &Value) {
    let (fan_in, fan_out) = (matrix(&recorded["alpha"]), matrix(&recorded["omega"]));
    assert_eq!((units.fan_in.rows(), units.fan_out.columns()), (fan_in.rows(), fan_out.columns()));
    for unit in 0..fan_in.rows() {
        let sign = (0..fan_out.rows()).map(|o| units.fan_out.at(o, unit) * fan_out.at(o, unit)).sum::<f64>().signum();
        (0..fan_out.rows()).for_each(|o| near(sign * units.fan_out.at(o, unit), fan_out.at(o, unit)));
        (0..fan_in.columns()).for_each(|i| near(sign * units.fan_in.at(unit, i), fan_in.at(unit, i)));
        near(units.strengths[unit], recorded["s"][unit].as_f64().expect("a number"));
    }
}

#[test]
fn recorded_units_and_updates_agree() {
    let recorded = golden();
    same_units(&gradmax(&statistics(), 2, 1.0, (0.0, 1.0)).unwrap(), &recorded["gradmax"]);
    same_units(&tiny(&statistics(), 2).unwrap(), &recorded["tiny"]);
    let update = optimal_update(&statistics()).unwrap();
    let weights = matrix(&recorded["delta"]["dW"]);
    let pairs = update.weights.values().iter().zip(weights.values());
    // the recorded update may be the step itself or what is subtracted
    let sign = pairs.clone().map(|(a, b)| a * b).sum::<f64>().signum();
    pairs.for_each(|(a, b)| near(sign * a, *b));
    near(update.decrease, recorded["delta"]["decrease"].as_f64().expect("a number"));
}

/// The gradient of the fan-in at birth has the largest norm that a fan-out of this norm can give it.
#[test]
fn no_fan_out_of_equal_norm_has_a_larger_gradient_than_gradmax() {
    let cross = statistics().cross();
    let best = gradmax(&statistics(), 1, 0.7, (0.0, 1.0)).unwrap();
    let norm = |out: &[f64]| (&cross * nalgebra::DVector::from_column_slice(out)).norm();
    let own = norm(best.fan_out.values());
    near(best.fan_out.values().iter().map(|v| v * v).sum::<f64>().sqrt(), 0.7);
    let mut random = Random::new(2);
    for _ in 0..2000 {
        let out: Vec<f64> = (0..cross.ncols()).map(|_| random.normal()).collect();
        let size = out.iter().map(|v| v * v).sum::<f64>().sqrt();
        assert!(norm(&out.iter().map(|v| 0.7 * v / size).collect::<Vec<_>>()) <= own + 1e-12);
    }
}

#[test]
fn units_beyond_the_rank_are_left_to_the_caller() {
    let units = gradmax(&statistics(), 9, 1.0, (0.0, 1.0)).unwrap();
    assert_eq!((units.strengths.len(), units.fan_out.columns()), (3, 9));
    assert!((3..9).all(|unit| (0..3).all(|o| units.fan_out.at(o, unit) == 0.0)));
    // two equal columns of G leave one direction
    let g = statistics().gradients;
    let twice = Matrix::new(g.rows(), 2, (0..g.rows()).flat_map(|r| [g.at(r, 0), g.at(r, 0)]).collect()).unwrap();
    let thin = Statistics { inputs: statistics().inputs, gradients: twice };
    assert_eq!(gradmax(&thin, 2, 1.0, (0.0, 1.0)).unwrap().strengths.len(), 1);
    assert_eq!(tiny(&thin, 2).unwrap().strengths.len(), 1);
}

#[test]
fn what_cannot_work_is_refused() {
    let good = statistics();
    assert_eq!(gradmax(&good, 2, 1.0, (0.5, 0.25)), Err(Refusal::Activation));
    assert_eq!(gradmax(&good, 2, 1.0, (0.0, 0.0)), Err(Refusal::Activation));
    let still = Statistics { gradients: Matrix::zeros(good.inputs.rows(), 3), ..good.clone() };
    assert_eq!(tiny(&still, 2), Err(Refusal::NoGradient));
    let short = Statistics { gradients: Matrix::zeros(3, 3), ..good.clone() };
    assert_eq!(lora_ga(&short, 2, 1.0, true), Err(Refusal::Rows));
    let broken = Statistics { inputs: Matrix::new(1, 1, vec![f64::NAN]).unwrap(), gradients: Matrix::new(1, 1, vec![1.0]).unwrap() };
    assert_eq!(optimal_update(&broken), Err(Refusal::NotFinite));
}

/// One step along A's and B's gradients changes B·A almost as the full gradient would: its best approximation of rank 2r is reached.
#[test]
fn low_rank_factors_follow_the_gradient() {
    let cross = statistics().cross();
    let units = lora_ga(&statistics(), 1, 1.0, false).unwrap();
    let (a, b) = (units.fan_in.dense(), units.fan_out.dense());
    // dL/d(BA) = crossᵀ; the change of B·A to first order is -(G·Aᵀ·A + B·Bᵀ·G)
    let full = cross.transpose();
    let change = &full * a.transpose() * &a + &b * b.transpose() * &full;
    let found = super::matrix::singular(full.clone()).unwrap();
    let rank_two = (0..2).fold(full.clone() * 0.0, |m, i| m + found.left.column(i) * found.right.column(i).transpose() * found.values[i]);
    assert!((change - rank_two).norm() < 1e-9);
    assert!(lora_ga(&statistics(), 1, 1.0, true).unwrap().fan_out.values().iter().all(|v| *v == 0.0));
}

#[test]
fn cascor_takes_the_candidate_that_explains_the_gradient() {
    let inputs = statistics().inputs;
    // the gradient is a function of one direction of the input
    let direction = [0.3, -1.0, 0.5, 0.2, 0.1];
    let sum = |r: usize| inputs.row(r).iter().zip(direction).map(|(a, b)| a * b).sum::<f64>();
    let gradients = Matrix::new(inputs.rows(), 1, (0..inputs.rows()).map(|r| sum(r).tanh()).collect()).unwrap();
    let mut random = Random::new(8);
    let mut candidates: Vec<f64> = (0..5 * 9).map(|_| random.normal()).collect();
    candidates.splice(15..20, direction);
    let fan_in = Matrix::new(9, 5, candidates).unwrap();
    let passed = |r: usize, c: usize| inputs.row(r).iter().zip(fan_in.row(c)).map(|(a, b)| a * b).sum::<f64>().tanh();
    let activations = (0..inputs.rows()).flat_map(|r| (0..9).map(move |c| (r, c))).map(|(r, c)| passed(r, c)).collect();
    let activations = Matrix::new(inputs.rows(), 9, activations).unwrap();
    let units = cascor(&Statistics { inputs, gradients }, &fan_in, 2, &activations).unwrap();
    assert_eq!(units.fan_in.row(0), direction);
    assert!(units.fan_out.values().iter().all(|v| *v == 0.0) && units.strengths[0] > units.strengths[1]);
}

#[test]
fn copies_keep_the_function_and_are_no_twins() {
    let mut random = Random::new(4);
    let v = Matrix::new(3, 4, (0..12).map(|_| random.normal()).collect()).unwrap();
    let z = Matrix::new(2, 3, (0..6).map(|_| random.normal()).collect()).unwrap();
    let x = nalgebra::DVector::from_vec(vec![0.2, -0.4, 1.0, 0.7]);
    let output = |v: &Matrix, z: &Matrix| z.dense() * (v.dense() * &x).map(f64::tanh);
    let both = pair(&v, &z);
    assert!(output(&both.fan_in, &both.fan_out).norm() < 1e-15);
    let (wider, shares) = net2wider(&v, &z, 4, 0.0, &mut random).unwrap();
    let old = nalgebra::DMatrix::from_fn(2, 3, |r, c| z.at(r, c) * shares[c]);
    let now = output(&v, &old.into()) + output(&wider.fan_in, &wider.fan_out);
    assert!((now - output(&v, &z)).norm() < 1e-12);
    let (moved, _) = net2wider(&v, &z, 4, 0.01, &mut random).unwrap();
    assert!((0..4).all(|unit| (0..3).all(|old| moved.fan_in.row(unit) != v.row(old))));
    let copy = copy_previous(&[1.0; 6], 0.1, &mut random).unwrap();
    assert!(copy.iter().all(|w| *w != 1.0 && (w - 1.0).abs() < 0.6));
    assert_eq!(copy_previous(&[], 0.1, &mut random), Err(Refusal::NothingToCopy));
}

#[test]
fn the_line_search_finds_a_fall_or_says_there_is_none() {
    let found = line_search(-1.0, |f| (f + 0.2) * (f + 0.2)).unwrap();
    assert_eq!(found, -0.25);
    assert_eq!(line_search(1.0, |f| f.abs()), None);
    assert_eq!(line_search(1.0, |f| if f > 0.3 { f64::NAN } else { -f }), Some(0.25));
}
