// What the ranks of a job work out together is what one rank works out alone, to the last bit. ctest starts
// this program with mpirun; every rank runs all tests.
#include <gtest/gtest.h>

#include <cmath>

#include "comm/comm.h"
#include "comm/job.h"
#include "comm/shared_for.h"
#include "core/parallel.h"
#include "graph/fuzzy_set.h"
#include "graph/neighbor_index.h"
#include "graph/plane_neighbors.h"
#include "graph/testing/drawn.h"
#include "vis/layout.h"
#include "vis/point_order.h"
#include "vis/repulsion_field.h"
#include "vis/training_features.h"

namespace dvi {
namespace {

std::vector<float> values_of(const Matrix& m) {
  const auto all = m.view().span();
  return std::vector<float>(all.begin(), all.end());
}

template <typename Make>
auto made_alone(const Make& make) {
  const Alone alone;
  return make();
}

/// Exact equality, and not of nothing.
template <typename Make>
void expect_same(const Make& make) {
  const auto together = make(), by_one = made_alone(make);
  EXPECT_FALSE(together.empty());
  EXPECT_EQ(together, by_one);
}

TEST(Ranks, AreSeveral) { EXPECT_GT(comm().size(), 1); }

TEST(Ranks, EveryRowIsOfOneRank) {
  for (const int64_t n : {0, 1, 7, 1000, 1001}) {
    int64_t next = 0;
    for (int r = 0; r < comm().size(); ++r) {
      const RowRange range = range_of_rank(n, 8, r);
      EXPECT_EQ(range.begin, next);
      EXPECT_TRUE(range.begin % 8 == 0 || range.begin == n);
      next = range.end;
    }
    EXPECT_EQ(next, n);
  }
}

TEST(Ranks, ShareRows) {
  std::vector<int> squares(1001, -1);
  shared_for(1001, 16,
             [&](int64_t begin, int64_t end, int) {
               for (int64_t i = begin; i < end; ++i)
                 squares[static_cast<size_t>(i)] = static_cast<int>(i * i);
             },
             {shared_rows(squares)});
  for (int i = 0; i < 1001; ++i) EXPECT_EQ(squares[static_cast<size_t>(i)], i * i);
}

TEST(Ranks, SumTakeTheLeastBroadcastAndExchange) {
  const int rank = comm().rank(), size = comm().size();
  std::vector<int64_t> sums = {1, rank};
  comm().sum(sums);
  EXPECT_EQ(sums, (std::vector<int64_t>{size, size * (size - 1) / 2}));
  float least[] = {static_cast<float>(-rank), 3};
  comm().least(least);
  EXPECT_EQ(least[0], static_cast<float>(1 - size));
  EXPECT_EQ(least[1], 3);
  std::vector<int> told(static_cast<size_t>(rank), 7);
  if (rank == size - 1) told = {1, 2, 3};
  broadcast(told, size - 1);
  EXPECT_EQ(told, (std::vector<int>{1, 2, 3}));

  std::vector<int> to, from(static_cast<size_t>(size), -1);
  std::vector<int64_t> begin{0};
  for (int r = 0; r < size; ++r) {
    to.push_back(100 * rank + r);
    begin.push_back(static_cast<int64_t>(to.size() * sizeof(int)));
  }
  comm().exchange(bytes_of(to), begin, bytes_of(from), begin);
  for (int r = 0; r < size; ++r) EXPECT_EQ(from[static_cast<size_t>(r)], 100 * r + rank);
  EXPECT_GT(comm().traffic().bytes, 0);
}

TEST(Ranks, NeighborsAreTheSame) {
  const Matrix features = drawn(5000, 24, 1, 1), others = drawn(700, 24, 1, 2);
  const auto indices = [](const Neighbors& near) { return std::pair(near.index, near.distance); };
  const auto compare = [&](const auto& make) { EXPECT_EQ(indices(make()), indices(made_alone(make))); };
  compare([&] { return NeighborIndex(features).exact(features, 15, true); });
  compare([&] { return NeighborIndex(features).exact(others, 15, false); });
  compare([&] { return NeighborIndex(features).approximate(features, 15, true).neighbors; });
  const Matrix plane = drawn(3000, 2, 10, 3);
  compare([&] { return PlaneIndex(plane).nearest(plane, 10); });
}

TEST(Ranks, RepulsionOfASmallAndOfALargeGridIsTheSame) {
  // The large one is transformed by all ranks, the small one by each.
  for (const double size : {5.0, 120.0}) {
    const Matrix points = drawn(2000, 2, size, 4);
    const auto forces = [&](MatrixView own, MutMatrixView out) {
      RepulsionField field;
      field.set_sources(own);
      field.forces(own, out);
      return field.normaliser();
    };
    expect_same([&] {
      Matrix out(points.rows(), 2);
      const RowRange own = own_range(points.rows());
      const double normaliser =
          forces(points.view().slice(own.begin, own.size()), out.mut().slice(own.begin, own.size()));
      gather_shared(points.rows(), 1, shared_rows(out.mut()));
      std::vector<float> values = values_of(out);
      values.push_back(static_cast<float>(normaliser));
      return values;
    });
  }
}

/// The rows of a whole list that this rank owns.
EdgeList owned_edges(const EdgeList& all) {
  const RowRange own = owned_rows(all.rows());
  return edges_by_row(own.size(), [&](int64_t row, const auto& add) {
    const auto r = static_cast<size_t>(own.begin + row);
    for (auto e = static_cast<size_t>(all.begin[r]); e < static_cast<size_t>(all.begin[r + 1]); ++e)
      add(all.target[e], all.weight[e]);
  });
}

Neighbors owned_lists(const Neighbors& all) {
  const RowRange own = owned_rows(all.size());
  Neighbors out{all.k, {}, {}};
  for (int64_t i = own.begin; i < own.end; ++i) {
    out.index.insert(out.index.end(), all.row(i).begin(), all.row(i).end());
    out.distance.insert(out.distance.end(), all.distances(i).begin(), all.distances(i).end());
  }
  return out;
}

TEST(Ranks, GetTheNeighborsOfTheQueriesThatTheyOwn) {
  const Matrix features = drawn(5000, 24, 1, 1), others = drawn(1700, 24, 1, 2);
  const NeighborIndex index(features);
  const auto compare = [&](const Neighbors& owned, const Neighbors& all) {
    const Neighbors expected = owned_lists(all);
    EXPECT_EQ(owned.index, expected.index);
    EXPECT_EQ(owned.distance, expected.distance);
  };
  compare(index.exact(features, 15, true, Queries::owned), index.exact(features, 15, true));
  compare(index.exact(others, 15, false, Queries::owned), index.exact(others, 15, false));
  const FoundNeighbors some = index.approximate(features, 15, true, Queries::owned),
                       all = index.approximate(features, 15, true);
  compare(some.neighbors, all.neighbors);
  EXPECT_EQ(some.recall, all.recall);
}

TEST(Ranks, MembershipsGoToTheRankThatOwnsTheVertex) {
  const Matrix features = drawn(3000, 8, 1, 5);
  const Neighbors near = exact_neighbors(features, features, 15, true), own = owned_lists(near);
  const double mean = sum_of_distances(near) / static_cast<double>(near.distance.size());
  EXPECT_EQ(mean, sum_of_distances(own, near.size()) / static_cast<double>(near.distance.size()));
  const auto strengths_of = [&](const Neighbors& lists) {
    const Alone alone;
    return membership_strengths(lists, mean);
  };
  const EdgeList came = incoming_memberships(own, strengths_of(own), near.size(), near.size(), true);
  const EdgeList expected = owned_edges(made_alone(
      [&] { return incoming_memberships(near, strengths_of(near), near.size(), near.size(), true); }));
  EXPECT_EQ(came.begin, expected.begin);
  EXPECT_EQ(came.target, expected.target);
  EXPECT_EQ(came.weight, expected.weight);
}

TEST(Ranks, RowsAreCollectedAndSummed) {
  const RowRange own = owned_rows(2000);
  std::vector<int32_t> rows;
  for (int64_t i = own.begin; i < own.end; ++i) rows.push_back(static_cast<int32_t>(i));
  const auto all = collected(rows);
  EXPECT_EQ(all.size(), comm().rank() == 0 ? 2000u : 0u);
  for (size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i], static_cast<int32_t>(i));
  const auto sum = [] {
    return sum_of_owned(2000, [](int64_t begin, int64_t end) {
      double of_rows = 0;
      for (int64_t i = begin; i < end; ++i) of_rows += 1.0 / static_cast<double>(i + 1);
      return of_rows;
    });
  };
  EXPECT_EQ(sum(), made_alone(sum));
}

TEST(Ranks, LayoutIsTheSameAndSendsOfThePointsTheirPositionsOnly) {
  const Matrix features = drawn(1500, 8, 1, 5);
  const Neighbors near = NeighborIndex(features).exact(features, 15, true);
  const EdgeList edges = fuzzy_union(near, membership_strengths(near), features.rows());
  constexpr int iterations = 60;
  const auto positions = [&] {
    Matrix out = drawn(features.rows(), 2, 1e-2, 7);
    LayoutFrame frame;
    const EdgeList own = owned_edges(edges);
    const LayoutProblem problem{&own, &frame, {}, {}};
    const LayoutPhase phases[] = {{iterations / 2, 12, 0.5}, {iterations / 2, 2, 0.8, true}};
    run_layout(problem, phases, out.mut());
    return values_of(out);
  };
  const double before = comm().traffic().bytes;
  const auto together = positions();
  const double sent = (comm().traffic().bytes - before) / iterations;
  EXPECT_EQ(together, made_alone(positions));
  // The grid has up to 600 x 600 nodes, however many points there are; these fit a small one.
  const double grid = 2 * 8.0 * 256 * 256,
               of_points = 8.0 * static_cast<double>(features.rows()) * comm().size();
  EXPECT_LT(sent, grid + of_points);
}

TEST(Ranks, LayoutInTheOrderOfEdgesIsTheSameAndSendsLess) {
  // Ten groups far apart, of which the points come in turn, as a run's do.
  constexpr int64_t points = 3000, boundary = 700;
  Matrix features = drawn(points, 8, 1, 5);
  for (int64_t i = 0; i < points; ++i) features(i, i % 8) += static_cast<float>(20 + 20 * (i % 10));
  const Neighbors near = NeighborIndex(features).exact(features, 15, true);
  const EdgeList edges = fuzzy_union(near, membership_strengths(near), points);
  const LayoutPhase phases[] = {{30, 12, 0.5}, {30, 2, 0.8, true}};
  const auto positions = [&](bool ordered) {
    const Matrix start = drawn(points, 2, 1e-2, 7);
    LayoutFrame frame;
    if (!ordered) {
      const EdgeList own = owned_edges(edges);
      Matrix out = start;
      run_layout({&own, &frame, {}, {}}, phases, out.mut());
      return values_of(out);
    }
    const EdgeShare share = EdgeShare::of(points, boundary);
    const EdgeList own = edges_by_row(share.size(), [&](int64_t row, const auto& add) {
      const auto point = static_cast<size_t>(share.point_of(row));
      for (auto e = static_cast<size_t>(edges.begin[point]); e < static_cast<size_t>(edges.begin[point + 1]);
           ++e)
        add(edges.target[e], edges.weight[e]);
    });
    const PointOrder order(own, share, points);
    const EdgeList by_place = order.ordered(own);
    EXPECT_EQ(by_place.rows(), owned_rows(points).size());
    Matrix out = order.ordered(start);
    run_layout({&by_place, &frame, {}, {}}, phases, out.mut());
    return values_of(order.restored(out));
  };
  const auto sent = [&](bool ordered) {
    const double before = comm().traffic().bytes;
    EXPECT_EQ(positions(ordered), made_alone([&] { return positions(false); }));
    return comm().traffic().bytes - before;
  };
  const double by_rows = sent(false);
  EXPECT_LT(sent(true), by_rows);
}

TEST(Ranks, HaveTrainingFeaturesOfTheirOwnSamples) {
  const Matrix samples = drawn(1500, 8, 1, 5), more = drawn(9000, 8, 1, 6);
  const FeatureUnits units = FeatureUnits::of(samples, 4);
  const auto asked = [&](int64_t first, const TrainingFeatures& features) {
    std::vector<int32_t> rows;  // other ones for each rank; every third has none
    for (int64_t i = 0; i < (first % 3 == 2 ? 0 : 500); ++i)
      rows.push_back(static_cast<int32_t>((first * 997 + i * 21) % features.rows()));
    return rows;
  };
  const RowRange own = passed_rows(more.rows());
  const TrainingFeatures features(units, samples, more.view().slice(own.begin, own.size()), more.rows());
  EXPECT_EQ(features.rows(), 10500);
  const std::vector<int32_t> rows = asked(comm().rank(), features);
  const Matrix got = features.of(rows);
  const Alone alone;
  const TrainingFeatures whole(units, samples, more, more.rows());
  EXPECT_EQ(values_of(got), values_of(whole.of(rows)));
}

TEST(Ranks, ThatFailTogetherHaveOneSpeaker) {
  // Asked by all ranks of this test, as if all had failed.
  comm().barrier();
  std::vector<int64_t> speakers = {speaks_of_failure() ? 1 : 0};
  comm().sum(speakers);
  EXPECT_EQ(speakers[0], 1);
}

}  // namespace
}  // namespace dvi

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  dvi::join_job();
  dvi::set_threads(1);
  const int failed = RUN_ALL_TESTS();
  dvi::leave_job();
  return failed;
}
