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

it("puts a name among the samples of its class rather than on wider empty ground", () => {
  const size = 64;
  const classes = new Uint16Array(size * size).fill(1);
  for (let y = 40; y < 60; ++y) for (let x = 40; x < 60; ++x) classes[y * size + x] = 2;
  const blank = new Uint8Array(size * size);
  const at = (x: number, y: number) => [(x / 64) * 65536, (y / 64) * 65536];
  const crowd = {
    positions: new Uint16Array([...at(10, 12), ...at(11, 12), ...at(50, 50), ...at(30, 5)]),
    predictions: new Uint16Array([1, 1, 1, 3]),
  };
  const anchors = territoryAnchors({ size, classes, confidence: blank, margin: blank }, crowd);
  const one = anchors.find((a) => a.index === 1)!;
  expect(Math.hypot(one.x - 10.5 / 64, one.y - 12 / 64)).toBeLessThan(3 / 64);
  const two = anchors.find((a) => a.index === 2)!; // no sample of its own: the middle
  expect(Math.hypot(two.x - 50 / 64, two.y - 50 / 64)).toBeLessThan(3 / 64);
});
