// Stands in for libFuzzer where the compiler has none: runs a fuzz target on every file of the folders given
// and on up to 20,000 random mutations of them, always the same ones, for at most 10 seconds. The real search
// is `cmake --preset fuzz`.
#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "core/file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

void run(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

class Mutator {
 public:
  explicit Mutator(const std::vector<std::string>& seeds) : seeds_(seeds) {}

  std::string next() {
    std::string text = seeds_[below(seeds_.size())];
    for (size_t changes = 1 + below(4); changes > 0; --changes) change(text);
    return text;
  }

 private:
  size_t below(size_t end) { return std::uniform_int_distribution<size_t>(0, end - 1)(random_); }
  void change(std::string& text) {
    if (text.empty()) text = "x";
    const size_t at = below(text.size());
    switch (below(6)) {
      case 0:
        text[at] = static_cast<char>(below(256));
        break;
      case 1:
        text.erase(at, 1 + below(8));
        break;
      case 2:
        text.insert(at, 1 + below(4), static_cast<char>(below(256)));
        break;
      case 3:
        text.insert(at, text.substr(below(text.size()), 1 + below(16)));
        break;
      case 4:
        text.resize(at);
        break;
      default: {
        static const char* const words[] = {"-1",
                                            "0",
                                            "9223372036854775807",
                                            "18446744073709551616",
                                            "1e999",
                                            "{}",
                                            "[]",
                                            "null",
                                            "\"\"",
                                            "'",
                                            ",",
                                            "\xff",
                                            "True",
                                            "(",
                                            ")"};
        text.replace(at, below(3), words[below(std::size(words))]);
      }
    }
  }
  const std::vector<std::string>& seeds_;
  std::mt19937_64 random_{1};
};

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> seeds;
  for (int i = 1; i < argc; ++i)
    for (const auto& file : std::filesystem::directory_iterator(argv[i]))
      seeds.push_back(dvi::read_file(file.path()));
  if (seeds.empty()) {
    fmt::print(stderr, "give folders with at least one input to start from\n");
    return 2;
  }
  for (const std::string& seed : seeds) run(seed);
  Mutator mutator(seeds);
  const auto start = std::chrono::steady_clock::now();
  int done = 0;
  for (; done < 20000 && std::chrono::steady_clock::now() - start < std::chrono::seconds(10); ++done)
    run(mutator.next());
  fmt::print("{} inputs and {} mutations\n", seeds.size(), done);
}
