//! Signatures: what the sizes in the types of inputs bind, and whether what is passed fits.
use super::Engine;
use super::expression::rest_name;
use super::scope::{Scope, symbol};
use super::sizes::{has_rest, written};
use super::spelling::element;
use super::value::{Kind, Tensor, Value};
use esper_diagnostics::Span;
use esper_grammar::ast::*;
use esper_ir::{DType, Dim, TensorType};
use std::collections::BTreeSet;
use std::rc::Rc;

/// A tensor that is passed to a parameter.
#[derive(Clone, Debug)]
pub(crate) struct Passed<'a> {
    /// The parameter.
    pub param: &'a Param,
    /// The tensor, its sizes in names of the caller.
    pub tensor: Tensor,
    /// Where the argument is written.
    pub span: Span,
}

/// Why a tensor does not fit.
#[derive(Clone, Debug)]
pub(crate) enum Misfit {
    /// Another number of axes.
    Rank { input: usize },
    /// Another element type.
    Element { input: usize, wanted: DType },
    /// An axis of another size.
    Axis { input: usize, axis: usize, wanted: Dim },
    /// Poison: silent.
    Silent,
}

/// Where names of a signature live.
pub(crate) struct Binder<'b> {
    /// Names that are parameters: they never bind.
    pub params: &'b BTreeSet<&'b str>,
    /// Names that hold for all calls of an instance, with the instance's frame.
    pub fixed: Option<(&'b BTreeSet<String>, u32)>,
}

/// The element type and axes of a parameter's type, where it is a tensor.
pub(crate) fn tensor_type(ty: &Type) -> Option<(DType, &[Elem])> {
    let TypeKind::Named { name, dims } = &ty.kind else { return None };
    if dims.is_none() && Kind::from_name(&name.text).is_some_and(|k| k != Kind::Bool) {
        return None;
    }
    // `bool` alone is the kind.
    if dims.is_none() && name.text == "bool" {
        return None;
    }
    Some((DType::from_name(&name.text)?, dims.as_deref().unwrap_or(&[])))
}

/// The elements with the axes that each of them is, of a tensor of that rank.
fn spread(elems: &[Elem], rank: usize) -> Option<Vec<(&Elem, std::ops::Range<usize>)>> {
    let rest = elems.iter().position(|e| matches!(e, Elem::Rest(..)));
    match rest {
        None if elems.len() == rank => Some(elems.iter().enumerate().map(|(i, e)| (e, i..i + 1)).collect()),
        Some(r) if rank + 1 >= elems.len() => {
            let length = rank + 1 - elems.len();
            let place = |i: usize| {
                if i < r {
                    i..i + 1
                } else if i == r {
                    r..r + length
                } else {
                    i + length - 1..i + length
                }
            };
            Some(elems.iter().enumerate().map(|(i, e)| (e, place(i))).collect())
        }
        _ => None,
    }
}

impl<'a> Engine<'a> {
    /// First pass: element types, ranks, and the names that stand alone as an axis and are not known yet bind there.
    pub fn bind_names(&mut self, s: &mut Scope, inputs: &[Passed<'a>], binder: &Binder) -> Result<Vec<(String, Value)>, Misfit> {
        let mut kept = vec![];
        for (i, passed) in inputs.iter().enumerate() {
            let Some((wanted, elems)) = tensor_type(&passed.param.ty) else { continue };
            let ty = &passed.tensor.ty;
            let Some(parts) = spread(elems, ty.rank()) else {
                let unknown_rank = has_rest(&self.sizes.settle_type(ty).shape);
                return Err(if unknown_rank { Misfit::Silent } else { Misfit::Rank { input: i } });
            };
            if ty.dtype != wanted {
                return Err(Misfit::Element { input: i, wanted });
            }
            for (elem, axes) in parts {
                match elem {
                    Elem::Expr(Expr { kind: ExprKind::Name(name), span }) => {
                        let known = name == "_" || binder.params.contains(name.as_str()) || s.find(name).is_some() || is_constant(name);
                        if known {
                            continue;
                        }
                        let fixed = binder.fixed.as_ref().filter(|(names, _)| names.contains(name));
                        let symbol = fixed.map_or_else(|| s.symbol(name), |(_, frame)| symbol(name, *frame));
                        let value = self.bind_symbol(s, symbol, &ty.shape[axes.start]);
                        s.declare(name, value.clone(), *span);
                        if fixed.is_some() {
                            kept.push((name.clone(), value));
                        }
                    }
                    Elem::Rest(name, span) => {
                        let key = rest_name(name);
                        if s.find(&key).is_some() {
                            continue;
                        }
                        let fixed = binder.fixed.as_ref().filter(|(names, _)| names.contains(&key));
                        let frame = fixed.map_or(s.frame, |(_, frame)| *frame);
                        let dims: Vec<Dim> = axes
                            .clone()
                            .map(|axis| {
                                let symbol = symbol(&rest_symbol(&key, axis - axes.start), frame);
                                self.bind_symbol(s, symbol.clone(), &ty.shape[axis]);
                                Dim::symbol(&symbol)
                            })
                            .collect();
                        let value = Value::Rest(Rc::new(dims));
                        s.declare(&key, value.clone(), *span);
                        if fixed.is_some() {
                            kept.push((key, value));
                        }
                    }
                    _ => {}
                }
            }
        }
        Ok(kept)
    }

    fn bind_symbol(&mut self, s: &mut Scope, symbol: String, size: &Dim) -> Value {
        self.sizes.define(&symbol, size.clone());
        s.export.insert(symbol.clone(), size.clone());
        Value::Size(Dim::symbol(&symbol))
    }

    /// Second pass: all sizes are what the types say. Gives the tensors with their sizes in names of the callee.
    pub fn check_sizes(&mut self, s: &mut Scope, inputs: &[Passed<'a>]) -> Result<Vec<Tensor>, Misfit> {
        let mut tensors = vec![];
        for (i, passed) in inputs.iter().enumerate() {
            let Some((dtype, elems)) = tensor_type(&passed.param.ty) else {
                tensors.push(passed.tensor.clone());
                continue;
            };
            let ty = &passed.tensor.ty;
            let parts = spread(elems, ty.rank()).ok_or(Misfit::Rank { input: i })?;
            let mut shape = vec![];
            for (elem, axes) in parts {
                match elem {
                    Elem::Expr(Expr { kind: ExprKind::Name(name), .. }) if name == "_" => shape.push(ty.shape[axes.start].clone()),
                    Elem::Expr(e) => {
                        let value = self.expr(s, e);
                        let Value::Size(wanted) = self.coerce(value, &Kind::Dim, e.span, Some(e), "the size of an axis") else {
                            return Err(Misfit::Silent);
                        };
                        self.fit(s, i, axes.start, &wanted, &ty.shape[axes.start])?;
                        shape.push(wanted);
                    }
                    Elem::Rest(name, _) => {
                        let Some(Value::Rest(dims)) = s.find(&rest_name(name)).map(|v| v.value.clone()) else { return Err(Misfit::Silent) };
                        if dims.len() != axes.len() {
                            let unknown = has_rest(&self.sizes.settle_type(ty).shape) || has_rest(&settled(self, &dims));
                            return Err(if unknown { Misfit::Silent } else { Misfit::Rank { input: i } });
                        }
                        for (wanted, axis) in dims.iter().zip(axes) {
                            self.fit(s, i, axis, wanted, &ty.shape[axis])?;
                            shape.push(wanted.clone());
                        }
                    }
                    Elem::Slice(..) => return Err(Misfit::Silent),
                }
            }
            tensors.push(Tensor { ty: TensorType::new(dtype, shape), ..passed.tensor.clone() });
        }
        Ok(tensors)
    }

    fn fit(&mut self, s: &mut Scope, input: usize, axis: usize, wanted: &Dim, got: &Dim) -> Result<(), Misfit> {
        if !self.sizes.unify(wanted, got) {
            return Err(Misfit::Axis { input, axis, wanted: wanted.clone() });
        }
        // What a name that was bound before is called by this caller.
        if let Some(name) = wanted.symbols().into_iter().next().filter(|n| *wanted == Dim::symbol(n)) {
            s.export.entry(name).or_insert_with(|| got.clone());
        }
        Ok(())
    }

    /// Tensors that stand for every input in a generic check; declares the names their types bind.
    pub fn symbolic_inputs(&mut self, s: &mut Scope, params: &'a [Param], known: &BTreeSet<&str>) -> Vec<Option<Tensor>> {
        for param in params {
            let Some((_, elems)) = tensor_type(&param.ty) else { continue };
            for elem in elems {
                match elem {
                    Elem::Expr(Expr { kind: ExprKind::Name(name), span })
                        if name != "_" && !known.contains(name.as_str()) && s.find(name).is_none() && !is_constant(name) =>
                    {
                        let size = Dim::symbol(&s.symbol(name));
                        s.declare(name, Value::Size(size), *span);
                    }
                    Elem::Rest(name, span) => {
                        let key = rest_name(name);
                        if s.find(&key).is_none() {
                            let dims = (0..super::sizes::REST_AXES).map(|k| Dim::symbol(&s.symbol(&rest_symbol(&key, k)))).collect();
                            s.declare(&key, Value::Rest(Rc::new(dims)), *span);
                        }
                    }
                    _ => {}
                }
            }
        }
        params
            .iter()
            .map(|param| {
                tensor_type(&param.ty)?;
                let ty = self.type_of(s, &param.ty)?;
                Some(Tensor { ty, value: crate::hir::Value(0), span: param.name.span })
            })
            .collect()
    }

    /// What a parameter takes, in the caller's words: sizes that are known as numbers, others by name.
    pub fn wanted_type(&mut self, s: &mut Scope, ty: &'a Type) -> String {
        let Some((dtype, elems)) = tensor_type(ty) else { return String::new() };
        if elems.is_empty() {
            return dtype.name().to_string();
        }
        let parts: Vec<String> = elems
            .iter()
            .map(|elem| match elem {
                Elem::Expr(e) => match self.quietly(|engine| engine.expr(s, e)) {
                    Value::Size(d) => written(&self.sizes.settle(&d)),
                    _ => element(elem),
                },
                other => element(other),
            })
            .collect();
        format!("{}[{}]", dtype.name(), parts.join(", "))
    }
}

fn settled(engine: &Engine, dims: &[Dim]) -> Vec<Dim> {
    dims.iter().map(|d| engine.sizes.settle(d)).collect()
}

/// The name of an axis behind `..space`.
fn rest_symbol(key: &str, axis: usize) -> String {
    if key == ".." { format!("...{axis}") } else { format!("..{key}.{axis}") }
}

/// Constants are written in capitals and never bind.
fn is_constant(name: &str) -> bool {
    name.chars().all(|c| !c.is_lowercase()) && name.chars().any(char::is_uppercase)
}
