import { describe, expect, it } from "vitest";
import type { Why } from "../../data/api";
import { nearestChange, reliability } from "./why";

const history = { epochs: [1, 2, 4, 8, 16], predictions: [0, 0, 1, 1, 2], confidence: [1, 1, 1, 1, 1] };

describe("the change explained", () => {
  it("is the one nearest to the epoch shown", () => {
    expect(nearestChange(history, 1)).toEqual({ from: 2, to: 4 });
    expect(nearestChange(history, 8)).toEqual({ from: 2, to: 4 });
    expect(nearestChange(history, 16)).toEqual({ from: 8, to: 16 });
  });
  it("is none where nothing changes", () => {
    expect(nearestChange({ ...history, predictions: [3, 3, 3, 3, 3] }, 4)).toBeNull();
  });
});

describe("how far to believe it", () => {
  const why: Why = {
    sample: 5,
    from: 2,
    to: 4,
    from_class: 0,
    to_class: 1,
    hit_rate: 0.91,
    flips: 120,
    explained: 0.4,
    known: true,
    doubt: null,
    pushers: [],
    against: [],
  };
  it("is told in figures", () => {
    expect(reliability(why)).toContain("91 % of the 120 held-out samples");
    expect(reliability(why)).toContain("accounts for 40 %");
    expect(reliability({ ...why, explained: null })).not.toContain("last layer");
  });
  it("is that nothing is known where the server says so", () => {
    expect(reliability({ ...why, known: false, doubt: "a coin might reach it too" })).toBe(
      "Not known: a coin might reach it too.",
    );
  });
});
