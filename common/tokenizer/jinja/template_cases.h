// What the constructs of templates come to: asserted by template_test.cc, and asked of jinja2 by
// tests/integration/peers/chat_templates_test.cc.
#pragma once

#include <utility>

namespace foundry::tokenizer::jinja {

struct TemplateCase {
  const char *source, *text;
};

// Roles and contents of `messages`, and the value of `bos_token`.
inline constexpr std::pair<const char*, const char*> kCaseMessages[] = {{"user", " Hi "},
                                                                        {"assistant", "Yo"}};
inline constexpr char kCaseName[] = "\u00e9t\u00e9";

inline constexpr TemplateCase kTemplateCases[] = {
    // Whitespace control.
    {"a\n  {% if true %}\n  b\n  {% endif %}\nc\n", "a\n  b\nc"},
    {"a\n  {%- if true -%}\n  b\n  {%- endif %}\nc", "abc"},
    {"a {{ 1 }} \n{{ 2 -}} \n b {# x #}\nc", "a 1 \n2b c"},
    {"a\n  {%+ if true +%}\nb{% endif %}", "a\n  \nb"},
    {"a\n  {# gone #}\nb", "a\nb"},
    // Expressions.
    {"{{ 1 + 2 * 3 - 4 // 3 }} {{ 7 % 4 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 2 ** 3 ** 2 }} {{ 7 / 2 "
     "}}",
     "6 3 -4 2 64 3.5"},
    {"{{ 'a' 'b' + \"c\" ~ 1 ~ none ~ true }}", "abc1NoneTrue"},
    {"{{ 1 < 2 < 3 }} {{ not 1 == 2 and 'x' or 'y' }} {{ 'b' in 'abc' }} {{ 3 not in [1, 2] }}",
     "True x True True"},
    {"{{ 'yes' if messages|length > 1 else 'no' }}{{ 'gone' if false }}", "yes"},
    {"{{ messages[0].content | trim }}{{ messages[-1]['role'] }}{{ messages[7] }}{{ bos_token[1:] "
     "}}",
     "Hiassistantt\u00e9"},
    {"{{ [1, 2, 3, 4][::-1] }} {{ 'abcdef'[1:-1:2] }} {{ [1, 2, 3][5:] }} {{ (1, 2)|length }}",
     "[4, 3, 2, 1] bd [] 2"},
    {"{{ {'a': [1, 'x', none, 1.5]}|tojson }} {{ {'a': 1} }}",
     "{\"a\": [1, \"x\", null, 1.5]} {'a': 1}"},
    {"{{ {'a': [], 'b': [1, {'c': 'q\"\\n'}]}|tojson(indent=2) }}",
     "{\n  \"a\": [],\n  \"b\": [\n    1,\n    {\n      \"c\": \"q\\\"\\n\"\n    }\n  ]\n}"},
    {"{{ bos_token|upper }} {{ bos_token|length }} {{ 'a-b c'|title }} {{ 'aBC'|capitalize }}",
     "\u00c9T\u00c9 3 A-B C Abc"},
    // Methods, tests and filters.
    {"{{ ' a b  c '.split() }} {{ 'a,b,c'.split(',', 1) }} {{ 'x'.join(['a', 'b']) }}",
     "['a', 'b', 'c'] ['a', 'b,c'] axb"},
    {"{{ '\u3000a\u3000b c '.split(none, 1) }}{{ 'a b'.split(maxsplit=0) }}{{ bos_token[1] }}{{ "
     "bos_token[-1] }}",
     "['a', 'b c ']['a b']t\u00e9"},
    {"{{ '..a..'.strip('.') }}{{ 'ab'.startswith('a') }}{{ 'ab'.endswith(('x', 'b')) }}{{ "
     "'aa'.replace('a', 'b', 1) }}",
     "aTrueTrueba"},
    {"{{ {'a': 1}.get('b') }} {{ {'a': 1}.get('b', 2) }} {{ {'a': 1}.items()|list|length }}",
     "None 2 1"},
    {"{{ x is defined }} {{ x is not defined }} {{ 'a' is string }} {{ none is none }} {{ 4 is "
     "divisibleby 2 }} {{ [] is iterable and {} is mapping }}",
     "False True True True True True"},
    {"{{ messages|map(attribute='role')|join(', ') }} {{ messages|selectattr('role', 'equalto', "
     "'user')|list|length }} {{ messages|rejectattr('role', 'eq', "
     "'user')|map(attribute='content')|first }}",
     "user, assistant 1 Yo"},
    {"{{ x|default('d') }} {{ ''|default('d', true) }} {{ '7'|int + 1 }} {{ 'q'|int(3) }} {{ [3, "
     "1, 2]|sort|join }}",
     "d d 8 3 123"},
    {"{{ 'a\\nb\\n\\nc'|indent(2) }}|{{ 'a\\nb'|indent(2, true) }}", "a\n  b\n\n  c|  a\n  b"},
    {"{{ none|selectattr('a')|list }}{{ none|map('upper')|list }}", "[][]"},
    // Statements.
    {"{% for m in messages if m.role != 'user' %}{{ loop.index }}/{{ loop.length }}{{ m.content "
     "}}{% else %}none{% endfor %}",
     "1/1Yo"},
    {"{% for x in [] %}x{% else %}none{% endfor %}{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k "
     "}}{{ v }}{% if not loop.last %},{% endif %}{% endfor %}",
     "nonea1,b2"},
    {"{% for i in range(5) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 3 %}{% break %}{% "
     "endif %}{{ i }}{% endfor %}",
     "02"},
    {"{% set x = 1 %}{% for i in [1, 2] %}{% set x = x + i %}{{ x }}{% endfor %}{{ x }}", "231"},
    {"{% set n = namespace(x=1) %}{% for i in [1, 2] %}{% set n.x = n.x + i %}{% endfor %}{{ n.x "
     "}}",
     "4"},
    {"{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set c %}[{{ a }}]{% endset %}{{ c }}", "12[1]"},
    {"{% macro m(a, b='B') %}{{ a }}{{ b }}{% if a < 3 %}{{ m(a + 1) }}{% endif %}{% endmacro %}{{ "
     "m(1) }}{{ m(b=5, a=7) }}",
     "1B2B3B75"},
    {"{% filter upper|replace('B', 'x') %}ab{% endfilter %}", "Ax"},
    {"{% if false %}a{% elif x %}b{% elif 1 %}c{% else %}d{% endif %}", "c"},
    {"{% for m in messages %}{{ loop.previtem.role if loop.previtem is defined }}{{ loop.first "
     "}}{% endfor %}",
     "TrueuserFalse"},
};

}  // namespace foundry::tokenizer::jinja
