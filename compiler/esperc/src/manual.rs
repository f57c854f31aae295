//! `esperc explain` and `esperc doc`: diagnostics and names at length.
use crate::exit::Failure;
use crate::terminal::{print, rules};
use esper_diagnostics::nearest;
use esper_driver::Session;

/// Tells one code at length, or lists all.
pub fn explain(code: Option<&str>) -> Result<(), Failure> {
    let all = rules();
    let Some(code) = code else {
        let lines: Vec<String> = all.iter().map(|r| format!("{}  {}\n", r.code, r.title)).collect();
        return print(&lines.concat());
    };
    let wanted = code.trim().to_uppercase();
    match all.iter().find(|r| r.code == wanted) {
        Some(record) => print(&esper_driver::explanation(record)),
        None => {
            let near = nearest(&wanted, all.iter().map(|r| r.code)).map(|n| format!("; did you mean `{n}`?"));
            let list = "; `esperc explain` lists all".to_string();
            Err(Failure::Usage(format!("there is no code `{code}`{}", near.unwrap_or(list))))
        }
    }
}

/// Prints the documentation or the source of a name; without a name, the library's contents.
pub fn document(name: Option<&str>, source: bool) -> Result<(), Failure> {
    let mut session = Session::new();
    let Some(name) = name else { return print(&esper_driver::contents(&mut session, None)) };
    let page = esper_driver::document(&mut session, name, None);
    let text = if source { esper_driver::source(&mut session, name, None) } else { page.clone() };
    match (text, page) {
        (Some(text), _) => print(&text),
        (None, Some(_)) => Err(Failure::Usage(format!("`{name}` is part of the language itself; it has no source in it"))),
        (None, None) => {
            let near = esper_driver::nearest_name(&mut session, name, None).map(|n| format!("did you mean `{n}`?"));
            let list = near.unwrap_or_else(|| "`esperc doc` lists the library".to_string());
            Err(Failure::Usage(format!("nothing is called `{name}`; {list}")))
        }
    }
}
