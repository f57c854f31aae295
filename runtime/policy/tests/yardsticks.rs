//! The yardsticks that need no network, as `esperc bench growth` prints them.
use esper_policy::yardstick::gradmax;

#[test]
fn gradmax_has_the_largest_gradient_and_the_students_profit() {
    let lines = gradmax(30, 5);
    for line in &lines {
        println!("{line}");
    }
    assert!(lines.iter().all(|l| l.met()), "{lines:#?}");
}
