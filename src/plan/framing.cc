// Politeness and talk about the request itself, which say nothing about what is wanted.
#include <array>

#include "base/text.h"
#include "plan/internal/reader.h"

namespace ae::plan::internal {
namespace {

// A pattern is words; a|b is either, a trailing ? makes a word optional. Longest match wins.
constexpr std::array<std::string_view, 39> kFrames = {
    "it will|would be perfect|great|nice|good|lovely|wonderful|helpful|cool|fine|awesome|"
    "fantastic|amazing|appreciated|ideal|best if you|i could|can|would|will|might? please?",
    "it'd|it'll be perfect|great|nice|good|lovely|wonderful|helpful|cool|fine if you|i "
    "could|can|would? "
    "please?",
    "i would be grateful|glad|happy|thankful|delighted if you could|would|can? please?",
    "i'd be grateful|glad|happy|thankful|delighted if you could|would|can? please?",
    "i would|will really|very|also? like|love|appreciate|prefer you? to",
    "i'd|i'll really|also|just? like|love|appreciate|prefer you? to",
    "i'd|i'll like|love|appreciate it if you could|would? please?",
    "i would appreciate it? if you could|would? please?",
    "we would like|love you? to",
    "we'd like|love you? to",
    "i|we really|also|just? want|need|wish|have|must|intend|plan|hope|aim you? to",
    "i|we should|must|can",
    "i|we need|want your? help|assistance with|in|to?",
    "i|we need|want",
    "i would like|love",
    "i'd like|love",
    "i am looking for|to",
    "i'm looking|trying|going|planning|hoping|wanting|interested|wondering for|to|in|if|whether "
    "you|i? "
    "can|could?",
    "i am trying|going|planning|hoping|wanting|interested|wondering to|in|if|whether you|i? "
    "can|could?",
    "i was wondering|hoping if|whether|that? you|i? could|can|would|to? please?",
    "could|can|would|will you also|please|kindly|maybe|perhaps|just|possibly? please?",
    "can|could|may|should i|we please|also?",
    "would you mind to?",
    "would|could you be so? kind|able enough? to?",
    "is it possible to|for? me? to?",
    "is there a|any? way|chance to|you? can|could?",
    "please|kindly also|just|kindly? go? ahead? and?",
    "help me|us with|to? please?",
    "assist me|us with|in?",
    "let us|me",
    "let's",
    "create|build|make|generate|design|write|compose|prepare|have|set me? up? a|an|the? new|simple|"
    "small|serverless? workflow|pipeline|process|automation|flow that|which|to|for|where "
    "will|would|"
    "can|should? automatically?",
    "a|the workflow|pipeline|automation|process that|which|to",
    "hello|hi|hey|dear|greetings|ok|okay|well|so|now there|team|all|assistant|bot|everyone?",
    "good morning|afternoon|evening|day",
    "thank you so|very? much?",
    "thanks a? lot? in? advance?",
    "you should|must|can|could|have to?",
    "the|your task|goal|job|aim|request|idea is to",
};

bool matches_word(std::string_view alternatives, std::string_view word) {
  for (const std::string_view alternative : split(alternatives, '|')) {
    if (alternative == word) return true;
  }
  return false;
}

std::size_t match(std::string_view frame, std::span<const Token> tokens, std::size_t at) {
  std::size_t used = at;
  while (!frame.empty()) {
    const std::size_t blank = frame.find(' ');
    std::string_view word = frame.substr(0, blank);
    frame.remove_prefix(blank == std::string_view::npos ? frame.size() : blank + 1);
    const bool optional = word.ends_with('?');
    if (optional) word.remove_suffix(1);
    const bool fits = used < tokens.size() && tokens[used].kind == TokenKind::kWord &&
                      matches_word(word, tokens[used].lower);
    if (fits) {
      ++used;
    } else if (!optional) {
      return 0;
    }
  }
  return used - at;
}

}  // namespace

std::size_t framing_length(std::span<const Token> tokens, std::size_t at) {
  std::size_t longest = 0;
  for (const std::string_view frame : kFrames) {
    longest = std::max(longest, match(frame, tokens, at));
  }
  return longest;
}

}  // namespace ae::plan::internal
