// Reads Python's pickle format as data: nothing is imported, called or built, whatever the file says.
// Format: the opcodes documented in CPython's Lib/pickletools.py, protocols 2 to 5.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <vector>

namespace dvi {

/// A pickled object. What Python would make by calling something is kept as a `call`, with callee and
/// arguments as items.
struct PickleNode {
  enum class Kind {
    none,
    boolean,     ///< integer: 0 or 1
    integer,     ///< integer; numbers beyond 64 bits are cut off
    real,        ///< real
    text,        ///< text
    bytes,       ///< text
    sequence,    ///< items; a list, tuple or set
    dict,        ///< items: key, value, key, value, ...
    global,      ///< text: "module name"
    call,        ///< items: callee, arguments; then, in pairs as in a dict, what was set on the result
    persistent,  ///< items: one, the persistent id, which the surrounding format gives a meaning
  };
  Kind kind = Kind::none;
  int64_t integer = 0;
  double real = 0;
  std::string text;
  std::vector<const PickleNode*> items;
};

/// Owns the nodes of one pickle; nodes may be shared and may form cycles, so walk them with a limit.
struct Pickle {
  std::deque<PickleNode> nodes;
  const PickleNode* root = nullptr;
};

/// Throws Error naming `name` for anything but a whole pickle of known opcodes.
Pickle read_pickle(std::span<const std::byte> bytes, const std::string& name);

}  // namespace dvi
