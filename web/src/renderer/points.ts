import {
  BufferAttribute,
  BufferGeometry,
  type GLBufferAttribute,
  Points,
  type RawShaderMaterial,
  type Texture,
  Vector4,
} from "three";
import { asOverlay, classColorGlsl, overlayMaterial, setVector } from "./shaders";

/** What a point's colour is looked up by. */
export const ColorMode = {
  /** label -> class palette */
  Label: 0,
  /** prediction -> class palette */
  Prediction: 1,
  /** the `value` attribute is an index into the category palette */
  Category: 2,
  /** the `value` attribute is 0..1, looked up in the ramp; see `missing` */
  Ramp: 3,
  /** prediction == label -> category 1, else 0; category 2 where there is no label */
  Correct: 4,
} as const;
export type ColorMode = (typeof ColorMode)[keyof typeof ColorMode];

/** Bits of the per-sample flags byte. */
export const Flag = {
  Hidden: 1,
  /** drawn as a larger cross */
  New: 2,
  /** pale */
  Dimmed: 4,
  /** with a thick warning rim */
  Doubt: 8,
  /** as an open ring */
  Hollow: 16,
  /** with a second, thin ring around it */
  Moved: 32,
} as const;

const vertexShader = /* glsl */ `
precision highp float;
precision highp int;
in vec2 positionA;
in vec2 positionB;
in float label;
in float prediction;
in float value;
in float shape;
in float flags;
uniform float mixture;
uniform vec4 clip;
uniform float size;
uniform int mode;
uniform bool selectedPass;
uniform bool rings;
uniform float opacity;
uniform sampler2D densityA;
uniform sampler2D densityB;
uniform float crowding;
uniform sampler2D categoryPalette;
uniform sampler2D ramp;
out vec4 fill;
out vec4 rim;
flat out float kind;
flat out float diameter;
flat out float rimWidth;
flat out float halo;

${classColorGlsl}
// Where points lie over each other they become transparent, so that together they cover this share of the ground and it
// can still be read. What is out of the ordinary counts for less of a crowd, and stands out.
const float cover = 0.62;
float clarity(bool ordinary) {
  float over = crowding * mix(textureLod(densityA, positionA, 0.0).r, textureLod(densityB, positionB, 0.0).r, mixture);
  return 1.0 - pow(1.0 - cover, 1.0 / max(over * (ordinary ? 1.0 : 0.2), 0.05));
}

void main() {
  int bits = int(flags + 0.5);
  bool labelled = label < 65534.5;
  bool wrong = labelled && abs(label - prediction) > 0.5;
  vec4 labelColor = classColor(label);
  vec4 predictionColor = classColor(prediction);
  if (mode == 0) fill = labelled ? labelColor : predictionColor;
  else if (mode == 1) fill = predictionColor;
  else if (mode == 2) fill = texelFetch(categoryPalette, ivec2(int(value + 0.5) & 1023, int(value + 0.5) >> 10), 0);
  else if (mode == 3) fill = texture(ramp, vec2(clamp(value, 0.0, 1.0) * (255.0 / 256.0) + 0.5 / 256.0, 0.5));
  else fill = texelFetch(categoryPalette, ivec2(labelled ? (wrong ? 0 : 1) : 2, 0), 0);
  bool hidden = (bits & 1) != 0 || fill.a < 0.01;
  bool fresh = (bits & 2) != 0;
  float d = fresh ? max(size * 2.0, 9.0) : size;
  rimWidth = 0.0;
  rim = vec4(0.0);
  if (rings && wrong && mode <= 1) {
    rim = mode == 0 ? predictionColor : labelColor;
    d = max(d * 1.35, min(size + 2.0, 5.0));
    rimWidth = max(d * 0.17, 1.0);
  }
  // Without colour a wrong prediction is told by its size.
  if (mode == 4 && wrong) d = max(d * 1.35, min(size + 2.0, 5.0));
  if ((bits & 8) != 0) {
    rim = vec4(0.92, 0.36, 0.0, 1.0);
    d = max(d * 1.5, 5.0);
    rimWidth = max(d * 0.26, 1.6);
  }
  halo = (bits & 32) != 0 && !selectedPass ? 1.0 : 0.0;
  if (halo > 0.5) d = max(d, 4.0) + 5.0;
  if ((bits & 4) != 0) {
    fill.a *= 0.16;
    rim.a *= 0.16;
  }
  bool ordinary = rimWidth == 0.0 && halo < 0.5 && !fresh && !(mode == 4 && wrong);
  float clear = selectedPass ? 1.0 : clarity(ordinary) * opacity;
  fill.a *= clear;
  rim.a *= clear;
  kind = fresh ? 5.0 : (bits & 16) != 0 ? 4.0 : shape;
  if (selectedPass) d += 5.0;
  diameter = d;
  vec2 p = mix(positionA, positionB, mixture) * clip.xy + clip.zw;
  gl_Position = hidden ? vec4(2.0, 2.0, 2.0, 1.0) : vec4(p, 0.0, 1.0);
  gl_PointSize = d + 2.0;
}
`;

const fragmentShader = /* glsl */ `
precision highp float;
in vec4 fill;
in vec4 rim;
flat in float kind;
flat in float diameter;
flat in float rimWidth;
flat in float halo;
uniform bool selectedPass;
uniform vec4 outline;
uniform vec4 selectedColor;
out vec4 color;

// Signed distance in pixels to the glyph's edge, negative inside; p in pixels from the centre, r the radius.
float glyph(vec2 p, float r) {
  if (kind < 0.5 || kind > 3.5 && kind < 4.5) return length(p) - r;
  if (kind < 1.5) return max(abs(p.x), abs(p.y)) - r * 0.86;
  if (kind < 2.5) return (abs(p.x) + abs(p.y) - r * 1.2) * 0.7071;
  if (kind < 3.5) return max(abs(p.x) * 0.866 - p.y * 0.5, p.y) - r * 0.62;
  vec2 q = abs(p);
  return max(min(q.x, q.y) - r * 0.34, max(q.x, q.y) - r);
}

void main() {
  vec2 p = (gl_PointCoord - 0.5) * (diameter + 2.0);
  float r = diameter * 0.5;
  float d = glyph(p, selectedPass ? r - 2.5 : r);
  if (selectedPass) {
    // The glyph with a dark and a light line around it, so that it shows on any territory.
    vec4 inside = vec4(mix(fill.rgb, rim.rgb, rimWidth > 0.0 ? clamp(d + rimWidth + 0.5, 0.0, 1.0) : 0.0), 1.0);
    inside *= clamp(0.5 - d, 0.0, 1.0);
    float near = clamp(1.8 - d, 0.0, 1.0);
    float far = clamp(2.5 - d, 0.0, 1.0) * 0.5;
    vec4 halo = mix(vec4(1.0 - selectedColor.rgb, 1.0) * far, vec4(selectedColor.rgb, 1.0), near);
    color = inside + halo * (1.0 - inside.a);
    if (color.a < 0.01) discard;
    return;
  }
  if (halo > 0.5) {
    // A moved sample: the glyph, a gap, and a thin line in the colour of the selection's.
    float line = clamp(0.9 - abs(d + 0.7), 0.0, 1.0) * 0.85;
    if (line > 0.0 && d > -2.4) {
      color = vec4(selectedColor.rgb, 1.0) * line;
      return;
    }
    d += 2.5;
    r -= 2.5;
  }
  float alpha = clamp(0.5 - d, 0.0, 1.0);
  if (alpha <= 0.0) discard;
  vec4 c = fill;
  if (kind > 3.5 && kind < 4.5 && diameter > 3.0) alpha *= clamp(d + r * 0.45 + 0.5, 0.0, 1.0);
  if (rimWidth > 0.0) c = mix(c, vec4(rim.rgb, max(rim.a, c.a)), clamp(d + rimWidth + 0.5, 0.0, 1.0));
  else if (diameter >= 3.5) c.rgb = mix(c.rgb, outline.rgb, outline.a * clamp(d + 1.4, 0.0, 1.0));
  color = vec4(c.rgb, 1.0) * (alpha * c.a);
}
`;

export interface PointPalettes {
  readonly classes: Texture;
  readonly categories: Texture;
  readonly ramp: Texture;
}

/**
 * Draws every sample as one point sprite. Positions of two consecutive epochs are vertex arrays; the morph, the colour
 * and the glyph are worked out on the GPU, so that a frame costs the script a handful of uniforms.
 */
export class PointsPass {
  readonly object: Points;
  private readonly material: RawShaderMaterial;
  private readonly geometry = new BufferGeometry();

  constructor(private readonly selectedPass: boolean) {
    this.material = overlayMaterial(vertexShader, fragmentShader, {
      mixture: { value: 0 },
      clip: { value: new Vector4() },
      size: { value: 4 },
      mode: { value: ColorMode.Label },
      selectedPass: { value: selectedPass },
      rings: { value: true },
      opacity: { value: 1 },
      densityA: { value: null },
      densityB: { value: null },
      crowding: { value: 0 },
      outline: { value: new Vector4(1, 1, 1, 0.6) },
      selectedColor: { value: new Vector4(1, 1, 1, 1) },
      classPalette: { value: null },
      categoryPalette: { value: null },
      ramp: { value: null },
    });
    this.object = new Points(this.geometry, this.material);
    asOverlay(this.object, selectedPass ? 7 : 4);
  }

  /** The order in which samples are drawn, last on top; for the selected pass, the selected samples. */
  setOrder(order: Uint32Array): void {
    const old = this.geometry.getIndex();
    if (old && old.array.length === order.length) {
      (old.array as Uint32Array).set(order);
      old.needsUpdate = true;
    } else {
      // three.js frees an index only with its geometry; the vertex arrays belong to GpuArrays and stay.
      this.geometry.setIndex(new BufferAttribute(order.slice(), 1));
      if (old) {
        const holder = new BufferGeometry();
        holder.setIndex(old);
        holder.dispose();
      }
    }
    this.geometry.setDrawRange(0, order.length);
    this.object.visible = order.length > 0;
  }

  setArray(
    name: "positionA" | "positionB" | "label" | "prediction" | "value" | "shape" | "flags",
    array: GLBufferAttribute,
  ) {
    this.geometry.setAttribute(name, array as unknown as BufferAttribute);
  }

  /** True when every array is there, so that the pass can be drawn. */
  get ready(): boolean {
    return "positionA" in this.geometry.attributes && "flags" in this.geometry.attributes;
  }

  /** How many samples lie in each cell of the extent at the two epochs (density.ts). */
  setDensities(a: Texture, b: Texture): void {
    this.material.uniforms.densityA!.value = a;
    this.material.uniforms.densityB!.value = b;
  }

  setPalettes(palettes: PointPalettes): void {
    const u = this.material.uniforms;
    u.classPalette!.value = palettes.classes;
    u.categoryPalette!.value = palettes.categories;
    u.ramp!.value = palettes.ramp;
  }

  set(values: {
    mixture?: number;
    clip?: readonly [number, number, number, number];
    size?: number;
    /** Of a cell of the density that one point covers. */
    crowding?: number;
    mode?: ColorMode;
    rings?: boolean;
    opacity?: number;
    outline?: readonly [number, number, number, number];
    selectedColor?: readonly [number, number, number, number];
  }): void {
    const u = this.material.uniforms;
    if (values.mixture !== undefined) u.mixture!.value = values.mixture;
    if (values.clip) setVector(this.material, "clip", values.clip);
    if (values.size !== undefined) u.size!.value = values.size;
    if (values.crowding !== undefined) u.crowding!.value = values.crowding;
    if (values.mode !== undefined) u.mode!.value = values.mode;
    if (values.rings !== undefined) u.rings!.value = values.rings;
    if (values.opacity !== undefined) u.opacity!.value = this.selectedPass ? 1 : values.opacity;
    if (values.outline) setVector(this.material, "outline", values.outline);
    if (values.selectedColor) setVector(this.material, "selectedColor", values.selectedColor);
  }
}
