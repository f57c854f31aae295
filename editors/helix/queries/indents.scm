; Indentation for Helix.

[(body) (parameters) (arguments) (elements) (imports) (tuple_expression) (parenthesised_expression) (each_expression) (repeat_expression)] @indent
["}" ")" "]"] @outdent
