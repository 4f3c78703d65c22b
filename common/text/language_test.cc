#include "common/text/language.h"

#include <gtest/gtest.h>

namespace foundry::text {
namespace {

TEST(LanguageTest, TellsLanguagesApart) {
  const std::pair<const char*, const char*> cases[] = {
      {"en",
       "The standard enables software to predict the location of installed files and directories."},
      {"de",
       "Der Standard ermöglicht es, dass die Programme den Ort der installierten Dateien kennen."},
      {"fr",
       "La norme permet aux programmes de prévoir où se trouvent les fichiers qui sont installés."},
      {"es",
       "Esta guía es la referencia para los que quieren crear un paquete y no saben por dónde "
       "empezar."},
      {"it", "Il documento descrive la struttura delle directory che sono presenti nel sistema."},
      {"pt", "O documento descreve a estrutura dos diretórios que não são usados pelo sistema."},
      {"nl",
       "Het document beschrijft de structuur van de mappen die door het systeem worden gebruikt."},
      {"sv",
       "Dokumentet beskriver hur filerna är ordnade och vad som inte får ändras av andra program."},
      {"pl",
       "Dokument opisuje, jak są ułożone pliki oraz co nie może być zmieniane przez inne "
       "programy."},
      {"ru", "Документ описывает, как расположены файлы в системе и что не может быть изменено."},
      {"ja", "この文書はファイルの配置を説明します。"},
      {"zh", "本文件说明系统中文件的位置。"},
      {"ko", "이 문서는 파일의 위치를 설명합니다."},
      {"ar", "تصف هذه الوثيقة مواقع الملفات."},
  };
  for (const auto& [code, text] : cases) EXPECT_EQ(GuessLanguage(text).code, code) << text;
}

TEST(LanguageTest, ClaimsNothingWithoutEvidence) {
  EXPECT_EQ(GuessLanguage("").code, "und");
  EXPECT_EQ(GuessLanguage("12 34 56").code, "und");
  EXPECT_EQ(GuessLanguage("xqz vbn kkl wrt").code, "und");
}

}  // namespace
}  // namespace foundry::text
