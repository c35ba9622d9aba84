import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { mixAnchors, type Name, nameAnchors, placeNames } from "./class-names";

const at = (x: number, y: number) => [(x / 64) * 65536, (y / 64) * 65536];

function landscape(size: number, classOf: (x: number, y: number) => number) {
  const classes = new Uint16Array(size * size);
  for (let y = 0; y < size; ++y) for (let x = 0; x < size; ++x) classes[y * size + x] = classOf(x, y);
  const blank = new Uint8Array(size * size);
  return { size, classes, confidence: blank, margin: blank, fade: blank };
}

describe("anchors", () => {
  it("are inside their own territory, away from its edge", () => {
    const land = landscape(128, (x, y) => (x < 32 ? 7 : y < 64 ? 1 : 2));
    const crowd = {
      positions: new Uint16Array([...at(8, 30), ...at(40, 16), ...at(40, 48)]),
      predictions: new Uint16Array([7, 1, 2]),
    };
    const anchors = nameAnchors(land, crowd);
    expect(anchors.map((a) => a.index).sort()).toEqual([1, 2, 7]);
    for (const a of anchors) {
      expect(land.classes[Math.floor(a.y * 128) * 128 + Math.floor(a.x * 128)]).toBe(a.index);
      expect(a.room).toBeGreaterThan(0.04);
    }
    expect(anchors.find((a) => a.index === 7)!.share).toBeCloseTo(0.25);
  });

  it("are among samples predicted as their class, and there is none without them", () => {
    const land = landscape(64, (x, y) => (x >= 40 && x < 60 && y >= 40 && y < 60 ? 2 : 1));
    const crowd = {
      positions: new Uint16Array([...at(10, 12), ...at(11, 12), ...at(50, 50), ...at(30, 5)]),
      predictions: new Uint16Array([1, 1, 1, 3]),
    };
    const anchors = nameAnchors(land, crowd);
    expect(anchors.map((a) => a.index)).toEqual([1]);
    expect(Math.hypot(anchors[0]!.x - 10.5 / 64, anchors[0]!.y - 12 / 64)).toBeLessThan(3 / 64);
  });

  it("glide between epochs, and fade where they jump or vanish", () => {
    const anchor = (index: number, x: number) => ({ index, x, y: 0.5, share: 0.2, room: 0.1, opacity: 1 });
    const mixed = mixAnchors(
      [anchor(0, 0.2), anchor(1, 0.1), anchor(2, 0.5)],
      [anchor(0, 0.3), anchor(1, 0.9)],
      0.5,
    );
    expect(mixed[0]).toMatchObject({ index: 0, x: 0.25, opacity: 1 });
    expect(mixed[1]).toMatchObject({ index: 1, x: 0.9, opacity: 0 });
    expect(mixed[2]).toMatchObject({ index: 2, opacity: 0.5 });
  });
});

describe("names", () => {
  const name = (index: number, x: number, y: number, more: Partial<Name> = {}): Name => ({
    index,
    x,
    y,
    width: 60,
    room: 30,
    opacity: 1,
    ...more,
  });
  const pane = { width: 400, height: 300 };
  const placed = (...names: Name[]) => placeNames(names, pane, 18).map((n) => n.index);

  it("never cover one another", () => {
    expect(placed(name(0, 100, 100), name(1, 150, 110), name(2, 150, 119), name(3, 161, 100))).toEqual([
      0, 2, 3,
    ]);
  });

  it("stand only where there is room, within the pane", () => {
    expect(placed(name(0, 200, 100, { room: 7 }), name(1, 200, 200, { width: 200 }))).toEqual([]);
    expect(placed(name(0, 29, 100), name(1, 371, 100), name(2, 200, 8), name(3, 200, 292))).toEqual([]);
    expect(placed(name(0, 30, 100), name(1, 370, 100), name(2, 200, 9), name(3, 200, 291))).toEqual([
      0, 1, 2, 3,
    ]);
  });
});

interface Moment {
  /** rows of the territory, smallest y first, a letter a class */
  classes: string[];
  /** x and y in 0..1, prediction */
  samples: [number, number, number][];
}

interface Case {
  name: string;
  first: Moment;
  second: Moment;
  mixture: number;
  /** of each class's name, with what must stay free beside it */
  widths: number[];
  plot: [number, number];
  line: number;
  /** index, x, y, share, room, opacity */
  anchors: number[][];
  mixed: number[][];
  /** the classes named, at the mixture */
  placed: number[];
}

// src/render/class_names_test.cpp answers the same cases. A new rule is written into them by
// DVI_WRITE_CASES=1 npx vitest run class-names, and then the twin must follow.
describe("cases shared with dvi render", () => {
  const file = new URL("../../../tests/class-names/cases.json", import.meta.url);
  const cases = JSON.parse(readFileSync(file, "utf8")) as Case[];
  const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

  const anchorsOf = ({ classes, samples }: Moment) =>
    nameAnchors(
      landscape(classes.length, (x, y) => letters.indexOf(classes[y]![x]!)),
      {
        positions: Uint16Array.from(samples.flatMap(([x, y]) => [x * 65536, y * 65536])),
        predictions: Uint16Array.from(samples, (s) => s[2]),
      },
    );
  const rows = (list: ReturnType<typeof nameAnchors>) =>
    list.map((a) => [a.index, a.x, a.y, a.share, a.room, a.opacity].map((v) => Number(v.toFixed(6))));

  for (const one of cases)
    it(one.name, () => {
      const first = anchorsOf(one.first);
      const mixed = mixAnchors(first, anchorsOf(one.second), one.mixture);
      const [width, height] = one.plot;
      const names = mixed.map((a) => ({
        index: a.index,
        x: a.x * width,
        y: (1 - a.y) * height,
        width: one.widths[a.index]!,
        room: a.room * Math.min(width, height),
        opacity: a.opacity,
      }));
      const found = {
        anchors: rows(first),
        mixed: rows(mixed),
        placed: placeNames(names, { width, height }, one.line).map((n) => n.index),
      };
      if (process.env.DVI_WRITE_CASES) Object.assign(one, found);
      const { anchors, mixed: between, placed } = one;
      expect(found).toEqual({ anchors, mixed: between, placed });
    });

  if (process.env.DVI_WRITE_CASES)
    it("are written", () => writeFileSync(file, `${JSON.stringify(cases, null, 1)}\n`));
});
