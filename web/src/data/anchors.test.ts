import { expect, it } from "vitest";
import { territoryAnchors } from "./anchors";

it("puts a name inside its own territory, away from its edge", () => {
  const size = 128;
  const classes = new Uint16Array(size * size);
  for (let y = 0; y < size; ++y)
    for (let x = 0; x < size; ++x) classes[y * size + x] = x < 32 ? 7 : y < 64 ? 1 : 2;
  const blank = new Uint8Array(size * size);
  const anchors = territoryAnchors({ size, classes, confidence: blank, margin: blank });
  expect(anchors.map((a) => a.index).sort()).toEqual([1, 2, 7]);
  for (const a of anchors) {
    expect(classes[Math.floor(a.y * size) * size + Math.floor(a.x * size)]).toBe(a.index);
    expect(a.room).toBeGreaterThan(0.04);
  }
  expect(anchors.find((a) => a.index === 7)!.share).toBeCloseTo(0.25);
});
