-- The language server of blueprints for Neovim 0.7 and newer. `vim.g.blueprint_server` names another command than `esperc lsp`.
local M = {}

local function command()
  return vim.g.blueprint_server or { 'esperc', 'lsp' }
end

-- The folder that paths in `use` begin at: the nearest one above the file that holds a repository, else the file's own.
local function root(path)
  local folder = vim.fn.fnamemodify(path, ':p:h')
  local marker = vim.fn.finddir('.git', vim.fn.fnameescape(folder) .. ';')
  return marker == '' and folder or vim.fn.fnamemodify(marker, ':p:h:h')
end

-- The clients of Neovim 0.7 by folder; newer versions share them themselves.
local clients = {}

--- Connects a buffer with the server of its folder, which is started where it does not run.
function M.attach(buffer)
  buffer = buffer == 0 and vim.api.nvim_get_current_buf() or buffer
  local path = vim.api.nvim_buf_get_name(buffer)
  if vim.bo[buffer].buftype ~= '' or path == '' then
    return
  end
  if vim.fn.executable(command()[1]) == 0 then
    vim.notify_once('blueprint: there is no ' .. command()[1] .. '; set vim.g.blueprint_server', vim.log.levels.WARN)
    return
  end
  local folder = root(path)
  local config = { name = 'blueprint', cmd = command(), root_dir = folder, filetypes = { 'blueprint' } }
  if vim.lsp.start then
    vim.lsp.start(config, { bufnr = buffer })
    return
  end
  config.on_exit = function()
    clients[folder] = nil
  end
  clients[folder] = clients[folder] or vim.lsp.start_client(config)
  vim.lsp.buf_attach_client(buffer, clients[folder])
end

return M
