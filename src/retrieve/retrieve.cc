#include "retrieve/retrieve.h"

#include <algorithm>
#include <map>

#include "plan/lexicon.h"

namespace ae::retrieve {
namespace {

// Reciprocal rank fusion: the usual constant, from the paper that introduced it (Cormack 2009).
constexpr double kRankOffset = 60;
constexpr double kSynonym = 0.6;  // a synonym counts as this share of the word itself
constexpr double kHop = 0.5;      // a producer's share of its consumer's score
constexpr std::size_t kHopFrom = 24;
constexpr std::size_t kHopTo = 6;  // producers taken for each open parameter

struct Scored {
  std::uint32_t function = 0;
  double score = 0;
};

void sort_best_first(std::vector<Scored>& scored) {
  std::ranges::sort(scored, [](const Scored& a, const Scored& b) {
    return a.score != b.score ? a.score > b.score : a.function < b.function;
  });
}

// The index's own ranking: rarity of each word times how strongly the function speaks of it.
std::vector<Scored> rank_by_words(const plan::Query& query, const std::vector<std::size_t>& tokens,
                                  const FunctionIndex& index, std::vector<double>& sums) {
  sums.assign(index.functions().size(), 0);
  std::vector<double> best(sums.size(), 0);
  for (const std::size_t token : tokens) {
    const std::string& stem = query.tokens[token].stem;
    const double generic = plan::is_generic_verb(stem) ? 0.25 : 1;
    std::vector<std::uint32_t> touched;
    const auto add = [&](const std::string& word, double share) {
      const StemId id = index.stem_id(word);
      for (const Posting& posting : index.postings(id)) {
        if (best[posting.function] == 0) touched.push_back(posting.function);
        best[posting.function] =
            std::max(best[posting.function],
                     share * generic * index.rarity(id) * static_cast<double>(posting.strength));
      }
    };
    add(stem, 1);
    for (const std::string& synonym : plan::synonyms(stem)) add(synonym, kSynonym);
    for (const std::uint32_t function : touched) {
      sums[function] += best[function];
      best[function] = 0;
    }
  }
  std::vector<Scored> ranked;
  for (std::uint32_t i = 0; i < sums.size(); ++i) {
    if (sums[i] > 0) ranked.push_back({i, sums[i]});
  }
  sort_best_first(ranked);
  return ranked;
}

void fuse(const std::vector<Scored>& ranked, std::size_t limit, double weight,
          std::vector<double>& fused) {
  for (std::size_t rank = 0; rank < ranked.size() && rank < limit; ++rank) {
    fused[ranked[rank].function] += weight / (kRankOffset + static_cast<double>(rank) + 1);
  }
}

class Retriever {
 public:
  Retriever(const plan::Query& query, const repository::Repository& repository,
            const CallContext& context, const RetrieveOptions& options)
      : query_(query), repository_(repository), context_(context), options_(options) {}

  Result<Pool> run() {
    Pool pool;
    pool.snapshot = repository_.snapshot();
    pool.index = FunctionIndex::of(pool.snapshot);
    const std::size_t size = pool.index->functions().size();
    fused_.assign(size, 0);
    by_clause_.assign(query_.clauses.size(), {});
    const bool everything = size <= options_.pool_size;
    std::vector<std::size_t> all;
    for (std::size_t c = 0; c < query_.clauses.size(); ++c) {
      AE_CHECK(context_.check());
      const plan::Clause& clause = query_.clauses[c];
      all.insert(all.end(), clause.tokens.begin(), clause.tokens.end());
      if (c >= kMaxClauses) continue;
      const std::vector<Scored> ranked =
          rank_by_words(query_, clause.tokens, *pool.index, by_clause_[c]);
      fuse(ranked, options_.per_clause, 1, fused_);
      if (!everything && clause.asks) AE_CHECK(search(clause.text, *pool.index));
    }
    std::vector<double> sums;
    fuse(rank_by_words(query_, all, *pool.index, sums), 2 * options_.per_clause, 1, fused_);
    if (!everything) AE_CHECK(search(query_.text, *pool.index));
    collect(pool, everything);
    return pool;
  }

 private:
  static constexpr std::size_t kMaxClauses = 24;

  Result<void> search(const std::string& text, const FunctionIndex& index) {
    AE_TRY(const std::vector<repository::SearchHit> hits,
           repository_.search(text, 2 * options_.per_clause));
    std::vector<Scored> ranked;
    for (const repository::SearchHit& hit : hits) {
      const std::size_t number = index.find(hit.name);
      if (number < index.functions().size()) {
        ranked.push_back({static_cast<std::uint32_t>(number), hit.score});
      }
    }
    fuse(ranked, ranked.size(), 1, fused_);
    return {};
  }

  void collect(Pool& pool, bool everything) {
    std::vector<Scored> ranked;
    for (std::uint32_t i = 0; i < fused_.size(); ++i) {
      if (fused_[i] > 0 || everything) ranked.push_back({i, fused_[i]});
    }
    sort_best_first(ranked);
    const double best = ranked.empty() ? 0 : ranked.front().score;
    std::map<std::uint32_t, double> hops;
    if (!everything) hops = hop(ranked, *pool.index);
    if (ranked.size() > options_.pool_size) ranked.resize(options_.pool_size);
    // Half of the pool is for what was retrieved; producers compete for the other half.
    std::vector<Scored> merged = ranked;
    for (const auto& [function, score] : hops) {
      const auto at = std::ranges::find(merged, function, &Scored::function);
      if (at == merged.end()) {
        merged.push_back({function, score});
      } else {
        at->score += score;
      }
    }
    sort_best_first(merged);
    if (merged.size() > options_.pool_size) merged.resize(options_.pool_size);
    for (const Scored& scored : merged) {
      Candidate candidate;
      candidate.number = scored.function;
      candidate.function = pool.index->functions()[scored.function].spec->name;
      candidate.score = best > 0 ? std::min(1.0, scored.score / best) : 0;
      candidate.by_hop = fused_[scored.function] == 0 && scored.score > 0;
      for (const std::vector<double>& sums : by_clause_) {
        candidate.clause_scores.push_back(sums.empty() ? 0 : sums[scored.function]);
      }
      pool.candidates.push_back(std::move(candidate));
    }
  }

  // The producers of what the best candidates require.
  static std::map<std::uint32_t, double> hop(const std::vector<Scored>& ranked,
                                             const FunctionIndex& index) {
    std::map<std::uint32_t, double> hops;
    for (std::size_t i = 0; i < ranked.size() && i < kHopFrom; ++i) {
      for (const std::uint32_t input : index.functions()[ranked[i].function].inputs) {
        if (!index.fields()[input].required) continue;
        const std::span<const Producer> producers = index.producers(input);
        for (std::size_t k = 0; k < producers.size() && k < kHopTo; ++k) {
          const double score = ranked[i].score * kHop * static_cast<double>(producers[k].score);
          double& kept = hops[index.fields()[producers[k].field].function];
          kept = std::max(kept, score);
        }
      }
    }
    return hops;
  }

  const plan::Query& query_;
  const repository::Repository& repository_;
  const CallContext& context_;
  const RetrieveOptions& options_;
  std::vector<double> fused_;                   // by function
  std::vector<std::vector<double>> by_clause_;  // by clause, by function
};

}  // namespace

Result<Pool> retrieve(const plan::Query& query, const repository::Repository& repository,
                      const CallContext& context, const RetrieveOptions& options) {
  return Retriever(query, repository, context, options).run();
}

}  // namespace ae::retrieve
