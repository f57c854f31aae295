; Indentation for Neovim.

[(body) (parameters) (arguments) (elements) (imports) (tuple_expression) (parenthesised_expression) (each_expression) (repeat_expression)] @indent.begin
["}" ")" "]"] @indent.branch @indent.end
[(comment) (documentation) (file_documentation)] @indent.auto
(ERROR "{" @indent.begin)
