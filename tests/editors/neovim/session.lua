-- One session in a real Neovim, 0.7 or newer: opens a blueprint with a misspelt dim, waits for what the language server says, repairs it,
-- and uses the other features. Run by ../run with PLUGIN (editors/neovim), FOLDER (copies of the fixtures) and esperc on PATH.
local failures = 0

local function check(name, holds, detail)
  io.stdout:write(string.format('    %s %s%s\n', holds and 'ok' or 'FAILED', name, holds and '' or ': ' .. vim.inspect(detail)))
  failures = failures + (holds and 0 or 1)
end

local function wait_for(condition)
  local value
  vim.wait(20000, function()
    value = condition()
    return value
  end, 20)
  return value
end

local function client_of(buffer)
  local clients = vim.lsp.get_clients and vim.lsp.get_clients({ bufnr = buffer }) or vim.tbl_values(vim.lsp.buf_get_clients(buffer))
  return clients[1]
end

local function main()
  vim.opt.runtimepath:prepend(os.getenv('PLUGIN'))
  vim.cmd('filetype plugin on')
  vim.cmd('syntax on')
  vim.cmd('runtime! ftdetect/blueprint.vim')
  local new = vim.fn.has('nvim-0.10') == 1

  vim.cmd('edit ' .. os.getenv('FOLDER') .. '/misspelt.blueprint')
  local buffer = vim.api.nvim_get_current_buf()
  check('the file is a blueprint', vim.bo.filetype == 'blueprint', vim.bo.filetype)
  local client = wait_for(function()
    local client = client_of(buffer)
    return client and client.server_capabilities and client
  end)
  check('the server runs', client ~= nil, vim.bo.filetype)

  -- what a misspelt dim draws
  local diagnostics = wait_for(function()
    local found = vim.diagnostic.get(buffer)
    return #found > 0 and found
  end) or {}
  local first = diagnostics[1] or {}
  check('one diagnostic', #diagnostics == 1, diagnostics)
  check('at the misspelt dim', first.lnum == 5 and first.col == 25 and first.end_col == 30, first)
  check('with its code and severity', first.code == 'E0101' and first.severity == vim.diagnostic.severity.ERROR, first)

  local function request(method, params, on)
    local answer, problem = client.request_sync(method, params, 20000, on or buffer)
    return answer and answer.result, problem or answer and answer.err
  end
  local function position(line, column)
    return { textDocument = { uri = vim.uri_from_bufnr(buffer) }, position = { line = line, character = column } }
  end

  -- the quick fix
  local range = { start = { line = 5, character = 25 }, ['end'] = { line = 5, character = 30 } }
  local sent = first.user_data and first.user_data.lsp or {}
  local diagnostic = { range = range, message = first.message, code = first.code, severity = 1, source = sent.source or first.source, data = sent.data }
  local actions, problem = request('textDocument/codeAction', {
    textDocument = { uri = vim.uri_from_bufnr(buffer) },
    range = range,
    context = { diagnostics = { diagnostic }, only = { 'quickfix' } },
  })
  local fix
  for _, action in ipairs(actions or {}) do
    fix = fix or (action.title:find('hidden') and action)
  end
  check('a quick fix is offered', fix ~= nil, actions or problem)
  if fix then
    if not fix.edit then
      fix = request('codeAction/resolve', fix)
    end
    vim.lsp.util.apply_workspace_edit(fix.edit, client.offset_encoding)
    local line = vim.api.nvim_buf_get_lines(buffer, 5, 6, false)[1]
    check('it repairs the line', line == '    layer first = Linear(hidden)', line)
    local clean = wait_for(function()
      return #vim.diagnostic.get(buffer) == 0
    end)
    check('the diagnostic goes away', clean == true, vim.diagnostic.get(buffer))
  end

  -- the other features
  local hover, hover_problem = request('textDocument/hover', position(9, 21))
  local hover_text = hover and hover.contents and (hover.contents.value or vim.inspect(hover.contents)) or ''
  check('hover tells the shape', hover_text:find('f32%[b, hidden%]') or hover_text:find('f32%[b, 16%]'), hover or hover_problem)
  local completion, completion_problem = request('textDocument/completion', position(10, 8))
  local labels = vim.tbl_map(function(item)
    return item.label
  end, completion and (completion.items or completion) or {})
  check('completion knows the layers', vim.tbl_contains(labels, 'last'), completion_problem or labels)
  local target = request('textDocument/definition', position(5, 20))
  local place = target and (target[1] or target) or {}
  local uri = place.uri or place.targetUri or ''
  check('definition leads into the library', uri:find('nn%.blueprint$'), place)
  if uri:find('^file:') then
    vim.cmd('edit ' .. vim.uri_to_fname(uri))
    check('the library opens', vim.bo.readonly and vim.fn.search('^blueprint Linear') > 0, vim.api.nvim_buf_get_name(0))
    vim.cmd('buffer ' .. buffer)
  end
  local rename = request('textDocument/rename', vim.tbl_extend('force', position(4, 15), { newName = 'width' }))
  check('rename', rename ~= nil, rename)
  if rename then
    vim.lsp.util.apply_workspace_edit(rename, client.offset_encoding)
    local lines = table.concat(vim.api.nvim_buf_get_lines(buffer, 4, 6, false), '\n')
    check('rename changes every use', lines == 'blueprint Net(width: dim = 16) {\n    layer first = Linear(width)', lines)
  end
  vim.api.nvim_buf_set_lines(buffer, 6, 7, false, { 'layer   last=Linear( 10 )' })
  local edits = request('textDocument/formatting', {
    textDocument = { uri = vim.uri_from_bufnr(buffer) },
    options = { tabSize = 4, insertSpaces = true },
  })
  if edits then
    vim.lsp.util.apply_text_edits(edits, buffer, client.offset_encoding)
  end
  local formatted = vim.api.nvim_buf_get_lines(buffer, 6, 7, false)[1]
  check('formatting', formatted == '    layer last = Linear(10)', formatted)

  if new then
    vim.lsp.inlay_hint.enable(true, { bufnr = buffer })
    local hints = wait_for(function()
      local found = vim.lsp.inlay_hint.get({ bufnr = buffer })
      return #found > 0 and found
    end) or {}
    local texts = vim.tbl_map(function(hint)
      local label = hint.inlay_hint.label
      return type(label) == 'string' and label or table.concat(vim.tbl_map(function(part)
        return part.value
      end, label))
    end, hints)
    check('inlay hints show shapes', vim.tbl_contains(texts, ': f32[b, width]'), texts)
    check('tree-sitter colours the buffer', vim.treesitter.highlighter.active[buffer] ~= nil, 'no highlighter')
    local captures = vim.tbl_map(function(capture)
      return capture.capture
    end, vim.treesitter.get_captures_at_pos(buffer, 5, 5))
    check('`layer` is a keyword', vim.tbl_contains(captures, 'keyword'), captures)
  else
    local group = vim.fn.synIDattr(vim.fn.synID(6, 6, 1), 'name')
    check('`layer` is a keyword', group == 'blueprintLine', group)
  end

  -- the server ends with the editor's wish
  vim.lsp.stop_client(client.id)
  local stopped = wait_for(function()
    return client.is_stopped()
  end)
  check('the server stops', stopped == true, 'still running')
end

local ran, problem = pcall(main)
check('the session', ran, problem)
vim.cmd(failures == 0 and 'qall!' or 'cquit 1')
