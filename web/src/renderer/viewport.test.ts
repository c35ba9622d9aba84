import { describe, expect, it } from "vitest";
import {
  clampView,
  clipTransform,
  fitFrame,
  pan,
  pointSize,
  toPlane,
  toScreen,
  zoomAt,
  zoomLevel,
} from "./viewport";

const extent = [-10, -5, 10, 15] as const;
const size = { width: 800, height: 600 };

describe("viewport", () => {
  it("fits the whole extent, centred, with y up", () => {
    const view = fitFrame(extent, size, 0);
    expect(view.ux).toBeCloseTo(20 / 600);
    expect(view.uy).toBeCloseTo(20 / 600);
    expect(toScreen(view, size, 0, 15)).toEqual({ x: 400, y: 0 });
    expect(toScreen(view, size, 0, -5).y).toBeCloseTo(600);
  });

  it("fills a pane of another shape, by a stretch that has an end", () => {
    const wide = { width: 900, height: 600 };
    const filled = fitFrame(extent, wide, 0, 2);
    expect([20 / filled.ux, 20 / filled.uy]).toEqual([900, 600]);
    const wider = fitFrame(extent, { width: 2400, height: 600 }, 0, 2);
    expect(20 / wider.uy).toBeCloseTo(600);
    expect(20 / wider.ux).toBeCloseTo(1200);
  });

  it("goes to the plane and back", () => {
    const view = { cx: 1.5, cy: -2, ux: 0.013, uy: 0.02 };
    const at = toPlane(view, size, 123, 456);
    const back = toScreen(view, size, at.x, at.y);
    expect(back.x).toBeCloseTo(123);
    expect(back.y).toBeCloseTo(456);
  });

  it("zooms about the cursor", () => {
    const view = fitFrame(extent, size);
    const before = toPlane(view, size, 200, 100);
    const after = toPlane(zoomAt(view, size, 200, 100, 3), size, 200, 100);
    expect(after.x).toBeCloseTo(before.x);
    expect(after.y).toBeCloseTo(before.y);
    expect(zoomLevel(zoomAt(view, size, 200, 100, 3), view)).toBeCloseTo(3);
  });

  it("pans with the pointer", () => {
    const view = fitFrame(extent, size);
    const before = toPlane(view, size, 100, 100);
    const after = toPlane(pan(view, 30, -20), size, 130, 80);
    expect(after.x).toBeCloseTo(before.x);
    expect(after.y).toBeCloseTo(before.y);
  });

  it("takes quantised positions to clip space as toScreen does", () => {
    const view = { cx: 2, cy: 3, ux: 0.02, uy: 0.03 };
    const [sx, sy, ox, oy] = clipTransform(view, extent, size);
    const q = [0.3, 0.8];
    const screen = toScreen(view, size, -10 + 20 * q[0]!, -5 + 20 * q[1]!);
    expect(((q[0]! * sx + ox + 1) / 2) * 800).toBeCloseTo(screen.x);
    expect(((1 - (q[1]! * sy + oy)) / 2) * 600).toBeCloseTo(screen.y);
  });

  it("never loses the picture", () => {
    const fitted = fitFrame(extent, size);
    const view = clampView({ cx: 1e6, cy: 0, ux: 1e9, uy: 1e9 }, extent, fitted);
    expect(view.cx).toBe(10);
    expect(zoomLevel(view, fitted)).toBeCloseTo(0.25);
  });

  it("draws many points small and few points large", () => {
    expect(pointSize(1, size, 1)).toBe(9);
    expect(pointSize(1_000_000, size, 1)).toBe(1.6);
    expect(pointSize(70_000, size, 8)).toBeGreaterThan(pointSize(70_000, size, 1));
  });
});
