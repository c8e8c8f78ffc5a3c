#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "plan/lexicon.h"
#include "plan/query.h"

namespace ae::plan {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Query read(std::string_view text) {
  Result<Query> query = read_query(text);
  EXPECT_TRUE(query.has_value()) << text;
  return query ? *std::move(query) : Query{};
}

std::vector<std::string> requests(const Query& query) {
  std::vector<std::string> texts;
  for (const Clause& clause : query.clauses) {
    if (clause.asks) texts.push_back(clause.text);
  }
  return texts;
}

std::vector<std::string> stems(const Query& query, std::size_t clause) {
  std::vector<std::string> words;
  for (const std::size_t token : query.clauses.at(clause).tokens) {
    words.push_back(query.tokens[token].stem);
  }
  return words;
}

// "name Anna=\"Anna\"" for each slot.
std::vector<std::string> slots(const Query& query) {
  std::vector<std::string> texts;
  for (const Slot& slot : query.slots) {
    std::string text =
        std::string(to_string(slot.kind)) + " " + slot.text + "=" + slot.value.dump();
    if (!slot.unit.empty()) text += " " + slot.unit;
    texts.push_back(text);
  }
  return texts;
}

TEST(Clauses, PolitenessSaysNothingAboutWhatIsWanted) {
  const Query query =
      read("It will be perfect if you play music that matches my mood. This is Anna.");
  ASSERT_EQ(query.clauses.size(), 2U);
  EXPECT_THAT(stems(query, 0), ElementsAre("play", "music", "match", "mood"));
  EXPECT_EQ(query.clauses[0].action, "play");
  EXPECT_FALSE(query.clauses[1].asks);
  for (const std::string_view text :
       {"Could you please play music", "I'd like you to play music", "Hi, can you play music?",
        "I was wondering if you could play music", "Please play music, thanks",
        "Create a workflow that will play music", "would you mind to play music",
        "I want to play music", "It would be great if you could play music."}) {
    const Query polite = read(text);
    ASSERT_EQ(requests(polite).size(), 1U) << text;
    EXPECT_THAT(stems(polite, polite.clauses.size() - 1 - (polite.clauses.back().asks ? 0 : 1)),
                ElementsAre("play", "music"))
        << text;
  }
}

TEST(Clauses, CoordinatedVerbsAreTwoRequestsAndCoordinatedNamesAreNot) {
  EXPECT_THAT(requests(read("Convert 100 USD to EUR and e-mail the result to bob@example.com")),
              ElementsAre("Convert 100 USD to EUR", "e-mail the result to bob@example.com"));
  EXPECT_THAT(requests(read("Show the weather in Berlin and Rome")),
              ElementsAre("Show the weather in Berlin and Rome"));
  EXPECT_THAT(requests(read("Find the name and email of the customer")),
              ElementsAre("Find the name and email of the customer"));
  EXPECT_THAT(requests(read("Search and order history of Bob")),
              ElementsAre("Search and order history of Bob"));
}

TEST(Clauses, OrderWordsBecomeHints) {
  const Query query =
      read("Read the memo, then summarize it. After that send it to Bob; finally delete the memo.");
  ASSERT_EQ(query.clauses.size(), 4U);
  EXPECT_EQ(query.clauses[0].order, OrderHint::kNone);
  EXPECT_EQ(query.clauses[1].order, OrderHint::kThen);
  EXPECT_EQ(query.clauses[2].order, OrderHint::kThen);
  EXPECT_EQ(query.clauses[3].order, OrderHint::kFinally);
  const Query turned = read("Before sending it to Bob, summarize the report.");
  ASSERT_EQ(turned.clauses.size(), 2U);
  EXPECT_EQ(turned.clauses[0].order, OrderHint::kBefore);
  EXPECT_EQ(turned.clauses[1].action, "summar");
}

TEST(Clauses, FactsAskForNothing) {
  for (const std::string_view text : {"This is Anna.", "My order is A-1042.", "I'm Bob.",
                                      "My name is Eve.", "We live in Rome."}) {
    EXPECT_THAT(requests(read(text)), IsEmpty()) << text;
  }
  for (const std::string_view text : {"Where is my order?", "weather in oslo", "How warm is it?",
                                      "I need the price of a lamp", "Is it raining in Rome?"}) {
    EXPECT_EQ(requests(read(text)).size(), 1U) << text;
  }
}

TEST(Clauses, AnUnknownVerbLeadsItsRequest) {
  EXPECT_EQ(read("Frobnicate the report").clauses.at(0).action, "frobnic");
  EXPECT_EQ(read("weather forecast for Oslo").clauses.at(0).action, "");
}

TEST(Slots, FormTellsTheKind) {
  EXPECT_THAT(slots(read("Send \"see you\" to bob@example.com via https://x.org/a?b=1.")),
              ElementsAre("quoted see you=\"see you\"", "email bob@example.com=\"bob@example.com\"",
                          "url https://x.org/a?b=1=\"https://x.org/a?b=1\""));
  EXPECT_THAT(slots(read("resize it to 256x256, then to 10 by 20 and report.pdf")),
              ElementsAre("size 256x256=[256,256]", "size 10 by 20=[10,20]",
                          "code report.pdf=\"report.pdf\""));
  EXPECT_THAT(slots(read("order A-1042 of anna_123, phone +47 22 00 04 56")),
              ElementsAre("code A-1042=\"A-1042\"", "code anna_123=\"anna_123\"",
                          "phone +47 22 00 04 56=\"+4722000456\""));
}

TEST(Slots, NumbersKeepTheirUnits) {
  EXPECT_THAT(
      slots(read("$5, 100 QRX, 1,250.5 dollars")),
      ElementsAre("money $5=5 USD", "money 100 QRX=100 QRX", "money 1,250.5 dollars=1250.5 USD"));
  EXPECT_THAT(slots(read("run 5 km or 3miles at -4 °C for 30 minutes")),
              ElementsAre("quantity 5 km=5 km", "quantity 3miles=3 mi", "quantity -4 °C=-4 c",
                          "duration 30 minutes=1800 minut"));
  const Query query = read("summarize it in three sentences");
  ASSERT_EQ(query.slots.size(), 1U);
  EXPECT_EQ(query.slots[0].value, 3);
  EXPECT_THAT(query.slots[0].heads, ElementsAre("sentenc"));
}

TEST(Slots, DatesBecomeIsoDatesWhenTheyCanBeKnown) {
  for (const std::string_view text :
       {"on 2026-12-24", "on 24 December 2026", "on December 24, 2026", "on 24.12.2026",
        "on the 24th of December 2026", "on 12/24/2026", "on 24/12/2026", "on Dec 24 2026"}) {
    const Query query = read(text);
    ASSERT_EQ(query.slots.size(), 1U) << text;
    EXPECT_EQ(query.slots[0].kind, SlotKind::kDate) << text;
    EXPECT_EQ(query.slots[0].value, "2026-12-24") << text;
  }
  EXPECT_EQ(read("meet me tomorrow").slots.at(0).value, "tomorrow");
  EXPECT_EQ(read("on 31 February 2026").slots.at(0).value, "31 February 2026");
  EXPECT_EQ(read("at 2:30 pm").slots.at(0).value, "14:30");
  EXPECT_EQ(read("at 9am").slots.at(0).value, "09:00");
  EXPECT_EQ(read("at 14:05").slots.at(0).value, "14:05");
}

TEST(Slots, NamesAreToldByCapitalsAndByWhatIntroducesThem) {
  EXPECT_THAT(slots(read("Play Happy Tune by Nora Vale for Anna")),
              ElementsAre("name Happy Tune=\"Happy Tune\"", "name Nora Vale=\"Nora Vale\"",
                          "name Anna=\"Anna\""));
  EXPECT_THAT(slots(read("Read the Lord of the Rings")),
              ElementsAre("name Lord of the Rings=\"Lord of the Rings\""));
  EXPECT_THAT(slots(read("my name is bob")), ElementsAre("name bob=\"bob\""));
  EXPECT_THAT(slots(read("Anna wants music")), ElementsAre("name Anna=\"Anna\""));
  EXPECT_TRUE(read("Anna's mood").slots.at(0).person);
  EXPECT_TRUE(read("I'm Bob.").slots.at(0).person);
  EXPECT_FALSE(read("weather in Bergen").slots.at(0).person);
  EXPECT_THAT(slots(read("Weather for tomorrows party")), IsEmpty());
}

TEST(Slots, PrepositionsAndHeadsGoWithThem) {
  const Query query = read("Send the invoice of order A-1042 from Berlin to the user Bob");
  ASSERT_EQ(query.slots.size(), 3U);
  EXPECT_THAT(query.slots[0].heads, ElementsAre("order"));
  EXPECT_EQ(query.slots[1].preposition, "from");
  EXPECT_EQ(query.slots[2].preposition, "to");
  EXPECT_THAT(query.slots[2].heads, ElementsAre("user"));
}

TEST(Slots, ListsShareANumberAndAPreposition) {
  const Query query = read("Show the weather in Berlin, in Rome and Oslo, and the time in Paris");
  ASSERT_EQ(query.slots.size(), 4U);
  EXPECT_EQ(query.slots[0].list, query.slots[1].list);
  EXPECT_EQ(query.slots[0].list, query.slots[2].list);
  EXPECT_EQ(query.slots[2].preposition, "in");
  EXPECT_EQ(query.slots[3].list, kNone);
}

TEST(Slots, SpansPointAtTheWords) {
  const std::string text = "Spiel “Grüße” für Émile’s Fête, s'il vous plaît 🎵 to Łukasz";
  const Query query = read(text);
  for (const Slot& slot : query.slots) {
    EXPECT_NE(text.substr(slot.span.begin, slot.span.end - slot.span.begin).find(slot.text),
              std::string::npos);
  }
  ASSERT_GE(query.slots.size(), 2U);
  EXPECT_EQ(query.slots.front().text, "Grüße");
  EXPECT_EQ(query.slots.back().text, "Łukasz");
}

Query read_with(std::string_view text, const std::vector<std::string>& names) {
  std::vector<Attachment> files;
  for (const std::string& name : names) {
    Attachment file;
    file.bucket = "uploads";
    file.key = "f1/" + name;
    file.filename = name;
    file.url = "s3://uploads/f1/" + name;
    files.push_back(std::move(file));
  }
  Result<Query> query = read_query(text, files);
  EXPECT_TRUE(query.has_value()) << text;
  return query ? *std::move(query) : Query{};
}

// Where the query speaks of each file: "photo.jpg@image".
std::vector<std::string> places(const Query& query) {
  std::vector<std::string> texts;
  for (const Slot& slot : query.slots) {
    if (slot.kind != SlotKind::kFile) continue;
    texts.push_back(query.files[slot.file].filename + "@" +
                    query.text.substr(slot.span.begin, slot.span.end - slot.span.begin));
  }
  return texts;
}

TEST(Files, AreFoundAtTheirNameElseAtANounElseNowhere) {
  EXPECT_THAT(places(read_with("Resize photo.jpg", {"photo.jpg"})),
              ElementsAre("photo.jpg@photo.jpg"));
  EXPECT_THAT(places(read_with("Resize the image", {"photo.jpg"})), ElementsAre("photo.jpg@image"));
  EXPECT_THAT(places(read_with("Make it smaller", {"photo.jpg"})), ElementsAre("photo.jpg@"));
  EXPECT_THAT(places(read_with("Fill the PDF with the rows of the table", {"a.csv", "b.pdf"})),
              ElementsAre("b.pdf@PDF", "a.csv@table"));
  EXPECT_THAT(places(read_with("Show the second photo", {"a.jpg", "b.png"})),
              ElementsAre("b.png@photo", "a.jpg@"));
}

TEST(Files, AreAtMostEight) {
  EXPECT_FALSE(read_query("Zip the files", std::vector<Attachment>(9)).has_value());
  EXPECT_TRUE(read_query("Zip the files", std::vector<Attachment>(8)).has_value());
}

TEST(Clauses, MaySpeakOfWhatAnEarlierOneMakes) {
  const Query query = read("Resize the photo, then show the URL of the resized photo");
  ASSERT_EQ(query.clauses.size(), 2U);
  EXPECT_EQ(query.clauses[0].result_of, kNone);
  EXPECT_EQ(query.clauses[1].result_of, 0U);
  EXPECT_TRUE(query.clauses[1].refers_back);
}

TEST(Clauses, APurposeAsksForNothing) {
  EXPECT_THAT(stems(read("Return the address for display in the UI"), 0),
              ElementsAre("return", "address"));
}

TEST(ReadQuery, RefusesWhatIsNoText) {
  EXPECT_EQ(read_query("").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(read_query(" \n\t").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(read_query("\xff\xfe").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(read_query(std::string(kMaxQueryBytes + 1, 'a')).error().code,
            ErrorCode::kResourceExhausted);
  EXPECT_TRUE(read_query(std::string(kMaxQueryBytes, 'a')).has_value());
}

TEST(Lexicon, SynonymsAreSymmetricAndExcludeTheWordItself) {
  for (const std::string word : {"send", "price", "song", "weather", "convert", "buy"}) {
    for (const std::string& other : synonyms(stem(word))) {
      EXPECT_NE(other, stem(word));
      EXPECT_THAT(synonyms(other), testing::Contains(stem(word)));
    }
  }
  EXPECT_THAT(synonyms(stem("song")), testing::Contains(stem("music")));
}

TEST(Lexicon, IdentifiersAndProseGiveTheSameStems) {
  EXPECT_EQ(content_stems("getUserMoods"), content_stems("get the user's moods"));
  EXPECT_EQ(content_stems("e-mail"), content_stems("emails"));
}

}  // namespace
}  // namespace ae::plan
