; Colours for Neovim and the tree-sitter command. Of several patterns that fit a node the last one counts.

(identifier) @variable
((identifier) @constant (#match? @constant "^[A-Z][A-Z0-9_]+$"))
((identifier) @type (#match? @type "^[A-Z].*[a-z]"))
((identifier) @variable.builtin (#eq? @variable.builtin "training"))

; ---- names where they are declared
(function_item name: (identifier) @function)
(gradient_item name: (identifier) @function)
(gradient_item argument: (identifier) @variable.parameter)
(blueprint_item name: (identifier) @type.definition)
(optimizer_item name: (identifier) @type.definition)
(policy_item name: (identifier) @type.definition)
(train_item name: (identifier) @label)
(const_item name: (identifier) @constant)
(parameter name: (identifier) @variable.parameter)
(param_line name: (identifier) @variable.member)
(state_line name: (identifier) @variable.member)
(layer_line name: (identifier) @variable.member)
(slot_line name: (identifier) @variable.member)
(path (identifier) @module)
(path (identifier) @type (#match? @type "^[A-Z].*[a-z]"))

; ---- names where they are used
(call_expression callee: (identifier) @function.call)
(call_expression callee: (identifier) @constructor (#match? @constructor "^[A-Z]"))
(pipe_expression right: (identifier) @function.call)
(named_argument name: (identifier) @variable.parameter)
(member_expression member: (identifier) @variable.member)
(named_type name: (identifier) @type.builtin)
(rest name: (identifier) @variable)

; ---- fields of policies and experiments
(set_line target: (identifier) @property)
(section_line name: (identifier) @property)
(rule_line verb: (identifier) @function.call)

; ---- words
["use" "as"] @keyword.import
["fn" "grad" "forward" "update"] @keyword.function
["blueprint" "optimizer" "policy" "train"] @keyword.type
["const" "let" "param" "state" "layer" "slot"] @keyword
["grow" "from" "by" "require" "when"] @keyword
["if" "else"] @keyword.conditional
["for" "in"] @keyword.repeat
["and" "or" "not"] @keyword.operator
(function_type "fn" @type.builtin)

; ---- values
(boolean) @boolean
(integer) @number
(float) @number.float
(string) @string
(escape) @string.escape

; ---- signs
["=" ":=" "->" "|>" "+" "-" "*" "/" "%" "@" "^" "==" "!=" "<" ">" "<=" ">=" ".."] @operator
["(" ")" "[" "]" "{" "}"] @punctuation.bracket
["," ":" "." ";"] @punctuation.delimiter

; ---- comments
(comment) @comment @spell
[(documentation) (file_documentation)] @comment.documentation @spell
