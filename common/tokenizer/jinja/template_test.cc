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

TEST(JinjaTemplateTest, WhatIsNotKnownIsAnErrorThatNamesItAndTheLine) {
  for (const auto& [source, said] : std::initializer_list<std::pair<const char*, const char*>>{
           {"a\n{% include 'x' %}", "line 2: the tag \"include\""},
           {"{{ 1|shuffle }}", "line 1: the filter \"shuffle\""},
           {"\n\n{{ 1 is prime }}", "line 3: the test \"prime\""},
           {"{{ 'a'.zfill(3) }}", "the method \"zfill\""},
           {"{% for x in y recursive %}{% endfor %}", "recursive"},
           {"{{ {1: 2} }}", "keys that are no texts"}}) {
    const auto text = Render(source);
    EXPECT_TRUE(absl::IsUnimplemented(text.status())) << source << ": " << text.status();
    EXPECT_THAT(std::string(text.status().message()), HasSubstr(said)) << source;
  }
}

TEST(JinjaTemplateTest, WhatPythonRefusesIsRefused) {
  for (const char* source :
       {"{{ 'a' + 1 }}", "{{ x.y }}", "{{ x + 'a' }}", "{{ none|length }}", "{{ 1 // 0 }}",
        "{{ raise_exception('no') }}", "{{ undefined_function() }}", "{% for i in 3 %}{% endfor %}",
        "{{ 'a' < 1 }}", "{% set a, b = [1] %}", "{{ 9223372036854775807 + 1 }}",
        "{% set x = 1 %}{% set x.y = 2 %}"}) {
    const auto text = Render(source);
    EXPECT_TRUE(absl::IsInvalidArgument(text.status())) << source << ": " << text.status();
  }
}

TEST(JinjaTemplateTest, WhatIsNoTemplateIsRefused) {
  for (const char* source :
       {"{{ 1", "{% if 1 %}", "{% endif %}", "{{ }}", "{{ 'a }}", "{% for %}{% endfor %}", "{# a",
        "{{ (1 }}", "{{ 1 2 }}", "{% break %}", "{{ a[] }}", "{{ [1 2] }}", "{{ 'a' is }}",
        "{% set %}", "{{ ) }}", "{{ '\\ud800' }}", "{{ 99999999999999999999 }}"}) {
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
        std::string("{% set n = namespace() %}{% set n.n = [n] %}{{ n.n }}"),
        std::string(
            "{% set n = namespace() %}{% for i in [1] %}{% macro m() %}{{ i }}{% endmacro %}"
            "{% set n.m = m %}{% endfor %}{{ n.m() }}"),
        "{% set a = [0, 0] %}" + Repeat("{% set a = [a, a] %}", 40) + "{{ a }}",
        "{% set a = [0] %}" + Repeat("{% set a = [a, a] %}", 40) + "{{ a == a }}",
        std::string("{{ ('a ' * 9000000).split()|length }}"),
        std::string(
            "{% set t = 'ab' * 20000000 %}{% for i in range(99999) %}{{ t[i] == t }}{% endfor %}"),
        std::string("{{ 'a' * 999999999999 }}"), std::string("{{ range(99999999999) }}"),
        std::string("{{ ('a' * 60000000)|replace('a', 'bbbb') }}")}) {
    EXPECT_FALSE(Render(source).ok()) << source.substr(0, 100);
  }
}

}  // namespace
}  // namespace foundry::tokenizer::jinja
