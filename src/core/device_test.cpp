#include "core/device.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/progress.h"

namespace dvi {
namespace {

TEST(Device, WhatFailsThereIsLeftToTheProcessor) {
  set_output(Output::quiet);
  bool done = false;
  EXPECT_TRUE(tried_on_device([&] { done = true; }));
  EXPECT_TRUE(done);
  EXPECT_FALSE(tried_on_device([] { fail("the layout: the device has no memory left"); }));
  set_output(Output::automatic);
}

}  // namespace
}  // namespace dvi
