import {
  DataTexture,
  GLSL3,
  LinearFilter,
  Mesh,
  NearestFilter,
  PlaneGeometry,
  RawShaderMaterial,
  RedFormat,
  RGBAFormat,
  UnsignedByteType,
  Vector2,
  Vector3,
  Vector4,
} from "three";

/** A classification landscape: `size` x `size` cells, row 0 is the smallest y. */
export interface Landscape {
  readonly size: number;
  readonly classes: Uint16Array;
  /** softmax probability * 255 */
  readonly confidence: Uint8Array;
  /** delta-boundary margin * 255 */
  readonly margin: Uint8Array;
  /** the colour that a cell keeps * 255: less the farther it is from every sample */
  readonly fade: Uint8Array;
}

export interface TerritoryStyle {
  /** RGBA bytes, one colour a class. */
  readonly palette: Uint8Array;
  /** The colour that an unsure cell fades towards, 0..255. */
  readonly ground: readonly [number, number, number];
  /** Share of class colour in a cell of confidence 0 and 1. */
  readonly tint: readonly [number, number];
}

/**
 * Colours of a landscape as RGBA bytes: class colour shaded by confidence, with the margin in alpha. The white
 * boundary is drawn from the margin by the shader, where it can be smoothed between cells.
 */
export function paintLandscape(land: Landscape, style: TerritoryStyle): Uint8Array {
  const cells = land.size * land.size;
  const out = new Uint8Array(cells * 4);
  const { palette, ground, tint } = style;
  const known = palette.length / 4;
  for (let i = 0; i < cells; ++i) {
    const c = (land.classes[i]! % known) * 4;
    const share = tint[0] + ((tint[1] - tint[0]) * land.confidence[i]!) / 255;
    const o = i * 4;
    out[o] = ground[0] + (palette[c]! - ground[0]) * share;
    out[o + 1] = ground[1] + (palette[c + 1]! - ground[1]) * share;
    out[o + 2] = ground[2] + (palette[c + 2]! - ground[2]) * share;
    out[o + 3] = land.margin[i]!;
  }
  return out;
}

/** A landscape on the GPU: its colours with the margin, and its fade. */
export interface LandscapeTextures {
  readonly colors: DataTexture;
  readonly fade: DataTexture;
}

export function landscapeTextures(land: Landscape, style: TerritoryStyle): LandscapeTextures {
  const texture = new DataTexture(
    paintLandscape(land, style),
    land.size,
    land.size,
    RGBAFormat,
    UnsignedByteType,
  );
  texture.magFilter = LinearFilter;
  texture.minFilter = LinearFilter;
  texture.needsUpdate = true;
  return { colors: texture, fade: byteTexture(land.fade, land.size, true) };
}

/** One byte a cell, for the overlays (changed cells, distance to the nearest sample). */
export function byteTexture(cells: Uint8Array, size: number, smooth: boolean): DataTexture {
  const texture = new DataTexture(cells, size, size, RedFormat, UnsignedByteType);
  texture.magFilter = smooth ? LinearFilter : NearestFilter;
  texture.minFilter = smooth ? LinearFilter : NearestFilter;
  texture.unpackAlignment = 1;
  texture.needsUpdate = true;
  return texture;
}

const vertexShader = /* glsl */ `
precision highp float;
in vec3 position;
uniform vec4 clip;
out vec2 uv;
void main() {
  uv = position.xy + 0.5;
  gl_Position = vec4(uv * clip.xy + clip.zw, 0.0, 1.0);
}
`;

const fragmentShader = /* glsl */ `
precision highp float;
in vec2 uv;
uniform sampler2D landA;
uniform sampler2D landB;
uniform sampler2D fadeA;
uniform sampler2D fadeB;
uniform sampler2D distances;
uniform sampler2D changes;
uniform float mixture;
uniform float threshold;
uniform bool showDistances;
uniform bool showChanges;
uniform vec3 boundary;
uniform vec2 paleness;
uniform vec3 ink;
uniform vec3 ground;
uniform float pixelRatio;
out vec4 color;

vec3 shade(vec4 cell, float kept) {
  float w = max(fwidth(cell.a) * 0.75, 0.004);
  // Undecided cells are pale, the paler the nearer to the border itself, so that wide ones still tell their class.
  float pale = mix(paleness.x, paleness.y, clamp(cell.a / threshold, 0.0, 1.0));
  vec3 c = mix(cell.rgb, boundary, (1.0 - smoothstep(threshold - w, threshold + w, cell.a)) * pale);
  return mix(ground, c, kept);
}

// Hatching in screen space: as readable at every zoom, and needs no colour.
float hatch(float direction, float period, float width) {
  float s = (gl_FragCoord.x + direction * gl_FragCoord.y) / pixelRatio * 0.7071;
  float d = abs(mod(s, period) - period * 0.5);
  return clamp(width - d + 0.5, 0.0, 1.0);
}

void main() {
  vec3 a = shade(texture(landA, uv), texture(fadeA, uv).r);
  vec3 b = shade(texture(landB, uv), texture(fadeB, uv).r);
  vec3 c = mix(a, b, mixture);
  if (showDistances) {
    float far = smoothstep(0.06, 0.5, texture(distances, uv).r);
    c = mix(c, ground, far * 0.72);
    c = mix(c, ink, hatch(-1.0, 9.0, 0.35 + 0.5 * far) * smoothstep(0.02, 0.25, far) * 0.4);
  }
  if (showChanges) {
    float changed = texture(changes, uv).r;
    c = mix(mix(c, ground, 0.55), c, changed);
    c = mix(c, ink, hatch(1.0, 7.0, 0.8) * step(0.5, changed) * 0.75);
  }
  color = vec4(c, 1.0);
}
`;

/** Draws the territory of two epochs as one textured square over the extent, cross-faded. */
export class TerritoryPass {
  readonly object: Mesh;
  private readonly material: RawShaderMaterial;

  constructor() {
    const blank = byteTexture(new Uint8Array(1), 1, false);
    this.material = new RawShaderMaterial({
      glslVersion: GLSL3,
      vertexShader,
      fragmentShader,
      depthTest: false,
      depthWrite: false,
      uniforms: {
        clip: { value: new Vector4() },
        landA: { value: null },
        landB: { value: null },
        fadeA: { value: null },
        fadeB: { value: null },
        distances: { value: blank },
        changes: { value: blank },
        mixture: { value: 0 },
        threshold: { value: 0.15 },
        showDistances: { value: false },
        showChanges: { value: false },
        boundary: { value: new Vector3(1, 1, 1) },
        paleness: { value: new Vector2(0.97, 0.6) },
        ink: { value: new Vector3() },
        ground: { value: new Vector3() },
        pixelRatio: { value: 1 },
      },
    });
    this.object = new Mesh(new PlaneGeometry(1, 1), this.material);
    this.object.frustumCulled = false;
    this.object.renderOrder = 0;
    this.object.visible = false;
  }

  setLandscapes(a: LandscapeTextures | null, b: LandscapeTextures | null): void {
    const u = this.material.uniforms;
    const [first, second] = [a ?? b, b ?? a];
    u.landA!.value = first?.colors ?? null;
    u.landB!.value = second?.colors ?? null;
    u.fadeA!.value = first?.fade ?? null;
    u.fadeB!.value = second?.fade ?? null;
  }

  get ready(): boolean {
    return this.material.uniforms.landA!.value !== null;
  }

  setDistances(texture: DataTexture | null): void {
    this.replace("distances", "showDistances", texture);
  }

  setChanges(texture: DataTexture | null): void {
    this.replace("changes", "showChanges", texture);
  }

  set(values: {
    mixture?: number;
    clip?: readonly [number, number, number, number];
    boundary?: readonly [number, number, number];
    /** Share of the boundary's colour on the border itself and where the margin reaches the threshold. */
    paleness?: readonly [number, number];
    ink?: readonly [number, number, number];
    ground?: readonly [number, number, number];
    pixelRatio?: number;
  }): void {
    const u = this.material.uniforms;
    if (values.mixture !== undefined) u.mixture!.value = values.mixture;
    if (values.clip) (u.clip!.value as Vector4).set(...(values.clip as [number, number, number, number]));
    for (const name of ["boundary", "ink", "ground"] as const) {
      const value = values[name];
      if (value) (u[name]!.value as Vector3).set(value[0], value[1], value[2]);
    }
    if (values.paleness) (u.paleness!.value as Vector2).set(...(values.paleness as [number, number]));
    if (values.pixelRatio !== undefined) u.pixelRatio!.value = values.pixelRatio;
  }

  private replace(texture: string, show: string, value: DataTexture | null): void {
    const u = this.material.uniforms;
    const old = u[texture]!.value as DataTexture;
    if (value && value !== old) {
      u[texture]!.value = value;
      old.dispose();
    }
    u[show]!.value = value !== null;
  }
}
