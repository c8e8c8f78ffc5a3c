#include "compile/stages.h"

#include <algorithm>
#include <utility>

#include "dag/order.h"

namespace ae::compile {
namespace {

using Steps = std::vector<std::size_t>;  // each after what it uses

// Cuts in a group of steps: everything up to a position, then everything after it.
struct Cuts {
  // Of each prefix but the whole: pairs of a last step before it and a first step after it that no
  // edge joins. None: the cut only says what the edges say.
  std::vector<std::size_t> missing;
  std::vector<std::size_t> level_ends;  // prefixes that end a level
};

class Decomposition final {
 public:
  Decomposition(std::vector<std::vector<std::size_t>> producers, std::size_t max_depth)
      : producers_(std::move(producers)),
        consumers_(producers_.size()),
        group_(producers_.size(), 0),
        level_(producers_.size(), 0),
        open_(producers_.size(), 0),
        inside_(producers_.size(), 0),
        state_(producers_.size(), State::kAhead),
        max_depth_(max_depth) {
    for (std::size_t step = 0; step < producers_.size(); ++step) {
      for (const std::size_t producer : producers_[step]) consumers_[producer].push_back(step);
    }
  }

  Stages run(Steps order) {
    Stages stages;
    stages.root = decompose(std::move(order), 0);
    stages.barriers = std::move(barriers_);
    return stages;
  }

 private:
  enum class State : unsigned char { kAhead, kSource, kSink, kCovered };

  // `depth`: how many parallels are around these steps.
  Stage decompose(Steps steps, std::size_t depth) {
    if (steps.size() == 1) return {.kind = Stage::Kind::kStep, .step = steps[0], .children = {}};
    regroup(steps);
    std::vector<Steps> parts = components(steps);
    if (parts.size() > 1) return side_by_side(std::move(parts), steps, depth);
    sort_by_level(steps);
    return one_after_another(steps, depth);
  }

  void regroup(const Steps& steps) {
    ++groups_;
    for (const std::size_t step : steps) group_[step] = groups_;
  }
  bool same_group(std::size_t a, std::size_t b) const { return group_[a] == group_[b]; }

  std::vector<Steps> components(const Steps& steps) {
    std::vector<Steps> parts;
    Steps queue;
    for (const std::size_t step : steps) state_[step] = State::kAhead;
    for (const std::size_t first : steps) {
      if (state_[first] == State::kCovered) continue;
      state_[first] = State::kCovered;
      queue.assign(1, first);
      for (std::size_t i = 0; i < queue.size(); ++i) {
        const std::size_t step = queue[i];
        for (const Steps* neighbours :
             {&std::as_const(producers_[step]), &std::as_const(consumers_[step])}) {
          for (const std::size_t other : *neighbours) {
            if (!same_group(step, other) || state_[other] == State::kCovered) continue;
            state_[other] = State::kCovered;
            queue.push_back(other);
          }
        }
      }
      for (const std::size_t step : queue) level_[step] = parts.size();
      parts.emplace_back().reserve(queue.size());
    }
    for (const std::size_t step : steps) parts[level_[step]].push_back(step);
    return parts;
  }

  Stage side_by_side(std::vector<Steps> parts, Steps& steps, std::size_t depth) {
    if (depth + 1 == max_depth_ &&
        !std::ranges::all_of(parts, [&](Steps& part) { return is_chain(part); })) {
      sort_by_level(steps);
      return level_by_level(steps, depth);
    }
    Stage stage{.kind = Stage::Kind::kParallel, .step = 0, .children = {}};
    stage.children.reserve(parts.size());
    for (Steps& part : parts) stage.children.push_back(decompose(std::move(part), depth + 1));
    return stage;
  }

  // Does each step use the one before it?
  bool is_chain(const Steps& part) const {
    for (std::size_t i = 1; i < part.size(); ++i) {
      if (!std::ranges::binary_search(producers_[part[i]], part[i - 1])) return false;
    }
    return true;
  }

  void sort_by_level(Steps& steps) {
    std::vector<Steps> levels;
    for (const std::size_t step : steps) {
      level_[step] = 0;
      for (const std::size_t producer : producers_[step]) {
        if (same_group(step, producer)) level_[step] = std::max(level_[step], level_[producer] + 1);
      }
      if (level_[step] >= levels.size()) levels.resize(level_[step] + 1);
      levels[level_[step]].push_back(step);
    }
    steps.clear();
    for (const Steps& level : levels) steps.insert(steps.end(), level.begin(), level.end());
  }

  // The last resort: every step of a level waits for all of the level before.
  Stage level_by_level(const Steps& steps, std::size_t depth) {
    const Cuts cuts = cuts_of(steps);
    for (const std::size_t end : cuts.level_ends) {
      if (cuts.missing[end] > 0) note_barrier(steps, end);
    }
    return sequence_of(steps, cuts.level_ends, depth);
  }

  Stage one_after_another(const Steps& steps, std::size_t depth) {
    const Cuts cuts = cuts_of(steps);
    std::vector<std::size_t> ends;
    for (std::size_t end = 1; end < steps.size(); ++end) {
      if (cuts.missing[end] == 0) ends.push_back(end);
    }
    if (ends.empty()) {
      const std::size_t middle = steps.size() / 2;
      const auto distance = [&](std::size_t end) {
        return end > middle ? end - middle : middle - end;
      };
      const std::size_t best = *std::ranges::min_element(cuts.level_ends, {}, [&](std::size_t end) {
        return std::pair(cuts.missing[end], distance(end));
      });
      note_barrier(steps, best);
      ends.push_back(best);
    }
    return sequence_of(steps, ends, depth);
  }

  // `ends`: ascending positions in `steps`, neither 0 nor all.
  Stage sequence_of(const Steps& steps, const std::vector<std::size_t>& ends, std::size_t depth) {
    Stage stage{.kind = Stage::Kind::kSequence, .step = 0, .children = {}};
    for (std::size_t i = 0; i <= ends.size(); ++i) {
      const auto at = [&](std::size_t end) {
        return steps.begin() + static_cast<std::ptrdiff_t>(end);
      };
      Stage part = decompose(
          Steps(at(i == 0 ? 0 : ends[i - 1]), i == ends.size() ? steps.end() : at(ends[i])), depth);
      if (part.kind != Stage::Kind::kSequence) {
        stage.children.push_back(std::move(part));
      } else {
        std::ranges::move(part.children, std::back_inserter(stage.children));
      }
    }
    return stage;
  }

  std::size_t neighbours_in(std::size_t step, const std::vector<std::size_t>& neighbours,
                            State state) const {
    return static_cast<std::size_t>(std::ranges::count_if(neighbours, [&](std::size_t other) {
      return same_group(step, other) && state_[other] == state;
    }));
  }

  // Moves the steps one by one over the cut. A step ahead of it whose producers are all behind it
  // is a source, one behind it whose consumers are all ahead a sink; the edges between these two
  // are counted, so that a full bipartite graph (nothing missing) is found without looking at it.
  Cuts cuts_of(const Steps& steps) {
    Cuts cuts;
    cuts.missing.assign(steps.size(), 0);
    std::size_t sinks = 0;
    std::size_t sources = 0;
    std::size_t joined = 0;
    for (const std::size_t step : steps) {
      open_[step] = 0;
      inside_[step] = 0;
      for (const std::size_t producer : producers_[step]) open_[step] += same_group(step, producer);
      state_[step] = open_[step] == 0 ? State::kSource : State::kAhead;
      sources += open_[step] == 0;
    }
    for (std::size_t end = 1; end < steps.size(); ++end) {
      const std::size_t step = steps[end - 1];
      joined -= neighbours_in(step, producers_[step], State::kSink);
      state_[step] = State::kSink;
      --sources;
      ++sinks;
      for (const std::size_t producer : producers_[step]) {
        if (!same_group(step, producer) || inside_[producer]++ > 0) continue;
        state_[producer] = State::kCovered;
        --sinks;
        joined -= neighbours_in(producer, consumers_[producer], State::kSource);
      }
      for (const std::size_t consumer : consumers_[step]) {
        if (!same_group(step, consumer) || --open_[consumer] > 0) continue;
        state_[consumer] = State::kSource;
        ++sources;
        joined += neighbours_in(consumer, producers_[consumer], State::kSink);
      }
      cuts.missing[end] = sinks * sources - joined;
      if (level_[step] != level_[steps[end]]) cuts.level_ends.push_back(end);
    }
    return cuts;
  }

  void note_barrier(const Steps& steps, std::size_t end) {
    const auto behind = [&](std::size_t step, std::size_t other) {
      return same_group(step, other) && position_is_before(other, steps[end]);
    };
    Barrier barrier;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const auto is_behind = [&](std::size_t other) { return behind(steps[i], other); };
      if (i < end && std::ranges::none_of(consumers_[steps[i]], is_behind)) {
        barrier.before.push_back(steps[i]);
      }
      const auto is_ahead = [&](std::size_t other) {
        return same_group(steps[i], other) && !is_behind(other);
      };
      if (i >= end && std::ranges::none_of(producers_[steps[i]], is_ahead)) {
        barrier.after.push_back(steps[i]);
      }
    }
    barriers_.push_back(std::move(barrier));
  }
  // For a cut between levels: is `step` on the near side of the level that begins with `first`?
  bool position_is_before(std::size_t step, std::size_t first) const {
    return level_[step] < level_[first];
  }

  const std::vector<std::vector<std::size_t>> producers_;
  std::vector<std::vector<std::size_t>> consumers_;
  // Of each step, as scratch for the group under the knife.
  std::vector<std::size_t> group_;
  std::vector<std::size_t> level_;
  std::vector<std::size_t> open_;    // producers that are still ahead
  std::vector<std::size_t> inside_;  // consumers that are behind
  std::vector<State> state_;
  std::size_t groups_ = 0;
  const std::size_t max_depth_;
  std::vector<Barrier> barriers_;
};

}  // namespace

Result<Stages> stages_of(const dag::Workflow& workflow, std::size_t max_depth) {
  if (workflow.nodes.empty()) {
    return fail(ErrorCode::kInvalidArgument, "the workflow has no steps: add at least one");
  }
  AE_TRY(Steps order, dag::topological_order(workflow));
  return Decomposition(dag::dependencies(workflow), std::max<std::size_t>(1, max_depth))
      .run(std::move(order));
}

}  // namespace ae::compile
