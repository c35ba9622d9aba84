import { describe, expect, it } from "vitest";
import { classColor, oklch, paletteBytes, type Rgb, rampBytes } from "./palette";

/** What a deuteranope sees of a colour (Machado, Oliveira and Fernandes 2009, severity 1), in linear light. */
function deuteranope([r, g, b]: Rgb): Rgb {
  const lin = [r, g, b].map((v) => (v / 255) ** 2.2) as [number, number, number];
  const m = [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ];
  return m.map(
    (row) => 255 * Math.max(0, row[0]! * lin[0] + row[1]! * lin[1] + row[2]! * lin[2]) ** (1 / 2.2),
  ) as unknown as Rgb;
}
const apart = (a: Rgb, b: Rgb) => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);

describe("palette", () => {
  it("keeps ten classes apart, also for a deuteranope", () => {
    for (let i = 0; i < 10; ++i)
      for (let j = 0; j < i; ++j) {
        expect(apart(classColor(i, 10), classColor(j, 10))).toBeGreaterThan(40);
        expect(apart(deuteranope(classColor(i, 10)), deuteranope(classColor(j, 10)))).toBeGreaterThan(14);
      }
  });

  it("gives 1,000 classes nearly 1,000 colours", () => {
    const colors = new Set(Array.from({ length: 1000 }, (_, i) => classColor(i, 1000).join()));
    expect(colors.size).toBeGreaterThan(950);
  });

  it("hides what is not visible by alpha", () => {
    const bytes = paletteBytes(3, (i) => i === 1);
    expect([bytes[3], bytes[7], bytes[11]]).toEqual([0, 255, 0]);
  });

  it("turns OKLCH into sRGB", () => {
    expect(oklch(1, 0, 0)).toEqual([255, 255, 255]);
    expect(oklch(0, 0, 0)).toEqual([0, 0, 0]);
  });

  it("has a ramp whose brightness rises evenly", () => {
    const ramp = rampBytes(true);
    const luma = (i: number) => 0.299 * ramp[4 * i]! + 0.587 * ramp[4 * i + 1]! + 0.114 * ramp[4 * i + 2]!;
    for (let i = 16; i < 256; i += 16) expect(luma(i)).toBeGreaterThan(luma(i - 16));
  });
});
