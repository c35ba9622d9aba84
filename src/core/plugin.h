// What lives in a library that is loaded while the program runs. There is one such library, dvi_torch: what
// needs LibTorch, which is large, slow to load, and absent on most machines. The program is not linked with
// it, so one program serves all.
//
// A header declares a function of the plugin as a PluginFunction; the file that implements it, which only the
// plugin is made of, says so with PluginFunction::Implementation. The plugin uses the program's own symbols
// (errors, threads, progress), so it belongs to the program that it was built with.
#pragma once

#include <string>
#include <utility>

namespace dvi {

/// Loads libdvi_torch.so from the program's own folder or from ../lib/dvi beside it, at the first call, where
/// nothing has provided its functions yet (tests are linked with them). "" if it is loaded, else why not, as
/// the end of a sentence.
const std::string& why_no_torch_plugin();

/// Throws Error: `what` needs the plugin, and there is none.
[[noreturn]] void fail_without_torch_plugin(const std::string& what);

template <typename Signature>
class PluginFunction;

/// A function of the plugin, null until that is loaded. Calls and questions load it.
template <typename Result, typename... Args>
class PluginFunction<Result(Args...)> {
 public:
  /// `what` needs it, for the user: "expected ... to <what>".
  explicit constexpr PluginFunction(const char* what) : what_(what) {}

  /// Whether it can be called.
  bool available() const {
    if (function_ == nullptr) why_no_torch_plugin();
    return function_ != nullptr;
  }
  /// Throws Error where the plugin is absent.
  Result operator()(Args... args) const {
    if (!available()) fail_without_torch_plugin(what_);
    return function_(std::forward<Args>(args)...);
  }

  /// At namespace scope of a file of the plugin: provides the function once the plugin is loaded.
  struct Implementation {
    Implementation(PluginFunction& declared, Result (*function)(Args...)) { declared.function_ = function; }
  };

 private:
  const char* what_;
  Result (*function_)(Args...) = nullptr;
};

}  // namespace dvi
