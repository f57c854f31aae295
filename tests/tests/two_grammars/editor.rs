//! The tree of the editors' grammar: its named nodes as they are, with the few differences that mean nothing smoothed away.
use crate::Tree;
use tree_sitter::{Node, Parser, Tree as Parsed};

/// Kinds whose place the compiler does not keep.
const PLACELESS: &[&str] =
    &["source_file", "parameters", "arguments", "named_argument", "elements", "imports", "import", "else_clause", "list_expression"];

/// Parses a text; never fails.
pub fn parse(text: &str) -> Parsed {
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_blueprint::LANGUAGE.into()).expect("a version that the library reads");
    parser.parse(text, None).expect("no limit is set")
}

/// The tree in the common form.
pub fn tree(parsed: &Parsed, text: &str) -> Tree {
    node(parsed.root_node(), None, text)
}

fn node(node: Node, field: Option<&str>, text: &str) -> Tree {
    let kind = node.kind();
    let written = &text[node.byte_range()];
    // what is compared by its text, and has no parts of interest
    let leaf = match kind {
        "identifier" | "float" | "boolean" => Some(written.to_string()),
        "integer" => Some(written.replace('_', "").trim_start_matches('0').to_string()),
        "path" => Some(names(node, text).join(".")),
        "string" => Some(String::new()),
        _ => None,
    };
    let label = [field.map(|f| format!("{f}:")), Some(kind.to_string()), leaf.clone()].into_iter().flatten().collect::<Vec<_>>();
    Tree {
        label: label.join(" ").trim_end().to_string(),
        range: (!PLACELESS.contains(&kind)).then(|| node.byte_range()),
        children: if leaf.is_some() { vec![] } else { parts(node, text) },
    }
}

fn parts(parent: Node, text: &str) -> Vec<Tree> {
    let mut children = Vec::new();
    let mut cursor = parent.walk();
    let mut more = cursor.goto_first_child();
    while more {
        let child = cursor.node();
        let field = cursor.field_name();
        if field == Some("operator") {
            children.push(Tree { label: format!("operator: {}", child.kind()), range: Some(child.byte_range()), children: vec![] });
        } else if child.is_named() && child.kind() != "comment" {
            children.push(node(child, field, text));
        }
        more = cursor.goto_next_sibling();
    }
    children
}

/// The names of a path, whose nodes nest.
fn names<'t>(path: Node, text: &'t str) -> Vec<&'t str> {
    let parts = (0..path.named_child_count() as u32).filter_map(|i| path.named_child(i)).filter(|part| part.kind() != "comment");
    parts.flat_map(|part| if part.kind() == "path" { names(part, text) } else { vec![&text[part.byte_range()]] }).collect()
}
