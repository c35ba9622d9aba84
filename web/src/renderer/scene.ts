import type { WebGLRenderer } from "three";
import { Camera, NearestFilter, RGBAFormat, DataTexture as Texture2D, Scene as ThreeScene } from "three";
import { type Theme, unit } from "../color/theme";
import { densityCells, densityOf, densityTexture } from "./density";
import type { GpuArrays } from "./gpu-arrays";
import { LinesPass, type Segments } from "./lines";
import { MarksPass } from "./marks";
import { ColorMode, PointsPass } from "./points";
import {
  byteTexture,
  type Landscape,
  type LandscapeTextures,
  landscapeTextures,
  TerritoryPass,
  type TerritoryStyle,
} from "./territory";
import { clipTransform, type Extent, pointSize, type Size, type Viewport } from "./viewport";

/** What stays the same over a run's epochs. */
export interface PlotData {
  /** Names the arrays on the GPU: another run, view or revision needs another key. */
  readonly key: string;
  readonly count: number;
  readonly extent: Extent;
  /** class of each sample, 65535 = none */
  readonly labels: Uint16Array;
  /** glyph of each sample: 0 disc, 1 square, 2 diamond, 3 triangle, 4 open ring, 5 cross */
  readonly shapes: Uint8Array;
  /** sample ids in drawing order, last on top */
  readonly order: Uint32Array;
}

/** One epoch's arrays. */
export interface Frame {
  readonly key: string;
  /** [count, 2], quantised over the extent */
  readonly positions: Uint16Array;
  readonly predictions: Uint16Array;
}

/**
 * How points are coloured. `value` is needed by the modes Category (uint16 indices) and Ramp (bytes or
 * uint16, 0..1).
 */
export interface Coloring {
  readonly mode: ColorMode;
  readonly classes: Uint8Array;
  readonly categories: Uint8Array;
  readonly ramp: Uint8Array;
  readonly value: Uint8Array | Uint16Array | null;
  /** changes whenever `value` does */
  readonly valueKey: string;
}

/** A sample drawn on top of the others. */
export interface Highlight {
  readonly id: number;
  readonly mark: number;
  readonly size: number;
  readonly first: number;
  readonly second: number;
}

/** A stroke between two samples that follows them over time. */
export interface Link {
  readonly from: number;
  readonly to: number;
  readonly color: readonly [number, number, number, number];
  readonly width: number;
  readonly dash: number;
}

const noSegments: Segments = {
  count: 0,
  ends: new Float32Array(),
  colors: new Float32Array(),
  strokes: new Float32Array(),
};

/** A palette as a texture 1,024 colours wide, so that thousands of classes fit. */
function paletteTexture(bytes: Uint8Array): Texture2D {
  const count = Math.max(1, bytes.length / 4);
  const rows = Math.ceil(count / 1024);
  const padded = new Uint8Array(1024 * rows * 4);
  padded.set(bytes);
  const texture = new Texture2D(padded, 1024, rows, RGBAFormat);
  texture.magFilter = NearestFilter;
  texture.minFilter = NearestFilter;
  texture.needsUpdate = true;
  return texture;
}

function rampTexture(bytes: Uint8Array): Texture2D {
  const texture = new Texture2D(bytes, bytes.length / 4, 1, RGBAFormat);
  texture.magFilter = NearestFilter;
  texture.minFilter = NearestFilter;
  texture.needsUpdate = true;
  return texture;
}

/**
 * One picture: the passes put together, at a time between two epochs, seen through a viewport. It holds no state of the
 * page and fetches nothing; everything is handed to it.
 */
export class Scene {
  view: Viewport = { cx: 0, cy: 0, ux: 1, uy: 1 };
  /** How much closer than fitted the view is: points grow with it. */
  zoom = 1;
  pointScale = 1;
  showPoints = true;
  showTerritory = true;
  showBoundarySamples = false;
  /** Leaves out what is laid over the points, for pictures of the territory alone. */
  hideMarks = false;

  private readonly root = new ThreeScene();
  private readonly camera = new Camera();
  private readonly territory = new TerritoryPass();
  private readonly points = new PointsPass(false);
  private readonly selected = new PointsPass(true);
  private readonly trails = new LinesPass(5);
  private readonly links = new LinesPass(6);
  private readonly boundary = new MarksPass(8);
  private readonly marks = new MarksPass(9);
  private readonly landscapes = new Map<string, LandscapeTextures>();
  private data: PlotData | null = null;
  private a: Frame | null = null;
  private b: Frame | null = null;
  private mixture = 0;
  private selectionCount = 0;
  private highlightList: readonly Highlight[] = [];
  private linkList: readonly Link[] = [];
  private style: TerritoryStyle | null = null;
  private coloring: Coloring | null = null;
  private palettes: { classes: Texture2D; categories: Texture2D; ramp: Texture2D } | null = null;
  private flags: Uint8Array | null = null;
  /** By frame, of the samples that are visible now. */
  private readonly densities = new Map<string, Texture2D>();
  private shows: ((id: number) => boolean) | null = null;

  constructor(
    private readonly arrays: GpuArrays,
    private readonly name: string,
  ) {
    for (const pass of [
      this.territory,
      this.trails,
      this.links,
      this.points,
      this.selected,
      this.boundary,
      this.marks,
    ])
      this.root.add(pass.object);
    this.root.matrixAutoUpdate = false;
  }

  setData(data: PlotData): void {
    const old = this.data;
    this.data = data;
    this.a = null;
    this.b = null;
    this.points.setOrder(data.order);
    this.setSelected(new Uint32Array());
    if (old?.key !== data.key) this.clearLandscapes();
    this.clearDensities();
    this.uploadStatic();
  }

  /** Another drawing order of the same samples, last on top. */
  setOrder(order: Uint32Array): void {
    this.points.setOrder(order);
  }

  /** The two epochs shown; the picture lies between them (see setMixture). */
  setFrames(a: Frame, b: Frame): void {
    this.a = a;
    this.b = b;
    const arrayA = this.arrays.get(`${a.key}/positions`, a.positions, 2, true);
    const arrayB = this.arrays.get(`${b.key}/positions`, b.positions, 2, true);
    for (const pass of [this.points, this.selected]) {
      pass.setArray("positionA", arrayA);
      pass.setArray("positionB", arrayB);
    }
    this.setPredictions();
  }

  /** 0 = the first of the two epochs, 1 = the second. */
  setMixture(mixture: number): void {
    const crossed = this.mixture < 0.5 !== mixture < 0.5;
    this.mixture = mixture;
    if (crossed) this.setPredictions();
  }

  get frames(): { a: Frame; b: Frame; mixture: number } | null {
    return this.a && this.b ? { a: this.a, b: this.b, mixture: this.mixture } : null;
  }

  /** The epoch whose predictions are shown. */
  get nearest(): Frame | null {
    return this.mixture < 0.5 ? this.a : this.b;
  }

  /** Landscapes of the two epochs, or null where one is not there yet. */
  setLandscapes(
    a: { key: string; land: Landscape } | null,
    b: { key: string; land: Landscape } | null,
  ): void {
    this.territory.setLandscapes(a && this.landscape(a.key, a.land), b && this.landscape(b.key, b.land));
  }

  setDistances(cells: Uint8Array | null, size = 0): void {
    this.territory.setDistances(cells && byteTexture(cells, size, true));
  }

  setChanges(cells: Uint8Array | null, size = 0): void {
    this.territory.setChanges(cells && byteTexture(cells, size, false));
  }

  setColoring(coloring: Coloring): void {
    const old = this.coloring;
    this.coloring = coloring;
    if (
      !this.palettes ||
      old?.classes !== coloring.classes ||
      old.categories !== coloring.categories ||
      old.ramp !== coloring.ramp
    ) {
      for (const texture of Object.values(this.palettes ?? {})) texture.dispose();
      this.palettes = {
        classes: paletteTexture(coloring.classes),
        categories: paletteTexture(coloring.categories),
        ramp: rampTexture(coloring.ramp),
      };
      for (const pass of [this.points, this.selected]) pass.setPalettes(this.palettes);
      this.boundary.set({ palette: this.palettes.classes });
      this.marks.set({ palette: this.palettes.classes });
    }
    for (const pass of [this.points, this.selected]) pass.set({ mode: coloring.mode });
    this.uploadValue();
  }

  /** One byte a sample, see Flag. */
  setFlags(flags: Uint8Array): void {
    this.flags = flags;
    const array = this.arrays.update(`${this.name}/flags`, flags, 1, false);
    for (const pass of [this.points, this.selected]) pass.setArray("flags", array);
  }

  /** Which samples are drawn, for how crowded each place is; null = all. To be told again when it changes. */
  setShown(shows: ((id: number) => boolean) | null): void {
    this.shows = shows;
    this.clearDensities();
  }

  setSelected(ids: Uint32Array): void {
    this.selectionCount = ids.length;
    this.selected.setOrder(ids);
  }

  setHighlights(list: readonly Highlight[]): void {
    this.highlightList = list;
  }

  setLinks(list: readonly Link[]): void {
    this.linkList = list;
  }

  setTrails(segments: Segments | null): void {
    this.trails.setSegments(segments ?? noSegments);
  }

  /** Boundary samples: quantised positions and the two classes each lies between. */
  setBoundarySamples(positions: Uint16Array, classes: Uint16Array): void {
    const count = positions.length / 2;
    const places = new Float32Array(count * 2);
    const looks = new Float32Array(count * 4);
    for (let i = 0; i < count; ++i) {
      places[2 * i] = positions[2 * i]! / 65535;
      places[2 * i + 1] = positions[2 * i + 1]! / 65535;
      looks.set([classes[2 * i]!, classes[2 * i + 1]!, 7, 0], 4 * i);
    }
    this.boundary.setMarks(places, looks);
  }

  /** `palette`: RGBA bytes, one colour a class. */
  setTheme(theme: Theme, palette: Uint8Array): void {
    this.style = { palette, ground: theme.ground, tint: theme.tint };
    this.clearLandscapes();
    const ink = unit(theme.ink);
    this.territory.set({
      boundary: unit(theme.boundary),
      paleness: theme.paleness,
      ink,
      ground: unit(theme.ground),
    });
    for (const pass of [this.points, this.selected])
      pass.set({
        outline: [...unit(theme.outline), theme.outlineShare],
        selectedColor: [...unit(theme.selected), 1],
      });
    for (const pass of [this.boundary, this.marks]) pass.set({ ink, paper: unit(theme.paper) });
  }

  setLook(look: { rings?: boolean; opacity?: number }): void {
    for (const pass of [this.points, this.selected]) pass.set(look);
  }

  /** Where sample `id` is now, in 0..1 over the extent. */
  place(id: number): [number, number] {
    if (!this.a || !this.b) return [0, 0];
    const m = this.mixture;
    const p = this.a.positions;
    const q = this.b.positions;
    return [
      (p[2 * id]! * (1 - m) + q[2 * id]! * m) / 65535,
      (p[2 * id + 1]! * (1 - m) + q[2 * id + 1]! * m) / 65535,
    ];
  }

  /** Where sample `id` is now, in plane units. */
  planePlace(id: number): [number, number] {
    const [x0, y0, x1, y1] = this.data?.extent ?? [0, 0, 1, 1];
    const [u, v] = this.place(id);
    return [x0 + u * (x1 - x0), y0 + v * (y1 - y0)];
  }

  /** Diameter of a point in CSS pixels. */
  pointDiameter(size: Size): number {
    if (!this.data) return 4;
    return pointSize(this.data.count, size, this.zoom) * this.pointScale;
  }

  /** Draws into the viewport that is set on `renderer`; `size` in CSS pixels. */
  render(renderer: WebGLRenderer, size: Size, pixelRatio: number): void {
    if (!this.data) return;
    const clip = clipTransform(this.view, this.data.extent, size);
    const mixture = this.mixture;
    const diameter = this.pointDiameter(size) * pixelRatio;
    this.territory.object.visible = this.showTerritory && this.territory.ready;
    this.territory.set({ clip, mixture: mixture * mixture * (3 - 2 * mixture), pixelRatio });
    this.points.object.visible = this.showPoints && this.points.ready;
    this.points.set({
      clip,
      mixture,
      size: diameter,
      crowding: this.crowding(clip, size, diameter / pixelRatio),
    });
    this.selected.object.visible = this.showPoints && this.selected.ready && this.selectionCount > 0;
    this.selected.set({ clip, mixture, size: Math.max(diameter, 5 * pixelRatio) });
    this.boundary.object.visible = this.showBoundarySamples && !this.hideMarks && this.boundary.count > 0;
    this.boundary.set({ clip, pixelRatio });
    this.trails.set(clip, size.width, size.height);
    this.drawLinks(clip, size);
    this.drawHighlights(clip, pixelRatio);
    if (this.hideMarks) this.marks.object.visible = false;
    renderer.render(this.root, this.camera);
  }

  /** Puts everything back on the GPU after its context was lost. */
  restore(): void {
    this.uploadStatic();
    if (this.a && this.b) this.setFrames(this.a, this.b);
    if (this.flags) this.setFlags(this.flags);
    this.uploadValue();
  }

  dispose(): void {
    this.clearLandscapes();
    this.clearDensities();
    for (const key of this.arrays.keys()) if (key.startsWith(`${this.name}/`)) this.arrays.release(key);
  }

  /** Share of a cell of the density maps that a point covers; brings the maps in step with what is shown. */
  private crowding(clip: readonly [number, number, number, number], size: Size, diameter: number): number {
    if (this.a && this.b) {
      const [a, b] = [this.density(this.a), this.density(this.b)];
      for (const pass of [this.points, this.selected]) pass.setDensities(a, b);
    }
    const cell = (clip[0] * size.width * clip[1] * size.height) / 4 / densityCells ** 2;
    return (Math.PI * diameter * diameter) / 4 / cell;
  }

  private density(frame: Frame): Texture2D {
    const known = this.densities.get(frame.key);
    if (known) return known;
    // Those of the frames before: a map is made again sooner than many are kept.
    if (this.densities.size > 12) this.clearDensities();
    const made = densityTexture(densityOf(frame.positions, this.shows));
    this.densities.set(frame.key, made);
    return made;
  }

  private clearDensities(): void {
    for (const texture of this.densities.values()) texture.dispose();
    this.densities.clear();
  }

  private uploadStatic(): void {
    if (!this.data) return;
    const labels = this.arrays.get(`${this.data.key}/labels`, this.data.labels, 1, false);
    const shapes = this.arrays.get(`${this.data.key}/shapes`, this.data.shapes, 1, false);
    for (const pass of [this.points, this.selected]) {
      pass.setArray("label", labels);
      pass.setArray("shape", shapes);
    }
    if (!this.coloring?.value) this.uploadValue();
  }

  private setPredictions(): void {
    const frame = this.nearest;
    if (!frame) return;
    const array = this.arrays.get(`${frame.key}/predictions`, frame.predictions, 1, false);
    for (const pass of [this.points, this.selected]) pass.setArray("prediction", array);
  }

  private uploadValue(): void {
    if (!this.data) return;
    const value = this.coloring?.value;
    const array = value
      ? this.arrays.update(`${this.name}/value`, value, 1, this.coloring!.mode === ColorMode.Ramp)
      : this.arrays.get(`${this.data.key}/shapes`, this.data.shapes, 1, false);
    for (const pass of [this.points, this.selected]) pass.setArray("value", array);
  }

  private landscape(key: string, land: Landscape): LandscapeTextures | null {
    if (!this.style) return null;
    const known = this.landscapes.get(key);
    if (known) {
      this.landscapes.delete(key);
      this.landscapes.set(key, known);
      return known;
    }
    const textures = landscapeTextures(land, this.style);
    this.landscapes.set(key, textures);
    // 24 landscapes of 256 cells squared are 6 MB; the oldest goes first.
    for (const old of this.landscapes.keys()) {
      if (this.landscapes.size <= 24) break;
      this.drop(old);
    }
    return textures;
  }

  private drop(key: string): void {
    const textures = this.landscapes.get(key);
    textures?.colors.dispose();
    textures?.fade.dispose();
    this.landscapes.delete(key);
  }

  private clearLandscapes(): void {
    for (const key of [...this.landscapes.keys()]) this.drop(key);
    this.territory.setLandscapes(null, null);
  }

  private drawLinks(clip: readonly [number, number, number, number], size: Size): void {
    const count = this.linkList.length;
    if (count === 0) {
      this.links.object.visible = false;
      return;
    }
    const ends = new Float32Array(count * 4);
    const colors = new Float32Array(count * 8);
    const strokes = new Float32Array(count * 3);
    for (let i = 0; i < count; ++i) {
      const link = this.linkList[i]!;
      ends.set([...this.place(link.from), ...this.place(link.to)], i * 4);
      colors.set([...link.color, ...link.color], i * 8);
      strokes.set([link.width, link.width, link.dash], i * 3);
    }
    this.links.setSegments({ count, ends, colors, strokes });
    this.links.set(clip, size.width, size.height);
  }

  private drawHighlights(clip: readonly [number, number, number, number], pixelRatio: number): void {
    const count = this.highlightList.length;
    if (count === 0) {
      this.marks.object.visible = false;
      return;
    }
    const places = new Float32Array(count * 2);
    const looks = new Float32Array(count * 4);
    for (let i = 0; i < count; ++i) {
      const h = this.highlightList[i]!;
      places.set(this.place(h.id), i * 2);
      looks.set([h.first, h.second, h.size, h.mark], i * 4);
    }
    this.marks.setMarks(places, looks);
    this.marks.set({ clip, pixelRatio });
  }
}
