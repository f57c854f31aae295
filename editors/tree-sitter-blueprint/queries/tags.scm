; What a file declares and what it calls, for outlines and code navigation.

((documentation)* @doc . (function_item name: (identifier) @name) @definition.function (#strip! @doc "^///\\s*") (#select-adjacent! @doc @definition.function))
((documentation)* @doc . (blueprint_item name: (identifier) @name) @definition.class (#strip! @doc "^///\\s*") (#select-adjacent! @doc @definition.class))
((documentation)* @doc . (optimizer_item name: (identifier) @name) @definition.class (#strip! @doc "^///\\s*") (#select-adjacent! @doc @definition.class))
((documentation)* @doc . (policy_item name: (identifier) @name) @definition.class (#strip! @doc "^///\\s*") (#select-adjacent! @doc @definition.class))
((documentation)* @doc . (train_item name: (identifier) @name) @definition.module (#strip! @doc "^///\\s*") (#select-adjacent! @doc @definition.module))
((documentation)* @doc . (const_item name: (identifier) @name) @definition.constant (#strip! @doc "^///\\s*") (#select-adjacent! @doc @definition.constant))

(call_expression callee: (identifier) @name) @reference.call
(pipe_expression right: (identifier) @name) @reference.call
