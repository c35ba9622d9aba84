#include "vis/repulsion_field.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include "comm/shared_for.h"
#include "core/parallel.h"
#include "vis/repulsion_grid.h"

namespace dvi {
namespace {

constexpr int64_t strip = 32;
// Smaller grids are transformed by every rank faster than their parts are sent.
constexpr int64_t nodes_worth_sharing = 256;

/// The lines among `lines` of the grid that a rank transforms, in whole strips.
RowRange lines_of_rank(int64_t lines, int rank) { return range_of_rank(lines, strip, rank); }

struct Weights {
  int64_t node;  // the first of four
  float w[4];
};

/// Cubic Lagrange weights of the four nodes around `at` (in node units).
inline Weights weights_at(float at) {
  const float floor = std::floor(at), t = at - floor;
  Weights out;
  out.node = static_cast<int64_t>(floor) - 1;
  out.w[0] = -t * (t - 1) * (t - 2) * (1.f / 6);
  out.w[1] = (t + 1) * (t - 1) * (t - 2) * 0.5f;
  out.w[2] = -(t + 1) * t * (t - 2) * 0.5f;
  out.w[3] = (t + 1) * t * (t - 1) * (1.f / 6);
  return out;
}

}  // namespace

struct RepulsionField::Grid : RepulsionGrid {
  int64_t length = 0;  // nodes a side, padded to twice that for a convolution without wrap-around
  std::unique_ptr<Fft> fft;
  // Spectra are stored as the forward passes leave them: [second axis frequency, first axis frequency].
  AlignedVector<float> kernel_re, kernel_im, normaliser_spectrum;
  AlignedVector<float> re, im, turned_re, turned_im;  // [length, length]
  AlignedVector<float> field;                // [nodes, 2, nodes]: a row of one component, then of the other
  std::vector<std::vector<int64_t>> charge;  // [nodes, nodes] of each worker, in charge units
  std::vector<int64_t> sent_charge, came_charge;  // to and from other ranks
  std::vector<float> sent, received;
  int64_t sources = 0;
  bool shared = false;  // each rank transforms some lines
  double normaliser = 0;

  RowRange own_lines(int64_t lines) const {
    return shared ? lines_of_rank(lines, comm().rank()) : RowRange{0, lines};
  }

  /// Transforms the `columns` first columns of in [rows, length] along their `length` (rows beyond `rows` are
  /// zero) and writes the first `kept` results of each as a row of out [columns, stride]. Of columns that
  /// this rank transforms.
  void pass(const AlignedVector<float>& in_re, const AlignedVector<float>& in_im, int64_t rows,
            int64_t columns, int64_t kept, bool inverse, float* out_re, float* out_im, int64_t stride) const {
    const RowRange own = own_lines(columns);
    parallel_for((own.size() + strip - 1) / strip, 1, [&](int64_t piece, int64_t, int) {
      thread_local AlignedVector<float> a, b, scratch;
      const int64_t first = own.begin + piece * strip, width = std::min(strip, own.end - first);
      a.resize(static_cast<size_t>(length * width));
      b.resize(static_cast<size_t>(length * width));
      for (int64_t r = 0; r < rows; ++r) {
        std::copy_n(&in_re[static_cast<size_t>(r * length + first)], width,
                    &a[static_cast<size_t>(r * width)]);
        std::copy_n(&in_im[static_cast<size_t>(r * length + first)], width,
                    &b[static_cast<size_t>(r * width)]);
      }
      std::fill(a.begin() + rows * width, a.end(), 0.f);
      std::fill(b.begin() + rows * width, b.end(), 0.f);
      fft->transform(a.data(), b.data(), width, inverse, scratch);
      for (int64_t c = 0; c < width; ++c) {
        float* to_re = out_re + (first + c) * stride;
        float* to_im = out_im + (first + c) * stride;
        for (int64_t r = 0; r < kept; ++r) {
          to_re[r] = a[static_cast<size_t>(r * width + c)];
          to_im[r] = b[static_cast<size_t>(r * width + c)];
        }
      }
    });
  }

  /// Of the grid's first `rows` rows and `columns` columns every rank has its rows, and gets its columns.
  void turn(AlignedVector<float>& a, AlignedVector<float>& b, int64_t rows, int64_t columns) {
    if (!shared) return;
    const int rank = comm().rank(), ranks = comm().size();
    std::vector<int64_t> to{0}, from{0};
    sent.clear();
    for (int r = 0; r < ranks; ++r) {
      const RowRange mine = lines_of_rank(rows, rank), theirs = lines_of_rank(columns, r);
      for (const auto* part : {&a, &b})
        for (int64_t i = mine.begin; i < mine.end; ++i)
          sent.insert(sent.end(), part->begin() + i * length + theirs.begin,
                      part->begin() + i * length + theirs.end);
      to.push_back(static_cast<int64_t>(sent.size() * sizeof(float)));
      from.push_back(from.back() + 2 * lines_of_rank(rows, r).size() * lines_of_rank(columns, rank).size() *
                                       static_cast<int64_t>(sizeof(float)));
    }
    received.resize(static_cast<size_t>(from.back()) / sizeof(float));
    comm().exchange(std::as_bytes(std::span(sent)), to, bytes_of(received), from);
    const float* at = received.data();
    for (int r = 0; r < ranks; ++r) {
      const RowRange theirs = lines_of_rank(rows, r), mine = lines_of_rank(columns, rank);
      for (auto* part : {&a, &b})
        for (int64_t i = theirs.begin; i < theirs.end; ++i, at += mine.size())
          std::copy_n(at, mine.size(), part->begin() + i * length + mine.begin);
    }
  }

  /// Where ranks share the transforms, each gets the lines of the spectra that it multiplies.
  void transform_kernels() {
    length = 2 * nodes;
    fft = std::make_unique<Fft>(length);
    const auto size = static_cast<size_t>(length * length);
    for (auto* v : {&re, &im, &turned_re, &turned_im, &kernel_re, &kernel_im, &normaliser_spectrum})
      v->assign(size, 0.f);
    field.assign(static_cast<size_t>(2 * nodes * nodes), 0.f);
    // The kernels between nodes, wrapped around; the transforms' 1 / length^2 goes in here.
    const float scale = 1.f / static_cast<float>(length * length);
    const RowRange own = own_lines(length);
    const auto transform = [&](const auto& kernel, AlignedVector<float>& to_re, AlignedVector<float>& to_im) {
      for (int64_t i = 0; i < length; ++i)
        for (int64_t j = own.begin; j < own.end; ++j) {
          const float dy = static_cast<float>(i <= nodes ? i : i - length) * spacing,
                      dx = static_cast<float>(j <= nodes ? j : j - length) * spacing;
          const auto at = static_cast<size_t>(i * length + j);
          std::tie(re[at], im[at]) = kernel(dx, dy, 1 / (1 + dx * dx + dy * dy));
        }
      pass(re, im, length, length, length, false, turned_re.data(), turned_im.data(), length);
      turn(turned_re, turned_im, length, length);
      pass(turned_re, turned_im, length, length, length, false, to_re.data(), to_im.data(), length);
    };
    transform([&](float, float, float k) { return std::pair(k * scale, 0.f); }, normaliser_spectrum,
              kernel_im);
    transform([&](float dx, float dy, float k) { return std::pair(k * k * dx * scale, k * k * dy * scale); },
              kernel_re, kernel_im);
  }

  /// Every rank has spread its own points, and gets the charges of all on the columns that it transforms.
  void sum_charges() {
    if (!shared) {
      charge[0].push_back(sources);
      comm().sum(charge[0]);
      sources = charge[0].back();
      charge[0].pop_back();
      return;
    }
    const int ranks = comm().size();
    const RowRange own = own_lines(nodes);
    std::vector<int64_t> to{0}, from{0};
    sent_charge.clear();
    for (int r = 0; r < ranks; ++r) {
      const RowRange theirs = lines_of_rank(nodes, r);
      for (int64_t i = 0; i < nodes; ++i)
        sent_charge.insert(sent_charge.end(), charge[0].begin() + i * nodes + theirs.begin,
                           charge[0].begin() + i * nodes + theirs.end);
      sent_charge.push_back(sources);
      to.push_back(static_cast<int64_t>(sent_charge.size() * sizeof(int64_t)));
      from.push_back(from.back() + (nodes * own.size() + 1) * static_cast<int64_t>(sizeof(int64_t)));
    }
    came_charge.resize(static_cast<size_t>(from.back()) / sizeof(int64_t));
    comm().exchange(std::as_bytes(std::span(sent_charge)), to, bytes_of(came_charge), from);
    const int64_t* came = came_charge.data();
    sources = 0;
    for (int r = 0; r < ranks; ++r) {
      for (int64_t i = 0; i < nodes; ++i, came += own.size()) {
        int64_t* const sum = &charge[0][static_cast<size_t>(i * nodes + own.begin)];
        if (r == 0)
          std::copy_n(came, own.size(), sum);
        else
          for (int64_t c = 0; c < own.size(); ++c) sum[c] += came[c];
      }
      sources += *came++;
    }
  }

  void spread(MatrixView points) {
    constexpr int64_t points_worth_a_grid = 1024;
    const auto workers =
        static_cast<int>(std::clamp<int64_t>(points.rows / points_worth_a_grid, 1, threads()));
    charge.resize(static_cast<size_t>(workers));
    parallel_workers(workers, [&](int worker) {
      auto& own = charge[static_cast<size_t>(worker)];
      own.assign(static_cast<size_t>(nodes * nodes), 0);
      const int64_t begin = points.rows * worker / workers, end = points.rows * (worker + 1) / workers;
      for (int64_t i = begin; i < end; ++i) {
        const Weights x = weights_at((points(i, 0) - x0) / spacing),
                      y = weights_at((points(i, 1) - y0) / spacing);
        for (int r = 0; r < 4; ++r) {
          int64_t* row = &own[static_cast<size_t>((y.node + r) * nodes + x.node)];
          const float scaled = charge_unit * y.w[r];
          for (int c = 0; c < 4; ++c) row[c] += static_cast<int64_t>(scaled * x.w[c]);
        }
      }
    });
    parallel_for(nodes * nodes, 16384, [&](int64_t begin, int64_t end, int) {
      for (int w = 1; w < workers; ++w)
        for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i)
          charge[0][i] += charge[static_cast<size_t>(w)][i];
    });
    sources = points.rows;
    sum_charges();
    const RowRange columns = own_lines(nodes);
    parallel_for(nodes, 16, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) {
        const auto row = charge[0].begin() + i * nodes;
        std::transform(row + columns.begin, row + columns.end, re.begin() + i * length + columns.begin,
                       [](int64_t units) { return static_cast<float>(units) / charge_unit; });
        std::fill_n(im.begin() + i * length + columns.begin, columns.size(), 0.f);
      }
    });
  }

  void convolve() {
    pass(re, im, nodes, nodes, length, false, turned_re.data(), turned_im.data(), length);
    // turned is [nodes, length]: row = first column index, column = frequency along the first axis.
    turn(turned_re, turned_im, nodes, length);
    pass(turned_re, turned_im, nodes, length, length, false, re.data(), im.data(), length);
    std::vector<double> sums(static_cast<size_t>(length), 0.0);
    const RowRange own = own_lines(length);
    parallel_for(own.size(), 16, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = own.begin + begin; i < own.begin + end; ++i) {
        double sum = 0;
        for (int64_t j = 0; j < length; ++j) {
          const auto at = static_cast<size_t>(i * length + j);
          const float a = re[at], b = im[at];
          sum += static_cast<double>((a * a + b * b) * normaliser_spectrum[at]);
          re[at] = a * kernel_re[at] - b * kernel_im[at];
          im[at] = a * kernel_im[at] + b * kernel_re[at];
        }
        sums[static_cast<size_t>(i)] = sum;
      }
    });
    turn(re, im, length, length);
    pass(re, im, length, length, nodes, true, turned_re.data(), turned_im.data(), length);
    turn(turned_re, turned_im, length, nodes);
    pass(turned_re, turned_im, length, nodes, nodes, true, field.data(), field.data() + nodes, 2 * nodes);
    if (shared) {
      gather_shared(nodes, strip, shared_rows(field, 2 * nodes));
      gather_shared(length, strip, shared_rows(sums));
    }
    normaliser = -static_cast<double>(sources);
    for (const double s : sums) normaliser += s;
  }
};

RepulsionField::RepulsionField() : grid_(std::make_unique<Grid>()) {}
RepulsionField::~RepulsionField() = default;

void RepulsionField::set_sources(MatrixView points) {
  float low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
  for (int64_t i = 0; i < points.rows; ++i)
    for (int c = 0; c < 2; ++c) {
      low[c] = std::min(low[c], points(i, c));
      high[c] = std::max(high[c], points(i, c));
    }
  float outermost[] = {low[0], low[1], -high[0], -high[1]};
  comm().least(outermost);
  for (int c = 0; c < 2; ++c) {
    low[c] = outermost[c];
    high[c] = -outermost[2 + c];
  }
  const bool changed = grid_->cover(low, high);
  grid_->shared = comm().size() > 1 && grid_->nodes >= nodes_worth_sharing;
  if (changed) grid_->transform_kernels();
  grid_->spread(points);
  grid_->convolve();
}

void RepulsionField::forces(MatrixView places, MutMatrixView out) const {
  const Grid& g = *grid_;
  parallel_for(places.rows, 2048, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const Weights x = weights_at((places(i, 0) - g.x0) / g.spacing),
                    y = weights_at((places(i, 1) - g.y0) / g.spacing);
      float fx = 0, fy = 0;
      for (int r = 0; r < 4; ++r) {
        const float* const row = &g.field[static_cast<size_t>(2 * (y.node + r) * g.nodes + x.node)];
        for (int c = 0; c < 4; ++c) {
          const float w = y.w[r] * x.w[c];
          fx += w * row[c];
          fy += w * row[g.nodes + c];
        }
      }
      out(i, 0) = fx;
      out(i, 1) = fy;
    }
  });
}

double RepulsionField::normaliser() const { return std::max(grid_->normaliser, 1e-9); }

}  // namespace dvi
