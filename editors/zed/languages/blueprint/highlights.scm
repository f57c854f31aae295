; Colours for Zed. Of several patterns that fit a node the last one counts.

(identifier) @variable
((identifier) @constant (#match? @constant "^[A-Z][A-Z0-9_]+$"))
((identifier) @type (#match? @type "^[A-Z].*[a-z]"))
((identifier) @variable.special (#eq? @variable.special "training"))

(function_item name: (identifier) @function)
(gradient_item name: (identifier) @function)
(train_item name: (identifier) @label)
(param_line name: (identifier) @property)
(state_line name: (identifier) @property)
(layer_line name: (identifier) @property)
(slot_line name: (identifier) @property)
(call_expression callee: (identifier) @function)
(call_expression callee: (identifier) @constructor (#match? @constructor "^[A-Z]"))
(pipe_expression right: (identifier) @function)
(named_argument name: (identifier) @property)
(member_expression member: (identifier) @property)
(named_type name: (identifier) @type.builtin)
(set_line target: (identifier) @property)
(section_line name: (identifier) @property)
(rule_line verb: (identifier) @function)

["use" "as" "fn" "grad" "forward" "update" "blueprint" "optimizer" "policy" "train" "const" "let" "param" "state" "layer" "slot"
 "grow" "from" "by" "require" "when" "if" "else" "for" "in" "and" "or" "not"] @keyword

(boolean) @boolean
[(integer) (float)] @number
(string) @string
(escape) @string.escape

["=" ":=" "->" "|>" "+" "-" "*" "/" "%" "@" "^" "==" "!=" "<" ">" "<=" ">=" ".."] @operator
["(" ")" "[" "]" "{" "}"] @punctuation.bracket
["," ":" "." ";"] @punctuation.delimiter

(comment) @comment
[(documentation) (file_documentation)] @comment.doc
