// Sentences planned per second by the engine without a model: the whole of generate_embedded(),
// verification included, one thread, over repositories of 20 and 800 functions.
#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "bench/report.h"
#include "generate/embedded/embedded_engine.h"

namespace {

using ae::generate::Generation;
using ae::repository::Repository;

// What things of a made-up organisation are, and what can be done with them. Every function takes
// or gives the id of its thing, so that plans are chains.
constexpr std::array<std::string_view, 40> kThings = {
    "invoice", "parcel",   "ticket",    "meeting",  "vehicle", "patient",   "lesson",  "recipe",
    "hotel",   "flight",   "contract",  "customer", "printer", "warehouse", "garden",  "bicycle",
    "concert", "magazine", "insurance", "passport", "battery", "camera",    "ferry",   "museum",
    "tenant",  "elevator", "orchard",   "sensor",   "podcast", "lottery",   "quarry",  "bakery",
    "harbour", "campsite", "theatre",   "stadium",  "turbine", "vineyard",  "glacier", "library"};
struct Verb {
  std::string_view word;
  std::string_view sentence;
  std::string_view effect;
};
constexpr std::array<Verb, 20> kVerbs = {{{"find", "Finds the number of the", ""},
                                          {"price", "Tells the price of the", ""},
                                          {"owner", "Tells who owns the", ""},
                                          {"location", "Tells the location of the", ""},
                                          {"status", "Tells the status of the", ""},
                                          {"history", "Lists the history of the", ""},
                                          {"weight", "Measures the weight of the", ""},
                                          {"photo", "Shows a photo of the", ""},
                                          {"rating", "Tells the rating of the", ""},
                                          {"manual", "Reads the manual of the", ""},
                                          {"schedule", "Tells the schedule of the", ""},
                                          {"capacity", "Tells the capacity of the", ""},
                                          {"repair", "Repairs the", "write"},
                                          {"clean", "Cleans the", "write"},
                                          {"move", "Moves the", "write"},
                                          {"insure", "Insures the", "pay"},
                                          {"rent", "Rents the", "pay"},
                                          {"inspect", "Inspects the", "write"},
                                          {"label", "Labels the", "write"},
                                          {"archive", "Archives the", "write"}}};

std::string sidecar(std::string_view thing, const Verb& verb) {
  const bool finder = verb.word == "find";
  const std::string input =
      finder ? fmt::format("{}_name: {{type: string, description: Name of the {}.}}", thing, thing)
             : fmt::format("{}_number: {{type: string, description: Number of the {}.}}", thing,
                           thing);
  const std::string output =
      finder
          ? fmt::format("{}_number: {{type: string, description: Number of the {}.}}", thing, thing)
          : fmt::format("{}: {{type: string, description: The {} of the {}.}}", verb.word,
                        verb.word, thing);
  return fmt::format(
      "apiVersion: actionengine/v1\nkind: Function\nname: {}_{}\ndescription: {} {}.\n"
      "effects: [{}]\ninput: {{type: object, properties: {{{}}}, required: [{}]}}\n"
      "output: {{type: object, properties: {{{}}}}}\n",
      verb.word, thing, verb.sentence, thing, verb.effect, input, input.substr(0, input.find(':')),
      output);
}

bool fill(Repository& repository, const std::filesystem::path& folder, std::size_t things) {
  for (std::size_t t = 0; t < things; ++t) {
    for (const Verb& verb : kVerbs) {
      const std::filesystem::path package = folder / fmt::format("{}_{}", verb.word, t);
      std::filesystem::create_directories(package);
      std::ofstream(package / "function.yaml") << sidecar(kThings[t], verb);
      std::ofstream(package / "lambda_function.py")
          << "def lambda_handler(event, context):\n  return {}\n";
      const auto read = ae::repository::read_package(package);
      if (!read || !repository.add(*read)) {
        fmt::print(stderr, "cannot add {}: {}\n", package.string(),
                   read ? "" : read.error().describe());
        return false;
      }
    }
  }
  return true;
}

std::vector<std::string> sentences(std::size_t things) {
  std::vector<std::string> texts;
  for (std::size_t t = 0; t < things; ++t) {
    const std::string_view thing = kThings[t];
    texts.push_back(fmt::format("What is the status of the {} Blue Moon?", thing));
    texts.push_back(fmt::format("Please clean the {} \"North Star\" and then inspect it", thing));
    texts.push_back(
        fmt::format("I'd like to know the price and the location of {} number AB-12", thing));
    texts.push_back(
        fmt::format("Show the rating of the {} Blue Moon and of the {} Red Sun", thing, thing));
    texts.push_back(fmt::format("Paint the {} green", thing));
  }
  return texts;
}

bool measure(ae::bench::Report& report, std::size_t things) {
  const ae::TemporaryFolder folder("ae-bench");
  auto database = ae::store::Database::open(":memory:", Repository::migration());
  if (!database) return false;
  Repository repository(**database, folder.path() / "code");
  if (!fill(repository, folder.path() / "packages", things)) return false;
  const std::vector<std::string> texts = sentences(things);
  using Clock = std::chrono::steady_clock;
  const auto first = Clock::now();
  if (!ae::generate::generate_embedded(texts.front(), repository, {})) return false;
  const std::chrono::duration<double, std::milli> first_took = Clock::now() - first;
  std::size_t planned = 0;
  std::size_t registrable = 0;
  const auto begin = Clock::now();
  std::chrono::duration<double> took{};
  while (took.count() < report.seconds()) {
    const auto generation =
        ae::generate::generate_embedded(texts[planned % texts.size()], repository, {});
    if (!generation) return false;
    registrable += generation->can_be_registered() ? 1U : 0U;
    ++planned;
    took = Clock::now() - begin;
  }
  const std::size_t functions = things * kVerbs.size();
  report.add(fmt::format("sentences planned, {} functions", functions),
             static_cast<double>(planned) / took.count(), "1/s");
  report.add(fmt::format("of these with a workflow, {} functions", functions),
             100 * static_cast<double>(registrable) / static_cast<double>(planned), "%");
  report.add(fmt::format("first sentence (builds the index), {} functions", functions),
             first_took.count(), "ms");
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  ae::bench::Report report("generate",
                           "five kinds of sentences over made-up functions, planned and verified "
                           "without a model, one thread",
                           argc, argv);
  for (const std::size_t things : {std::size_t{1}, kThings.size()}) {
    if (!measure(report, things)) return 1;
  }
  return report.finish();
}
