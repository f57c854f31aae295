// Where a line ends a statement, which the grammar cannot say, comments, and the text of strings. Mirrors grammar/src/layout.rs: a new line ends a statement
// unless the next token goes on with it. Inside `(` and `[`, and where a line cannot end, the parser does not ask for it.
#include "tree_sitter/parser.h"

#include <string.h>

enum Token { NEWLINE, COMMENT, STRING_TEXT };

void *tree_sitter_blueprint_external_scanner_create(void) { return NULL; }
void tree_sitter_blueprint_external_scanner_destroy(void *payload) { (void)payload; }
unsigned tree_sitter_blueprint_external_scanner_serialize(void *payload, char *buffer) {
    (void)payload;
    (void)buffer;
    return 0;
}
void tree_sitter_blueprint_external_scanner_deserialize(void *payload, const char *buffer, unsigned length) {
    (void)payload;
    (void)buffer;
    (void)length;
}

static bool is_space(int32_t c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f'; }

static bool is_word(int32_t c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static void advance(TSLexer *lexer) { lexer->advance(lexer, false); }

// Whether a line that begins here goes on with the line above.
static bool goes_on(TSLexer *lexer) {
    switch (lexer->lookahead) {
    case '{': case '}': case ')': case ']': case ',': case ':': case ';': case '=': case '+': case '*': case '%': case '@':
    case '^': case '<': case '>':
        return true;
    case '|':
        advance(lexer);
        return lexer->lookahead == '>';
    case '!':
        advance(lexer);
        return lexer->lookahead == '=';
    case '.':
        // `.name` goes on, `..` does not
        advance(lexer);
        return lexer->lookahead != '.';
    case '-':
        // `->` and `- y` go on, `-y` begins a statement
        advance(lexer);
        return lexer->lookahead == '>' || lexer->lookahead == ' ' || lexer->lookahead == '\t';
    default:
        break;
    }
    char word[5] = {0};
    unsigned length = 0;
    while (is_word(lexer->lookahead)) {
        if (length == 4) {
            return false;
        }
        word[length++] = (char)lexer->lookahead;
        advance(lexer);
    }
    return strcmp(word, "else") == 0 || strcmp(word, "and") == 0 || strcmp(word, "or") == 0;
}

enum Slash { DIVISION, DOCUMENTATION, REMARK };

// What a slash begins. A remark, `//` or `////`, is read up to the end of its line; documentation, `///` and `//!`, is the grammar's.
static enum Slash slash(TSLexer *lexer) {
    advance(lexer);
    if (lexer->lookahead != '/') {
        return DIVISION;
    }
    advance(lexer);
    if (lexer->lookahead == '!') {
        return DOCUMENTATION;
    }
    if (lexer->lookahead == '/') {
        advance(lexer);
        if (lexer->lookahead != '/') {
            return DOCUMENTATION;
        }
    }
    while (lexer->lookahead != '\n' && !lexer->eof(lexer)) {
        advance(lexer);
    }
    lexer->mark_end(lexer);
    return REMARK;
}

// What stands between the quotes and escapes of a string, where `//` is no comment.
static bool string_text(TSLexer *lexer) {
    bool some = false;
    while (lexer->lookahead != '"' && lexer->lookahead != '\\' && lexer->lookahead != '\n' && !lexer->eof(lexer)) {
        advance(lexer);
        some = true;
    }
    lexer->mark_end(lexer);
    lexer->result_symbol = STRING_TEXT;
    return some;
}

bool tree_sitter_blueprint_external_scanner_scan(void *payload, TSLexer *lexer, const bool *valid) {
    (void)payload;
    // while the parser recovers from an error everything is valid
    if (valid[STRING_TEXT] && !valid[NEWLINE]) {
        return string_text(lexer);
    }
    bool first_on_line = false;
    while (is_space(lexer->lookahead)) {
        first_on_line |= lexer->lookahead == '\n';
        lexer->advance(lexer, true);
    }
    // a line end is empty and stands before the next token
    lexer->mark_end(lexer);
    bool ends = valid[NEWLINE] && first_on_line && !lexer->eof(lexer);
    lexer->result_symbol = NEWLINE;
    if (lexer->lookahead != '/') {
        return ends && !goes_on(lexer);
    }
    switch (slash(lexer)) {
    case REMARK:
        lexer->result_symbol = COMMENT; // after it, this is asked again
        return valid[COMMENT];
    case DOCUMENTATION:
        return ends;
    default:
        return false;
    }
}
