"""The real server over stdio, spoken to as VS Code, Neovim and Emacs do; every answer is checked against what the client said it can take."""

import os
import pathlib
import shutil

import pytest
import pytest_lsp
from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities

FIXTURES = pathlib.Path(__file__).parent.parent / "fixtures"
CLIENTS = ["visual-studio-code", "neovim", "emacs"]
ASKED = [
    types.CLIENT_REGISTER_CAPABILITY,
    types.WORKSPACE_INLAY_HINT_REFRESH,
    types.WORKSPACE_SEMANTIC_TOKENS_REFRESH,
    types.WORKSPACE_CODE_LENS_REFRESH,
]
MISSPELT = types.Range(types.Position(5, 25), types.Position(5, 30))


@pytest_lsp.fixture(
    params=CLIENTS,
    config=ClientServerConfig(server_command=[os.environ["ESPERC"], "lsp"]),
)
async def client(request, lsp_client: LanguageClient, tmp_path):
    """A client of each kind in a folder with copies of the fixtures."""
    for fixture in FIXTURES.iterdir():
        shutil.copy(fixture, tmp_path)
    lsp_client.folder = tmp_path
    # what a server may ask of its client, and the library does not answer by itself
    for method in ASKED:
        lsp_client.feature(method)(lambda params: None)
    await lsp_client.initialize_session(
        types.InitializeParams(
            capabilities=client_capabilities(request.param),
            process_id=os.getpid(),
            root_uri=tmp_path.as_uri(),
            workspace_folders=[types.WorkspaceFolder(uri=tmp_path.as_uri(), name="fixtures")],
        )
    )
    yield
    await lsp_client.shutdown_session()


def open_document(client: LanguageClient, name: str) -> types.TextDocumentIdentifier:
    """Opens a copy of a fixture."""
    path = client.folder / name
    document = types.TextDocumentItem(path.as_uri(), "blueprint", 1, path.read_text())
    client.text_document_did_open(types.DidOpenTextDocumentParams(document))
    return types.TextDocumentIdentifier(path.as_uri())


def at(text: str, piece: str, nth: int = 0) -> types.Position:
    """Where the nth occurrence of a piece of a text begins."""
    index = -1
    for _ in range(nth + 1):
        index = text.index(piece, index + 1)
    return types.Position(text.count("\n", 0, index), index - (text.rfind("\n", 0, index) + 1))


def text_of(client: LanguageClient, document: types.TextDocumentIdentifier) -> str:
    """What the document was opened with."""
    return (client.folder / pathlib.Path(document.uri).name).read_text()


async def diagnostics(client: LanguageClient, document: types.TextDocumentIdentifier) -> list[types.Diagnostic]:
    """The diagnostics as the client gets them: asked for where it can ask, pushed where not."""
    if client.capabilities.text_document.diagnostic is not None:
        report = await client.text_document_diagnostic_async(types.DocumentDiagnosticParams(document))
        return list(report.items)
    if document.uri not in client.diagnostics:
        await client.wait_for_notification(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
    return list(client.diagnostics[document.uri])


def apply(text: str, edits: list[types.TextEdit]) -> str:
    """A text with edits that do not overlap; positions count UTF-16 units, and the fixtures are ASCII."""
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    offset = lambda position: min(starts[position.line] + position.character, len(text))
    for edit in sorted(edits, key=lambda e: (e.range.start.line, e.range.start.character), reverse=True):
        text = text[: offset(edit.range.start)] + edit.new_text + text[offset(edit.range.end) :]
    return text


@pytest.mark.asyncio
async def test_a_misspelt_dim_is_marked_at_its_place(client: LanguageClient):
    document = open_document(client, "misspelt.blueprint")
    found = await diagnostics(client, document)
    assert [(d.code, d.range) for d in found] == [("E0101", MISSPELT)]
    assert found[0].severity == types.DiagnosticSeverity.Error
    assert "hiden" in found[0].message


@pytest.mark.asyncio
async def test_the_quick_fix_repairs_it(client: LanguageClient):
    document = open_document(client, "misspelt.blueprint")
    found = await diagnostics(client, document)
    context = types.CodeActionContext(found, only=[types.CodeActionKind.QuickFix])
    actions = await client.text_document_code_action_async(types.CodeActionParams(document, MISSPELT, context))
    edits = []
    for action in actions:
        if not isinstance(action, types.CodeAction) or "hidden" not in action.title:
            continue
        for change in action.edit.document_changes or []:
            edits += change.edits
        for changed in (action.edit.changes or {}).values():
            edits += changed
    assert apply(text_of(client, document), edits) == text_of(client, document).replace("hiden", "hidden")


@pytest.mark.asyncio
async def test_a_change_is_checked(client: LanguageClient):
    document = open_document(client, "misspelt.blueprint")
    await diagnostics(client, document)
    client.diagnostics.pop(document.uri, None)
    change = types.TextDocumentContentChangePartial(text="hidden", range=MISSPELT)
    version = types.VersionedTextDocumentIdentifier(uri=document.uri, version=2)
    client.text_document_did_change(types.DidChangeTextDocumentParams(version, [change]))
    assert await diagnostics(client, document) == []


@pytest.mark.asyncio
async def test_formatting_is_the_compilers(client: LanguageClient):
    document = open_document(client, "untidy.blueprint")
    options = types.FormattingOptions(tab_size=4, insert_spaces=True)
    edits = await client.text_document_formatting_async(types.DocumentFormattingParams(document, options))
    assert apply(text_of(client, document), edits) == (client.folder / "tidy.blueprint").read_text()


@pytest.mark.asyncio
async def test_hover_tells_what_a_layer_is(client: LanguageClient):
    document = open_document(client, "tidy.blueprint")
    hover = await client.text_document_hover_async(types.HoverParams(document, at(text_of(client, document), "first |>")))
    text = hover.contents.value if isinstance(hover.contents, types.MarkupContent) else str(hover.contents)
    assert "Linear" in text and "f32[b, hidden]" in text


@pytest.mark.asyncio
async def test_completion_knows_layers_and_dims(client: LanguageClient):
    document = open_document(client, "tidy.blueprint")
    text = text_of(client, document)
    position = at(text, "relu\n        last")
    answer = await client.text_document_completion_async(types.CompletionParams(document, position))
    labels = [item.label for item in (answer.items if isinstance(answer, types.CompletionList) else answer)]
    assert "relu" in labels and "last" in labels, labels


@pytest.mark.asyncio
async def test_definition_goes_to_the_line_and_into_the_library(client: LanguageClient):
    document = open_document(client, "tidy.blueprint")
    text = text_of(client, document)

    async def target(position):
        answer = await client.text_document_definition_async(types.DefinitionParams(document, position))
        (found,) = answer if isinstance(answer, list) else [answer]
        if isinstance(found, types.LocationLink):
            return found.target_uri, found.target_selection_range.start
        return found.uri, found.range.start

    assert await target(at(text, "first |>")) == (document.uri, at(text, "first ="))
    uri, _ = await target(at(text, "Linear(hidden)"))
    assert uri.endswith("nn.blueprint")


@pytest.mark.asyncio
async def test_rename_changes_every_use(client: LanguageClient):
    document = open_document(client, "tidy.blueprint")
    text = text_of(client, document)
    params = types.RenameParams(document, at(text, "hidden: dim"), "width")
    edit = await client.text_document_rename_async(params)
    edits = [e for change in edit.document_changes or [] for e in change.edits]
    edits += [e for changed in (edit.changes or {}).values() for e in changed]
    assert apply(text, edits) == text.replace("hidden: dim", "width: dim").replace("(hidden)", "(width)")


@pytest.mark.asyncio
async def test_symbols_follow_the_text(client: LanguageClient):
    document = open_document(client, "tidy.blueprint")
    symbols = await client.text_document_document_symbol_async(types.DocumentSymbolParams(document))
    names = []

    def collect(found):
        for symbol in found:
            names.append(symbol.name)
            collect(getattr(symbol, "children", None) or [])

    collect(symbols)
    assert {"Net", "first", "last"} <= set(names), names


@pytest.mark.asyncio
async def test_inlay_hints_show_shapes_where_the_client_takes_them(client: LanguageClient):
    if client.capabilities.text_document.inlay_hint is None:
        pytest.skip("this client shows no inlay hints")
    document = open_document(client, "tidy.blueprint")
    whole = types.Range(types.Position(0, 0), types.Position(len(text_of(client, document).splitlines()), 0))
    hints = await client.text_document_inlay_hint_async(types.InlayHintParams(document, whole))
    labels = [h.label if isinstance(h.label, str) else "".join(part.value for part in h.label) for h in hints]
    assert any("f32[b, hidden]" in label for label in labels), labels


@pytest.mark.asyncio
async def test_signature_help_marks_the_parameter(client: LanguageClient):
    document = open_document(client, "tidy.blueprint")
    position = at(text_of(client, document), "hidden)")
    help = await client.text_document_signature_help_async(types.SignatureHelpParams(document, position))
    signature = help.signatures[help.active_signature or 0]
    active = help.active_parameter if signature.active_parameter is None else signature.active_parameter
    label = signature.parameters[active].label
    assert "out: dim" in (label if isinstance(label, str) else signature.label[label[0] : label[1]])


@pytest.mark.asyncio
async def test_every_token_has_its_kind(client: LanguageClient):
    document = open_document(client, "tidy.blueprint")
    answer = await client.text_document_semantic_tokens_full_async(types.SemanticTokensParams(document))
    lines = text_of(client, document).splitlines()
    line = character = 0
    words = {}
    for i in range(0, len(answer.data), 5):
        down, right, length, kind, _ = answer.data[i : i + 5]
        line, character = (line + down, right) if down else (line, character + right)
        words.setdefault(lines[line][character : character + length], set()).add(kind)
    assert words["Net"] != words["hidden"] and "blueprint" in words, words


@pytest.mark.asyncio
async def test_bodies_fold(client: LanguageClient):
    document = open_document(client, "tidy.blueprint")
    folds = await client.text_document_folding_range_async(types.FoldingRangeParams(document))
    assert {(fold.start_line, fold.end_line) for fold in folds} & {(4, 12), (4, 11)}, folds


@pytest.mark.asyncio
async def test_references_are_found(client: LanguageClient):
    document = open_document(client, "tidy.blueprint")
    position = at(text_of(client, document), "first =")
    context = types.ReferenceContext(include_declaration=True)
    found = await client.text_document_references_async(types.ReferenceParams(context, document, position))
    assert [place.range.start for place in found] == [position, at(text_of(client, document), "first |>")]
