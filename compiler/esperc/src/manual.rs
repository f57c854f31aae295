//! `esperc explain` and `esperc doc`: diagnostics and names at length.
use crate::exit::Failure;
use crate::terminal::print;
use esper_diagnostics::nearest;
use esper_driver::Session;

/// Tells one code at length, or lists all.
pub fn explain(code: Option<&str>) -> Result<(), Failure> {
    let Some(code) = code else {
        let lines: Vec<String> = esper_driver::codes().iter().map(|r| format!("{}  {}\n", r.code, r.title)).collect();
        return print(&lines.concat());
    };
    let wanted = code.trim().to_uppercase();
    match esper_driver::explain(&wanted) {
        Some(record) => print(&esper_driver::explanation(record)),
        None => {
            let near = nearest(&wanted, esper_driver::codes().iter().map(|r| r.code)).map(|n| format!("; did you mean `{n}`?"));
            Err(Failure::Usage(format!("there is no code `{code}`{}", near.unwrap_or_default())))
        }
    }
}

/// Prints the documentation or the source of a name; without a name, the library's contents.
pub fn document(name: Option<&str>, source: bool) -> Result<(), Failure> {
    let mut session = Session::new();
    let Some(name) = name else { return print(&esper_driver::contents(&mut session, None)) };
    if source {
        return match esper_stdlib::module(name) {
            Some(text) => print(text),
            None => Err(Failure::Usage(format!("`{name}` is no module of the library; `esperc doc` lists them"))),
        };
    }
    match esper_driver::document(&mut session, name, None) {
        Some(text) => print(&text),
        None => Err(Failure::Usage(format!("nothing is called `{name}`; `esperc doc` lists the library"))),
    }
}
