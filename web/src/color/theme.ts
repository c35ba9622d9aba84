// The colours of the picture, light and dark: the one table that the renderer, the names over the
// territories, exported pictures and the style sheet take them from. `dvi render` has the same
// (src/render/theme.cpp). Colours of the controls around the picture are in style.css.

import type { Rgb } from "./palette";

export interface Theme {
  readonly dark: boolean;
  /** Behind everything, and what the ground fades to where no sample is near. */
  readonly ground: Rgb;
  /** Text and lines over the picture, and what stands around them. */
  readonly ink: Rgb;
  readonly paper: Rgb;
  /** The undecided ground between two classes. */
  readonly boundary: Rgb;
  /** Share of the boundary's colour on the border itself and where the margin reaches the threshold. */
  readonly paleness: readonly [number, number];
  /** Share of class colour in a cell of confidence 0 and 1. */
  readonly tint: readonly [number, number];
  /** The rim of a point, and how much of it. */
  readonly outline: Rgb;
  readonly outlineShare: number;
  /** The line around a selected point. */
  readonly selected: Rgb;
}

const light: Theme = {
  dark: false,
  ground: [250, 250, 251],
  ink: [20, 23, 31],
  paper: [255, 255, 255],
  boundary: [255, 255, 255],
  paleness: [0.97, 0.5],
  tint: [0.14, 0.48],
  outline: [20, 23, 31],
  outlineShare: 0.38,
  selected: [13, 15, 23],
};

const night: Theme = {
  dark: true,
  ground: [22, 25, 31],
  ink: [245, 246, 248],
  paper: [11, 13, 18],
  boundary: [237, 240, 245],
  paleness: [0.92, 0.3],
  tint: [0.1, 0.5],
  outline: [13, 15, 20],
  outlineShare: 0.6,
  selected: [255, 255, 255],
};

export function themeOf(dark: boolean): Theme {
  return dark ? night : light;
}

/** What does not depend on the theme: it must stand out from every territory. */
export const signal = {
  /** A neighbour that the other space lacks. */
  lost: [230, 107, 13],
} as const satisfies Record<string, Rgb>;

/** A colour as shares of 1, as shaders take it. */
export function unit(color: Rgb): readonly [number, number, number] {
  return [color[0] / 255, color[1] / 255, color[2] / 255];
}
