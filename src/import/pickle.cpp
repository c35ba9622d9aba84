#include "import/pickle.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <unordered_map>

#include "core/error.h"

namespace dvi {
namespace {

using Kind = PickleNode::Kind;

class Machine {
 public:
  Machine(std::span<const std::byte> bytes, const std::string& name) : bytes_(bytes), name_(name) {}

  Pickle run() {
    while (step()) {
    }
    pickle_.root = pop();
    return std::move(pickle_);
  }

 private:
  [[noreturn]] void damaged() const {
    fail(
        "{}: expected a pickle as torch.save writes it, found it damaged or cut off at byte {}; save it "
        "again",
        name_, at_);
  }

  const std::byte* take(uint64_t count) {
    if (count > bytes_.size() - at_) damaged();
    const std::byte* data = bytes_.data() + at_;
    at_ += count;
    return data;
  }
  template <typename T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof(T)), sizeof(T));
    return value;
  }
  std::string text(uint64_t count) {
    const auto* data = reinterpret_cast<const char*>(take(count));
    return {data, data + count};
  }
  std::string line() {
    const auto rest = bytes_.subspan(at_);
    const auto end = std::find(rest.begin(), rest.end(), std::byte{'\n'});
    if (end == rest.end()) damaged();
    std::string result = text(static_cast<uint64_t>(end - rest.begin()));
    ++at_;
    return result;
  }

  /// A node takes a hundred times the byte that makes it.
  static constexpr size_t most_nodes = 4000000;
  static constexpr size_t most_name = 1000;

  PickleNode* make(Kind kind) {
    if (pickle_.nodes.size() == most_nodes)
      fail(
          "{}: expected at most {} objects in its pickle, found more; save the tensors alone with torch.save",
          name_, most_nodes);
    pickle_.nodes.emplace_back().kind = kind;
    return &pickle_.nodes.back();
  }
  void push(PickleNode* node) { stack_.push_back(node); }
  void push_integer(int64_t value, Kind kind = Kind::integer) {
    PickleNode* node = make(kind);
    node->integer = value;
    push(node);
  }
  void push_text(std::string value, Kind kind) {
    PickleNode* node = make(kind);
    node->text = std::move(value);
    push(node);
  }
  void push_long(uint64_t count) {
    const std::byte* data = take(count);
    uint64_t value = 0;
    for (uint64_t i = 0; i < std::min<uint64_t>(count, 8); ++i)
      value |= std::to_integer<uint64_t>(data[i]) << (8 * i);
    if (count > 0 && count < 8 && (std::to_integer<int>(data[count - 1]) & 0x80) != 0)
      value |= ~uint64_t{0} << (8 * count);
    push_integer(static_cast<int64_t>(value));
  }
  PickleNode* pop() {
    if (stack_.empty() || (!marks_.empty() && stack_.size() <= marks_.back())) damaged();
    PickleNode* node = stack_.back();
    stack_.pop_back();
    return node;
  }
  PickleNode* top(Kind kind) {
    if (stack_.empty() || (!marks_.empty() && stack_.size() <= marks_.back())) damaged();
    if (stack_.back()->kind != kind && stack_.back()->kind != Kind::call) damaged();
    return stack_.back();
  }
  std::vector<const PickleNode*> pop_mark() {
    if (marks_.empty()) damaged();
    std::vector<const PickleNode*> items(stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back()),
                                         stack_.end());
    stack_.resize(marks_.back());
    marks_.pop_back();
    return items;
  }
  void push_sequence(size_t count) {
    PickleNode* node = make(Kind::sequence);
    node->items.resize(count);
    for (size_t i = count; i-- > 0;) node->items[i] = pop();
    push(node);
  }
  /// Adds to the container on top: a list, a dict, or something called (an OrderedDict).
  void add(const std::vector<const PickleNode*>& items, Kind kind) {
    if (kind == Kind::dict && items.size() % 2 != 0) damaged();
    PickleNode* container = top(kind);
    container->items.insert(container->items.end(), items.begin(), items.end());
  }
  void remember(uint64_t index) {
    if (stack_.empty() || memo_.size() > most_nodes) damaged();
    memo_[index] = stack_.back();
  }
  void recall(uint64_t index) {
    const auto found = memo_.find(index);
    if (found == memo_.end()) damaged();
    push(found->second);
  }
  void push_call(PickleNode* callee, const PickleNode* arguments) {
    PickleNode* node = make(Kind::call);
    node->items = {callee, arguments};
    push(node);
  }

  bool step() {
    const int opcode = std::to_integer<int>(*take(1));
    switch (opcode) {
      case 0x80:
        take(1);
        break;  // PROTO
      case 0x95:
        take(8);
        break;  // FRAME
      case '.':
        return false;  // STOP
      case '(':
        marks_.push_back(stack_.size());
        break;
      case '0':  // POP: of a mark if that is on top
        if (!marks_.empty() && marks_.back() == stack_.size())
          marks_.pop_back();
        else
          pop();
        break;
      case '1':
        pop_mark();
        break;
      case '2': {
        PickleNode* node = pop();
        push(node);
        push(node);
        break;
      }
      case 'N':
        push(make(Kind::none));
        break;
      case 0x88:
        push_integer(1, Kind::boolean);
        break;
      case 0x89:
        push_integer(0, Kind::boolean);
        break;
      case 'J':
        push_integer(number<int32_t>());
        break;
      case 'K':
        push_integer(number<uint8_t>());
        break;
      case 'M':
        push_integer(number<uint16_t>());
        break;
      case 0x8a:
        push_long(number<uint8_t>());
        break;
      case 0x8b:
        push_long(number<uint32_t>());
        break;
      case 'G': {
        const auto big_endian = number<uint64_t>();
        PickleNode* node = make(Kind::real);
        node->real = std::bit_cast<double>(__builtin_bswap64(big_endian));
        push(node);
        break;
      }
      case 'X':
        push_text(text(number<uint32_t>()), Kind::text);
        break;
      case 0x8c:
        push_text(text(number<uint8_t>()), Kind::text);
        break;
      case 0x8d:
        push_text(text(number<uint64_t>()), Kind::text);
        break;
      case 'T':
        push_text(text(number<uint32_t>()), Kind::text);
        break;
      case 'U':
        push_text(text(number<uint8_t>()), Kind::text);
        break;
      case 'B':
        push_text(text(number<uint32_t>()), Kind::bytes);
        break;
      case 'C':
        push_text(text(number<uint8_t>()), Kind::bytes);
        break;
      case 0x8e:
      case 0x96:
        push_text(text(number<uint64_t>()), Kind::bytes);
        break;
      case '}':
        push(make(Kind::dict));
        break;
      case ']':
      case ')':
      case 0x8f:
        push(make(Kind::sequence));
        break;
      case 't':
      case 'l':
      case 0x91: {
        auto items = pop_mark();
        PickleNode* node = make(Kind::sequence);
        node->items = std::move(items);
        push(node);
        break;
      }
      case 'd': {
        auto items = pop_mark();
        push(make(Kind::dict));
        add(items, Kind::dict);
        break;
      }
      case 0x85:
        push_sequence(1);
        break;
      case 0x86:
        push_sequence(2);
        break;
      case 0x87:
        push_sequence(3);
        break;
      case 'a':
        add({pop()}, Kind::sequence);
        break;
      case 'e':
      case 0x90:
        add(pop_mark(), Kind::sequence);
        break;
      case 's': {
        const PickleNode* value = pop();
        const PickleNode* key = pop();
        add({key, value}, Kind::dict);
        break;
      }
      case 'u':
        add(pop_mark(), Kind::dict);
        break;
      case 'c': {
        std::string module = line();
        push_text(std::move(module) + " " + line(), Kind::global);
        break;
      }
      case 0x93: {  // STACK_GLOBAL
        const PickleNode* function = pop();
        const PickleNode* module = pop();
        // Shared texts would make as many long names of a few bytes each as one likes.
        if (module->text.size() > most_name || function->text.size() > most_name) damaged();
        push_text(module->text + " " + function->text, Kind::global);
        break;
      }
      case 'R':
      case 0x81: {  // REDUCE, NEWOBJ
        const PickleNode* arguments = pop();
        push_call(pop(), arguments);
        break;
      }
      case 0x92: {  // NEWOBJ_EX: keyword arguments are left out
        pop();
        const PickleNode* arguments = pop();
        push_call(pop(), arguments);
        break;
      }
      case 'b':
        pop();
        break;  // BUILD: attributes; what is read from here is in arguments and items
      case 'Q': {
        PickleNode* node = make(Kind::persistent);
        node->items = {pop()};
        push(node);
        break;
      }
      case 'q':
        remember(number<uint8_t>());
        break;
      case 'r':
        remember(number<uint32_t>());
        break;
      case 0x94:
        remember(memo_.size());
        break;
      case 'h':
        recall(number<uint8_t>());
        break;
      case 'j':
        recall(number<uint32_t>());
        break;
      default:
        fail(
            "{}: expected a pickle as torch.save writes it, found opcode {} at byte {}; load it with "
            "torch.load and save the "
            "tensors alone",
            name_, opcode, at_ - 1);
    }
    return true;
  }

  std::span<const std::byte> bytes_;
  const std::string& name_;
  size_t at_ = 0;
  Pickle pickle_;
  std::vector<PickleNode*> stack_;
  std::vector<size_t> marks_;
  std::unordered_map<uint64_t, PickleNode*> memo_;
};

}  // namespace

Pickle read_pickle(std::span<const std::byte> bytes, const std::string& name) {
  return Machine(bytes, name).run();
}

}  // namespace dvi
