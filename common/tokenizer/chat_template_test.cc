#include "common/tokenizer/chat_template.h"

#include "absl/strings/str_cat.h"
#include "common/base/files.h"
#include "common/lm/weights/tensor_file_writer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::tokenizer {
namespace {

using Messages = std::vector<ChatMessage>;

std::string Render(const ChatTemplate& chat, const Messages& messages, bool generation = true) {
  const auto text = chat.Render(messages, generation);
  EXPECT_TRUE(text.ok()) << text.status();
  return text.value_or("");
}

TEST(ChatTemplateTest, PlainChatMl) {
  const auto chat = ChatTemplate::FromSource(
      R"({% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %})",
      {{"eos_token", "<|im_end|>"}});
  ASSERT_TRUE(chat.ok()) << chat.status();
  EXPECT_EQ(Render(*chat, {{"user", "Hi"}}),
            "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(Render(*chat, {{"user", "Hi"}}, false), "<|im_start|>user\nHi<|im_end|>\n");
}

TEST(ChatTemplateTest, ChatMlWithADefaultSystemPrompt) {
  const auto chat = ChatTemplate::FromSource(
      R"({%- if messages[0]['role'] == 'system' %}
        {{- '<|im_start|>system\n' + messages[0]['content'] + '<|im_end|>\n' }}
    {%- else %}
        {{- '<|im_start|>system\nYou are Qwen.<|im_end|>\n' }}
    {%- endif %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant" and not message.tool_calls) %}
        {{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>' + '\n' }}
    {%- endif %}{%- endfor %})",
      {{"eos_token", "<|im_end|>"}});
  ASSERT_TRUE(chat.ok()) << chat.status();
  EXPECT_EQ(Render(*chat, {{"user", "Hi"}}, false),
            "<|im_start|>system\nYou are Qwen.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n");
  EXPECT_EQ(Render(*chat, {{"system", "Be."}, {"user", "Hi"}}, false),
            "<|im_start|>system\nBe.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n");
}

TEST(ChatTemplateTest, Llama3) {
  const auto chat = ChatTemplate::FromSource(
      R"({% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>

'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>

' }}{% endif %})",
      {{"bos_token", "<|begin_of_text|>"}, {"eos_token", "<|eot_id|>"}});
  ASSERT_TRUE(chat.ok()) << chat.status();
  EXPECT_EQ(Render(*chat, {{"user", " Hi "}}),
            "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n");
  EXPECT_EQ(chat->end_of_turn(), "<|eot_id|>");
}

TEST(ChatTemplateTest, MistralTakesTurns) {
  const auto chat = ChatTemplate::FromSource(
      R"({{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}{% elif message['role'] == 'assistant' %}{{ message['content'] + eos_token + ' ' }}{% endif %}{% endfor %})",
      {{"bos_token", "<s>"}, {"eos_token", "</s>"}});
  ASSERT_TRUE(chat.ok()) << chat.status();
  EXPECT_EQ(Render(*chat, {{"user", "Hi"}, {"assistant", "Yo"}, {"user", "So"}}),
            "<s>[INST] Hi [/INST]Yo</s> [INST] So [/INST]");
  EXPECT_TRUE(absl::IsInvalidArgument(chat->Render({{"assistant", "Yo"}}, true).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(chat->Render({{"system", "Be"}}, true).status()));
}

TEST(ChatTemplateTest, TheEndOfATurnIsLearntFromTheTemplate) {
  for (const auto& [answer, end] : std::initializer_list<std::pair<const char*, const char*>>{
           {"{{ m.content }}<end_of_turn>\n", "<end_of_turn>"},
           {" {{ m.content }} {{ eos_token }}", " [EOS]"},
           {"{{ m.content | trim + eos_token }}", "[EOS]"},
           // Phi's eos_token ends the chat, Command R7B's each turn.
           {"{{ m.content }}<|end|>{{ eos_token if loop.last }}", "<|end|>"},
           {"{{ m.content }}<|end_response|>{{ eos_token }}", "<|end_response|>[EOS]"},
           {"{{ m.content }}<|end|>\n{{ eos_token }}", "<|end|>"}}) {
    const auto chat = ChatTemplate::FromSource(
        absl::StrCat("{% for m in messages %}", answer, "{% endfor %}"), {{"eos_token", "[EOS]"}});
    ASSERT_TRUE(chat.ok()) << chat.status();
    EXPECT_EQ(chat->end_of_turn(), end);
  }
}

TEST(ChatTemplateTest, AnAnswerIsOverWithTheFirstTokenOfItsEnd) {
  const auto chat = ChatTemplate::FromSource(
      "{% for m in messages %}{{ m.content }} <|end_response|>{{ eos_token }}{% endfor %}",
      {{"eos_token", "[EOS]"}});
  ASSERT_TRUE(chat.ok()) << chat.status();
  EXPECT_EQ(chat->end_of_turn(), " <|end_response|>[EOS]");
  EXPECT_EQ(chat->end_token(), "<|end_response|>");
}

TEST(ChatTemplateTest, TheEndOfATurnMayBeWrittenBeforeTheNextOneOnly) {
  for (const auto& [turn, end] : std::initializer_list<std::pair<const char*, const char*>>{
           // Qwen1.5, whose default system message ends as a turn does.
           {"{% if loop.first %}<|im_start|>system\nBe.<|im_end|>\n{% endif %}<|im_start|>{{ "
            "m.role }}"
            "\n{{ m.content }}{% if not loop.last %}<|im_end|>\n{% endif %}",
            "<|im_end|>"},
           // Apertus.
           {"{% if m.role == 'user' %}{{ '<|assistant_end|>' if not loop.first }}<|user_start|>"
            "{{ m.content }}<|user_end|>{% else %}<|assistant_start|>{{ m.content }}{% endif %}",
            "<|assistant_end|>"},
           // Apriel 1.6.
           {"<|begin_{{ m.role }}|>\n{{ m.content }}"
            "{{ '\n<|end|>' if m.role == 'assistant' and not loop.last }}\n",
            "\n<|end|>"}}) {
    const auto chat = ChatTemplate::FromSource(
        absl::StrCat("{% for m in messages %}", turn, "{% endfor %}"), {{"eos_token", "<eos>"}});
    ASSERT_TRUE(chat.ok()) << chat.status();
    EXPECT_EQ(chat->end_of_turn(), end);
  }
}

constexpr char kGlm[] =
    "[gMASK]<sop>{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}{% endfor %}";

TEST(ChatTemplateTest, WhatBeginsTheNextTurnIsAnEndWhereTheModelSaysSo) {
  const auto chat = ChatTemplate::FromSource(kGlm, {}, {"<|endoftext|>", "<|user|>"});
  ASSERT_TRUE(chat.ok()) << chat.status();
  EXPECT_EQ(chat->end_of_turn(), "<|user|>");
  const auto unsaid = ChatTemplate::FromSource(kGlm, {}, {"<|endoftext|>"});
  EXPECT_TRUE(absl::IsUnimplemented(unsaid.status()));
  EXPECT_THAT(std::string(unsaid.status().message()),
              testing::HasSubstr("only the next turn's <|user|> ends what a model said"));
}

TEST(ChatTemplateTest, TheModelSaysWhatItsEndsAre) {
  const TempFolder folder = TempFolder::Make().value();
  const auto write = [&](const char* name, const char* text) {
    ASSERT_TRUE(WriteFileAtomic(folder.path() / name, text).ok());
  };
  write("chat_template.jinja", kGlm);
  write("tokenizer_config.json", R"({"added_tokens_decoder":
      {"5": {"content": "<|endoftext|>"}, "7": {"content": "<|user|>"}}})");
  write("config.json", R"({"eos_token_id": [5, 7]})");
  const auto chat = ChatTemplate::Load(folder.path());
  ASSERT_TRUE(chat.ok()) << chat.status();
  EXPECT_EQ(chat->end_of_turn(), "<|user|>");
  write("generation_config.json", R"({"eos_token_id": 5})");
  EXPECT_TRUE(absl::IsUnimplemented(ChatTemplate::Load(folder.path()).status()));
  // As transformers 5 saves models.
  write("tokenizer_config.json", R"({"eos_token": "<|endoftext|>"})");
  write("tokenizer.json", R"({"added_tokens": [{"id": 5, "content": "<|endoftext|>"},
      {"id": 7, "content": "<|user|>"}]})");
  write("generation_config.json", R"({"eos_token_id": [5, 7]})");
  const auto newer = ChatTemplate::Load(folder.path());
  ASSERT_TRUE(newer.ok()) << newer.status();
  EXPECT_EQ(newer->end_of_turn(), "<|user|>");
}

TEST(ChatTemplateTest, GgufSaysWhatItsEndsAre) {
  using lm::GgufValue;
  const TempFolder folder = TempFolder::Make().value();
  lm::GgufMetadata metadata = {
      {"general.architecture", GgufValue::String("glm4")},
      {"tokenizer.chat_template", GgufValue::String(kGlm)},
      {"tokenizer.ggml.tokens", GgufValue::Strings({"<|endoftext|>", "<|user|>"})},
      {"tokenizer.ggml.eos_token_id", GgufValue::Uint32(0)}};
  const auto load = [&](const char* name) {
    auto writer = lm::TensorFileWriter::Gguf(folder.path() / name, metadata, {});
    EXPECT_TRUE(writer.ok() && (*writer)->Finish().ok());
    return ChatTemplate::Load(folder.path() / name);
  };
  EXPECT_TRUE(absl::IsUnimplemented(load("without.gguf").status()));
  metadata.emplace_back("tokenizer.ggml.eot_token_id", GgufValue::Uint32(1));
  const auto chat = load("with.gguf");
  ASSERT_TRUE(chat.ok()) << chat.status();
  EXPECT_EQ(chat->end_of_turn(), "<|user|>");
}

TEST(ChatTemplateTest, NoMessageIsLeftOutInSilence) {
  const auto chat = ChatTemplate::FromSource(
      "{% for m in messages if m.role != 'system' %}{{ m.content }}</s>{% endfor %}", {});
  ASSERT_TRUE(chat.ok()) << chat.status();
  const auto text = chat->Render({{"system", "Be brief."}, {"user", "Hi"}}, true);
  EXPECT_TRUE(absl::IsInvalidArgument(text.status()));
  EXPECT_THAT(std::string(text.status().message()), testing::HasSubstr("leaves out message 1"));
}

TEST(ChatTemplateTest, SwitchesOnWhichATemplateActsMayGo) {
  // Nemotron Nano's.
  const auto chat = ChatTemplate::FromSource(
      "{% for m in messages %}{{ m.content.replace('/think', '').replace('/no_think', '').strip() "
      "}}"
      "</s>{% endfor %}",
      {});
  ASSERT_TRUE(chat.ok()) << chat.status();
  EXPECT_EQ(Render(*chat, {{"system", "/no_think"}, {"user", "Be brief. /no_think\nHi? /think"}}),
            "</s>Be brief. \nHi?</s>");
  // Other text that a template takes out with them is missed.
  for (const char* text : {"Is </think> a tag?", "List /thinking", "List /home/think"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(chat->Render({{"user", text}}, true).status())) << text;
  }
  const auto deaf = ChatTemplate::FromSource(
      "{% for m in messages if m.role != 'system' %}{{ m.content }}</s>{% endfor %}", {});
  ASSERT_TRUE(deaf.ok()) << deaf.status();
  EXPECT_TRUE(absl::IsInvalidArgument(
      deaf->Render({{"system", "/no_think"}, {"user", "Hi"}}, true).status()));
}

TEST(ChatTemplateTest, BlanksOfAnyLanguageMayBeTrimmed) {
  const auto chat =
      ChatTemplate::FromSource("{% for m in messages %}{{ m.content | trim }}</s>{% endfor %}", {});
  ASSERT_TRUE(chat.ok()) << chat.status();
  EXPECT_EQ(Render(*chat, {{"user", "\u3000Tokyo?\u00a0\x1c"}}), "Tokyo?</s>");
}

TEST(ChatTemplateTest, BrokenTextIsNoDanger) {
  const auto chat = ChatTemplate::FromSource(
      "{% for m in messages %}\xff{{ m.content[1:]|upper }}{{ m.content }}</s>{% endfor %}", {});
  ASSERT_TRUE(chat.ok()) << chat.status();
  EXPECT_EQ(Render(*chat, {{"user", "\xe9t\xc3"}}), "\uFFFDT\uFFFD\uFFFDt\uFFFD</s>");
}

TEST(ChatTemplateTest, SpecialTokensAreThoseThatTheModelNames) {
  const TempFolder folder = TempFolder::Make().value();
  const auto write = [&](const char* name, const char* text) {
    ASSERT_TRUE(WriteFileAtomic(folder.path() / name, text).ok());
  };
  write("chat_template.jinja",
        "{{ bos_token is defined }} {{ pad_token }} {{ sep_token }} {{ image_token }} {{ boi }} "
        "{{ unk_token }} {% for m in messages %}{{ m.content + eos_token }}{% endfor %}");
  write("tokenizer_config.json",
        R"({"bos_token": null, "eos_token": {"content": "</s>"}, "pad_token": "<pad>",
            "sep_token": "<sep>", "image_token": "<img>", "add_bos_token": true,
            "extra_special_tokens": {"boi": "<boi>"}})");
  write("special_tokens_map.json", R"({"sep_token": "<other>", "unk_token": "<unk>"})");
  const auto chat = ChatTemplate::Load(folder.path());
  ASSERT_TRUE(chat.ok()) << chat.status();
  EXPECT_EQ(Render(*chat, {{"user", "Hi"}}), "False <pad> <other> <img> <boi> <unk> Hi</s>");
  EXPECT_EQ(chat->end_of_turn(), "</s>");
  // transformers does not look at the older file either then.
  write("tokenizer_config.json",
        R"({"eos_token": "</s>", "sep_token": "<sep>", "added_tokens_decoder": {}})");
  const auto again = ChatTemplate::Load(folder.path());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(Render(*again, {{"user", "Hi"}}), "False  <sep>    Hi</s>");
}

// A template can hide the messages where looking for each of them takes long.
TEST(ChatTemplateTest, TheSearchForMessagesEnds) {
  const auto chat = ChatTemplate::FromSource(
      "{% for m in messages %}{{ m.content }}</s>{% endfor %}{{ 'a' * 9999999 }}"
      "{% for m in messages[::-1] %}{{ m.content }}</s>{% endfor %}",
      {});
  ASSERT_TRUE(chat.ok()) << chat.status();
  Messages messages;
  for (int i = 0; i < 2000; ++i) messages.push_back({"user", absl::StrCat("<", i, ">")});
  EXPECT_TRUE(chat->Render(messages, true).ok());
  const auto backwards = ChatTemplate::FromSource(
      "{{ 'a' * 9999999 }}{% for m in messages[::-1] %}{{ m.content }}</s>{% endfor %}", {});
  ASSERT_TRUE(backwards.ok()) << backwards.status();
  EXPECT_TRUE(absl::IsResourceExhausted(backwards->Render(messages, true).status()));
}

TEST(ChatTemplateTest, Phi3) {
  const auto chat = ChatTemplate::FromSource(
      R"({% for message in messages %}{% if message['role'] == 'system' %}{{'<|system|>\n' + message['content'] + '<|end|>\n'}}{% elif message['role'] == 'user' %}{{'<|user|>\n' + message['content'] + '<|end|>\n'}}{% elif message['role'] == 'assistant' %}{{'<|assistant|>\n' + message['content'] + '<|end|>\n'}}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %})",
      {{"bos_token", "<s>"}, {"eos_token", "<|endoftext|>"}});
  ASSERT_TRUE(chat.ok()) << chat.status();
  EXPECT_EQ(Render(*chat, {{"system", "Be."}, {"user", "Hi"}}),
            "<|system|>\nBe.<|end|>\n<|user|>\nHi<|end|>\n<|assistant|>\n");
  EXPECT_EQ(Render(*chat, {{"user", "Hi"}}, false), "<|user|>\nHi<|end|>\n<|endoftext|>");
  EXPECT_EQ(chat->end_of_turn(), "<|end|>");
}

TEST(ChatTemplateTest, ATemplateThatCannotBeUsedSaysWhatToDo) {
  for (const char* source : {"{{ messages }}", "{% include 'x' %}", "{{ messages",
                             "{{ raise_exception('no') }}", "plain text"}) {
    const auto chat = ChatTemplate::FromSource(source, {});
    EXPECT_TRUE(absl::IsUnimplemented(chat.status())) << source;
    EXPECT_THAT(std::string(chat.status().message()), testing::HasSubstr("chat_template.jinja"));
  }
}

TEST(ChatTemplateTest, UnknownRolesAndEmptyChatsAreRefused) {
  const auto chat = ChatTemplate::FromSource(
      "{% for m in messages %}{{ m.role + m.content + '</s>' }}{% endfor %}", {});
  ASSERT_TRUE(chat.ok()) << chat.status();
  EXPECT_TRUE(absl::IsInvalidArgument(chat->Render({}, true).status()));
  EXPECT_THAT(std::string(chat->Render({{"usr", "x"}}, true).status().message()),
              testing::HasSubstr("'usr'"));
}

}  // namespace
}  // namespace foundry::tokenizer
