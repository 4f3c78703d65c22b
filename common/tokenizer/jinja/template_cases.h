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
    {"a\u3000\n\u00a0{%- if true -%}\u2003 b \u3000{% endif %}\n\u3000{% if true %}c{% endif %}",
     "ab \u3000c"},
    // Raw text.
    {"a{% raw %}{{ x }}{% if %}{# c #}{% raw %}{% endrawx %}{% endraw %}b",
     "a{{ x }}{% if %}{# c #}{% raw %}{% endrawx %}b"},
    {"a\n  {% raw %}\n  {{ x }}\n  {% endraw %}\nb{%-raw-%} c {%-endraw-%} d {%+ raw %} e {%  "
     "endraw  +%}\nf",
     "a\n\n  {{ x }}\nbcd  e \nf"},
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
    // Calls with a block.
    {"{% macro m(a) %}[{{ a }}{{ caller() }}]{% endmacro %}{% call m(1) %}b{{ 2 }}{% endcall %}{% "
     "set x = 3 %}{% call m(2) -%} {{ x }} {%- endcall %}",
     "[1b2][23]"},
    {"{% macro m(l) %}{% for i in l %}<{{ caller(i, q=loop.index) }}>{% endfor %}{% endmacro %}{% "
     "call(v, n=9, q='Q') m([5, 6]) %}{{ v }}{{ n }}{{ q }}{% endcall %}{% for k in [7, 8] %}{% "
     "call(i, q) m([1]) %}{{ k }}{{ loop.index }}{% endcall %}{% endfor %}",
     "<591><692><71><82>"},
    {"{% macro m(a, caller=none) %}{{ a }}{{ caller()|upper if caller else 'n' }}{% endmacro %}{{ "
     "m(1) }}{% call m(1) %}c{% endcall %}{% macro d() %}{{ caller is defined }}{% endmacro %}{{ "
     "d() }}{% call d() %}{% endcall %}{{ caller is defined }}",
     "1n1CFalseTrueFalse"},
    {"{% macro f(n) %}{% set x = n %}{{ n }}{{ caller() }}{% if n %}{% call f(n - 1) %}x{{ x }}{% "
     "endcall %}{% endif %}{% endmacro %}{% call f(2) %}top{% endcall %}{% macro a() %}a{{ "
     "caller() }}{% endmacro %}{% macro b() %}{% set outer = caller %}{% call a() %}{{ outer() "
     "}}{% endcall %}{% endmacro %}{% call b() %}c{% endcall %}{% macro o() %}{% macro i() %}({{ "
     "caller() }}){% endmacro %}{% call i() %}q{% endcall %}{% endmacro %}{{ o() }}{% call o() "
     "%}u{% endcall %}",
     "2top1x20x1ac(q)(q)"},
    // What is lazy, and gone once it was used.
    {"{{ ([]|map('string')) and 'T' }}{% set g = [1, 2, 3]|map('string') %}{{ g|first }}{{ '2' in "
     "g }}{{ g|list }}{{ g|list }}{{ g is iterable }}{{ g is sequence }}",
     "T1True['3'][]TrueFalse"},
    {"{% set g = messages|selectattr('role') %}{% for m in g %}{{ m.role }}{% break %}{% endfor "
     "%}{{ g|map(attribute='role')|join }}",
     "userassistant"},
    {"{{ ['1', 'x', none]|map('int', 7)|list }}{{ [1, none|length if false else "
     "2]|map('abs')|first }}{{ [3, 1]|reverse|list }}{{ 'abc'|reverse }}{{ {'a': 1}|items|list }}",
     "[1, 7, 7]1[1, 3]cba[('a', 1)]"},
    {"{% set n = namespace(go=true) %}{% for i in [1, 2, 3] if n.go %}{{ i }}{% set n.go = false "
     "%}{% endfor %}{% for i in [1, 2] if i / (2 - i) %}{{ i }}{% break %}{% endfor %}",
     "11"},
    {"{% set n = namespace(go=true) %}{% for i in [1, 2, 3] if n.go %}{{ i }}{{ loop.last }}{% set "
     "n.go = false %}{% endfor %}",
     "1False2True"},
    {"{% for i in [1, 2, 3] if i != 2 %}{{ loop.length }}{{ loop.revindex }}{{ loop.nextitem }},{% "
     "endfor %}",
     "223,21,"},
    // Loops and blocks.
    {"{% for i in [1, 2] %}{% continue %}{% else %}E{% endfor %}{% for i in [1, 2] %}{% break %}{% "
     "else %}F{% endfor %}{% for i in [1, 2] %}{% if i == 2 %}{% break %}{% endif %}{% else %}G{% "
     "endfor %}",
     "EF"},
    {"{% for i in [] %}{% else %}{% set q = 1 %}{{ q }}{% endfor %}[{{ q }}]{% generation %}{% set "
     "q = 1 %}{{ q }}{% endgeneration %}[{{ q }}]",
     "1[]1[]"},
    {"{% for i in [1, 2] %}{{ loop.depth }}{{ loop.depth0 }}{{ loop['index'] }}{{ loop.cycle('a', "
     "'b') }}{{ loop.changed(1) }}{% for k in [0] if loop.first %}k{% endfor %}{% endfor %}",
     "101aTruek102bFalse"},
    {"{{ raise_exception is defined }}{{ range is callable }}{{ loop is defined }}{{ x is callable "
     "}}{% set f = range %}{{ f(2)|list }}",
     "TrueTrueFalseTrue[0, 1]"},
    // Forms of sequences.
    {"{{ (1, 2) }}{{ (1,) }}{{ () }}{{ 1, 'a' }}{{ (1, 2) == [1, 2] }}{{ (1, 2)[1:] }}{{ (1,) + "
     "(2,) }}{{ (1,) * 2 }}{{ (1, 2)|tojson }}",
     "(1, 2)(1,)()(1, 'a')False(2,)(1, 2)(1, 1)[1, 2]"},
    {"{{ {'a': 1}.items() }}{{ {'a': 1}.keys() }}{{ {'a': 1}.values() }}{{ {'a': 1}.items()|list "
     "}}{{ {'a': 1}.keys()[0] }}{{ {'a': 1}.keys() == ['a'] }}{{ {'a': 1}.keys() is sequence }}{{ "
     "1 in {'a': 1}.values() }}",
     "dict_items([('a', 1)])dict_keys(['a'])dict_values([1])[('a', 1)]FalseFalseTrue"},
    {"{{ range(3) }}{{ range(1, 9, 2) }}{{ range(3) == range(0, 3) }}{{ range(3) == [0, 1, 2] }}{{ "
     "range(3)[1] }}{{ range(2)|list }}{{ range(0) or 'none' }}",
     "range(0, 3)range(1, 9, 2)TrueFalse1[0, 1]none"},
    {"{{ {'b': 1, 'A': 2}|dictsort }}{{ {'b': 1, 'a': 2}|dictsort(by='value', reverse=true) }}{{ "
     "[(2, 1), (1, 5)]|sort }}{{ (1, 2) < (1, 3) }}{{ [none, none]|sort }}",
     "[('A', 2), ('b', 1)][('a', 2), ('b', 1)][(1, 5), (2, 1)]True[None, None]"},
    // Keys that are no texts.
    {"{% set d = {0: 'a', 512: 'b', -1: none} %}{{ d[0] }}{{ d[512] }}{{ d[-1] }}{{ d[1] is "
     "defined }}{{ 0 in d }}{{ '0' in d }}{{ d['0'] is defined }}{{ d.get(512) }}{{ d.get(7, 8) }}",
     "abNoneFalseTrueFalseFalseb8"},
    {"{{ {1: 'a', true: 'b', 1.0: 'c'} }}{{ {true: 1}[1] }}{{ {0: 1}[false] }}{{ {none: 3}[none] "
     "}}{{ {2: 4}[2.0] }}{{ {1: 2}[(1,)] is defined }}{{ {1: 2} == {1.0: 2} }}{{ {1: 2} == {'1': "
     "2} }}",
     "{1: 'c'}1134FalseTrueFalse"},
    {"{% for k, v in {3: 'c', 1: 'a'}.items() %}{{ k + 1 }}{{ v }}{% endfor %}{{ {3: 'c', 1: "
     "'a'}|dictsort }}{{ {3: 'c'}|items|list }}{{ {3: 'c', 1: 'a'}|list }}{{ {3: 1}.keys() }}{{ "
     "{1: 2}.1 }}{{ [{0: 'x'}]|map(attribute='0')|join }}{{ dict([(1, 2)]) }}",
     "4c2a[(1, 'a'), (3, 'c')][(3, 'c')][3, 1]dict_keys([3])2x{1: 2}"},
    {"{{ {1: 'a', 'b': 2, none: 3, 1.5: 5, false: 6} }}{{ {1: 'a', 'b': 2, none: 3, 1e20: 5, "
     "false: 6}|tojson }}{{ {10: 1, 9: 2, true: 3}|tojson(sort_keys=true) }}",
     "{1: 'a', 'b': 2, None: 3, 1.5: 5, False: 6}{\"1\": \"a\", \"b\": 2, \"null\": 3, \"1e+20\": "
     "5, \"false\": 6}{\"true\": 3, \"9\": 2, \"10\": 1}"},
    // Looking for texts, also across the places where a search goes on.
    {"{% set t = 'x' * 4090 ~ 'needle' ~ 'x' * 9000 ~ 'needle' %}{{ t.find('needle') }} {{ "
     "t.find('needle', 4091) }} {{ t.count('needle') }} {{ t.split('needle')|map('length')|list }} "
     "{{ ('x' * 8999 ~ 'n') in t }} {{ ('x' * 9001) in t }} {{ t.find('eedle') }} {{ "
     "t|replace('x', '') }} {{ t.find('') }}",
     "4090 13096 2 [4090, 9000, 0] True False 4091 needleneedle 0"},
    // Numbers.
    {"{{ 100000.0 }} {{ 1e16 }} {{ 1e-5 }} {{ 0.0001 }} {{ 123456789012345680.0 }} {{ -0.0 }} {{ "
     "1e15 }} {{ 0.1 + 0.2 }} {{ [1e20]|tojson }} {{ 'inf'|float }} {{ 1e22|tojson }}",
     "100000.0 1e+16 1e-05 0.0001 1.2345678901234568e+17 -0.0 1000000000000000.0 "
     "0.30000000000000004 [1e+20] inf 1e+22"},
    {"{{ 0x1F }} {{ 0b11 }} {{ 0o17 }} {{ 1_000 }} {{ messages.0.role }} {{ +true }} {{ -true }} "
     "{{ [1, 2][true] }}",
     "31 3 15 1000 user 1 -1 2"},
    {"{{ 7.5 // 2 }} {{ -7.5 % 2 }} {{ 2 ** -1 }} {{ 2 ** 0.5 }} {{ 9007199254740993 == "
     "9007199254740992.0 }} {{ 9007199254740993 > 9007199254740992 }}",
     "3.0 0.5 0.5 1.4142135623730951 False True"},
    {"{{ '1_0'|int }} {{ ' 12 '|int }} {{ '0x1f'|int(0, 16) }} {{ '0x1f'|int(0) }} {{ 'z'|int('d') "
     "}} {{ '42.9'|int }} {{ '1e3'|int }} {{ none|int(default=7) }} {{ '5'|float }} {{ "
     "'x'|float('d') }} {{ '1_0'|float }}",
     "10 12 31 0 d 42 1000 7 5.0 d 10.0"},
    // Arguments.
    {"{{ 'abcabc'.find('c', 3) }}{{ 'abcabc'.find('c', 0, 2) }}{{ 'abcabc'.count('a', 1) }}{{ "
     "'abc'.startswith('b', 1) }}{{ 'abc'.endswith('b', 0, 2) }}{{ 'abc'.find('', 9) }}{{ "
     "bos_token.find('t', -2) }}{{ ''.startswith('', 1) }}",
     "5-11TrueTrue-11False"},
    {"{{ {'b': 1, 'a': [1.0, 2]}|tojson(sort_keys=true, separators=(',', ':')) }}{{ "
     "'\u00e9\U0001f600'|tojson(ensure_ascii=true) }}{{ '\u00e9'|tojson(true) }}{{ {'a': "
     "[1]}|tojson(indent='--') }}{{ [1]|tojson(indent=0) }}",
     "{\"a\":[1.0,2],\"b\":1}\"\\u00e9\\ud83d\\ude00\"\"\\u00e9\"{\n--\"a\": "
     "[\n----1\n--]\n}[\n1\n]"},
    {"{{ ['b', 'A', 'B', 'a']|unique|list }}{{ ['b', 'A', 'B', 'a']|unique(true)|list }}{{ "
     "messages|unique(attribute='role')|map(attribute='role')|list }}{{ "
     "messages|sort(attribute='content,role', reverse=true)|map(attribute='role')|list }}",
     "['b', 'A']['b', 'A', 'B', 'a']['user', 'assistant']['assistant', 'user']"},
    {"{{ dict([('a', 1), ['b', 2]], c=3) }}{{ dict({'a': 1}) }}{{ dict(['xy']) }}{% set n = "
     "namespace({'a': 1}, b=2) %}{{ n.a }}{{ n['b'] }}{{ n.items is defined }}",
     "{'a': 1, 'b': 2, 'c': 3}{'a': 1}{'x': 'y'}12False"},
    {"{{ [['a']]|map(attribute='0')|join }}{{ [{'a': [5]}]|map(attribute='a.0')|join }}{{ "
     "[{}]|map(attribute='a', default='x')|join }}{{ [['a']]|map(attribute=0)|join }}{{ [{'a': "
     "'u'}]|join('-', attribute='a') }}",
     "a5xau"},
    {"{{ 'aaa'|replace('a', 'b', 2) }}{{ 5|replace(5, 6) }}{{ 'xax'|trim('x') }}{{ ['a', "
     "'b']|map('replace', 'a', new='c')|list }}{{ [1, 2, 3]|select('>', 1)|list }}{{ [1, "
     "2]|reject('sameas', true)|list }}",
     "bba6a['c', 'b'][2, 3][1, 2]"},
    // Arguments from lists and mappings.
    {"{% macro m(a, b='B', c='C') %}{{ a }}{{ b }}{{ c }},{% endmacro %}{{ m(*[1]) }}{{ m(1, "
     "*(2,)) }}{{ m(*[], **{'a': 7}) }}{{ m(1, c=3, **{'b': 2}) }}{{ m(1, c=4, *[2]) }}{{ m(*'xy') "
     "}}{{ m(*x) }}{% for p in [[1], [2]] %}{{ m(*p) }}{% endfor %}",
     "1BC,12C,7BC,123,124,xyC,BC,1BC,2BC,"},
    {"{{ 'a-b'|replace(*['-', '+']) }}{{ [3, 1]|join(**{'d': '/'}) }}{{ 4 is divisibleby(*[2]) "
     "}}{{ range(*range(1, 3))|list }}{{ 'a,b'.split(*[','],) }}{{ dict(**{'k': 1},) }}{{ "
     "dict(a=1, *[{'b': 2}]) }}{{ namespace(**{'q': 5}).q }}{% filter replace(*['a', 'b']) %}xax{% "
     "endfilter %}",
     "a+b3/1True[1]['a', 'b']{'k': 1}{'b': 2, 'a': 1}5xbx"},
    // Methods that are not called, and keys of their names.
    {"{{ messages[0].items is defined }}{{ messages[0].update is defined }}{{ messages[0].foo is "
     "defined }}{{ messages[0]['items'] is defined }}{{ 'a'.zfill is defined }}{{ {'items': "
     "3}['items'] }}{{ {'items': 3}.items()|list }}{{ {'pop': 3}.pop is defined }}",
     "TrueFalseFalseTrueTrue3[('items', 3)]False"},
    // Texts.
    {"{{ '\\101\\x41\\u0041\\1012\\8\\q' }}{{ ['a\\x00\\x7f\\u200b\u00e9\\xad\\U000e0001\\t'] }}{{ "
     "[\"it's\"] }}",
     "AAAA2\\8\\q['a\\x00\\x7f\\u200b\u00e9\\xad\\U000e0001\\t'][\"it's\"]"},
    {"{{ 'a\\r\\nb\\n\\rc\\u2028d'|indent(2) }}|{{ 'a\\n\\nb'|indent('> ', true, true) }}",
     "a\n  b\n\n  c\n  d|> a\n> \n> b"},
    {"{{ '\u00dfx'|capitalize }} {{ '\u1f48\u0394\u03a5\u03a3\u03a3\u0395\u03a5\u03a3 x'|title }} "
     "{{ '\u00dfx'|title }} {{ \"they're a-b\"|title }} {{ \"they're a-b\".title() }}",
     "Ssx \u1f48\u03b4\u03c5\u03c3\u03c3\u03b5\u03c5\u03c2 X SSx They're A-B They'Re A-B"},
    {"{{ '<'|escape }}{{ ['<'|safe] }}{{ ('a'|safe) ~ '<' }}{{ '<'|e|safe|length }}",
     "&lt;[Markup('<')]a<4"},
};

}  // namespace foundry::tokenizer::jinja
