// Text and tabular samples: texts.txt and rows.csv.
#include <algorithm>

#include "core/error.h"
#include "run/run.h"

namespace dvi {
namespace {

/// Splits one CSV file (RFC 4180): cells may be quoted, and quoted cells may hold line ends and "" for a
/// quote. A row of more cells than the first, or a row too many, is refused where it begins: a cell takes 32
/// times the memory of the comma that makes it.
std::vector<std::vector<std::string>> parse_csv(const std::string& text, const std::string& file,
                                                int64_t most_rows) {
  constexpr size_t most_cells = 10000;
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> row;
  std::string cell;
  bool quoted = false, anything = false;
  const auto end_cell = [&] {
    const size_t most = rows.empty() ? most_cells : rows.front().size();
    if (row.size() == most)
      fail("{}: expected {} cells for sample {}, as in the line of names, found more", file, most,
           static_cast<int64_t>(rows.size()) - 1);
    row.push_back(std::move(cell));
    cell.clear();
  };
  const auto end_row = [&] {
    end_cell();
    if (static_cast<int64_t>(rows.size()) == most_rows)
      fail("{}: expected a line of names and {} lines, one a sample, found more", file, most_rows - 1);
    rows.push_back(std::move(row));
    row.clear();
    anything = false;
  };
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c != '"') {
        cell += c;
      } else if (i + 1 < text.size() && text[i + 1] == '"') {
        cell += '"';
        ++i;
      } else {
        quoted = false;
      }
    } else if (c == '"' && cell.empty()) {
      quoted = anything = true;
    } else if (c == ',') {
      end_cell();
      anything = true;
    } else if (c == '\n') {
      end_row();
    } else if (c != '\r' || i + 1 >= text.size() || text[i + 1] != '\n') {
      cell += c;
      anything = true;
    }
  }
  if (quoted) fail("{}: expected every quote to be closed, found one open in row {}", file, rows.size());
  if (anything) end_row();
  return rows;
}

}  // namespace

std::vector<std::string> Run::texts() const {
  const auto file = folder_ / "texts.txt";
  std::vector<std::string> lines;
  if (!std::filesystem::exists(file)) return lines;
  const std::string text = read_file(file);
  // Counted first: a line takes 32 times the memory of the line end that makes it.
  const auto count =
      std::count(text.begin(), text.end(), '\n') + (text.empty() || text.back() == '\n' ? 0 : 1);
  if (count != manifest_->sample_count())
    fail("{}: expected {} lines, one a sample, found {}", file.string(), manifest_->sample_count(), count);
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const size_t length = end - at - (end > at && text[end - 1] == '\r' ? 1 : 0);
    lines.push_back(text.substr(at, length));
    at = end + 1;
  }
  return lines;
}

std::vector<std::vector<std::string>> Run::rows() const {
  const auto file = folder_ / "rows.csv";
  if (!std::filesystem::exists(file)) return {};
  auto rows = parse_csv(read_file(file), file.string(), manifest_->sample_count() + 1);
  if (static_cast<int64_t>(rows.size()) != manifest_->sample_count() + 1)
    fail("{}: expected a line of names and {} lines, one a sample, found {} lines", file.string(),
         manifest_->sample_count(), rows.size());
  for (size_t i = 1; i < rows.size(); ++i)
    if (rows[i].size() != rows[0].size())
      fail("{}: expected {} cells for sample {}, as in the line of names, found {}", file.string(),
           rows[0].size(), i - 1, rows[i].size());
  return rows;
}

}  // namespace dvi
