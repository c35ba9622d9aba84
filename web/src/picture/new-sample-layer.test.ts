import { describe, expect, it } from "vitest";
import type { NewSample } from "../data/new-samples";
import { placeAt, stretches } from "./new-sample-layer";

describe("a new sample between epochs", () => {
  const at = new Map([
    [2, { place: [0, 10] }],
    [5, { place: [4, 20] }],
  ]);
  const sample = { at } as unknown as NewSample;

  it("is between its places", () => {
    expect(placeAt(sample, [2, 5], 0.25)).toEqual({ x: 1, y: 12.5 });
    expect(placeAt(sample, [2, 5], 7)).toEqual({ x: 4, y: 20 });
  });

  it("is nowhere where it was not placed", () => {
    expect(placeAt(sample, [1, 2], 0)).toBeNull();
  });
});

describe("the stretches of a line", () => {
  it("begin where the class changes", () => {
    expect(stretches([3, 3, 1, 1, 1, 2])).toEqual([
      { from: 0, to: 2, index: 3 },
      { from: 2, to: 5, index: 1 },
      { from: 5, to: 5, index: 2 },
    ]);
    expect(stretches([4])).toEqual([{ from: 0, to: 0, index: 4 }]);
  });
});
