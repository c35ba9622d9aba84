import { describe, expect, it } from "vitest";
import { themeOf } from "../color/theme";
import type { NewSample } from "../data/new-samples";
import { attributesOf, NewSampleLayer, placeAt, stretches } from "./new-sample-layer";
import type { Pane } from "./pane";

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

describe("what is laid over the picture", () => {
  const epochs = [1, 2, 3];
  const fresh = (letter: string) =>
    ({ letter, at: new Map(epochs.map((e) => [e, { place: [e / 4, 0.5] }])) }) as unknown as NewSample;
  const pane = {
    data: { fitted: epochs },
    time: 1.5,
    scene: { view: { cx: 0.5, cy: 0.5, ux: 0.01, uy: 0.01 } },
    currentTheme: themeOf(false),
  } as unknown as Pane;
  const shapesOf = (count: number, looked: number | null) => {
    const layer = Object.create(NewSampleLayer.prototype) as NewSampleLayer;
    const samples = Array.from({ length: count }, (_, k) => fresh(String.fromCharCode(65 + (k % 26))));
    layer.set(samples, looked === null ? null : samples[looked]!);
    return layer.shapes({ pane, left: 0, size: { width: 100, height: 100 } }, true);
  };
  const countOf = (name: string, count: number, looked: number | null) =>
    shapesOf(count, looked).filter((shape) => shape.name === name).length;

  it("are marks with letters and trails, of many the marks alone", () => {
    expect(countOf("new-mark", 12, null)).toBe(12);
    expect(countOf("new-stop", 12, null)).toBe(36);
    expect(countOf("new-letter", 20, null)).toBe(20);
    expect(countOf("new-stop", 20, null)).toBe(0);
    expect(countOf("new-letter", 40, null)).toBe(0);
  });

  it("has trail and letter of the one looked at, over all others", () => {
    expect(countOf("new-stop", 40, 3)).toBe(3);
    const shapes = shapesOf(40, 3);
    expect(shapes.at(-1)!.text!.letters).toBe("D");
    expect(shapes.filter((shape) => shape.name === "new-mark")).toHaveLength(40);
    expect(shapes[0]!.opacity).toBeLessThan(1);
  });

  it("reads alike as attributes", () => {
    const [mark] = shapesOf(40, null);
    expect(attributesOf(mark!)).toMatchObject({ d: mark!.path, "stroke-width": 2 });
  });
});
