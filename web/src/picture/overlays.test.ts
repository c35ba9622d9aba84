import { describe, expect, it } from "vitest";
import { changedCells, trailSegments } from "./overlays";

describe("trails", () => {
  it("join a sample's places in order, wider towards the end, the future dashed", () => {
    const places = new Uint16Array([0, 0, 65535, 0, 65535, 65535]);
    const s = trailSegments(places, 3, [[255, 0, 0]], 1, [1]);
    expect(s.count).toBe(2);
    expect([...s.ends]).toEqual([0, 0, 1, 0, 1, 0, 1, 1]);
    expect(s.strokes[1]).toBeGreaterThan(s.strokes[0]!);
    expect(s.strokes[2]).toBe(0);
    expect(s.strokes[5]).toBeGreaterThan(0);
  });

  it("are nothing with one epoch", () => {
    expect(trailSegments(new Uint16Array([1, 2]), 1, [[0, 0, 0]], 0, [1]).count).toBe(0);
  });
});

it("marks cells that changed class", () => {
  const { cells, count } = changedCells(new Uint16Array([1, 2, 3]), new Uint16Array([1, 5, 3]));
  expect([...cells]).toEqual([0, 255, 0]);
  expect(count).toBe(1);
});
