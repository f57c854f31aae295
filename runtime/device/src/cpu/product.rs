//! Matrix products as a program states them: one plan for all products of a batch, its workspace set aside when the program is loaded.
use super::executable::Arguments;
use super::gemm::{Bias, Epilogue, GemmPlan, Strides};
use super::workers::{Sequence, Team};
use esper_codegen::Dot;

/// A planned product, or many of the same sizes.
pub struct ProductPlan {
    plan: GemmPlan,
    /// Where each product's a, b and c begin, in floats.
    starts: Vec<[usize; 3]>,
    /// Whether whole products go to threads, instead of parts of one product after the other.
    apart: bool,
    workspace: Vec<f32>,
    /// Floats of workspace that each thread has for itself where products go apart.
    share: usize,
    bias: bool,
    relu: bool,
    name: String,
}

/// The calling thread alone, inside a slice of a larger task.
struct Alone;

impl Team for Alone {
    fn threads(&self) -> usize {
        1
    }
    fn run_on_threads(&self, slices: usize, task: &(dyn Fn(usize, usize) + Sync)) {
        (0..slices).for_each(|slice| task(slice, 0));
    }
}

/// The start of the workspace, whose parts threads use by their number.
#[derive(Clone, Copy)]
struct Workspace(*mut f32);

// SAFETY: no two slices that run at once have the same thread number, and each uses that number's share only.
unsafe impl Sync for Workspace {}

impl Workspace {
    fn share(&self, thread: usize, floats: usize) -> *mut f32 {
        self.0.wrapping_add(thread * floats)
    }
}

impl ProductPlan {
    /// Plans a product for up to `threads` threads.
    pub fn new(dot: &Dot, threads: usize) -> ProductPlan {
        let strides = |[row, column]: [usize; 2]| Strides { row: row as isize, column: column as isize };
        let plan = GemmPlan::new(dot.m, dot.n, dot.k, strides(dot.a_strides), strides(dot.b_strides), dot.n);
        let mut starts = vec![[0; 3]];
        for axis in &dot.batch {
            let along = |start: &[usize; 3]| {
                let [a, b, c] = *start;
                (0..axis.extent).map(move |n| [a + n * axis.a, b + n * axis.b, c + n * axis.c])
            };
            starts = starts.iter().flat_map(along).collect();
        }
        // Enough products for all threads: each is computed by one, as long as the plan for one thread is the same sum.
        let apart = starts.len() >= 4;
        let share = plan.workspace_floats(1).next_multiple_of(16);
        let floats = if apart { share * threads.max(1) } else { plan.workspace_floats(threads) };
        let batch: String = dot.batch.iter().map(|axis| format!("{}x", axis.extent)).collect();
        ProductPlan {
            plan,
            starts,
            apart,
            workspace: vec![0.0; floats],
            share,
            bias: dot.epilogue.bias.is_some(),
            relu: dot.epilogue.relu,
            name: format!("product {batch}[{}, {}, {}]", dot.m, dot.k, dot.n),
        }
    }

    /// For people.
    pub fn name(&self) -> String {
        self.name.clone()
    }

    /// Arguments: a, b, c and, where there is one, the bias.
    pub fn run(&mut self, arguments: Arguments, sequence: &Sequence) {
        let workspace = Workspace(self.workspace.as_mut_ptr());
        let (plan, starts, share) = (&self.plan, &self.starts, self.share);
        let bias = if self.bias { Bias::Columns(arguments.get(3).cast::<f32>()) } else { Bias::None };
        let epilogue = Epilogue { bias, relu: self.relu, ..Epilogue::NONE };
        let product = |number: usize, workspace: *mut f32, team: &dyn Team| {
            let [a, b, c] = starts[number];
            let at = |argument: usize, start: usize| arguments.get(argument).cast::<f32>().wrapping_add(start);
            // SAFETY: validation has shown that the buffers reach as far as sizes, strides and batch; the result overlaps no operand;
            // the workspace has what the plan asks for this team.
            unsafe { plan.run(at(0, a), at(1, b), at(2, c), &epilogue, workspace, team) }
        };
        if self.apart {
            sequence.run_on_threads(starts.len(), &|number, thread| product(number, workspace.share(thread, share), &Alone));
        } else {
            (0..starts.len()).for_each(|number| product(number, workspace.share(0, 0), sequence));
        }
    }
}
