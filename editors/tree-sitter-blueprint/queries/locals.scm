; Where names are declared, how far they reach, and where they are used.

[(source_file) (function_item) (gradient_item) (blueprint_item) (optimizer_item) (forward_line) (update_line) (for_line) (each_expression) (body)] @local.scope

(parameter name: (identifier) @local.definition.parameter)
(gradient_item argument: (identifier) @local.definition.parameter)
(let_line pattern: (identifier) @local.definition.var)
(for_line pattern: (identifier) @local.definition.var)
(each_expression pattern: (identifier) @local.definition.var)
(tuple_pattern (identifier) @local.definition.var)
(param_line name: (identifier) @local.definition.field)
(state_line name: (identifier) @local.definition.field)
(layer_line name: (identifier) @local.definition.field)
(slot_line name: (identifier) @local.definition.field)
(const_item name: (identifier) @local.definition.constant)
(function_item name: (identifier) @local.definition.function)
(blueprint_item name: (identifier) @local.definition.type)
(optimizer_item name: (identifier) @local.definition.type)
(policy_item name: (identifier) @local.definition.type)
(import name: (identifier) @local.definition.import)

(identifier) @local.reference
