; The outline that Zed shows.

(function_item "fn" @context name: (identifier) @name) @item
(gradient_item "grad" @context name: (identifier) @name) @item
(blueprint_item "blueprint" @context name: (identifier) @name) @item
(optimizer_item "optimizer" @context name: (identifier) @name) @item
(policy_item "policy" @context name: (identifier) @name) @item
(train_item "train" @context name: (identifier) @name) @item
(const_item "const" @context name: (identifier) @name) @item
(layer_line "layer" @context name: (identifier) @name) @item
(slot_line "slot" @context name: (identifier) @name) @item
(param_line "param" @context name: (identifier) @name) @item
(state_line "state" @context name: (identifier) @name) @item
(forward_line "forward" @name) @item
(update_line "update" @name) @item
