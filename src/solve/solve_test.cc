#include "solve/solve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "solve/internal/test_support.h"

namespace ae::solve {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

// A made-up organisation, a library; nothing in it is among the bundled functions.
constexpr std::string_view kLibrary = R"json([
 {"name": "reader_id", "description": "Looks up the id of a library reader by their name.",
  "input": {"reader_name": {"type": "string", "description": "Name of the reader.", "examples": ["Mira Holt"]}},
  "output": {"reader_id": {"type": "string", "description": "Id of the reader.", "examples": ["r_001"]}}},
 {"name": "favourite_genre", "description": "Tells which genre a reader likes best.",
  "input": {"reader_id": {"type": "string", "description": "Id of the reader.", "examples": ["r_001"]}},
  "output": {"genre": {"type": "string", "description": "Genre the reader likes.", "examples": ["crime"]}}},
 {"name": "suggest_book", "description": "Suggests a book of a genre.",
  "input": {"genre": {"type": "string", "description": "Genre of the book.", "examples": ["crime"]}},
  "output": {"book_title": {"type": "string", "description": "Title of the suggested book."}}},
 {"name": "reserve_book", "description": "Reserves a book for a reader.", "effects": ["book"],
  "input": {"title": {"type": "string", "description": "Title of the book.", "examples": ["The Long Night"]},
            "reader_id": {"type": "string", "description": "Id of the reader who reserves.", "examples": ["r_001"]}},
  "output": {"slip": {"type": "string", "description": "Reservation slip."}}},
 {"name": "book_pages", "description": "Tells how many pages a book has.",
  "input": {"title": {"type": "string", "description": "Title of the book.", "examples": ["The Long Night"]}},
  "output": {"pages": {"type": "integer", "description": "Number of pages."}}},
 {"name": "book_summary", "description": "Summarizes the plot of a book in a few sentences.",
  "input": {"title": {"type": "string", "description": "Title of the book.", "examples": ["The Long Night"]},
            "sentences": {"type": "integer", "description": "Number of sentences.", "minimum": 1, "maximum": 9, "default": 3}},
  "output": {"summary": {"type": "string", "description": "Summary of the plot."}}},
 {"name": "branch_hours", "description": "Tells the opening hours of the library branch in a town.",
  "input": {"town": {"type": "string", "description": "Name of the town.", "examples": ["Elverum"]},
            "day": {"type": "string", "format": "date", "description": "Day asked for."}},
  "output": {"hours": {"type": "string", "description": "Opening hours in words."}}},
 {"name": "fine_due", "description": "Computes the fine that a reader has to pay.",
  "input": {"reader_id": {"type": "string", "description": "Id of the reader.", "examples": ["r_001"]}},
  "output": {"fine": {"type": "number", "description": "Amount of the fine."},
             "currency": {"type": "string", "enum": ["NOK", "DKK"], "description": "Currency the fine is in."}}},
 {"name": "change_money", "description": "Converts an amount of money from one currency into another.",
  "input": {"amount": {"type": "number", "description": "Amount of money."},
            "from": {"type": "string", "enum": ["NOK", "DKK"], "description": "Currency the amount is in."},
            "into": {"type": "string", "enum": ["NOK", "DKK"], "description": "Currency to convert into."}},
  "output": {"changed": {"type": "number", "description": "The amount in the other currency."}}},
 {"name": "mail_reader", "description": "Sends a letter to a reader by email.", "effects": ["send"],
  "input": {"address": {"type": "string", "format": "email", "description": "Email address of the reader."},
            "letter": {"type": "string", "description": "Text of the letter."}},
  "output": {"posted": {"type": "boolean", "description": "Whether it was posted."}}},
 {"name": "reader_email", "description": "Returns the email address of a reader.",
  "input": {"reader_id": {"type": "string", "description": "Id of the reader.", "examples": ["r_001"]}},
  "output": {"email": {"type": "string", "format": "email", "description": "Email address of the reader."}}},
 {"name": "delete_account", "description": "Deletes the account of a reader.", "effects": ["delete"],
  "input": {"reader_id": {"type": "string", "description": "Id of the reader.", "examples": ["r_001"]}},
  "output": {"done": {"type": "boolean", "description": "Whether it is gone."}}}
])json";

Solution ask(std::string_view text) { return solve_all(text, read_functions(kLibrary)).front(); }

TEST(Solve, OneFunctionTakesItsValueFromTheQuery) {
  const Solution solution = ask("How many pages has \"The Long Night\"?");
  EXPECT_THAT(steps(solution), ElementsAre("book_pages(title=$title)"));
  EXPECT_EQ(solution.first_inputs, (Json{{"title", "The Long Night"}}));
  EXPECT_THAT(solution.missing_inputs, IsEmpty());
}

TEST(Solve, AnIdIsFoundThroughConverters) {
  const Solution solution = ask("Suggest a book that Mira Holt likes");
  EXPECT_THAT(steps(solution), ElementsAre("reader_id(reader_name=$reader_name)",
                                           "favourite_genre(reader_id=reader_id.reader_id)",
                                           "suggest_book(genre=favourite_genre.genre)"));
}

TEST(Solve, ALiteralIdNeedsNoConverter) {
  const Solution solution = ask("Which fine has r_042 to pay?");
  EXPECT_THAT(steps(solution), ElementsAre("fine_due(reader_id=$reader_id)"));
  EXPECT_EQ(solution.first_inputs["reader_id"], "r_042");
}

TEST(Solve, AStepServesTwoOthersOnce) {
  const Solution solution = ask("Reserve a book of the genre that Mira Holt likes for Mira Holt");
  EXPECT_THAT(
      steps(solution),
      Contains("reserve_book(title=suggest_book.book_title, reader_id=reader_id.reader_id)"));
  EXPECT_THAT(solution.workflow.nodes, SizeIs(4));
}

TEST(Solve, CurrenciesGoWhereTheirPrepositionsSay) {
  const Solution solution = ask("Convert 50 DKK to NOK");
  EXPECT_THAT(steps(solution), ElementsAre("change_money(amount=$amount, from=$from, into=$into)"));
  EXPECT_EQ(solution.first_inputs, (Json{{"amount", 50}, {"from", "DKK"}, {"into", "NOK"}}));
  const Solution fine = ask("What is the fine of r_042 in DKK?");
  EXPECT_THAT(steps(fine),
              Contains("change_money(amount=fine_due.fine, from=fine_due.currency, into=$into)"));
}

TEST(Solve, AListIsDoneForEachOfItsMembers) {
  const Solution solution = ask("Opening hours in Elverum and Hamar on 24 December 2026");
  EXPECT_THAT(steps(solution), ElementsAre("branch_hours(town=$town, day=$day)",
                                           "branch_hours_2(town=$branch_hours_2_town, day=$day)"));
  EXPECT_EQ(solution.first_inputs,
            (Json{{"town", "Elverum"}, {"day", "2026-12-24"}, {"branch_hours_2_town", "Hamar"}}));
  std::vector<std::string> outputs;
  for (const dag::NamedBinding& output : solution.workflow.outputs) outputs.push_back(output.name);
  EXPECT_THAT(outputs, ElementsAre("branch_hours_hours", "branch_hours_2_hours"));
}

TEST(Solve, RequestsOfOneSentenceFeedEachOther) {
  const Solution solution =
      ask("Summarize \"The Long Night\" in 5 sentences and send the summary to mira@example.org");
  EXPECT_THAT(steps(solution),
              ElementsAre("book_summary(title=$title, sentences=$sentences)",
                          "mail_reader(address=$address, letter=book_summary.summary)"));
  EXPECT_THAT(solution.served_clauses, ElementsAre(0, 1));
}

TEST(Solve, TheSameFunctionServesTwoRequestsWithTheirOwnValues) {
  const Solution solution = ask("Convert 50 DKK to NOK and convert 70 NOK to DKK");
  EXPECT_THAT(solution.workflow.nodes, SizeIs(2));
  std::vector<std::string> values;
  for (const auto& [name, value] : solution.first_inputs.items()) values.push_back(value.dump());
  EXPECT_THAT(values, UnorderedElementsAre("50", "70", "\"DKK\"", "\"NOK\"", "\"NOK\"", "\"DKK\""));
}

TEST(Solve, SettingsBecomeDefaultsAndEntitiesStayRequired) {
  const Json inputs = ask("Summarize \"The Long Night\" in 5 sentences").workflow.inputs;
  EXPECT_EQ(inputs["required"], Json::array({"title"}));
  EXPECT_EQ(inputs["properties"]["sentences"]["default"], 5);
  EXPECT_EQ(inputs["properties"]["title"]["examples"], Json::array({"The Long Night"}));
}

TEST(Solve, WhatTheQueryDoesNotMentionIsLeftOut) {
  const Solution solution = ask("Summarize \"The Long Night\"");
  EXPECT_THAT(steps(solution), ElementsAre("book_summary(title=$title)"));
}

TEST(Solve, WhatNobodyGivesIsAnInputWithoutValue) {
  const Solution solution = ask("When does the branch open? What are the hours in Elverum?");
  EXPECT_THAT(steps(solution), Contains("branch_hours(town=$town, day=$day)"));
  EXPECT_THAT(solution.missing_inputs, ElementsAre("day"));
}

TEST(Solve, NoChoiceIsForced) {
  for (const std::string_view text : {"Translate \"The Long Night\" into German",
                                      "Play chess with me", "Paint the library green"}) {
    const Solution solution = ask(text);
    EXPECT_THAT(solution.workflow.nodes, IsEmpty()) << text;
    EXPECT_THAT(solution.unserved_clauses, SizeIs(1)) << text;
  }
}

TEST(Solve, TheRestIsServedWhenAPartIsNot) {
  const Solution solution =
      ask("Tell me how many pages \"The Long Night\" has and paint the ceiling");
  EXPECT_THAT(steps(solution), ElementsAre("book_pages(title=$title)"));
  ASSERT_THAT(solution.unserved_clauses, SizeIs(1));
  EXPECT_EQ(solution.unserved_clauses[0].clause, 1U);
}

TEST(Solve, SideEffectsNeedAWordThatAsksForThem) {
  for (const std::string_view text :
       {"Show the account of r_042", "What is the email address of r_042?",
        "The id of Mira Holt"}) {
    for (const dag::Node& node : ask(text).workflow.nodes) {
      EXPECT_NE(node.function, "delete_account") << text;
      EXPECT_NE(node.function, "mail_reader") << text;
    }
  }
  EXPECT_THAT(steps(ask("Delete the account of r_042")),
              ElementsAre("delete_account(reader_id=$reader_id)"));
}

TEST(Solve, NamesCarryNothing) {
  const std::vector<std::string> queries = {
      "How many pages has \"The Long Night\"?",
      "Suggest a book that Mira Holt likes",
      "What is the fine of r_042 in DKK?",
      "Opening hours in Elverum and Hamar on 24 December 2026",
      "Summarize \"The Long Night\" in 5 sentences and send the summary to mira@example.org",
      "Translate \"The Long Night\" into German",
      "Delete the account of r_042"};
  for (const std::string& query : queries) {
    Renaming renaming;
    const Solution other = solve_all(query, read_functions(kLibrary, &renaming)).front();
    const Solution plain = ask(query);
    ASSERT_EQ(other.workflow.nodes.size(), plain.workflow.nodes.size()) << query;
    for (std::size_t i = 0; i < plain.workflow.nodes.size(); ++i) {
      EXPECT_EQ(other.workflow.nodes[i].function, renaming[plain.workflow.nodes[i].function])
          << query;
      ASSERT_EQ(other.workflow.nodes[i].arguments.size(), plain.workflow.nodes[i].arguments.size());
      for (std::size_t k = 0; k < plain.workflow.nodes[i].arguments.size(); ++k) {
        EXPECT_EQ(other.workflow.nodes[i].arguments[k].name,
                  renaming[plain.workflow.nodes[i].arguments[k].name]);
        EXPECT_EQ(other.workflow.nodes[i].arguments[k].binding.source.index(),
                  plain.workflow.nodes[i].arguments[k].binding.source.index());
      }
    }
  }
}

TEST(Solve, TheOrderOfFunctionsDoesNotMatter) {
  const auto snapshot = read_functions(kLibrary);
  const auto reversed = std::make_shared<Snapshot>(*snapshot);
  std::ranges::reverse(reversed->functions);
  for (const std::string_view query :
       {"Suggest a book that Mira Holt likes", "What is the fine of r_042 in DKK?"}) {
    EXPECT_EQ(steps(solve_all(query, snapshot).front()), steps(solve_all(query, reversed).front()));
  }
}

TEST(Solve, TwinsAreToldApartByHowTheirParametersChain) {
  const auto snapshot = read_functions(R"json([
    {"name": "boat_by_owner", "description": "Finds the boat of an owner.",
     "input": {"owner": {"type": "string", "description": "Name of the owner.", "examples": ["Kim"]}},
     "output": {"hull": {"type": "string", "description": "Hull number of the boat.", "pattern": "^H[0-9]+$"}}},
    {"name": "harbour_a", "description": "Tells the harbour of a boat.",
     "input": {"hull": {"type": "string", "description": "Hull number of the boat.", "pattern": "^H[0-9]+$"}},
     "output": {"harbour": {"type": "string", "description": "Name of the harbour."}}},
    {"name": "harbour_b", "description": "Tells the harbour of a boat.",
     "input": {"licence": {"type": "string", "description": "Licence code of the boat.", "pattern": "^L[0-9]+$"}},
     "output": {"harbour": {"type": "string", "description": "Name of the harbour."}}}
  ])json");
  const Solution named = solve_all("In which harbour is Kim's boat?", snapshot).front();
  EXPECT_THAT(steps(named),
              ElementsAre("boat_by_owner(owner=$owner)", "harbour_a(hull=boat_by_owner.hull)"));
  const Solution licensed = solve_all("Tell me the harbour of the boat L77", snapshot).front();
  EXPECT_THAT(steps(licensed), ElementsAre("harbour_b(licence=$licence)"));
}

TEST(Solve, OneRequestMayAskForTwoThings) {
  const Solution solution = ask("Show the pages and the summary of \"The Long Night\"");
  EXPECT_THAT(steps(solution),
              UnorderedElementsAre("book_pages(title=$title)", "book_summary(title=$title)"));
}

TEST(Solve, ItIsWhatTheStepBeforeMade) {
  const auto snapshot = read_functions(R"json([
    {"name": "shrink", "description": "Resizes a picture to a width and a height.",
     "input": {"picture": {"type": "string", "description": "File name of the picture.", "examples": ["cat.png"]},
               "width": {"type": "integer", "description": "Width in pixels."},
               "height": {"type": "integer", "description": "Height in pixels."}},
     "output": {"small": {"type": "string", "description": "File name of the resized picture.", "examples": ["cat.png"]}}},
    {"name": "mirror", "description": "Mirrors a picture.",
     "input": {"picture": {"type": "string", "description": "File name of the picture.", "examples": ["cat.png"]}},
     "output": {"mirrored": {"type": "string", "description": "File name of the mirrored picture.", "examples": ["cat.png"]}}}
  ])json");
  const Solution solution = solve_all("Resize dog.png to 640x480 and mirror it", snapshot).front();
  EXPECT_THAT(steps(solution), ElementsAre("shrink(picture=$picture, width=$width, height=$height)",
                                           "mirror(picture=shrink.small)"));
  EXPECT_EQ(solution.first_inputs, (Json{{"picture", "dog.png"}, {"width", 640}, {"height", 480}}));
}

TEST(Solve, ThenOrdersStepsThatChangeSomething) {
  const Solution solution =
      ask("Reserve the book \"The Long Night\" for r_042, then delete the account of r_042");
  ASSERT_THAT(steps(solution), ElementsAre("reserve_book(title=$title, reader_id=$reader_id)",
                                           "delete_account(reader_id=$reader_id)"));
  EXPECT_THAT(solution.workflow.nodes[1].depends_on, ElementsAre(dag::NodeId("reserve_book")));
  const Solution harmless = ask("Tell the pages of \"The Long Night\" and then the fine of r_042");
  for (const dag::Node& node : harmless.workflow.nodes) EXPECT_THAT(node.depends_on, IsEmpty());
}

TEST(Solve, ProvenanceCoversEveryArgument) {
  const Solution solution = ask("Suggest a book that Mira Holt likes");
  EXPECT_EQ(solution.steps.size(), solution.workflow.nodes.size());
  std::size_t arguments = 0;
  for (const dag::Node& node : solution.workflow.nodes) {
    arguments += node.arguments.size();
    EXPECT_FALSE(node.goal.empty());
  }
  EXPECT_EQ(solution.bindings.size(), arguments);
  EXPECT_GT(solution.confidence, 0.0);
  EXPECT_LE(solution.confidence, 1.0);
}

}  // namespace
}  // namespace ae::solve
