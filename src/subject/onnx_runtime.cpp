#include "subject/onnx_runtime.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

#include "core/error.h"

namespace dvi {
namespace {

using Status = void*;  // null: success
using Handle = void*;  // of any of its objects
constexpr int float_type = 1, device_allocator = 0, default_memory = 0, warnings_only = 2;
// The oldest interface that has all of these functions; newer libraries still hand it out.
constexpr uint32_t interface_version = 4;

struct Base {
  const void* const* (*get_api)(uint32_t version);
  const char* (*version)();
};

/// Debian 13's library greets with a thousand lines of complaints about itself ("Schema error: ... already
/// registered") on standard error, at the latest when it opens its first model. What else the process
/// says in these milliseconds is lost too.
class WithoutStandardError {
 public:
  WithoutStandardError() : kept_(dup(STDERR_FILENO)) {
    const int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (kept_ >= 0 && nothing >= 0) dup2(nothing, STDERR_FILENO);
    if (nothing >= 0) close(nothing);
  }
  ~WithoutStandardError() {
    if (kept_ < 0) return;
    dup2(kept_, STDERR_FILENO);
    close(kept_);
  }
  WithoutStandardError(const WithoutStandardError&) = delete;
  WithoutStandardError& operator=(const WithoutStandardError&) = delete;

 private:
  int kept_;
};

/// The table of functions, or null.
const void* const* load() {
  const char* named = std::getenv("DVI_ONNXRUNTIME");
  std::vector<std::string> names;
  if (named != nullptr && *named != '\0')
    names.emplace_back(named);
  else {
    names.emplace_back("libonnxruntime.so.1");
    names.emplace_back("libonnxruntime.so");
    for (int minor = 30; minor >= 14; --minor) names.push_back(fmt::format("libonnxruntime.so.1.{}", minor));
  }
  const WithoutStandardError quiet;
  for (const std::string& name : names) {
    void* library = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (library == nullptr) continue;
    const auto base = reinterpret_cast<const Base* (*)()>(dlsym(library, "OrtGetApiBase"));
    if (base == nullptr) continue;
    if (const auto table = base()->get_api(interface_version)) return table;
  }
  if (named != nullptr && *named != '\0')
    fail(
        "DVI_ONNXRUNTIME: expected the library of ONNX Runtime, found \"{}\"; name the file "
        "libonnxruntime.so...",
        named);
  return nullptr;
}

const void* const* table() {
  static const void* const* const loaded = load();
  return loaded;
}

template <typename Result, typename... Args>
Result call(OrtPlace place, Args... args) {
  return reinterpret_cast<Result (*)(Args...)>(const_cast<void*>(table()[static_cast<size_t>(place)]))(
      args...);
}

/// Calls what answers with a status, and throws Error for one that is none of success.
template <typename... Args>
void checked(const std::string& what, OrtPlace place, Args... args) {
  const Status status = call<Status>(place, args...);
  if (status == nullptr) return;
  std::string message = call<const char*>(OrtPlace::GetErrorMessage, status);
  call<void>(OrtPlace::ReleaseStatus, status);
  message = message.substr(0, message.find('\n'));
  fail("{}: ONNX Runtime says \"{}\"; record the epoch anew, or remove the file to go on with the arrays",
       what, message);
}

/// One for the process, for good.
Handle environment() {
  static const Handle made = [] {
    Handle environment = nullptr;
    checked("ONNX Runtime", OrtPlace::CreateEnv, warnings_only, "dvi", &environment);
    return environment;
  }();
  return made;
}

}  // namespace

namespace onnx {

struct Release {
  OrtPlace place;
  void operator()(Handle handle) const { call<void>(place, handle); }
};
using Owned = std::unique_ptr<void, Release>;

}  // namespace onnx

bool have_onnx_runtime() { return table() != nullptr; }

using onnx::Owned;

struct OnnxModel::Session {
  std::string file, input, output;
  Owned session{nullptr, {OrtPlace::ReleaseSession}};
  Handle memory = nullptr;  // a constant of the library's

  std::string name_of(OrtPlace place) const {
    Handle allocator = nullptr;
    checked(file, OrtPlace::GetAllocatorWithDefaultOptions, &allocator);
    char* name = nullptr;
    checked(file, place, session.get(), size_t{0}, allocator, &name);
    std::string copy = name;
    checked(file, OrtPlace::AllocatorFree, allocator, static_cast<void*>(name));
    return copy;
  }
};

OnnxModel::OnnxModel(const std::filesystem::path& file) : session_(std::make_unique<Session>()) {
  Session& s = *session_;
  s.file = file.string();
  if (!have_onnx_runtime())
    fail(
        "{}: expected ONNX Runtime to run it, found none; install libonnxruntime, or name the library of the "
        "Python "
        "package onnxruntime in DVI_ONNXRUNTIME",
        s.file);
  const WithoutStandardError quiet;
  Handle made = nullptr;
  checked(s.file, OrtPlace::CreateSessionOptions, &made);
  const Owned options(made, {OrtPlace::ReleaseSessionOptions});
  // Our threads each work on their own samples.
  checked(s.file, OrtPlace::SetIntraOpNumThreads, options.get(), 1);
  checked(s.file, OrtPlace::SetInterOpNumThreads, options.get(), 1);
  made = nullptr;
  checked(s.file, OrtPlace::CreateSession, environment(), file.c_str(),
          static_cast<const void*>(options.get()), &made);
  s.session.reset(made);
  size_t inputs = 0, outputs = 0;
  checked(s.file, OrtPlace::SessionGetInputCount, s.session.get(), &inputs);
  checked(s.file, OrtPlace::SessionGetOutputCount, s.session.get(), &outputs);
  if (inputs != 1 || outputs != 1)
    fail("{}: expected a model of one input and one output, found {} and {}", s.file, inputs, outputs);
  s.input = s.name_of(OrtPlace::SessionGetInputName);
  s.output = s.name_of(OrtPlace::SessionGetOutputName);
  checked(s.file, OrtPlace::CreateCpuMemoryInfo, device_allocator, default_memory, &s.memory);
}

OnnxModel::~OnnxModel() = default;
OnnxModel::OnnxModel(OnnxModel&&) noexcept = default;

OnnxModel::Output OnnxModel::run(std::span<const float> values, std::span<const int64_t> shape) const {
  const Session& s = *session_;
  Handle made = nullptr;
  // It is only read.
  checked(s.file, OrtPlace::CreateTensorWithDataAsOrtValue, static_cast<const void*>(s.memory),
          static_cast<void*>(const_cast<float*>(values.data())), values.size_bytes(), shape.data(),
          shape.size(), float_type, &made);
  const Owned input(made, {OrtPlace::ReleaseValue});
  const char* input_name = s.input.c_str();
  const char* output_name = s.output.c_str();
  const void* given = input.get();
  made = nullptr;
  checked(s.file, OrtPlace::Run, s.session.get(), static_cast<const void*>(nullptr), &input_name, &given,
          size_t{1}, &output_name, size_t{1}, &made);
  const Owned output(made, {OrtPlace::ReleaseValue});

  made = nullptr;
  checked(s.file, OrtPlace::GetTensorTypeAndShape, static_cast<const void*>(output.get()), &made);
  const Owned info(made, {OrtPlace::ReleaseTensorTypeAndShapeInfo});
  int type = 0;
  size_t dimensions = 0;
  checked(s.file, OrtPlace::GetTensorElementType, static_cast<const void*>(info.get()), &type);
  checked(s.file, OrtPlace::GetDimensionsCount, static_cast<const void*>(info.get()), &dimensions);
  if (type != float_type) fail("{}: expected float32 as output, found another type ({})", s.file, type);
  Output out;
  out.shape.resize(dimensions);
  checked(s.file, OrtPlace::GetDimensions, static_cast<const void*>(info.get()), out.shape.data(),
          dimensions);
  size_t count = 1;
  for (const int64_t n : out.shape) count *= static_cast<size_t>(n);
  void* data = nullptr;
  checked(s.file, OrtPlace::GetTensorMutableData, output.get(), &data);
  const auto* floats = static_cast<const float*>(data);
  out.values.assign(floats, floats + count);
  return out;
}

}  // namespace dvi
