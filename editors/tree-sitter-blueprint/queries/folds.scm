; What can be folded.

[(body) (parameters) (arguments) (list_expression) (each_expression) (imports)] @fold
(use_item)+ @fold
(file_documentation)+ @fold
(documentation)+ @fold
