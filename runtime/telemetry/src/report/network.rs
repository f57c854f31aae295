//! The network as a picture: the host's layers from the top down, its slots where they stand, and beside them what grew.
use super::{escape, thousands};
use std::fmt::Write as _;

/// A layer of the host.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// `blocks[0].first`.
    pub path: String,
    /// `Linear`.
    pub blueprint: String,
    /// `f32[batch, 64] → f32[batch, 4]`.
    pub shapes: String,
    /// Numbers that it trains itself.
    pub parameters: u64,
}

/// A slot and the layers that it lies between or spans.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// `mid`.
    pub path: String,
    /// The first of the layers it spans; the one behind it, where it spans none.
    pub from: usize,
    /// The layer behind the last that it spans.
    pub to: usize,
}

/// Something that grew.
#[derive(Clone, Debug, PartialEq)]
pub struct Grown {
    /// `mid#1`.
    pub name: String,
    /// Its slot.
    pub slot: String,
    /// `Bottleneck(reduce = 4)`.
    pub blueprint: String,
    /// Numbers that it trains.
    pub parameters: u64,
    /// How much it counts.
    pub alpha: f64,
    /// Whether it is part of the network for good.
    pub fossilised: bool,
}

/// A host with its slots and what grew in them.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// The layers in the order of the calculation.
    pub layers: Vec<Layer>,
    /// The slots that something may grow in.
    pub places: Vec<Place>,
    /// What grew and is there at the end.
    pub grown: Vec<Grown>,
    /// Parameters of the host.
    pub host: u64,
}

const BOX: (f64, f64) = (300.0, 40.0);
const GAP: f64 = 26.0;
const SIDE: (f64, f64) = (230.0, 40.0);

/// Both pictures in one drawing: before on the left, after on the right.
pub(super) fn draw(network: &Network) -> String {
    let column = BOX.0 + 90.0 + SIDE.0;
    // Of one slot several seeds stand below each other; the tallest pile may reach beyond the last layer.
    let pile = network.places.iter().map(|p| {
        let count = network.grown.iter().filter(|g| g.slot == p.path).count().max(1) as f64;
        centre(p) - SIDE.1 / 2.0 + count * (SIDE.1 + 6.0)
    });
    let bottom = pile.fold(top(network.layers.len()), f64::max) + 30.0;
    let width = BOX.0 + 150.0 + column;
    let mut svg = format!(
        "<svg viewBox=\"0 0 {width} {bottom:.0}\" width=\"{width}\" height=\"{bottom:.0}\" font-size=\"12\" role=\"img\" aria-label=\"the network before and after\">\n"
    );
    let grown: u64 = network.grown.iter().map(|g| g.parameters).sum();
    half(&mut svg, network, 0.0, &format!("before: {} parameters", thousands(network.host)), false);
    half(&mut svg, network, BOX.0 + 150.0, &format!("after: {} parameters", thousands(network.host + grown)), true);
    svg.push_str("</svg>\n");
    svg
}

/// The upper edge of a layer's box.
fn top(layer: usize) -> f64 {
    34.0 + GAP + layer as f64 * (BOX.1 + GAP)
}

/// The height at which a slot stands.
fn centre(place: &Place) -> f64 {
    if place.from < place.to { (top(place.from) + top(place.to) - GAP) / 2.0 } else { top(place.to) - GAP / 2.0 }
}

fn half(svg: &mut String, network: &Network, x: f64, title: &str, after: bool) {
    let middle = x + BOX.0 / 2.0;
    let _ = write!(svg, "<text x=\"{x}\" y=\"16\" font-weight=\"bold\">{title}</text>\n");
    let end = top(network.layers.len()) + 8.0;
    let _ = write!(svg, "<path d=\"M{middle} 34V{end:.0}\" stroke=\"#868e96\" stroke-width=\"1.5\"/>\n");
    let _ = write!(svg, "<path d=\"M{} {}l4 8l4 -8z\" fill=\"#868e96\"/>\n", middle - 4.0, end - 8.0);
    for (i, layer) in network.layers.iter().enumerate() {
        let y = top(i);
        let name = format!("{}: {}", layer.path, layer.blueprint);
        let _ = write!(
            svg,
            "<rect x=\"{x}\" y=\"{y:.0}\" width=\"{}\" height=\"{}\" rx=\"5\" fill=\"#edf2ff\" stroke=\"#748ffc\"/>\
<text x=\"{}\" y=\"{:.0}\">{}</text><text x=\"{}\" y=\"{:.0}\" text-anchor=\"end\">{}</text><text x=\"{}\" y=\"{:.0}\" fill=\"#666\" font-size=\"11\">{}</text>\n",
            BOX.0,
            BOX.1,
            x + 8.0,
            y + 17.0,
            escape(&name),
            x + BOX.0 - 8.0,
            y + 17.0,
            thousands(layer.parameters),
            x + 8.0,
            y + 33.0,
            escape(&layer.shapes)
        );
    }
    for place in &network.places {
        slot(svg, network, place, x, after);
    }
}

/// A slot: a dot on the line, or a bracket beside the layers that it spans; and what grew there.
fn slot(svg: &mut String, network: &Network, place: &Place, x: f64, after: bool) {
    let (middle, side, y) = (x + BOX.0 / 2.0, x + BOX.0 + 24.0, centre(place));
    let spans = place.from < place.to;
    let (from, to) = (top(place.from) - GAP / 2.0, top(place.to) - GAP / 2.0);
    let grown: Vec<&Grown> = network.grown.iter().filter(|g| after && g.slot == place.path).collect();
    let line = if grown.is_empty() { "#adb5bd\" stroke-dasharray=\"4 3" } else { "#2b8a3e" };
    if spans {
        let _ =
            write!(svg, "<path d=\"M{middle} {from:.0}H{side}V{to:.0}H{middle}\" fill=\"none\" stroke=\"{line}\" stroke-width=\"1.5\"/>\n");
    } else if !grown.is_empty() {
        let _ = write!(svg, "<path d=\"M{middle} {y:.0}H{side}\" stroke=\"{line}\" stroke-width=\"1.5\"/>\n");
    }
    let dot = if spans { to } else { y };
    let fill = if grown.is_empty() { "#fff" } else { "#69db7c" };
    let _ = write!(svg, "<circle cx=\"{middle}\" cy=\"{dot:.0}\" r=\"5\" fill=\"{fill}\" stroke=\"#2b8a3e\"/>");
    let _ = write!(
        svg,
        "<text x=\"{}\" y=\"{:.0}\" font-size=\"11\" fill=\"#2b8a3e\">slot {}</text>\n",
        middle + 10.0,
        dot - 3.0,
        escape(&place.path)
    );
    for (i, seed) in grown.iter().enumerate() {
        let top = y - SIDE.1 / 2.0 + i as f64 * (SIDE.1 + 6.0);
        let (fill, dashes) = if seed.fossilised { ("#d3f9d8", "") } else { ("#fff9db", " stroke-dasharray=\"4 3\"") };
        let state = if seed.fossilised { "part of the network" } else { "still growing" };
        let _ = write!(
            svg,
            "<rect x=\"{}\" y=\"{top:.0}\" width=\"{}\" height=\"{}\" rx=\"5\" fill=\"{fill}\" stroke=\"#2b8a3e\" stroke-width=\"1.5\"{dashes}/>\
<text x=\"{}\" y=\"{:.0}\">{}</text><text x=\"{}\" y=\"{:.0}\" text-anchor=\"end\">+{}</text><text x=\"{}\" y=\"{:.0}\" fill=\"#666\" font-size=\"11\">{}</text>\n",
            side - 8.0,
            SIDE.0,
            SIDE.1,
            side,
            top + 17.0,
            escape(&seed.blueprint),
            side + SIDE.0 - 16.0,
            top + 17.0,
            thousands(seed.parameters),
            side,
            top + 33.0,
            escape(&format!("{}, α {}, {state}", seed.name, super::plot::tick(seed.alpha)))
        );
    }
}
