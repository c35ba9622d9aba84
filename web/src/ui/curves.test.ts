import { expect, it } from "vitest";
import { curvePaths } from "./curves";

it("draws a line a channel over the whole width and height", () => {
  const { paths, low, high } = curvePaths([
    [0, 1, 2],
    [2, 0, 0],
  ]);
  expect(paths).toEqual(["M2.0 81.0L120.0 42.0L238.0 3.0", "M2.0 3.0L120.0 81.0L238.0 81.0"]);
  expect([low, high]).toEqual([0, 2]);
});

it("leaves a gap where a value is missing, and is flat where nothing changes", () => {
  expect(curvePaths([[1, null, 1]]).paths).toEqual(["M2.0 42.0M238.0 42.0"]);
});
