import { describe, expect, it } from "vitest";
import { buildIndex, insideBox, insidePolygon, mixPositions, nearest } from "./spatial-index";

function randomPositions(count: number): Uint16Array {
  let s = 7;
  return Uint16Array.from({ length: 2 * count }, () => {
    s = (Math.imul(s, 1664525) + 1013904223) >>> 0;
    return s >>> 16;
  });
}

describe("spatial index", () => {
  const positions = randomPositions(5000);
  const index = buildIndex(positions);
  const everything = () => true;

  it("holds every sample once", () => {
    expect([...index.ids].sort((a, b) => a - b)).toEqual(Array.from({ length: 5000 }, (_, i) => i));
  });

  it("finds what a search through all samples finds", () => {
    for (let t = 0; t < 200; ++t) {
      const x = ((t * 37) % 200) / 200;
      const y = ((t * 91) % 200) / 200;
      let slow = -1;
      let best = 0.02 ** 2;
      for (let i = 0; i < 5000; ++i) {
        const d = (positions[2 * i]! / 65535 - x) ** 2 + (positions[2 * i + 1]! / 65535 - y) ** 2;
        if (d < best) {
          best = d;
          slow = i;
        }
      }
      expect(nearest(index, x, y, 0.02, everything)).toBe(slow);
    }
  });

  it("finds what is nearest on the screen where the picture is stretched", () => {
    for (const weight of [0.5, 1.7])
      for (let t = 0; t < 100; ++t) {
        const [x, y] = [((t * 37) % 100) / 100, ((t * 71) % 100) / 100];
        let slow = -1;
        let best = 0.03 ** 2;
        for (let i = 0; i < 5000; ++i) {
          const dy = (positions[2 * i + 1]! / 65535 - y) * weight;
          const d = (positions[2 * i]! / 65535 - x) ** 2 + dy ** 2;
          if (d < best) {
            best = d;
            slow = i;
          }
        }
        expect(nearest(index, x, y, 0.03, everything, weight)).toBe(slow);
      }
  });

  it("passes over samples that are not accepted", () => {
    const hit = nearest(index, 0.5, 0.5, 0.1, everything);
    expect(nearest(index, 0.5, 0.5, 0.1, (id) => id !== hit)).not.toBe(hit);
    expect(nearest(index, 0.5, 0.5, 0.1, () => false)).toBe(-1);
  });

  it("works with one sample, in a corner", () => {
    const one = buildIndex(new Uint16Array([65535, 65535]));
    expect(nearest(one, 1, 1, 0.01, everything)).toBe(0);
    expect(nearest(one, 0.5, 0.5, 0.01, everything)).toBe(-1);
  });

  it("tells a polygon's inside from its bounding box", () => {
    const square = new Uint16Array([9000, 10000, 49000, 50000, 10000, 50000]);
    expect(insideBox(square, 0, 0, 1, 1)).toEqual([0, 1, 2]);
    const triangle = [0, 0, 1, 0, 1, 1];
    expect(insidePolygon(square, [...triangle])).toEqual([]);
    expect(insidePolygon(new Uint16Array([50000, 10000, 10000, 50000]), triangle)).toEqual([0]);
  });

  it("mixes positions of two epochs", () => {
    const a = new Uint16Array([0, 1000]);
    const b = new Uint16Array([100, 0]);
    expect([...mixPositions(a, b, 0.25)]).toEqual([25, 750]);
    expect(mixPositions(a, b, 0)).toBe(a);
  });
});
