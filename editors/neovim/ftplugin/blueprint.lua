-- Settings of a blueprint's buffer; starts the language server, and tree-sitter where its parser was built.
vim.bo.commentstring = '// %s'
vim.bo.comments = ':///,://!,://'
vim.bo.expandtab = true
vim.bo.shiftwidth = 4
vim.bo.softtabstop = 4
vim.bo.smartindent = true

-- `vim.treesitter.start` came with Neovim 0.8
if vim.treesitter.start and #vim.api.nvim_get_runtime_file('parser/blueprint.so', false) > 0 then
  vim.treesitter.start(0, 'blueprint')
end
require('blueprint').attach(0)
