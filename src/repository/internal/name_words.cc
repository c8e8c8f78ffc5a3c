#include "repository/internal/name_words.h"

#include <algorithm>
#include <limits>
#include <unordered_set>

#include "base/text.h"

namespace ae::repository::internal {
namespace {

// What functions of organisations are called after. A word that is missing here only leaves a name
// in one piece.
constexpr std::string_view kWords =
    "accept access account accounts action activate active activity add address addresses adjust "
    "admin age aggregate agenda alert alerts all amount analyse analysis analyze and answer api "
    "app append apply appointment approve archive area article articles artist ask assign at "
    "attach attachment audio audit auth author authorize availability available avatar average "
    "backup bag balance bank bar barcode base64 basket batch best bill billing blur body book "
    "booking bookings border bot box brand bucket budget build building bulk business buy by cache "
    "calculate calendar call campaign cancel candidate caption card cart case cash catalog "
    "categorize category center change channel charge chart chat check checkout child choose "
    "circle city classify clean clear click client clock close code coin collect collection color "
    "colour column columns comment comments company compare complete compose compress compute "
    "condition config confirm contact contacts content contract convert coordinates copy cost "
    "count country coupon course create credentials credit crop csv currency current customer "
    "customers daily dashboard data database date dates day days db debit decode decrypt deduct "
    "default delete deliver delivery department deposit describe description destination detail "
    "details detect device dictionary diff digest directions disable discount discover dispatch "
    "display distance do doc document documents domain download draft draw driver duplicate "
    "duration edge edit email emails emotion employee employees enable encode encrypt end energy "
    "enrich enter entities entity entry error estimate evaluate event events exchange execute "
    "exif exists expand expense expire export extract face faces favorite feature feed feedback "
    "fetch field file files fill filter finance find fix flag flatten flight flights flip "
    "folder food for forecast form format forward fraud free friend from full game gender "
    "generate genre geo geocode get gift give go grade gray grayscale grey greet group groups "
    "guess guest handle hash headline health height hello help history hit holiday home hotel "
    "hotels hour hours house html http icon id identify ids image images import in inbox income "
    "increment index info ingest input insert inspect insurance interest into inventory invite "
    "invoice invoices ip is issue item items job jobs join journey json key keys keyword keywords "
    "kind label labels lambda language last latest latitude lead leave length level library like "
    "link links list load loan local locate location locations lock log login logo logout logs "
    "longitude look lookup lower machine mail make manager map mark market markdown mask match "
    "matches meal mean measure media meeting member members memo menu merge message messages "
    "meta metadata metric metrics mime minute mode model moderate money monitor month monthly mood "
    "move movie movies multiply music my name names near nearby nearest new news next night node "
    "normalize note notes notification notifications notify now number numbers object objects ocr "
    "of off offer office old on open optimize option or order orders organization outbox output "
    "overlay owner pack package page pages parse parcel park part partner party password path "
    "patient pay payment payments pdf people percent permission person phone photo photos phrase "
    "pick picture pictures ping pixel place places plan platform play player playlist podcast "
    "point points policy poll position post posts predict preference prepare preview previous "
    "price prices print private process product products profile project promo proof property "
    "provider public publish pull purchase push put qr query question queue quiz quota quote "
    "random range rank rate rates rating read receipt receive recent recipe recipes recognize "
    "recommend recommendation record records refund region register reject related release "
    "reminder remove rename render renew rent replace reply report reports request reservation "
    "reserve reset resize resolve resource response restaurant restaurants restore result results "
    "retrieve return reverse review reviews reward role room rotate round route row rows rule run "
    "s3 salary sale sales sample save scale scan schedule score scrape search secret section "
    "segment select send sensor sentence sentiment sequence serve server service session set "
    "settings shape share sheet ship shipment shipping shop shopping show sign signed signup "
    "similar site size sms sns song songs sort sound source space speech speed spell split sql sqs "
    "staff start state station stats status step stock stop storage store stories story stream "
    "street string strip student students style subject submit subscribe subscription suggest sum "
    "summarize summary support survey symbol sync table tables tag tags target task tasks tax "
    "teacher team temperature template term test text thanks the thumbnail thumbnails ticket "
    "tickets time timestamp timezone title to today token tokenize tool top topic topics total "
    "track tracking traffic train transaction transactions transcode transcribe transcript "
    "transfer transform translate translation transport travel trend trigger trim trip trips "
    "type unit unlock unsubscribe unzip up update upgrade upload upper uri url urls usage use "
    "user users username validate validation value values variant vat vehicle vendor verify "
    "version video videos view visit voice volume vote voucher wait wallet warehouse watch "
    "watermark weather web webhook website week weekly weight welcome width wifi wind wish with "
    "word words work worker workflow write xml yaml year zip zone presigned";

const std::unordered_set<std::string_view>& known_words() {
  static const std::unordered_set<std::string_view> words = [] {
    std::unordered_set<std::string_view> all;
    for (const std::string_view word : split(kWords, ' ')) all.insert(word);
    return all;
  }();
  return words;
}

// The fewest known words that make up the text; among those the longest first. Empty: none do.
std::vector<std::string> cut(std::string_view text) {
  constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();
  constexpr std::size_t kLongestWord = 16;
  // best[i]: the fewest words for what begins at i; next[i]: where the first of them ends.
  std::vector<std::size_t> best(text.size() + 1, kNone);
  std::vector<std::size_t> next(text.size() + 1, 0);
  best[text.size()] = 0;
  for (std::size_t i = text.size(); i-- > 0;) {
    for (std::size_t end = std::min(text.size(), i + kLongestWord); end > i; --end) {
      if (best[end] == kNone || best[end] + 1 >= best[i]) continue;
      if (!known_words().contains(text.substr(i, end - i))) continue;
      best[i] = best[end] + 1;
      next[i] = end;
    }
  }
  std::vector<std::string> words;
  if (best[0] == kNone) return words;
  for (std::size_t i = 0; i < text.size(); i = next[i]) {
    words.emplace_back(text.substr(i, next[i] - i));
  }
  return words;
}

}  // namespace

std::vector<std::string> name_words(std::string_view name) {
  // In one piece first, since digits part words elsewhere: "froms3" is "from s3".
  std::string letters;
  std::vector<std::string> words;
  const auto take = [&] {
    if (letters.empty()) return;
    std::vector<std::string> pieces = cut(letters);
    if (pieces.empty()) {
      for (const std::string& word : identifier_words(letters)) {
        std::vector<std::string> parts = cut(word);
        if (parts.empty()) parts = {word};
        std::ranges::move(parts, std::back_inserter(pieces));
      }
    }
    std::ranges::move(pieces, std::back_inserter(words));
    letters.clear();
  };
  char before = 0;
  for (const char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    const bool hump = c >= 'A' && c <= 'Z' && before >= 'a' && before <= 'z';
    if (!letter || hump) take();
    if (letter) letters += to_lower({&c, 1});
    before = c;
  }
  take();
  return words;
}

}  // namespace ae::repository::internal
