; Where names are declared, how far they reach, and where they are used.

[(function_item) (gradient_item) (blueprint_item) (optimizer_item) (forward_line) (update_line) (for_line) (each_expression)] @local.scope

(parameter name: (identifier) @local.definition.variable.parameter)
(gradient_item argument: (identifier) @local.definition.variable.parameter)
(identifier) @local.reference
