//! Conditions of rules and budgets: expressions over signals, typed.
use crate::elaborate::Engine;
use crate::elaborate::messages::closest;
use crate::elaborate::scope::Scope;
use crate::elaborate::spelling::spell;
use crate::elaborate::value::Value;
use esper_diagnostics::Diagnostic;
use esper_grammar::ast::*;
use esper_ir::{Amount, Arithmetic, Comparison, Condition, SIGNALS, Signal};

impl<'a> Engine<'a> {
    /// What must hold.
    pub(super) fn condition(&mut self, s: &mut Scope, e: &'a Expr) -> Option<Condition> {
        let compare = |how| Some((how, ()));
        match &e.kind {
            ExprKind::Paren(inner) => self.condition(s, inner),
            ExprKind::Unary(UnaryOp::Not, inner) => Some(Condition::Not(Box::new(self.condition(s, inner)?))),
            ExprKind::Binary { op: op @ (BinaryOp::And | BinaryOp::Or), left, right, .. } => {
                let (left, right) = (self.condition(s, left), self.condition(s, right));
                let (left, right) = (Box::new(left?), Box::new(right?));
                Some(if *op == BinaryOp::And { Condition::And(left, right) } else { Condition::Or(left, right) })
            }
            ExprKind::Binary { op, left, right, .. } => {
                let how = match op {
                    BinaryOp::Lt => compare(Comparison::Less),
                    BinaryOp::Le => compare(Comparison::LessEqual),
                    BinaryOp::Gt => compare(Comparison::Greater),
                    BinaryOp::Ge => compare(Comparison::GreaterEqual),
                    BinaryOp::Eq => compare(Comparison::Equal),
                    BinaryOp::Ne => compare(Comparison::NotEqual),
                    _ => None,
                };
                let Some((how, ())) = how else { return self.no_condition(e) };
                let (left, right) = (self.amount(s, left), self.amount(s, right));
                Some(Condition::Compare(left?, how, right?))
            }
            ExprKind::Error => None,
            _ => self.no_condition(e),
        }
    }

    fn no_condition(&mut self, e: &Expr) -> Option<Condition> {
        let problem = Diagnostic::error("E0501", "a rule compares signals", e.span, "is no comparison");
        self.report(problem.help("such as `val.loss < 1.5` or `params <= 2 * host.params`"));
        None
    }

    /// A number that is known when a decision is made.
    fn amount(&mut self, s: &mut Scope, e: &'a Expr) -> Option<Amount> {
        match &e.kind {
            ExprKind::Paren(inner) => self.amount(s, inner),
            ExprKind::Dot { .. } => self.signal(e).map(Amount::Signal),
            ExprKind::Name(name) if Signal::of_name(name).is_some() => self.signal(e).map(Amount::Signal),
            ExprKind::Binary { op, left, right, .. } => {
                let op = match op {
                    BinaryOp::Add => Arithmetic::Add,
                    BinaryOp::Sub => Arithmetic::Sub,
                    BinaryOp::Mul => Arithmetic::Mul,
                    BinaryOp::Div => Arithmetic::Div,
                    _ => {
                        self.report(Diagnostic::error("E0501", "amounts are made with + - * /", e.span, "is no amount"));
                        return None;
                    }
                };
                let (left, right) = (self.amount(s, left), self.amount(s, right));
                Some(Amount::Of(op, Box::new(left?), Box::new(right?)))
            }
            ExprKind::Name(name) if self.resolution.lookup(s.file, name).is_none() => {
                self.signal(e);
                None
            }
            ExprKind::Error => None,
            _ => match self.expr(s, e) {
                Value::Time(time) => Some(Amount::Time(time)),
                Value::Poison => None,
                value => match self.known_number(&value) {
                    Some(number) => Some(Amount::Number(number)),
                    None => {
                        let told = format!("this is {}", value.words());
                        self.report(Diagnostic::error("E0501", "amounts are numbers, times and signals", e.span, told));
                        None
                    }
                },
            },
        }
    }

    /// A signal by its name.
    pub(super) fn signal(&mut self, e: &Expr) -> Option<Signal> {
        let name = spell(e);
        let known = Signal::of_name(&name);
        if known.is_none() && !matches!(e.kind, ExprKind::Error) {
            let problem = Diagnostic::error("E0509", format!("there is no signal `{name}`"), e.span, "nothing of this name is measured");
            let names = || SIGNALS.iter().map(|r| r.name);
            let problem = match closest(&name, names()) {
                Some(close) => problem.edit(format!("replace by `{close}`"), e.span, close).certain(),
                None => problem.help(format!("there are {}", names().collect::<Vec<_>>().join(", "))),
            };
            self.report(problem);
        }
        known
    }
}
