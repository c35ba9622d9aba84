import { expect, it } from "vitest";
import { frameTimes } from "./film";

it("spaces frames evenly and rests on the last epoch", () => {
  const times = frameTimes(2, 4, 2, 30);
  expect(times[0]).toBe(2);
  expect(times[15]).toBeCloseTo(3);
  expect(times.slice(30)).toEqual(new Array(15).fill(4));
});

it("makes one frame and a rest of a single epoch", () => {
  expect(frameTimes(3, 3, 1, 30)[0]).toBe(3);
});
