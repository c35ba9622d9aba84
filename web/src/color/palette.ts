// Colours of classes and categories, as RGBA bytes. Up to ten: the sequence of M. A. Petroff, "Accessible
// color sequences for data visualization" (2021), chosen to stay apart for colour-blind eyes. Beyond ten no
// set of hues is safe, so hue, lightness and chroma all vary, neighbours in the list differ most, and the
// page names classes in the picture too.

const ten = [
  0x3f90da, 0xffa90e, 0xbd1f01, 0x94a4a2, 0x832db6, 0xa96b59, 0xe76300, 0xb9ac70, 0x717581, 0x92dadd,
] as const;

export type Rgb = readonly [number, number, number];

/** A colour of the OKLCH space (B. Ottosson, 2020) as sRGB bytes, clipped; `hue` in turns. */
export function oklch(lightness: number, chroma: number, hue: number): Rgb {
  const a = chroma * Math.cos(2 * Math.PI * hue);
  const b = chroma * Math.sin(2 * Math.PI * hue);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const linear = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
  const [r, g, bl] = linear.map((v) => {
    const c = Math.min(1, Math.max(0, v));
    return Math.round(255 * (c <= 0.0031308 ? 12.92 * c : 1.055 * c ** (1 / 2.4) - 0.055));
  });
  return [r!, g!, bl!];
}

/** The colour of class `index` of `count`. */
export function classColor(index: number, count: number): Rgb {
  if (count <= ten.length) {
    const hex = ten[index % ten.length]!;
    return [hex >> 16, (hex >> 8) & 255, hex & 255];
  }
  const lightness = [0.7, 0.52, 0.82][index % 3]!;
  const chroma = [0.16, 0.14, 0.12][Math.floor(index / 3) % 3]!;
  return oklch(lightness, chroma, (index * 0.6180339887 + 0.05) % 1);
}

/** RGBA bytes of `count` colours; alpha 0 for those that `visible` leaves out. */
export function paletteBytes(count: number, visible: (index: number) => boolean = () => true): Uint8Array {
  const out = new Uint8Array(count * 4);
  for (let i = 0; i < count; ++i) {
    const [r, g, b] = classColor(i, count);
    out.set([r, g, b, visible(i) ? 255 : 0], i * 4);
  }
  return out;
}

/** A ramp of 256 colours, dark to bright through blue, green and yellow (lightness rises evenly, as in cividis). */
export function rampBytes(dark: boolean): Uint8Array {
  const out = new Uint8Array(256 * 4);
  for (let i = 0; i < 256; ++i) {
    const t = i / 255;
    const lightness = dark ? 0.32 + 0.6 * t : 0.88 - 0.56 * t;
    const hue = dark ? 0.76 - 0.48 * t : 0.28 + 0.48 * t;
    out.set([...oklch(lightness, 0.11 + 0.04 * Math.sin(Math.PI * t), hue), 255], i * 4);
  }
  return out;
}

/**
 * Wrong, right, no label. Blue and orange stay apart for colour-blind eyes, dark and light in grey; wrong
 * is the loud one.
 */
export const correctness: readonly { name: string; color: Rgb }[] = [
  { name: "wrong", color: [200, 75, 0] },
  { name: "right", color: [137, 184, 216] },
  { name: "no label", color: [140, 140, 140] },
];

export function css(color: Rgb, alpha = 1): string {
  return alpha === 1 ? `rgb(${color.join(" ")})` : `rgb(${color.join(" ")} / ${alpha})`;
}
