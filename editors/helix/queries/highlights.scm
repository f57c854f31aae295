; Colours for Helix. The patterns exclude each other, so the order does not matter.

; ---- names where they are declared
(function_item name: (identifier) @function)
(gradient_item name: (identifier) @function)
(gradient_item argument: (identifier) @variable.parameter)
(blueprint_item name: (identifier) @type)
(optimizer_item name: (identifier) @type)
(policy_item name: (identifier) @type)
(train_item name: (identifier) @label)
(const_item name: (identifier) @constant)
(parameter name: (identifier) @variable.parameter)
(param_line name: (identifier) @variable.other.member)
(state_line name: (identifier) @variable.other.member)
(layer_line name: (identifier) @variable.other.member)
(slot_line name: (identifier) @variable.other.member)
(path (identifier) @namespace (#match? @namespace "^[a-z_]"))
(path (identifier) @type (#match? @type "^[A-Z]"))
(import name: (identifier) @function (#match? @function "^[a-z_]"))
(import name: (identifier) @type (#match? @type "^[A-Z]"))

; ---- names where they are used
(call_expression callee: (identifier) @function (#match? @function "^[a-z_]"))
(call_expression callee: (identifier) @constructor (#match? @constructor "^[A-Z]"))
(pipe_expression right: (identifier) @function (#match? @function "^[a-z_]"))
(named_argument name: (identifier) @variable.parameter)
(member_expression member: (identifier) @variable.other.member)
(named_type name: (identifier) @type.builtin)

; ---- fields of policies and experiments
(set_line target: (identifier) @variable.other.member)
(section_line name: (identifier) @variable.other.member)
(rule_line verb: (identifier) @function)

; ---- words
["use" "as"] @keyword.control.import
["fn" "grad" "forward" "update"] @keyword.function
["blueprint" "optimizer" "policy" "train"] @keyword.storage.type
["const" "let" "param" "state" "layer" "slot"] @keyword.storage
["grow" "from" "by" "require" "when"] @keyword
["if" "else"] @keyword.control.conditional
["for" "in"] @keyword.control.repeat
["and" "or" "not"] @keyword.operator

; ---- values
(boolean) @constant.builtin.boolean
(integer) @constant.numeric.integer
(float) @constant.numeric.float
(string) @string
(escape) @constant.character.escape

; ---- signs
["=" ":=" "->" "|>" "+" "-" "*" "/" "%" "@" "^" "==" "!=" "<" ">" "<=" ">=" ".."] @operator
["(" ")" "[" "]" "{" "}"] @punctuation.bracket
["," ":" "." ";"] @punctuation.delimiter

; ---- comments
(comment) @comment.line
[(documentation) (file_documentation)] @comment.block.documentation
