import { describe, expect, it } from "vitest";
import { stackedAreas } from "./new-samples";

describe("areas of class probabilities", () => {
  const areas = stackedAreas(
    [
      [0.9, 0.1, 0],
      [0.5, 0.25, 0.25],
      [0, 0.25, 0.75],
    ],
    3,
  );

  it("stack from the class that is the most likely at the end", () => {
    expect(areas.map((a) => a.index)).toEqual([2, 1, 0]);
  });

  it("fill the box", () => {
    const top = areas[2]!.points.slice(0, 3).map((p) => p[1]);
    for (const y of top) expect(y).toBeCloseTo(0);
    expect(areas[0]!.points.slice(0, 3)).toEqual([
      [0, 1],
      [0.5, 0.75],
      [1, 0.25],
    ]);
  });

  it("leave the classes out that never matter", () => {
    expect(stackedAreas([[0.6, 0.3, 0.1]], 2).map((a) => a.index)).toEqual([0, 1]);
  });

  it("span the box where there is one epoch", () => {
    expect(stackedAreas([[0.75, 0.25]], 2)[0]!.points).toEqual([
      [0, 0.25],
      [1, 0.25],
      [1, 1],
      [0, 1],
    ]);
  });
});
