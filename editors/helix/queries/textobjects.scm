; What `mif`, `maa`, `]f` and so on select and reach.

(function_item body: (body) @function.inside) @function.around
(forward_line body: (body) @function.inside) @function.around
(update_line body: (body) @function.inside) @function.around
(blueprint_item body: (body) @class.inside) @class.around
(optimizer_item body: (body) @class.inside) @class.around
(train_item body: (body) @class.inside) @class.around
(policy_item body: (body) @class.inside) @class.around
(parameter) @parameter.inside
(comment) @comment.around
