#include "vis/onnx_export.h"

#include <fmt/format.h>

#include <cstring>
#include <span>
#include <vector>

namespace dvi {
namespace {

/// A protocol buffer message being written (https://protobuf.dev/programming-guides/encoding).
class Message {
 public:
  Message& number(int field, uint64_t value) {
    key(field, 0);
    varint(value);
    return *this;
  }
  Message& bytes(int field, std::string_view value) {
    key(field, 2);
    varint(value.size());
    text_ += value;
    return *this;
  }
  Message& message(int field, const Message& inner) { return bytes(field, inner.text_); }
  const std::string& text() const { return text_; }

 private:
  void key(int field, int wire_type) {
    varint(static_cast<uint64_t>(field) << 3 | static_cast<uint64_t>(wire_type));
  }
  void varint(uint64_t value) {
    for (; value >= 128; value >>= 7) text_ += static_cast<char>(value | 128);
    text_ += static_cast<char>(value);
  }
  std::string text_;
};

// Numbers of onnx.proto's fields and of its data types.
namespace model_field {
constexpr int ir_version = 1, producer_name = 2, producer_version = 3, graph = 7, opset_import = 8;
}
namespace graph_field {
constexpr int node = 1, name = 2, initializer = 5, input = 11, output = 12;
}
namespace node_field {
constexpr int input = 1, output = 2, op_type = 4, attribute = 5;
}
constexpr int type_float = 1, type_int64 = 7;

class Graph {
 public:
  /// A node with one output, whose name is returned.
  std::string add(const std::string& op, const std::vector<std::string>& inputs,
                  const std::vector<std::pair<std::string, int64_t>>& attributes = {},
                  std::string output = {}) {
    if (output.empty()) output = fmt::format("{}_{}", op, ++count_);
    Message node;
    for (const auto& input : inputs) node.bytes(node_field::input, input);
    node.bytes(node_field::output, output).bytes(node_field::op_type, op);
    for (const auto& [name, value] : attributes)
      node.message(node_field::attribute,
                   Message().bytes(1, name).number(3, static_cast<uint64_t>(value)).number(20, 2));
    graph_.message(graph_field::node, node);
    return output;
  }
  std::string constant(std::span<const float> values, const std::vector<int64_t>& shape) {
    return initializer(type_float, std::as_bytes(values), shape);
  }
  std::string constant(float value) { return constant({&value, 1}, {}); }
  std::string constant_ids(const std::vector<int64_t>& values) {
    return initializer(type_int64, std::as_bytes(std::span(values)), {static_cast<int64_t>(values.size())});
  }
  std::string constant_number(int64_t value) {
    return initializer(type_int64, std::as_bytes(std::span(&value, 1)), {});
  }
  void input(const std::string& name, int64_t cols) { value_info(graph_field::input, name, cols); }
  void output(const std::string& name, int64_t cols) { value_info(graph_field::output, name, cols); }

  std::string model() {
    graph_.bytes(graph_field::name, "visualization model");
    Message model;
    model.number(model_field::ir_version, 7)
        .bytes(model_field::producer_name, "DeepVisualInsight")
        .bytes(model_field::producer_version, DVI_VERSION)
        .message(model_field::graph, graph_)
        .message(model_field::opset_import, Message().bytes(1, "").number(2, 13));
    return model.text();
  }

 private:
  std::string initializer(int type, std::span<const std::byte> bytes, const std::vector<int64_t>& shape) {
    std::string name = fmt::format("constant_{}", ++count_);
    Message tensor;
    for (const int64_t size : shape) tensor.number(1, static_cast<uint64_t>(size));
    tensor.number(2, static_cast<uint64_t>(type))
        .bytes(8, name)
        .bytes(9, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    graph_.message(graph_field::initializer, tensor);
    return name;
  }
  void value_info(int field, const std::string& name, int64_t cols) {
    const Message rows = Message().bytes(2, "n"), width = Message().number(1, static_cast<uint64_t>(cols));
    const Message shape = Message().message(1, rows).message(1, width);
    const Message tensor = Message().number(1, type_float).message(2, shape);
    graph_.message(field, Message().bytes(1, name).message(2, Message().message(1, tensor)));
  }

  Message graph_;
  int count_ = 0;
};

std::string add_network(Graph& graph, const Mlp& network, std::string x, const std::string& output) {
  for (int l = 0; l < network.layers(); ++l) {
    const MatrixView weight = network.weight(l);
    const bool last = l + 1 == network.layers();
    x = graph.add("Gemm",
                  {x, graph.constant(weight.span(), {weight.rows, weight.cols}),
                   graph.constant(network.bias(l), {weight.rows})},
                  {{"transB", 1}}, last ? output : std::string());
    if (!last) x = graph.add("Relu", {x});
  }
  return x;
}

/// What FeatureGrid::encode does, for columns x and y [n, 1].
std::string add_grid(Graph& graph, const FeatureGrid& grid, const std::string& places) {
  const auto coordinate = [&](int64_t c) {
    return graph.add("Gather", {places, graph.constant_ids({c})}, {{"axis", 1}});
  };
  const std::string columns[] = {coordinate(0), coordinate(1)};
  const float low[] = {grid.box().x0, grid.box().y0};
  const std::string one = graph.constant(1.f), zero = graph.constant(0.f),
                    second_axis = graph.constant_ids({1});
  std::vector<std::string> levels;
  size_t offset = 0;
  for (const int size : grid.sizes()) {
    const int64_t nodes = int64_t{size + 1} * (size + 1);
    const auto count = static_cast<size_t>(nodes * FeatureGrid::channels);
    const std::string table =
        graph.constant(grid.parameters().subspan(offset, count), {nodes, FeatureGrid::channels});
    offset += count;
    const std::string scale = graph.constant(static_cast<float>(size) / grid.box().side),
                      top = graph.constant(static_cast<float>(size)),
                      last_cell = graph.constant(static_cast<float>(size - 1));
    std::string cell[2], part[2], rest[2];
    for (int c = 0; c < 2; ++c) {
      const std::string at = graph.add(
          "Clip",
          {graph.add("Mul", {graph.add("Sub", {columns[c], graph.constant(low[c])}), scale}), zero, top});
      cell[c] = graph.add("Min", {graph.add("Floor", {at}), last_cell});
      part[c] = graph.add("Sub", {at, cell[c]});
      rest[c] = graph.add("Sub", {one, part[c]});
    }
    const std::string row = graph.add("Mul", {cell[1], graph.constant(static_cast<float>(size + 1))});
    const std::string node =
        graph.add("Squeeze",
                  {graph.add("Cast", {graph.add("Add", {row, cell[0]})}, {{"to", type_int64}}), second_axis});
    std::string sum;
    for (int corner = 0; corner < 4; ++corner) {
      const bool right = corner % 2 == 1, upper = corner >= 2;
      const int64_t step = (right ? 1 : 0) + (upper ? size + 1 : 0);
      const std::string at = step == 0 ? node : graph.add("Add", {node, graph.constant_number(step)});
      const std::string weight = graph.add("Mul", {right ? part[0] : rest[0], upper ? part[1] : rest[1]});
      const std::string term = graph.add("Mul", {graph.add("Gather", {table, at}, {{"axis", 0}}), weight});
      sum = sum.empty() ? term : graph.add("Add", {sum, term});
    }
    levels.push_back(sum);
  }
  return levels.size() == 1 ? levels.front() : graph.add("Concat", levels, {{"axis", 1}});
}

}  // namespace

std::string onnx_model(const Autoencoder& model, float feature_scale, OnnxPart part) {
  Graph graph;
  const int64_t dim = model.decoder.output_dim();
  if (part != OnnxPart::decoder) {
    graph.input("features", dim);
    std::string x = "features";
    if (feature_scale != 1) x = graph.add("Mul", {x, graph.constant(feature_scale)});
    const PlaneEncoder& encoder = model.encoder;
    if (encoder.has_landmarks()) {
      const std::string shares =
          graph.add("Softmax", {add_network(graph, encoder.network, x, "")}, {{"axis", 1}});
      const std::string landmarks =
          graph.constant(encoder.landmarks.view().span(), {encoder.landmarks.rows(), 2});
      graph.add("MatMul", {shares, landmarks}, {}, "places");
    } else {
      add_network(graph, encoder.network, x, "places");
    }
    graph.output("places", 2);
  } else {
    graph.input("places", 2);
  }
  if (part != OnnxPart::encoder) {
    const PlaneDecoder& decoder = model.decoder;
    const std::string x = decoder.has_grid() ? add_grid(graph, decoder.grid, "places") : "places";
    const bool scaled = feature_scale != 1;
    const std::string decoded = add_network(graph, decoder.network, x, scaled ? "" : "decoded");
    if (scaled) graph.add("Mul", {decoded, graph.constant(1 / feature_scale)}, {}, "decoded");
    graph.output("decoded", dim);
  }
  return graph.model();
}

}  // namespace dvi
