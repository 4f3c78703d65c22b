#include "common/tokenizer/jinja/template.h"

#include "absl/strings/str_cat.h"
#include "common/tokenizer/jinja/template_cases.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::tokenizer::jinja {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<std::string> Render(absl::string_view source) {
  const auto parsed = Template::Parse(source);
  if (!parsed.ok()) return parsed.status();
  List messages;
  for (const auto& [role, content] : kCaseMessages) {
    messages.push_back(Dict({{"role", role}, {"content", content}}));
  }
  return parsed->Render({{"messages", std::move(messages)}, {"bos_token", kCaseName}});
}

std::string Repeat(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

TEST(JinjaTemplateTest, RendersAsJinja) {
  for (const TemplateCase& c : kTemplateCases) {
    const auto text = Render(c.source);
    ASSERT_TRUE(text.ok()) << c.source << ": " << text.status();
    EXPECT_EQ(*text, c.text) << c.source;
  }
}

// No case of template_cases.h: in jinja2 it is of today.
TEST(JinjaTemplateTest, EveryDayIsTheSame) {
  for (const auto& [source, said] : std::initializer_list<std::pair<const char*, const char*>>{
           {"{{ strftime_now('%d %b %Y') }}", "26 Jul 2024"},
           {"{{ strftime_now(format='%Y-%m-%d') }}", "2024-07-26"},
           {"{{ strftime_now('%A, %B %d, %Y, %H:%M 100%%\u00e9') }}",
            "Friday, July 26, 2024, 00:00 100%\u00e9"},
           {"{{ strftime_now('%-m/%-d %j %U %W %V %c|%z|') }}",
            "7/26 208 29 30 30 Fri Jul 26 00:00:00 2024||"},
           {"{{ strftime_now is defined }}", "True"}}) {
    const auto text = Render(source);
    ASSERT_TRUE(text.ok()) << text.status();
    EXPECT_EQ(*text, said) << source;
  }
  EXPECT_TRUE(absl::IsInvalidArgument(Render("{{ strftime_now(1) }}").status()));
}

TEST(JinjaTemplateTest, WhatIsNotKnownIsAnErrorThatNamesItAndTheLine) {
  for (const auto& [source, said] : std::initializer_list<std::pair<const char*, const char*>>{
           {"a\n{% include 'x' %}", "line 2: the tag \"include\""},
           {"{{ 1|shuffle }}", "line 1: the filter \"shuffle\""},
           {"\n\n{{ 1 is prime }}", "line 3: the test \"prime\""},
           {"{{ 'a'.zfill(3) }}", "the method \"zfill\""},
           {"{% for x in y recursive %}{% endfor %}", "recursive"},
           {"{{ {(1, 2): 3} }}",
            "keys that are no texts, numbers or none are not known here: a tuple"},
           {"{{ [1]|map('int') }}", "line 1: the text of a generator"},
           {"{{ raise_exception }}", "the text of a function"},
           {"{{ 1 is sameas 1 }}", "\"sameas\" for an integer"},
           {"{{ 'a'|safe + '<' }}", "what |safe or |escape made"},
           {"{{ ('a'|e)[0] }}", "what |safe or |escape made"},
           {"{{ ('a'|e).upper() }}", "what |safe or |escape made"},
           {"{{ {'a': 1}.keys() == {'a': 1}.keys() }}", "comparing a mapping's keys"},
           {"{{ range(4)[1:] }}", "slices of ranges"},
           {"\n{{ 99999999999999999999 }}", "line 2: the integer 99999999999999999999"},
           {"{{ 9223372036854775807 + 1 }}", "beyond 64 bits"},
           {"{{ '99999999999999999999'|int }}", "beyond 64 bits"},
           {"{{ 'nan'|float }}", "nan is not known"},
           {"{{ '\u0663'|int }}", "digits other than 0 to 9"},
           {"{{ '%s' % 1 }}", "formatting"},
           {"{{ '\\N{DASH}' }}", "line 1: this escape"},
           {"{% macro m() %}\n{{ kwargs }}{% endmacro %}", "line 2: \"kwargs\" of a macro"},
           {"{{ '\u00e9'.title() }}", "title() is known here for ASCII"},
           {"\n{{ strftime_now('%d %Q') }}", "line 2: strftime_now: the directive \"%Q\""},
           {"{{ strftime_now('%-A') }}", "the directive \"%-A\""},
           {"{{ strftime_now('%\u00e9') }}", "the directive \"%\u00e9\""},
           {"{{ strftime_now('100%') }}", "the directive \"%\""},
           {"{{ cycler('a') }}", "this function"}}) {
    const auto text = Render(source);
    EXPECT_TRUE(absl::IsUnimplemented(text.status())) << source << ": " << text.status();
    EXPECT_THAT(std::string(text.status().message()), HasSubstr(said)) << source;
  }
}

TEST(JinjaTemplateTest, WhatPythonRefusesIsRefused) {
  for (const char* source :
       {"{{ 'a' + 1 }}", "{{ x.y }}", "{{ x + 'a' }}", "{{ none|length }}", "{{ 1 // 0 }}",
        "{{ raise_exception('no') }}", "{{ undefined_function() }}", "{% for i in 3 %}{% endfor %}",
        "{{ 'a' < 1 }}", "{% set a, b = [1] %}", "{% set x = 1 %}{% set x.y = 2 %}",
        "{{ {[1]: 2} }}", "{{ dict(a=1, **{'a': 2}) }}", "{{ dict(**{1: 2}) }}",
        "{{ dict(**[1]) }}", "{{ range(*none) }}",
        "{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}",
        "{% macro m() %}{{ caller() }}{% endmacro %}"
        "{% call m(**{'caller': 1}) %}{% endcall %}",
        // As in jinja2, the caller of b is not that of what b gives to a.
        "{% macro a() %}{{ caller() }}{% endmacro %}"
        "{% macro b() %}{% call a() %}{{ caller() }}{% endcall %}{% endmacro %}"
        "{% call b() %}{% endcall %}",
        "{{ {1: 2, 'a': 3}|dictsort }}", "{{ {1: 2, none: 3}|tojson(sort_keys=true) }}"}) {
    const auto text = Render(source);
    EXPECT_TRUE(absl::IsInvalidArgument(text.status())) << source << ": " << text.status();
  }
}

TEST(JinjaTemplateTest, NoArgumentIsPassedOver) {
  for (const auto& [source, said] : std::initializer_list<std::pair<const char*, const char*>>{
           {"a\n{{ 'a'|upper(1) }}", "line 2: the filter \"upper\" takes 0 arguments, not 1"},
           {"{{ 'a'|upper(x=1) }}", "the filter \"upper\" takes no argument by the name \"x\""},
           {"{{ 1|tojson(default=1) }}", "the filter \"tojson\" takes no argument"},
           {"{{ [1]|map(attribute='a', x=1)|list }}", "the filter \"map\" takes no argument"},
           {"{{ 'a'|replace('a') }}", "the filter \"replace\" lacks the argument \"new\""},
           {"{{ 'a'|replace('a', old='a', new='b') }}", "is given \"old\" twice"},
           {"{{ 'a'|indent(1.5) }}", "\"width\" must be an integer, not a float"},
           {"{{ 4 is divisibleby(2, 3) }}", "the test \"divisibleby\" takes 1 arguments, not 2"},
           {"{{ 'a'.replace(old='a', new='b') }}", "the method \"replace\" takes no argument"},
           {"{{ 'a'.split(' ', none) }}", "\"maxsplit\" must be an integer, not none"},
           {"{{ range(stop=3) }}", "range() takes no argument by the name"},
           {"{% macro m(a) %}{% endmacro %}\n{{ m(1, b=2) }}",
            "line 2: the macro \"m\" takes no argument by the name \"b\""},
           {"{{ 'a'|upper(*[1]) }}", "the filter \"upper\" takes 0 arguments, not 1"},
           {"{{ 'a'|upper(**{'x': 1}) }}", "takes no argument by the name \"x\""},
           {"{% macro m() %}{% endmacro %}{% call m() %}{% endcall %}",
            "the macro \"m\" takes no argument by the name \"caller\""},
           {"{% macro m() %}{{ caller(1) }}{% endmacro %}{% call m() %}{% endcall %}",
            "caller() takes 0 arguments, not 1"},
           {"{% call range(3) %}{% endcall %}", "range() takes no argument by the name"},
           {"{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}", "the macro \"m\" takes 1 arguments"}}) {
    const auto text = Render(source);
    EXPECT_TRUE(absl::IsInvalidArgument(text.status())) << source << ": " << text.status();
    EXPECT_THAT(std::string(text.status().message()), HasSubstr(said)) << source;
  }
}

TEST(JinjaTemplateTest, WhatIsNoTemplateIsRefused) {
  for (const char* source :
       {"{{ 1",
        "{% if 1 %}",
        "{% endif %}",
        "{{ }}",
        "{{ 'a }}",
        "{% for %}{% endfor %}",
        "{# a",
        "{{ (1 }}",
        "{{ 1 2 }}",
        "{% break %}",
        "{{ a[] }}",
        "{{ [1 2] }}",
        "{{ 'a' is }}",
        "{% set %}",
        "{% raw %}",
        "{% endraw %}",
        "{% raw x %}{% endraw %}",
        "{% call 1 %}{% endcall %}",
        "{% call x()|upper %}{% endcall %}",
        "{% call x() %}",
        "{% macro m(caller) %}{% endmacro %}",
        "{% macro m(a=1, b) %}{% endmacro %}",
        "{% macro m(a, a) %}{% endmacro %}",
        "{% for i in [1] %}{% call x() %}{% break %}{% endcall %}{% endfor %}",
        "{{ dict(*[], 1) }}",
        "{{ dict(**{}, a=1) }}",
        "{{ dict(**{}, *[]) }}",
        "{{ dict(*[], *[]) }}",
        "{{ dict(a=1, {}) }}",
        "{{ dict(a=1, a=2) }}",
        "{{ ) }}",
        "{{ '\\ud800' }}",
        "{{ 0x }}",
        "{% for i in [1] %}{% generation %}{% break %}{% endgeneration %}{% endfor %}",
        "{% for loop in [1] %}{% endfor %}",
        "{% filter upper is string %}{% endfilter %}",
        "{% for i in [1] %}{% set loop = 1 %}{% endfor %}"}) {
    EXPECT_FALSE(Render(source).ok()) << source;
  }
}

// Models come from anywhere.
TEST(JinjaTemplateTest, HostileTemplatesEnd) {
  const std::string deep(5000, '(');
  const std::string nots = Repeat("not ", 1500);
  // Chains of operators within brackets within chains: as deep as many are long.
  std::string spine = "1";
  for (int i = 0; i < 90; ++i) {
    spine = "(" + spine;
    for (int k = 0; k < 150; ++k) spine += "+1";
    spine += ")";
  }
  std::string ifs, pluses = "{{ 1";
  for (int i = 0; i < 5000; ++i) {
    ifs += "{% if 1 %}";
    pluses += " + 1";
  }
  for (const std::string& source :
       {absl::StrCat("{{ ", deep), absl::StrCat("{{ ", nots, "1 }}"), ifs, pluses + " }}",
        absl::StrCat("{{ ", spine, " }}"),
        absl::StrCat("{% macro m() %}", Repeat("{% if 1 %}", 150), "{{ m() }}",
                     Repeat("{% endif %}", 150), "{% endmacro %}{{ m() }}"),
        std::string(
            "{% for i in range(999999) %}{% for j in range(999999) %}{% endfor %}{% endfor %}"),
        std::string("{% set n = namespace(x='a') %}{% for i in range(99) %}{% set n.x = n.x + n.x "
                    "%}{% endfor %}"),
        std::string("{% set n = namespace(x=[]) %}{% for i in range(9999) %}{% set n.x = [n.x] "
                    "%}{% endfor %}{{ n.x }}"),
        std::string("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"),
        std::string(
            "{% macro m() %}{% call m() %}{{ caller() }}{% endcall %}{% endmacro %}{{ m() }}"),
        std::string("{% set n = namespace() %}{% macro m() %}{% set n.c = caller %}{% endmacro %}"
                    "{% call m() %}{% endcall %}{{ n.c() }}"),
        std::string("{% set n = namespace() %}{% set n.n = [n] %}{{ n.n }}"),
        std::string(
            "{% set n = namespace() %}{% for i in [1] %}{% macro m() %}{{ i }}{% endmacro %}"
            "{% set n.m = m %}{% endfor %}{{ n.m() }}"),
        "{% set a = [0, 0] %}" + Repeat("{% set a = [a, a] %}", 40) + "{{ a }}",
        "{% set a = [0] %}" + Repeat("{% set a = [a, a] %}", 40) + "{{ a == a }}",
        std::string("{{ 'a' * 999999999999 }}"), std::string("{{ range(99999999999) }}"),
        std::string("{{ ('a' * 15000000)|replace('a', 'bbbb') }}"),
        // Much that is made from little, and kept.
        std::string("{{ ('a ' * 7000000).split()|length }}"),
        std::string("{% set t = 'a' * 15000000 %}{{ ([t] * 1000)|map('upper')|list }}"),
        std::string("{% set t = 'a' * 15000000 %}{% macro m() %}{{ t }}{{ m() }}{% endmacro %}"
                    "{{ m() }}"),
        std::string("{% set t = [0] * 999999 %}{% macro m() %}{% for x in t + [1] %}{{ m() }}"
                    "{% endfor %}{% endmacro %}{{ m() }}"),
        std::string("{% set t = 'a,' * 4000000 %}{{ messages|sort(attribute=t) }}"),
        "{% set a = [0, 0] %}" + Repeat("{% set a = [a, a] %}", 40) + "{{ a|tojson|length }}",
        // What is gone through again and again.
        std::string("{% set t = 'ab' * 7000000 %}{% for i in range(99999) %}{{ t[i] == t }}"
                    "{% endfor %}"),
        std::string("{% set t = 'a' * 9999999 %}{% for i in range(99999) %}"
                    "{% filter replace('b', 'c') %}{{ t }}{% endfilter %}{% endfor %}"),
        std::string("{% set t = 'a' * 4000000 %}{% for i in range(99999) %}"
                    "{{ (t + 'b') in (t + t) }}{% endfor %}"),
        std::string("{% set t = 'a' * 4000000 %}{% for i in range(99999) %}{{ t.count('aab') }}"
                    "{{ t.strip('a') }}{% endfor %}"),
        std::string("{% set t = 'a' * 9999999 %}{{ range(9999)|map('replace', 'x', t)|list }}"),
        std::string("{{ range(99999)|map('string')|unique|list }}"),
        std::string("{% set t = ('a' * 999999,) * 60 %}{% for i in range(99999) %}{{ t == t }}"
                    "{% endfor %}"),
        std::string("{{ (['a' * 999999] * 999999)|sort|length }}"),
        std::string("{% set k = 'a' * 999999 %}{% for i in range(99999) %}{% set d = {k: 1} %}"
                    "{{ d[k] }}{% endfor %}"),
        // Generators of generators.
        std::string("{% set n = namespace(g=[1]) %}{% for i in range(9999) %}"
                    "{% set n.g = n.g|map('string') %}{% endfor %}{{ n.g|list }}"),
        std::string("{% set n = namespace(g=range(99999)) %}{% for i in range(90) %}"
                    "{% set n.g = n.g|map('string') %}{% endfor %}{{ n.g|list }}"),
        absl::StrCat("{{ ", std::string(5000, 'x'), " }}")}) {
    EXPECT_FALSE(Render(source).ok()) << source.substr(0, 100);
  }
}

// What a long conversation takes is far from the limits.
TEST(JinjaTemplateTest, LongChatsAreNoDanger) {
  const auto parsed = Template::Parse(
      "{%- for m in messages -%}{%- set text = m.content|trim|replace('a', 'b') -%}"
      "{%- if '</think>' in text -%}{%- set text = text.split('</think>')|last -%}{%- endif -%}"
      "{{- text if loop.last or messages[loop.index0 + 1].role != m.role -}}{%- endfor -%}");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  List messages;
  for (int i = 0; i < 4000; ++i) {
    messages.push_back(Dict({{"role", i % 2 == 0 ? "user" : "assistant"},
                             {"content", Repeat("Every word of it counts. ", 40)}}));
  }
  const auto text = parsed->Render({{"messages", std::move(messages)}});
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_EQ(text->size(), 4000 * 999u);
}

}  // namespace
}  // namespace foundry::tokenizer::jinja
