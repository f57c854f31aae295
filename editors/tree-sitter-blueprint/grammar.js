// The grammar of `.blueprint` files for editors. It mirrors grammar/src/blueprint.lalrpop rule by rule; a test of the workspace parses
// every program with both and compares the trees. The external scanner (src/scanner.c) says where a line ends a statement, and reads comments
// and the text of strings, in which `//` is no comment.

// `a, b, c` with a trailing comma allowed
const commas = rule => optional(seq(rule, repeat(seq(',', rule)), optional(',')));
const binary = ($, left, operator, right) => seq(field('left', left), field('operator', operator), field('right', right));

// these words stay usable as names: `f32[out, in]`, `optimizer = AdamW()`, `inner: blueprint`
const nameable = ['in', 'from', 'by', 'as', 'when', 'blueprint', 'optimizer', 'policy', 'train', 'grad'];

module.exports = grammar({
  name: 'blueprint',

  externals: $ => [$._newline, $.comment, $._string_text],
  extras: $ => [/[ \t\r\n\f]/, $.comment],
  word: $ => $.identifier,
  supertypes: $ => [$._expression],

  rules: {
    source_file: $ => seq(repeat($.file_documentation), optional(seq($._item, repeat(seq($._newline, $._item))))),

    // ---- comments: `//` is nobody's (the scanner reads it), `///` documents what follows, `//!` the file, `////` is nobody's again
    documentation: _ => token(/\/\/\/([^\/\n][^\n]*)?/),
    file_documentation: _ => token(/\/\/![^\n]*/),

    // ---- names
    identifier: _ => /[A-Za-z_][A-Za-z0-9_]*/,
    _name: $ => choice($.identifier, ...nameable.map(word => alias(word, $.identifier))),
    path: $ => choice($._name, seq($.path, '.', $._name)),

    // ---- items
    _item: $ =>
      seq(
        repeat($.documentation),
        choice(
          $.use_item,
          $.const_item,
          $.function_item,
          $.gradient_item,
          $.blueprint_item,
          $.optimizer_item,
          $.policy_item,
          $.train_item,
        ),
      ),
    use_item: $ =>
      seq(
        'use',
        field('path', $.path),
        optional(choice(seq('as', field('alias', $._name)), seq('.', field('imports', $.imports)))),
      ),
    imports: $ => seq('{', commas($.import), '}'),
    import: $ => seq(field('name', $._name), optional(seq('as', field('alias', $._name)))),
    const_item: $ =>
      seq('const', field('name', $._name), optional(seq(':', field('type', $._type))), '=', field('value', $._expression)),
    function_item: $ =>
      seq('fn', field('name', $._name), field('parameters', $.parameters), '->', field('result', $._type), field('body', $.body)),
    gradient_item: $ =>
      seq('grad', field('name', $._name), '(', commas(field('argument', $._name)), ')', field('body', $.body)),
    blueprint_item: $ => seq('blueprint', $._definition),
    optimizer_item: $ => seq('optimizer', $._definition),
    policy_item: $ => seq('policy', $._derived),
    train_item: $ => seq('train', $._derived),
    _definition: $ =>
      seq(field('name', $._name), optional(field('parameters', $.parameters)), field('body', $.body)),
    _derived: $ => seq(field('name', $._name), optional(seq('from', field('from', $.path))), field('body', $.body)),
    parameters: $ => seq('(', commas($._documented_parameter), ')'),
    _documented_parameter: $ => seq(repeat($.documentation), $.parameter),
    parameter: $ =>
      seq(field('name', $._name), ':', field('type', $._type), optional(seq('=', field('default', $._expression)))),

    // ---- types and kinds
    _type: $ => choice($.named_type, $.tuple_type, $.list_type, $.function_type),
    named_type: $ => seq(field('name', $._name), optional(field('dims', $.elements))),
    tuple_type: $ => seq('(', commas($._type), ')'),
    list_type: $ => seq('[', $._type, ']'),
    function_type: $ => seq('fn', optional(seq('(', commas(field('input', $._type)), ')', '->', field('result', $._type)))),

    // ---- bodies: one rule for code, blueprints, optimizers, policies and experiments
    body: $ => seq('{', optional(seq($._line, repeat(seq($._newline, $._line)))), '}'),
    _line: $ =>
      seq(
        repeat($.documentation),
        choice(
          $.param_line,
          $.state_line,
          $.layer_line,
          $.slot_line,
          $.forward_line,
          $.update_line,
          $.require_line,
          $.let_line,
          $.for_line,
          $.grow_line,
          $.rule_line,
          $.section_line,
          $.set_line,
          $.assign_line,
          $.expression_line,
        ),
      ),
    param_line: $ => seq('param', $._stored),
    state_line: $ => seq('state', $._stored),
    _stored: $ =>
      seq(
        field('name', $._name),
        ':',
        field('type', $._type),
        optional(seq('=', field('value', $._expression))),
        optional(seq('if', field('condition', $._expression))),
      ),
    layer_line: $ =>
      seq(
        'layer',
        field('name', $._name),
        '=',
        field('value', $._expression),
        optional(seq('if', field('condition', $._expression))),
      ),
    slot_line: $ =>
      seq(
        'slot',
        field('name', $._name),
        optional(seq(':', field('input', $._type), optional(seq('->', field('result', $._type))))),
      ),
    forward_line: $ => seq('forward', $._method),
    update_line: $ => seq('update', $._method),
    _method: $ => seq(field('parameters', $.parameters), '->', field('result', $._type), field('body', $.body)),
    require_line: $ => seq('require', field('condition', $._expression), optional(seq(',', field('message', $._expression)))),
    let_line: $ =>
      seq('let', field('pattern', $._pattern), optional(seq(':', field('type', $._type))), '=', field('value', $._expression)),
    for_line: $ => seq('for', field('pattern', $._pattern), 'in', field('over', $._expression), field('body', $.body)),
    grow_line: $ =>
      seq(
        'grow',
        field('slot', $._postfix),
        repeat(seq(',', field('slot', $._postfix))),
        'from',
        field('candidates', $._expression),
        'by',
        field('policy', $._expression),
      ),
    rule_line: $ =>
      seq(
        field('verb', $._name),
        'when',
        field('condition', $._expression),
        optional(seq('for', field('duration', $._expression))),
      ),
    section_line: $ => seq(field('name', $._name), field('body', $.body)),
    set_line: $ => seq(field('target', $._expression), '=', field('value', $._expression)),
    assign_line: $ => seq(field('target', $._expression), ':=', field('value', $._expression)),
    expression_line: $ => $._expression,
    _pattern: $ => choice($._name, $.tuple_pattern),
    tuple_pattern: $ => seq('(', commas($._pattern), ')'),

    // ---- expressions, loosest first
    _expression: $ => choice($.pipe_expression, $._or),
    pipe_expression: $ => binary($, $._expression, '|>', $._or),
    _or: $ => choice(alias($._or_binary, $.binary_expression), $._and),
    _or_binary: $ => binary($, $._or, 'or', $._and),
    _and: $ => choice(alias($._and_binary, $.binary_expression), $._not),
    _and_binary: $ => binary($, $._and, 'and', $._not),
    _not: $ => choice(alias($._not_unary, $.unary_expression), $._compare),
    _not_unary: $ => seq(field('operator', 'not'), field('operand', $._not)),
    _compare: $ => choice(alias($._compare_binary, $.binary_expression), $._sum),
    _compare_binary: $ => binary($, $._compare, choice('==', '!=', '<', '>', '<=', '>='), $._sum),
    _sum: $ => choice(alias($._sum_binary, $.binary_expression), $._product),
    _sum_binary: $ => binary($, $._sum, choice('+', '-'), $._product),
    _product: $ => choice(alias($._product_binary, $.binary_expression), $._unary),
    _product_binary: $ => binary($, $._product, choice('*', '/', '%', '@'), $._unary),
    _unary: $ => choice(alias($._minus_unary, $.unary_expression), $._power),
    _minus_unary: $ => seq(field('operator', '-'), field('operand', $._unary)),
    _power: $ => choice(alias($._power_binary, $.binary_expression), $._postfix),
    _power_binary: $ => binary($, $._postfix, '^', $._unary),

    _postfix: $ => choice($.call_expression, $.index_expression, $.member_expression, $._atom),
    call_expression: $ => seq(field('callee', $._postfix), field('arguments', $.arguments)),
    arguments: $ => seq('(', commas(choice($.named_argument, $._expression)), ')'),
    named_argument: $ => seq(field('name', $._name), '=', field('value', $._expression)),
    index_expression: $ => seq(field('base', $._postfix), field('elements', $.elements)),
    member_expression: $ => seq(field('base', $._postfix), '.', field('member', $._name)),

    // one element rule for the dims of types, lists and indexing
    elements: $ => seq('[', commas($._element), ']'),
    _element: $ => choice($._expression, $.rest, $.slice),
    rest: $ => seq('..', optional(field('name', $._name))),
    slice: $ => seq(optional(field('start', $._expression)), ':', optional(field('end', $._expression))),

    _atom: $ =>
      choice(
        $._name,
        $.integer,
        $.float,
        $.string,
        $.boolean,
        $.tuple_expression,
        $.parenthesised_expression,
        $.list_expression,
        $.repeat_expression,
        $.each_expression,
        $.if_expression,
      ),
    integer: _ => /[0-9][0-9_]*/,
    float: _ => token(choice(/[0-9][0-9_]*\.[0-9][0-9_]*([eE][+-]?[0-9]+)?/, /[0-9][0-9_]*[eE][+-]?[0-9]+/)),
    boolean: _ => choice('true', 'false'),
    string: $ => seq('"', repeat(choice($._string_text, $.escape)), token.immediate('"')),
    escape: _ => token.immediate(/\\[^\n]/),
    tuple_expression: $ => seq('(', optional(seq($._expression, ',', commas($._expression))), ')'),
    parenthesised_expression: $ => seq('(', $._expression, ')'),
    list_expression: $ => $.elements,
    repeat_expression: $ => seq('[', field('value', $._expression), ';', field('count', $._expression), ']'),
    each_expression: $ =>
      seq(
        '[',
        field('value', $._expression),
        'for',
        field('pattern', $._pattern),
        'in',
        field('over', $._expression),
        ']',
      ),
    if_expression: $ =>
      seq('if', field('condition', $._expression), field('then', $.body), optional(field('otherwise', $.else_clause))),
    else_clause: $ => seq('else', choice($.body, $.if_expression)),
  },
});
