#include "mcp/mcp_server.h"

#include <gmock/gmock.h>

#include "image/png.h"
#include "run/testing/test_run.h"

namespace dvi {
namespace {

using ::testing::HasSubstr;

std::string from_base64(const std::string& text) {
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<uint32_t>(digits.find(c));
    if ((count += 6) >= 8) bytes += static_cast<char>(bits >> (count -= 8) & 255);
  }
  return bytes;
}

class Mcp : public ::testing::Test {
 protected:
  Json ask(const std::string& method, const Json& parameters = Json::object()) {
    const auto answer = server_.answer(
        Json{{"jsonrpc", "2.0"}, {"id", 7}, {"method", method}, {"params", parameters}}.dump());
    EXPECT_TRUE(answer);
    EXPECT_EQ(answer->find('\n'), std::string::npos);
    const Json json = Json::parse(*answer);
    EXPECT_EQ(json["jsonrpc"], "2.0");
    EXPECT_EQ(json["id"], 7);
    return json;
  }
  Json call(const std::string& tool, const Json& arguments) {
    return ask("tools/call", {{"name", tool}, {"arguments", arguments}})["result"];
  }
  Json text(const std::string& tool, const Json& arguments = Json::object()) {
    const Json result = call(tool, arguments);
    EXPECT_EQ(result["isError"], false) << result.dump();
    return Json::parse(result["content"][0]["text"].get<std::string>());
  }

  TemporaryFolder folder_;
  dvi::Run run_ = make_test_run(folder_ / "run");
  McpServer server_{folder_ / "run", ""};
};

TEST_F(Mcp, BeginsAsTheProtocolSays) {
  const Json result = ask("initialize", {{"protocolVersion", "2025-03-26"},
                                         {"capabilities", Json::object()},
                                         {"clientInfo", {{"name", "test"}, {"version", "1"}}}})["result"];
  EXPECT_EQ(result["protocolVersion"], "2025-03-26");
  EXPECT_TRUE(result["capabilities"].contains("tools"));
  EXPECT_EQ(result["serverInfo"]["name"], "dvi");
  EXPECT_EQ(ask("initialize", {{"protocolVersion", "1999-01-01"}})["result"]["protocolVersion"],
            "2025-06-18");
  EXPECT_FALSE(server_.answer(R"({"jsonrpc": "2.0", "method": "notifications/initialized"})"));
  EXPECT_EQ(ask("ping")["result"], Json::object());
}

TEST_F(Mcp, ListsItsToolsWithTheirSchemas) {
  const Json tools = ask("tools/list")["result"]["tools"];
  std::vector<std::string> names;
  for (const Json& tool : tools) {
    names.push_back(tool["name"]);
    EXPECT_EQ(tool["inputSchema"]["type"], "object");
    EXPECT_GT(tool["description"].get<std::string>().size(), 20u);
    for (const Json& needed : tool["inputSchema"]["required"])
      EXPECT_TRUE(tool["inputSchema"]["properties"].contains(needed.get<std::string>()));
  }
  EXPECT_THAT(names, testing::ElementsAre("summary", "findings", "query", "sample", "why", "render"));
}

TEST_F(Mcp, ToolsTellWhatTheRunHolds) {
  const Json summary = text("summary");
  EXPECT_EQ(summary["samples"], 300);
  EXPECT_EQ(summary["epochs"].size(), 4u);
  EXPECT_EQ(summary["groups"][1]["first"], 240);

  const Json found = text("query", {{"condition", "\"group\" = 'test'"}, {"limit", 3}, {"epoch", 2}});
  EXPECT_EQ(found["count"], 60);
  EXPECT_EQ(found["epoch"], 2);
  ASSERT_EQ(found["samples"].size(), 3u);
  EXPECT_EQ(found["samples"][0]["id"], 240);
  const auto epoch = View::open(run_, "default").epoch(2);
  EXPECT_EQ(found["samples"][0]["prediction"],
            run_.manifest().classes[static_cast<size_t>(epoch->predictions()[240])]);

  const Json result = call("sample", {{"id", 5}});
  const Json sample = Json::parse(result["content"][0]["text"].get<std::string>());
  EXPECT_EQ(sample["history"].size(), 4u);
  EXPECT_EQ(sample["label"], run_.manifest().classes[static_cast<size_t>(run_.labels()[5])]);
  EXPECT_EQ(decode_png(from_base64(result["content"][1]["data"]), "sample").width, 28);

  const Json findings = text("findings", {{"limit", 2}})["findings"];
  EXPECT_LE(findings.size(), 2u);
  for (const Json& finding : findings) EXPECT_FALSE(finding["text"].get<std::string>().empty());
  const Json why = text("why", {{"id", 5}, {"from", 1}, {"to", 2}});
  EXPECT_EQ(why["sample"], 5);
  EXPECT_TRUE(why.contains("hit_rate"));

  const Json picture = call("render", {{"epoch", 1}, {"height", 300}})["content"][0];
  EXPECT_EQ(picture["mimeType"], "image/png");
  EXPECT_EQ(decode_png(from_base64(picture["data"]), "map").height, 300);
}

TEST_F(Mcp, MistakesInArgumentsAreOneSentenceForTheCaller) {
  const auto error = [&](const std::string& tool, const Json& arguments) {
    const Json result = call(tool, arguments);
    EXPECT_EQ(result["isError"], true) << tool;
    return result["content"][0]["text"].get<std::string>();
  };
  EXPECT_THAT(error("query", {{"condition", "labell = 'x'"}}), HasSubstr("did you mean label?"));
  EXPECT_THAT(error("query", Json::object()), HasSubstr("condition"));
  EXPECT_THAT(error("query", {{"condition", "id = 1"}, {"epoch", 99}}), HasSubstr("99"));
  EXPECT_THAT(error("sample", {{"id", 300}}), HasSubstr("from 0 to 299"));
  EXPECT_THAT(error("sample", {{"id", "5"}}), HasSubstr("whole number"));
  EXPECT_THAT(error("render", {{"color", "nonsense"}}), HasSubstr("nonsense"));
  EXPECT_THAT(error("render", {{"colour", "label"}}), HasSubstr("colour"));
}

TEST_F(Mcp, WhatIsNoRequestGetsTheErrorOfJsonRpc) {
  const auto code = [&](const std::string& message) {
    const Json json = Json::parse(server_.answer(message).value_or("{}"));
    EXPECT_TRUE(json.contains("id"));
    return json["error"]["code"];
  };
  EXPECT_EQ(code("{"), -32700);
  EXPECT_EQ(code(std::string(100'000, '[')), -32700);
  EXPECT_EQ(code("[1]"), -32600);
  EXPECT_EQ(code(R"({"id": 1, "method": "ping"})"), -32600);
  EXPECT_EQ(ask("resources/list")["error"]["code"], -32601);
  EXPECT_EQ(ask("tools/call", {{"name", "remove"}})["error"]["code"], -32602);
  EXPECT_EQ(ask("tools/call", {{"name", "query"}, {"arguments", 5}})["error"]["code"], -32602);
  EXPECT_EQ(ask("tools/call", Json::array())["error"]["code"], -32602);
  EXPECT_EQ(ask("initialize", Json::array())["result"]["serverInfo"]["name"], "dvi");
}

}  // namespace
}  // namespace dvi
