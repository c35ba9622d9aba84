// What a user reads of an exception.
#pragma once

#include <exception>
#include <string>

namespace dvi {

/// what() of an Error, and words of ours for what the libraries below throw (a file system's error, a JSON
/// value of another type, no memory), whose own are for programmers.
std::string sentence_of(const std::exception&);

}  // namespace dvi
