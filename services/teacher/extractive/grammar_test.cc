// The parts of the extractive grammar, on sentences that each show one rule.
#include <map>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/teacher/extractive/layout.h"
#include "services/teacher/extractive/lexicon.h"
#include "services/teacher/extractive/questions.h"

namespace foundry::teacher::extractive {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Lexicon, FindsBasesOfForms) {
  const std::map<std::string, std::string> forms = {
      {"went", "go"},      {"written", "write"}, {"carries", "carry"}, {"seized", "seize"},
      {"planned", "plan"}, {"using", "use"},     {"led", "lead"},      {"tables", ""}};
  for (const auto& [form, base] : forms) EXPECT_EQ(BaseOf(form), base) << form;
  EXPECT_EQ(ThirdPerson("carry"), "carries");
  EXPECT_EQ(ThirdPerson("reach"), "reaches");
  EXPECT_EQ(PastOfParticiple("written"), "wrote");
}

TEST(Words, CutsAndCleans) {
  EXPECT_EQ(CleanSentence("He  left.[12][citation needed] It [sic] stayed.:19-1"),
            "He left. It [sic] stayed.");
  std::vector<std::string> texts;
  for (const Word& word : CutWords("Mr. Gano's \"fishbowl\" (O2), 1,142 km—the U.S. one.")) {
    texts.push_back(word.text);
  }
  EXPECT_THAT(texts, ElementsAre("Mr.", "Gano", "'s", "\"", "fishbowl", "\"", "(", "O2", ")", ",",
                                 "1,142", "km", "—", "the", "U.S.", "one", "."));
}

// "subject | verbs | rest" of every clause.
std::vector<std::string> Clauses(const std::string& text) {
  const Parsed parsed = Parse(text, {}, nullptr);
  std::vector<std::string> out;
  for (const Clause& clause : parsed.clauses) {
    out.push_back(absl::StrCat(parsed.sentence.Text(clause.subject), " | ",
                               parsed.sentence.Text(clause.verbs), " | ",
                               parsed.sentence.Text(clause.rest)));
  }
  return out;
}

TEST(Clauses, FindSubjectsAcrossAsidesListsAndRelatives) {
  EXPECT_THAT(Clauses("Between 1402 and 1405, the expedition led by Jean conquered the islands."),
              ElementsAre("the expedition led by Jean | conquered | the islands"));
  EXPECT_THAT(
      Clauses("The king ordered the massacre, enslaved the rest and executed the governor."),
      ElementsAre("The king | ordered | the massacre", "The king | enslaved | the rest",
                  "The king | executed | the governor"));
  EXPECT_THAT(
      Clauses("Andrew, a writer who led the community in London, became known for criticism."),
      ElementsAre("a writer | led | the community in London",
                  "Andrew | became | known for criticism"));
  EXPECT_THAT(Clauses("In 1990 the king died because he was ill."),
              ElementsAre("the king | died | ", "he | was | ill"));
  EXPECT_THAT(Clauses("Dalton assumed that all elements were monatomic."),
              ElementsAre("Dalton | assumed | that all elements were monatomic",
                          "all elements | were | monatomic"));
  EXPECT_THAT(Clauses("Was it so?"), ElementsAre());
}

std::string Questions(const std::string& text) {
  std::string all;
  for (const Fact& fact : AskAbout(Parse(text, {}, nullptr))) {
    for (const std::string& question : fact.questions) {
      absl::StrAppend(&all, question, " -> ", fact.answer, "\n");
    }
  }
  return all;
}

TEST(AskAbout, AsksForEveryPart) {
  EXPECT_THAT(
      Questions("The Mongol army seized the town of Otrar in 1219."),
      AllOf(HasSubstr("What seized the town of Otrar in 1219? -> the Mongol army"),
            HasSubstr("What did the Mongol army seize in 1219? -> the town of Otrar"),
            HasSubstr("Which town did the Mongol army seize in 1219?"),
            HasSubstr("In what year did the Mongol army seize the town of Otrar? -> in 1219")));
  EXPECT_THAT(Questions("Hydrogen is stored in tanks to refill the containers."),
              HasSubstr("Why is hydrogen stored in tanks? -> to refill the containers"));
  EXPECT_THAT(Questions("Plants divide the cell by building a ring."),
              HasSubstr("How do plants divide the cell? -> by building a ring"));
  EXPECT_THAT(Questions("The law was signed by the president."),
              AllOf(HasSubstr("Who signed the law? -> the president"),
                    HasSubstr("By whom was the law signed?")));
  EXPECT_THAT(Questions("The following files must be in /etc."), Not(HasSubstr("?")));
}

TEST(AskAbout, ReadsNames) {
  EXPECT_THAT(Questions("The country has a Human Development Index (HDI) of 0.519."),
              HasSubstr("What does HDI stand for? -> Human Development Index"));
  EXPECT_THAT(Questions("The principle behind vaccination (also called immunization) is simple."),
              HasSubstr("What is another name for vaccination? -> immunization"));
  EXPECT_THAT(Questions("Kennedy's advisor Jerome Wiesner opposed the decision."),
              Not(HasSubstr("()")));
  EXPECT_THAT(Questions("Proteins form a structure called a Z-ring in the cell."),
              HasSubstr("What is the structure called? -> a Z-ring"));
  EXPECT_THAT(Questions("Emma, the sister of Duke Richard, fled to Normandy."),
              HasSubstr("Who was Emma? -> the sister of Duke Richard"));
}

// Of what is denied or only reported, the whole sentence is told.
TEST(AskAbout, StatementsStayTrue) {
  const std::string text = "There is no such thing as a force that acts on only one body.";
  for (const Fact& fact : AskAbout(Parse(text, {}, nullptr))) EXPECT_EQ(fact.statement, text);
}

TEST(Layout, TrimsWhatIsNoSentence) {
  EXPECT_EQ(TrimToSentence("16 Historically, it was placed in /usr."),
            "Historically, it was placed in /usr.");
  EXPECT_EQ(TrimToSentence("• To boot a system, data must be present."),
            "To boot a system, data must be present.");
  EXPECT_EQ(TrimToSentence("Purpose This directory holds files."), "This directory holds files.");
  EXPECT_EQ(TrimToSentence("The tower of The Hague is tall."), "The tower of The Hague is tall.");
}

TEST(Layout, LabelsVagueSections) {
  dataset::Document document;
  document.title = "Hierarchy";
  document.sections = {{"Hierarchy", 1, {0, 10}},
                       {"5.5. /var/cache : Application cache data", 2, {10, 20}},
                       {"5.5.1. Purpose", 3, {20, 30}}};
  EXPECT_EQ(SectionLabel(document, 25), "/var/cache : Application cache data");
  EXPECT_EQ(SectionLabel(document, 5), "");
}

}  // namespace
}  // namespace foundry::teacher::extractive
